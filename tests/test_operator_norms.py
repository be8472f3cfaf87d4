"""Proven bounds of operator norms, beside 50 digits, all corners of a cube, and networks known exactly."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mpmath import mp

from sklip.certification import norm_bound, operator_norm_bound, score_bounds, spectral_norm_bound
from tests.helpers import kernels_of, network_of, random_kernel, random_network

MP = mp.clone()
MP.dps = 50

TIGHT = 1 + 1e-9

EXTREMES = (1e-250, 1e-30, 1e30, 1e250)

NORMS = pytest.mark.parametrize("norm", [1, 2, np.inf])


def exact_spectral_norm(matrix):
    """The largest singular value, to 50 digits."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = MP.matrix(wide.tolist())
    return MP.sqrt(max(MP.eigsy(wide * wide.T, eigvals_only=True)))


def exact_length(vector):
    return MP.sqrt(MP.fsum(MP.mpf(x) ** 2 for x in np.ravel(vector).tolist()))


def exact_norm(matrix, norm):
    """``max ‖B δ‖₂`` over ``‖δ‖ ≤ 1``: at a corner of the ball, where it has corners."""
    if norm == 2:
        return exact_spectral_norm(matrix)
    if norm == 1:
        return max(exact_length(column) for column in matrix.T)
    rows = MP.matrix(matrix.tolist())
    signs = itertools.product([1, -1], repeat=matrix.shape[1] - 1)
    images = (rows * MP.matrix([1, *corner]) for corner in signs)
    return max(MP.sqrt(MP.fsum(entry**2 for entry in image)) for image in images)


def assert_encloses(bound, exact, tightness=TIGHT):
    assert isinstance(bound, float)
    assert bound >= exact
    assert bound <= (tightness * exact if exact else 1e-150)


shapes = st.tuples(st.integers(1, 5), st.integers(1, 5))
plain = st.floats(-1e3, 1e3, allow_subnormal=False).map(lambda x: x if abs(x) > 1e-3 else 0.0)
matrices = shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=plain))


@st.composite
def badly_scaled(draw):
    """Rows and columns of unlike units: condition numbers up to 1e60."""
    matrix = draw(matrices)
    powers = st.integers(-15, 15)
    rows = draw(arrays(np.int64, matrix.shape[0], elements=powers))
    columns = draw(arrays(np.int64, matrix.shape[1], elements=powers))
    return matrix * 10.0 ** rows[:, None] * 10.0**columns


@given(matrices | badly_scaled())
def test_the_spectral_norm_is_bounded_and_nearly_reached(matrix):
    assert_encloses(spectral_norm_bound(matrix), exact_spectral_norm(matrix))


@given(matrices | badly_scaled())
def test_the_norm_for_displacements_of_summed_size_is_that_of_a_column(matrix):
    assert_encloses(operator_norm_bound(matrix, 1), exact_norm(matrix, 1))


@given(matrices | badly_scaled())
def test_the_norm_for_displacements_of_largest_size_exceeds_every_corner(matrix):
    bound, exact = operator_norm_bound(matrix, np.inf), exact_norm(matrix, np.inf)
    assert bound >= exact
    columns = sum(exact_length(column) for column in matrix.T)
    usual = MP.sqrt(matrix.shape[1]) * exact_spectral_norm(matrix)
    assert bound <= min(columns, usual) * TIGHT + 1e-140


@pytest.mark.parametrize("n, p", [(3, 40), (40, 3), (64, 64), (300, 30), (1, 7), (7, 1)])
@pytest.mark.parametrize("condition", [1.0, 10.0, 1e8, 1e300])
def test_known_singular_values_are_bounded_to_a_billionth(rng, n, p, condition):
    singular = np.geomspace(1.0, 1.0 / condition, min(n, p)) if min(n, p) > 1 else np.ones(1)
    bound = spectral_norm_bound(random_kernel(rng, n, p, singular))
    assert 1 - 1e-14 < bound < TIGHT


def test_equal_and_nearly_equal_singular_values_are_bounded(rng):
    """Eigenvectors of repeated eigenvalues are any basis: the bound must not depend on which."""
    for singular in ([3.0] * 6, [3.0, 3.0, 3.0 - 1e-15, 1.0, 1.0, 0.0], [1 + 1e-7] * 6, [1 + 1e-5] * 6):
        matrix = random_kernel(rng, 9, 6, singular)
        # All but orthonormal ones are bounded by their distance to that, at a little loss.
        tightness = 1 + 1e-6 if 0 < abs(singular[0] - 1) < 1e-6 else TIGHT
        assert_encloses(spectral_norm_bound(matrix), exact_spectral_norm(matrix), tightness)


