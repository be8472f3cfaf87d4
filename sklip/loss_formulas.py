"""The formulas of the losses, on NumPy arrays and Keras tensors alike.

``xp`` is ``numpy`` or ``keras.ops``. Targets are a mask of shape (n, C). It is 1.0 where the row is of
the class of the head, or of the positive class if there is a single column. Scores have the same shape.
Weights and costs have shape (n, 1), one per row. All have the same floating dtype.
"""

from types import ModuleType

from sklip._tensors import Tensor
from sklip.arithmetic.exact_logits import exact_logits, hold

__all__ = [
    "categorical_hinge_cost",
    "class_factor",
    "cross_entropy_cost",
    "expectation",
    "hinge_cost",
    "kantorovich_rubinstein",
    "log_sum_exp",
    "multi_margin_cost",
    "soft_weights",
]

# A logit whose exponential is 0 in every dtype, and that every dtype can hold.
_IMPOSSIBLE = -3e4


def _relu(xp, values):
    """Return the larger of each value and 0."""
    return xp.relu(values) if hasattr(xp, "relu") else xp.maximum(values, 0.0)


def _quotient(xp, numerator, mass):
    """Return the quotient, and 0 where the mass is 0."""
    return xp.where(mass > 0, numerator / xp.where(mass > 0, mass, 1.0), 0.0)


def _signs(positive):
    """Return 1 where the mask is 1, and −1 elsewhere."""
    return 2.0 * positive - 1.0


def _of_true_class(xp, positive, scores):
    """Return the score of the true class of each row, of shape (n, 1)."""
    return xp.sum(positive * scores, axis=-1, keepdims=True)


def _best_of_others(xp, positive, scores):
    """Return the highest score of another class, of shape (n, 1), as a constant for the gradient."""
    floor = xp.min(scores, axis=-1, keepdims=True)
    return hold(xp, xp.max(xp.where(positive > 0, floor, scores), axis=-1, keepdims=True))


def class_factor(xp: ModuleType, positive: Tensor, class_weight: Tensor) -> Tensor:
    """Factor of the class of each row; see :func:`expectation`.

    Parameters
    ----------
    xp : numpy or keras.ops
    positive : array of shape (n, C)
    class_weight : array of shape (2,) for one column (negative, positive), (C,) otherwise

    Returns
    -------
    array of shape (n, 1)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.loss_formulas import class_factor
    >>> class_factor(np, np.array([[1.0], [0.0]]), np.array([1.0, 5.0])).tolist()
    [[5.0], [1.0]]
    """
    if positive.shape[-1] == 1:
        return class_weight[0] + (class_weight[1] - class_weight[0]) * positive
    return xp.sum(class_weight * positive, axis=-1, keepdims=True)


def expectation(
    xp: ModuleType, cost: Tensor, positive: Tensor, weight: Tensor, class_weight: Tensor | None = None
) -> Tensor:
    """Weighted mean of the costs of the rows, ``E[c(class) · cost]``.

    Parameters
    ----------
    xp : numpy or keras.ops
    cost : array of shape (n, 1)
    positive : array of shape (n, C)
    weight : array of shape (n, 1)
    class_weight : array of shape (2,) for one column, (C,) otherwise, optional
        Factor c of the costs of each class. The factors do not change the mass.

    Returns
    -------
    scalar array
        The mean, or 0 if the weights are all 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.loss_formulas import expectation
    >>> cost, positive, weight = np.array([[1.0], [4.0]]), np.array([[1.0], [0.0]]), np.array([[2.0], [1.0]])
    >>> float(expectation(np, cost, positive, weight))
    2.0
    """
    if class_weight is not None:
        cost = cost * class_factor(xp, positive, class_weight)
    return _quotient(xp, xp.sum(weight * cost), xp.sum(weight))


