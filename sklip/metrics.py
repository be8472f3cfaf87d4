"""Metrics of certified classifiers: how often a prediction is right, and stays right nearby.

A prediction is certified at ``epsilon`` when its radius is greater: then every row at a distance of
at most ``epsilon`` is predicted alike. At ``epsilon = 0`` there is nothing to certify, and certified
accuracy is accuracy.
"""

from collections.abc import Callable
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

__all__ = [
    "average_certified_radius",
    "certified_accuracy",
    "certified_accuracy_curve",
    "certified_accuracy_score",
]


def certified_accuracy_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    radius: ArrayLike,
    epsilon: float,
    *,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Share of the rows that are predicted right, and certified at ``epsilon``.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows,)
        Labels, and what was predicted.
    radius : array-like of shape (n_rows,)
        Certified radii, as ``certified_radius`` returns them.
    epsilon : float
        Distance, in the units of ``radius``; 0 gives the accuracy.
    sample_weight : array-like of shape (n_rows,), default=None
        Weights of the rows.

    Returns
    -------
    float
        From 0 to 1: a proven lower bound of the accuracy under any change of the rows by at
        most ``epsilon``.

    Raises
    ------
    ValueError
        For arrays of unlike length, radii or weights that are negative or not numbers, no weight
        at all, and an ``epsilon`` below 0.

    Examples
    --------
    >>> from sklip.metrics import certified_accuracy_score
    >>> certified_accuracy_score([0, 1, 1, 0], [0, 1, 0, 0], [0.5, 0.1, 0.9, 0.3], epsilon=0.2)
    0.5
    """
    right, radii, weight = _checked(y_true, y_pred, radius, sample_weight)
    if not epsilon >= 0:
        raise ValueError(f"epsilon is a distance, 0 or more; got {epsilon!r}.")
    certified = right & ((radii > epsilon) | (epsilon == 0))
    return float(weight @ certified / weight.sum())


def certified_accuracy_curve(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    radius: ArrayLike,
    *,
    epsilons: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Certified accuracy against the distance.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows,)
        Labels, and what was predicted.
    radius : array-like of shape (n_rows,)
        Certified radii, as ``certified_radius`` returns them.
    epsilons : array-like of shape (n_epsilons,), default=None
        Distances; by default 0 and all at which the curve falls.
    sample_weight : array-like of shape (n_rows,), default=None
        Weights of the rows.

    Returns
    -------
    epsilons : ndarray of shape (n_epsilons,)
        Distances, in the units of ``radius``.
    accuracies : ndarray of shape (n_epsilons,)
        :func:`certified_accuracy_score` at each. By default a step function: each value holds up
        to the next distance, for ``drawstyle="steps-post"``.

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
        # Rows of radius 0 are right at 0 and certified nowhere: the curve falls just after.
        epsilons = np.unique(np.append(np.where(falls == 0, np.nextafter(0.0, 1.0), falls), 0.0))
    distances = np.asarray(epsilons, dtype=np.float64)
    if distances.ndim != 1 or not (distances >= 0).all():
        raise ValueError(f"epsilons must be a sequence of distances, 0 or more; got {distances!r}.")
    radii, weight = np.where(right, radii, -1.0), weight / weight.sum()
    order = np.argsort(radii)
    # Weight of the rows whose radius is at most that of each place, 0 before the first.
    below = np.concatenate([[0.0], np.cumsum(weight[order])])
    places = np.searchsorted(radii[order], distances, side="right")
    places = np.where(distances == 0, np.searchsorted(radii[order], 0.0, side="left"), places)
    accuracies = np.where(places == len(radii), 0.0, 1.0 - below[places])
    return distances, np.clip(accuracies, 0.0, 1.0)


def average_certified_radius(
    y_true: ArrayLike, y_pred: ArrayLike, radius: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Mean radius, where a wrong prediction counts as 0.

    It is the area under :func:`certified_accuracy_curve`. A few rows with large radii can raise
    it while most lose theirs: look at the curve as well.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows,)
        Labels, and what was predicted.
    radius : array-like of shape (n_rows,)
        Certified radii, as ``certified_radius`` returns them.
    sample_weight : array-like of shape (n_rows,), default=None
        Weights of the rows.

    Returns
    -------
    float
        In the units of ``radius``.

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
    return float(weight @ np.where(right & (weight > 0), radius, 0.0) / weight.sum())


def _checked(y_true, y_pred, radius, sample_weight):
    """Whether each row is right, its radius, its weight."""
    y_true, y_pred = column_or_1d(y_true), column_or_1d(y_pred)
    radius = column_or_1d(radius, dtype=np.float64)
    weight = np.ones(len(radius)) if sample_weight is None else column_or_1d(sample_weight, dtype=np.float64)
    check_consistent_length(y_true, y_pred, radius, weight)
    if not len(radius):
        raise ValueError("There are no rows to score.")
    unique_labels(y_true, y_pred)  # raises for labels of which some are text and some numbers
    if not (radius >= 0).all():
        raise ValueError("radius holds negative values or NaN. Give what certified_radius returns.")
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
        raise ValueError("sample_weight must hold finite weights of 0 or more, not all 0.")
    return y_true == y_pred, radius, weight


class _CertifiedAccuracy:
    """Scorer of one radius or of several."""

    def __init__(self, epsilon):
        self.epsilon = epsilon

    def __repr__(self):
        return f"certified_accuracy({self.epsilon!r})"

    def __call__(self, estimator, X, y, sample_weight=None):
        """Return certified accuracy, or a dict of it by name."""
        labels, radii = _predict_with_radius(estimator, X)
        if isinstance(self.epsilon, Real):
            return certified_accuracy_score(y, labels, radii, self.epsilon, sample_weight=sample_weight)
        return {
            f"certified_accuracy_{_shortest(epsilon)}": certified_accuracy_score(
                y, labels, radii, epsilon, sample_weight=sample_weight
            )
            for epsilon in self.epsilon
        }


def _shortest(number):
    """The number in its shortest form, 0.1 or 0 or 1e-05."""
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)


def certified_accuracy(epsilon: float | ArrayLike) -> Callable[..., float]:
    """Make a scorer of certified accuracy, for ``scoring=`` wherever scikit-learn takes one.

    Parameters
    ----------
    epsilon : float or sequence of float
        Distance, in the units in which the classifier gets its rows: at the end of a
        ``Pipeline``, what its earlier steps put out. Several give one score each, named
        ``certified_accuracy_<epsilon>`` (``refit=`` then names one), from a single forward pass; 0 is
        the accuracy.

    Returns
    -------
    callable
        ``scorer(estimator, X, y, sample_weight=None)`` for a sklip classifier, a ``Pipeline`` that ends
        in one, or a fitted search of these. Prediction and radius come from one forward pass.
        Scikit-learn's searches hand no sample weights to a scorer of this kind.

    Raises
    ------
    ValueError
        For an ``epsilon`` below 0, and for none.
    TypeError
        From the scorer, for an estimator without certificates.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklip import LipschitzMLP
    >>> from sklip.metrics import certified_accuracy
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = LipschitzMLP(hidden_layer_sizes=(16,), epochs=20, random_state=0)
    >>> cross_val_score(classifier, X, y, cv=3, scoring=certified_accuracy(0.1)).shape
    (3,)
    """
    distances = np.asarray(epsilon, dtype=np.float64)
    if distances.ndim > 1 or not distances.size or not (distances >= 0).all():
        raise ValueError(f"epsilon is a distance, 0 or more, or a sequence of them; got {epsilon!r}.")
    return _CertifiedAccuracy(float(distances) if distances.ndim == 0 else tuple(distances.tolist()))


def _predict_with_radius(estimator, X):
    """Labels and radii of a sklip classifier, however wrapped, from one forward pass."""
    if isinstance(estimator, Pipeline):
        check_is_fitted(estimator)
        return _predict_with_radius(estimator[-1], estimator[:-1].transform(X) if len(estimator) > 1 else X)
    if hasattr(estimator, "best_estimator_"):
        return _predict_with_radius(estimator.best_estimator_, X)
    if isinstance(estimator, FrozenEstimator):
        return _predict_with_radius(estimator.estimator, X)
    if not hasattr(estimator, "_labels_and_radii"):
        raise TypeError(
            f"certified_accuracy needs a sklip classifier, or a Pipeline that ends in one; got "
            f"{type(estimator).__name__}."
        )
    return estimator._labels_and_radii(X)
