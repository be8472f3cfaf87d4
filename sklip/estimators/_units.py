"""Units: for training, data is only centred and divided: by tolerances, if there are any, and by one number."""

from functools import reduce

import numpy as np

from sklip.certification import Question
from sklip.certification._question import EUCLIDEAN
from sklip.rows.blocks import sum_blocks
from sklip.rows.protocol import Rows

# Meaning of "auto" by the norm of the training, with s = scale_: a margin of AUTO_MARGIN · s, a margin offset of
# AUTO_OFFSET · s and a temperature of AUTO_TEMPERATURE / s; docs/defaults.md has the evidence.
AUTO_MARGIN = {2: 0.1, 1: 0.2, np.inf: 0.3}
AUTO_OFFSET = {2: 0.05, 1: 0.1, np.inf: 0.1}
AUTO_TEMPERATURE = {2: 20.0, 1: 10.0, np.inf: 10.0}


def center_and_scale(X: Rows, weights: np.ndarray, question: Question = EUCLIDEAN) -> tuple[np.ndarray, float]:
    """Return the weighted mean of the rows, and the weighted root-mean-square distance to it.

    Distances are measured in tolerances, and in the Euclidean norm; fixed columns do not count. For the norm inf, they
    are divided by the root of the number of columns, as the trained factors of the columns, with their norm of 1, do
    that at the start.

    Parameters
    ----------
    X : Rows of shape (n_rows, n_features), float32 or float64
        Rows, in memory or in files, which give the same bits. Entries are at most 1e18 in size, so that squares do not
        overflow.
    weights : ndarray of shape (n_rows,), float64
    question : sklip.certification.Question

    Returns
    -------
    center : ndarray of shape (n_features,)
    scale : float
        Distance; 0 if all rows are equal.

    Raises
    ------
    ValueError
        If tolerances are so small that distances in them overflow.
    """
    mass = weights.sum()
    center = reduce(np.add, (weights[rows] @ np.asarray(X[rows], np.float64) for rows in sum_blocks(X))) / mass
    tolerances = question.tolerances
    if question.fixed is not None:
        # A mean is rounded. In units of their spread, rows of a constant column would lie far from it.
        fixed = np.flatnonzero(question.fixed)
        constant = fixed[~_varying(X, fixed)]
        center[constant] = np.asarray(X[:1])[0, constant]
    units = None if tolerances is None else np.where(tolerances > 0, tolerances, np.inf)
    scale = _distance(X, weights / mass, center, units)
    n_columns = len(center) if tolerances is None else np.count_nonzero(tolerances)
    return center, scale / np.sqrt(n_columns) if question.norm == np.inf else scale


def column_units(
    X: Rows, weights: np.ndarray, center: np.ndarray, scale: float, question: Question
) -> np.ndarray | None:
    """Return what each column is divided by for training, besides ``scale``; None for nothing.

    Of a column that may change, that is its tolerance. A fixed column has its standard deviation over ``scale``, so
    that it has a variance of 1 in training.

    Parameters
    ----------
    X : Rows of shape (n_rows, n_features), float32 or float64
    weights : ndarray of shape (n_rows,), float64
    center : ndarray of shape (n_features,)
    scale : float
    question : sklip.certification.Question

    Returns
    -------
    ndarray of shape (n_features,) or None
    """
    fixed, tolerances = question.fixed, question.tolerances
    if fixed is None or tolerances is None:
        return tolerances
    shares = weights / weights.sum()
    variances = sum(shares[rows] @ np.square(_offsets(X[rows], center)[:, fixed]) for rows in sum_blocks(X))
    spreads = np.sqrt(variances)
    units = tolerances.copy()
    units[fixed] = np.where(spreads > 0, spreads, 1.0) / scale
    return units


