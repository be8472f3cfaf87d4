"""Shift: each group of channels moves by its own offset."""

import math
from dataclasses import dataclass
from functools import lru_cache
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
        """Take the channels of each group from their pixels, and set the border to 0."""
        shape = z.shape[1:]
        result = np.empty((len(z), *self.output_shape(shape))) if out is None else out
        places, length = _places(self.offsets, self.padding, shape)
        # All places are inside; "clip" spares the check.
        np.take(_items(z, length), places, axis=1, out=_items(result, length), mode="clip")
        if self.padding == "same":
            _clear_border(result, self.offsets)
        return result

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Move the slopes back."""
        if self.padding != "valid":
            return self.transposed().forward(slopes)
        places, length = _places(self.offsets, self.padding, z.shape[1:])
        result = np.zeros(z.shape)
        _items(result, length)[:, places] = _items(slopes, length)
        return result


def _is_offset(offset):
    return type(offset) is tuple and len(offset) == 2 and all(type(number) is int for number in offset)


def _groups(n_channels, n_groups):
    """The ends of the groups of channels."""
    sizes = [n_channels // n_groups + (group < n_channels % n_groups) for group in range(n_groups)]
    return list(pairwise(accumulate(sizes, initial=0)))


@lru_cache(maxsize=32)
def _places(offsets, padding, shape):
    """The place that each item of the output comes from, and how many neighbouring channels an item is.

    Items are as long as the groups allow: NumPy copies one long item as fast as a short one.
    """
    *size, n_channels = shape
    groups = _groups(n_channels, len(offsets))
    length = math.gcd(*(stop for _, stop in groups))
    pixels = np.arange(size[0] * size[1]).reshape(size)
    found = [pixels[np.ix_(*_sources(size, offset, offsets, padding))] for offset in offsets]
    items = [np.arange(start // length, stop // length) for start, stop in groups]
    parts = [at[..., None] * (n_channels // length) + of for at, of in zip(found, items, strict=True)]
    return np.concatenate(parts, axis=-1).ravel(), length  # NumPy would copy it at each use if it were read-only


def _sources(size, offset, offsets, padding):
    """The rows and columns of the input for all rows and columns of the output; in a border of zeros, any."""
    for length, number, along in zip(size, offset, zip(*offsets, strict=True), strict=True):
        if padding == "valid":
            yield np.arange(-min(along), length - max(along)) + number
        elif padding == "circular":
            yield (np.arange(length) + number % length) % length
        else:
            number = min(max(number, -length), length)  # an int of NumPy is bounded
            yield np.clip(np.arange(length) + number, 0, length - 1)


def _items(z, length):
    """A view of a row as items of neighbouring values; of all rows."""
    n_values = math.prod(z.shape[1:])
    return z.reshape(len(z), n_values).view(np.dtype((np.void, length * z.itemsize)))


def _clear_border(z, offsets):
    """Set the values to 0 that come from outside of the picture."""
    for (dy, dx), (start, stop) in zip(offsets, _groups(z.shape[3], len(offsets)), strict=True):
        if dy:
            z[:, _outside(z.shape[1], dy), :, start:stop] = 0.0
        if dx:
            z[:, :, _outside(z.shape[2], dx), start:stop] = 0.0


def _outside(size, offset):
    return slice(0, -offset) if offset < 0 else slice(max(size - offset, 0), size)
