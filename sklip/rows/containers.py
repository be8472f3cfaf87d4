"""Rows and labels of any library, converted to containers that NumPy and scikit-learn can index."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from numbers import Number
from typing import Any

import numpy as np
from scipy import sparse

_READ_BY_NUMPY = ("__array__", "__array_interface__", "__array_struct__")


def as_rows_container(X: Any, name: str = "X", *, widen: bool = True) -> Any:
    """Return rows in a container that has a shape and that NumPy and scikit-learn can index.

    Arrays (also mapped files), sparse matrices and frames of pandas and polars are returned as they are. Arrow tables
    become frames, so that columns keep their names. Tensors, buffers, lists and everything else that NumPy reads become
    arrays; their short floats, such as bfloat16, become float64, which is exact. No entry is checked.

    Parameters
    ----------
    X : object
        What was passed as rows.
    name : str, default="X"
        Name of the argument, for messages.
    widen : bool, default=True
        Whether to convert short floats that NumPy itself does not know to float64.

    Returns
    -------
    ndarray, sparse matrix or DataFrame
        Scalars, None and pandas Series are returned as well: scikit-learn explains what is wrong with them.

    Raises
    ------
    ValueError
        For masked arrays with masked entries, and for rows of different lengths.
    TypeError
        For structured arrays, and for objects that NumPy cannot read, such as a generator.
    """
    if type(X) is np.ndarray and X.dtype.kind != "V":
        return X
    if X is None or isinstance(X, Number | str | bytes) or sparse.issparse(X) or _is_frame(X):
        return X
    if (_is_arrow(X) or hasattr(X, "__dataframe__")) and (frame := _frame(X)) is not None:
        return frame
    if isinstance(X, np.ma.MaskedArray):
        _refuse_masked(X, name)
        X = np.ma.getdata(X)
    array = X if isinstance(X, np.ndarray) else _read(X, name, "rows")
    if array.dtype.names is not None:
        raise TypeError(f"{name} is a structured array. Give its columns as a frame: pandas.DataFrame({name}).")
    if array.dtype.kind == "V" and widen:  # bfloat16 and the like
        return array.astype(np.float64)
    return np.asarray(X, dtype=object) if isinstance(X, list | tuple) and array.dtype.kind in "US" else array


def as_column_container(y: Any, name: str = "y", what: str = "labels") -> np.ndarray:
    """Return a column of labels or numbers, in any container, as a NumPy array.

    Nullable columns without missing values keep their kind: booleans stay booleans, integers stay integers. Numbers in
    a list with text stay numbers.

    Parameters
    ----------
    y : object
        What was passed as the column.
    name : str, default="y"
        Name of the argument, for messages.
    what : str, default="labels"
        What the column holds, for messages.

    Returns
    -------
    ndarray
        An array of any shape. Missing values are still there.

    Raises
    ------
    ValueError
        For masked arrays with masked entries, and for lists that no array can hold.
    TypeError
        For objects that NumPy cannot read, such as a set or a generator.
    """
    if isinstance(y, np.ma.MaskedArray):
        _refuse_masked(y, name)
        y = np.ma.getdata(y)
    array = y if isinstance(y, np.ndarray) else _read(y, name, what)
    if isinstance(y, list | tuple) and array.dtype.kind in "US" and not all(isinstance(label, str) for label in y):
        return np.asarray(y, dtype=object)
    if array.dtype.kind in "Of" and hasattr(y, "isna") and not np.any(y.isna()):
        numpy_dtype = np.dtype(getattr(y.dtype, "numpy_dtype", array.dtype) if hasattr(y, "dtype") else array.dtype)
        return array.astype(numpy_dtype) if numpy_dtype.kind in "biu" else array  # the dtype of a nullable column
    return array.astype(object) if array.dtype.kind == "T" else array


def row_numbers(rows: np.ndarray) -> str:
    """Return the numbers of some rows in words, five of them at most."""
    if len(rows) == 1:
        return f"row {rows[0]} (counted from 0)"
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    return f"rows {', '.join(map(str, rows[:5].tolist()))}{more} (counted from 0)"


def _refuse_masked(array, name):
    """Raise a ValueError if entries are masked; scikit-learn would read what is below the mask."""
    mask = np.ma.getmaskarray(array)
    if mask.any():
        rows = np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1))
        raise ValueError(
            f"{name} has masked entries in {row_numbers(rows)}: they are missing. Drop those rows, or fill the entries "
            f"first, with {name}.filled(value)."
        )


def _is_a(X, module, name):
    """Whether an object is an instance of a class of a library, which need not be imported for that."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(X, kind)


def _is_frame(X):
    """Whether an object comes from pandas or polars: scikit-learn indexes it, or explains what is wrong with it."""
    return hasattr(X, "iloc") or _is_a(X, "polars", "DataFrame")


def _is_arrow(X):
    return hasattr(X, "__arrow_c_stream__") or hasattr(X, "__arrow_c_array__")


def _frame(X):
    """An Arrow table, or a frame of another library, as a frame of pandas or polars; None if that is impossible."""
    is_arrow = _is_arrow(X)
    try:
        if find_spec("pyarrow"):
            X, is_arrow = _arrow_table(X, is_arrow), True
            if find_spec("pandas"):
                return X.to_pandas()
        if is_arrow and find_spec("polars"):
            import polars

            return polars.DataFrame(X)
    except (TypeError, ValueError, NotImplementedError):  # a single column, or unknown types
        pass
    return None


def _arrow_table(X, is_arrow):
    import pyarrow

    if is_arrow:
        return pyarrow.table(X)
    from pyarrow.interchange import from_dataframe

    return from_dataframe(X)


def _read(X, name, what):
    """An object as a NumPy array."""
    is_sequence = hasattr(X, "__len__") and hasattr(X, "__getitem__") and not isinstance(X, Mapping | str | bytes)
    if not is_sequence and not any(hasattr(X, method) for method in _READ_BY_NUMPY):
        raise TypeError(
            f"{name} must hold {what} in an array, a frame or a list; got an object of type {type(X).__name__}."
            f"{_advice(X, name, what)}"
        )
    try:
        return np.asarray(X)
    except ValueError as error:
        raise ValueError(f"{name} cannot be read as an array: {error}") from error
    except TypeError:  # dates next to numbers
        return np.asarray(X, dtype=object)


def _advice(X, name, what):
    """Advice on how to convert an object that NumPy cannot read."""
    if isinstance(X, Mapping) and what == "rows":
        return f" Give its columns as a frame: pandas.DataFrame({name})."
    if isinstance(X, Mapping):
        return f" Give list({name}) or list({name}.values())."
    if hasattr(X, "collect"):
        return f" Give {name}.collect()."
    return f" Give list({name})." if hasattr(X, "__iter__") else ""
