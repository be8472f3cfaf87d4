from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklip.arithmetic import polar_factor
from sklip.certification import certified_radius, error_bound, lipschitz_bound, norm_bound, spectral_norm_bound
from sklip.served import Center, ServedNetwork
from tests.helpers import (
    ACTIVATIONS,
    exact_scores,
    kernels_of,
    network_of,
    random_kernel,
    random_network,
    strictly_inside,
)


@pytest.fixture(autouse=True)
def _fifty_digits():
    with mpmath.workdps(50):
        yield


def _exact_norm(values):
    """Euclidean norm of float64 numbers, or rational ones, to 50 digits."""
    total = sum((Fraction(value) ** 2 for value in values), Fraction(0))
    return mpmath.sqrt(mpmath.mpf(total.numerator) / total.denominator)


def _exact_spectral_norm(kernel):
    """Largest singular value, from the exact Gram matrix, to 50 digits."""
    tall = kernel if kernel.shape[0] >= kernel.shape[1] else kernel.T
    matrix = mpmath.matrix(tall.tolist())
    return mpmath.sqrt(max(mpmath.eigsy(matrix.T * matrix, eigvals_only=True)))


def _linear(w, b, center=None):
    """A network of heads alone; ``w`` of shape (n, n_scores)."""
    w = np.array(w, dtype=float).reshape(len(w), -1)
    center = np.zeros(len(w)) if center is None else center
    return network_of(np.array(center, dtype=float), (w,), (np.array(b, dtype=float).reshape(-1),), ())


# Norms --------------------------------------------------------------------------------------

SCALES = [2.0**-1074, 1e-310, 1e-200, 1e-30, 1.0, 1e30, 1e200, 1e307]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("shape", [(1, 1), (7, 1), (1, 7), (6, 5)])
def test_norm_bound_is_above_the_exact_norm_and_close(rng, scale, shape):
    array = scale * rng.uniform(-4, 4, shape)
    exact = _exact_norm(array.ravel())
    assert norm_bound(array) >= exact
    # A subnormal bound would be 0 in a thread that flushes such numbers.
    assert norm_bound(array) <= exact * (1 + mpmath.mpf(1e-14)) + 16 * 2.0**-1022
    for column, bound in zip(array.T, norm_bound(array, axis=0), strict=True):
        assert bound >= _exact_norm(column)


@given(
    values=st.lists(st.floats(-1e300, 1e300, allow_nan=False), min_size=1, max_size=12),
)
def test_norm_bound_is_above_the_exact_norm_of_any_numbers(values):
    assert norm_bound(np.array(values)) >= _exact_norm(values)


def test_norm_bound_of_numbers_whose_squares_vanish_beside_each_other():
    array = np.array([1.0, 1e-170, 1e-300, 2.0**-1074])
    assert norm_bound(array) > 1.0
    assert (norm_bound(np.diag(array), axis=0) >= array).all()


def test_norm_bound_of_zeros_is_negligible():
    assert 0 <= norm_bound(np.zeros((3, 2))) < 1e-150


# Spectral norms -----------------------------------------------------------------------------

SHAPES = [(8, 5), (5, 8), (6, 6), (9, 1), (1, 9), (2, 2)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e-8, 0.5, 1.0, 1 + 1e-9, 3.0, 1e30, 1e200])
def test_spectral_norm_bound_is_above_the_exact_norm(rng, shape, scale):
    for singular in (np.ones(min(shape)), np.linspace(0.1, 1.0, min(shape))):
        kernel = scale * random_kernel(rng, *shape, singular)
        exact = _exact_spectral_norm(kernel)
        assert spectral_norm_bound(kernel) >= exact
        assert spectral_norm_bound(kernel) <= exact * (np.sqrt(min(shape)) + 1e-12) * (1 + 1e-12)
    dense = scale * rng.standard_normal(shape)
    assert spectral_norm_bound(dense) >= _exact_spectral_norm(dense)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 9), p=st.integers(2, 9))
def test_spectral_norm_bound_of_orthonormal_kernels_is_above_and_within_1e_13(seed, n, p):
    kernel = polar_factor(np.random.default_rng(seed).standard_normal((n, p)))
    with mpmath.workdps(50):
        exact = _exact_spectral_norm(kernel)
    assert exact <= spectral_norm_bound(kernel) <= 1 + 1e-13


