"""ProbabilisticClassifier: probabilities of the classes, computed from the scores times a temperature."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, log_expit, log_softmax, softmax

from sklip._overrides import refuse_overrides
from sklip.certification import certificate, probability_bands
from sklip.estimators._certified_classifier import CertifiedClassifier
from sklip.estimators._moves import asked_question, bounded_blocks, radii_of


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

    def predict_proba_band(
        self,
        X: ArrayLike,
        radius: float | ArrayLike,
        *,
        norm: float | str | None = None,
        tolerances: ArrayLike | Mapping | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Band of probabilities for each row: no row within the radius has a probability outside.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.
        radius : float or array-like of shape (n_rows,)
            How far each row may move.
        norm : {1, 2, inf, "l1", "l2", "inf"} or None, default=None
            Norm in which rows move; None for that of ``fit``.
        tolerances : float, array-like of shape (n_features,), mapping or None, default=None
            Tolerances of the columns, as in :func:`sklip.certified_radius`; None for those of ``fit``.

        Returns
        -------
        lower : ndarray of shape (n_rows, n_classes), float64
        upper : ndarray of shape (n_rows, n_classes), float64
            Rounded outward: for every float64 row within the radius, its edge included, each number of
            ``predict_proba`` is between them.

        Raises
        ------
        ValueError
            For a radius that is negative or NaN; if ``fit`` would not take the rows.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        NotLipschitzError
            If a subclass overrides ``predict_proba``, or a method that it calls.

        Warns
        -----
        sklip.exceptions.FarFromTrainingWarning
            If a row is more than three times as far from ``center_`` as any training row.

        Notes
        -----
        With two classes, the ends are the sigmoid at both ends of the band of the score, so nothing is lost. With more,
        ``p_c ≥ 1 / (1 + Σ exp(−temperature_ · (gap_cj − L_cj · radius)))``, the sum over the other classes ``j``, and
        the upper end likewise: all gaps would have to close at once. The probabilities are those of the model. The
        band says how far they can move, and not whether they are calibrated. See
        :func:`sklip.certification.probability_bands` for the proof.

        Examples
        --------
        >>> from sklearn.datasets import make_moons
        >>> from sklip import LipschitzMLP
        >>> X, y = make_moons(500, noise=0.05, random_state=0)
        >>> classifier = LipschitzMLP(hidden_layer_sizes=(32, 16), epochs=10, backend="numpy", random_state=0).fit(X, y)
        >>> lower, upper = classifier.predict_proba_band(X, 0.1)
        >>> moved = classifier.predict_proba(X + [0.06, -0.08])
        >>> bool(((lower <= moved) & (moved <= upper)).all())
        True
        """
        refuse_overrides(self, ProbabilisticClassifier)
        rows, question = self._inference_rows(X), asked_question(self, norm, tolerances)
        radii, proof = radii_of(radius, len(rows)), certificate(self.network_, question)
        temperature = float(self.temperature_)  # type: ignore[arg-type]
        lower, upper = (np.empty((len(rows), self._heads.n_classes)) for _ in range(2))
        for block, scores, [(errors, room)] in bounded_blocks(self, rows, [proof]):
            bands = probability_bands(scores, errors, radii[block], proof, temperature)
            inside = (radii[block] <= room)[:, None]
            lower[block], upper[block] = np.where(inside, bands[0], 0.0), np.where(inside, bands[1], 1.0)
        return lower, upper
