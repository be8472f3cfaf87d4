"""Add: the sum of several values."""

from dataclasses import dataclass
from functools import reduce

import numpy as np

from sklip.arithmetic.rounding import TINY, gamma, round_up
from sklip.served._bounds import Bounds
from sklip.served._join import Join


@dataclass(frozen=True)
class Add(Join):
    """The sum of values of the same shape. Its constant is the sum of theirs.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Add
    >>> Add().forward([np.array([[1.0]]), np.array([[2.0]])]).tolist()
    [[3.0]]
    """

    def output_shape(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        """Return the shape; raise a ValueError if the values differ in it."""
        if len(set(shapes)) != 1:
            raise ValueError(f"Add needs values of the same shape; got {shapes}.")
        return shapes[0]

    def forward(self, values: list[np.ndarray]) -> np.ndarray:
        """Add the values, the first two first."""
        return reduce(np.add, values) if len(values) > 1 else values[0].copy()

    def vjp(self, values: list[np.ndarray], slopes: np.ndarray) -> list[np.ndarray]:
        """Return the slopes for each value."""
        return [slopes] * len(values)

    def lipschitz(self, bounds: list[float]) -> float:
        """Return the sum of the constants."""
        return float(round_up(sum(bounds), len(bounds)))

    def carry(self, bounds: list[Bounds]) -> Bounds:
        """Return the sums of the bounds, with the rounding of the sum."""
        count, shape = len(bounds), bounds[0].shape
        norm, error = sum(each.norm for each in bounds), sum(each.error for each in bounds)
        parts = round_up(norm + error, 2 * count + 2)  # at least the computed values
        underflow = np.array([0.0, 4 * count * np.sqrt(bounds[0].size) * TINY])
        lost = round_up(gamma(count) * parts + underflow, 4)
        together = Bounds(parts, lost, np.minimum.reduce([each.farthest for each in bounds]), shape)
        farthest = together.farthest_with(round_up(2.0 * parts, 2))
        return Bounds(round_up(norm + lost, count + 4), round_up(error + lost, count + 4), farthest, shape)
