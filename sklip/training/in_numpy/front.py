"""What stands in front of the dense layers: nothing for the norm 2, and a linear map for the norms 1 and inf.

The formulas are those of :class:`sklip.layers.UnitDiagonal` and of its counterpart for the norm 1.
"""

import numpy as np

from sklip import served
from sklip.arithmetic import unit_rows
from sklip.training.in_numpy import stiefel


class DiagonalFront:
    """A factor for each column; together, the factors have the norm 1.

    Parameters
    ----------
    weight, slope : ndarrays of the shape of :meth:`shape_for`, float32
        Memory of the weight, and of the gradient with respect to it.
    """

    def __init__(self, weight: np.ndarray, slope: np.ndarray):
        self._weight, self._slope = weight, slope

    @staticmethod
    def shape_for(width: int) -> tuple[int, ...]:
        """Shape of the weight, for rows of so many values."""
        return (width,)

    def draw(self) -> None:
        """Set the weight to what it is before the first step."""
        self._weight[...] = len(self._weight) ** -0.5

    def forward(self, rows: np.ndarray) -> np.ndarray:
        """What the first dense layer gets."""
        return rows * self._weight

    def backward(self, rows: np.ndarray, slope: np.ndarray) -> None:
        """Write the gradient with respect to the weight, given that with respect to the result of ``forward``."""
        np.einsum("ij,ij->j", rows, slope, out=self._slope)
        stiefel.without_part_along_rows(self._weight[None], self._slope[None])

    def retract(self) -> None:
        """Bring the weight back to its manifold after a step."""
        stiefel.normalise_columns(self._weight[:, None])

    def exact(self) -> np.ndarray:
        """The nearest weight of the manifold, in float64."""
        return unit_rows(self._weight)

    def operation(self) -> served.Operation:
        """The operation of a served network."""
        return served.Diagonal(self.exact())


class DenseFront(DiagonalFront):
    """A square kernel whose rows have norm 1."""

    @staticmethod
    def shape_for(width: int) -> tuple[int, ...]:
        """Shape of the weight, for rows of so many values."""
        return (width, width)

    def draw(self) -> None:
        """Set the weight to what it is before the first step."""
        self._weight[...] = np.eye(len(self._weight))

    def forward(self, rows: np.ndarray) -> np.ndarray:
        """What the first dense layer gets."""
        return rows @ self._weight

    def backward(self, rows: np.ndarray, slope: np.ndarray) -> None:
        """Write the gradient with respect to the weight, given that with respect to the result of ``forward``."""
        np.matmul(rows.T, slope, out=self._slope)
        stiefel.without_part_along_rows(self._weight, self._slope)

    def retract(self) -> None:
        """Bring the weight back to its manifold after a step."""
        stiefel.normalise_columns(self._weight.T)

    def operation(self) -> served.Operation:
        """The operation of a served network."""
        return served.Dense(self.exact(), np.zeros(len(self._weight)))


FRONTS: dict[float, type[DiagonalFront]] = {1: DenseFront, np.inf: DiagonalFront}
"""The fronts of the norms that need one."""
