"""Keras models with images and branches: what they compute, what is proven of it, and what is refused by name."""

import keras
import numpy as np
import pytest
from keras import layers as kl
from keras import ops

from sklip import NotLipschitzError, from_keras
from sklip.certification import certified_radius, score_bounds
from sklip.layers import (
    Abs,
    CircularPadding2D,
    FrobeniusDense,
    FullSort,
    GroupSort,
    InvertibleDownSampling,
    InvertibleUpSampling,
    MaxMin,
    MixResidual,
    ResidualConv2D,
    ResidualDense,
    ScaledAveragePooling2D,
    ScaledGlobalAveragePooling2D,
    ScaledGlobalL2NormPooling2D,
    ScaledL2NormPooling2D,
    SpectralConv2D,
    SpectralDense,
    SplitResidual,
    operations_of,
    refuse_not_lipschitz,
)
from sklip.served import Dense, Graph, Reshape
from tests.helpers import as_array

IMAGE = (6, 6, 4)


def with_random_weights(model):
    """The model with biases, position codes and the like that are not zero; kernels stay."""
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables:
        if variable.name in ("bias", "position_code", "alpha"):
            variable.assign(rng.standard_normal(variable.shape))
    return model


def ending(values, n_scores=3):
    return FrobeniusDense(n_scores)(kl.Flatten()(values))


def model_of(body, shape=IMAGE):
    inputs = keras.Input(shape)
    return with_random_weights(keras.Model(inputs, ending(body(inputs))))


def rows_of(model, n_rows=20):
    return np.random.default_rng(0).standard_normal((n_rows, *model.input_shape[1:])).astype(np.float32)


def assert_same_scores(model):
    images = rows_of(model)
    network = from_keras(model).network_
    outputs = np.float64(as_array(model(images, training=False)))
    scores = network.scores(np.float64(images).reshape(len(images), -1))
    np.testing.assert_allclose(scores, outputs, rtol=1e-5, atol=2e-5 * np.abs(outputs).max())
    return network


def steepest(network, n_rows=40):
    """The largest slope of a score that random pairs of rows, near and far, show."""
    rng, found = np.random.default_rng(1), 0.0
    for size in (1e-3, 1.0, 30.0):
        first = rng.standard_normal((n_rows, network.n_features))
        step = size * rng.standard_normal(first.shape)
        changes = np.abs(network.scores(first + step) - network.scores(first))
        found = max(found, (changes / np.linalg.norm(step, axis=1, keepdims=True)).max())
    return found


