"""Columns of tolerance 0: they are fixed, the network may depend on them, and certificates are about the others."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklip
from sklip import HKRClassifier, LipschitzMLP, WassersteinEstimator, audit
from sklip.exceptions import FixedColumnsWarning
from sklip.front_formulas import FIXED_BUDGET
from sklip.served import Dense

NORMS = [1, 2, np.inf]
TOLERANCES = np.array([0.5, 0.0, 1.0, 0.0, 2.0])
MOVABLE = TOLERANCES > 0
SMALL = {"hidden_layer_sizes": (16, 8), "epochs": 25, "random_state": 0, "backend": "numpy"}


def table(n_rows=400, seed=0):
    """Three numbers and two columns, in large and in small units, that decide how the first number counts."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, 5)) * [1.0, 1.0, 1.0, 1.0, 2.0]
    X[:, 1], X[:, 3] = 1000.0 * (rng.random(n_rows) < 0.5), 1e-3 * rng.integers(0, 3, n_rows)
    score = X[:, 0] * np.where(X[:, 1] > 0, 1.0, -1.0) + 800 * (X[:, 3] - 1e-3) + 0.3 * X[:, 2]
    return X, (score > 0).astype(int)


def fitted(norm=2, kind=HKRClassifier, **parameters):
    X, y = table()
    return kind(norm=norm, tolerances=TOLERANCES, **{**SMALL, **parameters}).fit(X, y), X, y


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", [HKRClassifier, LipschitzMLP])
@pytest.mark.parametrize("widths", [(16, 8), (2, 4)])
def test_the_constant_of_the_movable_columns_is_1_and_no_attack_succeeds(norm, kind, widths):
    classifier, X, y = fitted(norm, kind, hidden_layer_sizes=widths)
    assert classifier.lipschitz_bound_ <= 1.0 + 1e-9
    if widths[0] >= MOVABLE.sum() or norm == np.inf:
        assert classifier.lipschitz_bound_ == pytest.approx(1.0, abs=1e-9)
    assert classifier.score(X, y) > 0.75
    result = audit(classifier, X[:60], y[:60], random_state=0, verbose=False, restarts=2)
    assert not result.broken.any() and result.norm == norm
    np.testing.assert_array_equal(result.radius, classifier.certified_radius(X[:60]))


@pytest.mark.parametrize("norm", [2, np.inf])
def test_radii_are_close_to_an_attack_where_a_network_on_all_columns_has_loose_ones(norm):
    X, y = table()
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    of_all = HKRClassifier(norm=norm, **SMALL).fit(scaled, y)
    tolerances = MOVABLE.astype(float)
    of_movable = HKRClassifier(norm=norm, tolerances=tolerances, **SMALL).fit(scaled, y)
    tightness = [
        audit(model, scaled[:80], y[:80], norm=norm, tolerances=tolerances, random_state=0, verbose=False)
        .tightness_quantiles[0.5]
        for model in (of_all, of_movable)
    ]  # fmt: skip
    assert tightness[1] > 0.85 and tightness[1] > tightness[0] + 0.1
    assert of_movable.score(scaled, y) >= of_all.score(scaled, y) - 0.01


@pytest.mark.parametrize("norm", NORMS)
def test_the_kernel_of_the_fixed_columns_stays_within_its_budget(norm):
    classifier, X, _ = fitted(norm, alpha=1.0, epochs=40, learning_rate=0.1)
    fixed = classifier._state.weights[0 if norm == 2 else 1]
    assert fixed.shape == (2, 3)
    assert np.linalg.norm(fixed) == pytest.approx(FIXED_BUDGET, rel=1e-5)  # the first term of HKR wants more
    served = classifier.network_.operations[1]
    assert isinstance(served, Dense)
    spread = np.linalg.norm(served.kernel[~MOVABLE] * X[:, ~MOVABLE].std(axis=0)[:, None])
    assert spread <= FIXED_BUDGET * classifier.scale_ * (1 + 1e-6)


