"""Files mapped into memory that are read from end to end without staying resident."""

import mmap
from contextlib import suppress

import numpy as np

try:
    from numpy.lib.array_utils import byte_bounds
except ImportError:  # before NumPy 2.0
    from numpy import byte_bounds  # type: ignore[attr-defined, no-redef]

READ_BETWEEN_RELEASES = 2**25
"""Bytes to read of a mapped file before its pages are released."""


def _mapping(array):
    """The file's mapping; None in copies of a mapped array."""
    return array._mmap


def releases_pages(array: object) -> bool:
    """Whether the pages of an array can be released and read again: those of a file, with no changes of one's own."""
    return (
        isinstance(array, np.memmap)
        and isinstance(_mapping(array), mmap.mmap)
        and array.mode != "c"  # private changes are kept in the pages alone
        and hasattr(mmap, "MADV_DONTNEED")
    )


def release_pages(array: np.memmap) -> None:
    """Take the pages of an array for which :func:`releases_pages` holds out of the process's resident memory.

    The system keeps them in its cache as long as it has no better use for the memory. Nothing is lost: a page is
    mapped again when it is touched, and what was written to it goes to the file.
    """
    start = np.frombuffer(_mapping(array), np.uint8).__array_interface__["data"][0]
    low, high = (int(bound) - start for bound in byte_bounds(array))
    low -= low % mmap.PAGESIZE
    with suppress(OSError):  # pages that are locked stay
        _mapping(array).madvise(mmap.MADV_DONTNEED, low, high - low)
