"""The proven lower bound of the Wasserstein-1 distance, and the estimator of it."""

import copy
import pickle
import warnings
from fractions import Fraction
from itertools import pairwise

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, linprog
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_moons
from sklearn.exceptions import NotFittedError

from sklip import WassersteinEstimator
from sklip.certification import lipschitz_bound, transport_bounds, wasserstein_lower_bound
from tests.estimator_fixtures import bits, fitted, fitted_mlp
from tests.helpers import altered, biases_of, kernels_of, network_of, random_kernel
from tests.processes import last_json, run_script


def exact_distance(first, second):
    """W1 of two samples of equally many equal masses, by assignment."""
    costs = cdist(first, second)
    return costs[linear_sum_assignment(costs)].mean()


def exact_weighted_distance(first, second, first_weights, second_weights):
    """W1 of two weighted samples, by linear programming."""
    n, m = len(first), len(second)
    marginals = np.concatenate([np.kron(np.eye(n), np.ones((1, m))), np.kron(np.ones((1, n)), np.eye(m))])
    masses = np.concatenate([first_weights / first_weights.sum(), second_weights / second_weights.sum()])
    return linprog(cdist(first, second).ravel(), A_eq=marginals[:-1], b_eq=masses[:-1]).fun


def random_network(rng, *widths, singular=1.0, center=None):
    """A network of random kernels whose singular values are ``singular``, with GroupSort2 in between."""
    kernels = [singular * random_kernel(rng, n, p) for n, p in pairwise(widths)]
    biases = [rng.standard_normal(p) for p in widths[1:]]
    center = np.zeros(widths[0]) if center is None else center
    return network_of(center, tuple(kernels), tuple(biases), ("groupsort2",) * (len(widths) - 2))


def bound_of(network, first, second, first_weights=None, second_weights=None):
    """The bound of the distance between two samples by a network of one score."""
    X = np.concatenate([first, second])
    positive = np.arange(len(X))[:, None] >= len(first)
    weights = [
        np.ones(len(rows)) if given is None else given
        for rows, given in ((first, first_weights), (second, second_weights))
    ]
    return transport_bounds(network, X, positive, np.concatenate(weights))[0]


IDENTITY = network_of(np.zeros(1), (np.ones((1, 1)),), (np.zeros(1),), ())

seeds = st.integers(0, 2**32 - 1)

# The bound ------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=40),
    st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=40),
    st.sampled_from([1.0, 1 / 3, 1e-30, 1e30]),
    st.randoms(use_true_random=False),
)
def test_it_is_below_the_exact_difference_of_means_by_little(first, second, unit, random):
    """Of the identity in one dimension, in rational arithmetic."""
    first, second = (np.array(sample, float)[:, None] * unit for sample in (first, second))
    weights = [np.array([random.uniform(1e-3, 1.0) for _ in sample]) for sample in (first, second)]
    largest = max(map(np.max, weights))
    weights = [sample / largest for sample in weights]
    means = [
        sum(Fraction(float(x)) * Fraction(float(w)) for x, w in zip(sample[:, 0], given, strict=True))
        / sum(Fraction(float(w)) for w in given)
        for sample, given in zip((first, second), weights, strict=True)
    ]
    apart = abs(means[0] - means[1])
    found = bound_of(IDENTITY, first, second, *weights)
    assert 0 <= Fraction(float(found)) <= apart
    size = max(np.abs(first).max(), np.abs(second).max())
    assert float(apart - Fraction(float(found))) <= 1e-13 * size


@given(seeds, st.integers(1, 30), st.integers(1, 30))
def test_in_one_dimension_it_is_never_above_the_closed_form(seed, n, m):
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((n, 1)), rng.uniform(0.5, 3.0) * rng.standard_normal((m, 1)) + rng.normal()
    first_weights, second_weights = rng.random(n) + 1e-3, rng.random(m) + 1e-3
    exact = wasserstein_distance(first[:, 0], second[:, 0], first_weights, second_weights)
    for network in (IDENTITY, random_network(rng, 1, 6, 4, 1)):
        assert bound_of(network, first, second, first_weights, second_weights) <= exact * (1 + 1e-12)


@given(seeds, st.integers(1, 12), st.integers(1, 4))
def test_it_is_never_above_the_best_assignment(seed, n, width):
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((n, width)), rng.standard_normal((n, width)) + rng.normal()
    network = random_network(rng, width, 8, 8, 1, center=first.mean(axis=0))
    assert bound_of(network, first, second) <= exact_distance(first, second) * (1 + 1e-12)