def test_spectral_norm_bound_of_columns_of_very_different_size():
    for columns in ([1e200, 1.0], [1.0, 1e-200], [1e-200, 1e-310], [1e160, 1e160]):
        kernel = np.array([[1.0, 1.0], [1.0, -1.0], [0.5, 0.0]]) * columns
        assert np.isfinite(spectral_norm_bound(kernel))
        assert spectral_norm_bound(kernel) >= _exact_spectral_norm(kernel)


def test_spectral_norm_bound_covers_the_rounding_of_long_sums():
    """Two columns of n equal entries, of computed norm 1: the exact one, √n c, is many roundings away."""
    missed = 0
    for n in range(20001, 60000, 1999):
        kernel = np.kron(np.eye(2), np.full((n, 1), 1 / np.sqrt(n)))
        for _ in range(3):
            kernel /= np.sqrt((kernel.T @ kernel)[0, 0])
        exact = mpmath.sqrt(n * mpmath.mpf(kernel[0, 0]) ** 2)
        assert spectral_norm_bound(kernel) >= exact
        missed += exact > np.sqrt(1 + np.linalg.norm(kernel.T @ kernel - np.eye(2))) * (1 + 20 * 2.0**-53)
    assert missed > 0  # what was computed, alone, is no bound


@pytest.mark.parametrize(
    "shape", [(784, 128), (128, 784), (256, 256), pytest.param((1024, 1024), marks=pytest.mark.slow)]
)
def test_orthonormal_kernels_of_real_widths_have_a_bound_of_1_to_1e_9(rng, shape):
    kernel = polar_factor(rng.standard_normal(shape))
    assert 1.0 <= spectral_norm_bound(kernel) <= 1 + 1e-9


@pytest.mark.parametrize("n_scores", [1, 10])
def test_the_lipschitz_bound_of_four_layers_is_1_to_1e_9(rng, n_scores):
    widths = (300, 256, 128, 64, n_scores)
    network = random_network(rng, widths, bias=0.0)
    assert 1.0 <= lipschitz_bound(network) <= 1 + 1e-9


@pytest.mark.parametrize("orthonormal", [True, False])
def test_the_lipschitz_bound_is_above_the_exact_product(rng, orthonormal):
    network = random_network(rng, (5, 8, 6, 3), orthonormal=orthonormal)
    exact = _exact_spectral_norm(kernels_of(network)[0]) * _exact_spectral_norm(kernels_of(network)[1])
    assert lipschitz_bound(network) >= exact * max(_exact_norm(head) for head in kernels_of(network)[-1].T)


# Rounding -----------------------------------------------------------------------------------


def _assert_errors_within_bound(network, X):
    bound = error_bound(network)
    for row, scores in zip(X, network.scores(X), strict=True):
        offset = [Fraction(x) - Fraction(c) for x, c in zip(row.tolist(), network.center.tolist(), strict=True)]
        t = _exact_norm(offset)
        allowed = mpmath.mpf(bound.slope) * t * (1 + mpmath.mpf(2) ** -52) + mpmath.mpf(bound.intercept)
        for score, exact in zip(scores.tolist(), exact_scores(network, row), strict=True):
            error = abs(Fraction(score) - exact)
            assert mpmath.mpf(error.numerator) / error.denominator <= allowed


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("orthonormal", [True, False], ids=["orthonormal", "any"])
def test_rounding_errors_are_within_their_bound(rng, activation, orthonormal):
    network = random_network(rng, (6, 8, 12, 3), activation, orthonormal=orthonormal)
    for scale in (1e-300, 1e-8, 1.0, 1e15):
        _assert_errors_within_bound(network, scale * rng.standard_normal((4, 6)))
        _assert_errors_within_bound(network, network.center + scale * rng.standard_normal((4, 6)))


@pytest.mark.parametrize("bias", [0.0, 1e-300, 1e8])
@pytest.mark.parametrize("scale", [1e-310, 1e-150, 1e6])
def test_rounding_errors_of_extreme_weights_are_within_their_bound(rng, bias, scale):
    network = random_network(rng, (4, 8, 2), orthonormal=False, scale=scale, bias=bias)
    for size in (1e-300, 1.0, 1e15):
        _assert_errors_within_bound(network, network.center + size * rng.standard_normal((3, 4)))


def test_rounding_errors_of_products_that_vanish_are_within_their_bound():
    """400 products of 0.49 · 2⁻¹⁰⁷⁴, each rounded to 0."""
    bias = 2.0**-1022
    network = _linear(np.full(400, 2.0**-540), [bias])
    X = np.full((1, 400), 0.98 * 2.0**-535)
    assert network.scores(X)[0, 0] == bias
    assert exact_scores(network, X[0])[0] > Fraction(bias) + 190 * Fraction(2) ** -1074
    _assert_errors_within_bound(network, X)


