"""Abs: the absolute values."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sklip.served._activation import Activation


@dataclass(frozen=True)
class Abs(Activation):
    """The absolute value of each entry.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Abs
    >>> Abs().forward(np.array([[3.0, -1.0]])).tolist()
    [[3.0, 1.0]]
    """

    in_place: ClassVar[bool] = True

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the absolute values."""
        return np.abs(z, out=out)

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Negate the slopes of negative values."""
        return np.where(z < 0, -slopes, slopes)