def kantorovich_rubinstein(
    xp: ModuleType, positive: Tensor, scores: Tensor, weight: Tensor, class_proportions: Tensor | None = None
) -> Tensor:
    """``E[f | +1] − E[f | −1]``, the mean over heads; a head without one of its two classes counts as 0.

    Parameters
    ----------
    xp : numpy or keras.ops
    positive, scores : arrays of shape (n, C)
    weight : array of shape (n, 1)
    class_proportions : array of shape (C,), optional
        Shares of the positive classes. They replace the shares in the rows.

    Returns
    -------
    scalar array

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.loss_formulas import kantorovich_rubinstein
    >>> positive, scores = np.array([[1.0], [1.0], [0.0]]), np.array([[2.0], [1.0], [-1.0]])
    >>> float(kantorovich_rubinstein(np, positive, scores, np.ones((3, 1))))
    2.5
    """
    negative = 1.0 - positive
    if class_proportions is None:
        positive_mass = xp.sum(weight * positive, axis=0)
        negative_mass = xp.sum(weight * negative, axis=0)
    else:
        positive_mass = xp.sum(weight) * class_proportions
        negative_mass = xp.sum(weight) * (1.0 - class_proportions)
    upper = _quotient(xp, xp.sum(weight * positive * scores, axis=0), positive_mass)
    lower = _quotient(xp, xp.sum(weight * negative * scores, axis=0), negative_mass)
    comparable = xp.logical_and(positive_mass > 0, negative_mass > 0)
    return xp.mean(xp.where(comparable, upper - lower, 0.0))


def hinge_cost(xp: ModuleType, positive: Tensor, scores: Tensor, min_margin: float) -> Tensor:
    """``max(0, min_margin − y f)``; with ``C > 1`` heads, half that of the true class plus half the mean of the others.

    The hinge of Serrurier et al. 2021, and its one-vs-all form, in which the head of the true class weighs as much as
    all others together.

    Parameters
    ----------
    xp : numpy or keras.ops
    positive, scores : arrays of shape (n, C)
    min_margin : float

    Returns
    -------
    array of shape (n, 1)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.loss_formulas import hinge_cost
    >>> hinge_cost(np, np.array([[1.0], [0.0]]), np.array([[0.5], [-2.0]]), 1.0).tolist()
    [[0.5], [0.0]]
    """
    cost = _relu(xp, min_margin - _signs(positive) * scores)
    heads = scores.shape[-1]
    if heads > 1:
        cost = 0.5 * cost * (positive + (1.0 - positive) / (heads - 1))
    return xp.sum(cost, axis=-1, keepdims=True)


def multi_margin_cost(xp: ModuleType, positive: Tensor, scores: Tensor, min_margin: float) -> Tensor:
    """``Σ_{j≠y} max(0, min_margin − (f_y − f_j)) / C`` (PyTorch's multi-margin loss).

    Parameters
    ----------
    xp : numpy or keras.ops
    positive, scores : arrays of shape (n, C)
    min_margin : float

    Returns
    -------
    array of shape (n, 1)

    Examples
    --------
    >>> import numpy as np
    >>> positive, scores = np.array([[1.0, 0.0, 0.0]]), np.array([[2.0, 1.5, -1.0]])
    >>> from sklip.loss_formulas import multi_margin_cost
    >>> multi_margin_cost(np, positive, scores, 2.0).tolist()
    [[0.5]]
    """
    short = _relu(xp, min_margin - (_of_true_class(xp, positive, scores) - scores))
    return xp.mean((1.0 - positive) * short, axis=-1, keepdims=True)


def categorical_hinge_cost(xp: ModuleType, positive: Tensor, scores: Tensor, min_margin: float) -> Tensor:
    """``max(0, min_margin − (f_y − max_{j≠y} f_j))`` (Crammer and Singer 2001).

    Parameters
    ----------
    xp : numpy or keras.ops
    positive, scores : arrays of shape (n, C)
    min_margin : float

    Returns
    -------
    array of shape (n, 1)

    Examples
    --------
    >>> import numpy as np
    >>> positive, scores = np.array([[1.0, 0.0, 0.0]]), np.array([[2.0, 1.5, -1.0]])
    >>> from sklip.loss_formulas import categorical_hinge_cost
    >>> categorical_hinge_cost(np, positive, scores, 2.0).tolist()
    [[1.5]]
    """
    own = _of_true_class(xp, positive, scores)
    differences = xp.where(positive > 0, -hold(xp, xp.max(xp.abs(scores))) * 4.0 - 1.0, scores - own)
    return _relu(xp, min_margin + xp.max(differences, axis=-1, keepdims=True))


