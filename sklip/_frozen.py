"""Arrays that nobody can change: what was proved of them stays true."""

import numpy as np


def frozen(array: np.ndarray) -> np.ndarray:
    """A copy of an array as one that nobody can make writeable again.

    It lies in memory of its own: a mapped file may be written anew by whoever owns it.
    """
    return np.frombuffer(array.tobytes(), dtype=array.dtype).reshape(array.shape)
