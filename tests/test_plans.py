"""Plans of estimators: read from fitted steps alone, kept between calls, and read anew after any change."""

import copy
import gc
import threading
from dataclasses import FrozenInstanceError
from weakref import ref

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier
from sklearn.feature_selection import SelectFromModel, SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
)

from sklip import NotLipschitzError, certified_radius
from sklip.pipelines import _kept_plans, _run, _transformers
from sklip.pipelines._decisions import read
from sklip.pipelines._kept_plans import plan_of
from sklip.pipelines._state import state_of
from sklip.pipelines.unwrap import unwrapped
from tests.pipeline_fixtures import Quick
from tests.test_pipeline_traps import linear


@pytest.fixture
def X(rng):
    return rng.standard_normal((40, 4)) * [1.0, 10.0, 0.1, 3.0] + [0.0, 5.0, 0.0, 100.0]


@pytest.fixture
def y(X):
    return (X[:, 0] > 0).astype(int)


@pytest.fixture
def frame(X):
    return pd.DataFrame(X, columns=list("abcd")).assign(plan=np.array(["x", "y", "z", "x"] * 10, dtype=object))


def mixed():
    """Scaled, encoded and untouched columns of a frame."""
    encoder = OneHotEncoder(sparse_output=False)
    return ColumnTransformer(
        [("n", StandardScaler(), ["a", "b"]), ("e", encoder, ["plan"]), ("p", "passthrough", ["d"])]
    )


def anew(model, X, **question):
    """Radii where no plan was kept."""
    _kept_plans._kept_plans.pop(model, None)
    return np.asarray(certified_radius(model, X, **question))


def assert_as_anew(model, X, **question):
    np.testing.assert_array_equal(certified_radius(model, X, **question), anew(model, X, **question))


def is_kept(model, X, constants=None):
    """Whether the plan of an estimator is kept from an earlier call."""
    _, plans = _kept_plans._kept_plans.get(model, (None, {}))
    before = [plan for plan, _ in plans.values()]
    return plan_of(model, X, constants or {})[0] in before


# Reading ------------------------------------------------------------------------------------


def test_a_plan_is_read_without_rows(frame, y):
    model = make_pipeline(mixed(), Quick(random_state=0)).fit(frame, y)
    plan, parts = read(model, frame.iloc[:0], {})
    assert plan.fixed == {4}
    assert plan.stated == set()
    assert parts[-1] is model[-1]
    assert [branch.columns.tolist() for branch in plan.end.nodes[0].branches] == [[0, 1], [4], [3]]
    with pytest.raises(FrozenInstanceError):
        plan.fixed = frozenset()


def test_no_row_is_transformed_while_an_estimator_is_read(X, y, monkeypatch):
    model = make_pipeline(StandardScaler(), PCA(2), Quick(random_state=0)).fit(X, y)
    for kind in (StandardScaler, PCA):
        monkeypatch.setattr(kind, "transform", lambda self, X: pytest.fail("a row was transformed"))
    assert [type(part) for part in read(model, X, {})[1]] == [StandardScaler, PCA, Quick]


def test_each_step_transforms_rows_once_and_the_check_once_more(X, y, monkeypatch):
    model, calls, transform = (
        make_pipeline(StandardScaler(), Quick(random_state=0)).fit(X, y),
        [],
        StandardScaler.transform,
    )
    monkeypatch.setattr(StandardScaler, "transform", lambda self, X: calls.append(len(X)) or transform(self, X))
    certified_radius(model, X)
    assert calls == [40, 8]


def test_columns_of_other_places_are_found(frame, y):
    """Behind steps that copy columns, and behind a ColumnTransformer and a FeatureUnion, encoders see raw columns."""
    first = ColumnTransformer([("i", SimpleImputer(strategy="most_frequent"), ["plan"])], remainder="passthrough")
    last = ColumnTransformer([("e", OneHotEncoder(sparse_output=False), [0])], remainder="passthrough")
    for before in (first, make_pipeline(first, FunctionTransformer(), FeatureUnion([("same", "passthrough")]))):
        model = make_pipeline(before, last, Quick(random_state=0)).fit(frame, y)
        assert certified_radius(model, frame).fixed_columns == ("plan",)