@pytest.mark.parametrize("norm", NORMS)
def test_units_and_places_of_fixed_columns_do_not_matter(norm):
    classifier, X, y = fitted(norm)
    units = np.where(MOVABLE, 1.0, 1024.0)
    other = clone(classifier).fit(X * units, y)
    np.testing.assert_allclose(other.decision_function(X * units), classifier.decision_function(X), rtol=1e-9)
    order = [1, 0, 3, 2, 4]
    moved = clone(classifier).set_params(tolerances=TOLERANCES[order]).fit(X[:, order], y)
    np.testing.assert_allclose(moved.decision_function(X[:, order]), classifier.decision_function(X), rtol=1e-4)


@pytest.mark.parametrize("norm", NORMS)
def test_counterfactuals_leave_fixed_columns_as_they_are(norm):
    classifier, X, _ = fitted(norm)
    found, distance = classifier.closest_adversarial(X[:40])
    reached = np.isfinite(distance)
    assert reached.mean() > 0.5
    np.testing.assert_array_equal(found[reached][:, ~MOVABLE], X[:40][reached][:, ~MOVABLE])
    assert np.isnan(found[~reached]).all()
    assert (classifier.predict(found[reached]) != classifier.predict(X[:40][reached])).all()
    lengths = np.linalg.norm((found - X[:40])[reached][:, MOVABLE] / TOLERANCES[MOVABLE], norm, axis=1)
    np.testing.assert_allclose(lengths, distance[reached], rtol=1e-9)
    assert (distance >= classifier.certified_radius(X[:40])).all()


def test_columns_that_a_mapping_does_not_name_are_fixed():
    X, y = table()
    frame = pd.DataFrame(X, columns=list("abcde"))
    by_name = HKRClassifier(tolerances={"a": 0.5, "c": 1.0, "e": 2.0}, **SMALL).fit(frame, y)
    np.testing.assert_array_equal(by_name.tolerances_, TOLERANCES)
    np.testing.assert_array_equal(by_name.certified_radius(frame), fitted()[0].certified_radius(X))
    assert sklip.certified_radius(by_name, frame).fixed_columns == ("b", "d")


def test_weights_of_fixed_columns_are_0():
    classifier, _, _ = fitted("inf")
    weights = classifier.feature_weights_
    np.testing.assert_array_equal(weights > 0, MOVABLE)
    assert np.sum(weights**2) == pytest.approx(1.0, rel=1e-9)


def test_training_goes_on_and_files_keep_the_units():
    classifier, X, y = fitted("inf")
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.certified_radius(X), classifier.certified_radius(X))
    again.partial_fit(X[:200], y[:200])
    classifier.partial_fit(X[:200], y[:200])
    np.testing.assert_array_equal(again.decision_function(X), classifier.decision_function(X))
    with pytest.raises(ValueError, match="need the norm, the tolerances"):
        again.set_params(tolerances=np.ones(5)).partial_fit(X, y)


def test_the_engines_agree():
    pytest.importorskip("keras")
    classifier, X, _ = fitted("inf", epochs=3)
    other, _, _ = fitted("inf", epochs=3, backend="keras")
    np.testing.assert_allclose(other.decision_function(X), classifier.decision_function(X), atol=1e-3)


def test_a_model_of_the_user_takes_the_movable_columns():
    keras = pytest.importorskip("keras")
    from sklip.layers import FrobeniusDense, SpectralDense

    shapes = []

    def build(input_shape, n_scores):
        shapes.append(input_shape)
        return keras.Sequential([keras.Input(input_shape), SpectralDense(8, "groupsort2"), FrobeniusDense(n_scores)])

    classifier, X, y = fitted(1, model=build, backend="keras", epochs=5)
    assert shapes == [(3,)] and classifier.lipschitz_bound_ == pytest.approx(1.0, abs=1e-6)
    assert not audit(classifier, X[:30], y[:30], random_state=0, verbose=False, restarts=1).broken.any()


# What has no answer ----------------------------------------------------------------------------


def test_distances_between_samples_need_all_columns():
    classifier, X, y = fitted()
    with pytest.raises(ValueError, match="was trained with fixed columns"):
        classifier.kr_distance(X, y)
    with pytest.raises(ValueError, match="'tolerances' are 0, or missing, for some columns"):
        WassersteinEstimator(tolerances=TOLERANCES, backend="numpy").fit(X, y)


