"""Start the backend of Keras within the limits of this process, or refuse if it cannot run here."""

import os
import sys
from contextlib import suppress
from functools import cache

from sklip._compat import is_joblib_worker, tensorflow_is_watched
from sklip._requirements import training_packages
from sklip.training import forks
from sklip.training.quiet import quiet_start

_THREADS = "OMP_NUM_THREADS"  # joblib shares the cores among its workers by it; TensorFlow does not read it
_THREADS_OF_TENSORFLOW = {"TF_NUM_INTRAOP_THREADS": "intra", "TF_NUM_INTEROP_THREADS": "inter"}
_PREALLOCATION_OF_JAX = "XLA_PYTHON_CLIENT_PREALLOCATE"
_MEMORY_OF_JAX = (
    _PREALLOCATION_OF_JAX,
    "XLA_PYTHON_CLIENT_MEM_FRACTION",
    "XLA_PYTHON_CLIENT_ALLOCATOR",
    "XLA_CLIENT_MEM_FRACTION",
)

_TRAINING_BACKENDS = ("tensorflow", "jax")


def prepare_worker() -> None:
    """In a worker of joblib, let the backends of Keras leave threads and GPU memory to the other workers.

    TensorFlow starts silently, with as many threads as joblib gives to BLAS. JAX takes GPU memory only when it needs
    it, and not three quarters of it at its start. Both read their variables when they start, and unpickling a Keras
    optimizer starts them. So this function runs earlier, at the import of sklip. Other processes, and variables that
    the user has set, are not changed.
    """
    if not is_joblib_worker():
        return
    if not any(name in os.environ for name in _MEMORY_OF_JAX):
        os.environ[_PREALLOCATION_OF_JAX] = "false"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if os.environ.get(_THREADS):
        for name in _THREADS_OF_TENSORFLOW:
            os.environ.setdefault(name, os.environ[_THREADS])


def prepare() -> None:
    """Start Keras and its backend.

    TensorFlow starts without its messages, with as many threads as it may use, and only as much GPU memory as it
    needs. Limits and a log level that the user has set are kept.

    Raises
    ------
    ModuleNotFoundError
        If Keras or its backend is not installed.
    """
    with forks.starting, training_packages():
        _start()


def prepare_training() -> None:
    """Start what ``fit`` needs; see :func:`prepare`.

    Raises
    ------
    ModuleNotFoundError
        If one of the packages is not installed.
    RuntimeError
        If Keras runs on a backend on which sklip does not train.
    """
    prepare()
    if _backend() not in _TRAINING_BACKENDS:
        raise RuntimeError(
            f"Keras runs on {_backend()} here, but fit needs TensorFlow or JAX. Set the environment variable "
            "KERAS_BACKEND to tensorflow or jax before Keras is imported, or set backend='numpy', which needs no Keras."
        )


def check_surroundings() -> None:
    """Raise a RuntimeError where training is impossible: in forked processes, graphs, and scopes of several devices.

    Call it first: within a ``tf.function``, TensorFlow rewrites the code that it runs.
    """
    forks.refuse_in_forked_child()
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None or _backend() != "tensorflow":
        return
    if not tensorflow.executing_eagerly():
        raise RuntimeError(
            "TensorFlow records operations here instead of running them: call fit, to_keras and from_keras outside of "
            "tf.function and tf.Graph, and without tf.compat.v1.disable_eager_execution()."
        )
    if tensorflow.distribute.has_strategy():
        raise RuntimeError(
            "sklip does not use the strategies of tf.distribute: call fit, to_keras and from_keras outside of their "
            "scopes. To train on several devices, set the parameter n_devices."
        )


def operations_are_watched() -> bool:
    """Whether TensorFlow passes each operation to a debugger, as after ``tf.debugging.enable_check_numerics()``."""
    return _backend() == "tensorflow" and tensorflow_is_watched()


def _backend():
    """The name of the backend of Keras."""
    keras = sys.modules.get("keras")
    return os.environ.get("KERAS_BACKEND", "tensorflow") if keras is None else keras.backend.backend()


@cache
def _start():
    with quiet_start():
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            _limit_threads(tf.config)
            _share_gpus(tf.config)
            tf.constant(0)  # the first operation starts it
    if keras.backend.backend() in _TRAINING_BACKENDS:
        forks.note_start()


def _share_gpus(config):
    """Let TensorFlow take GPU memory only when it needs it, unless the user has set something else."""
    if "TF_FORCE_GPU_ALLOW_GROWTH" in os.environ:
        return
    for gpu in config.list_physical_devices("GPU"):
        with suppress(RuntimeError, ValueError):  # it has started, or the user has divided the device
            if config.experimental.get_memory_growth(gpu) is None:
                config.experimental.set_memory_growth(gpu, True)


def _limit_threads(config):
    """Let TensorFlow use as many threads as BLAS, unless the user has set something else."""
    threads = os.environ.get(_THREADS, "")
    for name, kind in _THREADS_OF_TENSORFLOW.items():
        limit = f"{kind}_op_parallelism_threads"
        if threads.isdecimal() and name not in os.environ and not getattr(config.threading, f"get_{limit}")():
            with suppress(RuntimeError):  # it has started
                getattr(config.threading, f"set_{limit}")(int(threads))
