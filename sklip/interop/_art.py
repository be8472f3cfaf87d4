"""The served network as an estimator of the Adversarial Robustness Toolbox."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sklip._requirements import extra
from sklip.served import ServedNetwork, scores_and_gradients, scores_and_jacobian

if TYPE_CHECKING:
    from art.estimators.classification.classifier import ClassifierClassLossGradients


def to_art(
    network: ServedNetwork, classes: ArrayLike, clip_values: tuple | None = None
) -> ClassifierClassLossGradients:
    """Make an estimator of the Adversarial Robustness Toolbox (ART); see the classifiers' method ``to_art``.

    Parameters
    ----------
    network : sklip.served.ServedNetwork
    classes : array-like of shape (n_classes,)
        Labels, in the order of the scores.
    clip_values : tuple of (float or ndarray, float or ndarray), default=None
        Smallest and largest values of the features. Attacks stay between them.

    Returns
    -------
    art.estimators.BaseEstimator
        For a network on images, its inputs and gradients have the shape of images.

    Raises
    ------
    ImportError
        If ART is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.interop import to_art
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> to_art(network, ["no", "yes"]).predict(np.array([[1.0, 1.0]])).round(6)  # doctest: +SKIP
    array([[-0.7,  0.7]])
    """
    return _estimator_class()(network, np.asarray(classes).size, clip_values)


@cache
def _estimator_class():
    """The class of the estimators of ``to_art``; only here is ART imported."""
    with extra("attacks", "adversarial-robustness-toolbox", "to_art"):
        from art.estimators.classification.classifier import ClassifierClassLossGradients

    class ServedNetwork(ClassifierClassLossGradients):
        """Logits and gradients of a served network."""

        def __init__(self, network, n_classes, clip_values):
            super().__init__(model=network, clip_values=clip_values)
            self._network = network
            self.nb_classes = n_classes

        @property
        def input_shape(self):
            """Shape of a row."""
            return self._network.input_shape

        def _rows(self, x):
            """Inputs as flat rows of float64."""
            return np.asarray(x, dtype=np.float64).reshape(len(x), self._network.n_features)

        def predict(self, x, **kwargs):
            """Logits, of shape (n_rows, n_classes)."""
            return _logits(self._network.scores(self._rows(x)))

        def fit(self, x, y, **kwargs):
            """Not provided: the network is already fitted."""
            raise NotImplementedError("Fit the sklip classifier, then call to_art again.")

        def class_gradient(self, x, label=None, **kwargs):
            """Gradients of the logits: (n_rows, n_classes, …), or (n_rows, 1, …) for given labels."""
            jacobian = _logits(scores_and_jacobian(self._network, self._rows(x))[1])
            jacobian = jacobian.reshape(*jacobian.shape[:2], *x.shape[1:])
            if label is None:
                return jacobian
            return jacobian[np.arange(len(x)), np.broadcast_to(label, len(x))][:, None]

        def compute_loss(self, x, y, reduction="none", **kwargs):
            """Largest logit of another class minus that of class ``y``, of shape (n_rows,)."""
            logits = self.predict(x)
            losses = np.einsum("ij,ij->i", _combination(logits, y), logits)
            return {"none": lambda loss: loss, "mean": np.mean, "sum": np.sum}[reduction](losses)

        def loss_gradient(self, x, y, **kwargs):
            """Gradient of the sum of the losses, of the shape of the inputs."""
            y = np.asarray(y)

            def cotangents(scores, rows):
                combination = _combination(_logits(scores), y[rows])
                # With two classes, z₁ − z₀ is the score itself.
                return combination[:, 1:] if scores.shape[1] == 1 else combination

            return scores_and_gradients(self._network, self._rows(x), cotangents)[1].reshape(x.shape)

    return ServedNetwork


def _logits(scores):
    """One logit per class; for a single score (on axis 1), minus and plus its half."""
    return np.concatenate([-0.5 * scores, 0.5 * scores], axis=1) if scores.shape[1] == 1 else scores


def _combination(logits, y):
    """The coefficients, 1 and −1, of the largest logit of another class minus that of class ``y``."""
    class_indices = y.argmax(axis=1) if y.ndim == 2 else np.asarray(y, dtype=int)
    rows = np.arange(len(logits))
    others = logits.copy()
    others[rows, class_indices] = -np.inf
    result = np.zeros_like(logits)
    result[rows, others.argmax(axis=1)], result[rows, class_indices] = 1.0, -1.0
    return result
