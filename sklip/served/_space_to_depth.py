"""SpaceToDepth: the pixels of each window become channels of one pixel."""

from dataclasses import dataclass

import numpy as np

from sklip.served._pictures import is_count, picture, windows
from sklip.served._selection import Selection


@dataclass(frozen=True)
class SpaceToDepth(Selection):
    """The pixels of each window of a picture as the channels of one pixel, in the order (row, column, channel).

    Parameters
    ----------
    height, width : int
        Size of a window. It must divide the size of a picture.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import SpaceToDepth
    >>> SpaceToDepth(2, 2).forward(np.arange(8.0).reshape(1, 2, 4, 1)).tolist()
    [[[[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]]]]
    """

    height: int
    width: int

    def _check(self):
        if not (is_count(self.height) and is_count(self.width)):
            raise ValueError(f"SpaceToDepth needs positive ints; got {self.height!r}, {self.width!r}.")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the number of windows along both axes, and the number of values in each."""
        height, width, channels = picture(shape, self)
        if height < 1 or width < 1 or height % self.height or width % self.width:
            raise ValueError(f"{self!r} needs multiples of {self.height} x {self.width} pixels; got shape {shape}.")
        return height // self.height, width // self.width, self.height * self.width * channels

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Move the pixels."""
        result = self._memory(z, out)
        sorted_pixels = windows(z, self.height, self.width).transpose(0, 1, 3, 2, 4, 5)
        np.copyto(result.reshape(sorted_pixels.shape), sorted_pixels)
        return result

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Move the slopes back."""
        result = np.empty_like(z)
        sorted_pixels = windows(result, self.height, self.width).transpose(0, 1, 3, 2, 4, 5)
        np.copyto(sorted_pixels, slopes.reshape(sorted_pixels.shape))
        return result