def test_columns_that_are_taken_from_elsewhere_are_refused(X, y, monkeypatch):
    """Where a place holds other columns than its steps tell, nothing is known."""
    model = make_pipeline(
        FunctionTransformer(), ColumnTransformer([("s", StandardScaler(), ["a"])]), Quick(random_state=0)
    )
    frame = pd.DataFrame(X, columns=list("abcd"))
    model.fit(frame, y)
    monkeypatch.setattr(FunctionTransformer, "transform", lambda self, X: X[X.columns[::-1]])
    with pytest.raises(NotLipschitzError, match=r"'columntransformer'.*does not take the columns"):
        certified_radius(model, frame[:1])  # of several rows, the first step is seen to compute another thing


# Keeping ------------------------------------------------------------------------------------


def test_what_was_found_is_used_again(frame, y, monkeypatch):
    model = make_pipeline(mixed(), Quick(random_state=0)).fit(frame, y)
    radii = certified_radius(model, frame)
    monkeypatch.setattr(_kept_plans, "read", lambda *given: pytest.fail("it was read again"))
    monkeypatch.setattr(_transformers, "affine_map", lambda *given: pytest.fail("a map was made again"))
    np.testing.assert_array_equal(certified_radius(model, frame), radii)
    np.testing.assert_allclose(certified_radius(model, frame[:1]), radii[:1], rtol=1e-9)


STEPS = [
    StandardScaler(), RobustScaler(), MinMaxScaler(clip=True), MaxAbsScaler(), PCA(2, whiten=True), SimpleImputer(),
    SelectKBest(k=2), FunctionTransformer(),
    FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler())], transformer_weights={"a": 2.0, "b": 3.0}),
    ColumnTransformer([("a", StandardScaler(), [0, 1]), ("b", "passthrough", [2])], transformer_weights={"a": 2.0}),
]  # fmt: skip


def fitted_attributes(step, prefix=""):
    """Paths and holders of all attributes of a step and of the steps in it."""
    for name, value in vars(step).items():
        yield f"{prefix}{name}", vars(step), name
        if name in ("transformers_", "transformer_list"):
            for part in value:
                if not isinstance(part[1], str):
                    yield from fitted_attributes(part[1], f"{prefix}{part[0]}.")


CASES = [
    (step, path)
    for step in STEPS
    for path, _, _ in fitted_attributes(clone(step).fit(np.random.default_rng(0).random((9, 4)), np.arange(9) % 2))
]


@pytest.mark.parametrize(
    "step, path", CASES, ids=lambda value: value if isinstance(value, str) else type(value).__name__
)
def test_a_change_of_any_attribute_is_noticed(X, y, step, path):
    model = make_pipeline(clone(step), Quick(random_state=0)).fit(X, y)
    plan_of(model, X, {})
    assert is_kept(model, X)
    holder, name = next((holder, name) for there, holder, name in fitted_attributes(model[0]) if there == path)
    before, state = holder[name], state_of(model)
    if isinstance(before, np.ndarray) and before.size:
        last = (-1,) * before.ndim  # in place
        before[last] = before[last] + 1 if before.dtype.kind in "fiu" else not before[last]
        assert state_of(model) != state
    for value in (None, "other", np.arange(7.0), [before]):
        holder[name] = value
        if value is not before:
            assert state_of(model) != state, value
    del holder[name]
    assert state_of(model) != state


@pytest.mark.parametrize("step", [StandardScaler(), RobustScaler(), MinMaxScaler(), MaxAbsScaler(), PCA(2)], ids=str)
def test_arrays_that_are_changed_in_place_change_radii(X, y, step):
    model = make_pipeline(step, Quick(random_state=0)).fit(X, y)
    before = certified_radius(model, X)
    name = "components_" if isinstance(step, PCA) else "scale_"
    getattr(step, name)[0] *= 3.0
    assert (certified_radius(model, X) != before).any()
    assert_as_anew(model, X)
    for name in ("mean_", "center_", "min_"):
        if getattr(step, name, None) is not None:
            getattr(step, name)[0] = 5.0
            assert_as_anew(model, X)


