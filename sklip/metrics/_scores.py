"""Metrics of labels, predictions and radii."""

import math
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import unique_labels

from sklip._labels import read_labels
from sklip.rows.containers import as_column_container


def certified_accuracy_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    radius: ArrayLike,
    epsilon: float,
    *,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Share of the rows that are predicted right and certified at ``epsilon``.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows,)
        True labels, and predictions.
    radius : array-like of shape (n_rows,)
        Certified radii, as ``certified_radius`` returns them.
    epsilon : float
        Distance, in the units of ``radius``; 0 gives the accuracy.
    sample_weight : array-like of shape (n_rows,), default=None
        Weights of the rows.

    Returns
    -------
    float
        Number from 0 to 1. It is a proven lower bound of the accuracy if each row changes by at
        most ``epsilon``.

    Raises
    ------
    ValueError
        For arrays of different lengths, missing labels, radii or weights that are negative or not numbers, weights
        that are all 0, and an ``epsilon`` below 0.
    TypeError
        If ``epsilon`` is not a number.

    Examples
    --------
    >>> from sklip.metrics import certified_accuracy_score
    >>> certified_accuracy_score([0, 1, 1, 0], [0, 1, 0, 0], [0.5, 0.1, 0.9, 0.3], epsilon=0.2)
    0.5
    """
    right, radii, weight = _checked(y_true, y_pred, radius, sample_weight)
    distance = check_distance(epsilon)
    certified = right & ((radii > distance) | (distance == 0))
    with np.errstate(under="ignore"):
        return float(weight @ certified / weight.sum())


def certified_accuracy_curve(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    radius: ArrayLike,
    *,
    epsilons: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Certified accuracy as a function of the distance.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows,)
        True labels, and predictions.
    radius : array-like of shape (n_rows,)
        Certified radii, as ``certified_radius`` returns them.
    epsilons : array-like of shape (n_epsilons,), default=None
        Distances. By default, 0 and all distances at which the curve falls.
    sample_weight : array-like of shape (n_rows,), default=None
        Weights of the rows.

    Returns
    -------
    epsilons : ndarray of shape (n_epsilons,)
        Distances, in the units of ``radius``.
    accuracies : ndarray of shape (n_epsilons,)
        :func:`certified_accuracy_score` at each distance. By default, it is a step function: each
        value holds up to the next distance. Draw it with ``drawstyle="steps-post"``.

    Raises
    ------
    ValueError
        As :func:`certified_accuracy_score`.

    Examples
    --------
    >>> from sklip.metrics import certified_accuracy_curve
    >>> epsilons, accuracies = certified_accuracy_curve([0, 1, 1, 0], [0, 1, 0, 0], [0.5, 0.1, 0.9, 0.3])
    >>> epsilons.tolist(), accuracies.tolist()
    ([0.0, 0.1, 0.3, 0.5], [0.75, 0.5, 0.25, 0.0])
    """
    right, radii, weight = _checked(y_true, y_pred, radius, sample_weight)
    if epsilons is None:
        falls = radii[right & (weight > 0) & np.isfinite(radii)]
        # Rows of radius 0 count at distance 0 and at no other distance: the curve falls just after 0.
        distances = np.unique(np.append(np.where(falls == 0, math.ulp(0.0), falls), 0.0))
    else:
        distances = check_distances(epsilons)
    radii, order = np.where(right, radii, -1.0), np.argsort(np.where(right, radii, -1.0))
    with np.errstate(under="ignore"):
        # Cumulative weight of the rows in the order of their radii, 0 before the first.
        below = np.concatenate([[0.0], np.cumsum((weight / weight.sum())[order])])
    places = np.searchsorted(radii[order], distances, side="right")
    places = np.where(distances == 0, np.searchsorted(radii[order], 0.0, side="left"), places)
    accuracies = np.where(places == len(radii), 0.0, 1.0 - below[places])
    return distances, np.clip(accuracies, 0.0, 1.0)


