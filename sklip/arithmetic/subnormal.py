"""Subnormal numbers, which some threads treat as 0 and others do not: they are detected by their bits."""

import numpy as np

_EXPONENT, _MANTISSA = 0x7FF0000000000000, 0x000FFFFFFFFFFFFF


def without_subnormals(array: np.ndarray) -> np.ndarray:
    """A float64 array with 0 in place of its subnormal numbers, so that all threads compute the same."""
    subnormal = _subnormal(array)
    return np.where(subnormal, 0.0, array) if subnormal.any() else array


def as_float64(array: np.ndarray) -> np.ndarray:
    """An array of numbers as float64, subnormal numbers of float32 included, in every thread."""
    wide = np.asarray(array, dtype=np.float64)
    if array.dtype.kind != "f" or array.dtype.itemsize != 4:
        return wide
    bits = np.asarray(array, dtype=np.float32).view(np.uint32)  # copied, not computed with
    subnormal = ((bits & 0x7F800000) == 0) & ((bits & 0x007FFFFF) != 0)
    sizes = np.where(bits >> 31, -1.0, 1.0) * (bits & 0x007FFFFF) * 2.0**-149
    return np.where(subnormal, sizes, wide) if subnormal.any() else wide


def _subnormal(array):
    bits = np.ascontiguousarray(array).view(np.uint64)  # a comparison of floats would flush them
    return ((bits & _EXPONENT) == 0) & ((bits & _MANTISSA) != 0)


def is_zero(array: np.ndarray) -> bool:
    """Whether all numbers of a float64 array are 0; in every thread, subnormal numbers are not."""
    return not (np.ascontiguousarray(array).view(np.uint64) << np.uint64(1)).any()