def test_an_array_of_any_size_is_looked_at_entry_by_entry(rng):
    wide = FunctionTransformer(kw_args={"table": rng.random(2**18)})
    state = state_of(wide)
    assert sum(len(part) for part in state if type(part) is bytes) < 1000
    assert state_of(wide) == state
    wide.kw_args["table"][2**17] += 1.0
    assert state_of(wide) != state


def _replaced(model, X, y):
    model.steps[0] = ("standardscaler", StandardScaler().fit(2 * X))


def _set(model, X, y):
    model.set_params(standardscaler=RobustScaler().fit(X))


def _set_inner(model, X, y):
    model.set_params(standardscaler__with_mean=False)


def _fitted_again(model, X, y):
    model.fit(3 * X, y)


def _passed_through(model, X, y):
    model.set_params(standardscaler="passthrough")


def _network(model, X, y):
    model[-1].network_ = Quick(random_state=5).fit(X, y).network_


def _classifier(model, X, y):
    model.steps[1] = ("quick", Quick(random_state=6).fit(X, y))


@pytest.mark.parametrize(
    "change",
    [_replaced, _set, _set_inner, _fitted_again, _passed_through, _network, _classifier],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("outer", [lambda model: model, FrozenEstimator, lambda model: make_pipeline(model)])
def test_other_steps_are_certified_anew(X, y, outer, change):
    model = make_pipeline(StandardScaler(), Quick(random_state=0)).fit(X, y)
    whole = outer(model)
    before = certified_radius(whole, X)
    change(model, X, y)
    assert (certified_radius(whole, X) != before).any()
    assert_as_anew(whole, X)


def test_parts_of_meta_estimators_that_change_are_certified_anew(X, y):
    pipeline = make_pipeline(StandardScaler(), Quick(random_state=0))
    calibrated = CalibratedClassifierCV(pipeline, ensemble=False, cv=2).fit(X, y)
    fixed = FixedThresholdClassifier(pipeline, threshold=0.2, response_method="decision_function").fit(X, y)
    vote = VotingClassifier([(name, make_pipeline(kind, Quick(random_state=seed))) for seed, (name, kind) in enumerate(
        {"a": StandardScaler(), "b": RobustScaler(), "c": MinMaxScaler()}.items())]).fit(X, y)  # fmt: skip
    search = GridSearchCV(pipeline, {"quick__random_state": [0, 1]}, cv=2).fit(X, y)

    def sigmoid():
        calibrated.calibrated_classifiers_[0].calibrators[0].b_ += 1.0

    changes = [
        (calibrated, sigmoid),
        (fixed, lambda: fixed.set_params(threshold=-0.4)),
        (fixed, lambda: fixed.set_params(pos_label=0)),
        (fixed, lambda: np.multiply(fixed.estimator_[0].scale_, 2.0, out=fixed.estimator_[0].scale_)),
        (vote, lambda: vote.set_params(weights=[5.0, 1.0, 1.0])),
        (vote, lambda: vote.weights.__setitem__(1, 7.0)),
        (vote, lambda: np.multiply(vote.estimators_[1][0].scale_, 2.0, out=vote.estimators_[1][0].scale_)),
        (search, lambda: np.multiply(search.best_estimator_[0].scale_, 2.0, out=search.best_estimator_[0].scale_)),
        (search, lambda: setattr(search, "best_estimator_", fixed.estimator_)),
    ]
    for model, change in changes:
        before = certified_radius(model, X)
        assert is_kept(model, X)
        change()
        assert not is_kept(model, X)
        assert (certified_radius(model, X) != before).any()
        assert_as_anew(model, X)


def test_weights_and_columns_of_branches_that_change_are_followed(X, y):
    union = FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler())], transformer_weights={"a": 2.0})
    model = make_pipeline(union, Quick(random_state=0)).fit(X, y)
    certified_radius(model, X)
    union.transformer_weights["a"] = 0.5
    assert_as_anew(model, X)
    columns = ColumnTransformer([("a", StandardScaler(), [0, 1]), ("b", "passthrough", [2, 3])])
    model = make_pipeline(columns, Quick(random_state=0)).fit(X, y)
    before = certified_radius(model, X)
    columns.transformers_[0] = ("a", StandardScaler().fit(X[:, [1, 0]]), [1, 0])
    assert (certified_radius(model, X) != before).any()
    assert_as_anew(model, X)