LAYERS = {
    "SpectralConv2D": lambda: SpectralConv2D(8, 3),
    "SpectralConv2D, activation": lambda: SpectralConv2D(8, 3, activation="groupsort2"),
    "SpectralConv2D, grey to many": lambda: SpectralConv2D(40, 3),
    "SpectralConv2D, valid": lambda: SpectralConv2D(8, 3, padding="valid"),
    "SpectralConv2D, circular": lambda: SpectralConv2D(8, 3, padding="circular"),
    "SpectralConv2D, 1 × 1": lambda: SpectralConv2D(3, 1),
    "SpectralConv2D, 5 × 3": lambda: SpectralConv2D(5, (5, 3)),
    "SpectralConv2D, even": lambda: SpectralConv2D(5, (2, 4)),
    "SpectralConv2D, strides 2": lambda: SpectralConv2D(8, 3, strides=2),
    "SpectralConv2D, strides = kernel": lambda: SpectralConv2D(8, 2, strides=2),
    "SpectralConv2D, strides that leave a rest": lambda: SpectralConv2D(8, 4, strides=4),
    "SpectralConv2D, strides, valid, a rest": lambda: SpectralConv2D(8, 4, strides=4, padding="valid"),
    "SpectralConv2D, strides, circular": lambda: SpectralConv2D(8, 6, strides=(2, 3), padding="circular"),
    "SpectralConv2D, no bias": lambda: SpectralConv2D(8, 3, use_bias=False),
    "SpectralConv2D, by its factors": lambda: SpectralConv2D(16, 5),
    "SpectralConv2D, by its factors, valid": lambda: SpectralConv2D(16, 5, padding="valid"),
    "SpectralConv2D, by its factors, circular": lambda: SpectralConv2D(16, 5, padding="circular"),
    "SpectralConv2D, by its factors, strides": lambda: SpectralConv2D(16, 5, strides=2),
    "SpectralConv2D, by its factors, strides, a rest": lambda: SpectralConv2D(64, 12, strides=4),
    "Conv2D": lambda: kl.Conv2D(5, 3, padding="same", activation="relu"),
    "Conv2D, strides": lambda: kl.Conv2D(5, (3, 2), strides=(2, 3), padding="same"),
    "Conv2D, valid": lambda: kl.Conv2D(5, 3, strides=2),
    "SpectralDense": lambda: SpectralDense(6, "groupsort2"),
    "Dense": lambda: kl.Dense(3),
    "InvertibleDownSampling": lambda: InvertibleDownSampling((2, 3)),
    "InvertibleUpSampling": lambda: InvertibleUpSampling((2, 1)),
    "ScaledL2NormPooling2D": lambda: ScaledL2NormPooling2D((2, 4)),
    "ScaledAveragePooling2D": lambda: ScaledAveragePooling2D(2),
    "ScaledGlobalL2NormPooling2D": ScaledGlobalL2NormPooling2D,
    "ScaledGlobalAveragePooling2D": ScaledGlobalAveragePooling2D,
    "MaxPooling2D": lambda: kl.MaxPooling2D(3),
    "MaxPooling2D, a rest": lambda: kl.MaxPooling2D(4),
    "AveragePooling2D": lambda: kl.AveragePooling2D((3, 2)),
    "GlobalMaxPooling2D": kl.GlobalMaxPooling2D,
    "GlobalAveragePooling2D": lambda: kl.GlobalAveragePooling2D(keepdims=True),
    "Reshape": lambda: kl.Reshape((3, -1, 8)),
    "Rescaling": lambda: kl.Rescaling(0.5, offset=-2.0),
    "ZeroPadding2D": lambda: kl.ZeroPadding2D(((1, 0), (2, 3))),
    "CircularPadding2D": lambda: CircularPadding2D(((1, 0), (2, 3))),
    "Cropping2D": lambda: kl.Cropping2D(((1, 0), (2, 1))),
    "Abs": lambda: Abs(0.5),
    "GroupSort": lambda: GroupSort(4),
    "FullSort": FullSort,
    "MaxMin": MaxMin,
    "ResidualDense": lambda: ResidualDense(5),
    "ResidualConv2D": lambda: ResidualConv2D(6, 3),
    "ResidualConv2D, circular": lambda: ResidualConv2D(6, (3, 2), padding="circular"),
    "SplitResidual": lambda: SplitResidual(SpectralConv2D(2, 3, activation="abs")),
    "SplitResidual of a model": lambda: SplitResidual(keras.Sequential([SpectralDense(6, "maxmin"), SpectralDense(2)])),
    "MixResidual": lambda: MixResidual(SpectralConv2D(4, 3, activation="groupsort2")),
    "RandomFlip": kl.RandomFlip,
    "SpatialDropout2D": lambda: kl.SpatialDropout2D(0.3),
}
ONE_LIPSCHITZ = [
    name
    for name in LAYERS
    if not name.startswith(("Conv2D", "Dense", "CircularPadding2D")) and name not in ("GroupSort", "FullSort", "MaxMin")
]


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_a_layer_on_images_computes_what_keras_computes(layer):
    network = assert_same_scores(model_of(lambda inputs: layer()(inputs)))
    assert network.input_shape == IMAGE
    assert steepest(network) <= score_bounds(network)[0]


@pytest.mark.parametrize("name", ONE_LIPSCHITZ)
def test_layers_of_sklip_are_one_lipschitz_before_training(name):
    model = model_of(lambda inputs: LAYERS[name]()(inputs))
    refuse_not_lipschitz(model)
    from_manifold = operations_of(model, on_manifold=True)
    assert np.prod([operation.lipschitz() for operation in from_manifold[:-1]]) <= 1 + 1e-8


