"""Reshape: another shape of each row, with the same values in the same order."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sklip.served._pictures import is_count
from sklip.served._selection import Selection


@dataclass(frozen=True)
class Reshape(Selection):
    """The values of each row, in C order, in another shape.

    Parameters
    ----------
    shape : tuple of int
        Shape of a row after the operation.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Reshape
    >>> Reshape((2, 1, 2)).forward(np.array([[1.0, 2.0, 3.0, 4.0]])).tolist()
    [[[[1.0, 2.0]], [[3.0, 4.0]]]]
    """

    shape: tuple[int, ...]
    in_place: ClassVar[bool] = True

    def _check(self):
        if type(self.shape) is not tuple or not self.shape or not all(map(is_count, self.shape)):
            raise ValueError(f"Reshape needs a tuple of positive ints; got {self.shape!r}.")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the new shape."""
        if math.prod(shape) != math.prod(self.shape):
            raise ValueError(f"{self!r} takes rows of {math.prod(self.shape)} values; got shape {shape}.")
        return self.shape

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Copy the values; if ``out`` is ``z``, return a view of it where the result is in the order of all results."""
        values = z.reshape(len(z), *self.shape)
        if out is z:
            return values if len(self.shape) == 3 else np.ascontiguousarray(values)
        result = self._memory(z, out)
        np.copyto(result, values)
        return result

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Return the slopes in the shape of the input."""
        return slopes.reshape(z.shape)
