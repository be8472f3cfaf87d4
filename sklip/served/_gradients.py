"""Exact gradients of the served network: backward passes in NumPy, float64.

The network is piecewise linear, so a gradient is the product of the transposed Jacobians of its operations. Only the
rounding of that product makes it inexact.
"""

from collections.abc import Callable

import numpy as np

from sklip.served._network import ServedNetwork


def input_gradients(network: ServedNetwork, X: np.ndarray, cotangents: np.ndarray) -> np.ndarray:
    """Gradient of ``Σ_c cotangents_c f_c`` at each row.

    Parameters
    ----------
    network : ServedNetwork
    X : ndarray of shape (n_rows, n_features), float64
    cotangents : ndarray of shape (n_rows, n_scores)

    Returns
    -------
    ndarray of shape (n_rows, n_features), float64
        At a kink, the gradient of one of the linear pieces that meet there.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> from sklip.served import input_gradients
    >>> input_gradients(network, np.array([[1.0, 1.0]]), np.array([[2.0]])).round(6).tolist()
    [[1.2, 1.6]]
    """
    return scores_and_gradients(network, X, lambda scores, rows: cotangents[rows])[1]


def scores_and_gradients(
    network: ServedNetwork, X: np.ndarray, cotangents_of: Callable[[np.ndarray, slice], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and the gradient of a combination of them whose coefficients may depend on the scores.

    Parameters
    ----------
    network : ServedNetwork
    X : ndarray of shape (n_rows, n_features), float64
    cotangents_of : callable
        Function of the scores of a block of rows, and of the slice of these rows. It returns the cotangents, of the
        same shape as the scores.

    Returns
    -------
    scores : ndarray of shape (n_rows, n_scores)
    gradients : ndarray of shape (n_rows, n_features)
        As in :func:`input_gradients`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> from sklip.served import scores_and_gradients
    >>> scores, gradients = scores_and_gradients(network, np.array([[1.0, 1.0]]), lambda scores, rows: np.sign(scores))
    >>> scores.round(6).tolist(), gradients.round(6).tolist()
    ([[1.4]], [[0.6, 0.8]])
    """
    scores = np.empty((len(X), network.n_scores))
    gradients = np.empty((len(X), network.n_features))
    for rows, centered in network.centered_blocks(X):
        scores[rows], inputs = _forward(network, centered)
        gradients[rows] = _backward(network, inputs, cotangents_of(scores[rows], rows))
    return scores, gradients


def scores_and_jacobian(network: ServedNetwork, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and the gradient of every score.

    Parameters
    ----------
    network : ServedNetwork
    X : ndarray of shape (n_rows, n_features), float64

    Returns
    -------
    scores : ndarray of shape (n_rows, n_scores)
    jacobian : ndarray of shape (n_rows, n_scores, n_features)
        As in :func:`input_gradients`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> heads = Dense(np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), np.zeros(3))
    >>> network = ServedNetwork((Center(np.zeros(2)), heads))
    >>> from sklip.served import scores_and_jacobian
    >>> scores, jacobian = scores_and_jacobian(network, np.array([[1.0, 2.0]]))
    >>> scores.tolist(), jacobian.shape
    ([[1.0, 2.0, -1.0]], (1, 3, 2))
    """
    n_scores = network.n_scores
    scores = np.empty((len(X), n_scores))
    jacobian = np.empty((len(X), n_scores, network.n_features))
    for rows, centered in network.centered_blocks(X):
        scores[rows], inputs = _forward(network, centered)
        for score, cotangent in enumerate(np.eye(n_scores)):
            jacobian[rows, score] = _backward(network, inputs, np.tile(cotangent, (len(centered), 1)))
    return scores, jacobian


def _forward(network, centered):
    """Scores of centred rows, and the input of each operation."""
    z, inputs = centered, []
    for operation in network.operations[1:]:
        inputs.append(z)
        z = operation.forward(z)
    return z, inputs


def _backward(network, inputs, slopes):
    """Gradients at the rows whose ``inputs`` of the operations ``_forward`` returned."""
    for operation, z in zip(network.operations[:0:-1], inputs[::-1], strict=True):
        slopes = operation.vjp(z, slopes)
    return slopes
