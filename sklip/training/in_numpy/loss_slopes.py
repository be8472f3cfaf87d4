"""Gradients of the costs of :mod:`sklip.loss_formulas` with respect to the scores.

Masks and scores have the shape (n, C), weights the shape (n, 1), as there. Each function of a cost returns the gradient
of each row's cost with respect to the scores of this row, of shape (n, C). Where a cost has a kink, the result is the
gradient that TensorFlow takes.
"""

import numpy as np

from sklip import loss_formulas


def shares_of_rows(positive: np.ndarray, weight: np.ndarray, class_weight: np.ndarray | None = None) -> np.ndarray:
    """Derivative of :func:`sklip.loss_formulas.expectation` with respect to the cost of each row.

    Parameters
    ----------
    positive : ndarray of shape (n, C)
    weight : ndarray of shape (n, 1)
    class_weight : ndarray of shape (2,) for one column, (C,) otherwise, or None

    Returns
    -------
    ndarray of shape (n, 1)
    """
    mass = weight.sum()
    shares = weight / mass if mass > 0 else np.zeros_like(weight)
    return shares if class_weight is None else shares * loss_formulas.class_factor(np, positive, class_weight)


def of_kantorovich_rubinstein(
    positive: np.ndarray, weight: np.ndarray, class_proportions: np.ndarray | None = None
) -> np.ndarray:
    """Gradient of :func:`sklip.loss_formulas.kantorovich_rubinstein`, which is linear in the scores.

    Parameters
    ----------
    positive : ndarray of shape (n, C)
    weight : ndarray of shape (n, 1)
    class_proportions : ndarray of shape (C,) or None

    Returns
    -------
    ndarray of shape (n, C)
    """
    upper = weight * positive
    lower = weight - upper
    if class_proportions is None:
        above, below = upper.sum(axis=0), lower.sum(axis=0)
    else:
        mass = weight.sum()
        above, below = mass * class_proportions, mass * (1.0 - class_proportions)
    comparable = np.minimum(above, below) > 0
    if not comparable.all():
        above, below = np.where(comparable, above, np.inf), np.where(comparable, below, np.inf)
    return ((upper / above - lower / below) / positive.shape[1]).astype(positive.dtype, copy=False)


def of_hinge(positive: np.ndarray, scores: np.ndarray, min_margin: float) -> np.ndarray:
    """Gradient of :func:`sklip.loss_formulas.hinge_cost`."""
    signs = 2.0 * positive - 1.0
    slopes = np.where(min_margin - signs * scores > 0, -signs, np.float32(0.0))
    heads = scores.shape[1]
    return slopes if heads == 1 else slopes * (0.5 * (positive + (1.0 - positive) / (heads - 1)))


def of_multi_margin(positive: np.ndarray, scores: np.ndarray, min_margin: float) -> np.ndarray:
    """Gradient of :func:`sklip.loss_formulas.multi_margin_cost`."""
    own = (positive * scores).sum(axis=1, keepdims=True)
    active = (1.0 - positive) * (min_margin - (own - scores) > 0)
    return (active - positive * active.sum(axis=1, keepdims=True)) / np.float32(scores.shape[1])


def of_categorical_hinge(positive: np.ndarray, scores: np.ndarray, min_margin: float) -> np.ndarray:
    """Gradient of :func:`sklip.loss_formulas.categorical_hinge_cost`; the best of the others share it if they tie."""
    own = (positive * scores).sum(axis=1, keepdims=True)
    differences = np.where(positive > 0, -np.inf, scores - own)
    best = differences.max(axis=1, keepdims=True)
    shares = (differences == best).astype(scores.dtype)
    shares /= shares.sum(axis=1, keepdims=True)
    return (shares - positive) * (min_margin + best > 0)


def of_soft_maximum(positive: np.ndarray, scores: np.ndarray, sharpness: float | np.ndarray) -> np.ndarray:
    """Gradient of :func:`sklip.loss_formulas.log_sum_exp`: the softmax over the other classes."""
    logits = np.where(positive > 0, -np.inf, sharpness * scores)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True)).astype(scores.dtype)
    return powers / powers.sum(axis=1, keepdims=True)


def of_cross_entropy(
    positive: np.ndarray, scores: np.ndarray, temperature: float, margin_offset: float = 0.0
) -> np.ndarray:
    """Gradient of :func:`sklip.loss_formulas.cross_entropy_cost`, divided by the temperature.

    With ``d_j = t (f_j − f_y + m)``, the gradient for ``f_j`` is ``exp(d_j) / (1 + Σ exp(d))``, and that for ``f_y``
    is minus the sum of the others. With one column it is ``−y σ(−t (y f − m))``.

    Parameters
    ----------
    positive, scores : ndarrays of shape (n, C)
    temperature, margin_offset : float

    Returns
    -------
    ndarray of shape (n, C)
    """
    if scores.shape[1] == 1:
        signs = 2.0 * positive - 1.0
        return -signs * _sigmoid(temperature * (margin_offset - signs * scores))
    own = (positive * scores).sum(axis=1, keepdims=True)
    logits = np.where(positive > 0, np.float32(0.0), temperature * (scores - own + margin_offset))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True) * (1.0 - positive)
    return shares - positive * shares.sum(axis=1, keepdims=True)


def _sigmoid(values):
    """``1 / (1 + exp(−v))``, without overflow."""
    powers = np.exp(-np.abs(values))
    return np.where(values > 0, np.float32(1.0), powers) / (1.0 + powers)
