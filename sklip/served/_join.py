"""The joins of a graph: what makes one value of several."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from sklip.exceptions import ModelFileError
from sklip.served._bounds import Bounds
from sklip.served._operation import CHANGED


@dataclass(frozen=True)
class Join(ABC):
    """A map of several values, each of shape (n_rows, …) in float64, to one.

    Examples
    --------
    >>> from sklip.served import Add
    >>> Add().lipschitz([0.5, 0.5]) < 1 + 1e-12
    True
    """

    def __setstate__(self, state):
        if state:
            raise ModelFileError(f"The file holds no {type(self).__name__} of sklip: it must hold nothing. {CHANGED}")

    @abstractmethod
    def output_shape(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        """Return the shape of a row after the join; raise a ValueError if the shapes do not fit together."""

    @abstractmethod
    def forward(self, values: list[np.ndarray]) -> np.ndarray:
        """Compute the join."""

    @abstractmethod
    def vjp(self, values: list[np.ndarray], slopes: np.ndarray) -> list[np.ndarray]:
        """Return the slopes of each value."""

    @abstractmethod
    def lipschitz(self, bounds: list[float]) -> float:
        """Return a bound of the Lipschitz constant, given those of the values, rounded up."""

    @abstractmethod
    def carry(self, bounds: list[Bounds]) -> Bounds:
        """Return the bounds of size and rounding error, given those of the values."""
