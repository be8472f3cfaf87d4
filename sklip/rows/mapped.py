"""Files mapped into memory that are read from end to end without staying resident."""

import mmap
from contextlib import suppress
from typing import TypeGuard

import numpy as np

from sklip._compat import mapping

try:
    from numpy.lib.array_utils import byte_bounds
except ImportError:  # before NumPy 2.0
    from numpy import byte_bounds  # type: ignore[attr-defined, no-redef]

READ_BETWEEN_RELEASES = 2**25
"""Bytes to read of a mapped file before its pages are released."""


def is_mapped(array: object) -> TypeGuard[np.memmap]:
    """Whether an array lies in a file mapped into memory."""
    return isinstance(array, np.memmap) and mapping(array) is not None


def is_mapped_as_stored(array: object) -> bool:
    """Whether an array lies in a mapped file with no private changes, which would be kept in memory alone."""
    return is_mapped(array) and array.mode != "c"


def releases_pages(array: object) -> bool:
    """Whether the pages of an array can be released and read again."""
    return is_mapped_as_stored(array) and hasattr(mmap, "MADV_DONTNEED")


def bytes_between_rows(array: np.ndarray) -> int:
    """Bytes that are mapped for each row that is read: of views, what lies between their entries as well."""
    return max(abs(array.strides[0]), array.shape[1] * array.itemsize)


def release_pages(array: np.memmap) -> None:
    """Take the pages of an array for which :func:`releases_pages` holds out of the process's resident memory.

    The system keeps them in its cache as long as it has no better use for the memory. Nothing is lost: a page is
    mapped again when it is touched, and what was written to it goes to the file.
    """
    start = np.frombuffer(mapping(array), np.uint8).__array_interface__["data"][0]
    low, high = (int(bound) - start for bound in byte_bounds(array))
    low -= low % mmap.PAGESIZE
    with suppress(OSError):  # pages that are locked stay
        mapping(array).madvise(mmap.MADV_DONTNEED, low, high - low)
