from functools import cache

import keras
import numpy as np
import pytest

from sklip.arithmetic import polar_factor
from sklip.layers import (
    FrobeniusDense,
    FullSort,
    GroupSort,
    MaxMin,
    Orthonormal,
    SpectralDense,
    UnitColumns,
    activation_layer,
)
from sklip.losses import HKR
from sklip.served import activation as operation_of
from tests.helpers import (
    ACTIVATIONS,
    as_array,
    assert_is_1_lipschitz,
    assert_keras_layer_contract,
    assert_orthonormal,
    assert_same_model,
    random_kernel,
    singular_values,
)

tf = pytest.importorskip("tensorflow")

DENSE = pytest.mark.parametrize("dense", [SpectralDense, FrobeniusDense])


@pytest.fixture(autouse=True)
def _seeded_tensorflow():
    """Keras' own ``fit`` shuffles the rows by the seed of TensorFlow."""
    keras.utils.set_random_seed(0)


def _gradient(function, *variables):
    with tf.GradientTape() as tape:
        total = function()
    return [as_array(gradient) for gradient in tape.gradient(total, variables)]


# Activations --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["groupsort2", "groupsort3", "groupsort6", "fullsort", "maxmin", "relu", "abs"])
@pytest.mark.parametrize("shape", [(5, 6), (1, 12), (2, 3, 6)])
def test_activation_layers_equal_numpy(rng, name, shape):
    x = rng.standard_normal(shape).astype(np.float32)
    expected = operation_of(name).forward(x.reshape(-1, shape[-1])).reshape(shape)
    np.testing.assert_array_equal(as_array(activation_layer(name)(x)), expected)


@pytest.mark.parametrize("width", [1, 2, 7])
def test_fullsort_takes_any_width(rng, width):
    x = rng.standard_normal((4, width)).astype(np.float32)
    np.testing.assert_array_equal(as_array(FullSort()(x)), np.sort(x, axis=-1))


@pytest.mark.parametrize(("layer", "width"), [(GroupSort(2), 3), (GroupSort(4), 6), (GroupSort(5), 3), (MaxMin(), 7)])
def test_a_width_that_groups_do_not_divide_raises(layer, width):
    size = getattr(layer, "n", 2)
    with pytest.raises(ValueError, match=rf"groups of {size} values.* {width} per row.*multiple of {size}"):
        layer(np.zeros((1, width), dtype=np.float32))


def test_a_dense_layer_whose_units_its_activation_does_not_divide_raises():
    with pytest.raises(ValueError, match="multiple of 4"):
        SpectralDense(6, activation="groupsort4").build((None, 3))


@pytest.mark.parametrize("n", [0, -2, 1.5, "2", None])
def test_groupsort_of_no_positive_integer_raises(n):
    with pytest.raises(ValueError, match="positive integer"):
        GroupSort(n)


@pytest.mark.parametrize("layer", [GroupSort(2), GroupSort(3), FullSort(), MaxMin()])
def test_gradients_of_sorting_layers_equal_finite_differences(rng, layer):
    layer = type(layer).from_config({**layer.get_config(), "dtype": "float64"})
    x, slope, step = tf.Variable(rng.standard_normal((3, 6))), rng.standard_normal((3, 6)), 1e-6
    (gradient,) = _gradient(lambda: tf.reduce_sum(layer(x) * slope), x)
    for index in np.ndindex(3, 6):
        shift = np.zeros((3, 6))
        shift[index] = step
        difference = np.sum((as_array(layer(x + shift)) - as_array(layer(x - shift))) * slope) / (2 * step)
        assert gradient[index] == pytest.approx(difference, abs=1e-8)


@pytest.mark.parametrize("layer", [GroupSort(2), MaxMin()])
def test_the_gradient_of_a_tie_keeps_its_norm(layer):
    """Both units of a tied pair are equal; the gradient goes to one each, and none is lost or doubled."""
    x = tf.Variable(np.ones((1, 4), dtype=np.float32))
    (gradient,) = _gradient(lambda: tf.reduce_sum(layer(x) * np.array([1.0, 2.0, 3.0, 4.0], dtype=np.float32)), x)
    np.testing.assert_array_equal(np.sort(gradient[0]), [1.0, 2.0, 3.0, 4.0])


# Values -------------------------------------------------------------------------------------


@DENSE
@pytest.mark.parametrize("activation", [None, *ACTIVATIONS])
def test_dense_layers_equal_numpy(rng, dense, activation):
    layer = dense(8, activation=activation, bias_initializer="random_normal")
    x = rng.standard_normal((5, 6)).astype(np.float32)
    outputs = as_array(layer(x))
    expected = np.float64(x) @ as_array(layer.kernel) + as_array(layer.bias)
    np.testing.assert_allclose(
        outputs, operation_of(activation).forward(expected) if activation else expected, atol=1e-6
    )


