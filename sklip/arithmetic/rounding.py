"""Directed rounding and the constants of the standard model of floating-point arithmetic.

All bounds hold in threads that keep subnormal numbers, and in threads that replace them by zero, before an operation
or after it: such an operation loses up to ``TINY``. No bound is subnormal itself.
"""

import numpy as np

UNIT = 2.0**-53
"""Unit roundoff ``u`` of float64: ``fl(a ∘ b) = (a ∘ b)(1 + δ)``, ``|δ| ≤ u``."""

TINY = 2.0**-1022
"""Smallest normal number: the most that one operation loses if subnormal numbers are flushed."""

TINY_OF_FLOAT32 = 2.0**-126
"""Smallest normal number of float32: the most that its conversion loses if subnormal numbers are flushed."""

LARGEST = float(np.finfo(np.float64).max)
"""The largest finite number."""


def gamma(count: int) -> float:
    """``γ_k = k u / (1 − k u)``, rounded up (Higham 2002, lemma 3.1)."""
    return count * UNIT / (1.0 - 2 * count * UNIT) * (1.0 + 8 * UNIT)


def round_up(value, operations: int = 1):
    """An upper bound of an exact non-negative number, from its computed ``value``.

    The factor covers the roundings, including its own. The summand covers what each operation may lose by underflow.

    Parameters
    ----------
    value : float or ndarray
        Result of additions, multiplications, divisions and square roots of non-negative
        numbers.
    operations : int
        Largest number of roundings that any input went through.
    """
    return value * (1.0 + 2.0 * (operations + 3) * UNIT) + (operations + 2) * TINY


def round_down(value, operations: int = 1):
    """A lower bound, not below 0, of an exact number, from its computed ``value``.

    Infinity counts as the largest number. That is right if the last operation overflowed; callers make sure that no
    earlier one did.
    """
    lower = value * (1.0 - 2.0 * (operations + 3) * UNIT) - (operations + 2) * TINY
    return np.minimum(np.maximum(lower, 0.0), LARGEST)


def product_above(*factors: float) -> float:
    """An upper bound of a product of bounds; 0 if one of them is 0."""
    bound = 1.0
    for factor in map(normal_above, factors):
        if factor == 0.0:
            return 0.0
        bound = float(round_up(bound * factor))
    return bound


def normal_above(bound: float) -> float:
    """A bound that is 0 only if the given one is, also in threads that flush subnormal numbers."""
    is_zero = not int(np.float64(bound).view(np.uint64)) << 1 & (2**64 - 1)
    return 0.0 if is_zero else max(float(bound), TINY)
