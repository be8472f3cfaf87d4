import copy
import pickle

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklip.arithmetic import polar_factor
from sklip.rows import blocks
from sklip.served import (
    OPERATIONS,
    Abs,
    Add,
    AveragePool,
    Center,
    Convolution,
    Crop,
    Dense,
    DepthToSpace,
    Diagonal,
    FullSort,
    Graph,
    GroupSort,
    L2NormPool,
    MaxMin,
    MaxPool,
    Pad,
    Parallel,
    Relu,
    Reshape,
    Residual,
    Scale,
    ServedNetwork,
    Shift,
    SpaceToDepth,
    Tilted,
)
from tests.helpers import (
    ACTIVATIONS,
    biases_of,
    exact_scores,
    kernels_of,
    network_of,
    random_kernel,
    random_network,
    singular_values,
)

# The forward pass ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "activation", [GroupSort(2), GroupSort(4), MaxMin(), FullSort(), Relu(), Abs(0.5)], ids=lambda one: repr(one)
)
@pytest.mark.parametrize("before", [(), (Scale(2.0),), (Abs(),)], ids=str)
def test_channels_of_the_last_pixel_become_a_vector(rng, activation, before):
    """A row has the same scores alone as in a large block: pictures have another order in memory than vectors."""
    operations = [Reshape((2, 2, 8)), AveragePool(2, 2), Reshape((8,)), *before, activation]
    network = ServedNetwork((Center(np.zeros(32)), *operations, Dense(rng.standard_normal((8, 3)), np.zeros(3))))
    X = rng.standard_normal((blocks.BLOCK_ROWS, 32))
    together = network.scores(X)
    np.testing.assert_allclose(together, np.concatenate([network.scores(row[None]) for row in X]), atol=1e-12)
    parallel = Parallel(((activation,), (activation,)), (8, 8))
    split = [Reshape((1, 1, 16)), Reshape((16,)), parallel]
    network = ServedNetwork((Center(np.zeros(16)), *split, Dense(rng.standard_normal((16, 3)), np.zeros(3))))
    together = network.scores(X[:, :16])
    alone = np.concatenate([network.scores(row[None]) for row in X[:, :16]])
    np.testing.assert_allclose(together, alone, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("widths", [(3, 1), (5, 8, 1), (4, 8, 12, 3)])
def test_scores_equal_a_naive_loop(rng, activation, widths):
    network = random_network(rng, widths, activation)
    X = rng.standard_normal((6, widths[0]))
    exact = [[float(score) for score in exact_scores(network, row)] for row in X]
    np.testing.assert_allclose(network.scores(X), exact, rtol=1e-13, atol=1e-13)


def test_layers_may_differ_in_their_activation(rng):
    network = random_network(rng, (4, 8, 6, 2))
    network = network_of(network.center, kernels_of(network), biases_of(network), ("groupsort4", "abs"))
    X = rng.standard_normal((3, 4))
    (w1, w2, w3), (b1, b2, b3) = kernels_of(network), biases_of(network)
    expected = np.abs(GroupSort(4).forward((X - network.center) @ w1 + b1) @ w2 + b2) @ w3 + b3
    np.testing.assert_allclose(network.scores(X), expected, rtol=1e-14, atol=1e-14)


def test_blocks_of_rows_do_not_matter(rng, monkeypatch):
    network = random_network(rng, (5, 8, 2))
    X = rng.standard_normal((11, 5))
    whole = network.scores(X)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 3)
    assert [rows for rows, _ in network.centered_blocks(X)] == [slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 11)]
    np.testing.assert_allclose(network.scores(X), whole, rtol=1e-14, atol=1e-14)


SHAPES = {"vectors": (8,), "images": (6, 6, 4)}
AFTER = {
    "Dense": Dense(np.random.default_rng(2).standard_normal((4, 4)), np.ones(4)),
    "Center": Center(np.ones(SHAPES["images"])),
    "Diagonal": Diagonal(np.full(SHAPES["images"], 0.5)),
    "Convolution": Convolution(np.random.default_rng(3).standard_normal((3, 3, 4, 2)), np.ones(2), (1, 1), "valid"),
    "Graph": Graph(((Abs(), (0,)), (Scale(0.5), (1,)), (Add(), (0, 2)))),
    "Parallel": Parallel(((Abs(),), ()), (2, 2)),
    "Residual": Residual((Dense(np.eye(4, 2), np.ones(2)),)),
    "circular Pad": Pad(1, 2, 0, 1, True),
    **{
        repr(operation): operation
        for operation in (
            Abs(0.5), AveragePool(2, 3), Crop(1, 0, 1, 0), DepthToSpace(2, 2), FullSort(), GroupSort(2), GroupSort(4),
            L2NormPool(2, 2), MaxMin(), MaxPool(3, 2), Pad(1, 0, 0, 2, False), Relu(), Reshape((12, 12)), Scale(2.0),
            Shift(((0, 1), (1, 0), (0, 0)), "same"), Shift(((0, -1), (2, 0)), "circular"),
            Shift(((0, 1), (1, 0)), "valid"),
            SpaceToDepth(2, 3),
        )
    },
}  # fmt: skip


