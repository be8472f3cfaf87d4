"""DepthToSpace: the channels of each pixel become the pixels of a window."""

from dataclasses import dataclass

import numpy as np

from sklip.served._pictures import is_count, picture, windows
from sklip.served._selection import Selection


@dataclass(frozen=True)
class DepthToSpace(Selection):
    """The channels of each pixel as the pixels of a window, in the order (row, column, channel).

    The inverse of :class:`SpaceToDepth`.

    Parameters
    ----------
    height, width : int
        Size of a window. The product must divide the number of channels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import DepthToSpace
    >>> DepthToSpace(2, 1).forward(np.array([[[[1.0, 2.0], [3.0, 4.0]]]])).tolist()
    [[[[1.0], [3.0]], [[2.0], [4.0]]]]
    """

    height: int
    width: int

    def _check(self):
        if not (is_count(self.height) and is_count(self.width)):
            raise ValueError(f"DepthToSpace needs positive ints; got {self.height!r}, {self.width!r}.")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return a larger picture with fewer channels."""
        height, width, channels = picture(shape, self)
        size = self.height * self.width
        if channels < 1 or channels % size:
            raise ValueError(f"{self!r} needs a multiple of {size} channels; got shape {shape}.")
        return height * self.height, width * self.width, channels // size

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Move the pixels."""
        result = self._memory(z, out)
        pixels = windows(result, self.height, self.width).transpose(0, 1, 3, 2, 4, 5)
        np.copyto(pixels, z.reshape(pixels.shape))
        return result

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Move the slopes back."""
        result = np.empty_like(z)
        pixels = windows(slopes, self.height, self.width).transpose(0, 1, 3, 2, 4, 5)
        np.copyto(result.reshape(pixels.shape), pixels)
        return result
