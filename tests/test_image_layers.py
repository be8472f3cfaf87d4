"""Layers on images; every test runs on JAX as well, in a process of its own."""

import itertools
import sys

import keras
import numpy as np
import pytest
from keras import ops

from sklip import manifold
from sklip.layers import (
    Abs,
    CircularPadding2D,
    FrobeniusDense,
    GroupSort,
    InvertibleDownSampling,
    InvertibleUpSampling,
    MaxMin,
    MixResidual,
    Orthonormal,
    ResidualConv2D,
    ResidualDense,
    ScaledAveragePooling2D,
    ScaledGlobalAveragePooling2D,
    ScaledGlobalL2NormPooling2D,
    ScaledL2NormPooling2D,
    SpectralConv2D,
    SpectralDense,
    SplitResidual,
)
from sklip.layers._shift import composed_taps, shifted
from sklip.layers.constrained import ConstrainedLayer, all_layers
from sklip.served import Shift, window_offsets
from tests.helpers import as_array, assert_keras_layer_contract, assert_orthonormal, singular_values
from tests.processes import COMPILED_SOONER, ROOT, run_command

BACKEND = keras.backend.backend()


@pytest.fixture(autouse=True)
def _seeded_tensorflow():
    """Keras' own ``fit`` shuffles the rows by the seed of TensorFlow."""
    keras.utils.set_random_seed(0)


def gradients(function, *variables):
    """Gradients of a scalar function of variables."""
    if BACKEND == "jax":
        import jax

        def total(values):
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return function()

        return [np.asarray(gradient) for gradient in jax.grad(total)([variable.value for variable in variables])]
    import tensorflow as tf

    with tf.GradientTape() as tape:
        total = function()
    return [as_array(gradient) for gradient in tape.gradient(total, [variable.value for variable in variables])]


def differences(function, variable, step=1e-6):
    """The gradient of a scalar function of a variable by central differences."""
    values, result = as_array(variable).copy(), np.zeros(variable.shape)
    for index in np.ndindex(values.shape):
        sides = []
        for sign in (1, -1):
            moved = values.copy()
            moved[index] += sign * step
            variable.assign(moved)
            sides.append(float(function()))
        result[index] = (sides[0] - sides[1]) / (2 * step)
    variable.assign(values)
    return result


