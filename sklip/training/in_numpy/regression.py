"""The losses of regression of :mod:`sklip.losses` without Keras, by the same names and with the same parameters."""

from dataclasses import dataclass

import numpy as np

from sklip import regression_formulas as formulas
from sklip.training.in_numpy.loss import Loss


@dataclass(frozen=True)
class ErrorLoss(Loss):
    """The expectation of a cost of targets minus scores, the mean over the targets of each row."""

    term_names = ("loss", "mean_absolute_error", "mean_squared_error")

    def terms_and_slopes(
        self, targets: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
    ) -> tuple[dict[str, np.floating], np.ndarray]:
        """Return the terms, by name, and the gradient of the loss with respect to the scores, of shape (n, k)."""
        errors = targets - scores
        weight = np.ones(len(scores), scores.dtype) if weights is None else weights.reshape(-1)
        mass = weight.sum()
        shares = (weight / mass if mass > 0 else np.zeros_like(weight))[:, None] / np.float32(scores.shape[1])
        costs = (self._cost(errors), np.abs(errors), np.square(errors))
        values = ((shares * cost).sum() for cost in costs)
        return dict(zip(self.term_names, values, strict=True)), -shares * self._slopes_of_cost(errors)

    def _cost(self, errors):
        """Cost of each error."""
        raise NotImplementedError

    def _slopes_of_cost(self, errors):
        """Derivative of the cost of each error with respect to the error."""
        raise NotImplementedError


@dataclass(frozen=True)
class SquaredError(ErrorLoss):
    """See :class:`sklip.losses.SquaredError`."""

    def _cost(self, errors):
        return formulas.squared_error(np, errors)

    def _slopes_of_cost(self, errors):
        return errors


@dataclass(frozen=True)
class AbsoluteError(ErrorLoss):
    """See :class:`sklip.losses.AbsoluteError`."""

    def _cost(self, errors):
        return formulas.absolute_error(np, errors)

    def _slopes_of_cost(self, errors):
        return np.sign(errors)


@dataclass(frozen=True)
class Huber(ErrorLoss):
    """See :class:`sklip.losses.Huber`."""

    delta: float = 1.0

    def _cost(self, errors):
        return formulas.huber(np, errors, np.float32(self.delta))

    def _slopes_of_cost(self, errors):
        return np.clip(errors, np.float32(-self.delta), np.float32(self.delta))


@dataclass(frozen=True)
class Pinball(ErrorLoss):
    """See :class:`sklip.losses.Pinball`."""

    quantile: float = 0.5

    def _cost(self, errors):
        return formulas.pinball(np, errors, np.float32(self.quantile))

    def _slopes_of_cost(self, errors):
        return np.where(errors > 0, np.float32(self.quantile), np.float32(self.quantile - 1.0))
