"""In which precision a step computes, seen from what it takes and gives."""

import numpy as np
from scipy import sparse

from sklip.rows.blocks import row_blocks
from sklip.rows.dtypes import dtypes_of, kind_of
from sklip.rows.missing import as_numbers

# Unit roundoff, and what an operation may lose near 0.
_UNITS = {"float16": (2.0**-11, 2.0**-24), "float32": (2.0**-24, 2.0**-126), "float64": (2.0**-53, 2.0**-1022)}


def precision(*holders, native: bool = False) -> str:
    """``"float16"``, ``"float32"`` or ``"float64"``: the coarsest precision of any column of arrays or frames.

    Integers, booleans and objects count as float64, to which scikit-learn converts them. With ``native``, so do floats
    in the byte order of another machine.
    """
    names = {
        kind_of(dtype)
        for holder in holders
        for dtype in dtypes_of(holder)
        if not (native and getattr(dtype, "isnative", True) is False)
    }
    return min(names & _UNITS.keys(), default="float64")  # "float16" < "float32" < "float64"


def unit_and_underflow(name: str) -> tuple[float, float]:
    """Unit roundoff, and what an operation may lose near 0."""
    return _UNITS[name]


def largest(name: str, operations: int) -> float:
    """An exact size up to which the result of so many operations does not overflow, their roundings included."""
    return float(np.finfo(name).max) * (1.0 - 4.0 * operations * _UNITS[name][0])


def can_hold(parameters, divisors, name: str) -> bool:
    """Whether a precision holds parameters, and those that are divided by to its unit roundoff.

    Parameters at most a quarter of the largest number: a product that overflows and is clipped is then beyond the
    limit of the clip whatever is added to it.
    """
    smallest, most = float(np.finfo(name).smallest_normal), float(np.finfo(name).max) / 4
    sizes = [np.abs(np.asarray(parameter, dtype=np.float64)) for parameter in parameters]
    return all(bool(np.all(size <= most)) for size in sizes) and all(
        bool(np.all(np.abs(np.asarray(divisor, dtype=np.float64)) >= smallest)) for divisor in divisors
    )


def magnitudes(values, factors: np.ndarray) -> np.ndarray:
    """``Σ_j |values_ij| factors_jk`` of an array, frame or sparse matrix, of shape (n_rows, k)."""
    if sparse.issparse(values):
        return abs(values.astype(np.float64)) @ factors  # the largest int8 has no absolute value in int8
    values = as_numbers(values)
    sums = np.empty((len(values), factors.shape[1]))
    for rows in row_blocks(len(values)):
        np.matmul(np.abs(values[rows].astype(np.float64, copy=False)), factors, out=sums[rows])
    return sums