def test_rounding_errors_far_from_the_origin_are_within_their_bound(rng):
    network = random_network(rng, (6, 8, 3))
    far = ServedNetwork((Center(1e9 * network.center), *network.operations[1:]))
    _assert_errors_within_bound(far, far.center + rng.standard_normal((20, 6)))


def test_the_bound_of_the_error_is_of_the_order_of_rounding(rng):
    bound = error_bound(random_network(rng, (64, 128, 64, 10)))
    assert 1e-16 < bound.slope < 1e-10
    assert 0 < bound.intercept < 1e-10


def test_errors_that_overflow_are_infinite(rng):
    bound = error_bound(random_network(rng, (4, 8, 8, 2), orthonormal=False, scale=1e200))
    assert bound.slope == np.inf


# The radius of networks that one can compute by hand ----------------------------------------


def _exact_linear_radius(network, row):
    """Distance to the boundary of a network of heads alone, to 50 digits."""
    (kernel,) = kernels_of(network)
    scores = exact_scores(network, row)
    if len(scores) == 1:
        return abs(mpmath.mpf(scores[0].numerator) / scores[0].denominator) / _exact_norm(kernel[:, 0].tolist())
    best = max(range(len(scores)), key=scores.__getitem__)
    distances = []
    for rival in set(range(len(scores))) - {best}:
        gap = scores[best] - scores[rival]
        pair = [Fraction(a) - Fraction(b) for a, b in kernel[:, [best, rival]].tolist()]
        distances.append(mpmath.mpf(gap.numerator) / gap.denominator / _exact_norm(pair))
    return min(distances)


@pytest.mark.parametrize("n_scores", [1, 2, 5])
@pytest.mark.parametrize("n_features", [1, 2, 30])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_radius_of_a_linear_network_is_its_distance_from_below(rng, n_scores, n_features, scale):
    center = rng.standard_normal(n_features)
    network = _linear(
        scale * rng.standard_normal((n_features, n_scores)), scale * rng.standard_normal(n_scores), center
    )
    X = 2.0 * rng.standard_normal((20, n_features))
    radii = certified_radius(network, X)
    for row, radius in zip(X, radii, strict=True):
        exact = _exact_linear_radius(network, row)
        assert radius <= exact
        assert radius >= exact * (1 - 1e-9) - 1e-13


@pytest.mark.parametrize("distance", [1e-3, 1e-9, 1e-13, 1e-15, 1e-17])
def test_the_radius_near_the_boundary_is_below_the_distance(rng, distance):
    """Where rounding is as large as the score itself."""
    for _ in range(20):
        w, x = rng.standard_normal(8), 10.0 * rng.standard_normal(8)
        w /= np.linalg.norm(w)
        network = _linear(w, [-(w @ x)])
        row = x + distance * w
        assert certified_radius(network, row[None])[0] <= _exact_linear_radius(network, row)


def test_the_radius_by_hand():
    """|3 · 1 + 4 · 2 − 1| / 5 = 2, and the nearer of two rivals."""
    assert certified_radius(_linear([3.0, 4.0], [-1.0]), np.array([[1.0, 2.0]]))[0] == pytest.approx(2.0, rel=1e-12)
    assert certified_radius(_linear([3.0, 4.0], [-21.0]), np.array([[1.0, 2.0]]))[0] == pytest.approx(2.0, rel=1e-12)
    heads = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    radius = certified_radius(_linear(heads, [0.0, 0.0, 0.0]), np.array([[4.0, 1.0]]))[0]
    assert radius == pytest.approx(3 / np.sqrt(2), rel=1e-12)


def test_the_radius_of_an_orthonormal_network_is_its_score(rng):
    network = random_network(rng, (6, 8, 8, 1))
    X = rng.standard_normal((50, 6))
    scores = np.abs(network.scores(X)[:, 0])
    radii = certified_radius(network, X)
    assert (radii < scores).all()
    np.testing.assert_allclose(radii, scores, rtol=1e-9, atol=1e-12)


def test_ties_have_radius_0(rng):
    heads, X = rng.standard_normal((4, 3)), rng.standard_normal((5, 4))
    tied = _linear(np.column_stack([heads, heads]), [0.0, 1.0, 2.0, 0.0, 1.0, 2.0])
    np.testing.assert_array_equal(certified_radius(tied, X), 0.0)
    np.testing.assert_array_equal(certified_radius(_linear(heads[:, :1], [0.0]), np.zeros((1, 4))), 0.0)
    np.testing.assert_array_equal(certified_radius(_linear(np.zeros((4, 1)), [0.0]), X), 0.0)
    np.testing.assert_array_equal(certified_radius(_linear(np.zeros((4, 3)), [1.0, 1.0, 0.0]), X), 0.0)


