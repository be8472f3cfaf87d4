"""What operations on pictures have in common: checks of parameters and shapes, and the memory of pictures.

An array of pictures has the shape (n_rows, height, width, channels). In memory the channels come first: all pixels of
a channel are next to each other, of all pictures. So activations, pools and shifts work on long lines of numbers, and
not on the few channels of a pixel. This is a matter of speed alone: operations take arrays in any order.
"""

import math

import numpy as np


def empty_rows(n_rows: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return a new array for rows of a shape; for pictures, with channels first in memory."""
    return arranged(np.empty(n_rows * math.prod(shape)), n_rows, shape)


def arranged(values: np.ndarray, n_rows: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return a view of contiguous memory as rows of a shape; for pictures, with channels first in memory."""
    if len(shape) != 3:
        return values.reshape(n_rows, *shape)
    return np.moveaxis(values.reshape(shape[2], n_rows, *shape[:2]), 0, -1)


def channels_first(z: np.ndarray) -> np.ndarray:
    """Return all pixels as a matrix, one line per channel: a view where the order in memory allows one."""
    return np.moveaxis(z, -1, 0).reshape(z.shape[-1], -1)


def channels_of(out: np.ndarray) -> np.ndarray:
    """Return :func:`channels_first` of an array that is to be written; raise a ValueError if that is no view."""
    view = channels_first(out)
    if out.size and not np.may_share_memory(view, out):
        raise ValueError("The memory for the result of an operation has another order than that of empty_rows.")
    return view


def picture(shape: tuple[int, ...], operation) -> tuple[int, int, int]:
    """Return height, width and number of channels; raise a ValueError if rows are no pictures."""
    if len(shape) != 3:
        raise ValueError(f"{operation!r} takes pictures of shape (height, width, channels); got shape {shape}.")
    return shape


def is_count(number, least: int = 1) -> bool:
    """Whether a parameter is an int, no bool, of at least ``least``."""
    return type(number) is int and number >= least


def windows(z: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return a view of disjoint windows of pictures, of shape (n_rows, rows, height, columns, width, channels).

    Remaining rows and columns of pixels, at the bottom and right, are left out.
    """
    n_rows, n_columns = z.shape[1] // height, z.shape[2] // width
    inside = z[:, : n_rows * height, : n_columns * width]
    return inside.reshape(len(z), n_rows, height, n_columns, width, z.shape[3])