def test_dense_layers_take_any_keras_activation(rng):
    x = rng.standard_normal((5, 6)).astype(np.float32)
    by_name, by_layer = SpectralDense(4, activation="tanh"), SpectralDense(4, activation=keras.layers.ReLU())
    np.testing.assert_allclose(as_array(by_name(x)), np.tanh(x @ as_array(by_name.kernel)), atol=1e-6)
    np.testing.assert_allclose(as_array(by_layer(x)), np.maximum(x @ as_array(by_layer.kernel), 0), atol=1e-6)


@DENSE
def test_no_bias(dense):
    layer = dense(4, use_bias=False)
    layer.build((None, 3))
    assert [weight.name for weight in layer.weights] == ["kernel"]


@DENSE
def test_dense_layers_take_more_axes(rng, dense):
    layer, x = dense(4), rng.standard_normal((2, 3, 6)).astype(np.float32)
    np.testing.assert_allclose(as_array(layer(x)), x @ as_array(layer.kernel), atol=1e-6)


@DENSE
@pytest.mark.parametrize("units", [0, -1, 2.0, "4", None])
def test_units_that_are_no_positive_integer_raise(dense, units):
    with pytest.raises(ValueError, match="positive integer"):
        dense(units)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (3, 1), (1, 3), (130, 70)])
@pytest.mark.parametrize("initializer", ["orthogonal", "glorot_uniform", keras.initializers.RandomNormal(stddev=30.0)])
def test_a_built_kernel_is_orthonormal(shape, initializer):
    layer = SpectralDense(shape[1], kernel_initializer=initializer)
    layer.build((None, shape[0]))
    assert_orthonormal(layer.kernel)


@pytest.mark.parametrize("initializer", ["orthogonal", "glorot_uniform", keras.initializers.RandomNormal(stddev=1e9)])
def test_built_columns_have_norm_1(initializer):
    layer = FrobeniusDense(7, kernel_initializer=initializer)
    layer.build((None, 3))
    np.testing.assert_allclose(np.linalg.norm(as_array(layer.kernel), axis=0), 1.0, atol=1e-6)


@pytest.mark.parametrize("activation", [None, *ACTIVATIONS])
@pytest.mark.parametrize(("width", "units"), [(6, 8), (12, 8)])
def test_spectral_dense_is_1_lipschitz(width, units, activation):
    assert_is_1_lipschitz(SpectralDense(units, activation=activation, bias_initializer="random_normal"), width)


def test_each_output_of_frobenius_dense_is_1_lipschitz():
    layer = FrobeniusDense(5)
    for output in range(5):
        assert_is_1_lipschitz(lambda x, output=output: layer(x)[:, output : output + 1], 4)


# Gradients ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "units"), [(6, 4), (4, 6), (5, 5)])
def test_the_gradient_of_spectral_dense_is_tangent(rng, width, units):
    layer, x = SpectralDense(units), rng.standard_normal((9, width)).astype(np.float32)
    layer(x)
    (gradient,) = _gradient(lambda: tf.reduce_sum(tf.square(layer(x) - 1.0)), layer.kernel)
    kernel, gradient = (
        (array.T if width < units else array) for array in map(np.float64, (as_array(layer.kernel), gradient))
    )
    inner = kernel.T @ gradient
    assert np.abs(inner + inner.T).max() < 1e-5 * np.linalg.norm(gradient)
    assert np.linalg.norm(gradient) > 1


def test_the_gradient_of_frobenius_dense_is_orthogonal_to_each_column(rng):
    layer, x = FrobeniusDense(4), rng.standard_normal((9, 6)).astype(np.float32)
    layer(x)
    (gradient,) = _gradient(lambda: tf.reduce_sum(tf.square(layer(x) - 1.0)), layer.kernel)
    assert np.abs(np.sum(as_array(layer.kernel) * gradient, axis=0)).max() < 1e-5 * np.linalg.norm(gradient)
    assert np.linalg.norm(gradient) > 1


# Constraints --------------------------------------------------------------------------------


@pytest.mark.parametrize("constraint", [Orthonormal(), Orthonormal(iterate=False), UnitColumns()])
def test_constraints_survive_their_configuration(constraint):
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(constraint))
    assert type(twin) is type(constraint) and vars(twin) == vars(constraint)


def test_a_constraint_of_ones_own_is_kept():
    layer = SpectralDense(4, kernel_constraint=Orthonormal(iterate=False))
    assert SpectralDense.from_config(layer.get_config()).kernel_constraint.iterate is False