def test_a_constant_network_has_a_radius_without_practical_limit(rng):
    X = rng.standard_normal((5, 4))
    for network in (_linear(np.zeros((4, 1)), [-0.5]), _linear(np.zeros((4, 3)), [0.0, 0.5, 0.0])):
        radii = certified_radius(network, X)
        assert (radii > 1e9).all() and not np.isnan(radii).any()


def test_identical_heads_are_told_apart_by_their_biases_alone(rng):
    head = rng.standard_normal((4, 1))
    radii = certified_radius(_linear(np.column_stack([head, head]), [0.0, 0.5]), rng.standard_normal((5, 4)))
    assert (radii > 1e9).all() and not np.isnan(radii).any()


def test_rows_whose_scores_overflow_have_radius_0(rng):
    for n_scores in (1, 3):
        network = random_network(rng, (4, 8, n_scores))
        np.testing.assert_array_equal(certified_radius(network, np.full((2, 4), 1e300) * [[1.0], [-1.0]]), 0.0)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_networks_whose_norms_overflow_have_radius_0(rng):
    network = random_network(rng, (4, 8, 8, 2), orthonormal=False, scale=1e150)
    np.testing.assert_array_equal(certified_radius(network, rng.standard_normal((5, 4))), 0.0)


def test_the_radius_shrinks_as_the_centre_moves_away(rng):
    """Rounding in ``x − center`` is paid for."""
    w = random_kernel(rng, 8, 1)
    near, far = _linear(w, [1e-6]), _linear(w, [1e-6], np.full(8, 1e8))
    near_radius, far_radius = certified_radius(near, near.center[None])[0], certified_radius(far, np.zeros((1, 8)))[0]
    assert near_radius == pytest.approx(1e-6, rel=1e-6)
    assert far_radius < abs(far.scores(np.zeros((1, 8)))[0, 0]) - 1e-8


def test_blocks_of_rows_do_not_matter(rng):
    network = random_network(rng, (4, 8, 3))
    X = rng.standard_normal((4100, 4))
    radii = certified_radius(network, X)
    assert radii.shape == (4100,)
    np.testing.assert_allclose(radii[4090:], certified_radius(network, X[4090:]), rtol=1e-12)
    assert certified_radius(network, X[:0]).shape == (0,)


# An attack on the rounding ------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e4, 1e8])
@pytest.mark.parametrize("n_features", [1, 3, 50])
def test_a_step_of_almost_the_radius_never_changes_the_computed_sign(rng, offset, n_features):
    w = rng.standard_normal(n_features)
    network = _linear(w, rng.standard_normal(1), offset * rng.standard_normal(n_features))
    normal = w / np.linalg.norm(w)
    base = network.center + rng.standard_normal((200, n_features))
    # Half of the rows next to the boundary, where rounding is all that counts.
    base[100:] -= network.scores(base[100:]) / np.linalg.norm(w) * normal * (1 + 10.0 ** rng.uniform(-15, -5, (100, 1)))
    scores, radii = network.scores(base)[:, 0], certified_radius(network, base)
    stepped = 0
    for factor in (1 - 1e-12, 1 - 1e-9, 0.999):
        inputs = base - (factor * radii * np.sign(scores))[:, None] * normal
        inside = strictly_inside(base, inputs, radii)
        stepped += inside.sum()
        moved = network.scores(inputs)[:, 0]
        assert (np.sign(moved) == np.sign(scores))[inside].all()
    assert stepped > 100


def test_without_the_rounding_terms_that_step_would_change_signs(rng):
    """|f| / ‖w‖ as a radius fails: the test above can fail."""
    w = random_kernel(rng, 50, 1)[:, 0]
    network = _linear(w, rng.standard_normal(1))
    base = rng.standard_normal((400, 50))
    base -= network.scores(base) * w * (1 + 1e-14)
    scores = network.scores(base)[:, 0]
    naive = np.abs(scores) / np.linalg.norm(w) * (1 + 1e-12)
    inputs = base - (np.sign(scores) * naive * (1 - 1e-9))[:, None] * w
    inside = strictly_inside(base, inputs, naive)
    assert (np.sign(network.scores(inputs)[:, 0]) != np.sign(scores))[inside].any()
