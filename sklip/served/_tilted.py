"""Tilted: a linear function of the input, added to what operations make of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sklip.arithmetic.norms_of_sums import diagonal_norm_bound, sum_norm_bound
from sklip.arithmetic.rounding import product_above
from sklip.served import _chain as chain
from sklip.served._add import Add
from sklip.served._bounds import Bounds
from sklip.served._chain import Steps
from sklip.served._dense import Dense
from sklip.served._diagonal import Diagonal
from sklip.served._operation import Operation


@dataclass(frozen=True, eq=False, repr=False)
class Tilted(Operation):
    """``g(z) + slopes · z``, where the operations ``g`` end in one value: a score that moves with given columns.

    If ``g`` changes by at most ``|slopes_i|`` per unit of ``z_i``, the sum does not fall when ``z_i`` moves in the
    direction of the sign of ``slopes_i``.

    Parameters
    ----------
    steps : tuple of Operation
        From rows that are vectors to one value.
    slopes : ndarray of shape (n_features,), float64

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Dense, Tilted
    >>> falling = Dense(np.array([[-0.5], [0.5]]), np.zeros(1))
    >>> Tilted((falling,), np.array([0.5, 0.0])).forward(np.array([[3.0, 1.0]])).tolist()
    [[0.5]]
    """

    steps: Steps
    slopes: np.ndarray

    def _check(self):
        chain.check_steps("Tilted", self.steps)
        if not self.steps or self.slopes.ndim != 1 or not self.slopes.size:
            raise ValueError(f"Tilted needs operations, and a slope for each value; got {self.steps!r}, {self.slopes}.")

    @property
    def inner(self) -> Steps:
        """The operations to whose result the linear function is added."""
        return self.steps

    def __repr__(self):
        return f"Tilted({list(self.steps)}, {self.slopes.shape})"

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (1,)."""
        if shape != self.slopes.shape or chain.output_shape(self.steps, shape) != (1,):
            raise ValueError(f"Tilted takes rows of shape {self.slopes.shape} to one value; got rows of shape {shape}.")
        return (1,)

    @property
    def _linear(self):
        return Dense(self.slopes[:, None], np.zeros(1))

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Add the linear function."""
        return np.add(chain.forward(self.steps, z), z @ self.slopes[:, None], out=self._memory(z, out))

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Add the slopes to those of the operations."""
        inputs, _ = chain.inputs_and_output(self.steps, z)
        return chain.vjp(self.steps, inputs, slopes) + slopes * self.slopes

    def lipschitz(self) -> float:
        """Return the bound of the sum in the Euclidean norm."""
        return self.lipschitz_after(_identity)

    def lipschitz_after(self, source: Callable[..., float]) -> float:
        """Return the bound for a map followed by the sum.

        With ``g(z) = h(Wᵀ z + b)`` and ``h`` of constant ``c``, the sum changes by at most
        ``c ‖Wᵀ T δ‖₂ + |slopes · T δ|``, and so by ``max(1, c)`` times what the source returns.
        """
        first, *others = self.steps
        if isinstance(first, Dense):
            return product_above(max(1.0, chain.lipschitz(others)), source(first.kernel, self.slopes))
        if isinstance(first, Diagonal):
            return product_above(max(1.0, chain.lipschitz(others)), source(first.factors, self.slopes))
        return product_above(max(1.0, chain.lipschitz(self.steps)), source(None, self.slopes))

    def carry(self, bounds: Bounds) -> Bounds:
        """Return the sum of the bounds, with the rounding of the sum."""
        return Add().carry([chain.carry(self.steps, bounds), self._linear.carry(bounds)])

    def rescaled(self, scale: float) -> "Tilted":
        """Return the operation with its operations rescaled; a linear function is the same in all units."""
        return replace(self, steps=chain.rescaled(self.steps, scale))


def _identity(kernel, linear):
    """The source of no map, in the Euclidean norm."""
    if kernel is None:
        kernel = np.ones(len(linear))
    return diagonal_norm_bound(kernel, 2, linear) if kernel.ndim == 1 else sum_norm_bound(kernel.T, linear, 2)
