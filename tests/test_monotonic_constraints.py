"""Scores that move with columns: proven from the weights, and tried on ordered pairs."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris

from sklip import HKRClassifier, LipschitzMLP, WassersteinEstimator, audit, certified_radius
from sklip.certification import certificate, distances_above, proven_directions, steepest_slopes
from sklip.served import Center, Dense, Relu, ServedNetwork, Tilted

NORMS = [1, 2, np.inf]
DIRECTIONS = np.array([1, 0, -1, 1, 0])
SMALL = {"hidden_layer_sizes": (16, 8), "epochs": 20, "random_state": 0, "backend": "numpy"}
TOLERANCES = {
    "none": None,
    "positive": np.array([0.5, 1.0, 2.0, 1.0, 0.1]),
    "with a fixed column": np.array([1.0, 1.0, 1.0, 0.0, 1.0]),
    "with fixed columns": np.array([0.0, 0.0, 0.5, 0.0, 1.0]),
}


def table(n_rows=400, seed=0):
    """Rows whose class mostly rises with the first column, and falls with the third."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, 5))
    score = X[:, 0] - np.tanh(2 * X[:, 2]) + np.maximum(X[:, 3], 0) + np.sin(2 * X[:, 1])
    return X, (score + 0.5 * rng.standard_normal(n_rows) > 0.4).astype(int)


def fitted(norm=2, kind=HKRClassifier, **parameters):
    X, y = table()
    return kind(norm=norm, **{"monotonic_cst": DIRECTIONS, **SMALL, **parameters}).fit(X, y), X, y


def falls(classifier, rows, moved):
    """How much scores fall from rows to moved rows, beyond what the rounding of both explains; at most 0 is right."""
    scores = classifier.decision_function(np.concatenate([rows, moved])).reshape(2, -1)
    proof, center = certificate(classifier.network_), classifier.network_.center
    errors = [proof.score_errors(distances_above(np.asarray(each, np.float64) - center)) for each in (rows, moved)]
    return scores[0] - scores[1] - errors[0] - errors[1]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", [HKRClassifier, LipschitzMLP])
@pytest.mark.parametrize("tolerances", TOLERANCES)
def test_scores_move_with_the_columns(norm, kind, tolerances):
    classifier, X, y = fitted(norm, kind, tolerances=TOLERANCES[tolerances])
    np.testing.assert_array_equal(proven_directions(classifier.network_), DIRECTIONS)
    assert (classifier.gradient(X) * DIRECTIONS).min() > -1e-12
    rng = np.random.default_rng(1)
    for size in (1e-12, 1e-3, 1.0, 100.0):
        moved = X + size * rng.random(X.shape) * DIRECTIONS
        assert falls(classifier, X, moved).max() <= 0
        assert falls(classifier, X.astype(np.float32), moved.astype(np.float32)).max() <= 0 or size < 1e-6
    assert classifier.score(X, y) > 0.7


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("tolerances", TOLERANCES)
@pytest.mark.parametrize("widths", [(16, 8), (2,), ()])
def test_the_constant_is_at_most_1_and_no_attack_succeeds(norm, tolerances, widths):
    classifier, X, y = fitted(norm, tolerances=TOLERANCES[tolerances], hidden_layer_sizes=widths)
    assert 0.1 < classifier.lipschitz_bound_ <= 1 + 1e-8
    result = audit(classifier, X[:50], y[:50], random_state=0, verbose=False, restarts=2, n_steps=10)
    assert not result.broken.any()
    asked = {1: 2, 2: np.inf, np.inf: 1}[norm]
    other = audit(classifier, X[:50], y[:50], norm=asked, tolerances=1.0, random_state=0, verbose=False, restarts=1)
    assert not other.broken.any()


@pytest.mark.parametrize("size", [1e-100, 1e100])
@pytest.mark.parametrize("norm", NORMS)
def test_radii_in_the_units_of_the_columns_where_tolerances_are_very_large_or_small(norm, size):
    X, y = table()
    classifier = HKRClassifier(norm=norm, tolerances=np.full(5, size), monotonic_cst=DIRECTIONS, **SMALL)
    classifier.set_params(hidden_layer_sizes=(2,)).fit(X, y)
    steepest = np.linalg.norm(classifier.gradient(X), axis=1).max()
    assert certified_radius(classifier, X, norm=2, tolerances=1.0).lipschitz_bound >= steepest