def test_an_attribute_that_hides_a_method_later_is_found(X, y):
    model = make_pipeline(StandardScaler(), Quick(random_state=0)).fit(X, y)
    certified_radius(model, X)
    for part, name in ((model[0], "transform"), (model[1], "decision_function"), (model, "predict")):
        vars(part)[name] = getattr(part, name)
        with pytest.raises(NotLipschitzError, match=name):
            certified_radius(model, X)
        del vars(part)[name]
        assert (certified_radius(model, X) > 0).any()


def test_frames_of_other_columns_and_dtypes_have_plans_of_their_own(frame, y):
    model = make_pipeline(mixed(), Quick(random_state=0)).fit(frame, y)
    others = [
        frame,
        frame[frame.columns[::-1]],
        frame.assign(extra=1.0)[["extra", *frame.columns]],
        frame.astype({"a": np.float32}),
        frame.astype({"d": np.float32}),
        frame.astype({"d": int}),
        frame.astype({"plan": "category"}),
        frame.astype({"a": "Float64"}),
    ]
    for _ in range(2):
        for other in others:
            assert_as_anew(model, other)
            assert certified_radius(model, other[:1]).fixed_columns[-1] == "plan"
    model = make_pipeline(StandardScaler(), Quick(random_state=0)).fit(frame[list("abcd")].to_numpy(), y)
    rows = frame[list("abcd")].to_numpy()
    for other in (rows, rows.astype(np.float32), rows.astype(">f4"), rows.astype(object), np.asfortranarray(rows)):
        assert_as_anew(model, other)


def test_dense_and_sparse_rows_have_plans_of_their_own(X, y):
    scaler = StandardScaler(with_mean=False)
    model = make_pipeline(scaler, PCA(2, svd_solver="arpack"), Quick(random_state=0)).fit(X, y)
    scaler.with_std = False  # sparse rows are divided all the same
    for rows in (X, sparse.csr_array(X), X, sparse.csc_array(X)):
        assert_as_anew(model, rows)


def test_questions_have_answers_of_their_own(X, y):
    model = make_pipeline(StandardScaler(), FunctionTransformer(np.tanh), Quick(random_state=0)).fit(X, y)
    for constant in (1.0, 2.0, 1.0):
        for norm in (1, 2, np.inf):
            for tolerances in (None, [1.0, 0.0, 2.0, 1.0], 3.0):
                question = {"norm": norm, "tolerances": tolerances}
                assert_as_anew(model, X, **question, step_lipschitz={"functiontransformer": constant})
    with pytest.raises(NotLipschitzError, match="functiontransformer"):
        certified_radius(model, X)


def test_no_more_than_some_plans_and_questions_are_kept(X, y):
    model = make_pipeline(StandardScaler(), FunctionTransformer(np.tanh), Quick(random_state=0)).fit(X, y)
    for number in range(3 * _kept_plans.MOST_PLANS):
        certified_radius(model, X, step_lipschitz={"functiontransformer": 1.0 + number})
    assert len(_kept_plans._kept_plans[model][1]) <= _kept_plans.MOST_PLANS
    constants = {"functiontransformer": 1.0}
    for number in range(3 * _run.MOST_QUESTIONS):
        certified_radius(model, X, tolerances=1.0 + number, step_lipschitz=constants)
    assert len(plan_of(model, X, constants)[0].kept) <= _run.MOST_QUESTIONS


