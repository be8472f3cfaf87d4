"""Crop: pictures without some rows and columns of pixels at their sides."""

from dataclasses import dataclass

import numpy as np

from sklip.served._pictures import is_count, picture
from sklip.served._selection import Selection


@dataclass(frozen=True)
class Crop(Selection):
    """Pictures without some rows and columns of pixels at their sides.

    Parameters
    ----------
    top, bottom, left, right : int
        Numbers of rows and columns to leave out.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Crop
    >>> Crop(0, 1, 1, 0).forward(np.arange(6.0).reshape(1, 2, 3, 1)).tolist()
    [[[[1.0], [2.0]]]]
    """

    top: int
    bottom: int
    left: int
    right: int

    def _check(self):
        if not all(is_count(number, 0) for number in (self.top, self.bottom, self.left, self.right)):
            raise ValueError(f"Crop needs ints that are at least 0; got {self!r}.")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the rest; at least one pixel must be left."""
        height, width, channels = picture(shape, self)
        height, width = height - self.top - self.bottom, width - self.left - self.right
        if min(height, width) < 1:
            raise ValueError(f"{self!r} needs larger pictures: no pixel is left of shape {shape}.")
        return height, width, channels

    def _inside(self, z):
        return z[:, self.top : z.shape[1] - self.bottom, self.left : z.shape[2] - self.right]

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Copy the rest."""
        result = self._memory(z, out)
        np.copyto(result, self._inside(z))
        return result

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Surround the slopes with zeros."""
        result = np.zeros_like(z)
        np.copyto(self._inside(result), slopes)
        return result
