"""What rows must offer to be checked, measured, trained on and served, wherever they lie."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np


class Rows(Protocol):
    """Rows of numbers that are read block by block.

    Indexing with a slice reads a block, as in NumPy: an array in memory follows the protocol as it is, at no cost.

    - :class:`numpy.ndarray`: rows in memory.
    - :class:`sklip.rows.on_disk.RowsOnDisk`: rows of a mapped file, to train on.
    - :class:`sklip.rows.served.ServedRows`: rows to predict, in memory or of a mapped file.

    Attributes
    ----------
    shape : tuple of int
        ``(n_rows, n_features)``.
    dtype : dtype
        Of the blocks.
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
            Only to be read: it may share its memory with the source.
        """


class UnreadRows(Rows, Protocol):
    """Rows that are not in memory, and can be selected and converted without being read.

    ``fit`` takes a new source, such as an Arrow table, the partitions of Dask or an iterator that can start again,
    once a class of its own file follows this protocol and :func:`sklip.rows.sources.unread_rows` makes it. Its blocks
    are float64 until they are converted, and C-ordered; no two reads of the same rows may differ.
    """

    def take(self, selected: np.ndarray, /) -> "UnreadRows":
        """Select rows, by their numbers or a mask; nothing is read."""

    def converted(self, convert: Callable[[np.ndarray], np.ndarray], dtype: Any, /) -> "UnreadRows":
        """The same rows, of which indexing returns ``convert(rows)``, of this dtype.

        What is given to ``convert`` may be any part of the rows that are asked for.
        """


def selected_rows(X: np.ndarray | UnreadRows, selected: np.ndarray) -> np.ndarray | UnreadRows:
    """Select rows, by their numbers or a mask; those that are unread stay so."""
    return X[selected] if isinstance(X, np.ndarray) else X.take(selected)
