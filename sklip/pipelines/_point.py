"""Rows at a place of a pipeline: what was computed, the exact map, and how far the two may be apart."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import sparse

from sklip.arithmetic.rounding import TINY_OF_FLOAT32, round_up
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._maps import LipschitzMap, Stage
from sklip.pipelines._precision import dtypes_of, kind_of


@dataclass
class Question:
    """What is asked of a pipeline: in which norm and units columns move, which are fixed, which constants are given.

    Attributes
    ----------
    norm : {1, 2, inf}
    tolerances : ndarray of shape (n_columns,)
        Units in which the displacement of each raw column is measured; 0 for one held fixed.
    constants : dict of str to float
        Lipschitz constants that the user stated, by the path of the step.
    stated, encoded : set
        Paths of those that were met, and raw columns that an encoder takes: filled on the way.
    remoteness : ndarray of shape (n_rows,), or 0
        How far outside its training data a classifier is asked, as multiples; filled on the way.
    imputed : bool
        Whether a step filled missing values; filled on the way.
    """

    norm: float
    tolerances: np.ndarray
    constants: dict[str, float] = field(default_factory=dict)
    stated: set[str] = field(default_factory=set)
    encoded: set[int] = field(default_factory=set)
    remoteness: np.ndarray | float = 0.0
    imputed: bool = False


@dataclass(frozen=True, eq=False)
class Point:
    """Rows at one place of a pipeline.

    Attributes
    ----------
    values : array, frame or sparse matrix of shape (n_rows, width)
        What the pipeline computes there.
    map : LipschitzMap
        The exact map, from where the walk began.
    sources : ndarray of shape (width,)
        The raw column that each column is a copy of; −1 for those that are computed.
    error : ndarray of shape (n_rows,)
        Bound of ``‖values − exact‖``.
    growth : float
        Bound of the growth of ``error`` per unit of displacement.
    reach : float
        Bound of the Lipschitz constant from the raw columns to here.
    room : ndarray of shape (n_rows,)
        Displacement up to which nothing overflowed on the way.
    shared : bool
        Whether another branch, or another member of a vote, gets the same memory.
    transform : callable
        From raw rows to values here, as the pipeline computes them.
    weight : float
        Of a branch in its union, by which the values here are yet to be multiplied.
    """

    values: Any
    map: LipschitzMap
    sources: np.ndarray
    error: np.ndarray
    growth: float
    reach: float
    room: np.ndarray
    shared: bool
    transform: Callable
    weight: float = 1.0

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.values.shape[1]

    @property
    def constant(self) -> bool:
        """Whether nothing here moves when the raw columns do."""
        return self.reach == 0.0 and self.growth == 0.0 and not self.error.any()


def start(X, question: Question) -> Point:
    """The raw rows."""
    width = X.shape[1]
    columns = np.arange(width)
    identity = LipschitzMap.selection(columns, width)
    reach = identity.norm(question.norm, question.tolerances) if question.tolerances.any() else 0.0
    error, room = np.full(X.shape[0], conversion_error(X)), np.full(X.shape[0], np.inf)
    return Point(X, identity, columns, error, 0.0, reach, room, False, lambda rows: rows)


def conversion_error(X) -> float:
    """What threads that flush subnormal numbers make of the float32 columns of rows, as they convert them."""
    n_columns = sum(kind_of(dtype) == "float32" for dtype in dtypes_of(X))
    if not hasattr(X, "columns"):
        n_columns *= X.shape[1]
    return float(round_up(np.sqrt(n_columns) * TINY_OF_FLOAT32, 2)) if n_columns else 0.0


def refuse(step, name, reason, advice=True):
    path = "__".join(name) if isinstance(name, tuple) else name
    hint = (
        f". If you know a constant that holds for your rows, state it: step_lipschitz={{{path!r}: ...}}"
        if advice
        else ""
    )
    raise NotLipschitzError(f"Step {path!r} ({type(step).__name__}) {reason}{hint}.")


def nothing_moves(point, width):
    """A place of ``width`` columns that hold still."""
    still = LipschitzMap((Stage.of(sparse.csr_array((width, point.map.stages[0].matrix.shape[1]))),))
    sources, error = np.full(width, -1), np.zeros(len(point.error))
    return replace(point, map=still, sources=sources, error=error, growth=0.0, reach=0.0)