# Training -----------------------------------------------------------------------------------


def _network():
    return keras.Sequential(
        [
            keras.Input((6,)),
            SpectralDense(24, activation="groupsort2"),
            SpectralDense(16, activation="fullsort"),
            SpectralDense(20, activation="maxmin"),
            FrobeniusDense(1),
        ]
    )


class _Watch(keras.callbacks.Callback):
    """Norms of the kernels after every step."""

    def __init__(self):
        super().__init__()
        self.norms = []

    def on_train_batch_end(self, batch, logs=None):
        *hidden, head = (as_array(layer.kernel) for layer in self.model.layers)
        finite = all(np.isfinite(weight).all() for weight in self.model.get_weights())
        columns = np.linalg.norm(head, axis=0)
        self.norms.append([max(singular_values(kernel).max() for kernel in hidden) if finite else np.nan, *columns])


@cache
def _compiled(optimizer, loss):
    """A network, its weights, and the variables of its optimizer; Keras compiles once for all learning rates."""
    network = _network()
    network.compile(optimizer=optimizer(1.0), loss=loss() if isinstance(loss, type) else loss)
    network.optimizer.build(network.trainable_variables)
    return network, network.get_weights(), [as_array(variable) for variable in network.optimizer.variables]


def _at_the_start(optimizer, rate, loss):
    """A compiled network with the weights that it had when it was built, of a learning rate."""
    network, weights, state = _compiled(optimizer, loss)
    network.set_weights(weights)
    for variable, value in zip(network.optimizer.variables, state, strict=True):
        variable.assign(value)
    network.optimizer.learning_rate = rate
    return network


@pytest.mark.parametrize(
    ("optimizer", "rate"),
    [
        *((keras.optimizers.Adam, rate) for rate in (1e-5, 1e-2, 1.0, 10.0)),
        *((keras.optimizers.SGD, rate) for rate in (10.0, 1e6)),
    ],
)
def test_kernels_stay_on_their_manifolds_whatever_the_optimizer_does(rng, optimizer, rate):
    """The loss has bounded slopes, so that it is not the biases that overflow."""
    x, y = rng.standard_normal((320, 6)), np.sign(rng.standard_normal(320))
    network, watch = _at_the_start(optimizer, rate, HKR), _Watch()
    before = network.get_weights()
    network.fit(x, y, batch_size=32, epochs=2, verbose=0, callbacks=[watch])
    norms = np.array(watch.norms)
    assert len(norms) == 20
    assert (norms[:, 0] <= 1 + 1e-5).all(), norms[:, 0]
    np.testing.assert_allclose(norms[:, 1:], 1.0, atol=1e-5)
    for layer in network.layers[:-1]:
        assert_orthonormal(layer.kernel)
    assert any((old != new).any() for old, new in zip(before, network.get_weights(), strict=True))


def test_a_single_pass_a_step_keeps_the_norm(rng):
    network, watch = keras.Sequential(
        [
            keras.Input((6,)),
            SpectralDense(24, activation="groupsort2", kernel_constraint=Orthonormal(iterate=False)),
            FrobeniusDense(1),
        ]
    ), _Watch()  # fmt: skip
    network.compile(optimizer=keras.optimizers.Adam(1.0), loss="mse")
    network.fit(rng.standard_normal((320, 6)), np.ones(320), verbose=0, callbacks=[watch])
    assert (np.array(watch.norms)[:, 0] <= 1 + 1e-5).all()
    network.layers[0].retract()
    assert_orthonormal(network.layers[0].kernel)


def test_training_lowers_the_loss(rng):
    x = rng.standard_normal((256, 6)).astype(np.float32)
    network = _network()
    network.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    history = network.fit(x, np.abs(x[:, 0]), batch_size=32, epochs=8, verbose=0).history["loss"]
    assert history[-1] < 0.7 * history[0]


@pytest.mark.parametrize("policy", ["float64", "mixed_float16", "mixed_bfloat16"])
def test_other_dtype_policies_train_on_the_manifold(rng, policy):
    layer = SpectralDense(8, dtype=policy)
    network = keras.Sequential([keras.Input((6,)), layer, FrobeniusDense(1, dtype=policy)])
    network.compile(optimizer=keras.optimizers.Adam(0.1), loss="mse")
    network.fit(rng.standard_normal((64, 6)), np.ones(64), verbose=0)
    assert_orthonormal(as_array(layer.kernel))
    assert layer(np.zeros((1, 6))).dtype == layer.compute_dtype


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("policy", ["float64", "mixed_float16"])
def test_an_activation_computes_in_the_dtype_of_its_layer(rng, activation, policy):
    layer, x = SpectralDense(8, activation=activation, dtype=policy), rng.standard_normal((5, 6))
    outputs = layer(x)
    assert keras.backend.standardize_dtype(outputs.dtype) == layer.compute_dtype
    if policy == "float64":
        np.testing.assert_allclose(
            as_array(outputs), operation_of(activation).forward(x @ as_array(layer.kernel)), atol=1e-14
        )


