"""Checks of the numbers in rows, block by block: are they finite, how large are they, which columns hold bad ones."""

import math
from collections.abc import Callable

import numpy as np

from sklip.rows.blocks import sum_blocks
from sklip.rows.protocol import Rows


def all_finite(array: np.ndarray) -> bool:
    """Whether an array of numbers holds neither NaN nor infinity."""
    # A sum of squares is finite only if all entries are. If it overflows, each entry is tested.
    squares_are_finite = array.dtype.kind != "f" or (array.itemsize >= 4 and math.isfinite(np.vdot(array, array)))
    return squares_are_finite or bool(np.isfinite(array).all())


def largest_entry(X: Rows) -> np.floating:
    """The largest absolute value of an entry; NaN if there is a NaN."""
    blocks = (X[rows] for rows in sum_blocks(X))
    return np.max([(block.max(), -block.min()) for block in blocks])


def bad_columns(X: Rows, is_bad: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The mask of the columns that hold a bad entry, of shape (n_columns,)."""
    return np.any([is_bad(X[rows]).any(axis=0) for rows in sum_blocks(X)], axis=0)
