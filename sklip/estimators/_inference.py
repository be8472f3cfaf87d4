"""The one gate to inference: scores, labels, certificates, loss terms and exports of the served network."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from sklip.certification import certificate, certified_radius, certified_scores
from sklip.estimators import _validation as validation
from sklip.estimators._rows import balanced_factors, own_head


class CertifiedClassifier(ClassifierMixin, BaseEstimator):
    """What every sklip classifier can do once it has ``network_`` and ``classes_``."""

    def _inference_rows(self, X):
        """Rows as the served network takes them: the one gate of every prediction."""
        check_is_fitted(self, "network_")
        return validation.check_features(self, X, reset=False, training=False)

    def decision_function(self, X):
        """Scores of the served network, computed in float64.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_classes), float64
            Two classes: positive scores mean ``classes_[1]``. More: one score a class. In
            the units of the data; each changes by at most ``lipschitz_bound_`` times the
            distance that a row moves.

        Raises
        ------
        ValueError
            For rows that ``fit`` would not take, or of other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Notes
        -----
        A score is close to the distance that the row may move before the class changes;
        :meth:`certified_radius` is the proven number.
        """
        X = self._inference_rows(X)
        return self._finite(self.network_.scores(X))

    def _finite(self, scores):
        """Scores as ``decision_function`` returns them."""
        if not np.isfinite(scores).all():
            raise ValueError("X holds values so large that the scores overflow. Scale the features.")
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def _labels(self, scores):
        """Classes of the scores of ``decision_function``."""
        return self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]

    def _labels_and_radii(self, X):
        """``predict`` and ``certified_radius`` from one forward pass."""
        X = self._inference_rows(X)
        scores, radii = certified_scores(self.network_, X)
        return self._labels(self._finite(scores)), radii

    def predict(self, X):
        """Class labels.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,)
            Two classes: ``classes_[1]`` where the score is above 0. More: the class of the
            highest score, the first of several.

        Raises
        ------
        ValueError
            For rows that ``fit`` would not take, or of other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        return self._labels(self.decision_function(X))

    def certified_radius(self, X):
        """Distance that each row may move, in any direction, without a change of ``predict``.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            Euclidean radii in the units of the data, rounded down: every float64 row strictly
            inside is predicted as the row is. 0 where scores tie up to rounding.

        Raises
        ------
        ValueError
            For rows that ``fit`` would not take, or of other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Notes
        -----
        The proof is about the very float64 arithmetic of ``predict``, not about an ideal
        network; see :func:`sklip.certification.certified_radius`. Rows of other dtypes are
        converted first, which is exact for float16, float32 and integers up to 2⁵³. It says
        nothing of whether the prediction is right.
        """
        X = self._inference_rows(X)
        return certified_radius(self.network_, X)

    def loss_terms(self, X, y, sample_weight=None):
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
        X = self._inference_rows(X)
        y = validation.check_labels(y, len(X))
        weights = validation.check_weights(sample_weight, X)
        codes = validation.encode_labels(y, self.classes_)
        positive, scores, weight = (
            own_head(codes, len(self.classes_)).astype(np.float64),
            self.network_.scores(X),
            weights[:, None],
        )
        factors = self._class_factors
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

    @property
    def lipschitz_bound_(self):
        """Proven upper bound of the Lipschitz constant of every score, from the served weights."""
        check_is_fitted(self, "network_")
        return certificate(self.network_).lipschitz

    def to_keras(self):
        """Export as a ``keras.Model`` of ordinary Dense layers.

        Returns
        -------
        keras.Model
            The centre is subtracted in float64, the rest runs in float32: equal to
            ``decision_function`` to ``1e-5 · scale_`` (where float32 products are: GPUs may
            round them to TF32). A saved copy loads where ``sklip.layers`` is imported.
            ``model(X)`` takes float64 as it is; ``model.predict(X)`` rounds X to float32
            first, which matters where the data lie far from 0 compared with ``scale_``.
            Certificates are about this classifier, not about an exported copy.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        check_is_fitted(self, "network_")
        from sklip.export import to_keras

        return to_keras(self.network_)
