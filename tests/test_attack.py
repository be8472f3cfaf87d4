"""Attacks on fitted classifiers: inside the certified radius, no prediction may change."""

from dataclasses import replace

import numpy as np
import pytest

from sklip import HKRClassifier, LipschitzMLP
from sklip.certification import certified_radius
from tests.helpers import ACTIVATIONS, attack_within_radius, input_gradients, random_network, strictly_inside

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_gradients_of_the_attack_equal_finite_differences(rng, activation):
    network, step = random_network(rng, (5, 8, 12, 3), activation), 1e-6
    X, cotangents = rng.standard_normal((4, 5)), rng.standard_normal((4, 3))
    gradients = input_gradients(network, X, cotangents)
    for feature in range(5):
        shift = step * np.eye(5)[feature]
        difference = np.sum(cotangents * (network.scores(X + shift) - network.scores(X - shift)), axis=1) / (2 * step)
        np.testing.assert_allclose(gradients[:, feature], difference, atol=1e-8)


def test_strictly_inside_is_exact_to_the_last_bit():
    x, ulp = np.array([[1.0, 0.0]]), 2.0**-52
    for radius, inside in [(0.25, False), (0.25 + ulp / 4, True), (0.25 - ulp / 8, False)]:
        assert strictly_inside(x, np.array([[1.25, 0.0]]), np.array([radius])) == inside
    # 3-4-5, then a displacement that only adds below the last bit of the squares.
    assert not strictly_inside(np.zeros((1, 2)), np.array([[3.0, 4.0]]), np.array([5.0]))
    assert strictly_inside(np.zeros((1, 2)), np.array([[3.0, 4.0]]), np.array([np.nextafter(5.0, 6.0)]))
    assert not strictly_inside(np.zeros((1, 3)), np.array([[3.0, 4.0, 1e-20]]), np.array([5.0]))
    assert not strictly_inside(np.array([[1e16]]), np.array([[1e16 + 2]]), np.array([2.0]))


class _Untrained:
    """A random network as a classifier, its boundary amid the rows."""

    def __init__(self, network, X):
        *biases, last = network.biases
        self.network_ = replace(network, biases=(*biases, last - np.median(network.scores(X), axis=0)))
        self.classes_ = np.arange(max(2, len(network.biases[-1])))

    def predict(self, X):
        scores = self.network_.scores(np.float64(X))
        return (scores[:, 0] > 0).astype(int) if scores.shape[1] == 1 else scores.argmax(axis=1)

    def certified_radius(self, X):
        return certified_radius(self.network_, np.float64(X))


@DTYPES
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("n_scores", [1, 4])
def test_random_networks_withstand_the_attack(rng, activation, n_scores, dtype):
    X = 2.0 * rng.standard_normal((100, 5))
    changed, nearest = attack_within_radius(
        _Untrained(random_network(rng, (5, 8, 12, n_scores), activation), X), X, dtype, restarts=1
    )
    assert changed == 0
    assert np.isfinite(nearest).any()


@pytest.mark.parametrize("activation", ["groupsort2", "fullsort", "maxmin", "abs"])
@pytest.mark.parametrize("n_scores", [1, 4])
def test_the_attack_finds_certificates_that_are_wrong_by_a_billionth(rng, activation, n_scores):
    """Square kernels and activations that only permute or negate: the first score is as steep as its bound."""
    X = 3.0 * rng.standard_normal((200, 6))
    classifier = _Untrained(random_network(rng, (6, 6, 6, n_scores), activation), X)
    changed, nearest = attack_within_radius(classifier, X, stretch=1 + 1e-9)
    assert changed > 50
    assert changed == (nearest < (1 + 1e-9) * classifier.certified_radius(X)).sum()


def _fitted(X, y, kind=HKRClassifier, **parameters):
    parameters = {"hidden_layer_sizes": (32, 16), "epochs": 12, "random_state": 0, **parameters}
    return kind(**parameters).fit(X, y)


@pytest.fixture(scope="module")
def on_moons(moons):
    return _fitted(*moons)


@pytest.fixture(scope="module")
def on_digits(digits):
    return _fitted(*digits, hidden_layer_sizes=(64, 32), activation="fullsort", batch_size=128)


@pytest.fixture(scope="module")
def on_breast_cancer(breast_cancer):
    return _fitted(*breast_cancer, activation="maxmin")


def _assert_withstands(classifier, X, dtype):
    changed, nearest = attack_within_radius(classifier, X, dtype)
    radii = classifier.certified_radius(X.astype(dtype))
    assert changed == 0
    assert (nearest >= radii).all()
    assert (radii > 0).mean() > 0.95


@pytest.mark.slow
@DTYPES
def test_two_moons_withstand_the_attack(on_moons, moons, dtype):
    _assert_withstands(on_moons, moons[0], dtype)


@pytest.mark.slow
@DTYPES
def test_digits_withstand_the_attack(on_digits, digits, dtype):
    _assert_withstands(on_digits, digits[0][:500], dtype)


@pytest.mark.slow
@DTYPES
def test_breast_cancer_withstands_the_attack(on_breast_cancer, breast_cancer, dtype):
    _assert_withstands(on_breast_cancer, breast_cancer[0][:500], dtype)


@pytest.fixture(scope="module", params=["moons", "digits"])
def by_cross_entropy(request):
    """A LipschitzMLP of two or of ten classes, and rows."""
    X, y = request.getfixturevalue(request.param)
    parameters = {"moons": {}, "digits": {"hidden_layer_sizes": (64, 32), "batch_size": 128}}[request.param]
    return _fitted(X, y, LipschitzMLP, loss="cross_entropy", **parameters), X[:500]


@pytest.mark.slow
@DTYPES
def test_networks_trained_by_cross_entropy_withstand_the_attack(by_cross_entropy, dtype):
    _assert_withstands(*by_cross_entropy, dtype)


@pytest.mark.slow
@DTYPES
def test_rows_at_the_boundary_withstand_the_attack(on_moons, moons, dtype):
    """Rows moved next to the boundary, where the radius is of the size of rounding."""
    network, X = on_moons.network_, np.float64(moons[0])
    for _ in range(30):
        slopes = input_gradients(network, X, np.ones((len(X), 1)))
        X = X - network.scores(X) * slopes / np.maximum(np.sum(slopes**2, axis=1, keepdims=True), 0.1)
    X = X.astype(dtype)
    assert np.median(np.abs(on_moons.decision_function(X))) < 1e-6
    changed, nearest = attack_within_radius(on_moons, X, dtype)
    assert changed == 0
    assert (nearest >= on_moons.certified_radius(X)).all()


@pytest.mark.slow
def test_the_attack_succeeds_on_most_rows_when_it_may_go_half_as_far_again(on_moons, moons):
    X = moons[0]
    changed, nearest = attack_within_radius(on_moons, X, stretch=1.5)
    assert changed > 0.6 * len(X)
    assert np.median(nearest / on_moons.certified_radius(X)) < 1.5