# Life ---------------------------------------------------------------------------------------


def test_plans_keep_neither_estimators_nor_rows_alive(frame, y):
    union = FeatureUnion([("m", mixed()), ("e", ColumnTransformer([("s", StandardScaler(), ["c"])]))])
    model = make_pipeline(union, Quick(random_state=0)).fit(frame, y)
    rows = frame.copy()
    array = rows["a"].to_numpy()
    certified_radius(model, rows)
    assert is_kept(model, rows)
    kept = len(_kept_plans._kept_plans)
    step, classifier = ref(model[0].transformer_list[0][1].transformers_[0][1]), ref(model[1])
    held = [ref(rows), ref(array), ref(model), step, classifier]
    assert all(part() is not None for part in held)
    del rows, array, union
    gc.collect()
    assert held[0]() is None
    model.steps[0] = ("featureunion", model.steps[0][1].transformer_list[0][1])
    gc.collect()
    assert step() is not None
    del model
    gc.collect()
    assert [part() for part in held] == [None] * 5
    assert len(_kept_plans._kept_plans) < kept


def test_a_step_that_was_replaced_is_not_kept_alive(X, y):
    model = make_pipeline(StandardScaler(), Quick(random_state=0)).fit(X, y)
    certified_radius(model, X)
    before = ref(model[0])
    model.steps[0] = ("standardscaler", RobustScaler().fit(X))
    gc.collect()
    assert before() is None
    assert_as_anew(model, X)


class Unknown:
    """An object that pickle refuses."""

    __slots__ = ()

    def __reduce_ex__(self, protocol):
        raise TypeError("no")


def test_estimators_whose_state_cannot_be_told_are_read_at_each_call(X, y):
    model = make_pipeline(StandardScaler(), Quick(random_state=0)).fit(X, y)
    model[0].lock = Unknown()
    for _ in range(2):
        assert not is_kept(model, X)
        model[0].scale_[0] *= 2.0
        expected = make_pipeline(StandardScaler(), model[1])
        vars(expected[0]).update({name: value for name, value in vars(model[0]).items() if name != "lock"})
        np.testing.assert_array_equal(certified_radius(model, X), certified_radius(expected, X))


class Secretive(TransformerMixin):
    """A transformer that tells pickle nothing of what it does."""

    def __init__(self, factor):
        self.factor = factor

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return self.factor * np.asarray(X)

    def __getstate__(self):
        return {}

    def __sklearn_is_fitted__(self):
        return True


def test_a_step_that_tells_nothing_is_read_at_each_call(X):
    model = Pipeline([("s", Secretive(1.0)), ("f", linear([1.0, 0.5, 0.2, 0.1], 0.1))])
    constants, before = {"s": 2.0}, model.steps[0]
    assert_as_anew(model, X, step_lipschitz=constants)
    model.steps[0] = ("s", Secretive(2.0))
    assert before[1].factor == 1.0  # which still lives
    assert_as_anew(model, X, step_lipschitz=constants)


def test_a_plan_is_not_kept_under_a_state_that_it_was_not_read_from(X, y, monkeypatch):
    """As if another thread changed a scaler, and changed it back."""
    model = make_pipeline(StandardScaler(), Quick(random_state=0)).fit(X, y)

    def reading(*given):
        model[0].scale_[0] *= 8.0
        return read(*given)

    monkeypatch.setattr(_kept_plans, "read", reading)
    plan_of(model, X, {})
    monkeypatch.setattr(_kept_plans, "read", read)
    model[0].scale_[0] /= 8.0
    assert not is_kept(model, X)


