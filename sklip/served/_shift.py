"""Shift: each group of channels moves by its own offset."""

from dataclasses import dataclass
from itertools import accumulate, pairwise, product

import numpy as np

from sklip.served._pictures import picture
from sklip.served._selection import Selection

PADDINGS = ("same", "circular", "valid")


def window_offsets(height: int, width: int) -> tuple[tuple[int, int], ...]:
    """Return the offsets of the pixels in a window of a convolution, in C order.

    Parameters
    ----------
    height, width : int
        Size of the window.

    Returns
    -------
    tuple of (int, int)
        Vertical and horizontal offsets from the pixel in the middle. A window of even size reaches farther down and
        right, as in Keras.

    Examples
    --------
    >>> from sklip.served import window_offsets
    >>> window_offsets(2, 3)
    ((0, -1), (0, 0), (0, 1), (1, -1), (1, 0), (1, 1))
    """
    vertical, horizontal = (range(-((size - 1) // 2), size // 2 + 1) for size in (height, width))
    return tuple(product(vertical, horizontal))


@dataclass(frozen=True)
class Shift(Selection):
    """Each group of channels of a picture at the pixels that lie an offset away: ``z[y + dy, x + dx]`` at ``(y, x)``.

    The channels are split into groups of neighbours, one per offset. If the number of offsets does not divide the
    number of channels, the first groups have one channel more. With a matrix before and after it, the operation is a
    convolution.

    Parameters
    ----------
    offsets : tuple of (int, int)
        Vertical and horizontal offset of each group.
    padding : {"same", "circular", "valid"}
        What lies outside of a picture. ``"same"``: zeros. ``"circular"``: the other side of the picture. ``"valid"``:
        nothing; only the places remain at which all groups are inside.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Shift
    >>> picture = np.array([[[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]]])
    >>> Shift(((0, 0), (0, 1)), "same").forward(picture).tolist()
    [[[[1.0, 20.0], [2.0, 30.0], [3.0, 0.0]]]]
    """

    offsets: tuple[tuple[int, int], ...]
    padding: str

    def _check(self):
        if type(self.padding) is not str or self.padding not in PADDINGS:
            raise ValueError(f"The padding of Shift must be one of {', '.join(PADDINGS)}; got {self.padding!r}.")
        if type(self.offsets) is not tuple or not self.offsets or not all(map(_is_offset, self.offsets)):
            raise ValueError(f"Shift needs a tuple of offsets, which are pairs of ints; got {self.offsets!r}.")

    def transposed(self) -> "Shift":
        """Return the operation whose matrix is the transposed one: the opposite offsets.

        Raises
        ------
        ValueError
            For ``padding="valid"``, where the transposed matrix adds places.
        """
        if self.padding == "valid":
            raise ValueError("The transpose of a Shift with padding 'valid' is no Shift: use 'same' or 'circular'.")
        return Shift(tuple((-dy, -dx) for dy, dx in self.offsets), self.padding)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the same shape; for ``padding="valid"``, without the places that lack a group."""
        height, width, channels = picture(shape, self)
        if channels < len(self.offsets):
            raise ValueError(f"{self!r} needs at least {len(self.offsets)} channels; got shape {shape}.")
        if self.padding == "valid":
            (_, vertical), (_, horizontal) = self._spans
            height, width = height - vertical, width - horizontal
            if min(height, width) < 1:
                raise ValueError(f"{self!r} needs more than {vertical} x {horizontal} pixels; got shape {shape}.")
        return height, width, channels

    @property
    def _spans(self):
        """The least offset and the distance to the largest one, along both axes."""
        return [(min(along), max(along) - min(along)) for along in zip(*self.offsets, strict=True)]

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Copy the rectangles of each group, and set the border to 0."""
        shape = z.shape[1:]
        result = self._memory(z, out)
        for (rows, from_rows), (columns, from_columns), group in self._rectangles(shape):
            np.copyto(result[:, rows, columns, group], z[:, from_rows, from_columns, group])
        if self.padding == "same":
            _clear_border(result, self.offsets)
        return result

    def _rectangles(self, shape):
        """For each rectangle that moves: rows of the output and of the input, columns, and the group of channels."""
        for offset, group in zip(self.offsets, _groups(shape[2], len(self.offsets)), strict=True):
            pieces = (self._pieces(axis, size, by) for axis, (size, by) in enumerate(zip(shape, offset, strict=False)))
            for rows, columns in product(*pieces):
                yield rows, columns, slice(*group)

    def _pieces(self, axis, size, by):
        """Slices of the output along an axis, and the slices of the input that they equal."""
        if self.padding == "valid":
            first, distance = self._spans[axis]
            return [(slice(0, size - distance), slice(by - first, by - first + size - distance))]
        if self.padding == "same":
            inside = max(size - abs(by), 0)
            before, after = max(-by, 0), max(by, 0)
            return [(slice(before, before + inside), slice(after, after + inside))]
        by %= size
        parts = [(slice(0, size - by), slice(by, size)), (slice(size - by, size), slice(0, by))]
        return parts if by else parts[:1]

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Move the slopes back."""
        if self.padding != "valid":
            return self.transposed().forward(slopes)
        result = np.zeros_like(z)
        for (rows, from_rows), (columns, from_columns), group in self._rectangles(z.shape[1:]):
            result[:, from_rows, from_columns, group] = slopes[:, rows, columns, group]
        return result


def _is_offset(offset):
    return type(offset) is tuple and len(offset) == 2 and all(type(number) is int for number in offset)


def _groups(n_channels, n_groups):
    """The ends of the groups of channels."""
    sizes = [n_channels // n_groups + (group < n_channels % n_groups) for group in range(n_groups)]
    return list(pairwise(accumulate(sizes, initial=0)))


def _clear_border(z, offsets):
    """Set the values to 0 that come from outside of the picture."""
    for (dy, dx), (start, stop) in zip(offsets, _groups(z.shape[3], len(offsets)), strict=True):
        if dy:
            z[:, _outside(z.shape[1], dy), :, start:stop] = 0.0
        if dx:
            z[:, :, _outside(z.shape[2], dx), start:stop] = 0.0


def _outside(size, offset):
    return slice(0, -offset) if offset < 0 else slice(max(size - offset, 0), size)
