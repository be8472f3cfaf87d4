"""Bands of regressors: rational arithmetic, attacked rows, questions, and what is refused."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklip import LipschitzRegressor, NotLipschitzError
from sklip.certification import certificate, score_bands
from sklip.exceptions import FarFromTrainingWarning

NORMS = [1, 2, np.inf]
SMALL = {"hidden_layer_sizes": (16, 8), "epochs": 15, "random_state": 0, "backend": "numpy"}
UNITS = np.array([1.0, 0.1, 10.0, 1.0])


def table(n_rows=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, 4)) * UNITS
    return X, 5.0 + 2.0 * np.sin(X[:, 0]) + 10.0 * X[:, 1] + 0.1 * np.abs(X[:, 2])


def fitted(norm=2, tolerances=UNITS, n_outputs=1, **parameters):
    X, y = table()
    if n_outputs == 2:
        y = np.column_stack([y, -1000.0 * y])
    lipschitz = 3.0 if n_outputs == 1 else [3.0, 2000.0]
    settings = {**SMALL, "norm": norm, "tolerances": tolerances, "lipschitz": lipschitz, **parameters}
    return LipschitzRegressor(**settings).fit(X, y), X


def offsets(rng, shape, norm):
    """Displacements of size 1 in a norm: corners, single columns and random ones."""
    noise = np.where(rng.random(shape) < 0.5, -1.0, 1.0) if norm == np.inf else rng.standard_normal(shape)
    if norm == 1:
        noise *= np.abs(noise) == np.abs(noise).max(axis=1, keepdims=True)
    return noise / np.linalg.norm(noise, norm, axis=1, keepdims=True)


@given(
    score=st.floats(-1e6, 1e6), error=st.floats(0, 1e-3), radius=st.floats(0, 1e6), lipschitz=st.floats(0, 1e3),
    growth=st.floats(0, 1e-9),
)  # fmt: skip
def test_bands_hold_in_rational_arithmetic_and_are_close(score, error, radius, lipschitz, growth):
    lower, upper = score_bands(np.array([score]), np.array([error]), np.array([radius]), lipschitz, growth)
    half = (Fraction(lipschitz) + Fraction(growth)) * Fraction(radius) + 2 * Fraction(error)
    low, high = Fraction(float(lower[0])), Fraction(float(upper[0]))
    assert low <= Fraction(score) - half and high >= Fraction(score) + half
    slack = float(half) * 1e-14 + abs(score) * 1e-15 + 1e-300
    assert float(Fraction(score) - half - low) <= slack and float(high - Fraction(score) - half) <= slack


def test_bands_of_infinite_radii_and_errors():
    lower, upper = score_bands(np.zeros(3), np.array([0.0, np.inf, np.nan]), np.array([np.inf, 0.0, 0.0]), 1.0, 0.0)
    assert (lower == -np.inf).all() and (upper == np.inf).all()
    lower, upper = score_bands(np.ones(1), np.zeros(1), np.array([np.inf]), 0.0, 0.0)
    assert lower[0] == pytest.approx(1.0) and upper[0] == pytest.approx(1.0)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_no_row_within_the_radius_is_predicted_outside_the_band(norm, n_outputs):
    regressor, X = fitted(norm, n_outputs=n_outputs)
    rng = np.random.default_rng(1)
    for radius in (1e-12, 0.1, 10.0):
        lower, upper = regressor.certified_band(X, radius)
        gradient = regressor.gradient(X).reshape(len(X), -1, 4)[:, -1] * UNITS
        steep = np.sign(gradient) if norm == np.inf else gradient
        if norm == 1:
            steep = steep * (np.abs(steep) == np.abs(steep).max(axis=1, keepdims=True))
        steep = steep / np.linalg.norm(steep, norm, axis=1, keepdims=True)
        for moves in (steep, -steep, *(offsets(rng, X.shape, norm) for _ in range(20))):
            found = regressor.predict(X + (1 - 1e-12) * radius * moves * UNITS)
            assert ((lower <= found) & (found <= upper)).all()
        width = (upper - lower) / (2 * radius * np.asarray(regressor.lipschitz_))
        assert width.max() <= 1 + 1e-9 or radius < 1e-6


@pytest.mark.parametrize("norm", NORMS)
def test_the_constant_is_the_stated_one_and_bands_are_reached(norm):
    regressor, X = fitted(norm)
    assert regressor.lipschitz_bound_ == pytest.approx(3.0, rel=1e-9) and regressor.lipschitz_ == 3.0
    slopes = np.linalg.norm(regressor.gradient(X) * UNITS, {1: np.inf, 2: 2, np.inf: 1}[norm], axis=1)
    assert 0.5 * 3.0 < slopes.max() <= 3.0 * (1 + 1e-9)


def test_each_target_has_the_band_of_its_own_constant():
    regressor, X = fitted(n_outputs=2)
    lower, upper = regressor.certified_band(X, 0.5)
    np.testing.assert_allclose((upper - lower)[0], [3.0, 2000.0], rtol=1e-6)
    for target in (0, 1):
        alone, _ = fitted(n_outputs=2)
        heads = alone.network_.heads
        network = alone.network_.with_heads(type(heads)(heads.kernel[:, [target]], heads.bias[[target]]))
        assert certificate(network, alone._question).lipschitz == pytest.approx([3.0, 2000.0][target], rel=1e-9)


def test_radii_of_a_change_and_of_a_threshold():
    regressor, X = fitted()
    predictions, rng = regressor.predict(X), np.random.default_rng(0)
    radii = regressor.certified_radius(X, max_change=0.6)
    np.testing.assert_allclose(radii, 0.2, rtol=1e-9)
    of_threshold = regressor.certified_radius(X, threshold=5.0)
    np.testing.assert_allclose(of_threshold, np.abs(predictions - 5.0) / 3.0, rtol=1e-9)
    for _ in range(20):
        moves = offsets(rng, X.shape, 2) * UNITS
        moved = regressor.predict(X + (1 - 1e-12) * radii[:, None] * moves)
        assert (np.abs(moved - predictions) <= 0.6).all()
        moved = regressor.predict(X + (1 - 1e-12) * of_threshold[:, None] * moves)
        assert ((moved > 5.0) == (predictions > 5.0)).all()
    of_rows = regressor.certified_radius(X, max_change=np.linspace(0.0, 1.0, len(X)))
    assert of_rows[0] == 0.0 and (np.diff(of_rows) > 0).all()


def test_other_questions():
    regressor, X = fitted(np.inf)
    frame_like = {2: 10.0}
    lower, upper = regressor.certified_band(X, 0.5, norm=1, tolerances=frame_like)
    one = np.array([0.0, 0.0, 10.0, 0.0])
    for sign in (-1, 1):
        found = regressor.predict(X + sign * (0.5 - 1e-12) * one)
        assert ((lower <= found) & (found <= upper)).all()
    wide = regressor.certified_band(X, 0.5)
    assert ((upper - lower) < (wide[1] - wide[0])).all()


def test_rows_of_other_types_and_containers():
    regressor, X = fitted()
    lower, upper = regressor.certified_band(X.astype(np.float32), 0.5)
    np.testing.assert_allclose(lower, regressor.certified_band(X, 0.5)[0], atol=1e-4)
    frame = pd.DataFrame(X, columns=list("abcd"))
    named = LipschitzRegressor(lipschitz=3.0, **SMALL).fit(frame, table()[1])
    by_name = named.certified_band(frame, 0.5, tolerances={"b": 0.1})
    by_place = named.certified_band(frame, 0.5, tolerances=[0.0, 0.1, 0.0, 0.0])
    np.testing.assert_array_equal(by_name, by_place)
    assert (upper > lower).all()


def test_rows_far_away_are_warned_of_and_rows_that_overflow_have_no_band():
    regressor, X = fitted()
    with pytest.warns(FarFromTrainingWarning):
        regressor.certified_band(1e6 * X[:3], 0.1)
    with pytest.warns(FarFromTrainingWarning):
        lower, upper = regressor.certified_band(np.full((1, 4), 1e160), 0.1)
    assert lower[0] == -np.inf and upper[0] == np.inf


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"radius": -1.0}, "radius must be 0 or more"),
        ({"radius": np.nan}, "radius holds NaN"),
        ({"radius": "far"}, "radius must be a number"),
        ({"radius": [0.1, 0.2]}, "one for each of the 200 rows"),
        ({"radius": 0.1, "norm": 3}, "norm must be 1, 2, inf"),
        ({"radius": 0.1, "tolerances": [1.0]}, "one number for each of the 4 columns"),
    ],
)
def test_bad_arguments_of_bands(arguments, message):
    regressor, X = fitted()
    with pytest.raises(ValueError, match=message):
        regressor.certified_band(X, **arguments)


def test_bad_arguments_of_radii_and_overridden_predictions():
    regressor, X = fitted()
    for arguments in ({}, {"max_change": 1.0, "threshold": 0.0}):
        with pytest.raises(ValueError, match="needs max_change, or else threshold"):
            regressor.certified_radius(X, **arguments)
    with pytest.raises(ValueError, match="max_change must be 0 or more"):
        regressor.certified_radius(X, max_change=-1.0)

    class Doubled(LipschitzRegressor):
        def predict(self, X):
            return 2 * super().predict(X)

    doubled = Doubled(lipschitz=3.0, **SMALL).fit(*table())
    with pytest.raises(NotLipschitzError, match="defines 'predict' itself"):
        doubled.certified_band(X, 0.1)
