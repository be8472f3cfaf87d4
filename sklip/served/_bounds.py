"""Bounds of what passes through a network, known before any row is seen."""

from dataclasses import dataclass

import numpy as np

from sklip.arithmetic.rounding import TINY, UNIT

LARGEST_SUM = 2.0**1020
"""Numbers up to an eighth of the largest have differences that are finite, and room for roundings."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """Bounds of the values at a place of a network, in the distance ``t`` of a row from the centre.

    ``t`` is any upper bound of both ``‖x − center‖`` and ``‖fl(x − center)‖``. The bounds are affine in ``t``, given as
    (slope, intercept).

    Parameters
    ----------
    norm : ndarray of shape (2,)
        Of the Euclidean norm of the exact and of the computed values.
    error : ndarray of shape (2,)
        Of the Euclidean norm of the computed minus the exact values.
    farthest : float
        The ``t`` up to which no number overflows, on the way here. Not-a-number where nothing is known.
    size : int
        How many values a row has here.

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
        """Return the bounds of rows from which the centre was subtracted, with one rounding."""
        error = np.array([2 * UNIT, 4 * np.sqrt(n_features) * TINY])
        return cls(np.array([1.0, 0.0]), error, LARGEST_SUM, n_features)
