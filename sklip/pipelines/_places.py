"""What holds at a place of a pipeline for rows of any values: the exact map, and how fast values and errors grow."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from sklip.arithmetic.rounding import TINY_OF_FLOAT32, product_above, round_up
from sklip.pipelines._maps import LipschitzMap, Stage
from sklip.rows.dtypes import dtypes_of, kind_of


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

    def selected(self, columns: np.ndarray) -> "Place":
        """The beginning of a branch that takes columns of this place."""
        copies = norm_of_copies(columns)
        return Place(
            LipschitzMap.selection(columns, self.width),
            product_above(copies, self.lipschitz),
            product_above(copies, self.error_lipschitz),
            self.is_fixed,
        )


def norm_of_copies(columns: np.ndarray) -> float:
    """Bound of the norm of a selection: a column taken k times is √k times as long as itself."""
    if len(set(columns.tolist())) == len(columns):
        return 1.0
    return float(round_up(np.sqrt(np.bincount(columns).max(initial=1))))


def beginning(X, norm: float, tolerances: np.ndarray) -> Place:
    """The place of the raw rows."""
    identity = LipschitzMap.selection(np.arange(X.shape[1]), X.shape[1])
    lipschitz = identity.norm(norm, tolerances) if tolerances.any() else 0.0
    return Place(identity, lipschitz, 0.0, lipschitz == 0.0 == conversion_error(X))


def conversion_error(X) -> float:
    """What threads that flush subnormal numbers make of the float32 columns of rows, as they convert them."""
    n_columns = sum(kind_of(dtype) == "float32" for dtype in dtypes_of(X))
    if not hasattr(X, "columns"):
        n_columns *= X.shape[1]
    return float(round_up(np.sqrt(n_columns) * TINY_OF_FLOAT32, 2)) if n_columns else 0.0
