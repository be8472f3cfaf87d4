"""Steps that write into their input, where scikit-learn hands the same memory to others."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.feature_selection import SelectorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from sklip import NotLipschitzError, audit, certified_radius
from sklip.plotting import CertifiedRadiusDisplay
from tests.pipeline_fixtures import Quick, assert_withstands
from tests.test_pipeline_traps import linear

REFUSAL = "writes into its input, which other branches or members read as well"


@pytest.fixture
def X(rng):
    return 0.01 * rng.standard_normal((50, 2))


def _raw_beside(step, X):
    """The example that broke: raw columns next to scaled ones, and a classifier that looks at the raw ones."""
    union = FeatureUnion([("scaled", step), ("raw", "passthrough")]).fit(X.copy())
    return make_pipeline(union, linear([0.0, 0.0, 1.0, 0.3], -0.001))


@pytest.mark.parametrize("kind", [StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, SimpleImputer])
def test_a_branch_that_overwrites_what_another_reads_is_refused(X, kind):
    for step in (kind(copy=False), FrozenEstimator(kind(copy=False).fit(X.copy())), make_pipeline(kind(copy=False))):
        with pytest.raises(NotLipschitzError, match=REFUSAL) as caught:
            certified_radius(_raw_beside(step, X), X.copy())
        assert "scaled" in str(caught.value)
        assert "Set copy=True" in str(caught.value)
    assert (certified_radius(_raw_beside(kind(copy=True), X), X) > 0).all()


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, lambda X: (100 * X).astype(int), np.float32])
def test_it_is_refused_whatever_holds_the_rows(X, form):
    """Integers are copied on the way, and the rows of float64 that the certificate is about as well are not."""
    with pytest.raises(NotLipschitzError, match=REFUSAL):
        certified_radius(_raw_beside(StandardScaler(copy=False), X), form(X))


def test_rows_that_came_through_unchanged_are_the_same_memory(X):
    for before in ("passthrough", FunctionTransformer()):
        inner = make_pipeline(before, StandardScaler(copy=False))
        with pytest.raises(NotLipschitzError, match=REFUSAL):
            certified_radius(_raw_beside(inner, X), X.copy())
    safe = _raw_beside(make_pipeline(RobustScaler(), StandardScaler(copy=False)), X)
    assert_withstands(safe, X, reached=0.0)


def test_frames_of_inner_unions_are_not_taken_for_new_memory(X):
    inner = FeatureUnion([("same", "passthrough")]).set_output(transform="pandas")
    frame = pd.DataFrame(X, columns=["a", "b"])
    with pytest.raises(NotLipschitzError, match=REFUSAL):
        certified_radius(_raw_beside(make_pipeline(inner, StandardScaler(copy=False)), frame), frame)


def test_slices_of_a_column_transformer_are_views_and_lists_are_copies(X):
    def model(columns):
        steps = ColumnTransformer([("scaled", StandardScaler(copy=False), columns), ("raw", "passthrough", [0, 1])])
        return make_pipeline(steps.fit(X.copy()), linear([0.0, 0.0, 1.0, 0.3], -0.001))

    with pytest.raises(NotLipschitzError, match=REFUSAL):
        certified_radius(model(slice(0, 2)), X)
    assert (certified_radius(model([0, 1]), X) > 0).any()
    assert_withstands(model([0, 1]), X, reached=0.0)


def test_frames_may_give_views_of_lists_of_columns(X):
    """pandas makes a slice of neighbouring columns, and scikit-learn makes it writeable."""
    frame = pd.DataFrame(np.column_stack([X, X]), columns=list("abcd"))

    def model(first, second):
        steps = ColumnTransformer([("scaled", StandardScaler(copy=False), first), ("raw", "passthrough", second)])
        return make_pipeline(steps.fit(frame.copy()), linear([0.0, 0.0, 1.0, 0.3], -0.001))

    overlapping = model(["b", "c"], ["b", "c"])
    given = frame.copy()
    overlapping.predict(given)
    assert not given.equals(frame)
    for rows in (frame, frame.astype("Float64"), frame.astype(np.float32)):
        with pytest.raises(NotLipschitzError, match=REFUSAL):
            certified_radius(overlapping, rows)
    apart = model(["a", "b"], ["c", "d"])
    assert_withstands(apart, frame, reached=0.0)
    assert (certified_radius(apart, frame) > 0).any()


def test_members_of_a_vote_get_the_same_rows(rng):
    X = rng.standard_normal((80, 3))
    y = (X[:, 0] > 0).astype(int)
    members = [(name, make_pipeline(StandardScaler(copy=False), Quick(random_state=seed))) for seed, name in
               enumerate("abc")]  # fmt: skip
    vote = VotingClassifier(members).fit(X.copy(), y)
    with pytest.raises(NotLipschitzError, match=f"'a__standardscaler'.*{REFUSAL}"):
        certified_radius(vote, X.copy())
    alone = VotingClassifier(members[:1]).fit(X.copy(), y)
    assert_withstands(alone, X, reached=0.0)


class _Clipped(TransformerMixin, BaseEstimator):
    """Sets what is negative to 0, in its input."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        X[X < 0] = 0.0
        return X