@pytest.mark.parametrize("name", [name for name in LAYERS if name.startswith("SpectralConv2D")])
def test_both_forms_of_a_convolution_are_the_same(name):
    inputs = keras.Input(IMAGE)
    layer = LAYERS[name]()
    model = with_random_weights(keras.Model(inputs, layer(inputs)))
    images = rows_of(model)
    outputs = as_array(model(images))
    assert layer._by_taps == (layer.expansion is not None and "factors" not in name)
    layer._by_taps = layer.expansion is not None and not layer._by_taps
    np.testing.assert_allclose(as_array(layer(images)), outputs, atol=1e-5)


def test_grey_images():
    network = assert_same_scores(model_of(lambda inputs: SpectralConv2D(12, 3)(inputs), shape=(5, 7, 1)))
    assert network.input_shape == (5, 7, 1)


# Branches ----------------------------------------------------------------------------------------


def mixed(first, second):
    return kl.Add()([kl.Rescaling(0.5)(first), 0.5 * second])


def double_branch(inputs):
    first = SpectralConv2D(4, 3, activation="groupsort2")(inputs)
    second = mixed(first, SpectralConv2D(4, 3)(first))
    return mixed(second, SpectralConv2D(4, 1)(ops.relu(second)))


def shared(inputs):
    layer = SpectralDense(4, "abs")
    return mixed(layer(inputs), layer(layer(inputs)))


def nested(inputs):
    inner = keras.Input(IMAGE)
    block = keras.Model(inner, mixed(inner, SpectralConv2D(4, 3)(inner)))
    return block(block(inputs))


def joined(inputs):
    values = ops.concatenate([SpectralDense(2)(inputs), SpectralDense(3)(inputs)], axis=-1)
    return kl.Concatenate()([values, inputs])


def arithmetic(inputs):
    values = 1.0 - ops.abs(inputs - 0.5) / 4.0
    return kl.Average()([values + 2.0, kl.Subtract()([values, -inputs])]) - 3 * inputs


def around_a_pool(inputs):
    return mixed(ScaledL2NormPooling2D(2)(inputs), ScaledAveragePooling2D(2)(inputs))


def crossing(inputs):
    """Two branches that exchange values: no value in between is all that is read later."""
    first, second = SpectralDense(4)(inputs), SpectralDense(4, "relu")(inputs)
    third, fourth = mixed(first, second), mixed(second, SpectralDense(4)(first))
    return mixed(SpectralDense(4)(third), fourth)


def input_at_the_end(inputs):
    return mixed(inputs, SpectralConv2D(4, 3)(SpectralConv2D(4, 3, activation="abs")(inputs)))


GRAPHS = {
    each.__name__: each
    for each in (double_branch, shared, nested, joined, arithmetic, around_a_pool, crossing, input_at_the_end)
}


@pytest.mark.parametrize("body", GRAPHS.values(), ids=GRAPHS)
def test_branches_compute_what_keras_computes(body):
    network = assert_same_scores(model_of(body))
    assert steepest(network) <= score_bounds(network)[0]


@pytest.mark.parametrize("body", GRAPHS.values(), ids=GRAPHS)
def test_no_change_of_the_class_within_the_radius(body, rng):
    network = from_keras(model_of(body)).network_
    rows = np.float64(rows_of(from_keras_shape(network), 10)).reshape(10, -1)
    radii = certified_radius(network, rows)
    assert (radii > 0).any()
    labels = network.scores(rows).argmax(axis=1)
    for _ in range(20):
        step = rng.standard_normal(rows.shape)
        moved = rows + step * (0.999 * radii / np.linalg.norm(step, axis=1))[:, None]
        np.testing.assert_array_equal(network.scores(moved).argmax(axis=1)[radii > 0], labels[radii > 0])


def from_keras_shape(network):
    """Something with the attribute that ``rows_of`` reads."""
    return type("Shaped", (), {"input_shape": (None, *network.input_shape)})


