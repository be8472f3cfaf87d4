"""Pad: pictures with more rows and columns of pixels at their sides."""

from dataclasses import dataclass, replace

import numpy as np

from sklip.arithmetic.rounding import round_up
from sklip.served._bounds import Bounds
from sklip.served._operation import Operation
from sklip.served._pictures import is_count, picture


@dataclass(frozen=True)
class Pad(Operation):
    """Pictures with more rows and columns of pixels at their sides: zeros, or copies from the other side.

    Parameters
    ----------
    top, bottom, left, right : int
        Numbers of rows and columns to add.
    circular : bool
        True to copy the pixels of the other side, False to add zeros. Copies are no more than the pixels: ``top`` plus
        ``bottom`` at most the height, ``left`` plus ``right`` at most the width.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Pad
    >>> picture = np.array([[[[1.0], [2.0], [3.0]]]])
    >>> Pad(0, 0, 1, 1, False).forward(picture).ravel().tolist()
    [0.0, 1.0, 2.0, 3.0, 0.0]
    >>> Pad(0, 0, 1, 1, True).forward(picture).ravel().tolist()
    [3.0, 1.0, 2.0, 3.0, 1.0]
    """

    top: int
    bottom: int
    left: int
    right: int
    circular: bool

    def _check(self):
        counts = (self.top, self.bottom, self.left, self.right)
        if not all(is_count(number, 0) for number in counts) or type(self.circular) is not bool:
            raise ValueError(f"Pad needs four ints that are at least 0, and a bool; got {self!r}.")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the larger shape."""
        height, width, channels = picture(shape, self)
        vertical, horizontal = self.top + self.bottom, self.left + self.right
        if self.circular and (vertical > height or horizontal > width):
            raise ValueError(
                f"{self!r} needs pictures of at least {vertical} x {horizontal} pixels; got shape {shape}."
            )
        return height + vertical, width + horizontal, channels

    def _pieces(self, shape):
        """Slices of the output along both axes, and the slices of the input that they equal."""
        for size, before, after in zip(shape[1:3], (self.top, self.left), (self.bottom, self.right), strict=True):
            pieces = [(slice(before, before + size), slice(0, size))]
            if self.circular and before:
                pieces.append((slice(0, before), slice(size - before, size)))
            if self.circular and after:
                pieces.append((slice(before + size, before + size + after), slice(0, after)))
            yield pieces

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Copy the pictures and, if the padding is circular, their sides."""
        result = self._memory(z, out)
        vertical, horizontal = self._pieces(z.shape)
        for rows, from_rows in vertical:
            for columns, from_columns in horizontal:
                np.copyto(result[:, rows, columns], z[:, from_rows, from_columns])
        if not self.circular:
            (((rows, _),), ((columns, _),)) = vertical, horizontal
            result[:, : rows.start] = 0.0
            result[:, rows.stop :] = 0.0
            result[:, rows, : columns.start] = 0.0
            result[:, rows, columns.stop :] = 0.0
        return result

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Add the slopes of all copies of a pixel."""
        result = np.zeros_like(z)
        vertical, horizontal = self._pieces(z.shape)
        for rows, from_rows in vertical:
            for columns, from_columns in horizontal:
                result[:, from_rows, from_columns] += slopes[:, rows, columns]
        return result

    def lipschitz(self) -> float:
        """Return the square root of the largest number of copies of a pixel.

        Along an axis, the rows that are copied to the top are the last ``top`` ones, those that are copied to the
        bottom are the first ``bottom`` ones. None is in both, as there are at least ``top + bottom`` rows. So a pixel
        is found at most twice along each padded axis.
        """
        if not self.circular:
            return 1.0
        copies = (1 + (self.top + self.bottom > 0)) * (1 + (self.left + self.right > 0))
        return {1: 1.0, 2: float(round_up(np.sqrt(2.0))), 4: 2.0}[copies]

    def carry(self, bounds: Bounds) -> Bounds:
        """Return the bounds times the Lipschitz constant: nothing is rounded, and no value grows."""
        norm, error, factor = bounds.norm, bounds.error, self.lipschitz()
        if factor > 1.0:
            norm, error = round_up(factor * norm), round_up(factor * error)
        return replace(bounds, norm=norm, error=error, shape=self.output_shape(bounds.shape))

    def rescaled(self, scale: float) -> "Pad":
        """Return the operation itself."""
        return self
