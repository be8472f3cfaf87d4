"""The exact map from the raw columns to the columns that a network sees, and its Lipschitz constant.

A map is a chain of stages, each a matrix; between two stages stands a function that is 1-Lipschitz in the
Euclidean norm and acts on each column, or block of columns, by itself: a clip, or a step whose constant the user
stated. Within a stage matrices are multiplied, so that its norm is that of the product and not a product of norms.
Offsets do not matter to a Lipschitz constant and are left out.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from sklip.arithmetic.norms import norm_bound, operator_norm_bound
from sklip.arithmetic.rounding import TINY, gamma, round_up


@dataclass(frozen=True)
class Stage:
    """A matrix known to rounding: ``|matrix − exact| ≤ γ_roundings · size``, entry by entry, and underflow.

    What underflowed, in ``matrix`` and in ``size``, has a Frobenius norm of at most ``underflow``.
    """

    matrix: sparse.csr_array
    size: sparse.csr_array
    roundings: int = 0
    underflow: float = 0.0

    @classmethod
    def of(cls, matrix, roundings: int = 0) -> "Stage":
        """The stage of a matrix whose entries are within so many roundings of the exact ones."""
        matrix = sparse.csr_array(matrix, dtype=np.float64)
        return cls(matrix, abs(matrix), roundings)

    def after(self, first: "Stage") -> "Stage":
        """Return one stage that is another, then this one."""
        # As many roundings as products in a sum; those of ``size`` itself are counted with them.
        terms = int(np.diff(self.matrix.indptr).max(initial=0)) + 1
        matrix, size = sparse.csr_array(self.matrix @ first.matrix), sparse.csr_array(self.size @ first.size)
        underflow = self.loose_norm() * first.underflow + self.underflow * first.loose_norm()
        underflow = float(round_up(underflow + terms * sum(size.shape) * TINY, 8))
        return Stage(matrix, size, self.roundings + first.roundings + 2 * terms, underflow)

    def norm(self, norm: float = 2, tolerances=None, kernel=None) -> float:
        """Bound of the operator norm of ``kernelᵀ matrix diag(tolerances)``, into the Euclidean norm."""
        with np.errstate(all="ignore"):
            return self._norm(norm, tolerances, kernel)

    def _norm(self, norm, tolerances, kernel):
        matrix, size, roundings, underflow = self.matrix, self.size, self.roundings + 2, self.underflow
        per_entry = 4 * (1 + matrix.shape[0]) * sum(matrix.shape) * TINY
        if tolerances is not None:
            matrix, size, roundings = matrix * tolerances, size * tolerances, roundings + 2
            underflow = underflow * tolerances.max(initial=0.0) + per_entry
        if kernel is None:
            # Entries that are sums may cancel: each is off by γ times what it would be without signs.
            most = sparse.csr_array(abs(matrix) + gamma(roundings + 4) * size)
            if _columns_apart(most):
                entries = round_up(most.data, 2)
                bound = norm_bound(entries) if norm == np.inf else entries.max(initial=0.0)
                return float(round_up(bound + np.sqrt(matrix.shape[1]) * underflow, 4))
            matrix, size = matrix.toarray(), size.toarray()
        else:
            matrix, size, roundings = kernel.T @ matrix, np.abs(kernel.T) @ size, roundings + 2 * len(kernel)
            underflow = underflow * norm_bound(kernel) + kernel.shape[1] * per_entry
        return operator_norm_bound(matrix, norm, round_up(gamma(roundings + 4) * norm_bound(size) + underflow, 8))

    def loose_norm(self) -> float:
        """Cheap bound of the Euclidean operator norm: where it multiplies errors, a factor is no loss."""
        rows, columns = (self.size.sum(axis=axis).max(initial=0.0) for axis in (1, 0))
        bound = np.sqrt(rows) * np.sqrt(columns) + self.underflow
        return float(round_up(bound, self.roundings + sum(self.size.shape) + 4))


def _columns_apart(matrix) -> bool:
    """Whether each row and each column holds one entry at most: then the norm is the largest."""
    csr = sparse.csr_array(matrix)
    return np.diff(csr.indptr).max(initial=0) <= 1 and np.bincount(csr.indices, minlength=1).max() <= 1


@dataclass(frozen=True)
class LipschitzMap:
    """Stages with 1-Lipschitz functions of single columns, or blocks of them, in between."""

    stages: tuple[Stage, ...]

    @classmethod
    def selection(cls, columns: np.ndarray, width: int) -> "LipschitzMap":
        """The given ones of ``width`` columns."""
        return cls((Stage.of(_picked(columns, width)),))

    @property
    def width(self) -> int:
        """Number of columns that come out."""
        return self.stages[-1].matrix.shape[0]

    def then(self, stage: Stage) -> "LipschitzMap":
        """Return this map, and a matrix after it."""
        return LipschitzMap((*self.stages[:-1], stage.after(self.stages[-1])))

    def then_bounded(self, constant: float, width: int) -> "LipschitzMap":
        """Return this map, and after it a function with a Lipschitz constant that returns ``width`` columns."""
        scaled = self if constant == 1.0 else self.then(Stage.of(constant * sparse.eye_array(self.width), 1))
        return LipschitzMap((*scaled.stages, Stage.of(sparse.eye_array(width))))

    def then_map(self, following: "LipschitzMap") -> "LipschitzMap":
        """Return this map, and another after it."""
        joint = following.stages[0].after(self.stages[-1])
        return LipschitzMap((*self.stages[:-1], joint, *following.stages[1:]))

    @staticmethod
    def side_by_side(maps: list["LipschitzMap"], width: int) -> "LipschitzMap":
        """Maps of the same ``width`` columns, their results next to each other."""
        if not maps:
            return LipschitzMap((Stage.of(sparse.csr_array((0, width))),))
        depth = max(len(parallel.stages) for parallel in maps)
        # A shorter one goes through identities: they are 1-Lipschitz as well.
        padded = [
            (*parallel.stages, *[Stage.of(sparse.eye_array(parallel.width))] * (depth - len(parallel.stages)))
            for parallel in maps
        ]
        stages = [_stacked([stages[0] for stages in padded], sparse.vstack)]
        stages += [_stacked([stages[level] for stages in padded], sparse.block_diag) for level in range(1, depth)]
        return LipschitzMap(tuple(stages))

    def norm(self, norm: float, tolerances: np.ndarray, kernel: np.ndarray | None = None) -> float:
        """Bound of the Lipschitz constant of ``kernelᵀ T(x)``, from a norm of ``(x′ − x) / tolerances``.

        Parameters
        ----------
        norm : {1, 2, inf}
            In which displacements are measured.
        tolerances : ndarray of shape (n_columns,)
            Units of the displacement of each column; 0 for columns that do not move.
        kernel : ndarray of shape (width, p) or None
            A matrix after the map.

        Returns
        -------
        float
        """
        if len(self.stages) == 1:
            return self.stages[0].norm(norm, tolerances, kernel)
        bound = self.stages[0].norm(norm, tolerances)
        for stage in self.stages[1:-1]:
            bound = round_up(bound * stage.norm())
        return float(round_up(bound * self.stages[-1].norm(kernel=kernel)))

    def slopes(self) -> sparse.csr_array:
        """The product of the stages: the Jacobian where the functions in between do nothing."""
        product = self.stages[0].matrix
        for stage in self.stages[1:]:
            product = stage.matrix @ product
        return sparse.csr_array(product)


def _picked(columns, width):
    columns = np.asarray(columns, dtype=np.intp)
    return sparse.csr_array((np.ones(len(columns)), (np.arange(len(columns)), columns)), shape=(len(columns), width))


def _stacked(stages, stack):
    matrix, size = (
        sparse.csr_array(stack([getattr(stage, name) for stage in stages], format="csr")) for name in ("matrix", "size")
    )
    underflow = np.array([stage.underflow for stage in stages])
    total = float(norm_bound(underflow)) if underflow.any() else 0.0
    return Stage(matrix, size, max(stage.roundings for stage in stages), total)
