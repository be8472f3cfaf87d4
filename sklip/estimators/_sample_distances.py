"""Proven distances between the samples of labelled rows, computed with a fitted network."""

import numpy as np

from sklip._heads import Heads
from sklip.certification import transport_bounds
from sklip.estimators._rows import labels_and_weights


def sample_distances(estimator, X, y, sample_weight):
    """Lower bounds of the Wasserstein-1 distances between the rows of each class and all other rows.

    Parameters
    ----------
    estimator : fitted sklip estimator
        An estimator that has ``network_`` and ``classes_``.
    X : ndarray of shape (n_rows, n_features), float64
        Validated rows.
    y, sample_weight : array-like
        Labels and weights, as in ``fit``; all labels must be among ``classes_``.

    Returns
    -------
    ndarray of shape (1,) for two classes, (n_classes,) for more
        Bounds; nan for a class without rows.

    Raises
    ------
    ValueError
        If the rows belong to fewer than two classes; if columns are fixed, as rows that differ in these have no
        distance.
    """
    if estimator._question.fixed is not None:
        raise ValueError(
            f"This {type(estimator).__name__} was trained with fixed columns, of tolerance 0. Rows that differ in "
            "these have no distance, so samples have none. Train with a positive tolerance for every column."
        )
    class_indices, weights = labels_and_weights(X, y, sample_weight, estimator.classes_)
    seen = estimator.classes_[np.unique(class_indices[weights > 0])]
    if len(seen) < 2:
        raise ValueError(
            f"A distance between samples needs rows of at least two labels in y; got only {seen.tolist()} (rows with "
            "sample_weight 0 do not count). Add rows of another label."
        )
    own = Heads(len(estimator.classes_)).own(class_indices)
    return transport_bounds(estimator.network_, X, own, weights, estimator._question)