@pytest.mark.parametrize("widths", [(), (2,), (16, 8)])
def test_directions_stay_proven_where_other_processors_round_the_proof(widths):
    network = fitted(hidden_layer_sizes=widths)[0].network_
    tilted = network.operations[1]
    for share in (1 - 1e-12, 1 - 4e-12):  # of the reserve for rounding
        less = replace(tilted, slopes=tilted.slopes * share)
        rounded = ServedNetwork((network.operations[0], less, *network.operations[2:]))
        np.testing.assert_array_equal(proven_directions(rounded), DIRECTIONS)


@pytest.mark.parametrize("norm", [2, np.inf])
def test_all_columns_may_have_a_direction(norm):
    X, y = table()
    classifier = HKRClassifier(norm=norm, monotonic_cst=[1, 1, -1, 1, -1], **SMALL).fit(X, y)
    np.testing.assert_array_equal(proven_directions(classifier.network_), [1, 1, -1, 1, -1])
    assert classifier.lipschitz_bound_ <= 1 + 1e-8


def test_no_directions_change_nothing():
    X, y = table()
    plain = HKRClassifier(**SMALL).fit(X, y)
    zeros = HKRClassifier(monotonic_cst=np.zeros(5, int), **SMALL).fit(X, y)
    np.testing.assert_array_equal(plain.decision_function(X), zeros.decision_function(X))
    assert not proven_directions(plain.network_).any()


def test_directions_by_name():
    X, y = table()
    frame = pd.DataFrame(X, columns=list("abcde"))
    expected = fitted()[0].decision_function(X)
    for given in ({"a": 1, "c": -1, "d": 1}, pd.Series({"d": 1, "c": -1, "a": 1, "b": 0})):
        classifier = HKRClassifier(monotonic_cst=given, **SMALL).fit(frame, y)
        np.testing.assert_array_equal(classifier.decision_function(frame), expected)


def test_a_series_has_the_order_of_columns_that_have_no_names():
    classifier, X, _ = fitted(monotonic_cst=pd.Series(DIRECTIONS))
    np.testing.assert_array_equal(classifier.decision_function(X), fitted()[0].decision_function(X))


def test_weights_of_columns_bound_their_slopes():
    classifier, X, _ = fitted("inf")
    weights = classifier.feature_weights_
    assert (np.abs(classifier.gradient(X)) <= weights * (1 + 1e-9)).all()
    first = classifier.network_.operations[1]
    straight = steepest_slopes(first.steps)
    assert np.linalg.norm(straight) + np.abs(first.slopes).sum() == pytest.approx(1.0, rel=1e-9)


def test_files_exports_and_further_training():
    classifier, X, y = fitted()
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.certified_radius(X), classifier.certified_radius(X))
    again.partial_fit(X, y)
    np.testing.assert_array_equal(proven_directions(again.network_), DIRECTIONS)
    with pytest.raises(ValueError, match="the monotonic_cst of the last fit"):
        again.set_params(monotonic_cst=-DIRECTIONS).partial_fit(X, y)
    with pytest.raises(ValueError, match="it trained a network of"):
        again.set_params(monotonic_cst=DIRECTIONS, hidden_layer_sizes=(16, 4)).partial_fit(X, y)
    with pytest.raises(ValueError, match="features, hidden_layer_sizes and activation"):
        again.set_params(hidden_layer_sizes=(16, 8), activation="abs").partial_fit(X, y)


def test_a_potential_with_a_direction_still_bounds_the_distance():
    rng = np.random.default_rng(0)
    first = rng.standard_normal((100, 2))
    X, y = np.concatenate([first, first + np.array([3.0, 0.0])]), np.repeat([0, 1], 100)
    transport = WassersteinEstimator(hidden_layer_sizes=(16, 8), epochs=100, backend="numpy", random_state=0)
    free, rising = (clone(transport).set_params(monotonic_cst=given).fit(X, y) for given in (None, [1, 0]))
    np.testing.assert_array_equal(proven_directions(rising.network_), [1, 0])
    assert 2.2 < rising.distance_ <= 3.0 and 2.8 < free.distance_ <= 3.0


