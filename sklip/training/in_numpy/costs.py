"""The losses of :mod:`sklip.losses` that are the expectation of a cost per row, without Keras."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sklip import loss_formulas
from sklip.training.in_numpy import loss_slopes
from sklip.training.in_numpy.loss import MeanCostLoss


@dataclass(frozen=True)
class HingeMargin(MeanCostLoss):
    """See :class:`sklip.losses.HingeMargin`."""

    min_margin: float = 1.0
    class_weight: Sequence[float] | None = None

    term_names = ("loss", "hinge")

    def _cost(self, positive, scores):
        return loss_formulas.hinge_cost(np, positive, scores, self.min_margin)

    def _slopes_of_cost(self, positive, scores):
        return loss_slopes.of_hinge(positive, scores, self.min_margin)


@dataclass(frozen=True)
class MultiMargin(MeanCostLoss):
    """See :class:`sklip.losses.MultiMargin`."""

    min_margin: float = 1.0
    class_weight: Sequence[float] | None = None

    heads = "several"

    def _cost(self, positive, scores):
        return loss_formulas.multi_margin_cost(np, positive, scores, self.min_margin)

    def _slopes_of_cost(self, positive, scores):
        return loss_slopes.of_multi_margin(positive, scores, self.min_margin)


@dataclass(frozen=True)
class CategoricalHinge(MeanCostLoss):
    """See :class:`sklip.losses.CategoricalHinge`."""

    min_margin: float = 1.0
    class_weight: Sequence[float] | None = None

    heads = "several"

    def _cost(self, positive, scores):
        return loss_formulas.categorical_hinge_cost(np, positive, scores, self.min_margin)

    def _slopes_of_cost(self, positive, scores):
        return loss_slopes.of_categorical_hinge(positive, scores, self.min_margin)


@dataclass(frozen=True)
class _TauCrossentropy(MeanCostLoss):
    """Cross-entropy divided by its temperature."""

    tau: float = 1.0
    margin_offset: float = 0.0
    class_weight: Sequence[float] | None = None

    term_names = ("loss", "cross_entropy")
    unitless_terms = ("cross_entropy",)

    def _of_columns(self, positive, scores, weight):
        terms, slopes = super()._of_columns(positive, scores, weight)
        return {"loss": terms["loss"] / self.tau, "cross_entropy": terms["loss"]}, slopes

    def _cost(self, positive, scores):
        return loss_formulas.cross_entropy_cost(np, positive, scores, self.tau, self.margin_offset)

    def _slopes_of_cost(self, positive, scores):
        return loss_slopes.of_cross_entropy(positive, scores, self.tau, self.margin_offset)


@dataclass(frozen=True)
class TauBinaryCrossentropy(_TauCrossentropy):
    """See :class:`sklip.losses.TauBinaryCrossentropy`."""

    heads = "one"


@dataclass(frozen=True)
class TauCategoricalCrossentropy(_TauCrossentropy):
    """See :class:`sklip.losses.TauCategoricalCrossentropy`."""

    heads = "several"
