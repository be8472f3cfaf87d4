"""Which rows' discs to draw."""

import numpy as np


def choose_discs(
    centers: np.ndarray, radii: np.ndarray, codes: np.ndarray, low: np.ndarray, high: np.ndarray, most: int
) -> np.ndarray:
    """A few rows of each class whose discs can be seen, fit between two corners and keep clear of each other.

    Parameters
    ----------
    centers : ndarray of shape (n_rows, 2)
    radii : ndarray of shape (n_rows,)
        In the units of the centres.
    codes : ndarray of shape (n_rows,), int
        Classes.
    low, high : ndarray of shape (2,)
        Corners.
    most : int
        Rows at most, shared out evenly among the classes that have any.

    Returns
    -------
    ndarray of int
        Positions, the first rows first.
    """
    fits = np.all((centers - radii[:, None] > low) & (centers + radii[:, None] < high), axis=1)
    candidates = np.flatnonzero(fits & (radii > 0.02 * (high - low).min()))
    share = -(-most // max(1, len(np.unique(codes[candidates]))))
    chosen = []
    for row in candidates:
        apart = np.linalg.norm(centers[row] - centers[chosen], axis=1)
        if (apart > radii[row] + radii[chosen]).all() and (codes[chosen] == codes[row]).sum() < share:
            chosen.append(row)
        if len(chosen) == most:
            break
    return np.array(chosen, dtype=np.intp)