def test_a_network_that_falls_too_fast_proves_nothing():
    def network(slope, sign=1.0):
        tilted = Tilted((Dense(np.array([[-0.5], [0.2]]), np.zeros(1)),), np.array([slope, 0.0]))
        return ServedNetwork((Center(np.zeros(2)), tilted, Dense(np.array([[sign]]), np.zeros(1))))

    assert proven_directions(network(0.5 * (1 - 1e-10))).tolist() == [0, 0]
    assert proven_directions(network(0.5 * (1 + 1e-10))).tolist() == [1, 0]
    assert proven_directions(network(0.6, sign=-2.0)).tolist() == [-1, 0]
    assert proven_directions(network(0.6, sign=0.0)).tolist() == [0, 0]


def test_behind_an_activation_nothing_is_proven():
    tilted = Tilted((Relu(), Dense(np.full((2, 1), 0.5), np.zeros(1))), np.ones(2))
    network = ServedNetwork((Center(np.zeros(2)), tilted, Dense(np.ones((1, 1)), np.zeros(1))))
    with pytest.raises(TypeError, match="steepest_slopes needs a Dense or a Diagonal first; got Relu"):
        steepest_slopes(tilted.steps)
    assert proven_directions(network).tolist() == [0, 0]
    assert proven_directions(network.with_heads(Dense(np.ones((1, 2)), np.zeros(2)))).tolist() == [0, 0]


# Input that is refused, in the words of scikit-learn ---------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, 0], r"monotonic_cst has shape \(2,\) but the input data X has 5 features"),
        ([[1, 0, 0, 0, 0]], r"monotonic_cst has shape \(1, 5\)"),
        ([1, 0, 0, 0, 2], r"must be an array-like of -1, 0 or 1. Observed values: \[2\]"),
        ([1, 0, 0, 0, np.nan], "must be an array-like of -1, 0 or 1"),
        ({"a": 1}, "was not fitted on data with feature names"),
        ("up", "'monotonic_cst' parameter of HKRClassifier must be"),
    ],
)
def test_bad_directions_are_refused(given, message):
    X, y = table()
    with pytest.raises(ValueError, match=message):
        HKRClassifier(monotonic_cst=given, **SMALL).fit(X, y)


def test_bad_names_and_classes_and_images_are_refused():
    X, y = table()
    frame = pd.DataFrame(X, columns=list("abcde"))
    with pytest.raises(ValueError, match=r"contains 1 unexpected feature names: \['z'\]"):
        HKRClassifier(monotonic_cst={"z": 1}, **SMALL).fit(frame, y)
    with pytest.raises(ValueError, match=r"monotonic_cst\['a'\] must be either -1, 0 or 1. Got 2"):
        HKRClassifier(monotonic_cst={"a": 2}, **SMALL).fit(frame, y)
    flowers = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="monotonic constraints are not supported for multiclass classification"):
        HKRClassifier(monotonic_cst=[1, 0, 0, 0], **SMALL).fit(*flowers)
    HKRClassifier(monotonic_cst=[0, 0, 0, 0], **SMALL).fit(*flowers)
    pixels = np.random.default_rng(0).random((20, 4, 4, 1))
    with pytest.raises(ValueError, match="The 'monotonic_cst' parameter is for tables"):
        HKRClassifier(monotonic_cst=[1] * 16).fit(pixels, np.repeat([0, 1], 10))


def test_an_error_leaves_the_classifier_as_it_was():
    classifier, X, y = fitted()
    expected = classifier.decision_function(X)
    with pytest.raises(ValueError, match="monotonic_cst has shape"):
        classifier.set_params(monotonic_cst=[1]).fit(X, y)
    np.testing.assert_array_equal(classifier.decision_function(X), expected)
    assert certified_radius(classifier, X).norm == 2