def soft_weights(xp: ModuleType, positive: Tensor, scores: Tensor, temperature: float) -> Tensor:
    """1 for the true class, ``softmax_{j≠y}(temperature · f_j)`` for the others, constant for the gradient.

    These are the weights of deel-torchlip's soft HKR loss, without its running mean.

    Parameters
    ----------
    xp : numpy or keras.ops
    positive, scores : arrays of shape (n, C)
    temperature : float

    Returns
    -------
    array of shape (n, C)

    Examples
    --------
    >>> import numpy as np
    >>> positive, scores = np.array([[1.0, 0.0, 0.0]]), np.array([[2.0, 1.5, -1.0]])
    >>> from sklip.loss_formulas import soft_weights
    >>> soft_weights(np, positive, scores, 1.0).round(3).tolist()
    [[1.0, 0.924, 0.076]]
    """
    best = _best_of_others(xp, positive, scores)
    logits = temperature * xp.minimum(scores - best, 0.0)
    exponentials = xp.where(positive > 0, 0.0, xp.exp(logits))
    return hold(xp, positive + exponentials / xp.sum(exponentials, axis=-1, keepdims=True))


def log_sum_exp(xp: ModuleType, positive: Tensor, scores: Tensor, sharpness: float | Tensor) -> Tensor:
    """Soft maximum over the other classes, ``log Σ_{j≠y} exp(t f_j) / t``.

    It lies between ``max_{j≠y} f_j`` and ``max_{j≠y} f_j + log(C − 1) / t``. deel-torchlip's LSE-HKR loss uses it.

    Parameters
    ----------
    xp : numpy or keras.ops
    positive, scores : arrays of shape (n, C)
    sharpness : float
        The t of the formula.

    Returns
    -------
    array of shape (n, 1)

    Examples
    --------
    >>> import numpy as np
    >>> positive, scores = np.array([[1.0, 0.0, 0.0]]), np.array([[2.0, 1.5, -1.0]])
    >>> from sklip.loss_formulas import log_sum_exp
    >>> log_sum_exp(np, positive, scores, 10.0).round(3).tolist()
    [[1.5]]
    """
    best = _best_of_others(xp, positive, scores)
    shifted = xp.where(positive > 0, _IMPOSSIBLE, sharpness * (scores - best))
    return best + xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True)) / sharpness


def cross_entropy_cost(
    xp: ModuleType,
    positive: Tensor,
    scores: Tensor,
    temperature: float | Tensor,
    margin_offset: float | Tensor = 0.0,
) -> Tensor:
    """Cross-entropy of ``sigmoid`` or ``softmax`` of ``temperature · f``, in nats, from the scores.

    With one column it is ``softplus(−t (y f − m))``. With several it is
    ``log(1 + Σ_{j≠y} exp(t (f_j − f_y + m)))``, where ``m`` lowers the score of the true class (the margin
    of the AOL loss, Prach and Lampert 2022). Nothing is clipped, and the rounding errors of the logits are
    taken into account. The result is therefore within 4 ulp of the exact one where that is a normal number.

    Parameters
    ----------
    xp : numpy or keras.ops
    positive, scores : arrays of shape (n, C)
    temperature : float or scalar array
        The t of the formula.
    margin_offset : float or scalar array
        The m of the formula.

    Returns
    -------
    array of shape (n, 1)

    Examples
    --------
    >>> import numpy as np
    >>> positive, scores = np.array([[1.0, 0.0, 0.0]]), np.array([[2.0, 1.5, -1.0]])
    >>> from sklip.loss_formulas import cross_entropy_cost
    >>> cross_entropy_cost(np, positive, scores, 1.0).round(4).tolist()
    [[0.5046]]
    """
    if scores.shape[-1] == 1:
        logits, rounding = exact_logits(xp, -_signs(positive) * scores, 0.0 * scores, temperature, margin_offset)
    else:
        own = _of_true_class(xp, positive, scores)
        logits, rounding = exact_logits(xp, scores, own, temperature, margin_offset)
        logits = xp.where(positive > 0, _IMPOSSIBLE, logits)
        rounding = xp.where(positive > 0, 0.0, rounding)
    # log(1 + Σ exp(d)) = M + log1p(exp(−M) − 1 + Σ exp(d − M)) = log1p(exp(M) Σ exp(d − M)). The first form is
    # for M > 0, where no exponential overflows. The second is for M < 0, and the bound of M ensures that no
    # exponential underflows before the result does.
    shift = hold(xp, xp.maximum(xp.max(logits, axis=-1, keepdims=True), -60.0))
    total = xp.sum(xp.exp(logits - shift) * (1.0 + rounding), axis=-1, keepdims=True)
    above = xp.exp(-xp.abs(shift))
    return _relu(xp, shift) + xp.log1p(xp.where(shift > 0, above + (total - 1.0), above * total))
