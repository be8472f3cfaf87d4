"""Checks of the parameters of networks; each message names the parameter and says what to do."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from sklip.served import activation


def check_activation(name: str) -> None:
    """Raise a ValueError unless sklip has the activation."""
    try:
        activation(name)
    except ValueError as error:
        raise ValueError(f"The 'activation' parameter is not an activation of sklip. {error}") from error


def check_widths(widths: int | Sequence[int], activation_name: str, parameter: str, what: str) -> tuple[int, ...]:
    """Return widths as a tuple of ints; raise a ValueError if one is not possible.

    Parameters
    ----------
    widths : int or sequence of int
    activation_name : str
        Name of the activation that acts on each of them.
    parameter, what : str
        Name of the parameter, and what it has one width for, for messages.

    Returns
    -------
    tuple of int
    """
    multiple = activation(activation_name).multiple
    single = isinstance(widths, Integral) or np.ndim(widths) == 0
    each: list[Any] = [widths] if single else list(widths)  # type: ignore[arg-type]
    for width in each:
        if not is_count(width):
            raise ValueError(
                f"The {parameter!r} parameter must hold positive integers, one per {what}; got {widths!r}."
            )
        if int(width) % multiple:
            raise ValueError(
                f"The {parameter!r} parameter holds {width}, which activation={activation_name!r} cannot split into "
                f"groups of {multiple}. Choose a multiple, or activation='fullsort'."
            )
    return tuple(map(int, each))


def check_count(value: object, parameter: str, least: int = 1) -> int:
    """Return a parameter that counts something as an int; raise a ValueError if it is no count."""
    if not is_count(value, least):
        raise ValueError(f"The {parameter!r} parameter must be an integer of at least {least}; got {value!r}.")
    return int(value)  # type: ignore[call-overload]


def check_choice(value: object, choices: Sequence, parameter: str) -> None:
    """Raise a ValueError unless a parameter has one of some values."""
    if not any(value is choice or (isinstance(value, str) and value == choice) for choice in choices):
        raise ValueError(f"The {parameter!r} parameter must be one of {', '.join(map(repr, choices))}; got {value!r}.")


def check_dropout(value: object) -> None:
    """Raise a ValueError unless the share of values that are left out is one."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real) or not 0.0 <= float(value) < 1.0:
        raise ValueError(f"The 'dropout' parameter must be a number of at least 0 and below 1; got {value!r}.")


def check_image(input_shape: tuple[int, ...], architecture: object) -> None:
    """Raise a ValueError unless the inputs of a network are images."""
    if len(input_shape) != 3:
        raise ValueError(
            f"{type(architecture).__name__} takes images, but X has rows of {input_shape[0]} values. Give X in the "
            "shape (n_rows, height, width, channels), or set the 'input_shape' parameter of the classifier to "
            "(height, width, channels)."
        )


def is_count(value: object, least: int = 1) -> bool:
    """Whether a value is an integer, and not below a number."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least
