"""Start the Keras backend on good terms with the process it runs in."""

import os
import re
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from tempfile import TemporaryFile
from threading import Lock

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"

_starting = Lock()

# Information and warnings, in either form of log lines; of errors, that there is no driver (303) or that
# a library is registered twice.
_GREETING = re.compile(
    rb"WARNING: All log messages before absl"
    rb"|(\d{4}-\d\d-\d\d [\d:.]+: )?([IW]|E(?=.*(\(303\)|Unable to register cu)))(\d{4}| )"
)


def prepare() -> None:
    """Start TensorFlow: without its greetings, with as many threads as it may use and no more of a GPU than it needs.

    TensorFlow does not read ``OMP_NUM_THREADS``, by which joblib's worker processes share
    the cores among them. Limits, and a log level, that the user has set stay.
    """
    with _starting:
        _start()


@cache
def _start():
    with _quiet_start():
        import tensorflow as tf  # which SciKeras imports whatever the backend is

        if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
            _limit_threads(tf.config)
            _share_gpus(tf.config)
            tf.constant(0)  # the first operation starts it


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
    try:
        screen = os.dup(2)
    except OSError:  # a process without standard error
        yield
        return
    with TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(screen, 2)
            os.close(screen)
            held_back.seek(0)
            os.write(2, b"".join(line for line in held_back if not _GREETING.match(line)))


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
