"""Concatenate: several values next to each other along the last axis."""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from sklip.arithmetic.norms import norm_bound
from sklip.served._bounds import Bounds
from sklip.served._join import Join


@dataclass(frozen=True)
class Concatenate(Join):
    """Values next to each other along the last axis: for pictures, their channels.

    Its constant is the root of the sum of the squares of theirs.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Concatenate
    >>> Concatenate().forward([np.array([[1.0]]), np.array([[2.0, 3.0]])]).tolist()
    [[1.0, 2.0, 3.0]]
    """

    def output_shape(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        """Return the shape; raise a ValueError if the values differ in another axis than the last."""
        if len({shape[:-1] for shape in shapes}) != 1 or not all(shapes):
            raise ValueError(f"Concatenate needs values that differ in the last axis alone; got {shapes}.")
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    def forward(self, values: list[np.ndarray]) -> np.ndarray:
        """Put the values next to each other."""
        return np.concatenate(values, axis=-1)

    def vjp(self, values: list[np.ndarray], slopes: np.ndarray) -> list[np.ndarray]:
        """Return the part of the slopes that belongs to each value."""
        ends = list(accumulate(value.shape[-1] for value in values))[:-1]
        return np.split(slopes, ends, axis=-1)

    def lipschitz(self, bounds: list[float]) -> float:
        """Return the root of the sum of the squared constants."""
        return float(norm_bound(np.array(bounds, dtype=np.float64)))

    def carry(self, bounds: list[Bounds]) -> Bounds:
        """Return the norms of the bounds: ``‖(a t + b)‖ ≤ ‖a‖ t + ‖b‖`` for vectors of slopes and of intercepts."""
        norm, error = (norm_bound(np.array([getattr(each, name) for each in bounds]), axis=0)
                       for name in ("norm", "error"))  # fmt: skip
        shape = self.output_shape([each.shape for each in bounds])
        return Bounds(norm, error, np.minimum.reduce([each.farthest for each in bounds]), shape)
