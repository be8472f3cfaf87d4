"""The objective of a training on numbers: its loss, in the units of the targets."""

from dataclasses import dataclass, replace
from typing import Any, Self

from sklip._tensors import Tensor
from sklip.training.objective import Loss


@dataclass(frozen=True, eq=False)
class RegressionObjective:
    """A loss of errors; the counterpart of :class:`sklip.training.objective.Objective` for numbers.

    Attributes
    ----------
    loss : Loss
        Loss in the units of the training.
    scale : float
        Factor from the units of the rows of the training to those of the user.
    unit : float
        Factor from the units of the targets of the training to those of the user.
    is_squared : bool
        Whether the loss is in squares of the units of the targets.
    """

    loss: Loss
    scale: float
    unit: float
    is_squared: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numbers that :meth:`terms` returns, ``"loss"`` first."""
        return self.loss.term_names

    @property
    def factors(self) -> dict[str, float]:
        """For each name, the factor from the units of the training to the units of the user."""
        powers = {"loss": 2 if self.is_squared else 1, "mean_squared_error": 2}
        return {name: self.unit ** powers.get(name, 1) for name in self.names}

    @property
    def numbers(self) -> dict[str, Any]:
        """The numbers in which objectives of one kind differ."""
        return self.loss.numbers()

    @property
    def kind(self) -> tuple:
        """The key of all objectives that differ only in their numbers."""
        return (type(self.loss), *self.numbers)

    def with_numbers(self, numbers: dict[str, Any]) -> Self:
        """Return the objective with other :attr:`numbers`, which may be tensors or variables."""
        return replace(self, loss=self.loss.with_numbers(**numbers))

    def terms(
        self, targets: Tensor, scores: Tensor, weights: Tensor, heads: Tensor, *, training: bool
    ) -> dict[str, Tensor]:
        """Measure rows; see :meth:`sklip.training.objective.Objective.terms`. The heads do not matter."""
        return self.loss.terms(targets, scores, weights)

    def shares(self, targets: Tensor, scores: Tensor, weights: Tensor, heads: Tensor) -> dict[str, Tensor]:
        """Return nothing: numbers are never right or wrong."""
        return {}
