"""CertifiedClassifier: from the scores of the served network to labels, certificates, gradients and exports."""

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from sklip._heads import Heads
from sklip._labels import read_labels
from sklip._overrides import refuse_overrides
from sklip.certification import certificate, distances_above
from sklip.estimators._network_estimator import NetworkEstimator
from sklip.estimators._remoteness import FarRows, remoteness
from sklip.estimators._sample_distances import sample_distances
from sklip.rows.entries import all_finite
from sklip.served import scores_and_jacobian

if TYPE_CHECKING:
    import onnx
    from art.estimators.classification.classifier import ClassifierClassLossGradients


class CertifiedClassifier(ClassifierMixin, NetworkEstimator):
    """What every sklip classifier can do once it has ``network_`` and ``classes_``."""

    classes_: np.ndarray

    @property
    def _heads(self):
        return Heads(len(self.classes_))

    def _of_scores(self, rows, answer, dtype=np.float64, n_columns=None):
        """What a function makes of the scores, block by block."""
        result = np.empty(len(rows) if n_columns is None else (len(rows), n_columns), dtype)
        for block, _, scores in self.network_.scored_blocks(rows):
            result[block] = answer(self._finite(scores, rows))
        return result

    def decision_function(self, X: ArrayLike) -> np.ndarray:
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
        rows, heads = self._inference_rows(X), self._heads
        return self._of_scores(rows, lambda scores: scores, n_columns=heads.n_scores)[:, heads.index]

    def _finite(self, scores, rows):
        """Scores of some of the rows; a ValueError where they are not numbers."""
        if not all_finite(scores):
            rows.check()  # NaN is reported before overflow
            raise ValueError("X holds values so large that the scores overflow. Scale the features.")
        return scores

    def _labels(self, scores):
        """Classes that scores of shape (n_rows, n_scores) decide for."""
        return self.classes_[self._heads.class_indices(scores)]

    def _labels_and_radii(self, X):
        """``predict`` and ``certified_radius`` from one forward pass."""
        refuse_overrides(self, CertifiedClassifier)
        rows, proof = self._inference_rows(X), certificate(self.network_)
        labels, radii = np.empty(len(rows), self.classes_.dtype), np.empty(len(rows))
        for block, units, scores in self.network_.scored_blocks(rows):
            radii[block] = proof.radii(scores, units, rows.conversion_error)
            labels[block] = self._labels(self._finite(scores, rows))
        return labels, radii

    def predict(self, X: ArrayLike) -> np.ndarray:
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
        return self._of_scores(self._inference_rows(X), self._labels, self.classes_.dtype)

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

    def certified_radius(self, X: ArrayLike) -> np.ndarray:
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
        NotLipschitzError
            For a subclass that defines ``predict``, or what it calls, in its own way.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Warns
        -----
        sklip.exceptions.FarFromTrainingWarning
            When a row is more than three times as far from ``center_`` as any training row.

        Notes
        -----
        The proof is about the very float64 arithmetic of ``predict``, not about an ideal
        network; see :func:`sklip.certification.certified_radius`. Rows of other dtypes are
        converted first, which is exact for float16, float32 and integers up to 2⁵³. It says
        nothing of whether the prediction is right.
        """
        refuse_overrides(self, CertifiedClassifier)
        rows = self._inference_rows(X)
        proof, radii, far = certificate(self.network_), np.empty(len(rows)), FarRows(len(rows))
        for block, units, scores in self.network_.scored_blocks(rows):
            radii[block] = proof.radii(scores, units, rows.conversion_error)
            far.see(block.start, remoteness(self, distances_above(units)))
        far.advise()
        return radii

    def gradient(self, X: ArrayLike) -> np.ndarray:
        """Gradient of ``decision_function`` at each row, exact up to rounding.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_features) or (n_rows, n_classes, n_features), float64
            Two classes: the gradient of the one score. More: that of every class's score. Score
            and features have the same units, so it has none. The network is piecewise linear;
            at a kink, this is the gradient of one of the pieces that meet there.

        Raises
        ------
        ValueError
            For rows that ``fit`` would not take, or of other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        rows = self._inference_rows(X)
        scores, jacobian = scores_and_jacobian(self.network_, rows)
        self._finite(scores, rows)
        return jacobian[:, self._heads.index]

    def closest_adversarial(self, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """For each row, the nearest point found that is predicted otherwise.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in the units of ``fit``.

        Returns
        -------
        adversarial : ndarray of shape (n_rows, n_features), float64
            Predicted otherwise than the row, by more than the rounding of its scores; nan where
            none was found.
        distance : ndarray of shape (n_rows,), float64
            Euclidean distance between the two in the units of the data, rounded up; infinite
            where none was found. The true margin lies between ``certified_radius`` and this.

        Raises
        ------
        ValueError
            For rows that ``fit`` would not take, or of other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Notes
        -----
        It is a counterfactual explanation as well: the least change found that would have been
        predicted otherwise. With the HKR loss gradients have a norm near 1 and
        ``x − f(x) ∇f(x)``, where the search begins, is close to the image of the row under the
        optimal transport of its class to the other one. See
        :func:`sklip.attacks.closest_adversarial` for the search; it involves no chance.

        Examples
        --------
        >>> from sklearn.datasets import make_moons
        >>> from sklip import HKRClassifier
        >>> X, y = make_moons(500, noise=0.05, random_state=0)
        >>> classifier = HKRClassifier(hidden_layer_sizes=(32, 16), random_state=0).fit(X, y)
        >>> adversarial, distance = classifier.closest_adversarial(X)
        >>> bool((classifier.predict(adversarial) != classifier.predict(X)).all())
        True
        >>> bool((distance >= classifier.certified_radius(X)).all())
        True
        """
        from sklip.attacks import closest_adversarial

        rows = self._inference_rows(X)
        points = rows.as_float64()
        self._finite(self.network_.scores(points), rows)
        return closest_adversarial(self.network_, points)

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
        bounds = sample_distances(self, self._inference_rows(X).as_float64(), y, sample_weight)[self._heads.index]
        return float(bounds) if bounds.ndim == 0 else bounds

    def to_onnx(self, *, dtype: Literal["float64", "float32"] = "float64") -> "onnx.ModelProto":
        """Export as an ONNX model, for onnxruntime and its like.

        Parameters
        ----------
        dtype : {"float64", "float32"}, default="float64"
            Of the rows that the model takes, in which it computes and of the scores that it returns. float32 is
            for runtimes that have no float64, or for speed; it rounds the rows before the centre is
            subtracted, which matters where the data lie far from 0 compared with ``scale_``.

        Returns
        -------
        onnx.ModelProto
            Of opset 17, with the input ``X``, of shape (n_rows, n_features), and the outputs ``label``, of
            shape (n_rows,), text or int64; ``probabilities``, of shape (n_rows, n_classes), as sklearn-onnx names
            the second output of every classifier: ``predict_proba`` or, of a classifier that has none, the
            scores (``[−f, f]`` of two classes); and ``decision_function``, in the shape of the method. Scores
            are those of the method to ``1e-5 · scale_``, in float64 to ``1e-12 · scale_``. Not-a-number and
            infinity in ``X`` are not refused. Certificates are about this classifier, not about an exported
            copy: another runtime rounds otherwise.

        Raises
        ------
        ImportError
            When onnx is not installed.
        ValueError
            For another dtype, and for labels that are neither text nor whole numbers.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        See Also
        --------
        sklip.register_onnx_converters : For pipelines, by sklearn-onnx.

        Examples
        --------
        >>> from sklearn.datasets import make_moons
        >>> from sklip import HKRClassifier
        >>> X, y = make_moons(200, noise=0.05, random_state=0)
        >>> classifier = HKRClassifier(hidden_layer_sizes=(32, 16), random_state=0).fit(X, y)
        >>> import onnxruntime
        >>> session = onnxruntime.InferenceSession(classifier.to_onnx().SerializeToString())
        >>> label, scores = session.run(["label", "decision_function"], {"X": X})
        >>> bool((label == classifier.predict(X)).all())
        True
        """
        check_is_fitted(self, "network_")
        from sklip.interop import to_onnx

        return to_onnx(self.network_, self.classes_, getattr(self, "temperature_", None), dtype=dtype)

    def to_art(self, clip_values: tuple | None = None) -> "ClassifierClassLossGradients":
        """Make an estimator for the attacks of the Adversarial Robustness Toolbox (ART).

        Parameters
        ----------
        clip_values : tuple of (float or ndarray, float or ndarray), default=None
            Smallest and largest values of the features; attacks stay within.

        Returns
        -------
        art.estimators.BaseEstimator
            Its predictions and gradients are those of the served network, in NumPy and float64. ``predict`` returns
            logits of shape (n_rows, n_classes): two classes, ``[−f / 2, f / 2]`` for the score ``f``; more, the
            scores. Their argmax is the position in ``classes_`` of what the classifier predicts. ``class_gradient``
            is exact; ``loss_gradient`` and ``compute_loss`` are of the margin of the best rival over the class,
            whose gradient, unlike that of cross-entropy, never vanishes far from the boundary.

        Raises
        ------
        ImportError
            When ART is not installed.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Notes
        -----
        The attacks that need a loss or class gradients, or predictions alone, run: DeepFool, Carlini and Wagner's,
        projected gradient descent, AutoPGD, HopSkipJump, the boundary attack, the elastic net. Those that rebuild
        the network in PyTorch or TensorFlow do not. Attacks hold their inputs in float32, which is exact for rows of
        float32 numbers.

        Examples
        --------
        >>> from sklearn.datasets import make_moons
        >>> from sklip import HKRClassifier
        >>> X, y = make_moons(200, noise=0.05, random_state=0)
        >>> classifier = HKRClassifier(hidden_layer_sizes=(32, 16), random_state=0).fit(X, y)
        >>> from art.attacks.evasion import DeepFool  # doctest: +SKIP
        >>> adversarial = DeepFool(classifier.to_art()).generate(X.astype("float32"))  # doctest: +SKIP
        """
        check_is_fitted(self, "network_")
        from sklip.interop import to_art

        return to_art(self.network_, self.classes_, clip_values)
