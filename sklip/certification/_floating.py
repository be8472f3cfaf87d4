"""Directed rounding and the constants of the standard model of floating-point arithmetic."""

import numpy as np

UNIT = 2.0**-53
"""Unit roundoff ``u`` of float64: ``fl(a ∘ b) = (a ∘ b)(1 + δ)``, ``|δ| ≤ u``."""

TINY = 2.0**-1022
"""Smallest normal number: what one operation loses at most where denormals are flushed."""


def gamma(count: int) -> float:
    """``γ_k = k u / (1 − k u)``, rounded up (Higham 2002, lemma 3.1)."""
    return count * UNIT / (1.0 - 2 * count * UNIT) * (1.0 + 8 * UNIT)


def round_up(value, operations: int = 1):
    """An upper bound of an exact non-negative value of which ``value`` was computed.

    Parameters
    ----------
    value : float or ndarray
        Result of additions, multiplications, divisions and square roots of non-negative
        numbers.
    operations : int
        How many roundings, at most, any input passed on its way.
    """
    return np.nextafter(value * (1.0 + 2.0 * (operations + 2) * UNIT), np.inf)


def round_down(value, operations: int = 1):
    """A lower bound, not below 0, of an exact value of which ``value`` was computed."""
    return np.maximum(np.nextafter(value * (1.0 - 2.0 * (operations + 2) * UNIT), -np.inf), 0.0)
