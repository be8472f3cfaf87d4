"""The losses of :mod:`sklip.losses` without Keras, by the same names and with the same parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sklip._loss_checks import refuse_class_weight
from sklip.training.in_numpy.costs import (
    CategoricalHinge,
    HingeMargin,
    MultiMargin,
    TauBinaryCrossentropy,
    TauCategoricalCrossentropy,
)
from sklip.training.in_numpy.kantorovich import HKR, KR, LseHKR, SoftHKR
from sklip.training.in_numpy.loss import Loss
from sklip.training.in_numpy.regression import AbsoluteError as AbsoluteError
from sklip.training.in_numpy.regression import Huber as Huber
from sklip.training.in_numpy.regression import Pinball as Pinball
from sklip.training.in_numpy.regression import SquaredError as SquaredError

_EQUIVALENTS: dict[str, type[Loss]] = {
    "HKR": HKR,
    "KR": KR,
    "CategoricalHinge": CategoricalHinge,
    "HingeMargin": HingeMargin,
    "LseHKR": LseHKR,
    "MultiMargin": MultiMargin,
    "MulticlassHKR": HKR,
    "MulticlassHinge": HingeMargin,
    "SoftHKR": SoftHKR,
    "TauBinaryCrossentropy": TauBinaryCrossentropy,
    "TauCategoricalCrossentropy": TauCategoricalCrossentropy,
}


def is_known(loss: object) -> bool:
    """Whether a loss is one of ``sklip.losses``, which has an equivalent here."""
    return type(loss).__module__.startswith("sklip.losses.") and type(loss).__name__ in _EQUIVALENTS


@dataclass(frozen=True)
class LossOfLogits(Loss):
    """A loss of ``sklip.losses`` of 0/1 targets and the logits ``tau · f``; see ``sklip.losses._of_logits``.

    Attributes
    ----------
    loss : loss of ``sklip.losses``
    tau : float
    class_weight : sequence of float

    Raises
    ------
    ValueError
        If there are class weights: a loss of sklip has its own.
    """

    loss: Any
    tau: float
    class_weight: Sequence[float]

    unitless_terms = ("loss",)

    def __post_init__(self):
        refuse_class_weight(type(self.loss).__name__, self.class_weight)

    @property
    def _equivalent(self):
        kind = _EQUIVALENTS[type(self.loss).__name__]
        return kind(**{field.name: getattr(self.loss, field.name) for field in fields(kind)})

    def _of_columns(self, positive, scores, weight):
        terms, slopes = self._equivalent.terms_and_slopes(positive, self.tau * scores, weight)
        return {"loss": terms["loss"]}, self.tau * slopes
