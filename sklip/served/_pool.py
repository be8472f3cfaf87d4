"""Pools: operations that turn each window of a picture into one pixel."""

from dataclasses import dataclass

import numpy as np

from sklip.served._operation import Operation
from sklip.served._pictures import is_count, picture, windows

FEW_PIXELS = 8
"""Up to so many neighbours, one addition after the other is faster than NumPy's sum along an axis."""


@dataclass(frozen=True)
class Pool(Operation):
    """An operation that turns each window of a picture into one pixel, channel by channel.

    The windows have no pixel in common. Rows and columns of pixels that remain at the bottom and right are dropped.

    Parameters
    ----------
    height, width : int
        Size of a window.

    Examples
    --------
    >>> from sklip.served import MaxPool
    >>> MaxPool(2, 2).output_shape((5, 4, 3))
    (2, 2, 3)
    """

    height: int
    width: int

    def _check(self):
        if not (is_count(self.height) and is_count(self.width)):
            raise ValueError(f"{type(self).__name__} needs positive ints; got {self.height!r}, {self.width!r}.")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the number of windows along both axes, and the number of channels."""
        height, width, channels = picture(shape, self)
        if height < self.height or width < self.width:
            raise ValueError(f"{self!r} needs at least {self.height} x {self.width} pixels; got shape {shape}.")
        return height // self.height, width // self.width, channels

    @property
    def _size(self):
        """Number of pixels in a window."""
        return self.height * self.width

    def _lines(self, z):
        """A view of whole windows with pixels next to each other in one axis, of shape (n_rows, rows, height, …)."""
        (n_rows, n_columns, n_channels), (_, _, width, _) = self.output_shape(z.shape[1:]), z.shape
        inside = z.reshape(len(z), z.shape[1], width * n_channels)
        inside = inside[:, : n_rows * self.height, : n_columns * self.width * n_channels]
        return inside.reshape(len(z), n_rows, self.height, inside.shape[2])

    def _along_lines(self, combined, lines, out):
        """Combine ``width`` neighbours of lines of shape (n_rows, rows, …) by a function of NumPy, into ``out``."""
        pixels = lines.reshape(*out.shape[:3], self.width, out.shape[3])
        if self.width == 1 or self.width > FEW_PIXELS:
            return combined.reduce(pixels, axis=3, out=out)
        combined(pixels[:, :, :, 0], pixels[:, :, :, 1], out=out)
        for column in range(2, self.width):
            combined(out, pixels[:, :, :, column], out=out)
        return out

    def _windows(self, z):
        """A view of shape (n_rows, rows, height, columns, width, channels)."""
        return windows(z, self.height, self.width)

    def _memory(self, z, out):
        return np.empty((len(z), *self.output_shape(z.shape[1:]))) if out is None else out
