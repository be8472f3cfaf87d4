"""The raw columns that may move, as numbers, and rows made of such numbers again, whatever holds the rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import _safe_indexing

from sklip.pipelines._precision import precision


@dataclass(frozen=True, eq=False)
class MovableColumns:
    """The columns of rows that may move.

    Attributes
    ----------
    X : array, DataFrame or sparse matrix of shape (n_rows, n_columns)
    positions : ndarray of shape (n_movable,)
        Of these columns in ``X``.
    rows : ndarray of shape (n_rows, n_movable), float64
        Their values.
    precisions : list of str
        Of each of them: what it holds without rounding.
    """

    X: Any
    positions: np.ndarray
    rows: np.ndarray
    precisions: list[str]

    @classmethod
    def of(cls, X, tolerances: np.ndarray) -> "MovableColumns":
        """The columns of numbers whose tolerance is not 0.

        Raises
        ------
        ValueError
            When there is none.
        """
        columns = [_numbers(X, column) if tolerances[column] else None for column in range(X.shape[1])]
        positions = np.array([column for column, numbers in enumerate(columns) if numbers is not None], dtype=np.intp)
        if not len(positions):
            raise ValueError("No column may move: all are held fixed, or hold no numbers.")
        rows = np.stack([columns[column] for column in positions], axis=1)
        return cls(X, positions, rows, [precision(column_of(X, column)) for column in positions])

    def placed(self, inputs: np.ndarray, index: np.ndarray):
        """The rows ``index`` of X with other values here: floats in their own precision, integers as float64."""
        X, moving, precisions = self.X, self.positions, self.precisions
        if sparse.issparse(X):
            return sparse.csr_array(inputs.astype(X.dtype))
        if not hasattr(X, "columns"):
            dtype = object if X.dtype == object else precision(X)
            if len(moving) == X.shape[1]:
                return inputs.astype(dtype, copy=False)
            rows = X[index].astype(dtype)
            rows[:, moving] = inputs
            return rows
        if hasattr(X, "with_columns"):  # polars
            return X[index].with_columns(
                **{X.columns[column]: inputs[:, place].astype(precisions[place]) for place, column in enumerate(moving)}
            )
        dtypes = {X.columns[column]: X.dtypes.iloc[column] for column in moving}
        if len(moving) == X.shape[1] and len(set(precisions)) == 1:
            frame = type(X)(inputs.astype(precisions[0]), columns=X.columns)
        else:
            frame = X.iloc[index].copy()
            for place, column in enumerate(moving):
                frame[X.columns[column]] = inputs[:, place].astype(precisions[place])
        nullable = {
            name: dtype for name, dtype in dtypes.items() if not isinstance(dtype, np.dtype) and dtype.kind == "f"
        }
        return frame.astype(nullable) if nullable else frame


def column_of(X, column):
    """A column as it is."""
    if sparse.issparse(X):
        return X[:, [column]].toarray()[:, 0]
    return _safe_indexing(X, int(column), axis=1)


def _numbers(X, column):
    """A column as float64; None where it holds something else."""
    try:
        return np.asarray(column_of(X, column), dtype=np.float64)
    except (TypeError, ValueError):
        return None