def test_what_rows_found_while_the_estimator_was_changed_is_not_kept(X):
    """A change that is undone after the question leaves no trace."""
    within, changed = threading.Event(), threading.Event()

    def wait(rows):
        within.set()
        assert changed.wait(60)
        return rows

    scaler = StandardScaler().fit(X)
    scale = scaler.scale_
    model = make_pipeline(FunctionTransformer(wait), scaler, linear([1.0, 0.0, 0.0, 0.0], 0.1))
    question = {"step_lipschitz": {"functiontransformer": 1.0}}
    asking = threading.Thread(target=lambda: certified_radius(model, X[:1], **question))
    asking.start()
    assert within.wait(60)
    scaler.scale_ = 1000.0 * scale
    changed.set()
    asking.join()
    scaler.scale_ = scale
    np.testing.assert_array_equal(certified_radius(model, X[:1], **question), anew(model, X[:1], **question))


def test_a_selector_that_decides_by_a_function_is_asked_each_time(X, y):
    importances = {"now": np.array([3.0, 0.0, 0.0, 2.0])}
    selector = SelectFromModel(
        LogisticRegression(), threshold=1.0, importance_getter=lambda estimator: importances["now"]
    ).fit(X, y)
    model = make_pipeline(StandardScaler().fit(X), selector, linear([1.0, 0.5], 0.1))
    before = certified_radius(model, X[:1])
    importances["now"] = np.array([0.0, 2.0, 3.0, 0.0])
    after = certified_radius(model, X[:1])
    assert before != after
    np.testing.assert_array_equal(after, anew(model, X[:1]))


def _in_a_precision_of_the_first_row(X):
    return X.astype(np.float16 if X[0, 0] > 0 else np.float64)


def test_a_step_that_returns_other_dtypes_for_other_rows_is_followed(X, y):
    step = FunctionTransformer(_in_a_precision_of_the_first_row)
    model = make_pipeline(step, StandardScaler(), Quick(random_state=0)).fit(np.abs(X), y)
    for rows in (np.abs(X[:5]), -np.abs(X[:5]), np.abs(X[:5])):
        assert_as_anew(model, rows, step_lipschitz={"functiontransformer": 1.0})


class Anew(GridSearchCV):
    """A search whose best estimator is another object each time, as if it were read from a file."""

    @property
    def best_estimator_(self):
        return copy.deepcopy(self.best)


def test_a_part_that_is_made_anew_each_time_is_read_each_time(X, y):
    search = Anew(Quick(), {})
    search.best, search.scorer_ = make_pipeline(StandardScaler(), Quick(random_state=0)).fit(X, y), None
    before = certified_radius(search, X)
    assert not is_kept(search, X)
    search.best[0].scale_[0] *= 2.0
    assert (certified_radius(search, X) != before).any()
    np.testing.assert_array_equal(certified_radius(search, X), anew(search.best, X))


def test_threads_get_the_radii_of_one_state_or_the_other(X, y):
    """While a thread replaces a scaler, others never see a mixture that is kept."""
    scalers = [StandardScaler().fit(X), StandardScaler().fit(5 * X)]
    model = make_pipeline(scalers[0], Quick(random_state=0)).fit(X, y)
    scalers[0] = model[0]
    expected = []
    for scaler in scalers:
        model.steps[0] = ("standardscaler", scaler)
        expected.append(anew(model, X))
    failures, stop = [], threading.Event()

    def certify():
        while not stop.is_set():
            try:
                radii = np.asarray(certified_radius(model, X))
            except NotLipschitzError:  # predictions of one state are not those that the other was certified for
                continue
            if not any(np.array_equal(radii, state) for state in expected):
                failures.append(radii)

    threads = [threading.Thread(target=certify) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(150):
        model.steps[0] = ("standardscaler", scalers[number % 2])
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    for number, scaler in enumerate(scalers):
        model.steps[0] = ("standardscaler", scaler)
        np.testing.assert_array_equal(certified_radius(model, X), expected[number])


# States -------------------------------------------------------------------------------------


class Holder:
    def __init__(self, value):
        self.value = value


def _one():
    return 1


def _two():
    return 2


@pytest.mark.parametrize(
    "one, other",
    [
        (1, 1.0),
        (1, True),
        (1.0, np.float32(1.0)),
        ([1, [2]], [1, 2]),
        ([[1], 2], [[1, 2]]),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}),
        ({1, 2}, frozenset({1, 2})),
        (np.zeros(4), np.zeros((2, 2))),
        (np.zeros(2), np.zeros(2, np.int64)),
        (np.array(["a", 1.0], object), np.array(["a", 2.0], object)),
        (slice(1, 2), slice(1, 3)),
        (_one, _two),
        (np.sin, np.cos),
        (StandardScaler, RobustScaler),
        (Holder(1), Holder(2)),
        (pd.DataFrame({"a": [1.0, 2.0]}), pd.DataFrame({"a": [1.0, 3.0]})),
        (sparse.csr_array(np.eye(2)), sparse.csr_array(2 * np.eye(2))),
        (LogisticRegression(C=1.0), LogisticRegression(C=2.0)),
    ],
)
def test_states_of_different_values_differ(one, other):
    holder = Holder(one)
    before = state_of(holder)
    assert state_of(holder) == before
    holder.value = other
    assert state_of(holder) != before
    holder.value = one
    assert state_of(holder) == before


