"""Rows to predict: their form is checked once, their numbers block by block as they are read."""

import math

import numpy as np

from sklip.arithmetic.rounding import TINY_OF_FLOAT32
from sklip.arithmetic.subnormal import as_float64
from sklip.estimators import _validation as validation
from sklip.rows.blocks import SERVED_DTYPES
from sklip.rows.containers import as_rows_container
from sklip.rows.mapped import READ_BETWEEN_RELEASES, bytes_between_rows, release_pages, releases_pages


class ServedRows:
    """Validated rows that are read in blocks, none of which holds NaN or infinity.

    No copy of the rows is made: a network converts a block to float64 as it subtracts the centre. Pages of a mapped
    file are released as they have been read, so that they do not stay resident.

    Parameters
    ----------
    estimator : fitted sklip estimator
        For messages.
    array : ndarray of shape (n_rows, n_features)
        Of a dtype of ``SERVED_DTYPES``, in any order.
    source : array-like
        What the user handed in.
    """

    __slots__ = ("_array", "_estimator", "_mapped", "_source", "_stride", "_unreleased")

    def __init__(self, estimator, array, source):
        self._estimator, self._source, self._unreleased = estimator, source, 0
        self._mapped = source if releases_pages(source) and np.may_share_memory(array, source) else None
        self._array = array
        self._stride = bytes_between_rows(array)

    def __len__(self):
        return len(self._array)

    def __getitem__(self, rows):
        if self._unreleased > READ_BETWEEN_RELEASES:
            release_pages(self._mapped)
            self._unreleased = 0
        block = self._array[rows]
        if not all_finite(block):
            validation.refuse_not_finite(self._estimator, self._array, self._source)
        if self._mapped is not None:
            self._unreleased += len(block) * self._stride
        return block

    @property
    def conversion_error(self):
        """What threads that flush subnormal numbers make of a row as they convert it to float64, at most."""
        is_float32 = self._array.dtype.kind == "f" and self._array.dtype.itemsize == 4
        return 2.0 * np.sqrt(self._array.shape[1]) * TINY_OF_FLOAT32 if is_float32 else 0.0

    def check(self):
        """Raise a ValueError if there is NaN or infinity anywhere."""
        validation.refuse_not_finite(self._estimator, self._array, self._source)

    def as_float64(self):
        """All rows, as a C-ordered float64 array."""
        self.check()
        return np.asarray(as_float64(self._array), order="C")


def all_finite(array: np.ndarray) -> bool:
    """Whether an array of numbers holds neither NaN nor infinity."""
    if array.dtype.kind != "f":
        return True
    # A sum of squares is finite only where all of them are; where it overflows, one looks closer.
    return (array.itemsize >= 4 and math.isfinite(np.vdot(array, array))) or bool(np.isfinite(array).all())


def served_rows(estimator, X) -> ServedRows:
    """Check the form of rows to predict: columns, names, dtype.

    Parameters
    ----------
    estimator : fitted sklip estimator
    X : array-like of shape (n_rows, n_features)

    Returns
    -------
    ServedRows

    Raises
    ------
    ValueError, TypeError
        As :func:`sklip.estimators._validation.check_features`, which sees to all that is not plainly fine.
    """
    plain = (
        type(X) in (np.ndarray, np.memmap)
        and X.ndim == 2
        and X.dtype in SERVED_DTYPES
        and X.size > 0
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and getattr(estimator, "feature_names_in_", None) is None
    )
    if plain:
        return ServedRows(estimator, np.asarray(X), X)
    source = as_rows_container(X)
    return ServedRows(estimator, validation.check_form(estimator, source, reset=False), source)
