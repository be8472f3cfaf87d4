"""Objectives of classifiers: the loss that training minimises, and its terms in NumPy.

``losses`` is a module of losses: ``sklip.losses``, or that of the training in NumPy, with the same names. The
parameters are in the units of the data; training runs on data divided by ``scale``.
"""

from dataclasses import dataclass

import numpy as np

from sklip import loss_formulas
from sklip._heads import Heads


@dataclass(frozen=True)
class HingeObjective:
    """The hinge alone."""

    min_margin: float

    def loss_of_training(self, losses, scale, class_weight, class_proportions):
        """The loss in the units of the training."""
        return losses.HingeMargin(self.min_margin / scale, class_weight)

    def terms(self, positive, scores, weight, class_weight):
        """The loss and its terms of rows, by name."""
        cost = loss_formulas.hinge_cost(np, positive, scores, self.min_margin)
        return dict.fromkeys(("loss", "hinge"), loss_formulas.expectation(np, cost, positive, weight, class_weight))

    def class_terms(self, positive, scores, weight):
        """The part of the rows of one class, by name."""
        return {"hinge": HingeObjective.terms(self, positive, scores, weight, None)["hinge"]}


@dataclass(frozen=True)
class HKRObjective(HingeObjective):
    """``−kr + alpha · hinge``."""

    alpha: float

    def loss_of_training(self, losses, scale, class_weight, class_proportions):
        """The loss in the units of the training."""
        return losses.HKR(self.alpha, self.min_margin / scale, class_weight, class_proportions)

    def terms(self, positive, scores, weight, class_weight):
        """The loss and its terms of rows, by name."""
        distance = loss_formulas.kantorovich_rubinstein(np, positive, scores, weight)
        hinge = super().terms(positive, scores, weight, class_weight)["hinge"]
        return {"loss": -distance + self.alpha * hinge, "kr": distance, "hinge": hinge}


@dataclass(frozen=True)
class CrossEntropyObjective:
    """Cross-entropy of ``temperature · f`` with a margin, divided by the temperature."""

    temperature: float
    margin_offset: float

    def loss_of_training(self, losses, scale, class_weight, class_proportions):
        """The loss in the units of the training."""
        binary = len(class_weight) == 2
        kind = losses.TauBinaryCrossentropy if binary else losses.TauCategoricalCrossentropy
        return kind(self.temperature * scale, self.margin_offset / scale, class_weight)

    def terms(self, positive, scores, weight, class_weight):
        """The loss and its terms of rows, by name."""
        cost = loss_formulas.cross_entropy_cost(np, positive, scores, self.temperature, self.margin_offset)
        value = loss_formulas.expectation(np, cost, positive, weight, class_weight)
        return {"loss": value / self.temperature, "cross_entropy": value}

    def class_terms(self, positive, scores, weight):
        """The part of the rows of one class, by name."""
        return {"cross_entropy": self.terms(positive, scores, weight, None)["cross_entropy"]}


@dataclass(frozen=True)
class KerasObjective:
    """A Keras loss of the logits ``temperature · f``."""

    loss: object
    temperature: float

    def loss_of_training(self, losses, scale, class_weight, class_proportions):
        """The loss in the units of the training."""
        loss = self._of_logits(losses, scale, class_weight)
        own = Heads(len(class_weight)).own(np.array([0, 1])).astype(np.float64)
        right, wrong = (float(loss(own, sign * (2 * own - 1) / loss.tau)) for sign in (1, -1))
        if right == wrong:
            raise ValueError(
                "The 'loss' has the same value for right and wrong predictions. For two classes, which have one "
                "score, give a binary loss, such as BinaryCrossentropy(from_logits=True)."
            )
        return loss

    def _of_logits(self, losses, scale, class_weight):
        """The loss, without the check."""
        return losses.LossOfLogits(self.loss, self.temperature * scale, class_weight)

    def terms(self, positive, scores, weight, class_weight):
        """The loss of rows; Keras computes it."""
        neutral = np.ones(Heads.of_scores(scores.shape[1]).n_classes) if class_weight is None else class_weight
        from sklip import losses

        return {"loss": np.float64(self._of_logits(losses, 1.0, neutral)(positive, scores, weight))}

    def class_terms(self, positive, scores, weight):
        """The part of the rows of one class, by name."""
        return self.terms(positive, scores, weight, None)
