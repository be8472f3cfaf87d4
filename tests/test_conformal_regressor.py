"""RobustConformalRegressor: intervals by their own formula, coverage under attack, edge cases, scikit-learn's rules."""

import pickle
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import sklip
from sklip import LipschitzMLP, LipschitzRegressor, NotLipschitzError, RobustConformalRegressor
from sklip.exceptions import FarFromTrainingWarning, TooFewCalibrationRowsWarning

NORMS = [1, 2, np.inf]
SMALL = {"hidden_layer_sizes": (16, 8), "epochs": 15, "random_state": 0, "backend": "numpy", "lipschitz": 2.0}


def rows(n_rows, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, 3))
    return X, 2.0 * np.sin(X[:, 0]) + X[:, 1] + 0.5 * rng.standard_normal(n_rows)


def trained(**parameters):
    return LipschitzRegressor(**{**SMALL, **parameters}).fit(*rows(400, seed=98))


def steepest(directions, norm):
    """Displacements of size 1 in a norm that go as far along directions as possible."""
    if norm == np.inf:
        return np.sign(directions)
    if norm == 1:
        directions = directions * (np.abs(directions) == np.abs(directions).max(axis=1, keepdims=True))
    return directions / np.linalg.norm(directions, norm, axis=1, keepdims=True)


def attacked(regressor, X, y, radius, norm=2):
    """Rows moved by the radius so that predictions go away from the targets."""
    away = np.where(regressor.predict(X) > y, 1.0, -1.0)[:, None]
    start, X = X, X.copy()
    for _ in range(3):
        X = start + (1 - 1e-9) * radius * steepest(0.5 * (X - start) / radius + away * regressor.gradient(X), norm)
    return X


def covered(model, X, y):
    lower, upper = model.predict_interval(X)
    return (lower <= y) & (y <= upper)


