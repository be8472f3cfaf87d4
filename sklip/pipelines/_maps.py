"""The exact map from the raw columns to a place of a pipeline, and how fast values and errors grow on the way.

A map is a chain of stages, each a matrix; between two stages stands a function that is 1-Lipschitz in the
Euclidean norm and acts on each column, or block of columns, by itself: a clip, or a step whose constant the user
stated. Within a stage matrices are multiplied, so that its norm is that of the product and not a product of norms.
Where no column was mixed with others before a clip, the norm is that of the product, too.
Offsets do not matter to a Lipschitz constant and are left out.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest

import numpy as np
from scipy import sparse

from sklip.arithmetic.norms import norm_bound, operator_norm_bound
from sklip.arithmetic.norms_of_sums import diagonal_norm_bound, sum_norm_bound
from sklip.arithmetic.rounding import TINY, TINY_OF_FLOAT32, gamma, product_above, round_up
from sklip.rows.dtypes import dtypes_of, kind_of


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

    @classmethod
    def selection(cls, columns: np.ndarray, width: int, n_zeros: int = 0) -> "Stage":
        """The given ones of ``width`` columns, and columns of zeros after them."""
        places, shape = (np.arange(len(columns)), columns), (len(columns) + n_zeros, width)
        return cls.of(sparse.csr_array((np.ones(len(columns)), places), shape=shape))

    def after(self, first: "Stage") -> "Stage":
        """Return one stage that is another, then this one."""
        # As many roundings as products in a sum; those of ``size`` itself are counted with them.
        terms = int(np.diff(self.matrix.indptr).max(initial=0)) + 1
        matrix, size = sparse.csr_array(self.matrix @ first.matrix), sparse.csr_array(self.size @ first.size)
        underflow = self.loose_norm() * first.underflow + self.underflow * first.loose_norm()
        underflow = float(round_up(underflow + terms * sum(size.shape) * TINY, 8))
        return Stage(matrix, size, self.roundings + first.roundings + 2 * terms, underflow)

    def norm(self, norm: float = 2, tolerances=None, kernel=None, linear=None) -> float:
        """Bound of ``max ‖kernelᵀ B δ‖₂ + |linear · B δ|`` with ``B = matrix diag(tolerances)``.

        Without ``linear``, it is an operator norm, into the Euclidean norm. A vector stands for a diagonal kernel.
        """
        with np.errstate(all="ignore"):
            whole = self if tolerances is None else self._in_tolerances(tolerances)
            row = None if linear is None else Stage.of(linear[None]).after(whole)
            if kernel is not None:
                if kernel.ndim == 2 and row is None:
                    return whole._norm_after(norm, kernel)
                whole = Stage.of(sparse.diags_array(kernel) if kernel.ndim == 1 else kernel.T).after(whole)
            # Entries that are sums may cancel: each is off by γ times what it would be without signs.
            most = whole._entries_above()
            if _columns_apart(most):
                underflow = np.sqrt(whole.matrix.shape[1]) * (whole.underflow + (0.0 if row is None else row.underflow))
                if row is None:
                    bound = diagonal_norm_bound(round_up(most.data, 2), norm)
                else:
                    entries, added = (np.asarray(each.sum(axis=0)) for each in (most, row._entries_above()))
                    bound = diagonal_norm_bound(round_up(entries, 2), norm, round_up(added, 2))
                return float(round_up(bound + underflow, 4))
            inaccuracy = whole._inaccuracy(norm_bound(whole.size.data))
            if row is None:
                return operator_norm_bound(whole.matrix.toarray(), norm, inaccuracy)
            inaccuracy = float(round_up(inaccuracy + row._inaccuracy(norm_bound(row.size.data))))
            return sum_norm_bound(whole.matrix.toarray(), row.matrix.toarray()[0], norm, inaccuracy)

    def _in_tolerances(self, tolerances):
        """The stage before which each column is multiplied by its tolerance."""
        underflow = self.underflow * tolerances.max(initial=0.0) + self._lost_per_entry
        return Stage(self.matrix * tolerances, self.size * tolerances, self.roundings + 2, float(underflow))

    @property
    def _lost_per_entry(self):
        """What products with the entries may lose by underflow."""
        return 4 * (1 + self.matrix.shape[0]) * sum(self.matrix.shape) * TINY

    def _norm_after(self, norm, kernel):
        """Bound of the operator norm of the product with a kernel of few columns: a dense product."""
        matrix, size = kernel.T @ self.matrix, np.abs(kernel.T) @ self.size
        underflow = self.underflow * norm_bound(kernel) + kernel.shape[1] * self._lost_per_entry
        product = Stage(self.matrix, self.size, self.roundings + 2 * len(kernel), underflow)
        return operator_norm_bound(matrix, norm, product._inaccuracy(norm_bound(size)))

    def _entries_above(self):
        """Upper bounds of the absolute values of the entries, up to underflow."""
        return sparse.csr_array(abs(self.matrix) + gamma(self.roundings + 6) * self.size)

    def _inaccuracy(self, size):
        """Bound of the Frobenius norm of the difference from the exact matrix, given that of ``size``."""
        return float(round_up(gamma(self.roundings + 6) * size + self.underflow, 8))

    def loose_norm(self) -> float:
        """Cheap bound of the Euclidean operator norm: where it multiplies errors, a factor is no loss."""
        rows, columns = (self.size.sum(axis=axis).max(initial=0.0) for axis in (1, 0))
        bound = np.sqrt(rows) * np.sqrt(columns) + self.underflow
        return float(round_up(bound, self.roundings + sum(self.size.shape) + 4))


def _columns_apart(matrix: sparse.csr_array) -> bool:
    """Whether each row and each column holds one entry at most: then the norm is the largest."""
    return np.diff(matrix.indptr).max(initial=0) <= 1 and np.bincount(matrix.indices, minlength=1).max() <= 1


@dataclass(frozen=True)
class LipschitzMap:
    """Stages with 1-Lipschitz functions of single columns, or blocks of them, in between.

    ``by_columns`` says whether all these functions are of single columns.
    """

    stages: tuple[Stage, ...]
    by_columns: bool = True

    @classmethod
    def selection(cls, columns: np.ndarray, width: int) -> "LipschitzMap":
        """The given ones of ``width`` columns."""
        return cls((Stage.selection(columns, width),))

    @property
    def width(self) -> int:
        """Number of columns that come out."""
        return self.stages[-1].matrix.shape[0]

    def then(self, stage: Stage) -> "LipschitzMap":
        """Return this map, and after it a matrix."""
        return self.then_map(LipschitzMap((stage,)))

    def then_map(self, other: "LipschitzMap") -> "LipschitzMap":
        """Return this map, and after it another one."""
        first, *others = other.stages
        stages = (*self.stages[:-1], first.after(self.stages[-1]), *others)
        return LipschitzMap(stages, self.by_columns and other.by_columns)

    def then_bounded(self, constant: float, width: int) -> "LipschitzMap":
        """Return this map, and after it a function with a Lipschitz constant that returns ``width`` columns."""
        scaled = self if constant == 1.0 else self.then(Stage.of(constant * sparse.eye_array(self.width), 1))
        return LipschitzMap((*scaled.stages, Stage.of(sparse.eye_array(width))), False)

    def then_clipped(self) -> "LipschitzMap":
        """Return this map, and after it a 1-Lipschitz function of each column."""
        return LipschitzMap((*self.stages, Stage.of(sparse.eye_array(self.width))), self.by_columns)

    @staticmethod
    def side_by_side(maps: list["LipschitzMap"], width: int) -> "LipschitzMap":
        """Maps of the same ``width`` columns, their results next to each other."""
        if not maps:
            return LipschitzMap((Stage.of(sparse.csr_array((0, width))),))
        # A shorter one goes through identities: they are 1-Lipschitz as well.
        first, *others = [
            [stage or Stage.of(sparse.eye_array(parallel.width)) for stage, parallel in zip(level, maps, strict=True)]
            for level in zip_longest(*(parallel.stages for parallel in maps))
        ]
        stages = (_stacked(first, sparse.vstack), *(_stacked(level, sparse.block_diag) for level in others))
        return LipschitzMap(stages, all(parallel.by_columns for parallel in maps))

    def norm(
        self,
        norm: float,
        tolerances: np.ndarray,
        kernel: np.ndarray | None = None,
        linear: np.ndarray | None = None,
    ) -> float:
        """Bound of the Lipschitz constant of ``kernelᵀ T(x)``, from a norm of ``(x′ − x) / tolerances``.

        Parameters
        ----------
        norm : {1, 2, inf}
            In which displacements are measured.
        tolerances : ndarray of shape (n_columns,)
            Units of the displacement of each column; 0 for columns that do not move.
        kernel : ndarray of shape (width, p) or (width,), or None
            A matrix after the map; a vector for a diagonal one.
        linear : ndarray of shape (width,) or None, default=None
            Then it bounds ``‖kernelᵀ (T(x′) − T(x))‖ + |linear · (T(x′) − T(x))|``.

        Returns
        -------
        float
        """
        if len(self.stages) == 1:
            return self.stages[0].norm(norm, tolerances, kernel, linear)
        bound = self.stages[0].norm(norm, tolerances)
        for stage in self.stages[1:-1]:
            bound = round_up(bound * stage.norm())
        bound = float(round_up(bound * self.stages[-1].norm(kernel=kernel, linear=linear)))
        # A displacement is no longer in a larger norm, so the bounds for these hold as well.
        larger = (each for each in (1, 2, np.inf) if each >= norm)
        return min(bound, *(self._norm_by_columns(each, tolerances, kernel, linear) for each in larger))

    def _norm_by_columns(self, norm, tolerances, kernel, linear):
        """Do :meth:`norm` for functions of single columns that were not mixed before; infinite for others.

        Up to the last function, a column ``j`` is then ``d_j p_j δ_i``, where ``|d_j| ≤ 1``, ``p_j`` is the product of
        single entries and ``i`` the raw column that it comes from. If ``k_i`` columns come from this one, and ``q_j``
        is ``p_j`` times ``k_i``, ``√k_i`` or 1 for the norms 1, 2 and inf, the vector of all ``d_j p_j δ_i / q_j`` is
        no longer in this norm than ``δ``. So the norm of the last matrix times ``diag(q)`` is a bound.
        """
        front, moves = self.stages[0], tolerances > 0
        for stage in self.stages[:-1]:
            terms = np.diff(sparse.csr_array(stage.size[:, moves]).indptr)
            if not self.by_columns or terms.max(initial=0) > 1:
                return np.inf
            moves = terms > 0
            front = front if stage is front else stage.after(front)
        last, entries = self.stages[-1], sparse.csr_array(front.size * tolerances)
        entries.eliminate_zeros()
        copies = np.bincount(entries.indices, minlength=len(tolerances))[entries.indices]
        factors = {1: copies, 2: np.sqrt(copies), np.inf: np.ones(len(copies))}[norm]
        sizes = np.zeros(front.size.shape[0])
        sizes[np.diff(entries.indptr) > 0] = round_up(entries.data * factors, front.roundings + 8)
        # What underflowed is a matrix, too; δ is at most √d times as long as in its norm.
        lost = front.underflow * tolerances.max() + 4 * len(sizes) * (1.0 + front.loose_norm()) * TINY
        lost = lost * np.sqrt(len(tolerances))
        bound = last.norm(norm, sizes, kernel, linear)
        return float(round_up(bound + round_up(lost, 4) * last.norm(kernel=kernel, linear=linear), 4))

    def slopes(self) -> sparse.csr_array:
        """The product of the stages: the Jacobian where the functions in between do nothing."""
        product = self.stages[0].matrix
        for stage in self.stages[1:]:
            product = stage.matrix @ product
        return sparse.csr_array(product)


def _stacked(stages, stack):
    matrix = sparse.csr_array(stack([stage.matrix for stage in stages], format="csr"))
    size = sparse.csr_array(stack([stage.size for stage in stages], format="csr"))
    underflow = float(norm_bound(np.array([stage.underflow for stage in stages])))
    return Stage(matrix, size, max(stage.roundings for stage in stages), underflow)


@dataclass(frozen=True, eq=False)
class Place:
    """What holds at one place of a pipeline for rows of any values.

    Attributes
    ----------
    map : LipschitzMap
        The exact map, from the raw columns or from where a branch begins.
    lipschitz : float
        Bound of the Lipschitz constant from the raw columns to here.
    error_lipschitz : float
        Bound of the growth of the errors here per unit of displacement.
    is_fixed : bool
        Whether the columns here do not move and are not off, as encoded categories.
    """

    map: LipschitzMap
    lipschitz: float
    error_lipschitz: float
    is_fixed: bool = False

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.map.width

    @cached_property
    def speed(self) -> float:
        """Bound of the growth of the computed values per unit of displacement."""
        return self.lipschitz + self.error_lipschitz

    def fixed(self, width: int) -> "Place":
        """A place of ``width`` columns that do not move, behind this one."""
        zeros = sparse.csr_array((width, self.map.stages[0].matrix.shape[1]))
        return Place(LipschitzMap((Stage.of(zeros),)), 0.0, 0.0, True)

    def behind(self, to_there: LipschitzMap, constant: float, is_fixed: bool = False) -> "Place":
        """The place behind a function with a Lipschitz constant and without rounding; ``to_there`` is the map to it."""
        bounds = product_above(constant, self.lipschitz), product_above(constant, self.error_lipschitz)
        return Place(to_there, *bounds, is_fixed)


def norm_of_copies(columns: np.ndarray) -> float:
    """Bound of the norm of a selection: a column taken k times is √k times as long as itself."""
    most = np.bincount(columns).max(initial=1)
    return 1.0 if most == 1 else float(round_up(np.sqrt(most)))


def beginning(X, norm: float, tolerances: np.ndarray) -> tuple[Place, float]:
    """The place of the raw rows, and the error that their conversion may make."""
    identity, error = LipschitzMap.selection(np.arange(X.shape[1]), X.shape[1]), conversion_error(X)
    lipschitz = identity.norm(norm, tolerances) if tolerances.any() else 0.0
    return Place(identity, lipschitz, 0.0, lipschitz == 0.0 == error), error


def conversion_error(X) -> float:
    """What threads that flush subnormal numbers make of the float32 columns of rows, as they convert them."""
    n_columns = sum(kind_of(dtype) == "float32" for dtype in dtypes_of(X))
    if not hasattr(X, "columns"):
        n_columns *= X.shape[1]
    return float(round_up(np.sqrt(n_columns) * TINY_OF_FLOAT32, 2)) if n_columns else 0.0
