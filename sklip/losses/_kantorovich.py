"""Losses of the Kantorovich–Rubinstein duality: functions, then Keras classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import ops

from sklip import loss_formulas
from sklip._tensors import Tensor
from sklip.losses._base import ExpectationLoss, MarginLoss, columns, constants


@keras.saving.register_keras_serializable(package="sklip")
def kr(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    class_proportions: Sequence[float] | None = None,
) -> Tensor:
    """Kantorovich–Rubinstein term, ``E[f | +1] − E[f | −1]``, the mean over heads.

    With several heads, head ``c`` compares class ``c`` with all the others. If one of the
    two has no weight, there is nothing to compare, and the term of this head is 0.

    Parameters
    ----------
    y_true : tensor of shape (n,), (n, 1) or (n, C)
    y_pred : tensor of the same shape
        Scores f.
    sample_weight : tensor of shape (n,), optional
    class_proportions : sequence of C floats, optional
        Share of the positive class of each head in the whole data set. It replaces the share in
        the batch, so that the mean of the terms of the batches is the term of the data set even
        if a batch lacks a class.

    Returns
    -------
    scalar tensor
        In the units of the scores.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import kr
    >>> float(kr(np.array([1, 1, -1]), np.array([2.0, 1.0, -1.0])))
    2.5
    """
    return _kr(*columns(y_true, y_pred, sample_weight), class_proportions)


def _kr(positive, scores, weight, class_proportions):
    """:func:`kr` of columns."""
    return loss_formulas.kantorovich_rubinstein(ops, positive, scores, weight, constants(class_proportions, scores))


@keras.saving.register_keras_serializable(package="sklip")
def hinge_margin(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    min_margin: float = 1.0,
    class_weight: Sequence[float] | None = None,
) -> Tensor:
    """Hinge term, ``E[max(0, min_margin − y f)]``, with y the sign of the class.

    With ``C > 1`` heads, the hinge of a row is half the hinge of the head of its class plus half
    the mean hinge of the other heads. The one positive head thus weighs as much as the ``C − 1``
    negative ones.

    Parameters
    ----------
    y_true : tensor of shape (n,), (n, 1) or (n, C)
    y_pred : tensor of the same shape
        Scores f.
    sample_weight : tensor of shape (n,), optional
    min_margin : float, default=1.0
        Margin, in the units of the scores.
    class_weight : sequence of floats, optional
        Factor of the hinge of the rows of each class: (negative, positive) for one column,
        one factor per class otherwise.

    Returns
    -------
    scalar tensor
        In the units of the scores.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import hinge_margin
    >>> float(hinge_margin(np.array([1, -1]), np.array([0.5, -2.0]), min_margin=1.0))
    0.25
    """
    return _hinge_margin(*columns(y_true, y_pred, sample_weight), min_margin, class_weight)


def _hinge_margin(positive, scores, weight, min_margin, class_weight):
    """:func:`hinge_margin` of columns."""
    cost = loss_formulas.hinge_cost(ops, positive, scores, min_margin)
    return loss_formulas.expectation(ops, cost, positive, weight, constants(class_weight, scores))


@keras.saving.register_keras_serializable(package="sklip")
def hkr(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    alpha: float = 10.0,
    min_margin: float = 1.0,
    class_weight: Sequence[float] | None = None,
    class_proportions: Sequence[float] | None = None,
) -> Tensor:
    """Hinge-regularised KR loss, ``−kr + alpha · hinge_margin`` (Serrurier et al., CVPR 2021).

    Parameters
    ----------
    y_true : tensor of shape (n,), (n, 1) or (n, C)
    y_pred : tensor of the same shape
        Scores f.
    sample_weight : tensor of shape (n,), optional
    alpha : float, default=10.0
        Weight of the hinge.
    min_margin, class_weight : float, sequence
        Parameters of :func:`hinge_margin`.
    class_proportions : sequence
        Parameter of :func:`kr`.

    Returns
    -------
    scalar tensor

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import hkr
    >>> float(hkr(np.array([1, -1]), np.array([0.5, -2.0]), alpha=10.0, min_margin=1.0))  # −2.5 + 10 · 0.25
    0.0
    """
    return -kr(y_true, y_pred, sample_weight, class_proportions) + alpha * hinge_margin(
        y_true, y_pred, sample_weight, min_margin, class_weight
    )


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class KR(ExpectationLoss):
    """Kantorovich–Rubinstein loss, ``−(E[f | +1] − E[f | −1])``.

    Its minimum over 1-Lipschitz functions f is minus the Wasserstein-1 distance of the two classes.
    To watch the distance itself, use the function :func:`sklip.losses.kr` as a metric.

    Parameters
    ----------
    class_proportions : sequence of float or None, default=None
        Share of the positive class of each head; see :func:`sklip.losses.kr`.
    name : str, default="kr"
        Name of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import KR
    >>> float(KR()(np.array([1, 1, -1]), np.array([2.0, 1.0, -1.0])))
    -2.5
    """

    class_proportions: Sequence[float] | None = None
    name: str = "kr"

    term_names = ("loss", "kr")

    def terms(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> dict[str, Tensor]:
        """Return ``loss`` and ``kr``."""
        value = kr(y_true, y_pred, sample_weight, self.class_proportions)
        return {"loss": -value, "kr": value}


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class HingeMargin(MarginLoss):
    """Hinge loss with a margin, ``E[max(0, min_margin − y f)]``.

    Parameters
    ----------
    min_margin : float, default=1.0
        Margin, in the units of the scores.
    class_weight : sequence of float or None, default=None
        Factor of the hinge of the rows of each class; see :func:`sklip.losses.hinge_margin`.
    name : str, default="hinge_margin"
        Name of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import HingeMargin
    >>> float(HingeMargin(min_margin=1.0)(np.array([1, -1]), np.array([0.5, -2.0])))
    0.25
    """

    name: str = "hinge_margin"

    term_names = ("loss", "hinge")

    def cost(self, positive: Tensor, scores: Tensor) -> Tensor:
        """Return the hinge of each row."""
        return loss_formulas.hinge_cost(ops, positive, scores, self.min_margin)


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class HKR(ExpectationLoss):
    """Hinge-regularised KR loss, ``−(E[f | +1] − E[f | −1]) + alpha · E[max(0, min_margin − y f)]``.

    Parameters
    ----------
    alpha : float, default=10.0
        Weight of the hinge.
    min_margin : float, default=1.0
        Margin, in the units of the scores.
    class_weight : sequence of float or None, default=None
        Factor of the hinge of the rows of each class; see :func:`sklip.losses.hinge_margin`. The KR
        term compares two means, which class weights cannot change.
    class_proportions : sequence of float or None, default=None
        Share of the positive class of each head; see :func:`sklip.losses.kr`.
    name : str, default="hkr"
        Name of the loss.

    References
    ----------
    .. [1] Serrurier et al., "Achieving robustness in classification using optimal transport
       with hinge regularization", CVPR 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import HKR
    >>> float(HKR(alpha=10.0, min_margin=1.0)(np.array([1, -1]), np.array([0.5, -2.0])))
    0.0
    """

    alpha: float = 10.0
    min_margin: float = 1.0
    class_weight: Sequence[float] | None = None
    class_proportions: Sequence[float] | None = None
    name: str = "hkr"

    term_names = ("loss", "kr", "hinge")

    def terms(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> dict[str, Tensor]:
        """Return ``loss``, ``kr`` and ``hinge``."""
        columns = self.columns(y_true, y_pred, sample_weight)
        distance = _kr(*columns, self.class_proportions)
        hinge = _hinge_margin(*columns, self.min_margin, self.class_weight)
        return {"loss": -distance + self.alpha * hinge, "kr": distance, "hinge": hinge}
