"""Images as rows: an array of shape (n_rows, height, width, channels) is a table of flat rows, in C order."""

import math
from typing import Any

import numpy as np

_NUMBERS_OF_CHANNELS = (1, 3, 4)


def image_shape(X: Any, name: str = "X", expected: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
    """Return the shape of an image, (height, width, channels), if rows are images.

    Parameters
    ----------
    X : object
        Rows in a container of :func:`sklip.rows.containers.as_rows_container`.
    name : str, default="X"
        Name of the argument, for messages.
    expected : tuple of int or None
        Shape of the images of the fit, for messages.

    Returns
    -------
    tuple of int or None
        None for a table, and for everything that is no array.

    Raises
    ------
    ValueError
        For arrays of three dimensions, and of more than four.
    """
    if not isinstance(X, np.ndarray) or X.ndim < 3:
        return None
    if X.ndim == 3 and X.shape == expected:
        raise ValueError(f"Input {name}: Found array with dim 3, a single image. Give {name}[None].")
    if X.ndim == 3:
        raise ValueError(
            f"Input {name}: Found array with dim 3, of shape {X.shape}. Images need an axis of channels, also grey "
            f"ones: give {name}[..., None]. For a table, reshape it to two dimensions: one row per sample, one column "
            "per feature."
        )
    if X.ndim > 4:
        raise ValueError(
            f"Input {name}: Found array with dim {X.ndim}, of shape {X.shape}. Give images of shape (n_rows, height, "
            "width, channels), or reshape it to two dimensions: one row per sample, one column per feature."
        )
    return X.shape[1:]


def flattened(X: Any) -> Any:
    """Return images as a table of flat rows; anything else as it is.

    The values are not copied if those of an image lie one after the other, in memory or in a mapped file.
    """
    if not isinstance(X, np.ndarray) or X.ndim != 4:
        return X
    return X.reshape(len(X), math.prod(X.shape[1:]))


def in_shape(array: np.ndarray, shape: tuple[int, ...] | None) -> np.ndarray:
    """Return an array whose last axis holds the values of flat rows, with this axis in the shape of an image."""
    return array if shape is None else array.reshape(*array.shape[:-1], *shape)


def looks_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether an image has as many values along its first axis as there are channels, and more along its last."""
    return len(shape) == 3 and shape[0] in _NUMBERS_OF_CHANNELS and shape[2] > max(_NUMBERS_OF_CHANNELS)


def check_image_shape(
    found: tuple[int, ...] | None, expected: tuple[int, ...] | None, source: str, name: str = "X"
) -> None:
    """Raise a ValueError if rows are images of another shape than expected.

    Parameters
    ----------
    found : tuple of int or None
        Shape of an image; None for a table, which fits if it has the right number of columns.
    expected : tuple of int or None
        (height, width, channels), or (n_features,) for rows that are no images; None if any shape is right.
    source : str
        Where the expectation comes from, for messages.
    name : str, default="X"
        Name of the argument, for messages.
    """
    if found is None or expected is None or found == expected:
        return
    if len(expected) == 1:
        raise ValueError(
            f"Input {name} has images of shape {found}, but {source} takes rows of {expected[0]} features. Give a "
            f"table, {name}.reshape(len({name}), -1)."
        )
    advice = "Give images of this shape."
    if found == (expected[2], *expected[:2]):
        advice = f"The channels must come last: numpy.moveaxis({name}, 1, -1)."
    raise ValueError(
        f"Input {name} has images of shape {found}, but {source} takes images of shape {expected}. {advice}"
    )


def place_of(column: int, shape: tuple[int, ...]) -> str:
    """Return the place in an image of a value of flat rows, in words."""
    row, across, channel = np.unravel_index(column, shape)
    return f"the pixel at row {row}, column {across}, channel {channel}"
