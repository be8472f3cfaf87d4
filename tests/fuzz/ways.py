"""Directions in which predictions may change: along slopes that are felt, along axes, at random, towards other rows."""

import numpy as np

from tests.fuzz.draws import pick


def of_length_one(ways, norm, units):
    """Each vector of ``ways``, given in units, with a length of 1, in raw columns; zeros stay."""
    with np.errstate(all="ignore"):
        largest = np.abs(ways).max(axis=-1, keepdims=True)
        ways = np.nan_to_num(ways / np.where(largest > 0, largest, 1.0))
        lengths = np.linalg.norm(ways, ord=norm, axis=-1, keepdims=True)
        return ways / np.where(lengths > 0, lengths, 1.0) * units


def steepest(slopes, norm, units):
    """Where a function of these slopes grows fastest, of length 1."""
    with np.errstate(all="ignore"):
        slopes = np.nan_to_num(slopes * units)
    if norm == np.inf:
        return np.sign(slopes) * units
    if norm == 1:
        sizes = np.abs(slopes)
        slopes = np.where(np.arange(slopes.shape[1]) == sizes.argmax(axis=1)[:, None], np.sign(slopes), 0.0)
    return of_length_one(slopes, norm, units)


def felt_slopes(score, rows, steps, units):
    """Slopes of a score by differences.

    Parameters
    ----------
    score : callable
        From rows, of shape (n, width), to numbers of shape (n,); nan where it raises.
    rows : ndarray of shape (n_rows, width)
    steps : ndarray of shape (n_rows,)
        How far to step, in units.
    units : ndarray of shape (width,)
    """
    n_rows, width = rows.shape
    with np.errstate(all="ignore"):
        moves = np.maximum(steps[:, None] * units, np.abs(rows) * 2.0**-48) * (units > 0)
        ahead = np.stack([rows + moves * (np.arange(width) == column) for column in range(width)])
        behind = np.stack([rows - moves * (np.arange(width) == column) for column in range(width)])
        both = np.concatenate([ahead, behind]).reshape(-1, width)
        scores = score(both).reshape(2, width, n_rows)
        return np.nan_to_num((scores[0] - scores[1]).T / np.where(moves > 0, moves, 1.0))


def blind_ways(rng, rows, norm, units):
    """Directions that need no score, of shape (n_ways, n_rows, width)."""
    shape = rows.shape
    axis = np.zeros(shape)
    axis[np.arange(shape[0]), rng.integers(0, shape[1], shape[0])] = pick(rng, -1.0, 1.0)
    with np.errstate(all="ignore"):
        others = np.nan_to_num((rows[rng.permutation(shape[0])] - rows) / np.where(units > 0, units, np.inf))
    ways = [rng.standard_normal(shape), np.where(rng.standard_normal(shape) < 0, -1.0, 1.0), axis, others]
    return np.stack([of_length_one(way * (units > 0), norm, units) for way in ways])
