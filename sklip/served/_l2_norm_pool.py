"""L2NormPool: the Euclidean norm of each window."""

import math
from dataclasses import dataclass, replace

import numpy as np

from sklip.arithmetic.rounding import TINY, gamma, round_up
from sklip.served._bounds import LARGEST_SUM, Bounds
from sklip.served._pool import Pool

LARGEST_NORM = 2.0**500
"""Bound of norms, so that squares of values and their sums are finite."""


@dataclass(frozen=True)
class L2NormPool(Pool):
    """The Euclidean norm of each window of a picture, channel by channel.

    Parameters
    ----------
    height, width : int
        Size of a window. Windows have no pixel in common; pixels that remain at the bottom and right are dropped.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import L2NormPool
    >>> L2NormPool(1, 2).forward(np.array([[[[3.0], [-4.0]]]])).tolist()
    [[[[5.0]]]]
    """

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the square roots of the sums of squares."""
        result = self._memory(z, out)
        self._combined(np.add, np.square(z), result)
        return np.sqrt(result, out=result)

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Multiply the slopes by the unit vector of each window; 0 for a window of zeros."""
        inside, result = self._windows(z), np.zeros_like(z)
        # The largest value of a window becomes 1: no square overflows, and none that counts underflows.
        largest = np.max(np.abs(inside), axis=(2, 4), keepdims=True)
        scaled = inside / np.where(largest > 0, largest, 1.0)
        norms = np.sqrt(np.sum(np.square(scaled), axis=(2, 4), keepdims=True))
        scaled *= slopes[:, :, None, :, None] / np.where(norms > 0, norms, 1.0)
        self._windows(result)[:] = scaled
        return result

    def lipschitz(self) -> float:
        """Return 1: ``|‖a‖ − ‖b‖| ≤ ‖a − b‖`` in each window, and windows have no pixel in common."""
        return 1.0

    def carry(self, bounds: Bounds) -> Bounds:
        """Return the bounds after the squares, the sums and the roots.

        Let ``s`` be the sum of squares of a window. The computed sum is ``s (1 + θ) + η``, where ``|θ| ≤ γ`` for
        ``size`` roundings in any order, and ``|η|`` is what underflow takes: up to ``TINY`` per square and sum. Then
        ``|√(s (1 + θ) + η) − √s| ≤ γ √s + √|η|``, and the root is rounded once. The sums do not overflow while the
        norm of all values is at most 2⁵⁰⁰.
        """
        shape, size = self.output_shape(bounds.shape), self._size
        underflow = np.sqrt(math.prod(shape)) * (np.sqrt(4.0 * size) * np.sqrt(TINY) + 4 * size * TINY)
        local = gamma(size + 3) * bounds.norm + np.array([0.0, 2.0 * underflow])
        return replace(
            bounds,
            norm=round_up(bounds.norm + local, 8),
            error=round_up(bounds.error + local, 8),
            farthest=bounds.farthest_with(round_up(bounds.norm * (LARGEST_SUM / LARGEST_NORM), 2)),
            shape=shape,
        )

    def rescaled(self, scale: float) -> "L2NormPool":
        """Return the operation itself."""
        return self