def _distance(X, shares, center, tolerances):
    """Root-mean-square distance of rows to the centre, in tolerances."""
    units = 1.0 if tolerances is None else tolerances
    with np.errstate(over="ignore"):
        variance = _mean_square(X, shares, center, units)
    if not variance <= 1e300:
        raise ValueError(
            "The 'tolerances' are too small for X: its rows lie over 1e150 tolerances from their mean. Give them in "
            "the units of the columns."
        )
    moving = np.flatnonzero(np.isfinite(np.broadcast_to(units, center.shape)))
    if variance <= (1e-12 * np.abs(center / units).max()) ** 2 and not _varying(X, moving).any():
        return 0.0
    if variance > 1e-200:
        return float(np.sqrt(variance))
    # Squares underflow, so divide by the largest offset first.
    largest = max(np.abs((X[rows] - center) / units).max() for rows in sum_blocks(X))
    if largest == 0:
        return 0.0
    return float(largest * np.sqrt(_mean_square(X, shares, center, largest * units)))


def _mean_square(X, shares, center, units):
    """Mean of the squared distances to the centre, in squares of ``units``."""
    total = 0.0
    for rows in sum_blocks(X):
        offsets = _offsets(X[rows], center)
        if np.ndim(units) or units != 1.0:
            offsets /= units
        total += shares[rows] @ np.einsum("ij,ij->i", offsets, offsets)
    return total


def farthest(inputs: Rows, scale: float) -> float:
    """Return the largest distance to the centre, in the units of ``scale``.

    Parameters
    ----------
    inputs : Rows of shape (n_rows, n_features), float32
        Rows that :func:`to_training_units` returned.
    scale : float

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a row is farther than 1e12 times ``scale`` from the centre: squares and sums of float32 must not overflow.
    """
    blocks = (inputs[rows] for rows in sum_blocks(inputs))
    largest = np.sqrt(max(np.einsum("ij,ij->i", block, block).max() for block in blocks))
    if not largest <= 1e12:
        raise ValueError(
            f"X has rows whose distance from the mean of the first training rows is over 1e12 times scale_ = "
            f"{scale:.3g}. Give all rows in the same units."
        )
    return float(largest) * scale


def _varying(X, columns):
    """Whether rows differ in each of the columns at these positions."""
    first = np.asarray(X[:1])[:, columns]
    return reduce(np.logical_or, ((X[rows][:, columns] != first).any(axis=0) for rows in sum_blocks(X)))


def _offsets(rows, center):
    """Rows minus the centre, in float64."""
    offsets = rows.astype(np.float64)  # a cast within the subtraction is slower
    offsets -= center
    return offsets


def to_training_units(
    X: Rows, center: np.ndarray, scale: float | np.ndarray, order: np.ndarray | None = None
) -> np.ndarray:
    """Return ``(X − center) / scale`` in float32, computed in float64; entries that overflow are infinite.

    With ``order``, the columns of the result are those at these positions.
    """
    result = np.empty(X.shape, np.float32)
    with np.errstate(over="ignore"):
        for rows in sum_blocks(X):
            offsets = _offsets(X[rows], center)
            offsets /= scale
            result[rows] = offsets if order is None else offsets[:, order]
    return result


def length(name: str, given: float | str, automatic: float, scale: float) -> float:
    """Return a parameter that is a length in the units of the data; ``"auto"`` is ``automatic · scale``.

    Raises
    ------
    ValueError
        If it is over 1e9 times ``scale``.
    """
    value = automatic * scale if given == "auto" else float(given)
    if not value <= 1e9 * scale:
        raise ValueError(
            f"The {name!r} parameter is {given}, in the units of the data. The rows lie about {scale:.3g} from their "
            "mean. Give a fraction of that distance, or 'auto'."
        )
    return value


def inverse_length(name: str, given: float | str, automatic: float, scale: float) -> float:
    """Return a parameter in the inverse units of the data; ``"auto"`` is ``automatic / scale``.

    Raises
    ------
    ValueError
        If it is not between ``1e-6 / scale`` and ``1e9 / scale``.
    """
    value = automatic / scale if given == "auto" else float(given)
    if not 1e-6 <= value * scale <= 1e9:
        raise ValueError(
            f"The {name!r} parameter is {given}, in the inverse units of the data. The rows lie about {scale:.3g} from "
            f"their mean. Give a number around {automatic / scale:.3g}, or 'auto'."
        )
    return value
