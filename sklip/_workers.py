"""Start TensorFlow on good terms with joblib's worker processes."""

import os

from sklip._compat import is_joblib_worker


def prepare_worker() -> None:
    """In a worker of joblib's, hand TensorFlow the share of threads that joblib hands BLAS, and have it start silently.

    TensorFlow does not read ``OMP_NUM_THREADS``, and it reads its own variables when it
    starts, which unpickling a Keras optimizer does: hence at the import of sklip, which comes
    before. Other processes, and what the user has set, are left alone.
    """
    if not is_joblib_worker():
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", threads)
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", threads)
