"""Files mapped into memory that are read from end to end without staying resident."""

import mmap
from contextlib import suppress
from typing import TypeGuard

import numpy as np

from sklip._compat import mapping
from sklip.rows import blocks

try:
    from numpy.lib.array_utils import byte_bounds
except ImportError:  # before NumPy 2.0
    from numpy import byte_bounds  # type: ignore[attr-defined, no-redef]


def is_mapped_as_stored(array: object) -> TypeGuard[np.memmap]:
    """Whether an array lies in a mapped file without private changes, which would exist in memory only."""
    return isinstance(array, np.memmap) and mapping(array) is not None and array.mode != "c"


def releases_pages(array: object) -> TypeGuard[np.memmap]:
    """Whether the pages of an array can be released and read again."""
    return is_mapped_as_stored(array) and hasattr(mmap, "MADV_DONTNEED")


def release_pages(array: np.memmap) -> None:
    """Remove the pages of an array from the resident memory of the process; :func:`releases_pages` must be true.

    The system keeps them in its cache as long as it does not need the memory. Nothing is lost: a page is
    mapped again when it is touched, and the file gets what was written to it.
    """
    start = np.frombuffer(mapping(array), np.uint8).__array_interface__["data"][0]
    low, high = (int(bound) - start for bound in byte_bounds(array))
    low -= low % mmap.PAGESIZE
    with suppress(OSError):  # pages that are locked stay
        mapping(array).madvise(mmap.MADV_DONTNEED, low, high - low)


class ReadPages:
    """Counts what is read of a mapped file, and releases its pages before too many are resident.

    Parameters
    ----------
    mapped : numpy.memmap of shape (n_rows, n_features)

    Attributes
    ----------
    stride : int
        Bytes that are mapped per row that is read; in views, with the bytes between their entries.
    """

    __slots__ = ("_mapped", "_read", "stride")

    def __init__(self, mapped: np.memmap):
        self._mapped, self._read = mapped, 0
        self.stride = max(abs(mapped.strides[0]), mapped.shape[1] * mapped.itemsize)

    def count(self, n_rows: int) -> None:
        """Count rows that were read or skipped; release all pages when half of ``CHUNK_BYTES`` has been read."""
        self._read += n_rows * self.stride
        if self._read >= blocks.CHUNK_BYTES // 2:
            if releases_pages(self._mapped):
                release_pages(self._mapped)
            self._read = 0
