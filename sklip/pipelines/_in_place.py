"""Steps that may write into their input: the walk hands them copies, and finds where others would see the change."""

import copy

import numpy as np
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from sklip.pipelines._point import Point, refuse
from sklip.pipelines._steps import ENCODERS, is_known

_WITH_COPY = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, SimpleImputer)


def apply(step, point: Point, name: str | tuple[str, ...]):
    """Values after a step, the way there from raw rows, and whether others get their memory, too.

    The step's own input stays as it is.

    Raises
    ------
    NotLipschitzError
        For a step that writes into rows that other branches, or other members of a vote, read as well.
    """
    before, values, writes = point.transform, point.values, may_write(step)
    if not writes:
        shared = point.shared and not (is_known(step) or isinstance(step, ENCODERS))  # these return new arrays
        return step.transform(values), lambda rows: step.transform(before(rows)), shared
    given = copy.deepcopy(values)
    after = step.transform(given)
    if point.shared and (type(step) in _WITH_COPY or not _equal(given, values)):
        refuse(
            step, name, "writes into its input, which other branches or members read as well. "
            f"{'Set copy=True' if hasattr(step, 'copy') else 'Let it write into a copy'}", advice=False,
        )  # fmt: skip
    return after, lambda rows: step.transform(copy.deepcopy(before(rows))), point.shared


def may_write(step) -> bool:
    """Whether a transformer may write into the rows that it is given."""
    if step is None or isinstance(step, str):
        return False
    if isinstance(step, FrozenEstimator):
        return may_write(step.estimator)
    if isinstance(step, Pipeline):
        return any(may_write(inner) for _, inner in step.steps)
    if isinstance(step, FeatureUnion):
        return any(may_write(inner) for _, inner in step.transformer_list)
    if isinstance(step, ColumnTransformer):
        return any(may_write(inner) for _, inner, _ in step.transformers_)
    if type(step) in _WITH_COPY:
        return not step.copy
    identity = type(step) is FunctionTransformer and step.func is None
    return not (identity or is_known(step) or isinstance(step, ENCODERS))


def _equal(one, other):
    """Whether rows are still what they were."""
    if sparse.issparse(one):
        parts = ("data", "indices", "indptr")
        return all(np.array_equal(getattr(one, part), getattr(other, part)) for part in parts)
    if hasattr(one, "equals"):
        return one.equals(other)
    return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
