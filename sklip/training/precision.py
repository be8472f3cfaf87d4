"""The precision of the products of float32 numbers while a network trains."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import keras


@contextmanager
def products_in(precision: str) -> Iterator[None]:
    """Compute all products in float32 within this context, or leave TF32 to the backend and the hardware.

    TF32 products round their factors to 11 bits. GPUs have them, and both backends use them by default.

    Parameters
    ----------
    precision : "tensorfloat32" or "float32"
        ``"tensorfloat32"`` changes no setting of the backend, so a user who has forbidden TF32 gets float32.

    Yields
    ------
    None
        On JAX the setting is that of the thread, and a part of what is compiled. TensorFlow has one setting for the
        process: trainings in other threads also compute in float32 until the context ends.
    """
    if precision == "tensorfloat32":
        yield
    elif keras.backend.backend() == "jax":
        import jax

        with jax.default_matmul_precision("float32"):
            yield
    else:
        _forbid_tf32()
        try:
            yield
        finally:
            _restore_tf32()


_lock = Lock()
_running = 0  # contexts that have forbidden TF32 in TensorFlow; they may overlap, in threads
_allowed = True  # what TensorFlow's setting was before the first of them


def _forbid_tf32():
    global _running, _allowed
    from tensorflow import config

    with _lock:
        if not _running:
            _allowed = config.experimental.tensor_float_32_execution_enabled()
            config.experimental.enable_tensor_float_32_execution(False)
        _running += 1


def _restore_tf32():
    global _running
    from tensorflow import config

    with _lock:
        _running -= 1
        if not _running:
            config.experimental.enable_tensor_float_32_execution(_allowed)