def test_a_stated_constant_does_not_excuse_writing_into_shared_rows(X):
    constants = {"featureunion__scaled": 1.0}
    with pytest.raises(NotLipschitzError, match=r"_Clipped.*Let it write into a copy"):
        certified_radius(_raw_beside(_Clipped(), X), X, step_lipschitz=constants)
    # After another step the rows are nobody else's.
    alone = make_pipeline(StandardScaler().fit(X), _Clipped().fit(X), linear([1.0, 0.3], -0.1))
    assert (certified_radius(alone, X, step_lipschitz={"_clipped": 1.0}) > 0).any()


def _centred(X):
    X = np.asarray(X, dtype=float)
    X -= 100.0
    return X


def test_a_step_that_converts_integers_before_it_writes_is_found(X):
    """Rows of integers are copied, rows of float64 at no distance from them are not."""
    union = FeatureUnion([("c", FunctionTransformer(_centred)), ("raw", "passthrough")]).fit(X)
    model, rows = make_pipeline(union, linear([0.0, 0.0, 1.0, 0.0], 20.0)), np.array([[10, 10], [-5, 3]])
    with pytest.raises(NotLipschitzError, match="Let it write into a copy"):
        certified_radius(model, rows, step_lipschitz={"featureunion__c": 1.0})


class _Writes:
    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        X -= 100.0
        return X


class WritingSelector(_Writes, SelectorMixin, BaseEstimator):
    def _get_support_mask(self):
        return np.ones(2, dtype=bool)


class WritingEncoder(_Writes, OrdinalEncoder):
    pass


class WritingPipeline(_Writes, Pipeline):
    pass


@pytest.mark.parametrize(
    "step",
    [WritingSelector(), WritingEncoder(), WritingPipeline([("s", StandardScaler())])],
    ids=lambda s: type(s).__name__,
)
def test_subclasses_with_a_stated_constant_may_write_as_well(step):
    rows = np.array([[10.0, 10.0], [90.0, 10.0]])
    union = FeatureUnion([("c", step), ("raw", "passthrough")]).fit(rows.copy())
    model, mine = make_pipeline(union, linear([0.0, 0.0, 1.0, 0.0], 20.0)), rows.copy()
    with pytest.raises(NotLipschitzError, match="Let it write into a copy"):
        certified_radius(model, mine, step_lipschitz={"featureunion__c": 1.0})
    np.testing.assert_array_equal(mine, rows)


def test_rows_that_overlap_are_not_written_to(rng):
    series = rng.standard_normal(60)
    windows = np.lib.stride_tricks.as_strided(series, (50, 4), (8, 8))
    model = make_pipeline(StandardScaler(copy=False).fit(windows.copy()), linear([1.0, 0.5, 0.2, 0.1], 0.1))
    with pytest.raises(NotLipschitzError, match=r"each other's memory. Copy them: X.copy\(\)"):
        certified_radius(model, windows)
    assert (certified_radius(model, windows.copy()) > 0).any()
    assert (certified_radius(model, np.asfortranarray(windows)) > 0).any()
    assert (certified_radius(model, windows.copy()[::2]) > 0).any()


@pytest.mark.parametrize("outer", [lambda step: step, FrozenEstimator, make_pipeline, lambda step: make_union(step)])
def test_nothing_overwrites_the_rows_of_the_user(X, outer):
    model = make_pipeline(outer(StandardScaler(copy=False).fit(X.copy())), linear([1.0, 0.3], -0.1))
    if isinstance(model.steps[0][1], FeatureUnion):
        model.steps[0][1].fit(X.copy())
    mine = X.copy()
    radii = certified_radius(model, mine)
    result = audit(model, mine, restarts=1, n_steps=3, random_state=0, verbose=False)
    CertifiedRadiusDisplay.from_estimator(model, mine, model.predict(X.copy()))
    np.testing.assert_array_equal(mine, X)
    np.testing.assert_array_equal(result.radius, radii)
    np.testing.assert_array_equal(result.predicted, model.predict(X.copy()))
    assert not result.broken.any()
    # Each success is one: predict was asked for copies.
    found = np.isfinite(result.attack)
    assert found.any()
    assert (model.predict(result.inputs[found].copy()) != result.predicted[found]).all()
