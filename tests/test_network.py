import copy
import itertools
import pickle

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklip.activations import activate
from sklip.arithmetic import polar_factor
from sklip.network import CondensedNetwork, condense
from sklip.rows import blocks
from tests.helpers import ACTIVATIONS, exact_scores, random_kernel, random_network, singular_values

# The forward pass ---------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("widths", [(3, 1), (5, 8, 1), (4, 8, 12, 3)])
def test_scores_equal_a_naive_loop(rng, activation, widths):
    network = random_network(rng, widths, activation)
    X = rng.standard_normal((6, widths[0]))
    exact = [[float(score) for score in exact_scores(network, row)] for row in X]
    np.testing.assert_allclose(network.scores(X), exact, rtol=1e-13, atol=1e-13)


def test_layers_may_differ_in_their_activation(rng):
    network = random_network(rng, (4, 8, 6, 2))
    network = CondensedNetwork(network.center, network.kernels, network.biases, ("groupsort4", "abs"))
    X = rng.standard_normal((3, 4))
    (w1, w2, w3), (b1, b2, b3) = network.kernels, network.biases
    expected = np.abs(activate("groupsort4", (X - network.center) @ w1 + b1) @ w2 + b2) @ w3 + b3
    np.testing.assert_allclose(network.scores(X), expected, rtol=1e-14, atol=1e-14)


def test_blocks_of_rows_do_not_matter(rng, monkeypatch):
    network = random_network(rng, (5, 8, 2))
    X = rng.standard_normal((11, 5))
    whole = network.scores(X)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 3)
    assert [rows for rows, _ in network.centered_blocks(X)] == [slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 11)]
    np.testing.assert_allclose(network.scores(X), whole, rtol=1e-14, atol=1e-14)


def test_no_rows(rng):
    assert random_network(rng, (5, 8, 2)).scores(np.empty((0, 5))).shape == (0, 2)


def test_scores_leave_the_rows_alone(rng):
    network, X = random_network(rng, (5, 8, 2)), rng.standard_normal((4, 5))
    before = X.copy()
    network.scores(X)
    np.testing.assert_array_equal(X, before)


# Frozen -------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [lambda x: x, copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_arrays_are_read_only_also_in_copies(rng, copied):
    network, X = random_network(rng, (5, 8, 2)), rng.standard_normal((4, 5))
    twin = copied(network)
    np.testing.assert_array_equal(twin.scores(X), network.scores(X))
    for array in (twin.center, *twin.kernels, *twin.biases):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(AttributeError):
        twin.center = np.zeros(5)


def test_condense_leaves_the_weights_it_is_given_alone(rng):
    kernels, biases = [rng.standard_normal((3, 4)), rng.standard_normal((4, 1))], [np.ones(4), np.ones(1)]
    center = np.zeros(3)
    before = copy.deepcopy((kernels, biases, center))
    condense(kernels, biases, "abs", center, 1.0)
    for array, old in zip((*kernels, *biases, center), (*before[0], *before[1], before[2]), strict=True):
        assert array.flags.writeable
        np.testing.assert_array_equal(array, old)


# The polar factor ---------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (6, 1), (1, 6)])
@pytest.mark.parametrize("scale", [1e-200, 1e-3, 1.0, 1e150])
def test_polar_factor_equals_that_of_50_digits(rng, shape, scale):
    kernel = scale * random_kernel(rng, *shape, np.linspace(0.5, 2.0, min(shape)))
    with mpmath.workdps(50):
        left, _, right = mpmath.svd_r(mpmath.matrix((kernel / scale).tolist()))
        expected = np.array((left * right).tolist(), dtype=float)
    np.testing.assert_allclose(polar_factor(kernel), expected, atol=2e-14)


@given(n=st.integers(1, 40), p=st.integers(1, 40), seed=st.integers(0, 2**32 - 1), distance=st.floats(-9, 3))
def test_polar_factor_is_orthonormal_to_rounding(n, p, seed, distance):
    """Near the manifold, where it iterates, and far from it."""
    rng = np.random.default_rng(seed)
    kernel = random_kernel(rng, n, p) + 10.0**distance * rng.standard_normal((n, p)) / np.sqrt(n + p)
    factor = polar_factor(kernel)
    tall = factor if n >= p else factor.T
    assert np.abs(tall.T @ tall - np.eye(min(n, p))).max() < 1e-14
    # The polar factor alone reaches the sum of the singular values.
    assert np.sum(factor * kernel) >= singular_values(kernel).sum() * (1 - 1e-13)


@pytest.mark.parametrize("kernel", [np.zeros((4, 3)), np.ones((3, 4)), np.diag([1.0, 1e-300, 0.0]), np.eye(3, 5)])
def test_polar_factor_of_a_kernel_without_full_rank_is_orthonormal(kernel):
    factor = polar_factor(kernel)
    np.testing.assert_allclose(singular_values(factor), 1.0, atol=1e-14)
    assert np.sum(factor * kernel) >= singular_values(kernel).sum() * (1 - 1e-13)


def test_polar_factor_of_float32_is_float64():
    factor = polar_factor(np.array([[3.0, 1.0], [0.0, 2.0]], dtype=np.float32))
    assert factor.dtype == np.float64
    np.testing.assert_allclose(singular_values(factor), 1.0, atol=1e-14)


# Condense -----------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("scale", [1e-6, 0.3, 1e9])
def test_condense_moves_the_scale_into_the_biases(rng, activation, scale):
    """The network in data units is ``s · g((x − c) / s)``."""
    widths = (5, 8, 12, 2)
    kernels = [rng.standard_normal(shape).astype(np.float32) for shape in itertools.pairwise(widths)]
    biases = [rng.standard_normal(width).astype(np.float32) for width in widths[1:]]
    center = scale * rng.standard_normal(5)
    served = condense(kernels, biases, activation, center, scale)
    trained = condense(kernels, biases, activation, np.zeros(5), 1.0)
    X = center + scale * rng.standard_normal((9, 5))
    expected = scale * trained.scores((X - center) / scale)
    np.testing.assert_allclose(served.scores(X), expected, rtol=1e-12, atol=1e-12 * scale)


def test_condense_makes_kernels_orthonormal_and_heads_of_norm_1(rng):
    kernels = [rng.standard_normal(shape).astype(np.float32) for shape in [(6, 8), (8, 4), (4, 3)]]
    network = condense(kernels, [np.zeros(8), np.zeros(4), np.zeros(3)], "relu", np.zeros(6), 2.0)
    for kernel in network.kernels[:-1]:
        np.testing.assert_allclose(singular_values(kernel), 1.0, atol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(network.kernels[-1], axis=0), 1.0, atol=1e-15)
    for array in (network.center, *network.kernels, *network.biases):
        assert array.dtype == np.float64
    assert network.activations == ("relu", "relu")


def test_condense_of_orthonormal_weights_changes_them_by_rounding_alone(rng):
    kernels = [random_kernel(rng, 6, 8), random_kernel(rng, 8, 1)]
    network = condense(kernels, [np.ones(8), np.ones(1)], "abs", np.ones(6), 1.0)
    for kernel, served in zip(kernels, network.kernels, strict=True):
        np.testing.assert_allclose(served, kernel, atol=1e-14)


def test_condense_takes_a_head_of_zeros():
    network = condense([np.zeros((3, 2))], [np.array([1.0, 2.0])], "relu", np.zeros(3), 1.0)
    np.testing.assert_array_equal(network.scores(np.ones((1, 3))), [[1.0, 2.0]])
