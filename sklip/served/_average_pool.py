"""AveragePool: the sum of each window, divided by the square root of its size."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from sklip.arithmetic.rounding import TINY, gamma, round_up
from sklip.served._bounds import Bounds
from sklip.served._pool import Pool


@dataclass(frozen=True)
class AveragePool(Pool):
    """The sum of each window of a picture divided by the square root of its size, channel by channel.

    The matrix of the operation has orthonormal rows.

    Parameters
    ----------
    height, width : int
        Size of a window. Windows have no pixel in common; pixels that remain at the bottom and right are dropped.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import AveragePool
    >>> AveragePool(2, 2).forward(np.arange(8.0).reshape(1, 2, 4, 1)).ravel().tolist()
    [5.0, 9.0]
    """

    @property
    def factor(self) -> float:
        """The largest float64 number that is not above ``1 / √(height · width)``, by which sums are multiplied."""
        factor = 1.0 / math.sqrt(self._size)
        while Fraction(factor) ** 2 * self._size > 1:
            factor = math.nextafter(factor, 0.0)
        return factor

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Sum, then multiply."""
        result = self._memory(z, out)
        self._combined(np.add, z, result)
        result *= self.factor
        return result

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Give the slopes, times the factor, to all pixels of a window."""
        result = np.zeros_like(z)
        self._windows(result)[:] = (slopes * self.factor)[:, :, None, :, None]
        return result

    def lipschitz(self) -> float:
        """Return 1: ``factor`` is rounded down, so ``|factor Σ z| ≤ factor √size ‖z‖ ≤ ‖z‖`` in each window."""
        return 1.0

    def carry(self, bounds: Bounds) -> Bounds:
        """Return the bounds after the sums and one product.

        For any order of summation, the error in a window is at most ``γ factor Σ |z| ≤ γ ‖z‖``, where ``γ`` is for
        ``size`` roundings. A thread that flushes subnormal numbers loses up to ``TINY`` with each of them and with
        each input.
        """
        shape, size = self.output_shape(bounds.shape), self._size
        flush = np.sqrt(math.prod(shape)) * (4 * size + 4) * TINY
        local = gamma(size + 1) * bounds.norm + np.array([0.0, flush])
        return replace(
            bounds,
            norm=round_up(bounds.norm + local, 8),
            error=round_up(bounds.error + local, 8),
            farthest=bounds.farthest_with(round_up(2.0 * np.sqrt(size) * bounds.norm + np.array([0.0, flush]), 4)),
            shape=shape,
        )

    def rescaled(self, scale: float) -> "AveragePool":
        """Return the operation itself."""
        return self
