"""Losses of regression: the expectation of a cost of the error."""

from dataclasses import dataclass

import keras
from keras import ops

from sklip import regression_formulas as formulas
from sklip._tensors import Tensor
from sklip.losses._base import ExpectationLoss


class ErrorLoss(ExpectationLoss):
    """The expectation of a cost of targets minus scores, the mean over the targets of each row."""

    term_names = ("loss", "mean_absolute_error", "mean_squared_error")

    def terms(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> dict[str, Tensor]:
        """Return the loss, the mean absolute error and the mean squared error."""
        scores = ops.convert_to_tensor(y_pred)
        if len(scores.shape) == 1:
            scores = ops.expand_dims(scores, -1)
        errors = ops.reshape(ops.cast(y_true, scores.dtype), ops.shape(scores)) - scores
        weight = ops.ones_like(scores[:, 0]) if sample_weight is None else ops.cast(sample_weight, scores.dtype)
        weight = ops.reshape(weight, (-1,))
        mass = ops.sum(weight)
        shares = weight / ops.where(mass > 0, mass, 1.0)
        costs = (self.cost(errors), ops.abs(errors), ops.square(errors))
        values = (ops.sum(shares * ops.mean(cost, axis=-1)) for cost in costs)
        return dict(zip(self.term_names, values, strict=True))

    def cost(self, errors: Tensor) -> Tensor:
        """Return the cost of each error."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class SquaredError(ErrorLoss):
    """Half the mean squared error.

    Parameters
    ----------
    name : str, default="squared_error"
        Name of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import SquaredError
    >>> float(SquaredError()(np.array([[2.0]]), np.array([[0.0]])))
    2.0
    """

    name: str = "squared_error"

    def cost(self, errors: Tensor) -> Tensor:
        """Return the cost of each error."""
        return formulas.squared_error(ops, errors)


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class AbsoluteError(ErrorLoss):
    """Mean absolute error, which is least at the median.

    Parameters
    ----------
    name : str, default="absolute_error"
        Name of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import AbsoluteError
    >>> float(AbsoluteError()(np.array([[2.0]]), np.array([[0.0]])))
    2.0
    """

    name: str = "absolute_error"

    def cost(self, errors: Tensor) -> Tensor:
        """Return the cost of each error."""
        return formulas.absolute_error(ops, errors)


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class Huber(ErrorLoss):
    """Squared error for small errors, and absolute error for large ones.

    Parameters
    ----------
    delta : float, default=1.0
        Error from which on the cost is a line.
    name : str, default="huber"
        Name of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import Huber
    >>> float(Huber(delta=1.0)(np.array([[3.0]]), np.array([[0.0]])))
    2.5
    """

    delta: float = 1.0
    name: str = "huber"

    def cost(self, errors: Tensor) -> Tensor:
        """Return the cost of each error."""
        return formulas.huber(ops, errors, self.delta)


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class Pinball(ErrorLoss):
    """Cost that is least at a quantile.

    Parameters
    ----------
    quantile : float, default=0.5
        Between 0 and 1.
    name : str, default="pinball"
        Name of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import Pinball
    >>> float(Pinball(quantile=0.75)(np.array([[1.0]]), np.array([[0.0]])))
    0.75
    """

    quantile: float = 0.5
    name: str = "pinball"

    def cost(self, errors: Tensor) -> Tensor:
        """Return the cost of each error."""
        return formulas.pinball(ops, errors, self.quantile)
