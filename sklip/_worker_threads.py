"""Share the cores among joblib's worker processes."""

import multiprocessing
import os


def limit_tensorflow_in_workers() -> None:
    """In a worker of joblib's, hand TensorFlow the share of threads that joblib hands BLAS.

    TensorFlow does not read ``OMP_NUM_THREADS``, and it reads its own variables when it
    starts, which unpickling a Keras optimizer does: hence at the import of sklip, which comes
    before. Other processes, and limits that the user has set, are left alone.
    """
    if not multiprocessing.current_process().name.startswith("LokyProcess"):
        return
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", threads)
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", threads)
