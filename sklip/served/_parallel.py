"""Parallel: the last axis in disjoint parts, each with operations of its own."""

from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np

from sklip.arithmetic.norms import norm_bound
from sklip.served import _chain as chain
from sklip.served._bounds import Bounds
from sklip.served._chain import Steps
from sklip.served._operation import Operation


@dataclass(frozen=True, eq=False, repr=False)
class Parallel(Operation):
    """Split the last axis into disjoint parts, apply operations to each, and concatenate the results.

    No value enters two parts. So the Lipschitz constant is the largest of those of the parts:
    ``‖f(x) − f(y)‖² = Σ ‖fᵢ(xᵢ) − fᵢ(yᵢ)‖² ≤ max Lᵢ² Σ ‖xᵢ − yᵢ‖²``.

    Parameters
    ----------
    parts : tuple of tuple of Operation
        Operations of each part; an empty tuple passes the part on.
    sizes : tuple of int
        Number of values of each part along the last axis.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Abs, Parallel
    >>> Parallel(((Abs(),), ()), (1, 2)).forward(np.array([[-1.0, -2.0, -3.0]])).tolist()
    [[1.0, -2.0, -3.0]]
    """

    parts: tuple[Steps, ...]
    sizes: tuple[int, ...]

    def _check(self):
        if type(self.parts) is not tuple or type(self.sizes) is not tuple or len(self.parts) != len(self.sizes):
            raise ValueError(f"Parallel needs operations and a size for each part; got {self.parts!r}, {self.sizes!r}.")
        if not self.parts or any(type(size) is not int or size < 1 for size in self.sizes):
            raise ValueError(f"Parallel needs sizes that are positive integers; got {self.sizes!r}.")
        for steps in self.parts:
            chain.check_steps("Parallel", steps)

    @property
    def inner(self) -> Steps:
        """The operations of all parts."""
        return tuple(step for steps in self.parts for step in steps)

    def __repr__(self):
        return f"Parallel({', '.join(f'{size}: {list(steps)}' for steps, size in self._pairs())})"

    def _pairs(self):
        return zip(self.parts, self.sizes, strict=True)

    def _slices(self):
        return [slice(*ends) for ends in pairwise(accumulate(self.sizes, initial=0))]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the concatenated results."""
        if shape[-1:] != (sum(self.sizes),):
            raise ValueError(f"Parallel takes {sum(self.sizes)} values along the last axis; got shape {shape}.")
        shapes = [chain.output_shape(steps, (*shape[:-1], size)) for steps, size in self._pairs()]
        if len({each[:-1] for each in shapes}) > 1:
            raise ValueError(f"Parallel needs parts whose results differ in the last axis alone; got {shapes}.")
        return (*shapes[0][:-1], sum(each[-1] for each in shapes))

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Apply the operations of each part to its values."""
        values = [chain.forward(steps, z[..., part]) for steps, part in self._split()]
        return np.concatenate(values, axis=-1, out=out)

    def _split(self):
        return zip(self.parts, self._slices(), strict=True)

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Take the slopes of each part backwards through its operations."""
        result, start = [], 0
        for steps, part in self._split():
            inputs, output = chain.inputs_and_output(steps, z[..., part])
            end = start + output.shape[-1]
            result.append(chain.vjp(steps, inputs, slopes[..., start:end]))
            start = end
        return np.concatenate(result, axis=-1)

    def lipschitz(self) -> float:
        """Return the largest constant of a part."""
        return max(chain.lipschitz(steps) for steps in self.parts)

    def carry(self, bounds: Bounds) -> Bounds:
        """Return the bounds after all parts.

        If the output of part ``i`` is at most ``aᵢ ‖zᵢ‖ + bᵢ``, all of them are at most ``max aᵢ ‖z‖ + ‖b‖``, by the
        triangle inequality; and so are the errors.
        """
        shapes = [(*bounds.shape[:-1], size) for size in self.sizes]
        own = [chain.carry(steps, Bounds.of_input(shape)) for steps, shape in zip(self.parts, shapes, strict=True)]

        def together(name):
            slopes, intercepts = np.array([getattr(each, name) for each in own]).T
            return np.array([slopes.max(), norm_bound(intercepts)])

        farthest = np.minimum.reduce([each.farthest for each in own])
        largest = Bounds(together("norm"), together("error"), farthest, self.output_shape(bounds.shape))
        return bounds.followed_by(largest, self.lipschitz())

    def rescaled(self, scale: float) -> "Parallel":
        """Return the operation with all of its operations rescaled."""
        return replace(self, parts=tuple(chain.rescaled(steps, scale) for steps in self.parts))
