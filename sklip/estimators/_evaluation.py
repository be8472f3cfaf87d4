"""What a fitted classifier tells of labelled rows: the terms of its loss, the distance between classes."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin

from sklip._labels import read_labels
from sklip.estimators._rows import balanced_factors, labelled_rows, own_head
from sklip.estimators._sample_distances import sample_distances
from sklip.rows.served import ServedRows
from sklip.served import ServedNetwork


class LabelledEvaluation:
    """Part of every sklip classifier; it needs ``_inference_rows``, ``network_`` and ``classes_``."""

    classes_: np.ndarray
    network_: ServedNetwork
    _class_factors: np.ndarray | None
    _objective: Any
    _inference_rows: Callable[[ArrayLike], ServedRows]

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Accuracy: the share of the rows that are predicted right.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in the units of ``fit``.
        y : array-like of shape (n_rows,)
            Their labels.
        sample_weight : array-like of shape (n_rows,), default=None
            Their weights.

        Returns
        -------
        float
            From 0 to 1.

        Raises
        ------
        ValueError
            For rows that ``fit`` would not take, and for missing labels.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        return ClassifierMixin.score(self, X, read_labels(y), sample_weight)

    def loss_terms(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> dict[str, float | np.ndarray]:
        """The terms of the loss, and their parts by class, on the served network.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in the units of ``fit``.
        y : array-like of shape (n_rows,)
            Their labels, all of them among ``classes_``.
        sample_weight : array-like of shape (n_rows,), default=None
            Their weights in the expectations.

        Returns
        -------
        dict of str to float or ndarray of shape (n_classes,)
            ``"loss"``, then its terms by name: ``"kr"`` and ``"hinge"``, or ``"cross_entropy"`` (in nats),
            with the ``class_weight`` of ``fit`` (``"balanced"``: over these rows), in the units of the data. A name
            that ends in ``_per_class`` holds the mean over the rows of each class of ``classes_``,
            without ``class_weight``; nan for a class without rows.

        Raises
        ------
        ValueError
            For rows that ``fit`` would not take, and for labels that it has not seen.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        rows = labelled_rows(self._inference_rows(X).as_float64(), y, sample_weight, self.classes_)
        codes, weights = rows.codes, rows.weights
        positive, scores, weight = (
            own_head(codes, len(self.classes_)).astype(np.float64),
            self.network_.scores(rows.X),
            weights[:, None],
        )
        factors = self._class_factors
        with np.errstate(under="ignore"):
            if factors is None:
                factors = balanced_factors(np.bincount(codes, weights, len(self.classes_)) / weights.sum())
            terms = self._objective.terms(positive, scores, weight, factors)
            parts = [
                self._objective.class_terms(positive[own], scores[own], weight[own]) if weights[own].any() else {}
                for own in (codes == code for code in range(len(self.classes_)))
            ]
        names = next(filter(None, parts))
        return {
            **{name: float(value) for name, value in terms.items()},
            **{f"{name}_per_class": np.array([float(part.get(name, np.nan)) for part in parts]) for name in names},
        }

    def kr_distance(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float | np.ndarray:
        """Proven lower bound of the Wasserstein-1 distance between the classes of some rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in the units of ``fit``; any, not only those of ``fit``.
        y : array-like of shape (n_rows,)
            Their labels, all of them among ``classes_``.
        sample_weight : array-like of shape (n_rows,), default=None
            Their weights; those of each sample are divided by their sum.

        Returns
        -------
        float or ndarray of shape (n_classes,)
            Two classes: the bound. More: for each class, that of the distance between its rows
            and all others, by its own score; nan for a class without rows. In the units of the
            data, rounded down; 0 where nothing is proven.

        Raises
        ------
        ValueError
            For rows that ``fit`` would not take, for labels that it has not seen, and for rows of
            one class alone.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Notes
        -----
        ``|E[f | class] − E[f | others]| / lipschitz_bound_``, less all that rounding can amount to.
        By the duality of Kantorovich and Rubinstein it is never above the distance between the
        samples, whatever the network; it is close to it when the network was trained for that, as
        :class:`sklip.WassersteinEstimator` is. See :func:`sklip.certification.transport_bounds`.
        """
        bounds = sample_distances(self, self._inference_rows(X).as_float64(), y, sample_weight)
        return float(bounds[0]) if len(self.classes_) == 2 else bounds
