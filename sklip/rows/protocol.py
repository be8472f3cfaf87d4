"""The interface of rows that are checked, measured, trained on and served, in memory or not."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np


class Rows(Protocol):
    """Rows of numbers that are read block by block.

    Indexing with a slice reads a block, as in NumPy: an array in memory follows the protocol already.

    - :class:`numpy.ndarray`: rows in memory.
    - :class:`sklip.rows.on_disk.RowsOnDisk`: rows of a mapped file, to train on.
    - :class:`sklip.rows.served.ServedRows`: rows to predict, in memory or of a mapped file.

    Attributes
    ----------
    shape : tuple of int
        ``(n_rows, n_features)``.
    dtype : dtype
        Dtype of the blocks.
    """

    shape: tuple[int, ...]
    dtype: np.dtype

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> np.ndarray:
        """Read some rows.

        Parameters
        ----------
        rows : slice or ndarray of int
            In any order; numbers may repeat.

        Returns
        -------
        ndarray of shape (n_selected, n_features)
            Do not write to it: it may share its memory with the source.
        """


class UnreadRows(Rows, Protocol):
    """Rows that are not in memory, and can be selected and converted without being read.

    To add a source to ``fit``, such as an Arrow table, the partitions of Dask or an iterator that can start again,
    write a class in a new file that follows this protocol, and let :func:`sklip.rows.sources.unread_rows` return it.
    Its blocks are C-ordered, and float64 until they are converted. All reads of the same rows must be equal.
    """

    def take(self, selected: np.ndarray, /) -> "UnreadRows":
        """Select rows by their numbers or a mask; nothing is read."""

    def converted(self, convert: Callable[[np.ndarray], np.ndarray], dtype: Any, /) -> "UnreadRows":
        """Return the same rows with a conversion: indexing returns ``convert(rows)``, of this dtype.

        ``convert`` may be called with any part of the requested rows.
        """


def selected_rows(X: np.ndarray | UnreadRows, selected: np.ndarray) -> np.ndarray | UnreadRows:
    """Select rows by their numbers or a mask; unread rows stay unread."""
    return X[selected] if isinstance(X, np.ndarray) else X.take(selected)
