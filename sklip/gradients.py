"""Exact gradients of the served network: backward passes in NumPy, float64.

The network is piecewise linear and its activations only select, swap or negate, so a gradient is
a product of its kernels with some columns swapped, and exact up to the rounding of those products.
"""

from collections.abc import Callable

import numpy as np

from sklip.activations import activate, activation_gradient
from sklip.network import CondensedNetwork

__all__ = ["input_gradients", "scores_and_gradients", "scores_and_jacobian"]


def input_gradients(network: CondensedNetwork, X: np.ndarray, cotangents: np.ndarray) -> np.ndarray:
    """Gradient of ``Σ_c cotangents_c f_c`` at each row.

    Parameters
    ----------
    network : CondensedNetwork
    X : ndarray of shape (n_rows, n_features), float64
    cotangents : ndarray of shape (n_rows, n_scores)

    Returns
    -------
    ndarray of shape (n_rows, n_features), float64
        At a kink, that of one of the linear pieces that meet there.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.network import CondensedNetwork
    >>> network = CondensedNetwork(np.zeros(2), (np.array([[0.6], [0.8]]),), (np.zeros(1),), ())
    >>> from sklip.gradients import input_gradients
    >>> input_gradients(network, np.array([[1.0, 1.0]]), np.array([[2.0]])).round(6).tolist()
    [[1.2, 1.6]]
    """
    return scores_and_gradients(network, X, lambda scores, rows: cotangents[rows])[1]


def scores_and_gradients(
    network: CondensedNetwork, X: np.ndarray, cotangents_of: Callable[[np.ndarray, slice], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and the gradient of a combination of them that may depend on them.

    Parameters
    ----------
    network : CondensedNetwork
    X : ndarray of shape (n_rows, n_features), float64
    cotangents_of : callable
        From the scores of a block of rows, and the slice of these rows, to the cotangents of
        the same shape as the scores.

    Returns
    -------
    scores : ndarray of shape (n_rows, n_scores)
    gradients : ndarray of shape (n_rows, n_features)
        As :func:`input_gradients`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.network import CondensedNetwork
    >>> network = CondensedNetwork(np.zeros(2), (np.array([[0.6], [0.8]]),), (np.zeros(1),), ())
    >>> from sklip.gradients import scores_and_gradients
    >>> scores, gradients = scores_and_gradients(network, np.array([[1.0, 1.0]]), lambda scores, rows: np.sign(scores))
    >>> scores.round(6).tolist(), gradients.round(6).tolist()
    ([[1.4]], [[0.6, 0.8]])
    """
    scores = np.empty((len(X), network.kernels[-1].shape[1]))
    gradients = np.empty((len(X), len(network.center)))
    for rows, units in network.centered_blocks(X):
        scores[rows], befores = _forward(network, units)
        gradients[rows] = _backward(network, befores, cotangents_of(scores[rows], rows))
    return scores, gradients


def scores_and_jacobian(network: CondensedNetwork, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and the gradient of every score.

    Parameters
    ----------
    network : CondensedNetwork
    X : ndarray of shape (n_rows, n_features), float64

    Returns
    -------
    scores : ndarray of shape (n_rows, n_scores)
    jacobian : ndarray of shape (n_rows, n_scores, n_features)
        As :func:`input_gradients`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.network import CondensedNetwork
    >>> network = CondensedNetwork(np.zeros(2), (np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]),), (np.zeros(3),), ())
    >>> from sklip.gradients import scores_and_jacobian
    >>> scores, jacobian = scores_and_jacobian(network, np.array([[1.0, 2.0]]))
    >>> scores.tolist(), jacobian.shape
    ([[1.0, 2.0, -1.0]], (1, 3, 2))
    """
    n_scores = network.kernels[-1].shape[1]
    scores = np.empty((len(X), n_scores))
    jacobian = np.empty((len(X), n_scores, len(network.center)))
    for rows, units in network.centered_blocks(X):
        scores[rows], befores = _forward(network, units)
        for score, cotangent in enumerate(np.eye(n_scores)):
            jacobian[rows, score] = _backward(network, befores, np.tile(cotangent, (len(units), 1)))
    return scores, jacobian


def _forward(network, units):
    """Scores of centred rows, and what each activation was given."""
    befores = []
    for kernel, bias, activation in zip(network.kernels[:-1], network.biases[:-1], network.activations, strict=True):
        befores.append(units @ kernel + bias)
        units = activate(activation, befores[-1])
    return units @ network.kernels[-1] + network.biases[-1], befores


def _backward(network, befores, cotangents):
    """Gradients at the rows of which ``_forward`` gave ``befores``."""
    slopes = cotangents @ network.kernels[-1].T
    layers = zip(network.kernels[-2::-1], network.activations[::-1], befores[::-1], strict=True)
    for kernel, activation, before in layers:
        slopes = activation_gradient(activation, before, slopes) @ kernel.T
    return slopes
