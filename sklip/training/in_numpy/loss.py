"""Parts that the losses in NumPy share: whole batches, weights inside the expectations, named terms, gradients."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from types import ModuleType
from typing import Any, ClassVar, Self

import numpy as np

from sklip._loss_checks import refuse_columns
from sklip.training.in_numpy import loss_slopes


@dataclass(frozen=True)
class Loss:
    """Base of the losses; targets and scores have the shape (n, C), weights the shape (n,)."""

    xp: ClassVar[ModuleType] = np
    heads: ClassVar[str | None] = None
    term_names: ClassVar[tuple[str, ...]] = ("loss",)
    unitless_terms: ClassVar[tuple[str, ...]] = ()

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(field.name for field in fields(self))

    def numbers(self) -> dict[str, Any]:
        """Return the parameters that are set, by name."""
        values = {name: getattr(self, name) for name in self.parameter_names}
        return {name: value for name, value in values.items() if value is not None}

    def with_numbers(self, **values: Any) -> Self:
        """Return a copy with other values of those parameters that the loss has."""
        return replace(self, **{name: value for name, value in values.items() if name in self.parameter_names})

    def __call__(self, targets: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None) -> np.floating:
        """Return the loss."""
        return self.terms(targets, scores, weights)["loss"]

    def terms(
        self, targets: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
    ) -> dict[str, np.floating]:
        """Return the loss and its terms, by name."""
        return self.terms_and_slopes(targets, scores, weights)[0]

    def terms_and_slopes(
        self, targets: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
    ) -> tuple[dict[str, np.floating], np.ndarray]:
        """Return the terms, by name, and the gradient of the loss with respect to the scores, of shape (n, C)."""
        refuse_columns(type(self).__name__, self.heads, scores.shape[-1])
        positive = (targets > 0).astype(scores.dtype)
        weight = np.ones_like(scores[:, :1]) if weights is None else weights.reshape(-1, 1)
        return self._of_columns(positive, scores, weight)

    def _of_columns(self, positive, scores, weight):
        """:meth:`terms_and_slopes` of columns: the mask of the positive class instead of targets, weights (n, 1)."""
        raise NotImplementedError


def in_float32(numbers: Sequence[float] | None) -> np.ndarray | None:
    """The numbers of classes in the dtype of the training; None stays."""
    return None if numbers is None else np.asarray(numbers, np.float32)


class MeanCostLoss(Loss):
    """A loss that is the expectation of a cost per row."""

    class_weight: Sequence[float] | None

    def _of_columns(self, positive, scores, weight):
        shares = loss_slopes.shares_of_rows(positive, weight, in_float32(self.class_weight))
        value = (shares * self._cost(positive, scores)).sum()
        return dict.fromkeys(self.term_names, value), shares * self._slopes_of_cost(positive, scores)

    def _cost(self, positive, scores):
        """Cost of each row, of shape (n, 1)."""
        raise NotImplementedError

    def _slopes_of_cost(self, positive, scores):
        """Gradient of the cost of each row, of shape (n, C)."""
        raise NotImplementedError
