"""Scale: the product with a number."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sklip.arithmetic.rounding import TINY, normal_above
from sklip.served._bounds import Bounds
from sklip.served._operation import Operation


@dataclass(frozen=True)
class Scale(Operation):
    """``factor · z``.

    An operation that is not positively homogeneous is served between ``Scale(1 / s)`` and ``Scale(s)``.

    Parameters
    ----------
    factor : float
        A finite number. A subnormal one becomes 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Scale
    >>> Scale(2.0).forward(np.array([[1.5, -1.0]])).tolist()
    [[3.0, -2.0]]
    """

    factor: float
    in_place: ClassVar[bool] = True

    def _check(self):
        if type(self.factor) is not float or not math.isfinite(self.factor):
            raise ValueError(f"Scale needs a finite float; got {self.factor!r}.")
        if abs(self.factor) < TINY:
            object.__setattr__(self, "factor", 0.0)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the same shape."""
        return shape

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Multiply."""
        return np.multiply(z, self.factor, out=out)

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Multiply the slopes."""
        return slopes * self.factor

    def lipschitz(self) -> float:
        """Return the absolute value of the factor."""
        return normal_above(abs(self.factor))

    def carry(self, bounds: Bounds) -> Bounds:
        """Return the bounds after one rounding of each value."""
        return bounds.multiplied(abs(self.factor))

    def rescaled(self, scale: float) -> "Scale":
        """Return the operation itself."""
        return self
