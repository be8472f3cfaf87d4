"""Directed rounding and the constants of the standard model of floating-point arithmetic.

All of it holds in threads that keep subnormal numbers, and in threads that replace them by zero, before an operation
or after it: one operation then loses up to ``TINY``, and no bound here is subnormal itself.
"""

import numpy as np

UNIT = 2.0**-53
"""Unit roundoff ``u`` of float64: ``fl(a ∘ b) = (a ∘ b)(1 + δ)``, ``|δ| ≤ u``."""

TINY = 2.0**-1022
"""Smallest normal number: what one operation loses at most where subnormal numbers are flushed."""

TINY_OF_FLOAT32 = 2.0**-126
"""Smallest normal number of float32: what the conversion of one loses at most where subnormal numbers are flushed."""

LARGEST = float(np.finfo(np.float64).max)
"""The largest finite number."""


def gamma(count: int) -> float:
    """``γ_k = k u / (1 − k u)``, rounded up (Higham 2002, lemma 3.1)."""
    return count * UNIT / (1.0 - 2 * count * UNIT) * (1.0 + 8 * UNIT)


def round_up(value, operations: int = 1):
    """An upper bound of an exact non-negative value of which ``value`` was computed.

    The factor covers the roundings, its own included, and the summand what each operation may have lost to underflow.

    Parameters
    ----------
    value : float or ndarray
        Result of additions, multiplications, divisions and square roots of non-negative
        numbers.
    operations : int
        How many roundings, at most, any input passed on its way.
    """
    return value * (1.0 + 2.0 * (operations + 3) * UNIT) + (operations + 2) * TINY


def round_down(value, operations: int = 1):
    """A lower bound, not below 0, of an exact value of which ``value`` was computed.

    Infinity counts as the largest number. That is right where the last operation overflowed; callers rule out that an
    earlier one did.
    """
    lower = value * (1.0 - 2.0 * (operations + 3) * UNIT) - (operations + 2) * TINY
    return np.minimum(np.maximum(lower, 0.0), LARGEST)


def product_above(*factors: float) -> float:
    """An upper bound of a product of bounds; 0 where one of them is, as what cannot move stays where it is."""
    bound = 1.0
    for factor in map(normal_above, factors):
        if factor == 0.0:
            return 0.0
        bound = float(round_up(bound * factor))
    return bound


def normal_above(bound: float) -> float:
    """A bound that is 0 only where the given one is, in threads that take subnormal numbers for 0 as well."""
    is_zero = not int(np.float64(bound).view(np.uint64)) << 1 & (2**64 - 1)
    return 0.0 if is_zero else max(float(bound), TINY)
