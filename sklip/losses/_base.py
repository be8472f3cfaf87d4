"""Parts that the losses share: whole batches, weights inside the expectations, named terms."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from sklip._loss_checks import refuse_columns
from sklip._tensors import Tensor
from sklip.loss_formulas import expectation


def columns(y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mask of the positive class, the scores and the weights: shapes (n, C), (n, C) and (n, 1)."""
    scores = ops.convert_to_tensor(y_pred)
    if len(scores.shape) == 1:
        scores = ops.expand_dims(scores, -1)
    targets = ops.reshape(ops.cast(y_true, scores.dtype), ops.shape(scores))
    positive = ops.cast(targets > 0, scores.dtype)
    if sample_weight is None:
        return positive, scores, ops.ones_like(scores[:, :1])
    return positive, scores, ops.reshape(ops.cast(sample_weight, scores.dtype), (-1, 1))


def constants(values, scores):
    """Return a sequence of numbers as a tensor of the scores' dtype, and None unchanged."""
    return None if values is None else ops.convert_to_tensor(values, scores.dtype)


class ExpectationLoss(keras.losses.Loss):
    """A Keras loss of a whole batch. Sample weights enter its expectations.

    A subclass is a dataclass: its fields are its parameters, and the last one is ``name``. It lists the names of its
    terms, of which ``"loss"`` is the first, and computes them in ``terms``, from ``columns``.
    """

    xp = ops
    # "one", "several", or None for both.
    heads: str | None = None
    term_names: tuple[str, ...] = ("loss",)
    # Terms that are pure numbers; the others are in the units of the scores.
    unitless_terms: tuple[str, ...] = ()

    def __post_init__(self):
        super().__init__(name=self.name)
        for name in {"class_weight", "class_proportions"}.intersection(self.parameter_names):
            if (numbers := getattr(self, name)) is not None:
                setattr(self, name, tuple(float(number) for number in np.ravel(numbers)))  # JSON can hold these

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters, without ``name``."""
        return tuple(field.name for field in fields(self) if field.name != "name")

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        return self.terms(y_true, y_pred, sample_weight)["loss"]

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss without sample weights."""
        return self(y_true, y_pred)

    def columns(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return :func:`columns`; raise a ValueError if the loss is not for this number of heads."""
        positive, scores, weight = columns(y_true, y_pred, sample_weight)
        refuse_columns(type(self).__name__, self.heads, scores.shape[-1])
        return positive, scores, weight

    def terms(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> dict[str, Tensor]:
        """Return the loss, as ``"loss"``, and its terms, by name."""
        raise NotImplementedError

    def numbers(self) -> dict[str, Any]:
        """Return the parameters that are set, by name: numbers and tuples of them."""
        values = {name: getattr(self, name) for name in self.parameter_names}
        return {name: value for name, value in values.items() if value is not None}

    def with_numbers(self, **values: Any) -> Self:
        """Return a copy with other values of some parameters, which may be tensors or variables."""
        copy = object.__new__(type(self))  # Keras' own copies go through the configuration, which holds no tensors
        copy.__dict__.update(vars(self), **values)
        return copy

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the loss."""
        return {"name": self.name, **{name: getattr(self, name) for name in self.parameter_names}}


class MeanCostLoss(ExpectationLoss):
    """A loss that is the expectation of a cost per row."""

    def terms(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> dict[str, Tensor]:
        """Return the loss under each of its names."""
        positive, scores, weight = self.columns(y_true, y_pred, sample_weight)
        value = expectation(ops, self.cost(positive, scores), positive, weight, constants(self.class_weight, scores))
        return dict.fromkeys(self.term_names, value)

    def cost(self, positive: Tensor, scores: Tensor) -> Tensor:
        """Return the cost of each row, of shape (n, 1)."""
        raise NotImplementedError


@dataclass(eq=False, repr=False)
class MarginLoss(MeanCostLoss):
    """The expectation of a cost with a margin; the subclass says which cost."""

    min_margin: float = 1.0
    class_weight: Sequence[float] | None = None
    name: str = "margin"