def test_every_operation_comes_after_others():
    assert {type(operation) for operation in AFTER.values()} == set(OPERATIONS) - {Tilted}  # which takes vectors


def test_a_linear_function_is_added_in_blocks_as_at_once(rng):
    first = Dense(rng.standard_normal((5, 6)), rng.standard_normal(6))
    tilted = Tilted((Dense(rng.standard_normal((6, 4)), np.ones(4)), Relu(), Dense(np.ones((4, 1)), np.zeros(1))),
                    rng.standard_normal(6))  # fmt: skip
    network = ServedNetwork((Center(np.zeros(5)), first, Abs(), tilted, Dense(np.ones((1, 1)), np.zeros(1))))
    X = rng.standard_normal((3 * blocks.BLOCK_ROWS + 1, 5))
    parts = [network.centered_scores(X[at : at + blocks.BLOCK_ROWS]) for at in range(0, len(X), blocks.BLOCK_ROWS)]
    np.testing.assert_array_equal(network.scores(X), np.concatenate(parts))


@pytest.mark.parametrize("name", AFTER)
@pytest.mark.parametrize("before", ["a view", "absolute values", "a product"])
def test_buffers_of_neighbours_are_apart(rng, monkeypatch, name, before):
    """With many rows, results lie in two buffers; an operation must not write over what it still reads."""
    size, shape = 144, SHAPES["images"]
    first = {"a view": (), "absolute values": (Abs(),), "a product": (Dense(rng.standard_normal((4, 4)), np.ones(4)),)}
    steps = (Reshape(shape), *first[before], AFTER[name])
    for step in steps:
        shape = step.output_shape(shape if step is not steps[0] else (size,))
    n_values = int(np.prod(shape))
    heads = Dense(rng.standard_normal((n_values, 2)), np.zeros(2))
    network = ServedNetwork((Center(np.zeros(size)), *steps, *steps_between(shape), heads))
    monkeypatch.setattr(blocks, "IMAGE_BYTES", 8 * 5 * max(size, n_values))
    X = rng.standard_normal((23, size))
    one_by_one = np.concatenate([network.scores(row[None]) for row in X])
    np.testing.assert_allclose(network.scores(X), one_by_one, rtol=1e-12, atol=1e-12)


def steps_between(shape):
    """What makes one vector of a row; nothing if it is one."""
    return () if len(shape) == 1 else (Reshape((int(np.prod(shape)),)),)


def test_buffers_of_vectors_are_apart(rng, monkeypatch):
    heads = Dense(rng.standard_normal((8, 2)), np.zeros(2))
    X = rng.standard_normal((20, 8))
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 5)
    for operations in ((Abs(), MaxMin()), (Relu(), GroupSort(2)), (Scale(2.0), MaxMin(), Abs(), MaxMin())):
        network = ServedNetwork((Center(np.ones(8)), *operations, heads))
        one_by_one = np.concatenate([network.scores(row[None]) for row in X])
        np.testing.assert_allclose(network.scores(X), one_by_one, rtol=1e-13, atol=1e-13)


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
    for array in twin.arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(AttributeError):
        twin.center = np.zeros(5)


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


# Other units, and what is refused ------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("scale", [1e-6, 0.3, 1e9])
def test_operations_in_other_units_move_the_scale_into_the_biases(rng, activation, scale):
    """The network in data units is ``s · g((x − c) / s)``."""
    trained = random_network(rng, (5, 8, 12, 2), activation)
    center = scale * rng.standard_normal(5)
    first, *others = trained.operations
    served = ServedNetwork((Center(center), *(operation.rescaled(scale) for operation in others)))
    X = center + scale * rng.standard_normal((9, 5))
    expected = scale * trained.scores((X - center) / scale + first.center)
    np.testing.assert_allclose(served.scores(X), expected, rtol=1e-11, atol=1e-11 * scale)


def test_networks_that_are_none_are_refused():
    center, heads = Center(np.zeros(2)), Dense(np.eye(2), np.zeros(2))
    for operations, message in [
        ((heads,), "begins with a Center"),
        ((center,), "begins with a Center"),
        ((center, heads, Relu()), "begins with a Center"),
        ((center, Dense(np.ones((3, 2)), np.zeros(2))), "takes 3 values along the last axis"),
        ((center, Dense(np.ones((2, 3)), np.zeros(3)), GroupSort(2), heads), "multiple of 2"),
        ((center, np.abs, heads), "made of operations"),
        ((center, type("Forged", (Relu,), {})(), heads), "made of operations"),
    ]:
        with pytest.raises(ValueError, match=message):
            ServedNetwork(operations)


def test_the_network_says_how_wide_it_is(rng):
    network = random_network(rng, (5, 8, 6, 3), "relu")
    assert network.widths == (5, 8, 6, 3)
    assert (network.n_features, network.n_scores) == (5, 3)
    assert repr(network) == "ServedNetwork(5 → 8 → 6 → 3)"
    assert repr(network.operations) == (
        "(Center((5,)), Dense((5, 8), (8,)), Relu(), Dense((8, 6), (6,)), Relu(), Dense((6, 3), (3,)))"
    )
