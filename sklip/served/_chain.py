"""Operations one after the other: the folds over them that composite operations need."""

from collections.abc import Sequence

import numpy as np

from sklip.arithmetic.rounding import product_above
from sklip.served._bounds import Bounds
from sklip.served._operation import Operation

Steps = tuple[Operation, ...]


def check_steps(owner: str, steps: object) -> None:
    """Raise a ValueError unless the steps are a tuple of operations."""
    if type(steps) is not tuple or not all(isinstance(step, Operation) for step in steps):
        raise ValueError(f"{owner} needs a tuple of operations; got {steps!r}.")


def output_shape(steps: Sequence[Operation], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of a row after the steps."""
    for step in steps:
        shape = step.output_shape(shape)
    return shape


def inputs_and_output(steps: Sequence[Operation], z: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """The input of each step, and the result of the last."""
    inputs = []
    for step in steps:
        inputs.append(z)
        z = step.forward(z)
    return inputs, z


def forward(steps: Sequence[Operation], z: np.ndarray) -> np.ndarray:
    """The result of the last step; ``z`` stays as it is."""
    owned = False
    for step in steps:
        z = step.forward(z, z if owned and step.in_place else None)
        owned = True
    return z


def vjp(steps: Sequence[Operation], inputs: Sequence[np.ndarray], slopes: np.ndarray) -> np.ndarray:
    """One backward pass through the steps, whose inputs are given."""
    for step, z in zip(reversed(steps), reversed(inputs), strict=True):
        slopes = step.vjp(z, slopes)
    return slopes


def lipschitz(steps: Sequence[Operation]) -> float:
    """Product of the constants of the steps, rounded up."""
    return product_above(*(bound for step in steps if (bound := step.lipschitz()) != 1.0))


def carry(steps: Sequence[Operation], bounds: Bounds) -> Bounds:
    """The bounds after the last step."""
    for step in steps:
        bounds = step.carry(bounds)
    return bounds


def rescaled(steps: Sequence[Operation], scale: float) -> Steps:
    """The steps in other units."""
    return tuple(step.rescaled(scale) for step in steps)
