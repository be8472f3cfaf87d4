"""The networks whose epochs ``bench_gpu.py`` times: dense and convolutional, of sklip and unconstrained."""

from typing import Any, NamedTuple

import numpy as np

from sklip.architectures import MLP, ConvNet

CONVOLUTIONS = 3
CONVOLUTION_ROWS = 12_800  # each costs as much as a hundred dense rows


class Compared(NamedTuple):
    """An architecture of sklip, the rows that it trains on, and the hidden layers of an unconstrained network."""

    model: Any
    X: np.ndarray
    hidden: list  # of Keras layers, and the first reads flat rows; for one network


def dense(widths, X):
    """Dense networks of these widths."""
    import keras

    return Compared(MLP(hidden_layer_sizes=widths), X, [keras.layers.Dense(width, "relu") for width in widths])


def convolutions(channels, X):
    """Convolutional networks of 3 × 3 windows, on the images at half their resolution."""
    import keras

    images = X.reshape(-1, 14, 2, 14, 2)[:CONVOLUTION_ROWS].mean((2, 4))[..., None]
    hidden = [keras.layers.Conv2D(channels, 3, padding="same", activation="relu") for _ in range(CONVOLUTIONS)]
    model = ConvNet(filters=(channels,) * CONVOLUTIONS, pooling=None, hidden_layer_sizes=())
    return Compared(model, images, [keras.layers.Reshape(images.shape[1:]), *hidden, keras.layers.Flatten()])


def unconstrained(hidden, n_features):
    """An unconstrained network for Keras' ``fit``, compiled with Adam and the cross-entropy of logits."""
    import keras

    network = keras.Sequential([keras.Input((n_features,)), *hidden, keras.layers.Dense(10)])
    network.compile(keras.optimizers.Adam(0.004), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return network


def unconstrained_epochs(hidden, X, y, batch):
    """A function that runs an epoch of an unconstrained network in the compiled epoch of the backend."""
    import keras

    from sklip.layers import FrobeniusDense
    from sklip.losses import TauCategoricalCrossentropy
    from sklip.training.batches import plan_batches
    from sklip.training.epochs import epochs_of_backend
    from sklip.training.objective import Objective
    from sklip.training.saving import SavedAsItIs

    values = features = keras.Input((X.shape[1],))
    for layer in hidden:
        values = layer(values)
    network = SavedAsItIs(features, FrobeniusDense(10)(values))  # the class of the last layer is that of all heads
    optimizer, loss = keras.optimizers.Adam(0.004), TauCategoricalCrossentropy()
    network.compile(optimizer, loss, jit_compile=True)
    optimizer.build(network.trainable_variables)
    targets, weights = np.where(y[:, None] == np.arange(10), 1.0, -1.0).astype(np.float32), np.ones(len(X), np.float32)
    epochs = epochs_of_backend()(network, Objective(loss), validates=False, sets_rates=False)
    epochs.place((X, targets, weights), None, Objective(loss))
    plan, rng = plan_batches(y, weights, 10, batch, False), np.random.default_rng(0)
    return lambda: epochs.run(plan.epoch(rng), None)
