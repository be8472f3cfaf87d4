"""The served network as an ordinary Keras model."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from sklip.served import Center, Dense, Scale, ServedNetwork

if TYPE_CHECKING:
    import keras


def to_keras(network: ServedNetwork) -> keras.Model:
    """Build a Keras model of ordinary Dense layers that subtracts the centre first.

    Parameters
    ----------
    network : sklip.served.ServedNetwork

    Returns
    -------
    keras.Model
        From (n_rows, n_features) float64 to (n_rows, n_scores) float32.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.interop import to_keras
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> to_keras(network)(np.array([[1.0, 1.0]])).shape
    TensorShape([1, 1])
    """
    from sklip.training import runtime

    runtime.check_surroundings()
    runtime.prepare()
    import keras

    from sklip import layers

    inputs = keras.Input((network.n_features,), dtype="float64", name="features")
    center = layers.Center(dtype="float64", name="center")
    outputs = center(inputs)
    center.set_weights([network.center])
    for operation in network.operations[1:]:
        layer = _layer(operation)
        outputs = layer(outputs)
        layer.set_weights(list(operation.arrays))
    return keras.Model(inputs, outputs)


@singledispatch
def _layer(operation):
    """The Keras layer of an operation, in float32; its weights are the operation's arrays."""
    from sklip.layers._activations import layer_of

    return layer_of(operation, dtype="float32")


@_layer.register
def _(operation: Dense):
    import keras

    return keras.layers.Dense(operation.bias.size, dtype="float32")


@_layer.register
def _(operation: Center):
    from sklip import layers

    return layers.Center(dtype="float32")


@_layer.register
def _(operation: Scale):
    import keras

    return keras.layers.Rescaling(operation.factor, dtype="float32")
