"""The front: the linear map before the model, which makes lengths in the question of the training Euclidean ones.

Rows of the training have the columns that may change first, and then those that are fixed. With ``x`` the former and
``z`` the latter, the model gets ``y = x V + z F``, and ``Σ σᵢ λᵢ xᵢ`` is added to its score, over the columns in which
the score must rise (``σᵢ = 1``) or fall (``σᵢ = −1``); ``λᵢ`` is the norm of their row of ``V`` or ``F``.

- norm inf: ``V = diag(w)``, trained, with ``‖w‖₂ + Σ |wᵢ| = 1``; the sum is over the ``k`` columns with a direction.
- norm 1: the rows of ``V`` are trained; their norm is ½ if they have a direction, and 1 otherwise.
- norm 2: the identity without directions. Else the rows of the columns with a direction are trained, of norm
  ``1 / √(8 k)``, and the others are ``√½`` times those of the identity. If all columns have one, it is ``1 / √(4 k)``.
- ``F`` is trained, with ``‖F‖_F ≤ FIXED_BUDGET``: no change of a fixed column is part of the question.

The page on the theory proves that scores are then 1-Lipschitz in the question, and move with the directions.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sklip import served
from sklip.arithmetic import unit_rows

FIXED_BUDGET = 4.0
"""Largest Frobenius norm of the kernel of the fixed columns, in standard deviations of these, over ``scale_``."""


@dataclass(frozen=True)
class Front:
    """What the front of a network depends on, and its formulas.

    Attributes
    ----------
    norm : {1, 2, inf}
    n_movable : int
        Number of columns that may change.
    n_fixed : int
        Number of columns that are fixed.
    directions : tuple of int
        −1, 0 or 1 for each column, in the order of the training; empty if none has a direction.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.front_formulas import Front
    >>> front = Front(np.inf, n_movable=4, n_fixed=2)
    >>> front.shapes
    [(4,), (2, 4)]
    """

    norm: float
    n_movable: int
    n_fixed: int = 0
    directions: tuple[int, ...] = ()

    @property
    def is_needed(self) -> bool:
        """Whether the model would get other values than the columns themselves."""
        return self.norm != 2 or self.n_fixed > 0 or bool(self.directions)

    @cached_property
    def signs(self) -> np.ndarray:
        """The direction of each column, float32."""
        return np.array(self.directions or (0,) * (self.n_movable + self.n_fixed), np.float32)

    @cached_property
    def directed(self) -> np.ndarray:
        """1 for each movable column with a direction, 0 for the others, float32."""
        return np.abs(self.signs[: self.n_movable])

    @cached_property
    def factors(self) -> np.ndarray:
        """The sizes of the rows of ``V`` that are not trained, float64; ones for the norm inf."""
        directed = self.directed.astype(np.float64)
        if self.norm == 1:
            return 1.0 - 0.5 * directed
        if self.norm == 2 and directed.any():
            share = 0.5 if (directed == 0).any() else 1.0
            return np.where(directed > 0, 0.5 * np.sqrt(share / directed.sum()), np.sqrt(1.0 - share))
        return np.ones(self.n_movable)

    @cached_property
    def turned(self) -> np.ndarray:
        """Positions of the movable columns whose rows of ``V`` are trained, each as a unit vector times its size."""
        trained = {1: np.ones(self.n_movable), 2: self.directed, np.inf: np.zeros(self.n_movable)}
        return np.flatnonzero(trained[self.norm])

    @cached_property
    def straight(self) -> np.ndarray:
        """1 for the movable columns whose rows of ``V`` are multiples of a unit vector, 0 for the others, float32."""
        straight = np.ones(self.n_movable, np.float32)
        straight[self.turned] = 0.0
        return straight

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the weights: sizes of the rows of ``V``, unit vectors of its trained rows, and ``F``."""
        return [weight.shape for weight in self.start()]

    def start(self) -> list[np.ndarray]:
        """The weights before the first step, float64; nothing is random."""
        weights = [np.ones(self.n_movable)] if self.norm == np.inf else []
        if len(self.turned):
            weights.append(np.eye(self.n_movable)[self.turned])
        if self.n_fixed:
            weights.append(np.zeros((self.n_fixed, self.n_movable)))
        return self.on_budget(weights)

    def parts(self, weights: list) -> tuple:
        """Sizes, unit vectors and ``F`` among the weights; None for those that there are not."""
        rest = list(weights)
        sizes = rest.pop(0) if self.norm == np.inf else None
        turned = rest.pop(0) if len(self.turned) else None
        return sizes, turned, rest.pop(0) if self.n_fixed else None

    def on_budget(self, weights: list[np.ndarray]) -> list[np.ndarray]:
        """The weights within their budgets that are next to the given ones, float64."""
        sizes, turned, fixed = self.parts([np.asarray(weight, dtype=np.float64) for weight in weights])
        if sizes is not None:
            sizes = shared(sizes, self.directed)
        if turned is not None:
            turned = unit_rows(turned)
        if fixed is not None:
            norm = np.linalg.norm(fixed)
            fixed = fixed * min(1.0, FIXED_BUDGET / norm if norm > 0 else 1.0)
        return [weight for weight in (sizes, turned, fixed) if weight is not None]

    def operation(self, weights: list[np.ndarray]) -> served.Operation:
        """The map from the columns of the training to the values that the model gets, for weights within budgets."""
        sizes, turned, fixed = self.parts(weights)
        factors = self.factors if sizes is None else sizes
        if turned is None and fixed is None:
            return served.Diagonal(factors)
        kernel = np.diag(factors)
        if turned is not None:
            kernel[self.turned] = factors[self.turned, None] * turned
        if fixed is not None:
            kernel = np.vstack([kernel, fixed])
        return served.Dense(kernel, np.zeros(self.n_movable))


def shared(factors: np.ndarray, directed: np.ndarray) -> np.ndarray:
    """Return factors divided by ``‖w‖₂ + Σ |wᵢ|``, where the sum is over those with ``directed``; zeros stay zeros."""
    largest = np.abs(factors).max(initial=0.0)
    scaled = factors / (largest if largest > 0 else 1.0)
    total = np.linalg.norm(scaled) + np.abs(scaled) @ directed
    return scaled / (total if total > 0 else 1.0)
