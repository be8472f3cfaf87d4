"""FullSort: all values in ascending order."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sklip.served._activation import Activation, in_memory_of, slopes_of_groups


@dataclass(frozen=True)
class FullSort(Activation):
    """Sort all values of a row, along the last axis, in ascending order.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import FullSort
    >>> FullSort().forward(np.array([[3.0, 1.0, 2.0]])).tolist()
    [[1.0, 2.0, 3.0]]
    """

    in_place: ClassVar[bool] = True

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Sort along the last axis."""
        result = in_memory_of(out, z)
        result.sort(axis=-1)
        return result

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Permute the slopes back."""
        return slopes_of_groups(z, slopes, z.shape[-1])
