"""What operations on pictures have in common: the checks of their parameters and of the shapes of rows."""

import numpy as np


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
