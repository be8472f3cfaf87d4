"""Bounds of the values inside a network, from its weights alone."""

import math
from dataclasses import dataclass, replace

import numpy as np

from sklip.arithmetic.rounding import TINY, UNIT, round_down, round_up

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
    shape : tuple of int
        Shape of a row.

    Examples
    --------
    >>> from sklip.served import Bounds
    >>> Bounds.after_center((3,)).norm.tolist()
    [1.0, 0.0]
    """

    norm: np.ndarray
    error: np.ndarray
    farthest: float
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of values per row."""
        return math.prod(self.shape)

    @classmethod
    def after_center(cls, shape: tuple[int, ...]) -> "Bounds":
        """Return the bounds after the subtraction of the centre, which rounds once."""
        error = np.array([2 * UNIT, 4 * np.sqrt(math.prod(shape)) * TINY])
        return cls(np.array([1.0, 0.0]), error, LARGEST_SUM, shape)

    @classmethod
    def of_input(cls, shape: tuple[int, ...]) -> "Bounds":
        """Return the bounds of values that are exact and whose norm is ``t``: those of the input of an operation."""
        return cls(np.array([1.0, 0.0]), np.zeros(2), LARGEST_SUM, shape)

    def followed_by(self, own: "Bounds", lipschitz: float) -> "Bounds":
        """Return the bounds after an operation whose own bounds, for exact inputs of norm ``t``, are known.

        The computed input ``ẑ`` differs from the exact ``z`` by at most ``error``. So the result differs by what the
        operation rounds at ``ẑ``, and by ``lipschitz · error``.

        Parameters
        ----------
        own : Bounds
            Bounds of the operation after :meth:`of_input`.
        lipschitz : float
            Bound of its Lipschitz constant.

        Returns
        -------
        Bounds
        """
        constant = np.array([0.0, 1.0])
        norm = round_up(own.norm[0] * self.norm + own.norm[1] * constant, 4)
        error = round_up(own.error[0] * self.norm + own.error[1] * constant + lipschitz * self.error, 6)
        farthest = round_down((own.farthest - self.norm[1]) / self.norm[0], 4)
        return Bounds(norm, error, np.minimum(self.farthest, farthest), own.shape)

    def multiplied(self, size: float) -> "Bounds":
        """Return the bounds after the product of each value with a number, which rounds once.

        Parameters
        ----------
        size : float
            Largest absolute value of these numbers.

        Returns
        -------
        Bounds
        """
        underflow = np.array([0.0, 4 * np.sqrt(self.size) * (1.0 + size) * TINY])
        norm, error = round_up(size * self.norm, 2), round_up(size * self.error, 2)
        error = round_up(error + 2 * UNIT * (norm + error) + underflow, 6)
        return replace(self, norm=norm, error=error, farthest=self.farthest_with(round_up(2.0 * (norm + error), 4)))

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
