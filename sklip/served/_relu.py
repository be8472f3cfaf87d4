"""Relu: the positive part."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sklip.served._activation import Activation


@dataclass(frozen=True)
class Relu(Activation):
    """The positive part of each value.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Relu
    >>> Relu().forward(np.array([[3.0, -1.0]])).tolist()
    [[3.0, 0.0]]
    """

    in_place: ClassVar[bool] = True

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Replace negative values by 0."""
        return np.maximum(z, 0.0, out=out)

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Keep the slopes of positive values."""
        return np.where(z > 0, slopes, 0.0)
