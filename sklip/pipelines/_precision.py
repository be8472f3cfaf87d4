"""In which precision a step computes, seen from what it takes and gives."""

import re

import numpy as np
from scipy import sparse

from sklip.network import row_blocks

_UNITS = {"float16": (2.0**-11, 2.0**-24), "float32": (2.0**-24, 2.0**-126), "float64": (2.0**-53, 2.0**-1022)}


def precision(*holders) -> str:
    """``"float16"``, ``"float32"`` or ``"float64"``: the coarsest precision of any column of arrays or frames."""
    names = {_name(dtype) for holder in holders for dtype in _dtypes(holder)}
    return min(names, default="float64")  # "float16" < "float32" < "float64"


def unit_and_underflow(name: str) -> tuple[float, float]:
    """Unit roundoff, and what an operation may lose near 0."""
    return _UNITS[name]


def can_hold(parameters, divisors, name: str) -> bool:
    """Whether a precision holds parameters, and those that are divided by to its unit roundoff.

    Parameters at most a quarter of the largest number: a product that overflows and is clipped is then beyond the
    limit of the clip whatever is added to it.
    """
    smallest, largest = float(np.finfo(name).smallest_normal), float(np.finfo(name).max) / 4
    sizes = [np.abs(np.asarray(parameter, dtype=np.float64)) for parameter in parameters]
    return all(bool(np.all(size <= largest)) for size in sizes) and all(
        bool(np.all(np.abs(np.asarray(divisor, dtype=np.float64)) >= smallest)) for divisor in divisors
    )


def holds(holder, kind: str) -> bool:
    """Whether a column of an array or frame has a dtype whose name tells of a kind: ``"int"``, ``"object"``."""
    return any(kind in str(dtype).lower() for dtype in _dtypes(holder))


def _dtypes(holder):
    if hasattr(holder, "columns"):
        return list(holder.dtypes)
    return [holder.dtype] if hasattr(holder, "dtype") else []


def _name(dtype):
    """The precision of a NumPy, pandas, Arrow or polars dtype; integers and objects become float64, exactly."""
    text = str(dtype).lower()
    if "float16" in text or "half" in text:
        return "float16"
    return "float32" if re.search(r"float32|float\[|^float$", text) else "float64"


def magnitudes(values, factors: np.ndarray) -> np.ndarray:
    """``Σ_j |values_ij| factors_j`` of an array, frame or sparse matrix, of shape (n_rows,)."""
    if sparse.issparse(values):
        return abs(values).astype(np.float64) @ factors
    values = np.asarray(values, dtype=np.float64)
    sums = np.empty(len(values))
    for rows in row_blocks(len(values)):
        sums[rows] = np.abs(values[rows]) @ factors
    return sums