# Kernels set by hand ------------------------------------------------------------------------


def _of_full_rank(rng, scale):
    return random_kernel(rng, 6, 24, scale * 10.0 ** np.linspace(-4, 0, 6), np.float32)


@pytest.mark.parametrize("scale", [1e-20, 1e-3, 7.0, 1e18])
def test_a_kernel_set_by_hand_is_back_on_the_manifold_after_one_step(rng, scale):
    network = _at_the_start(keras.optimizers.SGD, 1e-6, "mse")
    network.layers[0].kernel.assign(_of_full_rank(rng, scale))
    network.train_on_batch(np.zeros((4, 6)), np.zeros(4))
    assert_orthonormal(network.layers[0].kernel)


@pytest.mark.parametrize("scale", [1e-20, 7.0, 1e18])
def test_a_kernel_set_by_hand_is_saved_on_the_manifold(rng, tmp_path, scale):
    network = _network()
    network.layers[0].kernel.assign(_of_full_rank(rng, scale))
    network.layers[-1].kernel.assign(scale * rng.standard_normal((20, 1)))
    network.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_orthonormal(loaded.layers[0].kernel)
    np.testing.assert_allclose(np.linalg.norm(as_array(loaded.layers[-1].kernel), axis=0), 1.0, atol=1e-6)
    for here, there in zip(network.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(here, there)


# Drawing ------------------------------------------------------------------------------------


def test_drawn_kernels_are_polar_factors_of_normal_numbers_in_the_order_of_the_layers():
    network = _network()
    rng = np.random.default_rng(5)
    for layer in network.layers:
        layer.draw(rng)
    rng = np.random.default_rng(5)
    for layer in network.layers:
        expected = polar_factor(rng.standard_normal(layer.kernel.shape))
        if isinstance(layer, FrobeniusDense):
            expected = expected / np.linalg.norm(expected, axis=0)
        np.testing.assert_array_equal(as_array(layer.kernel), expected.astype(np.float32))
        assert not as_array(layer.bias).any()


# Fronts of the other norms ------------------------------------------------------------------


# Files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer",
    [
        GroupSort(2),
        GroupSort(4, name="in_fours"),
        FullSort(),
        MaxMin(),
        SpectralDense(5),
        FrobeniusDense(5),
        SpectralDense(5, activation="tanh", use_bias=False, kernel_initializer="he_normal", trainable=False),
        SpectralDense(4, activation=keras.layers.LeakyReLU(0.5), kernel_constraint=Orthonormal(iterate=False)),
    ],
    ids=lambda layer: layer.name,
)
def test_layers_keep_the_keras_contract(layer, tmp_path):
    assert_keras_layer_contract(layer, 8, tmp_path)


@DENSE
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_layers_with_an_activation_keep_the_keras_contract(dense, activation, tmp_path):
    assert_keras_layer_contract(dense(8, activation=activation), 5, tmp_path)


@pytest.mark.parametrize("kind", [GroupSort, FullSort, MaxMin])
def test_sorting_layers_take_a_dtype_policy(kind):
    layer = kind(dtype=keras.DTypePolicy("mixed_float16"))
    assert kind.from_config(layer.get_config()).dtype_policy.name == "mixed_float16"


def test_a_trained_sequential_is_the_same_after_a_file(rng, tmp_path):
    network = _network()
    network.compile(optimizer="adam", loss="mse")
    network.fit(rng.standard_normal((64, 6)), np.ones(64), verbose=0)
    assert_same_model(network, 6, tmp_path)


def test_a_reloaded_model_goes_on_training(rng, tmp_path):
    network = _network()
    network.compile(optimizer=keras.optimizers.Adam(1.0), loss="mse")
    network.fit(rng.standard_normal((64, 6)), np.ones(64), verbose=0)
    network.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    loaded.fit(rng.standard_normal((64, 6)), np.ones(64), verbose=0)
    for layer in loaded.layers[:-1]:
        assert_orthonormal(layer.kernel)


def test_a_functional_model_knows_its_shapes():
    inputs = keras.Input((3, 6))
    outputs = FrobeniusDense(2)(SpectralDense(8, activation="groupsort2")(inputs))
    assert keras.Model(inputs, outputs).output_shape == (None, 3, 2)
