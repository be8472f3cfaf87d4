"""Subnormal numbers, which some threads take for 0 and others do not: found by their bits."""

import numpy as np

_EXPONENT, _MANTISSA = 0x7FF0000000000000, 0x000FFFFFFFFFFFFF


def without_subnormals(array: np.ndarray) -> np.ndarray:
    """An array of float64 with 0 in place of its subnormal numbers, which some threads take for 0 and others do not."""
    subnormal = _subnormal(array)
    return np.where(subnormal, 0.0, array) if subnormal.any() else array


def as_float64(array: np.ndarray) -> np.ndarray:
    """An array of numbers as float64, subnormal numbers of float32 included, in every thread."""
    wide = np.asarray(array, dtype=np.float64)
    if array.dtype.kind != "f" or array.dtype.itemsize != 4:
        return wide
    bits = np.asarray(array, dtype=np.float32).view(np.uint32)  # moved, and not computed with
    subnormal = ((bits & 0x7F800000) == 0) & ((bits & 0x007FFFFF) != 0)
    sizes = np.where(bits >> 31, -1.0, 1.0) * (bits & 0x007FFFFF) * 2.0**-149
    return np.where(subnormal, sizes, wide) if subnormal.any() else wide


def _subnormal(array):
    bits = np.ascontiguousarray(array).view(np.uint64)  # comparisons would flush such numbers, too
    return ((bits & _EXPONENT) == 0) & ((bits & _MANTISSA) != 0)


def is_zero(array: np.ndarray) -> bool:
    """Whether all numbers of a float64 array are 0, subnormal ones being told from it in every thread."""
    return not (np.ascontiguousarray(array).view(np.uint64) << np.uint64(1)).any()
