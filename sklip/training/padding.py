"""Padding of arrays to few sizes: XLA compiles once per shape, and the folds of a data set share a compilation."""

import math

import numpy as np

_ALIGNMENT = 64  # bytes; TensorFlow uses such arrays without a copy


def aligned_empty(shape, dtype):
    """An uninitialised array, C-ordered, that starts at a multiple of 64 bytes.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype

    Returns
    -------
    ndarray of that shape
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def aligned(array):
    """Copy an array to memory that starts at a multiple of 64 bytes.

    Parameters
    ----------
    array : ndarray

    Returns
    -------
    ndarray
    """
    copy = aligned_empty(array.shape, array.dtype)
    copy[...] = array
    return copy


def capacity(size: int) -> int:
    """The smallest number ``m · 2ᵏ``, with ``m`` from 8 to 15, that is at least ``size``; at most an eighth is wasted.

    Parameters
    ----------
    size : int

    Returns
    -------
    int
    """
    unit = 1 << max(size.bit_length() - 4, 0)
    return -(-size // unit) * unit


def padded_rows(rows):
    """Aligned inputs, targets and weights with at least one more row: copies of the first, of weight 0.

    Parameters
    ----------
    rows : tuple of (inputs, targets, weights), ndarrays

    Returns
    -------
    list of ndarray
    """
    n_rows = len(rows[0])
    padded = [aligned_empty((capacity(n_rows + 1), *array.shape[1:]), array.dtype) for array in rows]
    for array, larger in zip(rows, padded, strict=True):
        larger[:n_rows], larger[n_rows:] = array, array[:1]
    padded[-1][n_rows:] = 0.0
    return padded


def padded_order(order, n_rows, multiple=1):
    """Row numbers of batches, padded to more steps and larger batches by the row number ``n_rows``.

    Parameters
    ----------
    order : ndarray of shape (steps, batch), int32
    n_rows : int
        Number of rows before :func:`padded_rows`; its first row of padding has this number.
    multiple : int, default=1
        Number that must divide the size of a batch.

    Returns
    -------
    ndarray of shape (capacity(steps), capacity(batch) rounded up to a multiple of 8 and ``multiple``), int32
    """
    steps, batch = order.shape
    unit = math.lcm(8, multiple)
    padded = np.full((capacity(steps), -(-capacity(batch) // unit) * unit), n_rows, np.int32)
    padded[:steps, :batch] = order
    return padded


def padded_vector(values):
    """A vector padded with zeros to its capacity.

    Parameters
    ----------
    values : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (capacity(n),)
    """
    return np.concatenate([values, np.zeros(capacity(len(values)) - len(values), values.dtype)])
