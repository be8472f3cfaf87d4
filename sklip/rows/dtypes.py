"""The kinds of values in the columns of arrays, frames and sparse matrices, by their dtypes."""

import numpy as np
from scipy import sparse


def kind_of(dtype) -> str:
    """The kind of values of a NumPy, pandas, Arrow or polars dtype, in either byte order.

    ``"float16"``, ``"float32"``, ``"float64"`` (longer ones included), ``"integer"``, ``"boolean"``, ``"object"``, or
    ``"other"`` for everything else, such as dates, decimals and the small floats of ``ml_dtypes``.
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


def kinds_of(values) -> set[str]:
    """The kinds of the columns of an array or frame; see :func:`kind_of`."""
    return {kind_of(dtype) for dtype in dtypes_of(values)}


def dtypes_of(values) -> list:
    """The dtypes of the columns of a frame, or the one of an array; empty for objects without a dtype."""
    if hasattr(values, "columns"):
        return list(values.dtypes)
    return [values.dtype] if hasattr(values, "dtype") else []


def is_sparse(values) -> bool:
    """Whether scikit-learn treats rows as a sparse matrix, as it does frames of pandas' sparse columns."""
    if not hasattr(values, "iloc"):
        return sparse.issparse(values)
    return values.shape[1] > 0 and all(hasattr(dtype, "fill_value") for dtype in dtypes_of(values))


def form_of(values) -> tuple:
    """All that decides how rows are processed, except their numbers: the container, its dtypes, the width."""
    if type(values) is np.ndarray:
        return np.ndarray, values.dtype, values.shape[1]
    return type(values), tuple(map(_form_of_dtype, dtypes_of(values))), values.shape[1]


def _form_of_dtype(dtype):
    # Not the dtype itself: comparing categorical dtypes takes long.
    return dtype if isinstance(dtype, np.dtype) else (type(dtype), kind_of(dtype), hasattr(dtype, "fill_value"))
