"""Bounds of the values inside a network, from its weights alone."""

from dataclasses import dataclass

import numpy as np

from sklip.arithmetic.rounding import TINY, UNIT, round_down

LARGEST_SUM = 2.0**1020
"""Bound of sums, well below the largest number: differences of such sums are finite, with room for roundings."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """Bounds of the values after one operation of a network, for rows at a distance of at most ``t`` from the centre.

    ``t`` is any upper bound of both ``‖x − center‖`` and ``‖fl(x − center)‖``. The bounds are affine functions of
    ``t``; they are stored as (slope, intercept).

    Parameters
    ----------
    norm : ndarray of shape (2,)
        Bound of the Euclidean norm of the exact values and of the computed values.
    error : ndarray of shape (2,)
        Bound of the Euclidean norm of the computed minus the exact values.
    farthest : float
        The ``t`` up to which no number has overflowed so far. NaN if nothing is known.
    size : int
        Number of values per row.

    Examples
    --------
    >>> from sklip.served import Bounds
    >>> Bounds.after_center(3).norm.tolist()
    [1.0, 0.0]
    """

    norm: np.ndarray
    error: np.ndarray
    farthest: float
    size: int

    @classmethod
    def after_center(cls, n_features: int) -> "Bounds":
        """Return the bounds after the subtraction of the centre, which rounds once."""
        error = np.array([2 * UNIT, 4 * np.sqrt(n_features) * TINY])
        return cls(np.array([1.0, 0.0]), error, LARGEST_SUM, n_features)

    def farthest_with(self, largest: np.ndarray) -> float:
        """Return the ``t`` up to which also the numbers of the next operation do not overflow.

        Parameters
        ----------
        largest : ndarray of shape (2,)
            Bound of these numbers, as (slope, intercept).

        Returns
        -------
        float
            NaN if ``farthest`` is NaN.
        """
        slope, intercept = largest
        return np.minimum(self.farthest, round_down((LARGEST_SUM - intercept) / slope, 4))