def average_certified_radius(
    y_true: ArrayLike, y_pred: ArrayLike, radius: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Mean radius, where a wrong prediction counts as 0.

    It is the area under :func:`certified_accuracy_curve`. A few rows with large radii can raise
    the mean while the radii of most rows fall, so look at the curve as well.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows,)
        True labels, and predictions.
    radius : array-like of shape (n_rows,)
        Certified radii, as ``certified_radius`` returns them.
    sample_weight : array-like of shape (n_rows,), default=None
        Weights of the rows.

    Returns
    -------
    float
        Mean radius, in the units of ``radius``.

    Raises
    ------
    ValueError
        As :func:`certified_accuracy_score`.

    Examples
    --------
    >>> from sklip.metrics import average_certified_radius
    >>> average_certified_radius([0, 1, 1, 0], [0, 1, 0, 0], [0.5, 0.25, 0.75, 0.25])
    0.25
    """
    right, radius, weight = _checked(y_true, y_pred, radius, sample_weight)
    with np.errstate(under="ignore", over="ignore"):  # radii may be infinite, and so may their mean
        return float(weight @ np.where(right & (weight > 0), radius, 0.0) / weight.sum())


def check_distance(epsilon: float) -> float:
    """Return a distance as a float, rounded up; raise an error that names ``epsilon`` if it is not a distance."""
    number = epsilon.item() if isinstance(epsilon, np.ndarray) and epsilon.ndim == 0 else epsilon
    if isinstance(number, bool | np.bool_) or not isinstance(number, Real):
        raise TypeError(f"epsilon must be a distance, a number of 0 or more; got {epsilon!r}.")
    if not number >= 0:
        raise ValueError(f"epsilon must be a distance, a number of 0 or more; got {epsilon!r}.")
    distance = float(number)
    return distance if distance >= number else math.nextafter(distance, math.inf)


def check_distances(epsilons: ArrayLike) -> np.ndarray:
    """Return distances as an array of shape (n_epsilons,), float64; errors name ``epsilons``."""
    message = f"epsilons must be a sequence of distances, numbers of 0 or more; got {epsilons!r}."
    try:
        distances = np.asarray(epsilons, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(message) from error
    if distances.ndim != 1 or not (distances >= 0).all():
        raise ValueError(message)
    return distances


def _numbers(column, name):
    """A column of numbers in float64."""
    column = as_column_container(column, name, "numbers")
    try:
        return column_or_1d(column, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold one number per row: {error}") from error


def check_rows(y_true, y_pred, radius, sample_weight) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, predictions, radii and weights as arrays of shape (n_rows,); raise an error for invalid ones."""
    y_true, y_pred = read_labels(y_true, "y_true"), read_labels(y_pred, "y_pred")
    radius = _numbers(radius, "radius")
    weight = np.ones(len(radius)) if sample_weight is None else _numbers(sample_weight, "sample_weight")
    check_consistent_length(y_true, y_pred, radius, weight)
    if not len(radius):
        raise ValueError("There are no rows. Give at least one label, prediction and radius.")
    try:
        unique_labels(y_true, y_pred)  # raises a ValueError if one array is text and the other numbers
    except TypeError as error:
        raise ValueError("Mix of label types in y_true or y_pred. Make them all text, or all numbers.") from error
    if not (radius >= 0).all():
        raise ValueError("radius holds negative values or NaN. Give what certified_radius returns.")
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
        raise ValueError("sample_weight must hold finite weights of 0 or more, not all 0.")
    return y_true, y_pred, radius, weight


def _checked(y_true, y_pred, radius, sample_weight):
    """Return for each row if it is right, its radius and its weight."""
    y_true, y_pred, radius, weight = check_rows(y_true, y_pred, radius, sample_weight)
    with np.errstate(under="ignore"):
        return y_true == y_pred, radius, weight / weight.max()
