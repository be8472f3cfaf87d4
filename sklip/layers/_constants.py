"""The served operations of arithmetic with constants: numbers, or arrays that are the same for all rows."""

from typing import Any

import numpy as np

from sklip import served
from sklip.exceptions import NotLipschitzError

Steps = list[served.Operation]


def constant_of_row(layer: Any, constant: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a constant in float64, repeated to the shape of a row, or raise a NotLipschitzError."""
    for_all_rows = constant[0] if constant.ndim == len(shape) + 1 and len(constant) == 1 else constant
    try:
        numbers = np.broadcast_to(for_all_rows.astype(np.float64), shape)
    except (TypeError, ValueError):
        raise NotLipschitzError(
            f"The layer {layer.name!r} ({type(layer).__name__}) takes a constant of shape {constant.shape} and type "
            f"{constant.dtype}. sklip takes numbers, and arrays that fit each row, whose shape is {shape}."
        ) from None
    if not np.isfinite(numbers).all():
        raise _not_finite(layer)
    return numbers


def plus(numbers: np.ndarray) -> Steps:
    """The sum with numbers of the shape of a row."""
    return [served.Center(-numbers)] if numbers.any() else []


def times(numbers: np.ndarray) -> Steps:
    """The product with numbers of the shape of a row."""
    first = float(numbers.flat[0])
    return [served.Scale(first) if (numbers == first).all() else served.Diagonal(numbers)]


def over(layer: Any, numbers: np.ndarray) -> Steps:
    """The quotient by numbers of the shape of a row, or a NotLipschitzError."""
    with np.errstate(divide="ignore", over="ignore"):
        inverse = 1.0 / numbers
    if not np.isfinite(inverse).all():
        raise _not_finite(layer)
    return times(inverse)


def _not_finite(layer):
    return NotLipschitzError(
        f"The layer {layer.name!r} ({type(layer).__name__}) takes a constant with which no result is finite."
    )