@given(seeds, st.integers(1, 8), st.integers(1, 8))
def test_with_weights_it_is_never_above_the_linear_program(seed, n, m):
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((n, 2)), rng.standard_normal((m, 2)) + np.array([1.0, 0.0])
    masses = rng.random(n) + 1e-3, rng.random(m) + 1e-3
    exact = exact_weighted_distance(first, second, *masses)
    along = network_of(np.zeros(2), (np.array([[1.0], [0.0]]),), (np.zeros(1),), ())
    for network in (along, random_network(rng, 2, 6, 1)):
        assert bound_of(network, first, second, *masses) <= exact * (1 + 1e-9)


@given(seeds, st.sampled_from([1e-3, 0.5, 2.0, 1e6]))
def test_a_network_that_is_not_1_lipschitz_gives_a_true_bound(seed, singular):
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((10, 3)), rng.standard_normal((10, 3)) + 1.0
    network = random_network(rng, 3, 6, 6, 1, singular=singular)
    found = bound_of(network, first, second)
    assert found <= exact_distance(first, second) * (1 + 1e-12)
    scores = network.scores(np.concatenate([first, second]))[:, 0]
    if singular > 1:  # without the division it would not be
        assert lipschitz_bound(network) == pytest.approx(singular**3)
    assert found == pytest.approx(
        abs(scores[10:].mean() - scores[:10].mean()) / singular**3, rel=1e-3
    )  # errors beside biases of 1


@given(seeds, st.floats(1e-6, 1e6))
def test_of_a_sample_and_its_translate_it_is_the_length_of_the_translation(seed, length):
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal(3)
    direction /= np.linalg.norm(direction)
    sample = rng.standard_normal((15, 3))
    along = network_of(np.zeros(3), (direction[:, None],), (np.zeros(1),), ())
    found = bound_of(along, sample, sample + length * direction)
    assert found == pytest.approx(length, abs=1e-13 * (10 + length))
    assert found <= exact_distance(sample, sample + length * direction) + 1e-13 * (10 + length)


@given(seeds, st.sampled_from([2.0**-300, 2.0**-20, 2.0**15, 2.0**300]))
def test_it_scales_with_the_data(seed, factor):
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((9, 2)), rng.standard_normal((9, 2)) + 2.0
    network = random_network(rng, 2, 4, 1)
    scaled = altered(network, biases=tuple(bias * factor for bias in biases_of(network)))
    expected = factor * bound_of(network, first, second)
    assert bound_of(scaled, first * factor, second * factor) == pytest.approx(expected, rel=1e-9, abs=1e-12 * factor)


