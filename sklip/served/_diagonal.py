"""Diagonal: the product of each value with a number that belongs to its place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sklip.arithmetic.rounding import normal_above
from sklip.served._bounds import Bounds
from sklip.served._operation import Operation


@dataclass(frozen=True, eq=False, repr=False)
class Diagonal(Operation):
    """``factors · z``, value by value: the product with a diagonal matrix.

    Parameters
    ----------
    factors : ndarray of the shape of a row, float64

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Diagonal
    >>> Diagonal(np.array([2.0, -1.0])).forward(np.array([[1.5, 3.0]])).tolist()
    [[3.0, -3.0]]
    """

    factors: np.ndarray
    in_place: ClassVar[bool] = True

    def _check(self):
        if self.factors.ndim < 1 or not self.factors.size:
            raise ValueError(f"Diagonal needs at least one number; got shape {self.factors.shape}.")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the same shape."""
        if shape != self.factors.shape:
            raise ValueError(f"Diagonal takes rows of shape {self.factors.shape}; got {shape}.")
        return shape

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Multiply."""
        return np.multiply(z, self.factors, out=self._memory(z, out))

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Multiply the slopes."""
        return slopes * self.factors

    def lipschitz(self) -> float:
        """Return the largest absolute value of a factor: the spectral norm of the diagonal matrix."""
        return normal_above(self._largest)

    def lipschitz_after(self, source: Callable[..., float]) -> float:
        """Return the bound for the map followed by the diagonal matrix; for a picture, the product of two bounds."""
        return super().lipschitz_after(source) if self.factors.ndim > 1 else source(self.factors)

    @property
    def _largest(self) -> float:
        return float(np.abs(self.factors).max())

    def carry(self, bounds: Bounds) -> Bounds:
        """Return the bounds after one rounding of each value."""
        return bounds.multiplied(self._largest)

    def rescaled(self, scale: float) -> "Diagonal":
        """Return the operation itself."""
        return self
