"""The parts of the speed benchmarks that are not clocks: the NumPy loop learns, exponents and figures are right."""

import importlib
import sys

import numpy as np
import pytest
from sklearn.datasets import make_moons

from sklip import HKRClassifier
from tests.helpers import REPOSITORY


@pytest.fixture(scope="module")
def benchmarks():
    """Import a script of the benchmarks, or of their peers, by name."""
    folders = [str(REPOSITORY / "benchmarks"), str(REPOSITORY / "benchmarks" / "peers")]
    sys.path[:0] = folders
    yield importlib.import_module
    for folder in folders:
        sys.path.remove(folder)


@pytest.fixture(scope="module")
def floor(benchmarks):
    return benchmarks("numpy_floor")


def slope_of(function, point, direction, step=1e-6):
    return (function(point + step * direction) - function(point - step * direction)) / (2 * step)


def test_two_newton_schulz_steps_are_two(floor, rng):
    kernel = np.linalg.qr(rng.standard_normal((12, 5)))[0] + 0.02 * rng.standard_normal((12, 5))
    expected = kernel
    for _ in range(2):
        expected = expected @ (1.5 * np.eye(5) - 0.5 * expected.T @ expected)
    np.testing.assert_allclose(floor.newton_schulz_twice(kernel.copy()), expected, atol=1e-12)


@pytest.mark.parametrize("size", [1.5, 3.0, 100.0])
def test_two_newton_schulz_steps_do_not_diverge_from_afar(floor, rng, size):
    kernel = size * np.linalg.qr(rng.standard_normal((12, 5)))[0] + rng.standard_normal((12, 5))
    values = np.linalg.svd(floor.newton_schulz_twice(kernel), compute_uv=False)
    assert values.max() <= 1 + 1e-9
    assert values.min() > 0


def test_the_gradients_of_the_floor_are_those_of_its_functions(floor, rng):
    units, weights, direction = rng.standard_normal((3, 7, 8))
    result, swapped = floor.group_sort_2(units)
    gradient = floor.group_sort_2_gradient(weights, swapped)
    np.testing.assert_allclose(np.sort(result), np.sort(units))
    expected = slope_of(lambda at: np.sum(weights * floor.group_sort_2(at)[0]), units, direction)
    assert np.sum(gradient * direction) == pytest.approx(expected, rel=1e-6)

    scores, signs = rng.standard_normal(9), np.where(np.arange(9) < 4, 1.0, -1.0)

    def loss(at):
        return -at[:4].mean() + at[4:].mean() + 10 * np.maximum(0, 0.3 - signs * at).mean()

    direction = rng.standard_normal(9)
    gradient = floor.hkr_gradient(scores, signs, 10, 0.3)
    assert gradient @ direction == pytest.approx(slope_of(loss, scores, direction), rel=1e-5)


def test_the_tangent_projection_of_the_floor_is_tangent_and_idempotent(floor, rng):
    kernel = np.linalg.qr(rng.standard_normal((12, 5)))[0]
    projected = floor.tangent_projection(kernel, rng.standard_normal((12, 5)))
    np.testing.assert_allclose(kernel.T @ projected + projected.T @ kernel, 0, atol=1e-6)
    np.testing.assert_allclose(floor.tangent_projection(kernel, projected), projected, atol=1e-6)


@pytest.mark.slow
def test_the_floor_learns_what_sklip_learns(floor):
    X, y = make_moons(2000, noise=0.05, random_state=0)
    settings = {"hidden_layer_sizes": (64, 32), "alpha": 10, "min_margin": 0.29, "batch_size": 100}
    settings["learning_rate"] = 0.01
    classifier = HKRClassifier(**settings, epochs=60, random_state=0).fit(X, y)
    trained = floor.Floor(X, y, **settings).train(60)
    assert trained.loss() == pytest.approx(classifier.loss_terms(X, y)["loss"], rel=0.02)
    for kernel in trained.weights[:-2:2]:
        np.testing.assert_allclose(np.linalg.svd(kernel, compute_uv=False), 1, atol=1e-5)
    with pytest.raises(ValueError, match="2000 rows do not divide into 3 batches"):
        floor.Floor(X, y, **{**settings, "batch_size": 700})


def test_an_exponent_is_the_power_of_the_growth(benchmarks):
    growth = benchmarks("bench_growth")
    sizes = np.array([10, 20, 40, 80])
    assert growth.exponent(sizes, 3.0 * sizes**1.7) == pytest.approx(1.7)
    # A constant flatters.
    assert growth.exponent(sizes, 3.0 * sizes**1.0 + 50.0) < 0.9
    assert growth.shape_of("depth", 4) == (2048, 64, (growth.DEPTH_WIDTH,) * 4, growth.AXES["depth"][1][3])


def test_the_figures_of_the_peers_are_those_of_sklip(benchmarks):
    workloads = benchmarks("workloads")
    moons = workloads.two_moons()
    labels = (moons.y > 0).astype(int)
    settings = {"alpha": workloads.ALPHA, "min_margin": moons.margin}
    classifier = HKRClassifier(hidden_layer_sizes=(8,), epochs=1, batch_size=500, random_state=0, **settings)
    classifier.fit(moons.X, labels)
    figures = moons.figures(classifier.decision_function(moons.X))
    assert figures["loss"] == pytest.approx(classifier.loss_terms(moons.X, labels)["loss"])
    assert figures["accuracy"] == pytest.approx(classifier.score(moons.X, labels))
    common = benchmarks("common")
    demo = {"hidden_layer_sizes": moons.widths, "min_margin": moons.margin, "learning_rate": moons.rate}
    assert {name: common.TWO_MOONS[name] for name in demo} == demo
    steps = -(-len(labels) // common.TWO_MOONS["batch_size"]) * common.TWO_MOONS["epochs"]
    assert len(moons.batches(np.random.default_rng(0))) * 10 == moons.steps * 10 == steps
