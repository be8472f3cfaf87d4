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

    def _combined(self, combine, z, out):
        """The values of each window, combined by a function of NumPy: first those of its lines, then its lines."""
        lines = _neighbours(combine, z[:, : out.shape[1] * self.height], 2, self.width)
        _neighbours(combine, lines, 1, self.height, out)

    def _windows(self, z):
        """A view of shape (n_rows, rows, height, columns, width, channels)."""
        return windows(z, self.height, self.width)


def _neighbours(combine, z, axis, size, out=None):
    """Combine each ``size`` values next to each other along an axis of pixels; what remains is left out."""
    before, count = (slice(None),) * axis, z.shape[axis] // size
    if size > FEW_PIXELS:
        inside = z[(*before, slice(count * size))]
        groups = inside.reshape(*inside.shape[:axis], count, size, *inside.shape[axis + 1 :])
        return combine.reduce(groups, axis=axis + 1, out=out)
    parts = [z[(*before, slice(first, count * size, size))] for first in range(size)]
    if size == 1:
        if out is None:
            return parts[0]
        np.copyto(out, parts[0])
        return out
    result = combine(parts[0], parts[1], out=out)
    for part in parts[2:]:
        combine(result, part, out=result)
    return result
