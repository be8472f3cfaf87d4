"""What a question says of rows, fixed columns and constants, checked once."""

from collections.abc import Mapping, Set
from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator

from sklip.arithmetic.rounding import LARGEST, normal_above
from sklip.pipelines._refusals import refuse
from sklip.rows.containers import as_rows_container
from sklip.rows.images import flattened, image_shape
from sklip.rows.tolerances import is_one_number


def as_rows(X, estimator=None):
    """Rows as something that has a shape and can be indexed, in their own types: steps compute in them.

    Images become flat rows, if the estimator predicts the same for both.
    """
    is_list = isinstance(X, list | tuple)
    X = as_rows_container(X, widen=False)
    if is_list and estimator is not None and _has_column_transformer(estimator):
        X = X.astype(object)  # as a ColumnTransformer makes of lists
    if image_shape(X) is not None:
        X = _flat_images(X, estimator)
    shape = tuple(X.shape) if hasattr(X, "shape") else np.shape(X)
    if len(shape) != 2:
        raise ValueError(f"X must have two dimensions, rows and columns; got shape {shape}.")
    return _one_entry_per_place(X) if sparse.issparse(X) else X


def _flat_images(X, estimator):
    """Images as flat rows; an estimator that does not take these images raises its own error."""
    table = flattened(X)
    if estimator is not None and len(X):
        first = X[:8].copy()
        if not np.array_equal(estimator.predict(first), estimator.predict(flattened(first))):
            refuse(estimator, "predicts otherwise for images than for flat rows")
    return table


def _has_column_transformer(estimator):
    if isinstance(estimator, FrozenEstimator):  # which does not show its inner parts
        return _has_column_transformer(estimator.estimator)
    parts = estimator.get_params(deep=True).values() if hasattr(estimator, "get_params") else ()
    frozen = [part for part in parts if isinstance(part, FrozenEstimator)]
    found = any(isinstance(part, ColumnTransformer) for part in (estimator, *parts))
    return found or any(map(_has_column_transformer, frozen))


def _one_entry_per_place(X):
    """Sparse rows as csr or csc; entries stored in parts would be rounded part by part."""
    compressed = X if X.format in ("csr", "csc") else X.tocsr()  # which adds up the parts that a coo matrix has
    stored = X if X.format == "coo" else compressed
    if not stored.has_canonical_format:
        merged = stored.copy()
        merged.sum_duplicates()
        if merged.nnz != stored.nnz:
            raise ValueError("X stores entries of one place in several parts. Call X.sum_duplicates() first.")
    return compressed


def column_labels(X) -> list:
    """Names of the columns of a frame, positions of those of an array."""
    return list(X.columns) if hasattr(X, "columns") else list(range(X.shape[1]))


def check_fixed(tolerances, units: np.ndarray, labels: list, fixed: Set[int]) -> None:
    """Raise for a tolerance above 0 of a column of categories; one number for all columns means the others."""
    if is_one_number(tolerances):  # or None
        return
    named = [labels[column] for column in sorted(fixed) if units[column] > 0]
    if named:
        raise ValueError(
            f"tolerances gives {units[labels.index(named[0])]:g} to column {named[0]!r}, which an encoder takes: there "
            "is no distance between categories, and the column is held fixed. Leave it out of tolerances, or give it 0."
        )


def constants_of(step_lipschitz) -> dict[str, float]:
    """Constants of steps by their names."""
    if not isinstance(step_lipschitz, Mapping | None):
        raise TypeError(f"step_lipschitz must map names of steps to their constants; got {step_lipschitz!r}.")
    constants = dict(step_lipschitz or {})
    for name, constant in constants.items():
        if not isinstance(constant, Real) or not 0 <= constant <= LARGEST:  # type: ignore[operator]
            raise ValueError(f"step_lipschitz[{name!r}] must be a finite number of 0 or more; got {constant!r}.")
    return {name: normal_above(float(constant)) for name, constant in constants.items()}
