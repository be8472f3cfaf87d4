"""Start the Keras backend on good terms with the process it runs in."""

import os
import re
import sys
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import cache
from tempfile import TemporaryFile

from sklip._compat import tensorflow_is_watched
from sklip._requirements import training_packages
from sklip.training import forks

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"

_THAT_TRAIN = ("tensorflow", "jax", "torch")

# Information and warnings, in either form of log lines; of errors, that there is no driver (303) or that
# a library is registered twice.
_GREETING = re.compile(
    rb"WARNING: All log messages before absl"
    rb"|(\d{4}-\d\d-\d\d [\d:.]+: )?([IW]|E(?=.*(\(303\)|Unable to register cu)))(\d{4}| )"
)


def prepare() -> None:
    """Start Keras and its backend.

    TensorFlow starts without its greetings, with as many threads as it may use and no more of a GPU than it needs. It
    does not read ``OMP_NUM_THREADS``, by which joblib's worker processes share
    the cores among them. Limits, and a log level, that the user has set stay.

    Raises
    ------
    ModuleNotFoundError
        Where Keras or its backend is not installed.
    """
    with forks.starting, training_packages():
        _start()


def prepare_training() -> None:
    """Start what ``fit`` needs; see :func:`prepare`.

    Raises
    ------
    ModuleNotFoundError
        Where one of the packages is not installed.
    RuntimeError
        On a backend of Keras that does not train.
    """
    prepare()
    with forks.starting, training_packages():
        _import_scikeras()
    import keras

    if keras.backend.backend() not in _THAT_TRAIN:
        raise RuntimeError(
            f"Keras runs on {keras.backend.backend()} here, which cannot train: fit needs TensorFlow, JAX or PyTorch. "
            "Set the environment variable KERAS_BACKEND to tensorflow, jax or torch before Keras is imported."
        )


def check_surroundings() -> None:
    """Raise a RuntimeError where nothing could train: in forked processes, graphs, and scopes of several devices.

    To be asked first: TensorFlow rewrites what it finds within a ``tf.function``.
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
            "sklip uses one device: call fit, to_keras and from_keras outside of the scope of tf.distribute."
        )


def operations_are_watched() -> bool:
    """Whether TensorFlow hands each operation to a debugger, as after ``tf.debugging.enable_check_numerics()``."""
    return _backend() == "tensorflow" and tensorflow_is_watched()


def _backend():
    """The backend of Keras, by its name."""
    keras = sys.modules.get("keras")
    return os.environ.get("KERAS_BACKEND", "tensorflow") if keras is None else keras.backend.backend()


@cache
def _start():
    with _quiet_start():
        if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
            import tensorflow as tf

            _limit_threads(tf.config)
            _share_gpus(tf.config)
            tf.constant(0)  # the first operation starts it
        import keras
    if keras.backend.backend() in ("tensorflow", "jax"):
        forks.note_start()


@cache
def _import_scikeras():
    with _quiet_start():
        import scikeras.wrappers  # noqa: F401 which imports TensorFlow whatever the backend is


@contextmanager
def _quiet_start():
    """Have TensorFlow start without its greetings, unless the user chose a log level that shows them.

    It reads the level once, so that child processes need not inherit it; one that was imported before has said its
    piece, and set a level itself. What CUDA's libraries say while they load heeds no level: standard error is held
    back meanwhile, and the rest of it comes after.
    """
    if _LOG_LEVEL in os.environ:
        with nullcontext() if os.environ[_LOG_LEVEL] in ("0", "1") else _held_back_greetings():
            yield
        return
    os.environ[_LOG_LEVEL] = "2"
    try:
        with _held_back_greetings():
            yield
    finally:
        os.environ.pop(_LOG_LEVEL, None)


@contextmanager
def _held_back_greetings():
    """Write to standard error, afterwards, what was written to it that is no greeting."""
    diverted = _divert_standard_error()
    if diverted is None:
        yield
        return
    held_back, screen = diverted
    with held_back:
        try:
            yield
        finally:
            os.dup2(screen, 2)
            os.close(screen)
            held_back.seek(0)
            _write(b"".join(line for line in held_back if not _GREETING.match(line)))


def _divert_standard_error():
    """A file in the place of standard error, and what was there before; None where one of the two cannot be had."""
    if sys.__stderr__ is None:  # closed when the process began: its number may be that of any file since
        return None
    with suppress(OSError), ExitStack() as unless_both:
        held_back = unless_both.enter_context(TemporaryFile())
        screen = os.dup(2)
        unless_both.pop_all()
        os.dup2(held_back.fileno(), 2)
        return held_back, screen
    return None


def _write(text):
    """Write to standard error if it takes anything: a full device refuses even nothing."""
    with suppress(OSError):
        while text:
            text = text[os.write(2, text) :]


def _share_gpus(config):
    """Let TensorFlow's hold on a GPU grow with its needs, unless the user has said otherwise."""
    if "TF_FORCE_GPU_ALLOW_GROWTH" in os.environ:
        return
    for gpu in config.list_physical_devices("GPU"):
        with suppress(RuntimeError, ValueError):  # it has started, or the user has divided the device
            if config.experimental.get_memory_growth(gpu) is None:
                config.experimental.set_memory_growth(gpu, True)


def _limit_threads(config):
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if not threads.isdecimal():
        return
    with suppress(RuntimeError):  # it has started
        if "TF_NUM_INTRAOP_THREADS" not in os.environ and not config.threading.get_intra_op_parallelism_threads():
            config.threading.set_intra_op_parallelism_threads(int(threads))
        if "TF_NUM_INTEROP_THREADS" not in os.environ and not config.threading.get_inter_op_parallelism_threads():
            config.threading.set_inter_op_parallelism_threads(int(threads))