def test_the_chain_is_cut_where_one_value_is_all_that_follows():
    operations = operations_of(model_of(double_branch))
    assert [type(each) for each in operations].count(Graph) == 2
    assert isinstance(operations[0], Reshape)
    assert isinstance(operations[-1], Dense)
    graphs = [each for each in operations_of(model_of(crossing)) if isinstance(each, Graph)]
    assert len(graphs) == 1


def test_constants_of_mixtures_are_one():
    for body in (double_branch, shared, nested, around_a_pool, crossing, input_at_the_end):
        model = model_of(body)
        refuse_not_lipschitz(model)
        lipschitz = np.prod([each.lipschitz() for each in operations_of(model, on_manifold=True)[:-1]])
        assert 1 - 1e-12 <= lipschitz <= 1 + 1e-8


@pytest.mark.parametrize("alpha", [-1e6, -40.0, 0.3, 50.0, 1e6])
def test_mixtures_of_any_weight(alpha):
    layer = MixResidual(SpectralDense(4, "abs"))
    model = model_of(lambda inputs: layer(inputs))
    layer.alpha.assign(alpha)
    assert_same_scores(model)
    refuse_not_lipschitz(model)


def test_constants_of_sums_and_joined_values():
    model = model_of(lambda inputs: kl.Add()([inputs, 2.0 * inputs]))
    assert score_bounds(from_keras(model).network_)[0] == pytest.approx(3.0, rel=1e-5)
    model = model_of(lambda inputs: ops.concatenate([inputs, 2.0 * inputs], axis=-1))
    assert score_bounds(from_keras(model).network_)[0] == pytest.approx(5**0.5, rel=1e-5)


# Constants ---------------------------------------------------------------------------------------

PIXEL = np.array([0.5, -1.0, 2.0, 0.0], np.float32)
PICTURE = np.random.default_rng(5).uniform(0.5, 2.0, IMAGE).astype(np.float32)
CONSTANTS = {
    "a product with a number": lambda inputs: 0.25 * inputs,
    "a product with an array of one number": lambda inputs: inputs * np.float32(0.25),
    "a product for each channel": lambda inputs: inputs * PIXEL,
    "a product for each pixel": lambda inputs: ops.multiply(inputs, PICTURE),
    "a product for all rows": lambda inputs: ops.multiply(PICTURE[None], inputs),
    "Multiply": lambda inputs: kl.Multiply()([inputs, ops.convert_to_tensor(PICTURE[None])]),
    "Multiply by two": lambda inputs: kl.Multiply()([inputs, PICTURE[None], PIXEL[None, None, None]]),
    "a quotient": lambda inputs: inputs / PICTURE,
    "a sum": lambda inputs: inputs + PICTURE,
    "Add": lambda inputs: kl.Add()([inputs, PICTURE[None], 2.0 * inputs]),
    "a difference": lambda inputs: inputs - PIXEL,
    "a difference from a constant": lambda inputs: ops.subtract(PIXEL, inputs),
    "Subtract": lambda inputs: kl.Subtract()([inputs, PICTURE[None]]),
    "Average": lambda inputs: kl.Average()([inputs, PICTURE[None]]),
    "Rescaling": lambda inputs: kl.Rescaling(PIXEL.tolist(), (1.0 - PIXEL).tolist())(inputs),
    "Rescaling by a number, with offsets": lambda inputs: kl.Rescaling(0.5, PICTURE)(inputs),
}


@pytest.mark.parametrize("body", CONSTANTS.values(), ids=CONSTANTS)
def test_arithmetic_with_constants(body):
    network = assert_same_scores(model_of(body))
    assert steepest(network) <= score_bounds(network)[0]


def test_the_largest_factor_is_the_constant():
    model = model_of(lambda inputs: inputs * PIXEL)
    assert score_bounds(from_keras(model).network_)[0] == pytest.approx(2.0, rel=1e-5)
    with pytest.raises(NotLipschitzError, match="may change 2 times as much"):
        refuse_not_lipschitz(model)
    refuse_not_lipschitz(model_of(lambda inputs: inputs * (0.5 * PIXEL)))


