"""One thread for small products: the threads of BLAS would wait for each other longer than they compute."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from threadpoolctl import threadpool_limits

LARGE_PRODUCT = 1 << 23
"""Multiplications in a product from which on several threads pay."""

_lock = Lock()
_trainings = 0
_limit = None


@contextmanager
def threads_for(multiplications: int) -> Iterator[None]:
    """Limit BLAS to one thread during the body, unless the products are large.

    The limit is that of the process. Trainings in several threads share it: the first sets it, and the last lifts it. A
    training with large products beside them has one thread as well, which may change its last bits.

    Parameters
    ----------
    multiplications : int
        Number of multiplications in the largest product.
    """
    if multiplications >= LARGE_PRODUCT:
        yield
        return
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter():
    global _trainings, _limit
    with _lock:
        if _trainings == 0:
            _limit = threadpool_limits(1, user_api="blas")
        _trainings += 1


def _leave():
    global _trainings, _limit
    with _lock:
        _trainings -= 1
        if _trainings == 0:
            _limit.restore_original_limits()
            _limit = None


def _forget():
    """In the forked copy of a process: the trainings of the other threads do not exist here, nor does their limit."""
    global _lock, _trainings, _limit
    _lock, _trainings = Lock(), 0
    if _limit is not None:
        _limit.restore_original_limits()
        _limit = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