@given(seeds)
def test_weights_are_repetitions_and_their_unit_is_free(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((9, 2)), rng.standard_normal((7, 2)) + 2.0
    network, repeats = random_network(rng, 2, 4, 1), (rng.integers(0, 4, 9), rng.integers(0, 4, 7))
    assume(all(counts.any() for counts in repeats))
    largest = max(counts.max() for counts in repeats)
    weighted = bound_of(network, first, second, *(counts / largest for counts in repeats))
    repeated = bound_of(network, np.repeat(first, repeats[0], axis=0), np.repeat(second, repeats[1], axis=0))
    assert weighted == pytest.approx(repeated, abs=1e-12)
    other = bound_of(network, first, second, repeats[0] / largest, 1e-3 * repeats[1] / largest)
    assert other == pytest.approx(weighted, abs=1e-12)


@given(seeds)
def test_swapped_samples_have_the_same_distance(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((9, 2)), rng.standard_normal((7, 2)) + 2.0
    network = random_network(rng, 2, 4, 1)
    assert bound_of(network, first, second) == bound_of(network, second, first)


@given(seeds, st.integers(0, 20))
def test_errors_of_the_scores_are_taken_off(seed, exponent):
    rng = np.random.default_rng(seed)
    exact, error = rng.standard_normal(20), 10.0**-exponent
    second = np.arange(20) >= 10
    exact[second] += 3.0
    computed = exact + error * np.where(second, 1.0, -1.0)  # the worst case
    found = wasserstein_lower_bound(computed, np.full(20, error), second, np.ones(20), 1.0)
    assert found <= max(0.0, exact[second].mean() - exact[~second].mean()) + 1e-14
    assert found == pytest.approx(max(0.0, computed[second].mean() - computed[~second].mean() - 2 * error), abs=1e-13)


def test_cancellation_beside_a_large_offset_does_not_pass_for_distance():
    """Two samples that are one, in another order: the computed means differ, the distance is 0."""
    rng = np.random.default_rng(0)
    for size in (1e3, 1e8, 1e15):
        sample = size + rng.standard_normal((1000, 1))
        assert bound_of(IDENTITY, sample, rng.permutation(sample)) == 0.0


def test_what_overflows_proves_nothing():
    huge = np.array([[-1e308], [1e308]])
    assert bound_of(IDENTITY, huge[:1], huge[1:]) <= 2e308
    wide = network_of(np.zeros(1), (np.full((1, 1), 1e300),), (np.zeros(1),), ())
    assert bound_of(wide, huge[:1], huge[1:]) == 0.0
    nothing = wasserstein_lower_bound(np.array([0.0, 1.0]), np.zeros(2), np.array([False, True]), np.ones(2), np.inf)
    assert nothing == 0.0


def test_a_sample_of_vanishing_weight_proves_nothing():
    scores, second = np.array([0.0, 5.0]), np.array([False, True])
    for weight, expected in ((1e-300, 0.0), (1e-250, 5.0)):
        found = wasserstein_lower_bound(scores, np.zeros(2), second, np.array([1.0, weight]), 1.0)
        assert found == pytest.approx(expected)


def test_an_empty_sample_is_refused():
    scores, second = np.arange(3.0), np.array([False, True, True])
    for weights in (np.array([0.0, 1.0, 1.0]), np.array([1.0, 0.0, 0.0])):
        with pytest.raises(ValueError, match="positive weight in both samples"):
            wasserstein_lower_bound(scores, np.zeros(3), second, weights, 1.0)


# kr_distance -----------------------------------------------------------------------------------


@pytest.mark.parametrize("of", [fitted, fitted_mlp])
def test_two_classes_have_one_distance_below_the_exact_one(of):
    model, X, y = of()
    found = model.kr_distance(X, y)
    scores = model.decision_function(X)
    assert isinstance(found, float)
    assert found == pytest.approx(abs(scores[y == 1].mean() - scores[y == 0].mean()), rel=1e-9)
    assert 0 < found <= exact_distance(X[y == 1], X[y == 0])
    assert model.kr_distance(X, 1 - y) == found


@pytest.mark.parametrize("of", [fitted, fitted_mlp])
def test_every_class_has_its_distance_from_the_others(of):
    model, X, y = of("multiclass")
    found = model.kr_distance(X, y)
    assert found.shape == (3,)
    scores = model.decision_function(X)
    for label in range(3):
        own = y == label
        assert found[label] == pytest.approx(abs(scores[own, label].mean() - scores[~own, label].mean()), rel=1e-9)
        exact = exact_weighted_distance(X[own], X[~own], np.ones(own.sum()), np.ones((~own).sum()))
        assert 0 < found[label] <= exact
    kept = y != 1
    without = model.kr_distance(X, y, sample_weight=kept)
    assert np.isnan(without).tolist() == [False, True, False]
    np.testing.assert_allclose(without, model.kr_distance(X[kept], y[kept]), rtol=1e-12)


def test_weights_of_rows_are_repetitions():
    model, X, y = fitted()
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    repeated = model.kr_distance(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert model.kr_distance(X, y, sample_weight=weight) == pytest.approx(repeated, rel=1e-12)
    assert model.kr_distance(X, y, sample_weight=7 * weight) == pytest.approx(repeated, rel=1e-12)
    assert model.kr_distance(X, y) != pytest.approx(repeated, rel=1e-6)


def test_float32_rows_are_what_they_are_in_float64():
    model, X, y = fitted()
    assert model.kr_distance(X.astype(np.float32), y) == model.kr_distance(X.astype(np.float32).astype(float), y)


def test_a_network_tampered_with_still_tells_the_truth():
    model, X, y = fitted()
    tampered = copy.deepcopy(model)
    first, *rest = kernels_of(tampered.network_)
    tampered.network_ = altered(tampered.network_, kernels=(1000.0 * first, *rest))
    scores = tampered.decision_function(X)
    exact = exact_distance(X[y == 1], X[y == 0])
    assert abs(scores[y == 1].mean() - scores[y == 0].mean()) > exact
    assert 0 < tampered.kr_distance(X, y) <= exact


@pytest.mark.parametrize(
    ("labels", "weights", "message"),
    [
        (lambda y: 0 * y, None, r"at least two labels in y; got only \[0\]"),
        (lambda y: y, lambda y: y, r"at least two labels in y; got only \[1\]"),
        (lambda y: y + 1, None, r"not among the classes \[0, 1\]: \[2\]\. Leave their rows out\.$"),
        (lambda y: y[:-1], None, "one label for each row"),
        (lambda y: y, lambda y: -1.0 * y, "sample_weight"),
    ],
)
def test_rows_that_have_no_distance_are_refused(labels, weights, message):
    model, X, y = fitted()
    with pytest.raises(ValueError, match=message):
        model.kr_distance(X, labels(y), None if weights is None else weights(y))


ORIGIN = np.array([10.0, -20.0])

# The estimator ---------------------------------------------------------------------------------


def small(**parameters):
    """An estimator that fits in about a second."""
    return WassersteinEstimator(
        **{"hidden_layer_sizes": (16, 8), "epochs": 60, "learning_rate": 0.02, "random_state": 0, **parameters}
    )


@pytest.fixture(scope="module")
def rows():
    """Two samples by name, far from the origin."""
    X, y = make_moons(120, noise=0.05, random_state=0)
    return X + ORIGIN, np.array(["lower", "upper"])[1 - y]


@pytest.fixture(scope="module")
def estimator(rows):
    return small().fit(*rows)


def test_the_distance_is_near_the_exact_one_and_below_it(estimator, rows):
    X, y = rows
    exact = exact_distance(X[y == "lower"], X[y == "upper"])
    assert 0.97 * exact < estimator.distance_ <= exact
    assert estimator.distance(X, y) == estimator.distance_
    assert estimator.lipschitz_bound_ == pytest.approx(1.0, abs=1e-9)
    assert isinstance(estimator.distance_, float) and len(estimator.history_["kr"]) == estimator.n_iter_ == 60


def test_the_potential_is_1_lipschitz_and_balanced(estimator, rows):
    X, y = rows
    potential = estimator.potential(X)
    assert estimator.classes_.tolist() == ["lower", "upper"]
    means = [potential[y == name].mean() for name in estimator.classes_]
    assert means == pytest.approx([-estimator.distance_ / 2, estimator.distance_ / 2], rel=1e-9)
    points = np.random.default_rng(0).uniform(X.min(axis=0) - 1, X.max(axis=0) + 1, (300, 2))
    points = np.concatenate([points, points + 1e-6])
    values = estimator.potential(points)
    assert (np.abs(values[:, None] - values) <= cdist(points, points) + 1e-11).all()


def test_potential_and_distance_of_other_rows(estimator):
    X, y = make_moons(100, noise=0.05, random_state=7)
    X, y = X + ORIGIN, np.array(["lower", "upper"])[1 - y]
    exact = exact_distance(X[y == "lower"], X[y == "upper"])
    assert 0.9 * exact < estimator.distance(X, y) <= exact
    shifted = np.concatenate([X, X + np.array([0.3, 0.4])])
    assert estimator.distance(shifted, np.repeat(["lower", "upper"], 100)) <= 0.5


def test_one_row_each_and_swapped_names(rows):
    X = np.array([[0.0, 0.0], [3.0, 4.0]])
    one_way, other_way = (small().fit(X, names).distance_ for names in ([0, 1], [1, 0]))
    assert 4.99 < one_way <= 5.0 and 4.99 < other_way <= 5.0


def test_samples_of_unlike_sizes_and_weights(rows):
    X, y = rows
    kept = (y == "lower") | (np.arange(len(X)) % 10 == 0)
    X, y = X[kept], y[kept]
    weights = np.where(y == "lower", 1.0, 50.0) * np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    found = small(epochs=150).fit(X, y, weights).distance_
    lower = y == "lower"
    exact = exact_weighted_distance(X[lower], X[~lower], weights[lower], weights[~lower])
    assert 0.95 * exact < found <= exact


def test_a_weight_of_zero_is_removal(rows):
    X, y = rows
    weights = np.ones(len(X))
    weights[::3] = 0
    weighted, removed = small().fit(X, y, weights), small().fit(X[weights > 0], y[weights > 0])
    assert weighted.distance_ == removed.distance_
    assert bits(weighted.potential(X)) == bits(removed.potential(X))
    names = y.copy()
    names[::3] = "third"  # who weighs nothing is no sample
    assert bits(small().fit(X, names, weights).potential(X)) == bits(removed.potential(X))


@pytest.mark.parametrize("names", [["same"] * 4, ["a", "b", "c", "c"], [0.5, 1.5, 2.5, 3.5], None])
def test_y_must_name_two_samples(names):
    X = np.arange(8.0).reshape(4, 2)
    model = small()
    with pytest.raises(ValueError, match=r"compares two samples|Unknown label type|requires y to be passed"):
        model.fit(X, names)
    assert vars(model) == vars(small())


@pytest.mark.parametrize(
    "parameters",
    [
        {"epochs": 0},
        {"hidden_layer_sizes": (3,)},
        {"activation": "tanh"},
        {"optimizer": "adamant"},
        {"learning_rate": -1.0},
        {"batch_size": 0.5},
    ],
)
def test_parameters_that_cannot_be_used_are_named(rows, parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        small(**parameters).fit(*rows)


def test_before_fit_there_is_nothing(rows):
    model = small()
    for call in (model.potential, lambda X: model.distance(X, rows[1]), lambda X: model.lipschitz_bound_):
        with pytest.raises(NotFittedError):
            call(rows[0])


def test_a_failed_fit_leaves_the_estimator_as_it_was(estimator, rows):
    model = copy.deepcopy(estimator)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full((2, 3), np.nan), [0, 1])
    assert model.n_features_in_ == 2 and model.distance_ == estimator.distance_


def test_clones_frames_and_parameters(estimator, rows):
    X, y = rows
    assert not is_classifier(estimator)
    copied = clone(estimator).set_params(epochs=60)
    assert copied.get_params() == estimator.get_params() and not hasattr(copied, "network_")
    frame = pd.DataFrame(X, columns=["east", "north"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        copied.fit(frame, pd.Series(y))
    assert copied.feature_names_in_.tolist() == ["east", "north"]
    assert copied.distance_ == estimator.distance_
    assert bits(copied.potential(frame)) == bits(estimator.potential(X))
    with pytest.raises(ValueError, match="feature names"):
        copied.potential(frame[["north", "east"]])


SERVE = """
import json, sys
import joblib
import numpy as np

model, X, y = joblib.load(sys.argv[1])
np.savez(sys.argv[2], potential=model.potential(X), distances=[model.distance(X, y), model.distance_])
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def test_it_is_pickled_and_served_without_tensorflow(estimator, rows, tmp_path):
    X, y = rows
    loaded = pickle.loads(pickle.dumps(estimator))
    assert bits(loaded.potential(X)) == bits(estimator.potential(X))
    joblib.dump((estimator, X, y), tmp_path / "estimator.joblib")
    modules = set(last_json(run_script(SERVE, tmp_path / "estimator.joblib", tmp_path / "served.npz")))
    assert "sklip" in modules and not modules & {"tensorflow", "keras", "scikeras", "matplotlib"}
    with np.load(tmp_path / "served.npz") as served:
        assert bits(served["potential"]) == bits(estimator.potential(X))
        assert served["distances"].tolist() == [estimator.distance_] * 2


def test_its_network_is_exported_to_keras(estimator, rows):
    scores = np.asarray(estimator.to_keras()(rows[0]))[:, 0]
    expected = estimator.potential(rows[0]) * estimator.lipschitz_bound_
    np.testing.assert_allclose(scores, expected, atol=1e-5 * estimator.scale_)


def test_rows_of_a_mapped_file_train_the_same_potential(estimator, rows, tmp_path):
    X, y = rows
    np.save(tmp_path / "rows.npy", X)
    mapped = small().fit(np.load(tmp_path / "rows.npy", mmap_mode="r"), y)
    assert bits(mapped.potential(X)) == bits(estimator.potential(X))
    assert mapped.distance_ == estimator.distance_


def test_units_of_the_training_are_those_of_all_rows_and_no_optimizer_is_kept(estimator, rows):
    np.testing.assert_allclose(estimator.center_, rows[0].mean(axis=0), rtol=1e-12)
    assert estimator.scale_ == pytest.approx(np.sqrt(np.mean(np.sum((rows[0] - estimator.center_) ** 2, axis=1))))
    assert not hasattr(estimator, "_state")
    assert len(pickle.dumps(estimator)) < 2 * len(pickle.dumps(estimator.network_))


def test_distances_far_apart_from_the_unit_of_the_data(rows):
    X, y = rows
    here = small(epochs=10).fit(X, y).distance_
    for factor in (1e-12, 1e12):
        found = small(epochs=10).fit(X * factor, y).distance_
        assert found == pytest.approx(factor * here, rel=1e-3)
        assert found <= exact_distance(X[y == "lower"] * factor, X[y == "upper"] * factor)


def test_a_potential_that_overflows_is_refused(estimator):
    *hidden, heads = kernels_of(estimator.network_)
    steep = copy.copy(estimator)
    steep.network_ = altered(estimator.network_, kernels=(*hidden, 1e9 * heads))
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"so large that the potential overflows"):
        steep.potential(np.full((1, 2), 1e307))


@pytest.mark.slow
def test_the_defaults_come_close_on_two_gaussians():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((500, 2)), rng.standard_normal((500, 2)) + np.array([2.0, 1.0])
    X, y = np.concatenate([first, second]), np.repeat([0, 1], 500)
    ratio = WassersteinEstimator(random_state=0).fit(X, y).distance_ / exact_distance(first, second)
    assert 0.995 <= ratio <= 1.0