def images(rng, *shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


def built(layer, shape):
    layer.build((None, *shape))
    return layer


def randomised(layer, rng):
    """The layer with random weights other than its kernels."""
    kernels = {id(kernel) for kernel in layer.constrained_kernels}
    for weight in layer.weights:
        if id(weight) not in kernels:
            weight.assign(0.5 * rng.standard_normal(weight.shape))
    return layer


# Convolutions in float64 by their definition -----------------------------------------------


def offsets_of(window):
    return list(itertools.product(*(range(-((size - 1) // 2), size // 2 + 1) for size in window)))


def to_channels(x, block):
    """Space to depth, pixel by pixel."""
    (height, width), (n, rows, columns, _) = block, x.shape
    parts = [x[:, dy::height, dx::width] for dy in range(height) for dx in range(width)]
    return np.concatenate(parts, axis=-1).reshape(n, rows // height, columns // width, -1)


def in_blocks(layer, x):
    (height, width), (_, rows, columns, _) = layer.block, x.shape
    if layer.padding == "valid":
        x = x[:, : rows // height * height, : columns // width * width]
    else:
        x = np.pad(x, ((0, 0), (0, -rows % height), (0, -columns % width), (0, 0)))
    return to_channels(x, layer.block)


def shift(z, window, padding):
    """``out[o] = z[o + offset]``, group by group."""
    rows, columns = z.shape[1:3]
    if padding == "valid":
        inside = (rows - window[0] + 1, columns - window[1] + 1)
        starts = [((window[0] - 1) // 2 + dy, (window[1] - 1) // 2 + dx) for dy, dx in offsets_of(window)]
        source = z
    else:
        inside, mode = (rows, columns), {"same": "constant", "circular": "wrap"}[padding]
        wide = ((0, 0), (window[0], window[0]), (window[1], window[1]), (0, 0))
        source = np.pad(z, wide, mode=mode)
        starts = [(window[0] + dy, window[1] + dx) for dy, dx in offsets_of(window)]
    groups = np.array_split(np.arange(z.shape[-1]), len(starts))
    parts = [
        source[:, row : row + inside[0], column : column + inside[1], group]
        for (row, column), group in zip(starts, groups, strict=True)
    ]
    return np.concatenate(parts, axis=-1)


def factored(layer, x, *, affine=True):
    """``Qᵀ shift(Rᵀ x + p) + b`` in float64, without the activation; without p and b if it is to be linear."""
    z = in_blocks(layer, np.float64(x))
    if layer.expansion is not None:
        z = z @ np.float64(as_array(layer.expansion))
        if layer.position_code is not None and affine:
            z = z + np.float64(as_array(layer.position_code))
        z = shift(z, layer.window, layer.padding)
    y = z @ np.float64(as_array(layer.kernel))
    return y + np.float64(as_array(layer.bias)) if layer.bias is not None and affine else y


def matrix_of(layer, shape):
    """The linear part as a matrix, one row per input value."""
    size = int(np.prod(shape))
    return factored(layer, np.eye(size).reshape(size, *shape), affine=False).reshape(size, -1)


CONVOLUTIONS = [
    ((8, 8, 1), {"filters": 2, "kernel_size": 3}),
    ((8, 8, 2), {"filters": 12, "kernel_size": 3}),
    ((8, 8, 12), {"filters": 3, "kernel_size": 3}),
    ((8, 8, 1), {"filters": 12, "kernel_size": 3, "padding": "circular"}),
    ((8, 8, 2), {"filters": 4, "kernel_size": 3, "padding": "circular"}),
    ((8, 8, 10), {"filters": 4, "kernel_size": 3, "padding": "circular"}),
    ((8, 8, 2), {"filters": 6, "kernel_size": 3, "padding": "valid"}),
    ((8, 8, 1), {"filters": 6, "kernel_size": 3, "strides": 2}),
    ((7, 9, 2), {"filters": 6, "kernel_size": 3, "strides": 2}),
    ((7, 9, 2), {"filters": 6, "kernel_size": 3, "strides": 2, "padding": "valid"}),
    ((8, 8, 2), {"filters": 6, "kernel_size": 3, "strides": 2, "padding": "circular"}),
    ((8, 8, 2), {"filters": 5, "kernel_size": 5, "strides": 2, "padding": "circular"}),
    ((8, 8, 2), {"filters": 30, "kernel_size": 5}),
    ((8, 8, 2), {"filters": 6, "kernel_size": 2}),
    ((8, 8, 2), {"filters": 6, "kernel_size": 4, "padding": "circular"}),
    ((8, 8, 2), {"filters": 6, "kernel_size": 2, "strides": 2}),
    ((7, 7, 2), {"filters": 6, "kernel_size": 2, "strides": 2}),
    ((8, 8, 2), {"filters": 6, "kernel_size": 2, "strides": 3}),
    ((6, 8, 2), {"filters": 6, "kernel_size": 1}),
    ((6, 8, 2), {"filters": 6, "kernel_size": (1, 3), "padding": "circular"}),
    ((6, 8, 2), {"filters": 6, "kernel_size": (3, 2), "strides": (1, 2)}),
    ((2, 2, 1), {"filters": 3, "kernel_size": 5}),
]
CONVOLUTION = pytest.mark.parametrize(("shape", "arguments"), CONVOLUTIONS, ids=str)


@CONVOLUTION
def test_a_convolution_is_the_product_of_its_factors(rng, shape, arguments):
    layer, x = randomised(built(SpectralConv2D(**arguments), shape), rng), images(rng, 3, *shape)
    outputs = as_array(layer(x))
    assert outputs.shape == tuple(layer.compute_output_shape((3, *shape)))
    np.testing.assert_allclose(outputs, factored(layer, x), atol=2e-6)


def is_orthonormal(layer):
    """Whether theory says that all singular values are 1."""
    if layer.expansion is None:
        return True
    return layer.padding == "circular" and layer.expansion.shape[1] == max(layer.expansion.shape[0], layer.filters)


def assert_norm(layer, shape):
    values = singular_values(matrix_of(layer, shape))
    assert values.max() <= 1 + 1e-5
    if is_orthonormal(layer) and layer.block == (1, 1):
        assert values.min() >= 1 - 1e-5


@CONVOLUTION
def test_a_built_convolution_has_norm_1_at_most(shape, arguments):
    layer = built(SpectralConv2D(**arguments), shape)
    for kernel in layer.constrained_kernels:
        assert_orthonormal(kernel)
    assert_norm(layer, shape)


def test_a_circular_convolution_with_strides_is_orthonormal():
    layer = built(SpectralConv2D(9, 3, strides=2, padding="circular"), (8, 8, 2))
    assert_orthonormal(matrix_of(layer, (8, 8, 2)))


@pytest.mark.parametrize("rate", [1e-2, 10.0])
@pytest.mark.parametrize(("shape", "arguments"), [CONVOLUTIONS[index] for index in (0, 1, 3, 10)], ids=str)
def test_a_trained_convolution_has_norm_1_at_most(rng, shape, arguments, rate):
    layer = SpectralConv2D(**arguments)
    network = keras.Sequential([keras.Input(shape), layer, keras.layers.Flatten(), FrobeniusDense(1)])
    before = network.get_weights()
    network.compile(optimizer=keras.optimizers.Adam(rate), loss="mse", jit_compile=BACKEND == "jax")
    network.fit(images(rng, 96, *shape), np.sign(rng.standard_normal(96)), epochs=2, verbose=0)
    assert all((old != new).any() for old, new in zip(before, network.get_weights(), strict=True))
    for kernel in layer.constrained_kernels:
        assert_orthonormal(kernel)
    assert_norm(layer, shape)


@pytest.mark.parametrize(
    ("inputs", "middle", "outputs", "window"), [(2, 9, 3, (3, 3)), (5, 32, 32, (3, 3)), (3, 7, 4, (1, 2))]
)
def test_taps_are_products_of_groups(rng, inputs, middle, outputs, window):
    expansion, kernel = images(rng, inputs, middle), images(rng, middle, outputs)
    taps = as_array(composed_taps(ops.convert_to_tensor(expansion), ops.convert_to_tensor(kernel), window))
    groups = np.array_split(np.arange(middle), window[0] * window[1])
    expected = np.reshape([expansion[:, group] @ kernel[group] for group in groups], taps.shape)
    np.testing.assert_allclose(taps, expected, atol=1e-6)


@pytest.mark.parametrize("padding", ["same", "circular", "valid"])
@pytest.mark.parametrize("window", [(3, 3), (2, 5), (1, 4)])
def test_the_shift_moves_groups_of_channels(rng, window, padding):
    x, operation = images(rng, 2, 5, 6, 11), Shift(window_offsets(*window), padding)
    np.testing.assert_array_equal(as_array(shifted(operation, ops.convert_to_tensor(x))), shift(x, window, padding))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("kernel_size", "strides"), [(3, 1), (2, 1), (5, 1), (3, 3), (2, 2)])
def test_outputs_have_the_shape_of_those_of_keras(kernel_size, strides, padding):
    theirs = keras.layers.Conv2D(4, kernel_size, strides=strides, padding=padding)
    ours = SpectralConv2D(4, kernel_size, strides=strides, padding=padding)
    assert ours.compute_output_shape((None, 11, 12, 2)) == theirs.compute_output_shape((None, 11, 12, 2))


@pytest.mark.parametrize("arguments", [{}, {"padding": "circular"}, {"strides": 2}, {"kernel_size": 1}], ids=str)
def test_gradients_of_a_convolution_equal_differences(rng, arguments):
    layer = SpectralConv2D(**{"filters": 4, "kernel_size": 3, "dtype": "float64", **arguments})
    randomised(built(layer, (4, 4, 2)), rng)
    x = keras.Variable(images(rng, 2, 4, 4, 2, dtype=np.float64), dtype="float64")
    slope = rng.standard_normal(layer.compute_output_shape((2, 4, 4, 2)))

    def total():
        return ops.sum(ops.square(layer(ops.convert_to_tensor(x))) * slope)

    variables = [x, *layer.trainable_variables]
    kernels = {id(kernel) for kernel in layer.constrained_kernels}
    for variable, gradient in zip(variables, gradients(total, *variables), strict=True):
        expected = differences(total, variable)
        if id(variable) in kernels:
            expected = as_array(manifold.tangent_projection(ops.convert_to_tensor(variable), expected))
        np.testing.assert_allclose(gradient, expected, atol=1e-6, err_msg=variable.name)


def test_a_convolution_takes_any_number_of_images(rng):
    model = keras.Sequential([keras.Input((6, 6, 2)), SpectralConv2D(4, 3, strides=2), ScaledL2NormPooling2D(2)])
    for n in (1, 5):
        assert model(images(rng, n, 6, 6, 2)).shape == (n, 1, 1, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 0}, "filters as a positive integer"),
        ({"kernel_size": 0}, "kernel_size as a positive integer"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size as a positive integer"),
        ({"strides": 1.5}, "strides as a positive integer"),
        ({"padding": "reflect"}, "'same', 'valid' or 'circular'"),
        ({"data_format": "channels_first"}, "data_format='channels_last' alone"),
        ({"dilation_rate": 2}, "dilation_rate=1 alone"),
        ({"groups": 2}, "groups=1 alone"),
    ],
    ids=str,
)
def test_arguments_that_a_convolution_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        SpectralConv2D(**{"filters": 4, "kernel_size": 3, **arguments})


def test_keras_arguments_of_one_possible_value_are_taken():
    layer = SpectralConv2D(4, 3, data_format="channels_last", dilation_rate=(1, 1), groups=1)
    assert not {"data_format", "dilation_rate", "groups"} & set(layer.get_config())


@pytest.mark.parametrize(
    ("shape", "arguments", "message"),
    [
        ((8, 7, 2), {"strides": 2, "padding": "circular"}, "must divide the image, but its width is 7"),
        ((2, 8, 2), {"padding": "valid"}, "height of 3 or more, but got 2"),
        ((2, 8, 2), {"padding": "circular"}, "height of 3 or more, but got 2"),
        ((8, 8), {}, r"known shape \(height, width, channels\).*\(8, 8\)"),
        ((None, 8, 2), {}, r"known shape"),
    ],
    ids=str,
)
def test_images_that_a_convolution_refuses(shape, arguments, message):
    with pytest.raises(ValueError, match=message):
        SpectralConv2D(4, 3, **arguments).build((None, *shape))


def test_channels_first_in_keras_settings_is_refused(monkeypatch):
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    with pytest.raises(ValueError, match="set to channels first"):
        ScaledL2NormPooling2D(2)


# Activations on images ----------------------------------------------------------------------


@pytest.mark.parametrize("layer", [GroupSort(2), GroupSort(4), MaxMin(), Abs(), Abs(0.5)], ids=lambda layer: layer.name)
def test_activations_act_on_the_channels(rng, layer):
    x = images(rng, 2, 3, 3, 8)
    np.testing.assert_array_equal(as_array(layer(x)), as_array(layer(x.reshape(-1, 8))).reshape(x.shape))


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.3, 2), (0.5, 4), (1.0, 8)])
def test_abs_acts_on_a_share_of_the_channels(rng, share, count):
    x = images(rng, 2, 8)
    expected = np.concatenate([np.abs(x[:, :count]), x[:, count:]], axis=1)
    np.testing.assert_array_equal(as_array(Abs(share)(x)), expected)


@pytest.mark.parametrize("share", [-0.1, 1.1, "1", None, True])
def test_a_share_that_is_none_raises(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        Abs(share)


# Sampling and padding -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, (2, 3), (3, 1)])
def test_down_sampling_is_space_to_depth_and_up_sampling_its_inverse(rng, size):
    x = images(rng, 2, 6, 6, 3)
    down = InvertibleDownSampling(size)
    z = as_array(down(x))
    np.testing.assert_array_equal(z, to_channels(x, down.pool_size))
    np.testing.assert_array_equal(as_array(InvertibleUpSampling(size)(z)), x)


def test_blocks_that_do_not_fit_raise():
    with pytest.raises(ValueError, match="blocks of 2 x 2 pixels that divide the image, but it has 5 x 4"):
        InvertibleDownSampling(2)(np.zeros((1, 5, 4, 1)))
    with pytest.raises(ValueError, match=r"a multiple of 4 channels.*has 6"):
        InvertibleUpSampling(2)(np.zeros((1, 5, 4, 6)))


@pytest.mark.parametrize("padding", [1, 0, (2, 1), ((1, 0), (0, 3)), ((4, 4), (5, 5))])
def test_circular_padding_equals_numpy(rng, padding):
    layer, x = CircularPadding2D(padding), images(rng, 2, 4, 5, 3)
    expected = np.pad(x, ((0, 0), *layer.padding, (0, 0)), mode="wrap")
    np.testing.assert_array_equal(as_array(layer(x)), expected)
    assert layer.compute_output_shape((2, 4, 5, 3)) == expected.shape


@pytest.mark.parametrize("padding", [-1, 1.5, (1, 2, 3), ((1, 2), (3,)), "1", None])
def test_a_padding_that_is_none_raises(padding):
    with pytest.raises(ValueError, match="none of them negative"):
        CircularPadding2D(padding)


def test_a_padding_beyond_the_image_raises():
    with pytest.raises(ValueError, match="at most the whole image, which has 2 x 3"):
        CircularPadding2D(3)(np.zeros((1, 2, 3, 1)))


# Pooling ------------------------------------------------------------------------------------


def windows(x, size):
    """The windows' values on the last axis."""
    (height, width), (n, rows, columns, channels) = size, x.shape
    x = x[:, : rows // height * height, : columns // width * width]
    parts = x.reshape(n, rows // height, height, columns // width, width, channels)
    return parts.transpose(0, 1, 3, 5, 2, 4).reshape(n, rows // height, columns // width, channels, -1)


@pytest.mark.parametrize("size", [1, 2, 3, (2, 3), (5, 7)])
def test_pooling_equals_numpy(rng, size):
    x = images(rng, 2, 5, 7, 3)
    layer = ScaledL2NormPooling2D(size)
    values = windows(np.float64(x), layer.pool_size)
    np.testing.assert_allclose(as_array(layer(x)), np.linalg.norm(values, axis=-1), rtol=1e-5)
    sums = values.sum(-1) / np.sqrt(values.shape[-1])
    np.testing.assert_allclose(as_array(ScaledAveragePooling2D(size)(x)), sums, atol=1e-5)


def test_global_pooling_equals_numpy(rng):
    x = images(rng, 2, 5, 7, 3)
    norms = np.linalg.norm(x.reshape(2, 35, 3), axis=1)
    np.testing.assert_allclose(as_array(ScaledGlobalL2NormPooling2D()(x)), norms, rtol=1e-5)
    sums = x.sum((1, 2)) / np.sqrt(35)
    np.testing.assert_allclose(as_array(ScaledGlobalAveragePooling2D()(x)), sums, atol=1e-5)


POOLINGS = [
    ScaledL2NormPooling2D(2),
    ScaledL2NormPooling2D((3, 2)),
    ScaledAveragePooling2D(2),
    ScaledGlobalL2NormPooling2D(),
    ScaledGlobalAveragePooling2D(),
]
POOLING = pytest.mark.parametrize("layer", POOLINGS, ids=lambda layer: type(layer).__name__)


@POOLING
def test_gradients_of_pooling_equal_differences(rng, layer):
    layer = type(layer).from_config({**layer.get_config(), "dtype": "float64"})
    x = keras.Variable(images(rng, 2, 5, 4, 2, dtype=np.float64), dtype="float64")
    slope = rng.standard_normal(layer.compute_output_shape((2, 5, 4, 2)))

    def total():
        return ops.sum(layer(ops.convert_to_tensor(x)) * slope)

    np.testing.assert_allclose(gradients(total, x)[0], differences(total, x), atol=1e-7)


@pytest.mark.parametrize("layer", [ScaledL2NormPooling2D(2), ScaledGlobalL2NormPooling2D()])
def test_the_gradient_of_the_norm_of_zeros_is_0(layer):
    values = np.zeros((1, 4, 4, 1), dtype=np.float32)
    values[0, 2, 2] = 3.0
    for scale in (0.0, 1.0):
        x = keras.Variable(scale * values)
        (gradient,) = gradients(lambda x=x: ops.sum(layer(ops.convert_to_tensor(x))), x)
        np.testing.assert_array_equal(gradient, scale * (values > 0))


@pytest.mark.parametrize("layer", [ScaledL2NormPooling2D, ScaledGlobalL2NormPooling2D])
def test_norms_of_half_precision_neither_overflow_nor_vanish(layer):
    pool = layer(dtype="float16")
    for value in (1e4, 1e-4):
        outputs = pool(np.full((1, 2, 2, 1), value, dtype=np.float16))
        assert keras.backend.standardize_dtype(outputs.dtype) == "float16"
        np.testing.assert_allclose(as_array(outputs).ravel(), [2 * value], rtol=1e-2)


@pytest.mark.parametrize("kind", [ScaledL2NormPooling2D, ScaledAveragePooling2D])
def test_pooling_over_windows_that_overlap_is_refused(kind):
    assert kind(2, strides=(2, 2), padding="valid").pool_size == kind(2, strides=2).strides == (2, 2)
    with pytest.raises(ValueError, match="several windows would count several times"):
        kind(3, strides=2)
    with pytest.raises(ValueError, match="padding='valid' alone"):
        kind(2, padding="same")
    with pytest.raises(ValueError, match="windows of 5 x 2 pixels, but its input has 4 x 4"):
        kind((5, 2))(np.zeros((1, 4, 4, 1)))


# Residuals ----------------------------------------------------------------------------------


def test_residual_dense_equals_numpy(rng):
    layer, x = randomised(built(ResidualDense(3), (5,)), rng), images(rng, 7, 5)
    kernel, bias = np.float64(as_array(layer.kernel)), np.float64(as_array(layer.bias))
    np.testing.assert_allclose(as_array(layer(x)), x - 2 * np.maximum(x @ kernel + bias, 0) @ kernel.T, atol=1e-6)


RESIDUAL_CONVOLUTIONS = [
    ((5, 5, 2), {"filters": 6, "kernel_size": 3}),
    ((5, 6, 2), {"filters": 3, "kernel_size": (2, 4)}),
    ((5, 5, 2), {"filters": 12, "kernel_size": 3, "padding": "circular"}),
    ((5, 6, 2), {"filters": 3, "kernel_size": (2, 4), "padding": "circular"}),
    ((5, 5, 2), {"filters": 2, "kernel_size": 1, "use_bias": False}),
]


@pytest.mark.parametrize(("shape", "arguments"), RESIDUAL_CONVOLUTIONS, ids=str)
def test_a_residual_convolution_equals_its_definition(rng, shape, arguments):
    layer, x = randomised(built(ResidualConv2D(**arguments), shape), rng), images(rng, 3, *shape)
    hidden = np.maximum(factored(layer, x), 0).reshape(3, -1)
    expected = x.reshape(3, -1) - 2 * hidden @ matrix_of(layer, shape).T
    np.testing.assert_allclose(as_array(layer(x)).reshape(3, -1), expected, atol=2e-6)


def test_a_residual_convolution_keeps_the_size_of_images():
    with pytest.raises(ValueError, match="images keep their size"):
        ResidualConv2D(4, 3, padding="valid")


@pytest.mark.parametrize("layer", [ResidualDense(6), ResidualConv2D(8, 3), ResidualConv2D(8, 3, padding="circular")])
def test_residuals_are_1_lipschitz(rng, layer):
    shape = (4,) if isinstance(layer, ResidualDense) else (4, 4, 2)
    randomised(built(layer, shape), rng)
    x = images(rng, 100, *shape)
    y = x + images(rng, 100, *shape) * 10.0 ** rng.uniform(-2, 1, (100, *[1] * len(shape))).astype(np.float32)
    moved = np.linalg.norm((as_array(layer(y)) - as_array(layer(x))).reshape(100, -1), axis=1)
    assert (moved <= (1 + 1e-5) * np.linalg.norm((y - x).reshape(100, -1), axis=1) + 1e-6).all()


@pytest.mark.parametrize(
    "layer", [ResidualDense(3, dtype="float64"), ResidualConv2D(3, 2, dtype="float64", padding="circular")]
)
def test_gradients_of_residuals_equal_differences(rng, layer):
    shape = (4,) if isinstance(layer, ResidualDense) else (3, 3, 2)
    randomised(built(layer, shape), rng)
    x = keras.Variable(images(rng, 2, *shape, dtype=np.float64), dtype="float64")
    slope = rng.standard_normal((2, *shape))

    def total():
        return ops.sum(layer(ops.convert_to_tensor(x)) * slope)

    variables = [x, *layer.trainable_variables]
    kernels = {id(kernel) for kernel in layer.constrained_kernels}
    for variable, gradient in zip(variables, gradients(total, *variables), strict=True):
        expected = differences(total, variable)
        if id(variable) in kernels:
            expected = as_array(manifold.tangent_projection(ops.convert_to_tensor(variable), expected))
        np.testing.assert_allclose(gradient, expected, atol=1e-6, err_msg=variable.name)


def test_a_split_residual_keeps_the_first_half(rng):
    inner, x = SpectralConv2D(3, 3), images(rng, 2, 5, 5, 6)
    outputs = as_array(SplitResidual(inner)(x))
    np.testing.assert_array_equal(outputs[..., :3], x[..., :3])
    np.testing.assert_allclose(outputs[..., 3:], factored(inner, x[..., 3:]), atol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, -3.0, 2.0])
def test_a_mix_residual_weighs_both_parts(rng, alpha):
    inner, x = SpectralDense(4), images(rng, 3, 4)
    outputs = as_array(MixResidual(inner, alpha_initializer=keras.initializers.Constant(alpha))(x))
    share = 1 / (1 + np.exp(-alpha))
    np.testing.assert_allclose(outputs, share * x + (1 - share) * as_array(inner(x)), atol=1e-6)


def test_residuals_take_models_and_pass_the_mode_of_training_on(rng):
    x = np.ones((4, 64), dtype=np.float32)
    for kind, shape in ((SplitResidual, 32), (MixResidual, 64)):
        inner = keras.Sequential([SpectralDense(shape), keras.layers.Dropout(0.5)])
        model = keras.Sequential([keras.Input((64,)), kind(inner)])
        still, moved = as_array(model(x)), as_array(model(x, training=True))
        assert (still[0] == still[1]).all() and (moved[0] != moved[1]).any()


def test_residuals_that_are_refused():
    with pytest.raises(ValueError, match="even number of channels, but its input has 5"):
        SplitResidual(SpectralDense(2))(np.zeros((1, 5)))
    for kind in (SplitResidual, MixResidual):
        with pytest.raises(ValueError, match=r"makes \(3,\) of"):
            kind(SpectralDense(3, name="three"))(np.zeros((1, 8)))
        with pytest.raises(ValueError, match=r"a Keras layer or a keras.Sequential; got str"):
            kind("relu")


# Training -----------------------------------------------------------------------------------


def everything():
    """A network with every layer on images."""
    keep = {"kernel_constraint": Orthonormal(iterate=False)}
    inner = keras.Sequential([SpectralConv2D(8, 3, activation="groupsort2", **keep), Abs(0.5)], name="inner")
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            InvertibleDownSampling(2),
            SpectralConv2D(16, 3, padding="circular", activation="maxmin", **keep),
            SplitResidual(inner),
            keras.Sequential([MixResidual(ResidualConv2D(8, 3, **keep)), GroupSort(4)], name="nested"),
            CircularPadding2D(1),
            SpectralConv2D(16, 2, strides=2, **keep),
            ScaledAveragePooling2D((1, 3)),
            InvertibleUpSampling((1, 2)),
            ScaledL2NormPooling2D(1),
            ScaledGlobalL2NormPooling2D(),
            ResidualDense(4, **keep),
            FrobeniusDense(1),
        ]
    )


def constrained(model):
    return [layer for layer in all_layers(model) if isinstance(layer, ConstrainedLayer)]


def test_all_layers_are_found_once_and_in_order():
    shared = GroupSort(2)
    inner = keras.Sequential([SpectralDense(4, name="b"), shared])
    model = keras.Sequential([keras.Input((8,)), SpectralDense(8, name="a"), shared, SplitResidual(inner, name="s")])
    assert [layer.name for layer in all_layers(model) if layer is not shared] == ["a", "s", "b"]
    assert sum(layer is shared for layer in all_layers(model)) == 1
    kinds = [type(layer).__name__ for layer in constrained(everything())]
    assert kinds == [*["SpectralConv2D"] * 2, "ResidualConv2D", "SpectralConv2D", "ResidualDense", "FrobeniusDense"]


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_network_of_all_layers_trains_on_its_manifolds(rng, jit_compile, tmp_path):
    model, x = everything(), images(rng, 96, 8, 8, 2)
    before = [kernel.numpy() for layer in constrained(model) for kernel in layer.constrained_kernels]
    model.compile(optimizer=keras.optimizers.Adam(0.03), loss="mse", jit_compile=jit_compile)
    history = model.fit(x, x[:, 0, 0, 0], batch_size=32, epochs=4, verbose=0).history["loss"]
    assert history[-1] < history[0]
    for layer in constrained(model):
        layer.end_epoch()
        layer.end_training()
        if not isinstance(layer, FrobeniusDense):
            for kernel in layer.constrained_kernels:
                assert_orthonormal(kernel, 1e-6)
    after = [kernel.numpy() for layer in constrained(model) for kernel in layer.constrained_kernels]
    assert all((old != new).any() for old, new in zip(before, after, strict=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    np.testing.assert_allclose(twin.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)


def test_kernels_set_by_hand_are_saved_on_the_manifold(rng, tmp_path):
    model = everything()
    for layer in constrained(model):
        for kernel in layer.constrained_kernels:
            kernel.assign(7 * rng.standard_normal(kernel.shape))
    model.save(tmp_path / "model.keras")
    for layer in constrained(keras.models.load_model(tmp_path / "model.keras"))[:-1]:
        for kernel in layer.constrained_kernels:
            assert_orthonormal(kernel)


@pytest.mark.parametrize("policy", ["float64", "mixed_float16", "mixed_bfloat16"])
def test_convolutions_of_other_dtype_policies_train_on_the_manifold(rng, policy):
    layers = [
        SpectralConv2D(16, 3, padding="circular", activation="groupsort2", dtype=policy),
        ScaledL2NormPooling2D(2, dtype=policy),
        ResidualConv2D(4, 3, dtype=policy),
        keras.layers.Flatten(dtype=policy),
        FrobeniusDense(1, dtype=policy),
    ]
    model = keras.Sequential([keras.Input((6, 6, 2)), *layers])
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    model.fit(images(rng, 64, 6, 6, 2), np.ones(64), verbose=0)
    for layer in (layers[0], layers[2]):
        for kernel in layer.constrained_kernels:
            assert_orthonormal(as_array(kernel))
            assert keras.backend.standardize_dtype(kernel.dtype) == layer.variable_dtype
        assert (
            keras.backend.standardize_dtype(layer(np.zeros(layer.input.shape[1:])[None]).dtype) == layer.compute_dtype
        )


# Drawing ------------------------------------------------------------------------------------


def test_drawn_weights_depend_on_the_generator_alone():
    model = everything()
    results = []
    for seed in (0, 1, 0):
        for weight in model.trainable_variables:
            weight.assign(ops.ones_like(weight.value))
        rng = np.random.default_rng(seed)
        for layer in all_layers(model):
            if hasattr(layer, "draw"):
                layer.draw(rng)
        results.append(model.get_weights())
    assert all((first == third).all() for first, third in zip(results[0], results[2], strict=True))
    assert any((first != second).any() for first, second in zip(results[0], results[1], strict=True))
    for layer in constrained(model)[:-1]:
        for kernel in layer.constrained_kernels:
            assert_orthonormal(kernel, 1e-6)
        assert layer.bias is None or not as_array(layer.bias).any()
    assert not as_array(model.layers[1].position_code).any()


def test_draw_keeps_what_an_initializer_of_the_user_gives(rng):
    initializer = keras.initializers.RandomNormal(seed=3)
    layer = SpectralConv2D(12, 3, kernel_initializer=initializer, bias_initializer="ones")
    built(layer, (5, 5, 2))
    before = layer.get_weights()
    for weight in layer.weights:
        weight.assign(ops.zeros(weight.shape))
    layer.draw(rng)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


# Files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer",
    [
        SpectralConv2D(6, 3),
        SpectralConv2D(6, (3, 2), strides=(1, 2), padding="valid", activation="tanh", use_bias=False, trainable=False),
        SpectralConv2D(6, 3, padding="circular", activation="groupsort2", kernel_constraint=Orthonormal(iterate=False)),
        SpectralConv2D(6, 2, strides=2, activation=keras.layers.LeakyReLU(0.5), kernel_initializer="he_normal"),
        ResidualConv2D(6, 3, padding="circular", name="residual"),
        InvertibleDownSampling((2, 1)),
        InvertibleUpSampling((1, 2)),
        CircularPadding2D(((1, 0), (2, 3))),
        *POOLINGS,
        Abs(0.5),
        ResidualDense(3),
        SplitResidual(SpectralConv2D(2, 3, activation="abs")),
        SplitResidual(keras.Sequential([SpectralDense(2), MaxMin()])),
        MixResidual(ResidualDense(3), alpha_initializer="ones"),
    ],
    ids=lambda layer: layer.name,
)
def test_layers_keep_the_keras_contract(layer, tmp_path):
    assert_keras_layer_contract(layer, (6, 8, 4), tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(BACKEND == "jax", reason="this is what runs there")
def test_what_layers_compute_and_train_holds_on_jax():
    computed = "definition or network_of_all_layers or drawn"
    arguments = ["-q", "-p", "no:cacheprovider", "-n", "0", "-W", "ignore", "-k", computed]
    command = [sys.executable, "-m", "pytest", *arguments, ROOT / "tests" / "test_image_layers.py"]
    environment = {"KERAS_BACKEND": "jax", "JAX_ENABLE_X64": "1", "PYTHONPATH": str(ROOT)}
    print(run_command(command, timeout=900, **environment, **COMPILED_SOONER))
