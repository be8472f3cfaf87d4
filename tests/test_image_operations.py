"""Proven norms of the operations on pictures, next to the norms of their matrices."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp

from sklip.arithmetic import polar_factor
from sklip.arithmetic.convolution import convolution_norm_bound
from sklip.served import AveragePool, Convolution, Crop, Dense, DepthToSpace, Pad, Shift, SpaceToDepth, window_offsets
from tests.oracle import networks, pictures

MP = mp.clone()
MP.dps = 40

SIZE = 8


def norm_below(*matrices):
    """The norm of a product of matrices, the last of which comes first, from below, to about 30 digits.

    The quotient ``‖A v‖ / ‖v‖`` is a lower bound for any ``v``, and its error is the square of that of the vector.
    """
    product = matrices[0]
    for matrix in matrices[1:]:
        product = product @ matrix
    _, sizes, vectors = np.linalg.svd(product)
    if not sizes[0]:
        return MP.mpf(0)
    start = [MP.mpf(entry) for entry in vectors[0].tolist()]
    image = start
    for matrix in reversed(matrices):
        image = [MP.fsum(MP.mpf(row[at]) * image[at] for at in np.flatnonzero(row).tolist()) for row in matrix]
    return MP.sqrt(MP.fsum(y**2 for y in image) / MP.fsum(x**2 for x in start))


def kernels(rng, height, width, n_inputs, n_outputs):
    """Random taps; an orthonormal matrix in a new shape; equal taps; one tap."""
    shape = (height, width, n_inputs, n_outputs)
    one = np.zeros(shape)
    one[height // 2, 0] = rng.standard_normal((n_inputs, n_outputs))
    orthonormal = polar_factor(rng.standard_normal((height * width * n_inputs, n_outputs)))
    return [rng.standard_normal(shape), orthonormal.reshape(shape), np.full(shape, 0.1), one]


WINDOWS = [(1, 1), (3, 3), (2, 2), (1, 4), (3, 2), (5, 5)]
STRIDES = [(1, 1), (2, 2), (1, 2), (3, 3)]
CHANNELS = [(1, 1), (2, 2), (1, 2), (2, 1)]
ALL = [*itertools.product(WINDOWS, STRIDES, CHANNELS, ["same", "valid"])]
FEW = [((3, 3), (1, 1), (2, 2), "same"), ((3, 2), (1, 2), (1, 2), "valid"), ((2, 2), (2, 2), (2, 1), "same")]
SETTINGS = FEW + [pytest.param(*each, marks=pytest.mark.slow) for each in ALL if each not in FEW]


@pytest.mark.parametrize(("window", "strides", "channels", "padding"), SETTINGS)
def test_the_bound_of_a_convolution_is_at_least_the_norm(window, strides, channels, padding, rng):
    shape = (SIZE, SIZE, channels[0])
    for kernel in kernels(rng, *window, *channels):
        operation = Convolution(kernel, np.zeros(channels[1]), strides, padding)
        assert operation.lipschitz() >= norm_below(pictures.correlation(shape, operation.kernel, strides, padding))


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("padding", ["same", "circular", "valid"])
@pytest.mark.parametrize(
    ("window", "strides"), [((3, 3), (1, 1)), ((1, 3), (1, 1)), ((3, 1), (2, 2)), ((3, 3), (1, 2)), ((5, 3), (1, 1))]
)
def test_the_bound_of_a_shift_between_two_matrices_is_at_least_the_norm(window, strides, padding, n_channels, rng):
    """The layer ``SpectralConv2D``: a convolution with orthonormal kernels, of blocks if it has strides."""
    size, shape = SIZE * SIZE // np.prod(strides), (SIZE // strides[0], SIZE // strides[1])
    n_inputs, offsets = n_channels * np.prod(strides), window_offsets(*window)
    n_middle = max(n_inputs, len(offsets))
    blocks = pictures.matrix_of(pictures.space_to_depth((SIZE, SIZE, n_channels), *strides), SIZE * SIZE * n_channels)
    expansion = Dense(polar_factor(rng.standard_normal((n_inputs, n_middle))), np.zeros(n_middle))
    moved = pictures.matrix_of(pictures.shifted((*shape, n_middle), offsets, padding), size * n_middle)
    kernel = Dense(polar_factor(rng.standard_normal((n_middle, n_channels))), np.zeros(n_channels))
    first, last = np.kron(np.eye(size), expansion.kernel.T), np.kron(np.eye(len(moved) // n_middle), kernel.kernel.T)
    operations = (SpaceToDepth(*strides), expansion, Shift(offsets, padding), kernel)
    bound = np.prod([operation.lipschitz() for operation in operations])
    assert bound < 1 + 1e-12
    assert bound >= norm_below(last, moved, first, blocks)


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("sizes", [(2, 2), (1, 3), (8, 8), (3, 5), (1, 1)])
def test_the_bound_of_an_average_pool_is_at_least_the_norm(sizes, n_channels):
    operation, shape = AveragePool(*sizes), (SIZE, SIZE, n_channels)
    matrix = pictures.matrix_of(pictures.sums(shape, *sizes, operation.factor), SIZE * SIZE * n_channels)
    assert norm_below(matrix) <= operation.lipschitz() <= norm_below(matrix) * (1 + MP.mpf(1e-15))


@pytest.mark.parametrize("circular", [True, False])
@pytest.mark.parametrize("sides", [(0, 0, 0, 0), (1, 1, 1, 1), (0, 3, 0, 0), (2, 0, 1, 5), (4, 4, 8, 0)])
def test_the_bound_of_a_padding_is_at_least_the_norm(sides, circular):
    operation, shape = Pad(*sides, circular), (SIZE, SIZE, 1)
    matrix = pictures.matrix_of(pictures.padded(shape, *sides, circular), SIZE * SIZE)
    assert norm_below(matrix) <= operation.lipschitz() <= norm_below(matrix) * (1 + MP.mpf(2e-15))


@pytest.mark.parametrize("n_channels", [1, 2])
def test_the_bounds_of_operations_that_move_pixels_are_at_least_the_norms(n_channels):
    shape, n_values = (SIZE, SIZE, 4 * n_channels), SIZE * SIZE * 4 * n_channels
    steps = {
        SpaceToDepth(2, 4): pictures.space_to_depth(shape, 2, 4),
        DepthToSpace(2, 2): pictures.depth_to_space(shape, 2, 2),
        Crop(1, 0, 2, 3): pictures.cropped(shape, 1, 0, 2, 3),
    }
    for operation, step in steps.items():
        matrix = pictures.matrix_of(step, n_values)
        assert (matrix.sum(axis=0) <= 1).all()
        assert (matrix.sum(axis=1) == 1).all()
        assert operation.lipschitz() == 1


def test_the_bound_of_a_matrix_at_each_pixel_is_at_least_the_norm(rng):
    operation = Dense(rng.standard_normal((2, 3)), np.zeros(3))
    matrix = np.kron(np.eye(SIZE * SIZE), operation.kernel.T)
    assert norm_below(matrix) <= operation.lipschitz() <= norm_below(matrix) * (1 + MP.mpf(1e-12))


def factor_of_deel_lip(size, window):
    """Of its SpectralConv2D without strides: the norm of the reshaped kernel is set to it."""
    lost = (window - 1) / 2 * ((window - 1) / 2 + 1)
    return size / (window * size - lost)


@pytest.mark.parametrize(("size", "window", "norm"), [(28, 3, 1.0164), (16, 3, 1.0199), (28, 5, 1.0214)])
def test_the_factor_of_deel_lip_is_no_bound(size, window, norm):
    """Equal taps whose reshaped kernel has norm 1, times the factor, have a norm above 1; ours is above it."""
    kernel = np.full((window, window, 1, 1), factor_of_deel_lip(size, window) / window)
    operation = Convolution(kernel, np.zeros(1), (1, 1), "same")
    line = pictures.correlation((size, 1, 1), kernel[:, window // 2 : window // 2 + 1], (1, 1), "same")
    # The operator is a Kronecker product of two lines, up to the size of the taps.
    exact = norm_below(line) ** 2 / MP.mpf(kernel.flat[0])
    assert exact == pytest.approx(norm, abs=1e-4)
    assert exact > 1
    assert operation.lipschitz() >= exact
    assert operation.lipschitz() <= window * factor_of_deel_lip(size, window) * (1 + 1e-12)


def frequencies(kernel, n=32):
    """The norms of the symbols of a convolution without strides, at some frequencies."""
    symbols = np.fft.fft2(kernel, (n, n), axes=(0, 1))
    return np.linalg.norm(symbols, 2, axis=(2, 3))


@given(
    seed=st.integers(0, 2**32 - 1),
    window=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    exponent=st.sampled_from([0, 900, -900, 40]),
)
def test_the_bound_of_a_convolution_holds_at_all_frequencies(seed, window, channels, exponent):
    kernel = np.random.default_rng(seed).standard_normal((*window, *channels))
    bound = convolution_norm_bound(np.ldexp(kernel, exponent))
    largest = np.ldexp(frequencies(kernel).max(), exponent)
    assert bound >= largest * (1 - 1e-13)
    assert bound <= largest * max(2.0, np.sqrt(np.prod(window)))


@pytest.mark.parametrize("window", [(3, 3), (1, 5), (2, 2)])
@pytest.mark.parametrize("channels", [(12, 5), (2, 12), (12, 12)])
def test_the_bound_of_an_orthonormal_convolution_is_one(window, channels, rng):
    """Its taps are products of the columns of two orthonormal matrices that belong to a group of channels."""
    first, last = (
        polar_factor(rng.standard_normal((channels[0], 12))),
        polar_factor(rng.standard_normal((12, channels[1]))),
    )
    groups = np.array_split(np.arange(12), np.prod(window))
    kernel = np.array([first[:, group] @ last[group] for group in groups]).reshape(*window, *channels)
    assert frequencies(kernel).max() * (1 - 1e-13) <= convolution_norm_bound(kernel) < 1 + 1e-12


def test_the_bound_of_a_nearly_orthonormal_convolution_is_near_one(rng):
    first, last = (polar_factor(rng.standard_normal((18, 18))) for _ in range(2))
    kernel = np.array([first[:, 2 * tap : 2 * tap + 2] @ last[2 * tap : 2 * tap + 2] for tap in range(9)])
    kernel = kernel.reshape(3, 3, 18, 18) + 1e-6 * rng.standard_normal((3, 3, 18, 18))
    assert frequencies(kernel).max() <= convolution_norm_bound(kernel) <= 1 + 1e-3


@pytest.mark.parametrize("window", [(2, 2), (1, 3)])
def test_the_bound_is_that_of_the_reshaped_kernel_if_no_windows_overlap(window, rng):
    kernel = rng.standard_normal((*window, 3, 4))
    bound = convolution_norm_bound(kernel, window)
    assert bound == pytest.approx(np.linalg.norm(kernel.reshape(-1, 4), 2), rel=1e-9)


@pytest.mark.parametrize(("kernel", "bound"), [(np.zeros((2, 2, 1, 1)), 0.0), (np.full((2, 2, 1, 1), np.inf), np.inf)])
def test_kernels_of_zeros_and_of_infinities(kernel, bound):
    assert convolution_norm_bound(kernel) == bound


def test_steps_of_the_exact_arithmetic_are_those_of_repeated_layers(rng):
    """The oracle itself: at each pixel, a repeated layer is the layer."""
    kernel, bias, row = rng.standard_normal((2, 3)), rng.standard_normal(3), rng.standard_normal((4, 2))
    one = networks.linear(kernel, bias)
    exact = networks.scores([networks.repeated(one, 4)], row.ravel().tolist())
    np.testing.assert_allclose(np.array(exact, dtype=float).reshape(4, 3), row @ kernel + bias, rtol=1e-12)
