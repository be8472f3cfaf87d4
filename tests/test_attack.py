"""Attacks on classifiers: inside the certified radius, no prediction may change."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklip import HKRClassifier, LipschitzMLP
from sklip.attacks import attack
from sklip.attacks._geometry import lengths_above, strictly_inside
from sklip.auditing import estimator_target
from tests import helpers
from tests.helpers import ACTIVATIONS, amid, random_network, serving

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def _inside(rows, inputs, radii, scale=1.0, norm=2):
    rows, inputs = np.atleast_2d(np.float64(rows)), np.atleast_2d(np.float64(inputs))
    scale = np.broadcast_to(np.float64(scale), rows.shape[1:])
    return strictly_inside(rows, inputs, np.atleast_1d(np.float64(radii)), scale, norm)


def test_strictly_inside_is_exact_to_the_last_bit():
    x, ulp = [1.0, 0.0], 2.0**-52
    for radius, inside in [(0.25, False), (0.25 + ulp / 4, True), (0.25 - ulp / 8, False)]:
        for norm in (1, 2, np.inf):
            assert _inside(x, [1.25, 0.0], radius, norm=norm) == inside
    # 3-4-5, then a displacement that only adds below the last bit of the squares.
    assert not _inside([0.0, 0.0], [3.0, 4.0], 5.0)
    assert _inside([0.0, 0.0], [3.0, 4.0], np.nextafter(5.0, 6.0))
    assert not _inside([0.0, 0.0, 0.0], [3.0, 4.0, 1e-20], 5.0)
    assert not _inside([1e16], [1e16 + 2], 2.0)
    # L1: 1 + 1e-20, and L∞: only the largest counts.
    assert not _inside([0.0, 0.0], [1.0, 1e-20], 1.0, norm=1)
    assert _inside([0.0, 0.0], [1.0, 2.0**-53], 1.0 + ulp, norm=1)
    assert not _inside([0.0, 0.0], [1.0, 1.0], 1.0, norm=np.inf)
    assert _inside([0.0, 0.0], [1.0, 1.0], 1.0 + ulp, norm=np.inf)
    # A third is not a float64 number: fl(1/3) < 1/3.
    assert not _inside([0.0], [1.0], 1.0 / 3.0, scale=3.0)
    assert _inside([0.0], [1.0], np.nextafter(1.0 / 3.0, 1.0), scale=3.0)
    # Squares that underflow.
    assert not _inside([0.0, 0.0], [3e-200, 4e-200], 4.9e-200)
    assert _inside([0.0, 0.0], [3e-200, 4e-200], 5.1e-200)
    assert not _inside([0.0], [0.0], 0.0)
    assert _inside([0.0], [5e-324], np.inf)


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 6), exponent=st.integers(-60, 60))
def test_strictly_inside_agrees_with_an_independent_exact_test(seed, size, exponent):
    rng = np.random.default_rng(seed)
    rows, moves = rng.standard_normal((50, size)), rng.standard_normal((50, size)) * 2.0**exponent
    inputs = rows + moves
    radii = np.linalg.norm(inputs - rows, axis=1) * (1 + rng.integers(-3, 4, 50) * 2.0**-52)
    np.testing.assert_array_equal(_inside(rows, inputs, radii), helpers.strictly_inside(rows, inputs, radii))


@given(seed=st.integers(0, 2**32 - 1), norm=st.sampled_from([1, 2, np.inf]))
def test_lengths_above_are_above_the_exact_ones_and_close(seed, norm):
    rng = np.random.default_rng(seed)
    rows, inputs, scale = rng.standard_normal((20, 7)), rng.standard_normal((20, 7)), rng.uniform(0.1, 9, 7)
    above = lengths_above(rows, inputs, scale, norm)
    assert not _inside(rows, inputs, above * (1 - 1e-13), scale, norm).any()
    assert _inside(rows, inputs, np.nextafter(above, np.inf), scale, norm).all()


def _untrained(network, X):
    """A random network as a classifier, its boundary amid the rows."""
    return serving(amid(network, X))


def _attacked(classifier, X, *, stretch=1.0, norm=2, tolerances=None, **parameters):
    target = estimator_target(classifier, X, norm=norm, tolerances=tolerances)
    target = replace(target, radii=stretch * target.radii)
    return target, attack(target, **parameters)


@DTYPES
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("n_scores", [1, 4])
def test_random_networks_withstand_the_attack(rng, activation, n_scores, dtype):
    X = (2.0 * rng.standard_normal((100, 5))).astype(dtype)
    classifier = _untrained(random_network(rng, (5, 8, 12, n_scores), activation), X)
    for norm, scale in [(2, None), (1, None), (np.inf, [1.0, 2.0, 0.3, 1.0, 7.0])]:
        target, found = _attacked(classifier, X, norm=norm, tolerances=scale, restarts=1, n_steps=8)
        assert not found.inside.any()
        assert (found.distance >= target.radii).all()
        assert np.isfinite(found.distance).mean() > 0.7


@pytest.mark.parametrize("activation", ["groupsort2", "fullsort", "maxmin", "abs"])
@pytest.mark.parametrize("n_scores", [1, 4])
@pytest.mark.parametrize("effort", [{"restarts": 1, "n_steps": 3}, {}])
def test_the_attack_finds_certificates_that_are_wrong_by_a_billionth(rng, activation, n_scores, effort):
    """Square kernels and activations that only permute or negate: the first score is as steep as its bound."""
    X = 3.0 * rng.standard_normal((200, 6))
    classifier = _untrained(random_network(rng, (6, 6, 6, n_scores), activation), X)
    target, found = _attacked(classifier, X, stretch=1 + 1e-9, **effort)
    assert found.inside.sum() > 50
    np.testing.assert_array_equal(found.inside, found.distance <= target.radii)
    changed = found.inputs[found.inside]
    assert (classifier.predict(changed) != found.labels[found.inside]).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_every_input_is_one_that_the_columns_can_hold(rng, monkeypatch, dtype):
    X = (3.0 * rng.standard_normal((200, 6))).astype(dtype)
    classifier = _untrained(random_network(rng, (6, 6, 6, 1)), X)
    seen, predict = [], type(classifier).predict

    watched = serving(classifier.network_)
    monkeypatch.setattr(type(watched), "predict", lambda self, inputs: seen.append(inputs) or predict(self, inputs))
    _, found = _attacked(watched, X)
    assert {inputs.dtype for inputs in seen} == {np.dtype(dtype)}
    assert not found.inside.any()
    # Radii that are too long by some spacings of the dtype are seen to be.
    _, found = _attacked(watched, X, stretch=1 + 30 * np.finfo(dtype).eps)
    assert found.inside.sum() > 20


def _fitted(X, y, kind=HKRClassifier, **parameters):
    parameters = {"hidden_layer_sizes": (32, 16), "epochs": 12, "random_state": 0, "backend": "numpy", **parameters}
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
    target, found = _attacked(classifier, X.astype(dtype))
    assert not found.inside.any()
    assert (found.distance >= target.radii).all()
    assert np.isfinite(found.distance).all()
    assert (target.radii > 0).mean() > 0.95


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
    X = on_moons.closest_adversarial(moons[0])[0].astype(dtype)
    assert np.median(np.abs(on_moons.decision_function(X))) < 1e-6
    target, found = _attacked(on_moons, X)
    assert not found.inside.any()
    assert (found.distance >= target.radii).all()


@pytest.mark.slow
def test_the_attack_succeeds_on_most_rows_when_it_may_go_half_as_far_again(on_moons, moons):
    target, found = _attacked(on_moons, moons[0], stretch=1.5)
    assert found.inside.mean() > 0.6
    assert np.median(found.distance / target.radii) < 1.0
