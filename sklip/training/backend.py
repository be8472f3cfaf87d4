"""Start the Keras backend on good terms with the process it runs in."""

import os
from contextlib import suppress


def prepare() -> None:
    """Tell TensorFlow, before it starts, how many threads it may use, and to take no more of a GPU than it needs.

    TensorFlow does not read ``OMP_NUM_THREADS``, by which joblib's worker processes share
    the cores among them. What the user has set stays.
    """
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from tensorflow import config

    if "TF_FORCE_GPU_ALLOW_GROWTH" not in os.environ:
        for gpu in config.list_physical_devices("GPU"):
            with suppress(RuntimeError, ValueError):  # it has started, or the user has divided the device
                if config.experimental.get_memory_growth(gpu) is None:
                    config.experimental.set_memory_growth(gpu, True)
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if not threads.isdecimal():
        return
    with suppress(RuntimeError):  # it has started
        if "TF_NUM_INTRAOP_THREADS" not in os.environ and not config.threading.get_intra_op_parallelism_threads():
            config.threading.set_intra_op_parallelism_threads(int(threads))
        if "TF_NUM_INTEROP_THREADS" not in os.environ and not config.threading.get_inter_op_parallelism_threads():
            config.threading.set_inter_op_parallelism_threads(int(threads))
