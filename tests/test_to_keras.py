"""Served networks as Keras models: in memory, in files, and read back."""

import json

import keras
import numpy as np
import pytest

from sklip import from_keras, served
from sklip.interop import network_from_keras, to_keras
from sklip.layers._channel_shift import ChannelShift
from sklip.layers._parallel import Parallel
from sklip.layers._residual_step import ResidualStep
from tests.export_examples import OPERATIONS, PICTURE, image_networks, network_with
from tests.helpers import as_array, reload_elsewhere, serving


def assert_same(computed, scores):
    """Equal up to roundings of float32."""
    assert computed.shape == scores.shape
    np.testing.assert_allclose(computed, scores, rtol=0, atol=1e-5 * (1 + np.abs(scores).max()))


def rows_of(network, rng, n_rows=5):
    """Rows as the network takes them, and as its Keras model does."""
    rows = rng.standard_normal((n_rows, network.n_features))
    return rows, rows.reshape(n_rows, *network.input_shape)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_and_back(name, rng):
    network = network_with(*OPERATIONS[name])
    model, (rows, inputs) = to_keras(network), rows_of(network, rng)
    assert (model.inputs[0].dtype, model.outputs[0].dtype) == ("float64", "float32")
    assert_same(as_array(model(inputs)), network.scores(rows))
    back = network_from_keras(model)
    assert back.input_shape == network.input_shape
    assert_same(back.scores(rows), network.scores(rows))


@pytest.mark.parametrize("name", image_networks())
def test_networks_on_images(name, rng, tmp_path):
    network = image_networks()[name]
    model, (rows, images) = to_keras(network), rows_of(network, rng)
    assert model.input_shape == (None, 8, 8, 2)
    assert_same(as_array(model(images)), network.scores(rows))
    assert_same(reload_elsewhere(model, images, tmp_path)[0], network.scores(rows))

    model.save(tmp_path / "model.keras")
    classifier = from_keras(keras.models.load_model(tmp_path / "model.keras"))
    assert_same(classifier.network_.scores(rows), network.scores(rows))
    # Kernels are rounded to float32. So radii are a little smaller, and not those of other operations.
    radii, expected = classifier.certified_radius(rows), serving(network).certified_radius(rows)
    np.testing.assert_allclose(radii, expected, rtol=1e-3, atol=1e-4)


def test_ordinary_layers():
    """Where Keras has a layer, the model has it."""
    kinds = {type(layer) for network in image_networks().values() for layer in to_keras(network).layers}
    assert kinds >= {keras.layers.Conv2D, keras.layers.MaxPooling2D, keras.layers.Dense, keras.layers.ReLU}
    assert kinds >= {keras.layers.Flatten, keras.layers.Add, keras.layers.Rescaling}


LAYERS = {
    "ChannelShift": (lambda: ChannelShift([(0, 1), (-2, 0)], "circular"), PICTURE),
    "Parallel": (lambda: Parallel([keras.layers.Dense(2), keras.layers.Identity()], [1, 3]), PICTURE),
    "ResidualStep": (lambda: ResidualStep([keras.layers.Dense(5), ChannelShift([(0, 1)])]), PICTURE),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_that_exports_need(name, rng):
    make, shape = LAYERS[name]
    layer, values = make(), rng.standard_normal((3, *shape)).astype(np.float32)
    outputs = as_array(layer(values))
    assert layer.compute_output_shape((3, *shape)) == outputs.shape
    symbolic = layer(keras.Input(shape))
    assert symbolic.shape == (None, *outputs.shape[1:])
    twin = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    twin.build((None, *shape))
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(as_array(twin(values)), outputs)


def test_layers_that_do_not_fit():
    with pytest.raises(ValueError, match="positive size for each"):
        Parallel([keras.layers.ReLU()], (1, 2))
    with pytest.raises(ValueError, match="takes 3 values"):
        Parallel([keras.layers.ReLU(), keras.layers.ReLU()], (1, 2)).build((None, 4))
    with pytest.raises(ValueError, match="without an activation"):
        ResidualStep([keras.layers.Dense(2, activation="relu")])
    with pytest.raises(ValueError, match="needs at least 2 channels"):
        ChannelShift([(0, 0), (0, 1)])(np.zeros((1, 2, 2, 1)))


def test_every_operation_is_compared():
    compared = {type(operation) for operation, _ in OPERATIONS.values()}
    assert compared >= set(served.OPERATIONS)
