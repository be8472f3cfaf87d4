"""MaxPool: the largest value of each window."""

from dataclasses import dataclass

import numpy as np

from sklip.served._pool import Pool
from sklip.served._selection import Selection


@dataclass(frozen=True)
class MaxPool(Pool, Selection):
    """The largest value of each window of a picture, channel by channel.

    Parameters
    ----------
    height, width : int
        Size of a window. Windows have no pixel in common; pixels that remain at the bottom and right are dropped.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import MaxPool
    >>> MaxPool(2, 2).forward(np.arange(8.0).reshape(1, 2, 4, 1)).ravel().tolist()
    [5.0, 7.0]
    """

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the maxima."""
        result = self._memory(z, out)
        self._combined(np.maximum, z, result)
        return result

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Give the slopes to the first largest value of each window."""
        inside = self._windows(z).transpose(0, 1, 3, 5, 2, 4)
        largest = np.argmax(inside.reshape(*inside.shape[:4], self._size), axis=-1)
        result = np.zeros_like(z)
        spread = np.zeros((*largest.shape, self._size))
        np.put_along_axis(spread, largest[..., None], slopes[..., None], axis=-1)
        np.copyto(self._windows(result).transpose(0, 1, 3, 5, 2, 4), spread.reshape(inside.shape))
        return result
