import numpy as np
import pytest

from sklip.attacks import closest_adversarial
from sklip.certification import Question, certified_radius
from tests import estimator_fixtures as fixtures
from tests.helpers import ACTIVATIONS, altered, biases_of, network_of, random_network


def _codes(scores):
    return (scores[:, 0] > 0).astype(int) if scores.shape[1] == 1 else scores.argmax(axis=1)


def _amid(network, X):
    """The network with its boundary amid the rows."""
    *biases, last = biases_of(network)
    return altered(network, biases=(*biases, last - np.median(network.scores(X), axis=0)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("n_scores", [1, 4])
def test_points_lie_across_the_boundary_and_outside_the_radius(rng, activation, n_scores):
    X = 2.0 * rng.standard_normal((150, 5))
    network = _amid(random_network(rng, (5, 8, 12, n_scores), activation), X)
    adversarial, distance = closest_adversarial(network, X)
    found = np.isfinite(distance)
    assert found.mean() > 0.9
    own = _codes(network.scores(X))
    for points in (adversarial[found], *np.split(adversarial[found], [1, 7])):  # in batches of any size
        which = [np.flatnonzero((adversarial == point).all(axis=1))[0] for point in points]
        assert (_codes(network.scores(points)) != own[which]).all()
    # Not by a hair: their own predictions are certified, if barely.
    assert (certified_radius(network, adversarial[found]) > 0).all()
    assert (distance >= certified_radius(network, X)).all()
    exact = np.linalg.norm(np.longdouble(adversarial[found]) - np.longdouble(X[found]), axis=1)
    assert (distance[found] >= exact).all()
    np.testing.assert_allclose(distance[found], np.float64(exact), rtol=1e-14)
    assert np.isnan(adversarial[~found]).all()


@pytest.mark.parametrize("norm", [1, 2, np.inf])
@pytest.mark.parametrize("n_scores", [1, 3, 40])
def test_of_linear_networks_it_is_the_projection_on_the_boundary(rng, n_scores, norm):
    w, b = rng.standard_normal((6, n_scores)), rng.standard_normal(n_scores)
    network = network_of(np.zeros(6), (w,), (b,), ())
    X = 3.0 * rng.standard_normal((200, 6))
    scores, every, dual = network.scores(X), np.arange(200), {1: np.inf, 2: 2, np.inf: 1}[norm]
    if n_scores == 1:
        margins = np.abs(scores[:, 0]) / np.linalg.norm(w[:, 0], ord=dual)
    else:
        own = scores.argmax(axis=1)
        norms = np.linalg.norm(w[:, :, None] - w[:, None, :], ord=dual, axis=0) + np.eye(n_scores)
        margins = (scores[every, own, None] - scores) / norms[own]
        margins[every, own] = np.inf
        # With three classes the nearest boundary of two classes is that of the class region.
        margins = margins.min(axis=1)
    adversarial, distance = closest_adversarial(network, X, Question(norm))
    np.testing.assert_allclose(distance, margins, rtol=1e-9)
    highest = np.sort(network.scores(adversarial), axis=1)[:, -2:] if n_scores > 1 else np.zeros((200, 2))
    np.testing.assert_allclose(highest[:, 0], highest[:, 1], atol=1e-9)


@pytest.mark.parametrize("name", ["groupsort2", "fullsort"])
def test_it_is_the_nearest_point_of_the_plane_to_within_a_percent(rng, name):
    """Against rays in all directions."""
    X = 2.0 * rng.standard_normal((40, 2))
    network = _amid(random_network(rng, (2, 8, 8, 1), name), X)
    _, distance = closest_adversarial(network, X)
    own = _codes(network.scores(X))
    angles = np.linspace(0, 2 * np.pi, 721)
    rays = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    shares, nearest = np.linspace(0.5, 1.0, 51), []
    for row, code, size in zip(X, own, np.where(np.isfinite(distance), distance, 20.0), strict=True):
        inputs = row + size * shares[:, None, None] * rays
        changed = (_codes(network.scores(inputs.reshape(-1, 2))) != code).reshape(51, -1).any(axis=1)
        nearest.append(shares[changed.argmax()] if changed.any() else 1.0)
    assert np.isfinite(distance).all()
    assert np.mean(np.array(nearest) > 0.985) > 0.9


def test_rows_at_the_boundary_and_far_away(rng):
    X = rng.standard_normal((60, 4))
    network = _amid(random_network(rng, (4, 8, 8, 1)), X)
    adversarial, distance = closest_adversarial(network, X)
    _, again = closest_adversarial(network, adversarial)
    assert np.isfinite(again).all()
    assert np.median(again) < 1e-11
    far = X * 1e15
    adversarial, distance = closest_adversarial(network, far)
    found = np.isfinite(distance)
    assert (distance >= certified_radius(network, far)).all()
    assert (_codes(network.scores(adversarial[found])) != _codes(network.scores(far))[found]).all()


def test_a_constant_classifier_has_none(rng):
    network = network_of(np.zeros(3), (np.zeros((3, 1)),), (np.ones(1),), ())
    adversarial, distance = closest_adversarial(network, rng.standard_normal((5, 3)))
    assert np.isnan(adversarial).all()
    assert np.isinf(distance).all()


def test_results_do_not_depend_on_blocks_but_for_rounding(rng):
    X = rng.standard_normal((2100, 3))
    network = _amid(random_network(rng, (3, 8, 1)), X)
    _, distance = closest_adversarial(network, X)
    _, last = closest_adversarial(network, X[2048:])
    np.testing.assert_allclose(distance[2048:], last, rtol=1e-6)


@pytest.mark.parametrize("fitted", [fixtures.fitted, fixtures.fitted_mlp])
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_the_method_brackets_the_margin(fitted, kind):
    classifier, X, _ = fitted(kind)
    adversarial, distance = classifier.closest_adversarial(X.astype(np.float32))
    assert adversarial.shape == X.shape
    assert adversarial.dtype == distance.dtype == np.float64
    assert np.isfinite(distance).all()
    assert (classifier.predict(adversarial) != classifier.predict(X.astype(np.float32))).all()
    radius = classifier.certified_radius(X.astype(np.float32))
    assert (distance >= radius).all()
    assert np.median(radius / distance) > 0.3  # three epochs of training
    one, distance_of_one = classifier.closest_adversarial(X[:1])
    assert classifier.predict(one) != classifier.predict(X[:1])
    np.testing.assert_array_equal(classifier.closest_adversarial(X[:1])[1], distance_of_one)


def test_the_method_refuses_what_predict_refuses():
    classifier, X, _ = fixtures.fitted("binary")
    with pytest.raises(ValueError, match="NaN"):
        classifier.closest_adversarial(np.full_like(X, np.nan))
    with pytest.raises(ValueError, match="features"):
        classifier.closest_adversarial(X[:, :1])
