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
from sklip.pipelines._refusals import refuse_step
from sklip.pipelines._steps import is_encoder, is_identity, is_known

_WITH_COPY = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, SimpleImputer)
_PARTS = {Pipeline: "steps", FeatureUnion: "transformer_list", ColumnTransformer: "transformers_"}


def transformed(step, node, values, is_shared: bool):
    """Values after a step, which is given with its node of the plan; ``values`` stay as they are.

    Raises
    ------
    NotLipschitzError
        For a step that writes into rows that other branches, or other members of a vote, read as well.
    """
    if not node.writes:
        return step.transform(values)
    if type(values) is np.ndarray and values.size and _overlaps(values):
        refuse_step(step, node.path, "writes into rows that lie in each other's memory. Copy them: X.copy()")
    given = copy.deepcopy(values)
    after = step.transform(given)
    if is_shared and (type(step) in _WITH_COPY or not _equal(given, values) or _writes_into_floats(step, values)):
        advice = "Set copy=True" if hasattr(step, "copy") else "Let it write into a copy"
        refuse_step(step, node.path, f"writes into its input, which other branches or members read as well. {advice}")
    return after


def predictions(estimator, X) -> np.ndarray:
    """What a whole estimator predicts for rows, which stay as they are."""
    return np.asarray(estimator.predict(copy.deepcopy(X)))


def head(X):
    """The first eight rows, in new memory."""
    return X[:8].copy() if type(X) is np.ndarray else safe_indexing(X, np.arange(min(8, X.shape[0])))


def first_rows(*holders) -> list[np.ndarray] | None:
    """The first eight rows of each, as float64; None where one holds text, in columns that steps copy."""
    try:
        rows = [head(values) if values.shape[0] > 8 else values for values in holders]
        return [np.asarray(part.toarray() if sparse.issparse(part) else part, dtype=np.float64) for part in rows]
    except (TypeError, ValueError):
        return None


def may_write(step) -> bool:
    """Whether a transformer may write into the rows that it is given."""
    if step is None or isinstance(step, str):
        return False
    if type(step) is FrozenEstimator:
        return may_write(step.estimator)
    if type(step) in _PARTS:
        return any(may_write(inner) for _, inner, *_ in getattr(step, _PARTS[type(step)]))
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
