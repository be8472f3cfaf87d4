"""In which precision a step computes, seen from what it takes and gives."""

import numpy as np
from scipy import sparse

from sklip.rows.blocks import row_blocks
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


def kinds_of(holder) -> set[str]:
    """What :func:`kind_of` says of each column of an array or frame."""
    return {kind_of(dtype) for dtype in dtypes_of(holder)}


def kind_of(dtype) -> str:
    """What a NumPy, pandas, Arrow or polars dtype holds, in either byte order.

    ``"float16"``, ``"float32"``, ``"float64"`` (longer ones included), ``"integer"``, ``"boolean"``, ``"object"``, or
    ``"other"`` for all else, such as dates, decimals and the small floats of ``ml_dtypes``.
    """
    if type(dtype).__module__.startswith("polars."):
        return _kind_in_polars(dtype)
    if not isinstance(dtype, np.dtype):  # of pandas: nullable, Arrow's, sparse
        inner = getattr(dtype, "numpy_dtype", None) or getattr(dtype, "subtype", None)
        dtype = inner if isinstance(inner, np.dtype) and inner.kind != "O" else _WITHOUT_NUMBERS
    if dtype.kind == "f":
        return f"float{8 * min(dtype.itemsize, 8)}"
    return {"i": "integer", "u": "integer", "b": "boolean", "O": "object"}.get(dtype.kind, "other")


def _kind_in_polars(dtype):
    if dtype.is_float():
        return str(dtype).lower()
    return "integer" if dtype.is_integer() else "boolean" if str(dtype) == "Boolean" else "other"


_WITHOUT_NUMBERS = np.dtype("U1")


def is_sparse(values) -> bool:
    """Whether scikit-learn takes rows as a sparse matrix: frames of pandas' sparse columns, too."""
    if not hasattr(values, "iloc"):
        return sparse.issparse(values)
    return values.shape[1] > 0 and all(hasattr(dtype, "fill_value") for dtype in dtypes_of(values))


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


def dtypes_of(holder) -> list:
    """Of the columns of a frame, or the one of an array; none of what has no dtype."""
    if hasattr(holder, "columns"):
        return list(holder.dtypes)
    return [holder.dtype] if hasattr(holder, "dtype") else []


def form_of(values) -> tuple:
    """What decides how rows are computed with, besides their numbers: the container, its dtypes, the width."""
    if type(values) is np.ndarray:
        return np.ndarray, values.dtype, values.shape[1]
    return type(values), tuple(map(_form_of_dtype, dtypes_of(values))), values.shape[1]


def _form_of_dtype(dtype):
    # Not the dtype itself: one of categories takes long to compare.
    return dtype if isinstance(dtype, np.dtype) else (type(dtype), kind_of(dtype), hasattr(dtype, "fill_value"))


def magnitudes(values, factors: np.ndarray) -> np.ndarray:
    """``Σ_j |values_ij| factors_jk`` of an array, frame or sparse matrix, of shape (n_rows, k)."""
    if sparse.issparse(values):
        return abs(values.astype(np.float64)) @ factors  # the largest int8 has no absolute value in int8
    values = as_numbers(values)
    sums = np.empty((len(values), factors.shape[1]))
    for rows in row_blocks(len(values)):
        np.matmul(np.abs(values[rows].astype(np.float64, copy=False)), factors, out=sums[rows])
    return sums
