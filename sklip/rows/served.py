"""Rows to predict: their form is checked once, their numbers block by block as they are read."""

from collections.abc import Callable

import numpy as np

from sklip.arithmetic.rounding import TINY_OF_FLOAT32
from sklip.arithmetic.subnormal import as_float64
from sklip.rows.entries import all_finite
from sklip.rows.mapped import ReadPages, releases_pages

SERVED_DTYPES = frozenset(
    np.dtype(kind).newbyteorder(order) for kind in (*np.typecodes["AllInteger"], *"?efd") for order in "<>"
)
"""The dtypes of rows that a network accepts: it converts them to float64 block by block, as ``astype`` does."""


class ServedRows:
    """Validated rows that are read in blocks; a block with NaN or infinity raises an error.

    They follow :class:`sklip.rows.protocol.Rows`. No copy of the rows is made: a network converts a block to float64
    when it subtracts the centre. Pages of a mapped file are released after they have been read, so that they do not
    stay resident.

    Parameters
    ----------
    array : ndarray of shape (n_rows, n_features)
        Array with a dtype of ``SERVED_DTYPES``, in any memory order.
    source : array-like
        The object that the user passed, images as a table.
    refuse : callable
        Function of ``array`` that raises a ValueError if it holds NaN or infinity.
    image_shape : tuple of int or None, default=None
        Shape of a row as the user passed it, if rows are images.
    """

    __slots__ = ("_array", "_pages", "_refuse", "dtype", "image_shape", "shape")

    def __init__(
        self,
        array: np.ndarray,
        source: object,
        refuse: Callable[[np.ndarray], None],
        image_shape: tuple[int, ...] | None = None,
    ):
        self._array, self._refuse, self.shape, self.dtype = array, refuse, array.shape, array.dtype
        self.image_shape = image_shape
        self._pages = ReadPages(source) if releases_pages(source) and np.may_share_memory(array, source) else None

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, rows: slice) -> np.ndarray:
        block = self._array[rows]
        if self._pages is not None:
            self._pages.count(len(block))
        if not all_finite(block):
            self.check()
        return block

    @property
    def conversion_error(self) -> float:
        """Bound of the error of a row when a thread that flushes subnormal numbers converts it to float64."""
        is_float32 = self.dtype.kind == "f" and self.dtype.itemsize == 4
        return 2.0 * np.sqrt(self.shape[1]) * TINY_OF_FLOAT32 if is_float32 else 0.0

    def check(self) -> None:
        """Raise a ValueError if any entry is NaN or infinite."""
        self._refuse(self._array)

    def as_float64(self) -> np.ndarray:
        """All rows, as a C-ordered float64 array."""
        self.check()
        return np.asarray(as_float64(self._array), order="C")