def test_intervals_of_radius_zero_are_those_of_split_conformal_prediction():
    regressor, (X, y) = trained(), rows(99, seed=0)
    model = RobustConformalRegressor(FrozenEstimator(regressor), alpha=0.1).fit(X, y)
    half = np.sort(np.abs(y - regressor.predict(X)))[89]  # ⌈0.9 · 100⌉ = 90
    assert model.threshold_ == pytest.approx(half, rel=1e-14)
    X, _ = rows(300, seed=1)
    lower, upper = model.predict_interval(X)
    np.testing.assert_allclose(lower, regressor.predict(X) - half, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(upper, regressor.predict(X) + half, rtol=1e-12, atol=1e-12)


def test_each_interval_holds_the_target_of_a_calibration_row_in_rational_arithmetic():
    """With alpha small, the threshold is the largest error: all targets must be inside, rounding included."""
    regressor, (X, y) = trained(), rows(99, seed=0)
    model = RobustConformalRegressor(FrozenEstimator(regressor), alpha=0.01).fit(X, y)
    lower, upper = model.predict_interval(X)
    half = Fraction(model.threshold_)
    for low, high, truth, prediction in zip(lower, upper, y, regressor.predict(X), strict=True):
        assert low <= truth <= high
        assert Fraction(low) <= Fraction(prediction) - half and Fraction(high) >= Fraction(prediction) + half


@pytest.mark.parametrize("norm", NORMS)
def test_targets_in_the_clean_interval_are_in_that_of_each_row_within_the_radius(norm):
    regressor, (X, y) = trained(norm=norm), rows(200, seed=1)
    model = RobustConformalRegressor(FrozenEstimator(regressor), alpha=0.2).fit(*rows(99, seed=0))
    clean, width, rng = covered(model, X, y), np.ptp(model.predict_interval(X), axis=0), np.random.default_rng(0)
    for radius in (1e-13, 0.02, 0.3):
        moves = [attacked(regressor, X, y, radius, norm)]
        moves += [X + (1 - 1e-9) * radius * steepest(rng.standard_normal(X.shape), norm) for _ in range(10)]
        robust = clone(model).set_params(radius=radius).fit(*rows(99, seed=0))
        for moved in moves:
            assert (clean <= covered(robust, moved, y)).all()
        added = np.ptp(robust.predict_interval(X), axis=0) - width
        np.testing.assert_allclose(added, 2 * radius * regressor.lipschitz_, rtol=1e-6, atol=1e-12)


def test_coverage_under_attack_is_as_promised():
    """Mean over 300 draws of 99 calibration and 50 test rows, less three standard errors; clean, it is 0.90 to 0.91."""
    regressor, radius, plain_rates, robust_rates = trained(), 0.2, [], []
    for seed in range(300):
        X, y = rows(149, seed)
        model = RobustConformalRegressor(FrozenEstimator(regressor), alpha=0.1, radius=radius).fit(X[:99], y[:99])
        moved = attacked(regressor, X[99:], y[99:], radius)
        robust_rates.append(covered(model, moved, y[99:]).mean())
        plain_rates.append(covered(model.set_params(radius=0.0), moved, y[99:]).mean())
    error = np.std(robust_rates) / np.sqrt(300)
    assert error < 0.006
    assert np.mean(robust_rates) >= 0.9 - 3 * error
    assert np.mean(plain_rates) < 0.86


def test_frames_tolerances_and_held_out_rows():
    X, y = rows(200, seed=0)
    frame = pd.DataFrame(X, columns=list("abc"))
    model = RobustConformalRegressor(
        LipschitzRegressor(**SMALL), radius=0.5, norm="inf", tolerances={"b": 0.1}, random_state=0
    ).fit(frame, y)
    assert len(model.calibration_scores_) == 50 and model.feature_names_in_.tolist() == list("abc")
    widths = np.ptp(model.predict_interval(frame), axis=0)
    wider = np.ptp(model.set_params(tolerances=0.1).predict_interval(frame), axis=0)
    assert (widths <= wider).all() and widths.sum() < wider.sum()
    assert model.predict(frame).shape == (200,) and model.score(frame, y) > 0.5


def test_too_few_rows_give_intervals_of_all_numbers():
    X, y = rows(8, seed=0)
    with pytest.warns(TooFewCalibrationRowsWarning, match="needs at least 9 rows"):
        model = RobustConformalRegressor(FrozenEstimator(trained())).fit(X, y)
    lower, upper = model.predict_interval(X)
    assert (lower == -np.inf).all() and (upper == np.inf).all()
    model = RobustConformalRegressor(FrozenEstimator(trained())).fit(*rows(20, seed=0))
    with pytest.warns(FarFromTrainingWarning):
        lower, upper = model.predict_interval(np.full((1, 3), 1e160))
    assert lower[0] == -np.inf and upper[0] == np.inf


def test_thresholds_are_refused_for_estimators_that_were_trained_again():
    """A FrozenEstimator holds the estimator itself, which its owner may train: on the calibration rows, for example."""
    X, y = rows(40, seed=0)
    regressor = trained(epochs=2)
    model = RobustConformalRegressor(FrozenEstimator(regressor), alpha=0.1).fit(X, y)
    for again in (lambda: regressor.partial_fit(X, y), lambda: regressor.fit(X, y)):
        again()
        with pytest.raises(ValueError, match=r"trained again .* Call fit again"):
            model.predict_interval(X)
        model.fit(X, y).predict_interval(X)


def test_params_pickles_skops_and_cross_validation():
    X, y = rows(120, seed=0)
    model = RobustConformalRegressor(LipschitzRegressor(**SMALL), alpha=0.2, radius=0.1, random_state=0)
    assert clone(model).get_params()["estimator__lipschitz"] == 2.0
    assert cross_val_score(model, X, y, cv=2).mean() > 0.3
    interval = model.fit(X, y).predict_interval(X)
    trusted = skops.io.loads(skops.io.dumps(model), trusted=sklip.TRUSTED_TYPES)
    for again in (pickle.loads(pickle.dumps(model)), trusted):
        np.testing.assert_array_equal(again.predict_interval(X), interval)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (make_pipeline(StandardScaler(), LipschitzRegressor()), "takes no pipelines"),
        (LinearRegression(), "needs a regressor of sklip with a constant; LinearRegression is none"),
        (TransformedTargetRegressor(LipschitzRegressor()), "TransformedTargetRegressor is none"),
        (LipschitzMLP(), "LipschitzMLP is none"),
    ],
)
def test_estimators_without_bands_are_refused_by_name(estimator, message):
    with pytest.raises(NotLipschitzError, match=message):
        RobustConformalRegressor(estimator).fit(*rows(60, seed=0))


def test_bad_targets_and_arguments():
    X, y = rows(60, seed=0)
    model = RobustConformalRegressor(LipschitzRegressor(**SMALL))
    for targets, message in (
        (np.column_stack([y, y]), "takes one target; y has 2"),
        (None, "the target y is None"),
        (y[:5], "inconsistent numbers of samples"),
        (np.where(y > 1, np.nan, y), "NaN"),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(X, targets)
    two = LipschitzRegressor(**SMALL).fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="takes a regressor of one target; got 2"):
        RobustConformalRegressor(FrozenEstimator(two)).fit(X, y)
    with pytest.raises(NotFittedError):
        model.predict_interval(X)
    with pytest.raises(ValueError, match="'radius' parameter"):
        clone(model).set_params(radius=-1.0).fit(X, y)


@pytest.mark.slow
@parametrize_with_checks([RobustConformalRegressor(LipschitzRegressor(**SMALL), alpha=0.5, random_state=0)])
def test_scikit_learn_check(estimator, check):
    check(estimator)