@NORMS
@pytest.mark.parametrize("extreme", EXTREMES)
@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (1, 3), (3, 1)])
def test_extreme_entries_neither_over_nor_underflow(rng, norm, extreme, shape):
    matrix = rng.standard_normal(shape)
    bound, exact = operator_norm_bound(extreme * matrix, norm), exact_norm(extreme * matrix, norm)
    assert_encloses(bound, exact, TIGHT if norm != np.inf else 2.0)


@NORMS
@pytest.mark.parametrize("low, high", list(itertools.combinations(EXTREMES, 2)))
def test_extreme_entries_beside_each_other(rng, norm, low, high):
    for matrix in (np.diag([low, high, 1.0]), rng.standard_normal((3, 3)) * [low, high, 1.0]):
        assert_encloses(operator_norm_bound(matrix, norm), exact_norm(matrix, norm), TIGHT if norm != np.inf else 2.0)


@NORMS
def test_the_smallest_and_largest_numbers(norm):
    for entry in (5e-324, 1e-310, 2.0**-1022, 1e308):
        matrix = np.full((2, 2), entry)
        bound = operator_norm_bound(matrix, norm)
        assert bound >= exact_norm(matrix, norm)
    assert operator_norm_bound(np.full((2, 2), 5e-324), norm) < 1e-300


@NORMS
@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (1, 1), (1, 5), (5, 1)])
def test_a_matrix_of_zeros_moves_nothing(norm, shape):
    assert 0 <= operator_norm_bound(np.zeros(shape), norm) < 1e-150


@NORMS
@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_a_matrix_without_entries_moves_nothing(norm, shape):
    assert 0 <= operator_norm_bound(np.zeros(shape), norm) < 1e-150


@NORMS
@pytest.mark.parametrize("shape", [(3, 4), (1, 3), (3, 1)])
@pytest.mark.parametrize("entry", [np.inf, -np.inf])
def test_infinite_entries_have_an_infinite_bound(norm, shape, entry):
    matrix = np.ones(shape)
    matrix[0, 0] = entry
    assert operator_norm_bound(matrix, norm) == np.inf


@NORMS
def test_nan_is_never_bounded_by_a_number(norm):
    matrix = np.ones((3, 3))
    matrix[1, 1] = np.nan
    assert not operator_norm_bound(matrix, norm) < np.inf


@NORMS
@given(matrix=matrices, noise=matrices, size=st.floats(1e-12, 10))
def test_an_inaccuracy_covers_every_matrix_that_near(norm, matrix, noise, size):
    """Of all matrices within the Frobenius distance, those that were drawn, and the steepest."""
    bound = operator_norm_bound(matrix, norm, size)
    noise = np.resize(noise, matrix.shape)
    length = float(norm_bound(noise))
    if np.any(noise):
        near = matrix + noise * (0.999999 * size / length)
        assert bound >= exact_norm(near, norm) * (1 - 1e-13)
    u, _, v = np.linalg.svd(matrix)
    corner = {1: np.eye(matrix.shape[1])[np.linalg.norm(matrix, axis=0).argmax()], 2: v[0], np.inf: np.sign(v[0])}[norm]
    image = matrix @ corner
    left = image / np.linalg.norm(image) if np.any(image) else u[:, 0]
    steep = matrix + 0.999999 * size * np.outer(left, corner / max(np.linalg.norm(corner), 1e-300))
    assert bound >= exact_norm(steep, norm) * (1 - 1e-13)


@given(matrices)
def test_the_norms_are_ordered_as_the_balls_are(matrix):
    one, two, largest = (operator_norm_bound(matrix, norm) for norm in (1, 2, np.inf))
    assert one <= two * TIGHT + 1e-150
    assert two <= largest * TIGHT + 1e-150


def test_columns_that_hold_still_cost_nothing(rng):
    """A column held fixed must not loosen the bound for displacements of largest size."""
    matrix = rng.standard_normal((4, 3)) * [1.0, 100.0, 1e-3]
    held = np.insert(matrix, 1, np.zeros((3, 4)), axis=1)
    assert held.shape == (4, 6)
    assert operator_norm_bound(held, np.inf) <= TIGHT * operator_norm_bound(matrix, np.inf)


