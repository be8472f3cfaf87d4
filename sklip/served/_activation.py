"""Operations that only select, swap or negate values."""

from dataclasses import dataclass

import numpy as np

from sklip.served._bounds import Bounds
from sklip.served._operation import Operation


@dataclass(frozen=True)
class Activation(Operation):
    """An operation that only selects, swaps or negates the values of a row.

    It is 1-Lipschitz, positively homogeneous and exact in floating point, so it carries bounds without a change. A
    subclass defines the forward pass, the transposed Jacobian, and the number that must divide the width.

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
            raise ValueError(f"{self!r} needs a multiple of {self.multiple} values per row; got shape {shape}.")
        return shape

    def lipschitz(self) -> float:
        """Return 1."""
        return 1.0

    def carry(self, bounds: Bounds) -> Bounds:
        """Return the same bounds: no value grows, and none is rounded."""
        return bounds

    def rescaled(self, scale: float) -> "Activation":
        """Return the operation itself."""
        return self


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
    result = np.empty_like(z) if out is None else out
    first, second = z[..., :half], z[..., half:]
    minima, maxima = result[..., :half], result[..., half:]
    if not minima_first:
        minima, maxima = maxima, minima
    np.minimum(first, second, out=minima)
    np.maximum(first, second, out=maxima)
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
    return groups.reshape(z.shape)


def slopes_of_groups(z: np.ndarray, slopes: np.ndarray, size: int) -> np.ndarray:
    """The transposed Jacobian of :func:`sorted_groups`."""
    shape = (*z.shape[:-1], size, z.shape[-1] // size)
    order = np.argsort(z.reshape(shape), axis=-2, kind="stable")
    result = np.empty(shape)
    np.put_along_axis(result, order, slopes.reshape(shape), axis=-2)
    return result.reshape(z.shape)
