"""Refuse to run TensorFlow or JAX in the forked copy of a process that runs it: it would wait forever.

A fork copies only the thread that calls it, but both libraries wait for their other threads.
"""

import os
from threading import Lock

from sklip._compat import tensorflow_or_jax_has_started

starting = Lock()
"""Held while the backend starts."""

_started_in: int | None = None  # the process in which sklip started the backend
_inherited = False


def note_start() -> None:
    """Record that the backend of Keras has been started in this process."""
    global _started_in
    if _started_in is None:
        _started_in = os.getpid()


def refuse_in_forked_child() -> None:
    """Raise a RuntimeError in the forked copy of a process in which TensorFlow or JAX had been started."""
    if not _inherited and _started_in in (None, os.getpid()):
        return
    raise RuntimeError(
        "This process was forked from one that had started TensorFlow or JAX, which would wait here forever: fit, "
        "partial_fit, to_keras and from_keras cannot be used in it. Start processes by 'spawn' or 'forkserver' "
        "(multiprocessing.get_context('spawn')), or by joblib with its default, loky; or fork before the first fit. "
        "Predictions and certificates work in forked processes."
    )


def _has_started():
    """Whether TensorFlow or JAX has been started, by sklip or by other code."""
    return starting.locked() or tensorflow_or_jax_has_started()


def _note_fork():
    global _inherited, starting
    _inherited = _inherited or _has_started()
    starting = Lock()  # a thread that may hold it does not exist here, and cannot release it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
