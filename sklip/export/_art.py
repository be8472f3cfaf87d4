"""The served network as an estimator of the Adversarial Robustness Toolbox."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklip.served import scores_and_gradients, scores_and_jacobian

if TYPE_CHECKING:
    from art.estimators.classification.classifier import ClassifierClassLossGradients

    from sklip.estimators._certified_classifier import CertifiedClassifier


def to_art(classifier: CertifiedClassifier, clip_values: tuple | None = None) -> ClassifierClassLossGradients:
    """Hand a classifier to the attacks of the Adversarial Robustness Toolbox (ART).

    Predictions and gradients are those of the served network, in NumPy and float64; nothing is
    copied, and no deep-learning library is needed. Attacks hold their inputs in float32, which is
    exact for rows of float32 numbers.

    Parameters
    ----------
    classifier : fitted sklip classifier
        ``HKRClassifier`` or ``LipschitzMLP``.
    clip_values : tuple of (float or ndarray, float or ndarray), default=None
        Smallest and largest values of the features; attacks stay within.

    Returns
    -------
    art.estimators.BaseEstimator
        Its ``predict`` returns logits of shape (n_rows, n_classes), float64: two classes,
        ``[−f / 2, f / 2]`` for the score ``f``; more, the scores. Their argmax is the number in
        ``classes_`` of what the classifier predicts. ``class_gradient`` is exact;
        ``loss_gradient`` and ``compute_loss`` are of the margin of the best rival over the
        class, whose gradient, unlike that of cross-entropy, never vanishes far from the boundary.

    Raises
    ------
    ImportError
        When ART is not installed.
    sklearn.exceptions.NotFittedError
        Before ``fit``.

    Notes
    -----
    The attacks that need a loss or class gradients, or predictions alone, run: DeepFool,
    Carlini and Wagner's, projected gradient descent, AutoPGD, HopSkipJump, the boundary attack,
    the elastic net. Those that rebuild the network in PyTorch or TensorFlow do not.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklip import HKRClassifier
    >>> from sklip.export import to_art
    >>> X, y = make_moons(200, noise=0.05, random_state=0)
    >>> classifier = HKRClassifier(hidden_layer_sizes=(32, 16), random_state=0).fit(X, y)
    >>> from art.attacks.evasion import DeepFool  # doctest: +SKIP
    >>> adversarial = DeepFool(to_art(classifier)).generate(X.astype("float32"))  # doctest: +SKIP
    """
    check_is_fitted(classifier, "network_")
    return _estimator_class()(classifier, clip_values)


@cache
def _estimator_class():
    """The class of the estimators of ``to_art``; ART is imported here and not before."""
    try:
        from art.estimators.classification.classifier import ClassifierClassLossGradients
    except ImportError as error:
        raise ImportError(
            "to_art needs the Adversarial Robustness Toolbox: pip install 'scikit-lipschitz[attacks]', or "
            "pip install adversarial-robustness-toolbox."
        ) from error

    class ServedNetwork(ClassifierClassLossGradients):
        """Logits and gradients of a fitted sklip classifier."""

        def __init__(self, classifier, clip_values):
            super().__init__(model=classifier, clip_values=clip_values)
            self._network = classifier.network_
            self.nb_classes = len(classifier.classes_)

        @property
        def input_shape(self):
            """Shape of a row."""
            return (self._network.n_features,)

        def predict(self, x, **kwargs):
            """Logits, of shape (n_rows, n_classes)."""
            return _logits(self._network.scores(np.float64(x)))

        def fit(self, x, y, **kwargs):
            """Not provided: the network is fitted."""
            raise NotImplementedError("Fit the sklip classifier, then call to_art again.")

        def class_gradient(self, x, label=None, **kwargs):
            """Gradients of the logits: (n_rows, n_classes, n_features), or (n_rows, 1, n_features) of labels."""
            jacobian = _logits(scores_and_jacobian(self._network, np.float64(x))[1])
            if label is None:
                return jacobian
            return jacobian[np.arange(len(x)), np.broadcast_to(label, len(x))][:, None]

        def compute_loss(self, x, y, reduction="none", **kwargs):
            """Margin of the best rival over class ``y``, of shape (n_rows,)."""
            losses = np.einsum("ij,ij->i", _combination(self.predict(x), y), self.predict(x))
            return {"none": lambda loss: loss, "mean": np.mean, "sum": np.sum}[reduction](losses)

        def loss_gradient(self, x, y, **kwargs):
            """Gradient of the sum of the losses, of shape (n_rows, n_features)."""
            y = np.asarray(y)

            def cotangents(scores, rows):
                combination = _combination(_logits(scores), y[rows])
                # Of two classes, z₁ − z₀ is the score itself.
                return combination[:, 1:] if scores.shape[1] == 1 else combination

            return scores_and_gradients(self._network, np.float64(x), cotangents)[1]

    return ServedNetwork


def _logits(scores):
    """One logit a class; of one score (on axis 1), minus and plus its half."""
    return np.concatenate([-0.5 * scores, 0.5 * scores], axis=1) if scores.shape[1] == 1 else scores


def _combination(logits, y):
    """The coefficients, 1 and −1, of the best rival's logit less that of class ``y``."""
    codes = y.argmax(axis=1) if y.ndim == 2 else np.asarray(y, dtype=int)
    every = np.arange(len(logits))
    others = logits.copy()
    others[every, codes] = -np.inf
    result = np.zeros_like(logits)
    result[every, others.argmax(axis=1)], result[every, codes] = 1.0, -1.0
    return result
