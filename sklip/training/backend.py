"""Start the Keras backend on good terms with the process it runs in."""

import os
from contextlib import suppress


def prepare() -> None:
    """Tell TensorFlow, before it starts, how many threads it may use.

    TensorFlow does not read ``OMP_NUM_THREADS``, by which joblib's worker processes share
    the cores among them. A limit that the user has set stays.
    """
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if not threads.isdecimal():
        return
    from tensorflow import config

    with suppress(RuntimeError):  # it has started
        if "TF_NUM_INTRAOP_THREADS" not in os.environ and not config.threading.get_intra_op_parallelism_threads():
            config.threading.set_intra_op_parallelism_threads(int(threads))
        if "TF_NUM_INTEROP_THREADS" not in os.environ and not config.threading.get_inter_op_parallelism_threads():
            config.threading.set_inter_op_parallelism_threads(int(threads))
