"""Arrays that nobody can change, so that a proof about them stays true."""

import numpy as np


def frozen(array: np.ndarray) -> np.ndarray:
    """Return a copy of an array that nobody can make writeable again.

    The copy has its own memory, since the owner of a mapped file may change the file.
    """
    return np.frombuffer(array.tobytes(), dtype=array.dtype).reshape(array.shape)
