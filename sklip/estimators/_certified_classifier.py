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
from sklip.estimators._distance_ratio import FarRows, distance_ratio
from sklip.estimators._network_estimator import NetworkEstimator
from sklip.estimators._sample_distances import sample_distances
from sklip.rows.images import in_shape
from sklip.served import scores_and_jacobian

if TYPE_CHECKING:
    import onnx
    from art.estimators.classification.classifier import ClassifierClassLossGradients


class CertifiedClassifier(ClassifierMixin, NetworkEstimator):
    """Base of all classifiers of sklip: the methods that need only ``network_`` and ``classes_``."""

    classes_: np.ndarray

    @property
    def _heads(self):
        return Heads(len(self.classes_))

    def _of_scores(self, rows, answer, dtype=np.float64, n_columns=None):
        """Apply a function to the scores, block by block."""
        result = np.empty(len(rows) if n_columns is None else (len(rows), n_columns), dtype)
        for block, _, scores in self.network_.scored_blocks(rows):
            result[block] = answer(self._finite(scores, rows))
        return result

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Scores of the served network, computed in float64.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_classes), float64
            Two classes: one score per row; positive scores mean ``classes_[1]``. Three or more: one
            score per class. Scores are in the units of the data. Each changes by at most
            ``lipschitz_bound_`` times the distance that a row moves, in the norm and the tolerances of
            ``fit``.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if they have other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Notes
        -----
        A score is close to the distance that the row may move before the class changes;
        :meth:`certified_radius` returns the proven distance.
        """
        rows, heads = self._inference_rows(X), self._heads
        return self._of_scores(rows, lambda scores: scores, n_columns=heads.n_scores)[:, heads.index]

    def _labels(self, scores):
        """Labels that the scores, of shape (n_rows, n_scores), decide for."""
        return self.classes_[self._heads.class_indices(scores)]

    def _labels_and_radii(self, X):
        """``predict`` and ``certified_radius`` from one forward pass."""
        refuse_overrides(self, CertifiedClassifier)
        rows, proof = self._inference_rows(X), certificate(self.network_, self._question)
        labels, radii = np.empty(len(rows), self.classes_.dtype), np.empty(len(rows))
        for block, centered, scores in self.network_.scored_blocks(rows):
            radii[block] = proof.radii(scores, centered, rows.conversion_error)
            labels[block] = self._labels(self._finite(scores, rows))
        return labels, radii

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict class labels.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,)
            Two classes: ``classes_[1]`` if the score is above 0, else ``classes_[0]``. Three or more:
            the class of the highest score, the first one if several are equal.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if they have other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        return self._of_scores(self._inference_rows(X), self._labels, self.classes_.dtype)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Accuracy: the share of the rows that are predicted right.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.
        y : array-like of shape (n_rows,)
            True labels of the rows.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.

        Returns
        -------
        float
            Accuracy, from 0 to 1.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if labels are missing.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        return ClassifierMixin.score(self, X, read_labels(y), sample_weight)

    def certified_radius(self, X: ArrayLike) -> np.ndarray:
        """Distance that each row may move, in any direction, without a change of its prediction.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            Radii in the norm and the tolerances of ``fit`` (Euclidean, in the units of the data, by
            default), rounded down: every float64 row strictly inside the radius has the same
            prediction. 0 if scores are equal up to rounding.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if they have other columns.
        NotLipschitzError
            If a subclass overrides ``predict``, or a method that it calls.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Warns
        -----
        sklip.exceptions.FarFromTrainingWarning
            If a row is more than three times as far from ``center_`` as any training row.

        Notes
        -----
        The proof holds for the float64 arithmetic that ``predict`` executes, not for an ideal
        network; see :func:`sklip.certification.certified_radius`. Rows of other dtypes are
        converted first, which is exact for float16, float32 and integers up to 2⁵³. The radius
        does not say whether the prediction is right.
        """
        refuse_overrides(self, CertifiedClassifier)
        rows = self._inference_rows(X)
        proof, radii, far = certificate(self.network_, self._question), np.empty(len(rows)), FarRows(len(rows))
        for block, centered, scores in self.network_.scored_blocks(rows):
            radii[block] = proof.radii(scores, centered, rows.conversion_error)
            far.see(block.start, distance_ratio(self, centered, distances_above(centered)))
        far.advise()
        return radii

    def gradient(self, X: ArrayLike) -> np.ndarray:
        """Gradient of ``decision_function`` at each row, exact up to rounding.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_features) or (n_rows, n_classes, n_features), float64
            Two classes: the gradient of the single score. Three or more: the gradient of the score of
            each class. For images, the last axis is replaced by the axes of an image. Scores and features
            have the same units, so gradients have no unit. Where the network has a kink, the result is
            the gradient of one of the pieces that meet.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if they have other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        rows = self._inference_rows(X)
        scores, jacobian = scores_and_jacobian(self.network_, rows)
        self._finite(scores, rows)
        return in_shape(jacobian[:, self._heads.index], rows.image_shape)

    def closest_adversarial(self, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """For each row, find the nearest point with another prediction.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.

        Returns
        -------
        adversarial : ndarray of the shape of X, float64
            Points whose predictions differ from those of the rows, by more than the rounding errors of
            the scores; nan if none was found.
        distance : ndarray of shape (n_rows,), float64
            Distance between row and point in the norm and the tolerances of ``fit`` (Euclidean, in the
            units of the data, by default), rounded up; infinite if none was found. The true distance to
            the boundary lies between ``certified_radius`` and this distance.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if they have other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Notes
        -----
        The point is also a counterfactual explanation: the smallest change found that changes the
        prediction. With the HKR loss, gradients have a norm near 1, and the point
        ``x − f(x) ∇f(x)``, at which the search begins, is close to the image of the row under the
        optimal transport of its class to the other class. See
        :func:`sklip.attacks.closest_adversarial` for the search; it is deterministic.

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
        adversarial, distance = closest_adversarial(self.network_, points, self._question)
        return in_shape(adversarial, rows.image_shape), distance

    def kr_distance(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float | np.ndarray:
        """Proven lower bound of the Wasserstein-1 distance between the classes of some rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``; they need not be those of ``fit``.
        y : array-like of shape (n_rows,)
            Labels of the rows, all of them among ``classes_``.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows; the weights of each sample are divided by their sum.

        Returns
        -------
        float or ndarray of shape (n_classes,)
            Two classes: the bound. Three or more: for each class, the bound of the distance between its
            rows and all other rows, computed from its score; nan for a class without rows. Distances
            between rows are measured in the norm and the tolerances of ``fit`` (Euclidean, in the units of
            the data, by default). Bounds are rounded down; 0 if nothing is proven.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, if it has not seen a label, or if all rows have one
            class.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Notes
        -----
        The bound is ``|E[f | class] − E[f | others]| / lipschitz_bound_``, minus a bound of all rounding
        errors. By the duality of Kantorovich and Rubinstein it is never above the distance between the
        samples, for any network. It is close to the distance if the network was trained for this
        purpose, as in :class:`sklip.WassersteinEstimator`. See
        :func:`sklip.certification.transport_bounds`.
        """
        bounds = sample_distances(self, self._inference_rows(X).as_float64(), y, sample_weight)[self._heads.index]
        return float(bounds) if bounds.ndim == 0 else bounds

    def to_onnx(self, *, dtype: Literal["float64", "float32"] = "float64") -> "onnx.ModelProto":
        """Export the classifier as an ONNX model, for runtimes such as onnxruntime.

        Parameters
        ----------
        dtype : {"float64", "float32"}, default="float64"
            Type of the rows, of the computation and of the scores. float32 is for runtimes without float64, or for
            speed. It rounds the rows before the centre is subtracted, which matters if the data lie far from 0
            compared with ``scale_``.

        Returns
        -------
        onnx.ModelProto
            Model of opset 17. Its input is ``X``, of shape (n_rows, n_features). Its outputs are ``label``, of shape
            (n_rows,), text or int64; ``probabilities``, of shape (n_rows, n_classes); and ``decision_function``, in
            the shape of the method. The name ``probabilities`` is that of sklearn-onnx; for a classifier without
            ``predict_proba``, this output holds the scores (``[−f, f]`` for two classes). Scores differ from those of
            the method by at most ``1e-5 · scale_``, in float64 by at most ``1e-12 · scale_``. The model does not
            refuse not-a-number and infinity in ``X``. Certificates hold for this classifier, not for an exported
            copy: another runtime has other rounding errors.

        Raises
        ------
        ImportError
            If onnx is not installed.
        ValueError
            For another dtype, or for labels that are neither text nor whole numbers.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        See Also
        --------
        sklip.register_onnx_converters : Exports pipelines, with sklearn-onnx.

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
            Smallest and largest values of the features; attacks stay between them.

        Returns
        -------
        art.estimators.BaseEstimator
            Its predictions and gradients are those of the served network, in NumPy and float64. ``predict`` returns
            logits of shape (n_rows, n_classes): ``[−f / 2, f / 2]`` of the score ``f`` for two classes, the scores for
            three or more. Their argmax is the position of the predicted label in ``classes_``. ``class_gradient`` is
            exact. ``loss_gradient`` and ``compute_loss`` use the margin of the best rival over the class; unlike the
            gradient of cross-entropy, its gradient never vanishes far from the boundary.

        Raises
        ------
        ImportError
            If ART is not installed.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Notes
        -----
        Attacks run if they need only a loss, class gradients or predictions: DeepFool, Carlini and Wagner's attack,
        projected gradient descent, AutoPGD, HopSkipJump, the boundary attack, the elastic net attack. Attacks that
        rebuild the network in PyTorch or TensorFlow do not run. Attacks hold their inputs in float32, which is exact
        for rows of float32 numbers.

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
