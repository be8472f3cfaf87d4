"""Rows that stay in a mapped file: a part of them is read at a time, and then its pages are released."""

from collections.abc import Callable

import numpy as np

from sklip.rows import blocks
from sklip.rows.mapped import ReadPages, is_mapped_as_stored


def is_on_disk(X) -> bool:
    """Whether rows are a file mapped into memory that can be read a part at a time.

    Parameters
    ----------
    X : object

    Returns
    -------
    bool
        False for mappings with ``mode="c"``, as their changes exist in memory only.
    """
    return is_mapped_as_stored(X) and X.ndim == 2 and X.size > 0 and X.dtype.kind in "fiub" and X.dtype.itemsize <= 8


class RowsOnDisk:
    """Rows of a mapped file: indexing reads a part of them and keeps nothing.

    They follow :class:`sklip.rows.protocol.UnreadRows`. Pages of the mapping that were read count as memory of the
    process. They are released by ``madvise`` if the system has it, and stay in the system's cache of the file.

    Parameters
    ----------
    mapped : numpy.memmap of shape (n, d)
        See :func:`is_on_disk`.
    numbers : ndarray of shape (n_rows,), int, or None
        Numbers of the selected rows; None for all.
    convert : callable or None
        Function of rows in float64 that returns the result of indexing; None to return the rows.
    dtype : dtype
        Dtype of the result of indexing.
    """

    def __init__(self, mapped, numbers=None, convert: Callable | None = None, dtype=np.float64):
        self._mapped, self._numbers, self._convert = mapped, numbers, convert
        self.dtype = np.dtype(dtype)
        self.shape: tuple[int, ...] = (len(mapped) if numbers is None else len(numbers), mapped.shape[1])
        self._array = np.asarray(mapped)  # faster to index
        self._pages = ReadPages(mapped)

    def __len__(self):
        return self.shape[0]

    def take(self, selected: np.ndarray) -> "RowsOnDisk":
        """Select rows by their numbers or a mask; nothing is read."""
        numbers = np.arange(len(self))[selected] if self._numbers is None else self._numbers[selected]
        return RowsOnDisk(self._mapped, numbers, self._convert, self.dtype)

    def converted(self, convert: Callable, dtype) -> "RowsOnDisk":
        """Return the same rows with another conversion: indexing returns ``convert(rows)``."""
        return RowsOnDisk(self._mapped, self._numbers, convert, dtype)

    def __getitem__(self, rows):
        """Read some rows.

        Parameters
        ----------
        rows : slice or ndarray of int
            A slice of all rows is read at once; numbers in the order of the file.

        Returns
        -------
        ndarray of shape (n_rows, d)
        """
        if isinstance(rows, slice) and self._numbers is None:
            return self._read(rows)
        numbers = rows if self._numbers is None else self._numbers[rows]
        order = np.argsort(numbers, kind="stable")
        result = np.empty((len(order), self.shape[1]), self.dtype)
        # The system may map 2 MB around a requested page: few scattered rows could make the entire file resident.
        windows = numbers[order] // max(1, blocks.CHUNK_BYTES // self._pages.stride)
        for places in filter(len, np.split(order, np.flatnonzero(np.diff(windows)) + 1)):
            result[places] = self._read(numbers[places])
        return result

    def _read(self, rows):
        """Rows by a slice of the file, or by sorted numbers."""
        part = self._array[rows]
        result = part.astype(np.float64, order="C", copy=isinstance(rows, slice))
        self._pages.count(len(part) if isinstance(rows, slice) else rows[-1] - rows[0] + 1)
        return result if self._convert is None else self._convert(result)
