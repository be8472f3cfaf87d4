"""The threshold of split conformal prediction."""

import warnings
from fractions import Fraction
from math import ceil

import numpy as np

from sklip._stack_level import users_line
from sklip.exceptions import TooFewCalibrationRowsWarning


def conformal_threshold(nonconformity: np.ndarray, alpha: float) -> float:
    """The ``⌈(1 − alpha)(n + 1)⌉``-th smallest of ``n`` numbers; infinite, with a warning, if there are too few.

    The next number of the same distribution is at most this with a probability of at least ``1 − alpha``, if all
    ``n + 1`` are exchangeable.
    """
    # The decimal number that the user wrote: the product with the binary one next to it may be just above an integer.
    share, n_rows = Fraction(repr(float(alpha))), len(nonconformity)
    rank = ceil((1 - share) * (n_rows + 1))
    if rank > n_rows:
        warnings.warn(
            f"alpha={float(alpha):g} needs at least {ceil(1 / share) - 1} rows for calibration; there are {n_rows}. So "
            "the threshold is infinite: sets hold all classes, and intervals all numbers. Give more rows, or a larger "
            "alpha.",
            TooFewCalibrationRowsWarning,
            stacklevel=users_line(),
        )
        return np.inf
    return float(np.partition(nonconformity, rank - 1)[rank - 1])
