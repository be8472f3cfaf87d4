"""Arrays in few sizes, for compilers that specialise on shapes: the folds of a data set shall share a compilation."""

import numpy as np


def capacity(size: int) -> int:
    """The least number ``m · 2ᵏ`` that is at least ``size``, with ``m`` from 8 to 15: at most an eighth is wasted.

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
    """Inputs, targets and weights with at least one more row: copies of the first, of weight 0.

    Parameters
    ----------
    rows : tuple of (inputs, targets, weights), ndarrays

    Returns
    -------
    list of ndarray
    """
    n_rows = len(rows[0])
    missing = capacity(n_rows + 1) - n_rows
    inputs, targets, weights = (np.concatenate([array, np.repeat(array[:1], missing, axis=0)]) for array in rows)
    weights[n_rows:] = 0.0
    return [inputs, targets, weights]


def padded_order(order, n_rows):
    """Row numbers of batches, in more steps and in batches of a multiple of 8 rows: the row after the last fills up.

    Parameters
    ----------
    order : ndarray of shape (steps, batch), int32
    n_rows : int
        Rows before :func:`padded_rows`.

    Returns
    -------
    ndarray of shape (capacity(steps), batch rounded up), int32
    """
    steps, batch = order.shape
    padded = np.full((capacity(steps), -(-batch // 8) * 8), n_rows, np.int32)
    padded[:steps, :batch] = order
    return padded


def padded_vector(values):
    """A vector with zeros up to its capacity.

    Parameters
    ----------
    values : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (capacity(n),)
    """
    return np.concatenate([values, np.zeros(capacity(len(values)) - len(values), values.dtype)])
