"""Arrays that nobody can change: what was proved of them stays true."""

import numpy as np

_EXPONENT, _MANTISSA = 0x7FF0000000000000, 0x000FFFFFFFFFFFFF


def frozen(array: np.ndarray) -> np.ndarray:
    """A copy of an array as one that nobody can make writeable again.

    It lies in memory of its own: a mapped file may be written anew by whoever owns it.
    """
    return np.frombuffer(array.tobytes(), dtype=array.dtype).reshape(array.shape)


def without_subnormals(array: np.ndarray) -> np.ndarray:
    """An array of float64 with 0 in place of its subnormal numbers, which some threads take for 0 and others do not."""
    bits = np.ascontiguousarray(array).view(np.uint64)  # comparisons would flush them, too
    subnormal = ((bits & _EXPONENT) == 0) & ((bits & _MANTISSA) != 0)
    return np.where(subnormal, 0.0, array) if subnormal.any() else array


def is_zero(array: np.ndarray) -> bool:
    """Whether all numbers of a float64 array are 0, subnormal ones being told from it in every thread."""
    return not (np.ascontiguousarray(array).view(np.uint64) << np.uint64(1)).any()
