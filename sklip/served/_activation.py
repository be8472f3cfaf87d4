"""Activations: operations that select, swap or negate values along the last axis, and keep the shape."""

from dataclasses import dataclass

import numpy as np

from sklip.served._pictures import empty_rows
from sklip.served._selection import Selection

LONG_HALF, MANY_VALUES = 64, 1 << 12
"""Vectors with longer halves are compared one by one, and arrays of fewer values: one call per operation is faster."""

PART_VALUES = 1 << 15
"""Values that are compared at a time where vectors are short: the parts stay in the cache."""


@dataclass(frozen=True)
class Activation(Selection):
    """A selection that keeps the shape, and acts on the last axis.

    A subclass defines the forward pass, the transposed Jacobian, and the number that must divide the width.

    Examples
    --------
    >>> from sklip.served import Relu
    >>> Relu().lipschitz()
    1.0
    """

    @property
    def multiple(self) -> int:
        """The number that must divide the width."""
        return 1

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the same shape; raise a ValueError if the groups do not fit."""
        if not shape or shape[-1] < 1 or shape[-1] % self.multiple:
            raise ValueError(
                f"{self!r} needs a multiple of {self.multiple} values per row or pixel; got shape {shape}."
            )
        return shape


def in_memory_of(out: np.ndarray | None, z: np.ndarray) -> np.ndarray:
    """Return the numbers of ``z`` in the memory of ``out``; in new memory if there is none."""
    if out is None:
        return np.array(z)
    if out is not z:
        np.copyto(out, z)
    return out


def ordered_pairs(z: np.ndarray, out: np.ndarray | None, *, minima_first: bool) -> np.ndarray:
    """Minima and maxima of the pairs ``(i, i + width / 2)``, next to each other."""
    half = z.shape[-1] // 2
    result = empty_rows(len(z), z.shape[1:]) if out is None else out
    of_first, of_second = (np.minimum, np.maximum) if minima_first else (np.maximum, np.minimum)
    short_rows = z.ndim == 2 and half <= LONG_HALF and result.flags.c_contiguous
    if not short_rows or z.size < MANY_VALUES:
        first, second = z[..., :half], z[..., half:]
        of_first(first, second, out=result[..., :half])
        of_second(first, second, out=result[..., half:])
        return result
    # Short rows: all neighbours at the distance of a half are compared in one long line, and every second half of
    # the results is no pair. This is faster than one loop per row.
    z, ordered = z.reshape(-1, 2 * half), result.reshape(-1, 2 * half)
    n_lines = PART_VALUES // (2 * half)
    others = np.empty((n_lines, 2 * half))
    for start in range(0, len(z), n_lines):
        part, target = z[start : start + n_lines], ordered[start : start + n_lines]
        line, scratch = part.reshape(-1), others[: len(part)]
        of_first(line[:-half], line[half:], out=target.reshape(-1)[:-half])
        of_second(line[:-half], line[half:], out=scratch.reshape(-1)[half:])
        np.copyto(target[:, half:], scratch[:, half:])
    return result


def slopes_of_pairs(z: np.ndarray, slopes: np.ndarray, *, minima_first: bool) -> np.ndarray:
    """The transposed Jacobian of :func:`ordered_pairs`."""
    half = z.shape[-1] // 2
    low, high = (0, half) if minima_first else (half, 0)
    minima, maxima = slopes[..., low : low + half], slopes[..., high : high + half]
    swapped = z[..., :half] > z[..., half:]
    return np.concatenate([np.where(swapped, maxima, minima), np.where(swapped, minima, maxima)], axis=-1)


def sorted_groups(z: np.ndarray, out: np.ndarray | None, size: int) -> np.ndarray:
    """Each group of ``size`` values in ascending order; value ``i`` belongs to group ``i mod (width / size)``."""
    result = in_memory_of(out, z)
    groups = result.reshape(*z.shape[:-1], size, z.shape[-1] // size)
    groups.sort(axis=-2)
    return result


def slopes_of_groups(z: np.ndarray, slopes: np.ndarray, size: int) -> np.ndarray:
    """The transposed Jacobian of :func:`sorted_groups`."""
    shape = (*z.shape[:-1], size, z.shape[-1] // size)
    order = np.argsort(z.reshape(shape), axis=-2, kind="stable")
    result = np.empty(shape, slopes.dtype)
    np.put_along_axis(result, order, slopes.reshape(shape), axis=-2)
    return result.reshape(z.shape)
