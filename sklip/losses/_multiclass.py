"""Losses of one head per class that compare the heads with one another."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import ops

from sklip import loss_formulas
from sklip._tensors import Tensor
from sklip.losses._base import ExpectationLoss, MarginLoss, constants


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class MultiMargin(MarginLoss):
    """Multi-margin loss, ``E[Σ_{j≠y} max(0, min_margin − (f_y − f_j)) / C]``, as PyTorch defines it.

    Parameters
    ----------
    min_margin : float, default=1.0
        Margin, in the units of the scores.
    class_weight : sequence of C floats or None, default=None
        Factor of the cost of the rows of each class.
    name : str, default="multi_margin"
        Name of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import MultiMargin
    >>> float(MultiMargin()(np.array([[1, 0, 0, 0]]), np.array([[1.0, 0.5, -1.0, 1.5]])))
    0.5
    """

    name: str = "multi_margin"

    heads = "several"

    def cost(self, positive: Tensor, scores: Tensor) -> Tensor:
        """Return the cost of each row."""
        return loss_formulas.multi_margin_cost(ops, positive, scores, self.min_margin)


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class CategoricalHinge(MarginLoss):
    """Hinge of the gap to the best other class, ``E[max(0, min_margin − (f_y − max_{j≠y} f_j))]``.

    Parameters
    ----------
    min_margin : float, default=1.0
        Margin, in the units of the scores.
    class_weight : sequence of C floats or None, default=None
        Factor of the cost of the rows of each class.
    name : str, default="categorical_hinge"
        Name of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import CategoricalHinge
    >>> float(CategoricalHinge()(np.array([[1, 0, 0, 0]]), np.array([[1.0, 0.5, -1.0, 1.5]])))
    1.5
    """

    name: str = "categorical_hinge"

    heads = "several"

    def cost(self, positive: Tensor, scores: Tensor) -> Tensor:
        """Return the cost of each row."""
        return loss_formulas.categorical_hinge_cost(ops, positive, scores, self.min_margin)


class _SummarisedHKR(ExpectationLoss):
    """``−kr + alpha · hinge``, from a summary of the heads of the other classes."""

    heads = "several"
    term_names = ("loss", "kr", "hinge")

    def terms(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> dict[str, Tensor]:
        """Return ``loss``, ``kr`` and ``hinge``."""
        positive, scores, weight = self.columns(y_true, y_pred, sample_weight)
        gain, hinge = self._summary(positive, scores)
        distance = loss_formulas.expectation(ops, gain, positive, weight)
        cost = loss_formulas.expectation(ops, hinge, positive, weight, constants(self.class_weight, scores))
        return {"loss": -distance + self.alpha * cost, "kr": distance, "hinge": cost}


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class SoftHKR(_SummarisedHKR):
    """Soft HKR, ``E[Σ_c w_c (−s_c f_c + alpha · max(0, min_margin − s_c f_c))]``, s = ±1.

    The class of the row has ``w_y = 1``. The others share a weight of 1 by
    ``softmax_{j≠y}(temperature · f_j)``, so that the one with the highest score counts most. The weights
    are constants for the gradient.

    Parameters
    ----------
    alpha : float, default=10.0
        Weight of the hinge.
    min_margin : float, default=1.0
        Margin, in the units of the scores.
    temperature : float, default=1.0
        Temperature, in the inverse units of the scores: 0 gives all other classes the same weight, a large one gives
        it to the class with the highest score.
    class_weight : sequence of C floats or None, default=None
        Factor of the hinge of the rows of each class.
    name : str, default="soft_hkr"
        Name of the loss.

    Notes
    -----
    deel-torchlip's ``SoftHKRMulticlassLoss(alpha=a, min_margin=2 m)`` is ``(1 − a)`` times this loss
    with ``alpha = a / (1 − a)`` and ``min_margin = m``. It divides its temperature by a running mean
    of ``|f|``, which makes the loss depend on past batches. sklip does not do this.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import SoftHKR
    >>> loss = SoftHKR(alpha=10.0, min_margin=1.0, temperature=0.0)
    >>> float(loss(np.array([[1, 0, 0]]), np.array([[2.0, -1.0, -3.0]])))
    -4.0
    """

    alpha: float = 10.0
    min_margin: float = 1.0
    temperature: float = 1.0
    class_weight: Sequence[float] | None = None
    name: str = "soft_hkr"

    def _summary(self, positive, scores):
        shares = loss_formulas.soft_weights(ops, positive, scores, self.temperature)
        signed = (2.0 * positive - 1.0) * scores
        hinge = ops.relu(self.min_margin - signed)
        return ops.sum(shares * signed, axis=-1, keepdims=True), ops.sum(shares * hinge, axis=-1, keepdims=True)


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class LseHKR(_SummarisedHKR):
    """HKR against a soft maximum of the other heads.

    ``E[−(f_y − s) + alpha · (max(0, min_margin − f_y) + max(0, min_margin + s))]`` with
    ``s = log Σ_{j≠y} exp(t f_j) / t`` and ``t = log(C − 1) / (penalty · min_margin)``, so that ``s`` lies
    between the largest of the others and that plus ``penalty · min_margin``.

    Parameters
    ----------
    alpha : float, default=10.0
        Weight of the hinge.
    min_margin : float, default=1.0
        Margin, in the units of the scores.
    penalty : float, default=1.0
        Largest distance of the soft maximum above the maximum, in margins.
    class_weight : sequence of C floats or None, default=None
        Factor of the hinge of the rows of each class.
    name : str, default="lse_hkr"
        Name of the loss.

    Raises
    ------
    ValueError
        If ``min_margin`` or ``penalty`` is not above 0.

    Notes
    -----
    deel-torchlip's ``LseHKRMulticlassLoss(alpha=a, min_margin=2 m)`` is ``(1 − a)`` times this loss with
    ``alpha = a / (1 − a)`` and ``min_margin = m``. With two classes there is one other class, and ``s`` is
    its score.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import LseHKR
    >>> round(float(LseHKR(alpha=10.0, min_margin=1.0)(np.array([[1, 0]]), np.array([[2.0, -1.0]]))), 6)
    -3.0
    """

    alpha: float = 10.0
    min_margin: float = 1.0
    penalty: float = 1.0
    class_weight: Sequence[float] | None = None
    name: str = "lse_hkr"

    def __post_init__(self):
        super().__post_init__()
        if not (self.min_margin > 0 and self.penalty > 0):
            raise ValueError(
                f"LseHKR needs min_margin and penalty above 0; got {self.min_margin!r} and {self.penalty!r}."
            )

    def _summary(self, positive, scores):
        others = max(scores.shape[-1] - 1, 2)
        sharpness = ops.log(ops.cast(others, scores.dtype)) / (self.penalty * self.min_margin)
        own = ops.sum(positive * scores, axis=-1, keepdims=True)
        rest = loss_formulas.log_sum_exp(ops, positive, scores, sharpness)
        return own - rest, ops.relu(self.min_margin - own) + ops.relu(self.min_margin + rest)
