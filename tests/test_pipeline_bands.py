"""Bands through pipelines and searches: attacked rows, kept plans, and what is refused by name."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
)

from sklip import HKRClassifier, LipschitzRegressor, NotLipschitzError, certified_band, certified_radius
from sklip.exceptions import FarFromTrainingWarning, FixedColumnsWarning
from sklip.pipelines import _kept_plans
from tests.band_fixtures import SMALL, UNITS, attack, fit, frame, raw, small, steepest

NORMS = [1, 2, np.inf]


def encoded():
    return ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(), StandardScaler()), list("abcd")),
            ("e", OneHotEncoder(sparse_output=False), ["plan"]),
        ]
    )


PIPELINES = {
    "standard": lambda: make_pipeline(StandardScaler(), small()),
    "clipped": lambda: make_pipeline(MinMaxScaler((-2, 2), clip=True), small()),
    "mixed": lambda: make_pipeline(RobustScaler(), PCA(3), small()),
    "union": lambda: make_pipeline(FeatureUnion([("a", StandardScaler()), ("b", MaxAbsScaler())]), small()),
    "nested": lambda: Pipeline([("a", StandardScaler()), ("b", make_pipeline(MinMaxScaler(), small(4.0)))]),
    "search": lambda: GridSearchCV(
        make_pipeline(StandardScaler(), small(epochs=4)), {"lipschitzregressor__loss": ["huber"]}, cv=2
    ),
    "frozen": lambda: FrozenEstimator(fit(make_pipeline(StandardScaler(), small()))),
}


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", PIPELINES)
def test_no_row_within_the_radius_is_predicted_outside(name, norm):
    model = fit(PIPELINES[name]())
    for radius in (1e-9, 0.2, 3.0):
        outside, reached = attack(model, raw()[0], radius, norm=norm)
        assert outside == 0
        assert reached > 0.25 or radius != 0.2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_frames_with_categories_and_rows_of_float32(dtype):
    X = frame().astype(dict.fromkeys("abcd", dtype))
    model = fit(make_pipeline(encoded(), small()), X)
    outside, reached = attack(model, X, 0.3)
    assert outside == 0 and reached > 0.4
    model = fit(make_pipeline(StandardScaler(), small()))
    rows = raw()[0].astype(dtype)
    outside, reached = attack(model, rows, 0.3, norm=np.inf)
    assert outside == 0 and reached > 0.25
    wide = certified_band(model, rows.astype(np.float64), 0.3)
    np.testing.assert_allclose(certified_band(model, rows, 0.3), wide, rtol=1e-2)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler(), MaxAbsScaler()])
def test_bands_of_rows_that_do_not_move_hold_the_rounding_of_float32(scaler):
    rows = raw()[0].astype(np.float32)
    model = fit(make_pipeline(scaler, small(50.0)))
    lower, upper = certified_band(model, rows, 0.0)
    coarse, fine = model.predict(rows), model.predict(rows.astype(np.float64))
    assert np.abs(coarse - fine).max() > 1e-7
    assert ((lower <= fine) & (fine <= upper)).all() and (upper - lower).max() < 1.0


def test_sparse_rows_and_polars():
    X = sparse.csr_array(raw()[0])
    model = fit(make_pipeline(MaxAbsScaler(), TruncatedSVD(3), small(20.0)), X)
    outside, _ = attack(model, X, 0.2)
    assert outside == 0
    polars = pytest.importorskip("polars")
    named = fit(make_pipeline(StandardScaler(), small()), pd.DataFrame(raw()[0], columns=list("abcd")))
    ours = certified_band(named, polars.DataFrame(dict(zip("abcd", raw()[0].T, strict=True))), 0.2)
    np.testing.assert_array_equal(ours, certified_band(named, pd.DataFrame(raw()[0], columns=list("abcd")), 0.2))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_of_a_bare_regressor_it_is_the_method(norm, n_outputs):
    X, y = raw()
    y = y if n_outputs == 1 else np.column_stack([y, -1e3 * y])
    lipschitz = 2.0 if n_outputs == 1 else [2.0, 5e3]
    regressor = fit(small(lipschitz, norm=norm, tolerances=UNITS), X, y)
    radii = np.random.default_rng(0).random(len(X))
    for question in ({}, {"norm": 2}, {"tolerances": [0.0, 50.0, 0.01, 1.0]}, {"norm": 1, "tolerances": 1.0}):
        ours, theirs = certified_band(regressor, X, radii, **question), regressor.certified_band(X, radii, **question)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
        assert ours[0].shape == regressor.predict(X).shape
    assert (ours[0] < ours[1]).all()
    np.testing.assert_array_equal(
        certified_band(FrozenEstimator(regressor), X, radii), certified_band(regressor, X, radii)
    )


def test_behind_steps_the_question_is_euclidean_and_in_raw_units():
    X, _ = raw()
    model = fit(make_pipeline(StandardScaler(), small(norm="inf")))
    by_default = certified_band(model, X, 0.01)
    np.testing.assert_array_equal(by_default, certified_band(model, X, 0.01, norm=2, tolerances=1.0))
    behind = fit(TransformedTargetRegressor(small(norm="inf", tolerances=UNITS), transformer=StandardScaler()))
    np.testing.assert_array_equal(
        certified_band(behind, X, 0.1), certified_band(behind, X, 0.1, norm="inf", tolerances=UNITS)
    )
    scaler, regressor = model[0], model[-1]
    scaled = regressor.certified_band(scaler.transform(X), 0.3, norm="inf")
    raw_units = certified_band(model, X, 0.3, norm="inf", tolerances=scaler.scale_)
    np.testing.assert_allclose(raw_units, scaled, rtol=1e-9)
    assert (certified_band(model, X, 0.0)[1] - certified_band(model, X, 0.0)[0] < 1e-9).all()


def test_stated_constants_and_missing_values():
    X, _ = raw()
    steps = [("s", StandardScaler()), ("t", FunctionTransformer(np.tanh)), ("r", small())]
    model = fit(Pipeline(steps))
    with pytest.raises(NotLipschitzError, match=r"Step 't' \(FunctionTransformer\)"):
        certified_band(model, X, 0.1)
    outside, reached = attack(model, X, 0.2, step_lipschitz={"t": 1.0})
    assert outside == 0 and reached > 0.1
    with pytest.raises(ValueError, match="step_lipschitz names"):
        certified_band(model, X, 0.1, step_lipschitz={"t": 1.0, "u": 1.0})
    with pytest.raises(ValueError, match="which sklip knows exactly"):
        certified_band(model, X, 0.1, step_lipschitz={"s": 1.0, "t": 1.0})
    holes = X.copy()
    holes[::3, 1] = np.nan
    imputed = fit(make_pipeline(SimpleImputer(), StandardScaler(), small()), holes)
    lower, upper = certified_band(imputed, holes, 0.5, tolerances=UNITS)
    rng = np.random.default_rng(0)
    for _ in range(20):
        moved = imputed.predict(holes + (0.5 - 1e-9) * steepest(rng.standard_normal(X.shape), 2) * UNITS)
        assert ((lower <= moved) & (moved <= upper)).all()


def test_rows_that_overflow_have_no_band_and_far_rows_are_warned_of():
    X, _ = raw()
    model = fit(make_pipeline(StandardScaler(), small()))
    with pytest.warns(FarFromTrainingWarning):
        lower, upper = certified_band(model, np.full((1, 4), 1e160), 0.1)
    assert lower[0] == -np.inf and upper[0] == np.inf
    flat = fit(small(1e-6))
    assert np.isfinite(certified_band(flat, X, 1e306)).all()
    lower, upper = certified_band(flat, X, 1e307)
    assert (lower == -np.inf).all() and (upper == np.inf).all()
    stated = fit(Pipeline([("t", FunctionTransformer(np.nan_to_num)), ("s", StandardScaler()), ("r", small())]))
    holes = X[:2].copy()
    holes[0, 0] = np.nan
    lower, upper = certified_band(stated, holes, 0.0, step_lipschitz={"t": 1.0})
    np.testing.assert_array_equal(np.isinf([lower, upper]), [[True, False], [True, False]])
    with pytest.warns(FarFromTrainingWarning):
        certified_band(model, 1e3 * X, 0.1)
    fixed = fit(small(tolerances=UNITS * [1, 1, 1, 0]))
    with pytest.warns(FixedColumnsWarning, match="bands are proven, but wide"):
        certified_band(fixed, X, 0.1, tolerances=UNITS)


def test_plans_are_kept_and_changes_noticed():
    X, _ = raw()
    model = fit(make_pipeline(StandardScaler(), small()))
    first = certified_band(model, X, 0.1)
    ((_, plans),) = [_kept_plans._kept_plans[model]]
    plan = next(iter(plans.values()))[0]
    np.testing.assert_array_equal(certified_band(model, X, 0.1), first)
    assert next(iter(_kept_plans._kept_plans[model][1].values()))[0] is plan
    with pytest.raises(NotLipschitzError, match="predicts numbers"):  # and does not take the plan of bands
        certified_radius(model, X)
    model[-1].network_ = fit(make_pipeline(StandardScaler(), small(20.0)))[-1].network_
    wide = certified_band(model, X, 0.1)
    np.testing.assert_allclose((wide[1] - wide[0]) / (first[1] - first[0]), 10.0, rtol=1e-6)
    model[0].scale_ /= 2.0
    wider = certified_band(model, X, 0.1)
    assert (wider[1] - wider[0] > 1.9 * (wide[1] - wide[0])).all()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Ridge(), "Ridge has no certificate. certified_band takes LipschitzRegressor"),
        (VotingRegressor([("a", small(epochs=1))]), "VotingRegressor has no certificate"),
        (make_pipeline(StandardScaler(), Ridge()), "Ridge has no certificate"),
        (TransformedTargetRegressor(Ridge()), "Ridge has no certificate"),
        (make_pipeline(Normalizer(), small(epochs=1)), r"Step 'normalizer' \(Normalizer\) has no Lipschitz constant"),
    ],
)
def test_what_has_no_band_is_refused_by_name(model, message):
    with pytest.raises(NotLipschitzError, match=message):
        certified_band(fit(model), raw()[0], 0.1)


def test_classifiers_and_regressors_send_to_each_other():
    X, y = raw()
    classifier = fit(HKRClassifier(hidden_layer_sizes=(8,), epochs=1, backend="numpy"), X, y > np.median(y))
    with pytest.raises(NotLipschitzError, match=r"HKRClassifier predicts classes.*sklip\.certified_radius"):
        certified_band(classifier, X, 0.1)
    for model in (
        small(epochs=1),
        make_pipeline(StandardScaler(), small(epochs=1)),
        TransformedTargetRegressor(small(epochs=1)),
    ):
        with pytest.raises(NotLipschitzError, match=r"sklip\.certified_band.*certified_radius\(X, max_change=\.\.\.\)"):
            certified_radius(fit(model), X)


def test_regressors_that_predict_in_their_own_way():
    class Doubled(LipschitzRegressor):
        def predict(self, X):
            return 2 * super().predict(X)

    class Renamed(LipschitzRegressor):
        def certified_band(self, X, radius):
            return "nothing"

    X, _ = raw()
    for model in (Doubled(lipschitz=2.0, **SMALL), make_pipeline(StandardScaler(), Doubled(lipschitz=2.0, **SMALL))):
        with pytest.raises(NotLipschitzError, match="defines 'predict' itself"):
            certified_band(fit(model), X, 0.1)
    np.testing.assert_array_equal(
        certified_band(fit(Renamed(lipschitz=2.0, **SMALL)), X, 0.1), certified_band(fit(small()), X, 0.1)
    )
    hidden = fit(small())
    hidden.predict = lambda X: np.zeros(len(X))
    with pytest.raises(NotLipschitzError, match="defines 'predict' itself"):
        certified_band(hidden, X, 0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"radius": -1.0}, "radius must be 0 or more"),
        ({"radius": [0.1, 0.2]}, "one for each of the 120 rows"),
        ({"radius": 0.1, "norm": 3}, "norm must be 1, 2, inf"),
        ({"radius": 0.1, "tolerances": [1.0]}, "one number for each of the 4 columns"),
    ],
)
def test_bad_arguments(arguments, message):
    model = fit(make_pipeline(StandardScaler(), small(epochs=1)))
    with pytest.raises(ValueError, match=message):
        certified_band(model, raw()[0], **arguments)


def test_bad_estimators_and_rows():
    X, _ = raw()
    with pytest.raises(TypeError, match="got the class LipschitzRegressor"):
        certified_band(LipschitzRegressor, X, 0.1)
    for model in (small(), make_pipeline(StandardScaler(), small()), TransformedTargetRegressor(small())):
        with pytest.raises(NotFittedError):
            certified_band(model, X, 0.1)
    model = fit(make_pipeline(StandardScaler(), small(epochs=1)))
    with pytest.raises(ValueError, match="NaN"):
        certified_band(model, np.full((2, 4), np.nan), 0.1)
    with pytest.raises(ValueError, match="3 features"):
        certified_band(model, X[:, :3], 0.1)
    frames = fit(make_pipeline(encoded(), small(epochs=1)), frame())
    with pytest.raises(ValueError, match="which an encoder takes"):
        certified_band(frames, frame(), 0.1, tolerances={"plan": 1.0})
