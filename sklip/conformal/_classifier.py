"""RobustConformalClassifier: sets of classes that hold the true one in spite of changes of the inputs."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from sklip._compat import StrOptions
from sklip._heads import Heads
from sklip._labels import check_labels, known_labels
from sklip.certification import gap_bands, score_bands
from sklip.conformal._split_conformal import SplitConformal
from sklip.estimators._certified_classifier import CertifiedClassifier


class RobustConformalClassifier(ClassifierMixin, SplitConformal):
    """Sets of classes that hold the true one with a given probability, whatever changes the inputs within a radius.

    Split conformal prediction: the classifier is fitted on a part of the rows. The others show how far the score of the
    true class is behind the best of the others. A set holds all classes that are not farther behind than the quantile
    ``1 − alpha`` of these numbers. This holds for inputs like those of ``fit``. If someone may move each input by
    ``radius``, a class stays in the set unless it is proven to be farther behind at every input within the radius.

    Parameters
    ----------
    estimator : HKRClassifier, LipschitzMLP, NetworkClassifier, search or FrozenEstimator
        Classifier of sklip, which is cloned and fitted. A ``FrozenEstimator`` around a fitted one is not fitted again.
        Pipelines are refused.
    alpha : float, default=0.1
        Largest share of rows whose set may miss the true class, above 0 and below 1.
    radius : float, default=0.0
        How far each input may have been moved. Sets of radius 0 are those of plain split conformal prediction, up to
        rounding.
    norm : {1, 2, inf, "l1", "l2", "inf"} or None, default=None
        Norm in which inputs are moved; None for that of the classifier.
    tolerances : float, array-like of shape (n_features,), mapping or None, default=None
        Tolerances of the columns, as in :func:`sklip.certified_radius`; None for those of the classifier.
    calibration_size : float or int, default=0.25
        Share, or number, of the rows for calibration. A ``FrozenEstimator`` gets all of them.
    empty_sets : {"keep", "predicted"}, default="keep"
        What to do if all classes are farther behind than the threshold. ``"keep"`` leaves the set empty: the input is
        unlike the calibration rows. ``"predicted"`` puts the predicted class into each set.
    random_state : int, RandomState instance or None, default=None
        Determines which rows are for calibration.

    Attributes
    ----------
    estimator_ : estimator
        The fitted classifier.
    classes_ : ndarray of shape (n_classes,)
        Sorted labels, in the order of the columns of sets.
    threshold_ : float
        Largest nonconformity of a class in a set; infinite if there are too few calibration rows.
    calibration_scores_ : ndarray of shape (n_calibration_rows,)
        Nonconformity of the calibration rows, sorted: the highest score of the other classes minus that of the true
        one. With two classes, it is the score of the row, or minus that for ``classes_[1]``.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if all of them were text.

    See Also
    --------
    RobustConformalRegressor : Intervals of numbers.
    sklip.certified_radius : How far a row may move without a change of its prediction.

    Notes
    -----
    If the calibration rows and a new row ``x`` with its label are exchangeable, for example drawn independently from
    one distribution, the set of every input within the radius of ``x`` holds the label with a probability of at least
    ``1 − alpha``. The input may be chosen with knowledge of everything, the label and the calibration rows included.
    The probability is over the draws of the calibration rows and of ``x``, and not for each class or each row.

    The set of ``x'`` holds class ``c`` if ``min_j f_c(x') − f_j(x') + (L_cj + 2 a) radius + 4 E(x')`` is at least minus
    the threshold, where ``L_cj`` is the proven constant of the difference, and the rest bounds the rounding. The same
    number without the additions, at ``x``, is at most this.

    ``radius``, ``norm``, ``tolerances`` and ``empty_sets`` act in ``predict_set``: ``set_params`` changes them without
    a new fit.

    A label that is only among the calibration rows is in no set; these rows count as missed.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklip import LipschitzMLP, RobustConformalClassifier
    >>> X, y = make_moons(1000, noise=0.2, random_state=0)
    >>> classifier = LipschitzMLP(hidden_layer_sizes=(32, 16), epochs=10, backend="numpy", random_state=0)
    >>> model = RobustConformalClassifier(classifier, alpha=0.1, radius=0.1, random_state=0).fit(X[:500], y[:500])
    >>> sets = model.predict_set(X[500:])
    >>> sets.shape
    (500, 2)
    >>> moved = model.predict_set(X[500:] + [0.06, -0.08])
    >>> bool(moved[range(500), y[500:]].mean() >= 0.9)
    True
    """

    _kind = CertifiedClassifier
    _example = "LipschitzMLP()"
    _parameter_constraints = {
        **SplitConformal._parameter_constraints,
        "empty_sets": [StrOptions({"keep", "predicted"})],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        alpha: float = 0.1,
        radius: float = 0.0,
        norm: float | str | None = None,
        tolerances: ArrayLike | Mapping | None = None,
        calibration_size: float | int = 0.25,
        empty_sets: Literal["keep", "predicted"] = "keep",
        random_state: int | np.random.RandomState | None = None,
    ):
        super().__init__(
            estimator,
            alpha=alpha,
            radius=radius,
            norm=norm,
            tolerances=tolerances,
            calibration_size=calibration_size,
            random_state=random_state,
        )
        self.empty_sets = empty_sets

    @property
    def classes_(self) -> np.ndarray:
        """Sorted labels, in the order of the columns of sets."""
        check_is_fitted(self)
        return self.estimator_.classes_

    def predict_set(self, X: ArrayLike) -> np.ndarray:
        """Sets of classes for rows that may have been moved by the radius.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), bool
            Whether each class, in the order of ``classes_``, is in the set of each row. See ``empty_sets`` for sets
            without a class.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if ``radius``, ``norm`` or ``tolerances`` cannot be used. If the
            estimator was trained again after it was calibrated.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Warns
        -----
        sklip.exceptions.FarFromTrainingWarning
            If a row is more than three times as far from ``center_`` of the classifier as any training row.
        """
        if self.empty_sets not in ("keep", "predicted"):
            raise ValueError(f"empty_sets must be 'keep' or 'predicted'; got {self.empty_sets!r}.")
        sets: list[np.ndarray] = []
        for _, scores, errors, radii, proof in self._moved_blocks(X):
            held = _largest_leads(scores, errors, radii, proof) >= -self.threshold_
            if self.empty_sets == "predicted":
                held[np.arange(len(scores)), Heads.of_scores(scores.shape[1]).class_indices(scores)] = True
            sets.append(held)
        return np.concatenate(sets)

    def _checked_targets(self, y, n_rows):
        return check_labels(y, n_rows)

    def _nonconformity(self, served, scores, y):
        if self._is_frozen:
            known_labels(y, len(scores), served.classes_)
        known = np.isin(y, served.classes_)
        class_indices = np.searchsorted(served.classes_, y[known])
        found = np.full(len(y), np.inf)
        found[known] = -_leads(scores[known], class_indices)
        return found


def _leads(scores, class_indices):
    """Lead of the class of each row over the best of the others; for one score, the score towards the class."""
    if scores.shape[1] == 1:
        return np.where(class_indices == 1, scores[:, 0], -scores[:, 0])
    rows = np.arange(len(scores))
    others = scores.copy()
    others[rows, class_indices] = -np.inf
    return scores[rows, class_indices] - others.max(axis=1)


def _largest_leads(scores, errors, radii, proof):
    """Upper bounds, of shape (n_rows, n_classes), of the lead of each class at all inputs within the radii."""
    if scores.shape[1] == 1:
        lower, upper = score_bands(scores[:, 0], errors, radii, proof.lipschitz, proof.error_lipschitz)
        return np.column_stack([-lower, upper])
    leads = np.empty_like(scores)
    for one in range(scores.shape[1]):
        _, upper = gap_bands(scores, one, errors, radii, proof.pair_lipschitz, proof.error_lipschitz)
        upper[:, one] = np.inf
        leads[:, one] = upper.min(axis=1)
    return leads
