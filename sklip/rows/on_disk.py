"""Rows that stay in a file mapped into memory: read a part at a time, and let go again."""

from collections.abc import Callable, Iterator

import numpy as np

from sklip.rows.mapped import bytes_between_rows, is_mapped_as_stored, release_pages, releases_pages

CHUNK_BYTES = 1 << 26
"""Of the inputs of a chunk of batches, in float32; fewer rows than that are read once, for all epochs."""

_WINDOW_BYTES = 1 << 26  # of the file that may be resident before it is let go


def is_on_disk(X) -> bool:
    """Whether rows are a file mapped into memory that can be read a part at a time.

    Parameters
    ----------
    X : object

    Returns
    -------
    bool
        False for mappings with ``mode="c"``: what was changed there is in memory alone.
    """
    return is_mapped_as_stored(X) and X.ndim == 2 and X.size > 0 and X.dtype.kind in "fiub" and X.dtype.itemsize <= 8


class RowsOnDisk:
    """Rows of a mapped file: an array of which indexing reads a part and keeps nothing.

    Pages of the mapping that were read count as memory of the process. They are let go by
    ``madvise``, where the system has it; they stay in its cache of the file.

    Parameters
    ----------
    mapped : numpy.memmap of shape (n, d)
        See :func:`is_on_disk`.
    numbers : ndarray of shape (n_rows,), int, or None
        Which rows; None for all.
    convert : callable or None
        From rows in float64 to what indexing returns; None to return them.
    dtype : dtype
        Of what indexing returns.
    """

    def __init__(self, mapped, numbers=None, convert: Callable | None = None, dtype=np.float64):
        self._mapped, self._numbers, self._convert = mapped, numbers, convert
        self.dtype = np.dtype(dtype)
        self.shape = (len(mapped) if numbers is None else len(numbers), mapped.shape[1])
        self._array = np.asarray(mapped)  # whose indexing is lighter
        self._stride = bytes_between_rows(self._array)
        self._touched = 0

    def __len__(self):
        return self.shape[0]

    def take(self, selected: np.ndarray) -> "RowsOnDisk":
        """The selected rows, by their numbers or a mask; nothing is read."""
        numbers = np.arange(len(self))[selected] if self._numbers is None else self._numbers[selected]
        return RowsOnDisk(self._mapped, numbers, self._convert, self.dtype)

    def converted(self, convert: Callable, dtype) -> "RowsOnDisk":
        """The same rows, of which indexing returns ``convert(rows)``."""
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
        # The system may map 2 MB around a page that is asked for: few scattered rows could make all the file resident.
        windows = numbers[order] // max(1, _WINDOW_BYTES // self._stride)
        for places in np.split(order, np.flatnonzero(np.diff(windows)) + 1):
            result[places] = self._read(numbers[places])
        return result

    def _read(self, rows):
        """Rows by a slice of the file, or by sorted numbers."""
        part = self._array[rows]
        self._touched += self._stride * (len(part) if isinstance(rows, slice) else rows[-1] - rows[0] + 1)
        result = part.astype(np.float64, order="C", copy=isinstance(rows, slice))
        if self._touched >= _WINDOW_BYTES // 2:
            self._let_go()
        return result if self._convert is None else self._convert(result)

    def _let_go(self):
        if releases_pages(self._mapped):
            release_pages(self._mapped)
        self._touched = 0


def float32_bytes(X) -> int:
    """Bytes of all rows, were they read as float32."""
    return 4 * X.shape[0] * X.shape[1]


def slices(X, size: int) -> Iterator[slice]:
    """Slices of rows of at most ``size`` bytes in float64."""
    length = max(1, size // (8 * X.shape[1]))
    for start in range(0, len(X), length):
        yield slice(start, min(start + length, len(X)))


def chunks(steps: int, batch_bytes: int) -> Iterator[slice]:
    """Slices of the batches of an epoch: as few as stay within :data:`CHUNK_BYTES`, of like length.

    Parameters
    ----------
    steps : int
        Batches of the epoch.
    batch_bytes : int
        Of the inputs of a batch.

    Yields
    ------
    slice
    """
    most = max(1, CHUNK_BYTES // batch_bytes)
    length = -(-steps // -(-steps // most))
    for start in range(0, steps, length):
        yield slice(start, min(start + length, steps))
