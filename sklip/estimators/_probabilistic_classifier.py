"""ProbabilisticClassifier: probabilities of the classes, computed from the scores times a temperature."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, log_expit, log_softmax, softmax

from sklip.estimators._certified_classifier import CertifiedClassifier


class ProbabilisticClassifier(CertifiedClassifier):
    """Base of the classifiers that have a ``temperature_``."""

    temperature_: float | None

    def _of_logits(self, X, of_one, of_many):
        """Apply a function to ``temperature_`` times the scores; the result has the shape (n_rows, n_classes)."""
        rows, heads = self._inference_rows(X), self._heads

        def answer(scores):
            with np.errstate(over="ignore", under="ignore"):
                logits = heads.columns(np.clip(self.temperature_ * scores, -1e300, 1e300))  # so that no gap overflows
                return of_one(logits) if heads.n_scores == 1 else of_many(logits, axis=1)

        return self._of_scores(rows, answer, n_columns=heads.n_classes)

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Probabilities of the classes: sigmoid or softmax of ``temperature_`` times the scores.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            Probabilities, in the order of ``classes_``.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if they have other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        return self._of_logits(X, expit, softmax)

    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Logarithms of the probabilities, computed from the scores; finite even if probabilities round to 0.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            Logarithms, in the order of ``classes_``.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if they have other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        return self._of_logits(X, log_expit, log_softmax)
