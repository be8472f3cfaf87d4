"""The front of a network in NumPy and float32; see :mod:`sklip.front_formulas` for the formulas."""

import numpy as np

from sklip import served
from sklip.front_formulas import FIXED_BUDGET, Front, shared
from sklip.training.in_numpy import stiefel


class NumPyFront:
    """The trained linear map before the dense layers.

    Parameters
    ----------
    plan : sklip.front_formulas.Front
    weights, slopes : list of ndarray, float32
        Memory of the weights, in the shapes of the plan, and of the gradients with respect to them.
    """

    def __init__(self, plan: Front, weights: list[np.ndarray], slopes: list[np.ndarray]):
        self._plan, self._weights = plan, weights
        self._sizes, self._turned, self._fixed = plan.parts(weights)
        self._slopes = plan.parts(slopes)
        self._factors = plan.factors.astype(np.float32)
        self._straight = plan.straight

    def draw(self) -> None:
        """Set the weights to what they are before the first step."""
        for own, start in zip(self._weights, self._plan.start(), strict=True):
            own[...] = start

    def forward(self, rows: np.ndarray) -> np.ndarray:
        """What the first dense layer gets."""
        movable = self._sized(rows)
        if self._turned is not None:
            turned = self._of_turned(movable) @ self._turned
            movable = turned if self._plan.norm == 1 else movable * self._straight + turned
        return movable if self._fixed is None else movable + rows[:, self._plan.n_movable :] @ self._fixed

    def _sized(self, rows):
        """The movable columns times the sizes of their rows."""
        movable = rows if self._fixed is None else rows[:, : self._plan.n_movable]
        return movable * (self._factors if self._sizes is None else self._sizes)

    def _of_turned(self, movable):
        """Those of the movable columns whose rows are turned."""
        return movable if self._plan.norm == 1 else movable[:, self._plan.turned]

    def tilted(self, scores: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Scores, plus what directions add to them."""
        if not self._plan.directions:
            return scores
        return scores + (rows @ (self._plan.signs * self._row_norms()))[:, None]

    def _row_norms(self):
        """The norm of each row of the map, float32."""
        movable = self._factors if self._sizes is None else np.abs(self._sizes)
        if self._fixed is None:
            return movable
        return np.concatenate([movable, np.sqrt((self._fixed * self._fixed).sum(axis=1))])

    def backward(self, rows: np.ndarray, slope: np.ndarray, slope_of_scores: np.ndarray) -> None:
        """Write the gradients with respect to the weights, given those to ``forward`` and to the scores."""
        plan, m = self._plan, self._plan.n_movable
        of_sizes, of_turned, of_fixed = self._slopes
        rising = plan.signs * (slope_of_scores[:, 0] @ rows) if plan.directions else None
        if of_turned is not None:
            np.matmul(self._of_turned(self._sized(rows)).T, slope, out=of_turned)
        if of_sizes is not None:
            np.einsum("ij,ij->j", rows[:, :m], slope, out=of_sizes, casting="same_kind")
            if rising is not None:
                of_sizes += np.sign(self._sizes) * rising[:m]
            self._stay_on_budget(of_sizes)
        if of_turned is not None:
            stiefel.without_part_along_rows(self._turned, of_turned)
        if of_fixed is not None:
            np.matmul(rows[:, m:].T, slope, out=of_fixed)
            if rising is not None:
                of_fixed += (rising[m:] / np.maximum(self._row_norms()[m:], np.float32(1e-37)))[:, None] * self._fixed
            stiefel.replace_not_finite(of_fixed)

    def _stay_on_budget(self, of_sizes):
        """Change the gradient of the sizes so that a step keeps ``‖w‖₂ + Σ |wᵢ|``, to first order."""
        sizes, directed = self._sizes, self._plan.directed
        if not self._plan.directions:  # on a sphere
            of_sizes -= (sizes @ of_sizes) * sizes
            stiefel.replace_not_finite(of_sizes)
            return
        normal = sizes / np.maximum(np.sqrt(sizes @ sizes), np.float32(1e-37)) + directed * np.sign(sizes)
        of_sizes -= (sizes @ of_sizes) * normal
        stiefel.replace_not_finite(of_sizes)

    def retract(self) -> None:
        """Bring the weights back within their budgets after a step."""
        if self._sizes is not None and not self._plan.directions:
            square = self._sizes @ self._sizes
            if 1e-12 < square < 1e12:
                self._sizes *= 1.0 / np.sqrt(square)
            else:
                stiefel.normalise_columns(self._sizes[:, None])
        elif self._sizes is not None:
            self._sizes[...] = shared(self._sizes, self._plan.directed)
        if self._turned is not None:
            stiefel.normalise_columns(self._turned.T)
        if self._fixed is not None:
            norm = np.sqrt(np.vdot(self._fixed, self._fixed))
            if norm > FIXED_BUDGET:
                self._fixed[...] *= np.float32(FIXED_BUDGET) / norm

    def end_training(self) -> None:
        """Bring the weights within their budgets as closely as float32 allows."""
        for own, exact in zip(self._weights, self._plan.on_budget(self._weights), strict=True):
            own[...] = exact

    def operation(self) -> served.Operation:
        """The operation of a served network."""
        return self._plan.operation(self._plan.on_budget(self._weights))
