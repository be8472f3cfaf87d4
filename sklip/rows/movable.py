"""The raw columns that may move, as numbers, and rows that are made from such numbers, in any container."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from sklip._compat import safe_indexing
from sklip.rows.dtypes import kind_of
from sklip.rows.missing import as_numbers


@dataclass(frozen=True, eq=False)
class MovableColumns:
    """The columns of rows that may move.

    Attributes
    ----------
    X : array, DataFrame or sparse matrix of shape (n_rows, n_columns)
    positions : ndarray of shape (n_movable,)
        Positions of these columns in ``X``.
    rows : ndarray of shape (n_rows, n_movable), float64
        Their values, with 0 for missing ones.
    missing : ndarray of shape (n_rows, n_movable), bool
        True for missing values, which stay missing.
    dtypes : list of dtype
        The NumPy dtype in which each column is placed into rows again.
    plain : bool
        True if frames get columns of NumPy's dtypes instead of pandas' own.
    """

    X: Any
    positions: np.ndarray
    rows: np.ndarray
    missing: np.ndarray
    dtypes: list[np.dtype]
    plain: bool = False

    @classmethod
    def of(cls, X, tolerances: np.ndarray, *, keep_integers: bool = False) -> "MovableColumns":
        """The columns of numbers whose tolerance is not 0; ``keep_integers`` places integers in their own types.

        Raises
        ------
        ValueError
            If there is none.
        """
        columns = [_numbers(X, column) if tolerances[column] else None for column in range(X.shape[1])]
        positions = np.array([column for column, numbers in enumerate(columns) if numbers is not None], dtype=np.intp)
        if not len(positions):
            raise ValueError("No column may move: all are held fixed, or hold no numbers.")
        rows = np.stack([columns[column] for column in positions], axis=1)
        missing, dtypes = np.isnan(rows), [_placed_dtype(column_of(X, column), keep_integers) for column in positions]
        return cls(X, positions, np.where(missing, 0.0, rows), missing, dtypes)

    @property
    def any_other_floats(self) -> bool:
        """Whether one of them holds floats in another form than NumPy's float64."""
        return any(kind_of(dtype).startswith("float") and dtype != np.float64 for dtype in self._given_dtypes)

    def as_plain_float64(self) -> "MovableColumns":
        """The same columns, all of them placed as NumPy's float64."""
        return replace(self, dtypes=[np.dtype(float)] * len(self.dtypes), plain=True)

    @property
    def any_integers(self) -> bool:
        """Whether one of them holds integers or booleans."""
        return any(kind_of(dtype) in ("integer", "boolean") for dtype in self._given_dtypes)

    @property
    def _given_dtypes(self):
        """The dtype of each of them in X."""
        return [_dtype_of(column_of(self.X, column)) for column in self.positions]

    def representable(self, inputs: np.ndarray) -> np.ndarray:
        """The nearest inputs that the dtypes of the columns can represent, as float64."""
        if len(set(self.dtypes)) == 1:  # as of images, with their many columns
            return _representable(inputs, self.dtypes[0])
        nearest = np.empty(inputs.shape)
        for place, dtype in enumerate(self.dtypes):
            nearest[:, place] = _representable(inputs[:, place], dtype)
        return nearest

    def placed(self, inputs: np.ndarray, index: np.ndarray):
        """Copies of the rows ``index`` of X with ``inputs`` in the movable columns, in their dtypes."""
        X, moving = self.X, self.positions
        if self.missing.any():
            inputs = np.where(self.missing[index], np.nan, inputs)
        if sparse.issparse(X):
            rows = X[index].toarray().astype(self.dtypes[0])
            rows[:, moving] = inputs
            return type(X)(rows)
        if not hasattr(X, "columns"):
            dtype = object if X.dtype == object else self.dtypes[0]
            if len(moving) == X.shape[1]:
                return inputs.astype(dtype)
            rows = X[index].astype(dtype)
            rows[:, moving] = inputs
            return rows
        names = [X.columns[column] for column in moving]
        values = {
            name: inputs[:, place].astype(dtype)
            for place, (name, dtype) in enumerate(zip(names, self.dtypes, strict=True))
        }
        if hasattr(X, "with_columns"):  # polars
            return X[index].with_columns(**values)
        if len(moving) == X.shape[1] and len(set(self.dtypes)) == 1:
            frame = type(X)(inputs.astype(self.dtypes[0]), columns=X.columns)
        else:
            frame = X.iloc[index].copy()
            for name, column in values.items():
                frame[name] = column
        given = {name: X.dtypes.iloc[column] for name, column in zip(names, moving, strict=True)}
        of_pandas = {
            name: dtype
            for (name, dtype), placed in zip(given.items(), self.dtypes, strict=True)
            if not (self.plain or isinstance(dtype, np.dtype)) and dtype.kind == placed.kind
        }
        if self.plain:  # sparse columns stay sparse, as scikit-learn may treat dense ones differently
            of_pandas = {
                name: dtype.update_dtype(float) for name, dtype in given.items() if hasattr(dtype, "update_dtype")
            }
        return frame.astype(of_pandas) if of_pandas else frame


def _representable(numbers, dtype):
    """The nearest numbers that a dtype can represent, as float64."""
    if dtype.kind in "iub":
        smallest, largest = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        # Of 64 bits, the largest that is a float64 as well.
        largest = np.nextafter(float(largest), 0.0) if float(largest) > largest else largest
        numbers = np.clip(np.rint(numbers), smallest, largest)
    return numbers.astype(dtype).astype(np.float64)


def column_of(X, column):
    """A column, unchanged."""
    if sparse.issparse(X):
        return X[:, [column]].toarray()[:, 0]
    return safe_indexing(X, int(column), axis=1)


def _dtype_of(column):
    return getattr(column, "dtype", np.dtype(object))


def _placed_dtype(column, keep_integers):
    """The NumPy dtype in which numbers are placed into a column again."""
    dtype = _dtype_of(column)
    kind, inner = kind_of(dtype), getattr(dtype, "numpy_dtype", None) or getattr(dtype, "subtype", dtype)
    if kind.startswith("float"):
        return inner if isinstance(inner, np.dtype) else np.dtype(kind)
    if keep_integers and kind in ("integer", "boolean") and not np.isnan(as_numbers(column).astype(np.float64)).any():
        return inner if isinstance(inner, np.dtype) else np.asarray(column).dtype
    return inner if isinstance(inner, np.dtype) and inner.kind == "V" else np.dtype(float)


def _numbers(X, column):
    """A column as float64; None if it holds something else."""
    try:
        return as_numbers(column_of(X, column)).astype(np.float64)
    except (TypeError, ValueError):
        return None