@pytest.mark.parametrize("value", [1.0, 0.1, 1e9 / 3])  # the mean of the last two is rounded
def test_movable_columns_that_are_constant_are_refused(value):
    X, y = table(437)
    X[:, MOVABLE] = value
    with pytest.raises(ValueError, match="All rows of X are equal in the columns that may change"):
        HKRClassifier(tolerances=TOLERANCES, **SMALL).fit(X, y)


@pytest.mark.parametrize("value", [7.0, 0.1, 1e9 / 3])
def test_a_fixed_column_that_is_constant_does_no_harm(value):
    X, y = table(437)
    X[:, 1] = value
    classifier = HKRClassifier(tolerances=TOLERANCES, **SMALL).fit(X, y)
    assert classifier.lipschitz_bound_ == pytest.approx(1.0, abs=1e-9)
    without = np.delete(np.arange(5), 1)
    other = HKRClassifier(tolerances=TOLERANCES[without], **SMALL).fit(X[:, without], y)
    np.testing.assert_allclose(classifier.certified_radius(X), other.certified_radius(X[:, without]), rtol=1e-6)


def test_a_fixed_column_of_a_small_share_of_its_size_still_counts():
    X, y = table()
    near = X.copy()
    near[:, 1] = 1e17 + 256.0 * (X[:, 1] > 0)
    classifier = HKRClassifier(tolerances=TOLERANCES, **SMALL).fit(near, y)
    assert classifier.score(near, y) == pytest.approx(fitted()[0].score(X, y), abs=0.02)


# Questions that move fixed columns ---------------------------------------------------------------


def test_a_question_that_moves_a_fixed_column_is_answered_with_the_bound_of_the_whole_and_a_warning():
    classifier, X, y = fitted()
    every = np.where(MOVABLE, TOLERANCES, 1e-3)
    with pytest.warns(FixedColumnsWarning, match="fixed in the training") as caught:
        radii = sklip.certified_radius(classifier, X, tolerances=every)
    assert [warning.filename for warning in caught] == [__file__]
    assert radii.lipschitz_bound > 1.0 and (radii <= classifier.certified_radius(X)).all()
    with pytest.warns(FixedColumnsWarning):
        assert not audit(classifier, X[:40], y[:40], tolerances=every, random_state=0, verbose=False).broken.any()


def test_other_questions_do_not_warn(recwarn):
    classifier, X, _ = fitted()
    sklip.certified_radius(classifier, X, norm=1)
    sklip.certified_radius(classifier, X, tolerances=np.where(MOVABLE, 2.0, 0.0))
    assert not [warning for warning in recwarn if issubclass(warning.category, FixedColumnsWarning)]


def test_steps_carry_the_movement_to_fixed_columns():
    X, y = table()
    classifier = HKRClassifier(tolerances=MOVABLE.astype(float), **SMALL)
    pipeline = make_pipeline(StandardScaler(), classifier).fit(X, y)
    with pytest.warns(FixedColumnsWarning):
        sklip.certified_radius(pipeline, X)
    vote = VotingClassifier([("a", pipeline), ("b", HKRClassifier(**SMALL))]).fit(X, y)
    with pytest.warns(FixedColumnsWarning):
        sklip.certified_radius(vote, X)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FixedColumnsWarning)
        sklip.certified_radius(pipeline, X, tolerances=TOLERANCES)


def test_an_audit_says_that_fixed_columns_cost_radius_only_if_the_training_did_not_know_them():
    classifier, X, y = fitted()
    scaled = X / X.std(axis=0)
    of_all = HKRClassifier(**SMALL).fit(scaled, y)
    options = {"random_state": 0, "verbose": False, "restarts": 1}
    assert "held fixed" not in str(audit(classifier, X[:20], y[:20], **options))
    asked = audit(of_all, scaled[:20], y[:20], tolerances=MOVABLE.astype(float), **options)
    assert "2 of 5 columns are held fixed" in str(asked)
