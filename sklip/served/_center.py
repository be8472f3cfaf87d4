"""Center: the subtraction of the centre, the first operation of a network."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from sklip.arithmetic.norms import norm_bound
from sklip.arithmetic.rounding import TINY, UNIT, round_up
from sklip.served._bounds import Bounds
from sklip.served._operation import Operation


@dataclass(frozen=True, eq=False, repr=False)
class Center(Operation):
    """``z − center``.

    Parameters
    ----------
    center : ndarray of the shape of a row, float64

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center
    >>> Center(np.array([1.0, 2.0])).forward(np.array([[1.5, 2.0]])).tolist()
    [[0.5, 0.0]]
    """

    center: np.ndarray
    in_place: ClassVar[bool] = True

    def _check(self):
        if self.center.ndim < 1 or not self.center.size:
            raise ValueError(f"Center needs at least one number; got shape {self.center.shape}.")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the same shape."""
        if shape != self.center.shape:
            raise ValueError(f"Center takes rows of shape {self.center.shape}; got {shape}.")
        return shape

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Subtract the centre; rows of another dtype are converted to float64 first."""
        return np.subtract(z, self.center, out=self._memory(z, out))

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Return the slopes."""
        return slopes

    def lipschitz(self) -> float:
        """Return 1."""
        return 1.0

    def carry(self, bounds: Bounds) -> Bounds:
        """Return the bounds after one rounding of each value."""
        offset, underflow = np.array([0.0, float(norm_bound(self.center))]), np.sqrt(bounds.size) * TINY
        norm = round_up(bounds.norm + offset, 2)
        # The difference of computed values is rounded: at most u (‖z − c‖ + error), plus underflow.
        error = round_up(bounds.error + 2 * UNIT * (norm + bounds.error) + np.array([0.0, 4 * underflow]), 6)
        farthest = bounds.farthest_with(round_up(2.0 * (bounds.norm + bounds.error + offset), 4))
        return replace(bounds, norm=norm, error=error, farthest=farthest)

    def rescaled(self, scale: float) -> "Center":
        """Return the operation with its centre times ``scale``."""
        return Center(self.center * scale)