# Refused by name ---------------------------------------------------------------------------------


REFUSED = {
    "a product of values": lambda inputs: kl.Multiply(name="culprit")([inputs, inputs]),
    "a quotient": lambda inputs: 1.0 / (inputs + 3.0),
    "an exponential": lambda inputs: ops.exp(inputs),
    "another axis": lambda inputs: kl.Concatenate(axis=1, name="culprit")([inputs, inputs]),
    "sums of unlike shapes": lambda inputs: kl.Add(name="culprit")([inputs, SpectralDense(1)(inputs)]),
    "overlapping windows": lambda inputs: kl.MaxPooling2D(3, strides=2, name="culprit")(inputs),
    "windows that are padded": lambda inputs: kl.AveragePooling2D(4, padding="same", name="culprit")(inputs),
    "gaps in windows": lambda inputs: kl.Conv2D(4, 3, dilation_rate=2, name="culprit")(inputs),
    "groups of channels": lambda inputs: kl.Conv2D(4, 3, groups=2, name="culprit")(inputs),
    "a constant that makes one row many": lambda inputs: ops.multiply(inputs, np.ones((2, 6, 6, 4), np.float32)),
    "a constant that makes a row larger": lambda inputs: ops.multiply(
        SpectralDense(1)(inputs), np.ones((6, 6, 4), np.float32)
    ),
    "a constant beside values": lambda inputs: kl.Concatenate(name="culprit")([inputs, PICTURE[None]]),
    "a constant over values": lambda inputs: ops.divide(PICTURE, inputs + 3.0),
    "gaps between windows": lambda inputs: kl.MaxPooling2D(2, strides=3, name="culprit")(inputs),
    "normalisation": lambda inputs: kl.LayerNormalization(name="culprit")(inputs),
    "a maximum": lambda inputs: kl.Maximum(name="culprit")([inputs, -inputs]),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_has_no_constant_is_refused_by_name(body):
    model = model_of(body)
    for refuse in (from_keras, refuse_not_lipschitz):
        with pytest.raises(NotLipschitzError, match=r"The layer '(culprit|divide|true_divide|exp|multiply)"):
            refuse(model)


INTEGERS = {
    "a product": lambda inputs: inputs * 2,
    "a sum": lambda inputs: kl.Add()([inputs, inputs]),
    "a mean": lambda inputs: kl.Average()([inputs, inputs]),
    "Rescaling": lambda inputs: kl.Rescaling(2, dtype="uint8")(inputs),
    "absolute values": ops.abs,
}


@pytest.mark.parametrize("body", INTEGERS.values(), ids=INTEGERS)
def test_arithmetic_with_integers_is_refused(body):
    inputs = keras.Input((2, 2, 1), dtype="uint8")
    model = keras.Model(inputs, ending(kl.Rescaling(1.0)(body(inputs))))
    # Keras declares some of these results as float32, and computes them in uint8 all the same.
    with pytest.raises((NotLipschitzError, ValueError), match=r"wrap around|not those of its layers"):
        from_keras(model)


def test_models_of_integer_images():
    inputs = keras.Input((4, 4, 1), dtype="uint8")
    moved = kl.MaxPooling2D(2)(kl.ZeroPadding2D(1)(inputs))
    classifier = from_keras(keras.Model(inputs, ending(kl.Rescaling(1 / 255)(moved))))
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 1), dtype=np.uint8)
    assert (classifier.certified_radius(images) > 0).all()


NOT_FINITE = [
    lambda x: x / 0.0,
    lambda x: x * float("inf"),
    lambda x: x + float("nan"),
    lambda x: x / PIXEL,
    lambda x: kl.Rescaling(np.full(4, np.inf, np.float32))(x),
]


@pytest.mark.parametrize("body", NOT_FINITE)
def test_numbers_without_a_finite_result_are_refused(body):
    with pytest.raises(NotLipschitzError, match="with which no result is finite"):
        from_keras(model_of(body))