def test_a_record_that_is_changed_in_place_is_another_state():
    holder = StandardScaler()
    holder.record = np.array([(1.0, 2)], dtype=[("a", float), ("b", int)])[0]
    before = state_of(holder)
    holder.record["a"] = 5.0
    assert state_of(holder) != before


def test_not_a_number_is_the_same_as_before():
    for value in (np.nan, np.float64("nan"), np.array([np.nan]), np.array([np.nan], object)):
        holder = Holder([value])
        assert state_of(holder) == state_of(holder)


def test_an_object_that_holds_itself_has_a_state():
    holder = Holder([1])
    holder.value += [holder, holder.value]
    before = state_of(holder)
    assert state_of(holder) == before
    holder.value[0] = 2
    assert state_of(holder) != before


def test_lists_that_are_shared_are_told_from_lists_that_are_equal():
    one, other = [1], [2]
    holder = Holder({"a": one, "b": other, "c": one})
    before = state_of(holder)
    holder.value["c"] = other
    assert state_of(holder) != before


# Unwrapping ---------------------------------------------------------------------------------


class OwnWay(Pipeline):
    def predict(self, X):
        return 1 - super().predict(X)


def test_estimators_are_unwrapped(X, y):
    classifier = Quick(random_state=0)
    inner = make_pipeline(StandardScaler(), classifier).fit(X, y)
    search = GridSearchCV(inner, {}, cv=2).fit(X, y)
    steps, end = unwrapped(make_pipeline(FrozenEstimator(RobustScaler().fit(X)), FrozenEstimator(search)))
    assert [name for name, _ in steps] == ["frozenestimator-1", "standardscaler"]
    assert end is search.best_estimator_[-1]
    assert unwrapped(classifier) == ([], classifier)
    own = OwnWay(inner.steps)
    assert unwrapped(own) == ([], own)
    assert unwrapped(own, strict=False)[1] is classifier
    unfitted = GridSearchCV(classifier, {}, refit=False)
    assert unwrapped(unfitted, strict=False) == ([], unfitted)
    with pytest.raises(NotLipschitzError, match="refit=True"):
        unwrapped(unfitted.fit(X, y))


def test_linear_networks_behind_kept_plans_have_their_exact_distance(X):
    """One row at a time, as a service asks: the radius is |f| / ‖∇f‖."""
    weights = np.array([0.5, -1.0, 2.0, 0.25])
    model = make_pipeline(StandardScaler().fit(X), linear(weights, 0.1))
    for scale in (1.0, 3.0):
        model[0].scale_ *= scale
        for row in X:
            score = model.decision_function(row[None])[0]
            expected = abs(score) / np.linalg.norm(weights / model[0].scale_)
            np.testing.assert_allclose(certified_radius(model, row[None]), expected, rtol=1e-9)