def test_a_diagonal_has_the_length_of_its_entries_for_displacements_of_largest_size():
    for diagonal in ([3.0, 4.0], [1e-3, 1.0, 1e3], [2.0] * 5):
        assert_encloses(operator_norm_bound(np.diag(diagonal), np.inf), exact_length(np.array(diagonal)))


# Networks ---------------------------------------------------------------------------------------


def _network(kernels):
    return network_of(
        np.zeros(len(kernels[0])),
        tuple(np.array(kernel, dtype=np.float64) for kernel in kernels),
        tuple(np.zeros(np.shape(kernel)[1]) for kernel in kernels),
        ("groupsort2",) * (len(kernels) - 1),
    )


@pytest.mark.parametrize("widths", [(3, 1), (3, 4), (3, 4, 1), (2, 4, 6, 3)])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_scores_and_their_differences_have_the_product_of_the_norms(rng, widths, scale):
    network = random_network(rng, widths, orthonormal=False, scale=scale)
    *trunk, heads = kernels_of(network)
    steepness = MP.fprod(exact_spectral_norm(kernel) for kernel in trunk)
    lipschitz, pairs = score_bounds(network)
    assert_encloses(lipschitz, steepness * max(exact_length(head) for head in heads.T))
    assert pairs.shape == (widths[-1], widths[-1])
    for c, j in itertools.combinations(range(widths[-1]), 2):
        difference = MP.matrix(heads[:, c].tolist()) - MP.matrix(heads[:, j].tolist())
        exact = steepness * MP.sqrt(MP.fsum(entry**2 for entry in difference))
        assert_encloses(float(pairs[c, j]), exact)
        assert_encloses(float(pairs[j, c]), exact)


def test_equal_heads_never_part():
    lipschitz, pairs = score_bounds(_network([np.eye(2), [[0.6, 0.6], [0.8, 0.8]]]))
    assert 1 <= lipschitz < TIGHT
    assert (pairs < 1e-150).all()


@pytest.mark.parametrize("n_layers", [1, 3])
def test_a_first_layer_of_ones_own_bounds_is_asked_for_its_kernel_alone(rng, n_layers):
    """With one layer that is every head, and every difference of two."""
    network = random_network(rng, (3, 4, 4, 2)[: n_layers + 1] if n_layers > 1 else (3, 2))
    asked = []

    def first_layer(kernel):
        asked.append(kernel)
        return 10.0 * spectral_norm_bound(kernel)

    lipschitz, pairs = score_bounds(network, first_layer)
    usual = score_bounds(network)
    np.testing.assert_allclose(lipschitz, 10 * usual[0], rtol=1e-12)
    np.testing.assert_allclose(pairs, 10 * usual[1], rtol=1e-12, atol=1e-150)
    first = kernels_of(network)[0]
    if n_layers > 1:
        assert len(asked) == 1
        assert asked[0] is first
    else:
        assert {kernel.shape for kernel in asked} == {(3, 1)}
        assert any(np.array_equal(np.abs(kernel), np.abs(first[:, [0]] - first[:, [1]])) for kernel in asked)


@pytest.mark.parametrize("scale", [1e-307, 1e-200, 1e200])
def test_kernels_whose_product_over_or_underflows_are_still_bounded(scale):
    lipschitz, _ = score_bounds(_network([scale * np.eye(2), scale * np.eye(2), scale * np.eye(2)[:, :1]]))
    assert lipschitz >= MP.mpf(float(scale)) ** 3
    assert lipschitz == np.inf or scale < 1


def test_no_row_moves_a_score_further_than_its_bound(rng):
    """Along the way that the kernels stretch most, to the last digits."""
    network = random_network(rng, (3, 3, 3, 1), "abs", orthonormal=False)
    lipschitz, _ = score_bounds(network)
    X = rng.standard_normal((500, 3))
    steps = 1e-3 * rng.standard_normal((500, 3))
    moved = np.abs(network.scores(X + steps) - network.scores(X))[:, 0]
    assert (moved <= lipschitz * np.linalg.norm(steps, axis=1) + 1e-12).all()
    assert (moved > 0.3 * lipschitz * np.linalg.norm(steps, axis=1)).any()