NOT_ONE_LIPSCHITZ = {
    "Rescaling": lambda inputs: kl.Rescaling(2.0, name="culprit")(inputs),
    "Add": lambda inputs: kl.Add(name="culprit")([inputs, inputs]),
    "Concatenate": lambda inputs: kl.Concatenate(name="culprit")([inputs, inputs]),
    "CircularPadding2D": lambda inputs: CircularPadding2D(1, name="culprit")(inputs),
    "Conv2D": lambda inputs: kl.Conv2D(4, 3, name="culprit")(inputs),
    "Dense": lambda inputs: kl.Dense(4, name="culprit")(inputs),
    "FrobeniusDense": lambda inputs: FrobeniusDense(4, name="culprit")(inputs),
}


@pytest.mark.parametrize("kind", NOT_ONE_LIPSCHITZ)
def test_what_is_not_one_lipschitz_is_refused_before_training(kind):
    model = model_of(NOT_ONE_LIPSCHITZ[kind])
    with pytest.raises(NotLipschitzError, match=rf"layer 'culprit' \({kind}\)"):
        refuse_not_lipschitz(model)


@pytest.mark.parametrize("outer", [MixResidual, SplitResidual])
def test_layers_within_layers_are_looked_at(outer):
    for inner in (kl.Dense(4, name="culprit"), keras.Sequential([kl.Dense(4, name="culprit")])):
        model = model_of(
            lambda inputs, inner=inner: outer(inner)(inputs), shape=(6, 6, 4 * (1 + (outer is SplitResidual)))
        )
        with pytest.raises(NotLipschitzError, match=r"layer 'culprit' \(Dense\) trains without a constraint"):
            refuse_not_lipschitz(model)


def test_a_frozen_layer_may_stay_if_it_is_one_lipschitz():
    dense = kl.Dense(4, use_bias=False, trainable=False)
    model = model_of(lambda inputs: dense(inputs))
    dense.set_weights([0.5 * np.eye(4)])
    refuse_not_lipschitz(model)
    dense.set_weights([1.5 * np.eye(4)])
    with pytest.raises(NotLipschitzError, match=r"1\.5 times"):
        refuse_not_lipschitz(model)


def test_scores_come_from_a_dense_layer():
    for body in (kl.Flatten(), lambda inputs: kl.Activation("relu")(ending(inputs))):
        inputs = keras.Input(IMAGE)
        with pytest.raises(ValueError, match="must end with a FrobeniusDense"):
            refuse_not_lipschitz(keras.Model(inputs, body(inputs)))
    inputs = keras.Input((4,))
    heads = kl.Dense(2, trainable=False)
    model = keras.Model(inputs, heads(inputs))
    heads.set_weights([np.eye(4, 2) * 2.0, np.zeros(2)])
    with pytest.raises(NotLipschitzError, match="a score may change 2 times"):
        refuse_not_lipschitz(model)


# SciKeras ----------------------------------------------------------------------------------------


def test_a_fitted_scikeras_classifier_brings_its_classes():
    from scikeras.wrappers import KerasClassifier

    def build():
        model = keras.Sequential([keras.Input((4,)), SpectralDense(8, "groupsort2"), FrobeniusDense(3)])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 4)).astype(np.float32), np.repeat(["ant", "bee", "cat"], 20)
    fitted = KerasClassifier(build, epochs=1, verbose=0).fit(X, y)
    classifier = from_keras(fitted)
    assert classifier.classes_.tolist() == ["ant", "bee", "cat"]
    outputs = as_array(fitted.model_(X))
    np.testing.assert_allclose(classifier.decision_function(X), outputs, atol=1e-5)
    assert (classifier.certified_radius(X) > 0).any()
    renamed = from_keras(fitted, classes=["a", "b", "c"])
    assert renamed.classes_.tolist() == ["a", "b", "c"]
    with pytest.raises(TypeError, match="fitted SciKeras classifier"):
        from_keras(KerasClassifier(build))
