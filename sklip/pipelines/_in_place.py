"""Steps that may write into their input: they get copies, and are refused where others would see the change."""

import copy

import numpy as np
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from sklip._compat import safe_indexing
from sklip.pipelines._refusals import refuse
from sklip.pipelines._steps import is_encoder, is_identity, is_known

_WITH_COPY = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, SimpleImputer)


def transformed(step, node, values, is_shared: bool):
    """Values after a step, which is given with its node of the plan; ``values`` stay as they are.

    Raises
    ------
    NotLipschitzError
        For a step that writes into rows that other branches, or other members of a vote, read as well.
    """
    if not node.writes:
        return step.transform(values)
    _refuse_overlaps(step, values, node.path)
    given = copy.deepcopy(values)
    after = step.transform(given)
    if is_shared and (type(step) in _WITH_COPY or not _equal(given, values) or _writes_into_floats(step, values)):
        refuse(
            step, node.path, "writes into its input, which other branches or members read as well. "
            f"{'Set copy=True' if hasattr(step, 'copy') else 'Let it write into a copy'}", advice=False,
        )  # fmt: skip
    return after


def predictions(estimator, X) -> np.ndarray:
    """What a whole estimator predicts for rows, which stay as they are."""
    return np.asarray(estimator.predict(copy.deepcopy(X)))


def head(X):
    """The first eight rows, in new memory."""
    return X[:8].copy() if type(X) is np.ndarray else safe_indexing(X, np.arange(min(8, X.shape[0])))


def first_rows(values) -> np.ndarray:
    """The first eight rows of numbers, as float64."""
    rows = head(values) if values.shape[0] > 8 else values
    return np.asarray(rows.toarray() if sparse.issparse(rows) else rows, dtype=np.float64)


def may_write(step) -> bool:
    """Whether a transformer may write into the rows that it is given."""
    if step is None or isinstance(step, str):
        return False
    if type(step) is FrozenEstimator:
        return may_write(step.estimator)
    if type(step) is Pipeline:
        return any(may_write(inner) for _, inner in step.steps)
    if type(step) is FeatureUnion:
        return any(may_write(inner) for _, inner in step.transformer_list)
    if type(step) is ColumnTransformer:
        return any(may_write(inner) for _, inner, _ in step.transformers_)
    if type(step) in _WITH_COPY:
        return not step.copy
    return not (is_identity(step) or is_known(step) or is_encoder(step))  # a subclass may do anything


def _writes_into_floats(step, values):
    """Whether a step writes into rows of float64, which it need not convert before."""
    try:
        floats = values.astype(np.float64)
        given = copy.deepcopy(floats)
        step.transform(given)
    except Exception:  # rows that it does not take: nothing is certified of them
        return False
    return not _equal(given, floats)


def _refuse_overlaps(step, values, name):
    """Rows that lie in each other's memory change when one of them is written to."""
    if type(values) is np.ndarray and values.size and _overlaps(values):
        refuse(step, name, "writes into rows that lie in each other's memory. Copy them: X.copy()", advice=False)


def _overlaps(array):
    """Whether two entries of an array may lie in the same memory."""
    extent, axes = array.itemsize, zip(map(abs, array.strides), array.shape, strict=True)
    for stride, length in sorted(axes):
        if length > 1 and stride < extent:
            return True
        extent += stride * (length - 1)
    return False


def _equal(one, other):
    """Whether rows are still what they were."""
    if sparse.issparse(one):
        parts = ("data", "indices", "indptr")
        return all(np.array_equal(getattr(one, part), getattr(other, part)) for part in parts)
    if hasattr(one, "equals"):
        return one.equals(other)
    return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
