"""The served network as an ordinary Keras model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from sklip.network import CondensedNetwork


def to_keras(network: CondensedNetwork) -> keras.Model:
    """Build a Keras model of ordinary Dense layers that subtracts the centre first.

    Parameters
    ----------
    network : sklip.network.CondensedNetwork

    Returns
    -------
    keras.Model
        From (n_rows, n_features) float64 to (n_rows, n_scores) float32.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.network import CondensedNetwork
    >>> network = CondensedNetwork(np.zeros(2), (np.array([[0.6], [0.8]]),), (np.zeros(1),), ())
    >>> from sklip.interop import to_keras
    >>> to_keras(network)(np.array([[1.0, 1.0]])).shape
    TensorShape([1, 1])
    """
    from sklip.training import backend

    backend.check_surroundings()
    backend.prepare()
    import keras

    from sklip.layers import Center, activation_layer

    inputs = keras.Input((len(network.center),), dtype="float64", name="features")
    center = Center(dtype="float64", name="center")
    units = center(inputs)
    center.set_weights([network.center])
    for kernel, bias, activation in zip(network.kernels, network.biases, (*network.activations, None), strict=True):
        dense = keras.layers.Dense(kernel.shape[1], dtype="float32")
        units = dense(units)
        dense.set_weights([kernel, bias])
        if activation is not None:
            units = activation_layer(activation, dtype="float32")(units)
    return keras.Model(inputs, units)
