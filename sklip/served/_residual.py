"""Residual: a step along the gradient of a convex function, which does not increase distances."""

from dataclasses import dataclass

import numpy as np

from sklip.arithmetic.rounding import TINY, UNIT, product_above, round_up
from sklip.served import _chain as chain
from sklip.served._bounds import Bounds
from sklip.served._center import Center
from sklip.served._chain import Steps
from sklip.served._dense import Dense
from sklip.served._operation import Operation
from sklip.served._shift import Shift


@dataclass(frozen=True, eq=False, repr=False)
class Residual(Operation):
    """``x − 2 Kᵀ relu(K x + b)``.

    Its Jacobian is ``I − 2 Kᵀ D K`` with a diagonal ``D`` between 0 and 1, whose eigenvalues lie between
    ``1 − 2 ‖K‖²`` and 1. So the Lipschitz constant is at most ``max(1, 2 ‖K‖² − 1)``: the layers of
    Meunier et al. ("A Dynamical System Perspective for Lipschitz Neural Networks", ICML 2022) with ``‖K‖ = 1``.

    Parameters
    ----------
    steps : tuple of Dense, Shift and Center
        The affine map ``K x + b``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Dense, Residual
    >>> Residual((Dense(np.eye(2), np.zeros(2)),)).forward(np.array([[1.0, -1.0]])).tolist()
    [[-1.0, -1.0]]
    """

    steps: Steps

    def _check(self):
        chain.check_steps("Residual", self.steps)
        for step in self.steps:
            if type(step) not in (Dense, Shift, Center):
                raise ValueError(f"Residual needs affine operations with a transpose; got {step!r}.")
            if type(step) is Shift:
                step.transposed()  # or raises

    @property
    def inner(self) -> Steps:
        """The operations of the affine map."""
        return self.steps

    def __repr__(self):
        return f"Residual({list(self.steps)})"

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the same shape."""
        chain.output_shape(self.steps, shape)
        return shape

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Subtract twice the transposed product of the positive parts."""
        inputs, values = chain.inputs_and_output(self.steps, z)
        moved = chain.vjp(self.steps, inputs, np.maximum(values, 0.0))
        return np.subtract(z, 2.0 * moved, out=out)

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Multiply by the Jacobian, which is symmetric."""
        inputs, values = chain.inputs_and_output(self.steps, z)
        moved = slopes
        for step in self.steps:
            moved = _linear(step, moved)
        return slopes - 2.0 * chain.vjp(self.steps, inputs, np.where(values > 0, moved, 0.0))

    def lipschitz(self) -> float:
        """Return ``max(1, 2 ‖K‖² − 1)``, rounded up."""
        norm = chain.lipschitz(self.steps)
        square = product_above(norm, norm)
        # 2 s − 1 rounds twice; s ≥ 1 where it matters, so that the result is at least 1.
        return max(1.0, float(round_up(2.0 * square - 1.0, 2))) if square > 1.0 else 1.0

    def carry(self, bounds: Bounds) -> Bounds:
        """Return the bounds after both products, the positive part and the difference."""
        own = chain.carry(self._there_and_back, Bounds.of_input(bounds.shape))
        norm, error = 2.0 * own.norm, 2.0 * own.error  # exact
        unit = np.array([1.0, 0.0])
        underflow = np.array([0.0, 8 * np.sqrt(bounds.size) * TINY])
        lost = round_up(error + 2 * UNIT * (unit + norm + error) + underflow, 6)
        # ‖f(x)‖ ≤ L ‖x‖ + ‖f(0)‖, where f(0) = −2 Kᵀ relu(b); the computed values are farther by the error.
        lipschitz = self.lipschitz()
        size = round_up(np.array([lipschitz, norm[1]]) + lost, 4)
        largest = round_up(unit + 2.0 * norm, 4)
        farthest = np.minimum(own.farthest, Bounds.of_input(bounds.shape).farthest_with(largest))
        return bounds.followed_by(Bounds(size, lost, farthest, bounds.shape), lipschitz)

    @property
    def _there_and_back(self):
        """The affine map, then its transpose; the positive part between them changes no bound."""
        return (*self.steps, *(step.transposed() for step in reversed(self.steps) if type(step) is not Center))

    def rescaled(self, scale: float) -> "Residual":
        """Return the operation with its biases times ``scale``."""
        return Residual(chain.rescaled(self.steps, scale))


def _linear(step, values):
    """The Jacobian of an affine operation times values."""
    if type(step) is Dense:
        return step.linear(values)
    return values if type(step) is Center else step.forward(values)
