from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sklip.served import activation as operation_of
from sklip.served import input_gradients, scores_and_gradients, scores_and_jacobian
from tests import estimator_fixtures as fixtures
from tests.helpers import ACTIVATIONS, exact_scores, kernels_of, random_network

EVERY = (*ACTIVATIONS, "groupsort3", "groupsort12")


@pytest.mark.parametrize("name", EVERY)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_gradient_of_an_activation_is_that_of_a_map_that_is_linear_around(name, seed):
    """Activations are positively homogeneous: their value is the gradient times the input."""
    rng = np.random.default_rng(seed)
    before, slopes = rng.standard_normal((4, 12)), rng.standard_normal((4, 12))
    gradient = operation_of(name).vjp(before, slopes)
    np.testing.assert_allclose(
        np.sum(gradient * before, axis=1), np.sum(slopes * operation_of(name).forward(before), axis=1), atol=1e-12
    )
    assume(np.abs(before).min() > 1e-6 and min(np.diff(np.sort(row)).min() for row in before) > 1e-6)
    step = 1e-7 * rng.standard_normal((4, 12))
    moved = np.sum(slopes * (operation_of(name).forward(before + step) - operation_of(name).forward(before)), axis=1)
    np.testing.assert_allclose(np.sum(gradient * step, axis=1), moved, atol=1e-14)


@pytest.mark.parametrize("name", EVERY)
def test_at_a_kink_the_gradient_is_that_of_a_neighbouring_piece(name):
    """Ties and zeros: the slopes are permuted, negated or zeroed, never shared out."""
    before, slopes = np.zeros((1, 12)), np.arange(1.0, 13.0)[None]
    gradient = operation_of(name).vjp(before, slopes)[0]
    if name == "relu":
        assert set(np.abs(gradient)) <= {0.0, *slopes[0]}
    else:
        np.testing.assert_array_equal(np.sort(np.abs(gradient)), slopes[0])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_equal_finite_differences(rng, activation):
    network, step = random_network(rng, (5, 8, 12, 3), activation), 1e-6
    X, cotangents = rng.standard_normal((4, 5)), rng.standard_normal((4, 3))
    gradients = input_gradients(network, X, cotangents)
    for feature in range(5):
        shift = step * np.eye(5)[feature]
        difference = np.sum(cotangents * (network.scores(X + shift) - network.scores(X - shift)), axis=1) / (2 * step)
        np.testing.assert_allclose(gradients[:, feature], difference, atol=1e-8)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_exact_up_to_rounding(rng, activation):
    """Along a short step inside one linear piece, rational scores change by the gradient times the step."""
    network = random_network(rng, (4, 8, 8, 2), activation)
    row, step = rng.standard_normal(4), 2.0**-40 * rng.standard_normal(4)
    _, jacobian = scores_and_jacobian(network, row[None])
    before, after = exact_scores(network, row), exact_scores(network, row + step)
    taken = [Fraction(a) - Fraction(b) for a, b in zip((row + step).tolist(), row.tolist(), strict=True)]
    for gradient, first, second in zip(jacobian[0].tolist(), before, after, strict=True):
        predicted = sum(Fraction(slope) * move for slope, move in zip(gradient, taken, strict=True))
        assert abs(second - first - predicted) < 1e-14 * np.linalg.norm(step)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_square_orthonormal_networks_that_permute_have_gradients_of_norm_1(rng, activation):
    network = random_network(rng, (8, 8, 8, 1), activation)
    norms = np.linalg.norm(input_gradients(network, rng.standard_normal((50, 8)), np.ones((50, 1))), axis=1)
    assert (norms <= 1 + 1e-14).all()
    if activation != "relu":
        np.testing.assert_allclose(norms, 1.0, rtol=1e-14)


def test_jacobian_scores_and_combinations_agree_over_blocks(rng):
    network = random_network(rng, (3, 8, 4))
    X, cotangents = rng.standard_normal((9001, 3)), rng.standard_normal((9001, 4))
    scores, jacobian = scores_and_jacobian(network, X)
    np.testing.assert_allclose(scores, network.scores(X), atol=1e-14)
    gradients = input_gradients(network, X, cotangents)
    np.testing.assert_allclose(gradients, np.einsum("ij,ijk->ik", cotangents, jacobian), atol=1e-13)
    again, of_scores = scores_and_gradients(network, X, lambda block, rows: block * cotangents[rows])
    np.testing.assert_array_equal(again, scores)
    np.testing.assert_allclose(of_scores, np.einsum("ij,ij,ijk->ik", scores, cotangents, jacobian), atol=1e-12)


def test_a_network_of_heads_alone(rng):
    network = random_network(rng, (3, 2))
    np.testing.assert_array_equal(
        scores_and_jacobian(network, np.ones((5, 3)))[1], np.tile(kernels_of(network)[0].T, (5, 1, 1))
    )


@pytest.mark.parametrize("fitted", [fixtures.fitted, fixtures.fitted_mlp])
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_the_method_is_the_gradient_of_decision_function(fitted, kind):
    classifier, X, _ = fitted(kind)
    gradient = classifier.gradient(X)
    n_classes, n_features = len(classifier.classes_), X.shape[1]
    assert gradient.shape == ((len(X), n_features) if n_classes == 2 else (len(X), n_classes, n_features))
    assert gradient.dtype == np.float64
    assert np.linalg.norm(gradient, axis=-1).max() <= classifier.lipschitz_bound_
    step = 1e-7
    for feature in range(n_features):
        shift = step * np.eye(n_features)[feature]
        difference = (classifier.decision_function(X + shift) - classifier.decision_function(X - shift)) / (2 * step)
        smooth = np.abs(difference - gradient[..., feature]) < 1e-6
        assert smooth.mean() > 0.95  # the others straddle a kink
    np.testing.assert_array_equal(
        classifier.gradient(X.astype(np.float32)), classifier.gradient(np.float64(np.float32(X)))
    )


def test_the_method_refuses_what_predict_refuses():
    classifier, X, _ = fixtures.fitted("binary")
    with pytest.raises(ValueError, match="NaN"):
        classifier.gradient(np.full_like(X, np.nan))
    with pytest.raises(ValueError, match="features"):
        classifier.gradient(X[:, :1])
