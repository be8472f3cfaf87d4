"""The losses of :mod:`sklip.losses` of the Kantorovich–Rubinstein duality, without Keras."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sklip import loss_formulas
from sklip.training.in_numpy import loss_slopes
from sklip.training.in_numpy.costs import HingeMargin
from sklip.training.in_numpy.loss import Loss, in_float32


@dataclass(frozen=True)
class KR(Loss):
    """See :class:`sklip.losses.KR`."""

    class_proportions: Sequence[float] | None = None

    term_names = ("loss", "kr")

    def _of_columns(self, positive, scores, weight):
        slopes = loss_slopes.of_kantorovich_rubinstein(positive, weight, in_float32(self.class_proportions))
        value = np.vdot(slopes, scores)  # the term is linear in the scores
        return {"loss": -value, "kr": value}, -slopes


@dataclass(frozen=True)
class HKR(Loss):
    """See :class:`sklip.losses.HKR`."""

    alpha: float = 10.0
    min_margin: float = 1.0
    class_weight: Sequence[float] | None = None
    class_proportions: Sequence[float] | None = None

    term_names = ("loss", "kr", "hinge")

    def _of_columns(self, positive, scores, weight):
        columns = positive, scores, weight
        of_distance, slopes_of_distance = KR(self.class_proportions)._of_columns(*columns)
        of_hinge, slopes_of_hinge = HingeMargin(self.min_margin, self.class_weight)._of_columns(*columns)
        distance, hinge = of_distance["kr"], of_hinge["hinge"]
        terms = {"loss": -distance + self.alpha * hinge, "kr": distance, "hinge": hinge}
        return terms, slopes_of_distance + self.alpha * slopes_of_hinge


class _SummarisedHKR(Loss):
    """``−E[gain] + alpha · E[hinge]``, from a gain and a hinge of each row."""

    alpha: float
    class_weight: Sequence[float] | None

    heads = "several"
    term_names = ("loss", "kr", "hinge")

    def _of_columns(self, positive, scores, weight):
        (gain, of_gain), (hinge, of_hinge) = self._summary(positive, scores)
        shares = loss_slopes.shares_of_rows(positive, weight)
        weighted = loss_slopes.shares_of_rows(positive, weight, in_float32(self.class_weight))
        distance, cost = (shares * gain).sum(), (weighted * hinge).sum()
        terms = {"loss": -distance + self.alpha * cost, "kr": distance, "hinge": cost}
        return terms, self.alpha * weighted * of_hinge - shares * of_gain

    def _summary(self, positive, scores):
        """Gain and hinge of each row, of shape (n, 1), each with its gradient, of shape (n, C)."""
        raise NotImplementedError


@dataclass(frozen=True)
class SoftHKR(_SummarisedHKR):
    """See :class:`sklip.losses.SoftHKR`."""

    alpha: float = 10.0
    min_margin: float = 1.0
    temperature: float = 1.0
    class_weight: Sequence[float] | None = None

    def _summary(self, positive, scores):
        shares = loss_formulas.soft_weights(np, positive, scores, self.temperature)
        signs = 2.0 * positive - 1.0
        signed = signs * scores
        hinges = np.maximum(self.min_margin - signed, 0.0)
        gain, hinge = ((shares * values).sum(axis=1, keepdims=True) for values in (signed, hinges))
        return (gain, shares * signs), (hinge, -shares * signs * (self.min_margin - signed > 0))


@dataclass(frozen=True)
class LseHKR(_SummarisedHKR):
    """See :class:`sklip.losses.LseHKR`."""

    alpha: float = 10.0
    min_margin: float = 1.0
    penalty: float = 1.0
    class_weight: Sequence[float] | None = None

    def _summary(self, positive, scores):
        sharpness = self._sharpness(scores)
        own = (positive * scores).sum(axis=1, keepdims=True)
        rest = loss_formulas.log_sum_exp(np, positive, scores, sharpness)
        others = loss_slopes.of_soft_maximum(positive, scores, sharpness)
        hinge = np.maximum(self.min_margin - own, 0.0) + np.maximum(self.min_margin + rest, 0.0)
        of_hinge = others * (self.min_margin + rest > 0) - positive * (self.min_margin - own > 0)
        return (own - rest, positive - others), (hinge, of_hinge)

    def _sharpness(self, scores):
        return np.log(scores.dtype.type(max(scores.shape[1] - 1, 2))) / scores.dtype.type(
            self.penalty * self.min_margin
        )
