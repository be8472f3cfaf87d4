"""Missing values: None, and entries that are not equal to themselves, in any container."""

import numpy as np
from scipy import sparse


def rows_with_missing(values) -> np.ndarray:
    """The mask of the rows of an array, frame or sparse matrix that hold a missing value, of shape (n_rows,)."""
    if sparse.issparse(values):
        entries = values.tocoo()
        return np.bincount(entries.coords[0], entries.data != entries.data, values.shape[0]) > 0
    return np.any(missing_entries(values), axis=1)


def missing_entries(values) -> np.ndarray:
    """The mask of the missing entries of an array of any shape, or of a frame."""
    if hasattr(values, "isna"):  # pandas
        return np.asarray(values.isna())
    if hasattr(values, "columns"):  # polars has both null and nan
        return np.column_stack([_missing_in(values[name].to_numpy()) for name in values.columns])
    return _missing_in(np.asarray(values))


def as_numbers(values) -> np.ndarray:
    """An array, a frame or a column of numbers as an array; float64 with NaN in place of pandas' own missing value."""
    return values.to_numpy(dtype=np.float64, na_value=np.nan) if hasattr(values, "isna") else np.asarray(values)


def filled_with_zeros(values) -> np.ndarray:
    """An array or a frame of numbers as float64, with 0 for missing values."""
    return np.where(missing_entries(values), 0.0, as_numbers(values).astype(np.float64))


def _missing_in(array):
    if array.dtype == object and array.size:
        return np.vectorize(_is_missing, otypes=[bool])(array)
    return array != array if array.dtype.kind in "fcmM" else np.zeros(array.shape, dtype=bool)


def _is_missing(entry):
    """Whether an entry, text or number, is None or differs from itself, as NaN and NaT of every type do."""
    try:
        return entry is None or bool(entry != entry)
    except (TypeError, ArithmeticError):  # pandas.NA has no truth value; a signaling NaN of Decimal raises
        return True
    except ValueError:  # an array is not a missing value
        return False
