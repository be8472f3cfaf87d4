"""The objective of a training: its loss, and what is measured with it."""

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Protocol, Self

from sklip._tensors import Tensor


class Loss(Protocol):
    """What a training needs of a loss: those of ``sklip.losses`` and those of the training in NumPy have it.

    Attributes
    ----------
    xp : module
        ``keras.ops`` or ``numpy``, of whose arrays it computes terms.
    term_names : tuple of str
        Names of its terms, ``"loss"`` first.
    unitless_terms : tuple of str
        Those that are pure numbers; the others are in the units of the scores.
    """

    xp: ModuleType
    term_names: tuple[str, ...]
    unitless_terms: tuple[str, ...]

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of its parameters; empty for a loss that the user wrote."""

    def terms(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> dict[str, Tensor]:
        """Return the terms of rows, by name."""

    def numbers(self) -> dict[str, Any]:
        """Return the parameters that are set, by name."""

    def with_numbers(self, **values: Any) -> Self:
        """Return a copy with other values of some parameters."""


@dataclass(frozen=True, eq=False)
class Objective:
    """A loss with its terms, the accuracy, and the certified accuracy if a radius is given.

    Attributes
    ----------
    loss : Loss
        Loss in the units of the training. If batches may lack a class, it may have the ``class_proportions`` of all
        rows; held-out rows are measured without them.
    epsilon : float or None
        Radius of the certified accuracy, in the units of the training.
    scale : float
        Factor from the units of the training to the units of the user.
    """

    loss: Loss
    epsilon: float | Tensor | None = None
    scale: float = 1.0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numbers that :meth:`terms` returns, ``"loss"`` first."""
        certified = () if self.epsilon is None else ("certified_accuracy",)
        return (*self.loss.term_names, "accuracy", *certified)

    @property
    def factors(self) -> dict[str, float]:
        """For each name, the factor from the units of the training to the units of the user."""
        unitless = {*self.loss.unitless_terms, "accuracy", "certified_accuracy"}
        return {name: 1.0 if name in unitless else self.scale for name in self.names}

    @property
    def numbers(self) -> dict[str, Any]:
        """The numbers, and sequences of numbers, in which objectives of one kind differ."""
        return self.loss.numbers() | ({} if self.epsilon is None else {"epsilon": self.epsilon})

    @property
    def kind(self) -> tuple | None:
        """The key of all objectives that differ only in their numbers; None for a loss that the user wrote."""
        return (type(self.loss), *self.numbers) if self.loss.parameter_names else None

    def with_numbers(self, numbers: dict[str, Any]) -> Self:
        """Return the objective with other :attr:`numbers`, which may be tensors or variables."""
        of_loss = {name: numbers[name] for name in self.loss.numbers()}
        return replace(self, loss=self.loss.with_numbers(**of_loss), epsilon=numbers.get("epsilon"))

    def terms(
        self, targets: Tensor, scores: Tensor, weights: Tensor, heads: Tensor, *, training: bool
    ) -> dict[str, Tensor]:
        """Measure rows.

        Parameters
        ----------
        targets, scores : arrays of shape (n, n_scores), or tensors
            Targets are positive in the column of the class of the row.
        weights : tensor of shape (n,)
        heads : tensor of shape (n_inputs, n_scores)
            Kernel of the last layer, with which the scores were computed.
        training : bool
            True if the rows are a batch of the training, False if they are all held-out rows.

        Returns
        -------
        dict of str to scalar tensor
            The numbers, by :attr:`names`.
        """
        loss = self.loss if training else self.loss.with_numbers(class_proportions=None)
        return loss.terms(targets, scores, weights) | self.shares(targets, scores, weights, heads)

    def shares(self, targets: Tensor, scores: Tensor, weights: Tensor, heads: Tensor) -> dict[str, Tensor]:
        """Measure only the accuracy, and the certified accuracy if there is a radius; see :meth:`terms`."""
        xp = self.loss.xp
        terms = {"accuracy": _share(xp, correct(xp, targets, scores), weights)}
        if self.epsilon is not None:
            right = certified(xp, targets, scores, heads, self.epsilon)
            terms["certified_accuracy"] = _share(xp, right, weights)
        return terms


def _share(xp, rows, weights):
    """Weighted share of the rows that are True."""
    mass = xp.sum(weights)
    return xp.sum(xp.where(rows, weights, 0.0)) / xp.where(mass > 0, mass, 1.0)  # 0 if the weights are all 0


def correct(xp: ModuleType, targets: Tensor, scores: Tensor) -> Tensor:
    """True for each row whose class has the highest score; the sign of a single score decides.

    Parameters
    ----------
    xp : numpy or keras.ops
    targets, scores : tensors of shape (n, n_scores)

    Returns
    -------
    bool tensor of shape (n,)
    """
    if scores.shape[-1] == 1:
        return xp.equal(targets[:, 0] > 0, scores[:, 0] > 0)
    return xp.equal(xp.argmax(targets, axis=-1), xp.argmax(scores, axis=-1))


def certified(xp: ModuleType, targets: Tensor, scores: Tensor, heads: Tensor, epsilon: float | Tensor) -> Tensor:
    """True for each row whose prediction is correct at every point within ``epsilon``.

    This assumes that the layers before the heads are 1-Lipschitz, and ignores float32 rounding. It is for early
    stopping; the proven radius is that of ``certified_radius``.

    Parameters
    ----------
    xp : numpy or keras.ops
    targets, scores : tensors of shape (n, n_scores)
    heads : tensor of shape (n_inputs, n_scores)
        Kernel of the last layer.
    epsilon : float or scalar tensor
        Radius in the units of the scores.

    Returns
    -------
    bool tensor of shape (n,)
    """
    positive = xp.where(targets > 0, 1.0, 0.0)
    if scores.shape[-1] == 1:
        return ((2.0 * positive - 1.0) * scores)[:, 0] > epsilon
    squares = xp.sum(xp.square(heads), axis=0)
    products = xp.matmul(xp.transpose(heads), heads)
    distances = xp.sqrt(xp.maximum(squares[:, None] + squares[None, :] - 2.0 * products, 0.0))
    gaps = xp.sum(positive * scores, axis=-1, keepdims=True) - scores
    return xp.all(xp.logical_or(positive > 0, gaps > epsilon * xp.matmul(positive, distances)), axis=-1)
