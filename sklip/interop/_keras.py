"""The served network as an ordinary Keras model."""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from sklip import served
from sklip.served import Operation, ServedNetwork

if TYPE_CHECKING:
    import keras

DTYPE = "float32"


def to_keras(network: ServedNetwork) -> keras.Model:
    """Build a Keras model that subtracts the centre first, of Keras' own layers wherever there are some.

    Parameters
    ----------
    network : sklip.served.ServedNetwork

    Returns
    -------
    keras.Model
        From (n_rows, n_features) float64 to (n_rows, n_scores) float32. A network on images takes images, of shape
        (n_rows, height, width, channels).

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

    inputs = keras.Input(network.input_shape, dtype="float64", name="features")
    center = layers.Center(dtype="float64", name="center_of_rows")
    centered = center(inputs)
    center.set_weights([network.center.reshape(network.input_shape)])
    return keras.Model(inputs, _after_steps(network.operations[1:], centered))


def _after_steps(steps: Iterable[Operation], values: Any) -> Any:
    """The symbolic tensor after operations."""
    for step in steps:
        values = _after(step, values)
    return values


@singledispatch
def _after(operation: Operation, values: Any) -> Any:
    """The symbolic tensor after an operation; the weights of its layer are the operation's arrays."""
    layer = _layer(operation)
    result = layer(values)
    layer.set_weights(list(operation.arrays))
    return result


@_after.register
def _(operation: served.Reshape, values):
    return values if operation.shape == values.shape[1:] else _layer(operation)(values)


@_after.register
def _(operation: served.Diagonal, values):
    return _layer(operation)(values)  # its numbers are an argument of the layer, and no weights


@_after.register
def _(operation: served.Parallel, values):
    import keras

    from sklip.layers._parallel import Parallel

    models = []
    for steps, size in zip(operation.parts, operation.sizes, strict=True):
        part = keras.Input((*values.shape[1:-1], size), dtype=DTYPE)
        models.append(keras.Model(part, _after_steps(steps, part)) if steps else keras.layers.Identity(dtype=DTYPE))
    return Parallel(models, operation.sizes, dtype=DTYPE)(values)


@_after.register
def _(operation: served.Graph, values):
    results = [values]
    for part, places in operation.nodes:
        given = [results[place] for place in places]
        if isinstance(part, Operation):
            results.append(_after(part, *given))
        else:
            results.append(_join(part)(given) if len(given) > 1 else given[0])
    return results[-1]


@_after.register
def _(operation: served.Tilted, values):
    import keras

    linear = _after(served.Dense(operation.slopes[:, None], np.zeros(1)), values)
    return keras.layers.Add(dtype=DTYPE)([_after_steps(operation.steps, values), linear])


def _join(join):
    """The Keras layer of a join of several values."""
    import keras

    if isinstance(join, served.Add):
        return keras.layers.Add(dtype=DTYPE)
    return keras.layers.Concatenate(axis=-1, dtype=DTYPE)


@singledispatch
def _layer(operation: Operation) -> keras.layers.Layer:
    """The Keras layer of an operation, without its weights."""
    raise NotImplementedError(f"{type(operation).__name__} has no Keras layer.")


@_layer.register
def _(operation: served.Activation):
    from sklip.layers._activations import layer_of

    return layer_of(operation, dtype=DTYPE)


@_layer.register
def _(operation: served.Abs):
    from sklip import layers

    return layers.Abs(operation.share, dtype=DTYPE)


# Affine operations -------------------------------------------------------------------------------


@_layer.register
def _(operation: served.Dense):
    import keras

    return keras.layers.Dense(operation.bias.size, dtype=DTYPE)


@_layer.register
def _(operation: served.Convolution):
    import keras

    height, width, _, filters = operation.kernel.shape
    return keras.layers.Conv2D(
        filters,
        (height, width),
        operation.strides,
        operation.padding,
        data_format="channels_last",
        dtype=DTYPE,
    )


@_layer.register
def _(operation: served.Center):
    from sklip import layers

    return layers.Center(dtype="float64")


@_layer.register
def _(operation: served.Scale):
    import keras

    return keras.layers.Rescaling(operation.factor, dtype=DTYPE)


@_layer.register
def _(operation: served.Diagonal):
    import keras

    return keras.layers.Rescaling(operation.factors, dtype=DTYPE)


# Selections of pixels and channels ---------------------------------------------------------------


@_layer.register
def _(operation: served.Reshape):
    import keras

    if len(operation.shape) == 1:
        return keras.layers.Flatten(data_format="channels_last", dtype=DTYPE)
    return keras.layers.Reshape(operation.shape, dtype=DTYPE)


@_layer.register
def _(operation: served.Shift):
    from sklip.layers._channel_shift import ChannelShift

    return ChannelShift(operation.offsets, operation.padding, dtype=DTYPE)


@_layer.register
def _(operation: served.SpaceToDepth):
    from sklip import layers

    return layers.InvertibleDownSampling((operation.height, operation.width), dtype=DTYPE)


@_layer.register
def _(operation: served.DepthToSpace):
    from sklip import layers

    return layers.InvertibleUpSampling((operation.height, operation.width), dtype=DTYPE)


@_layer.register
def _(operation: served.Pad):
    import keras

    from sklip import layers

    padding = ((operation.top, operation.bottom), (operation.left, operation.right))
    if operation.circular:
        return layers.CircularPadding2D(padding, dtype=DTYPE)
    return keras.layers.ZeroPadding2D(padding, data_format="channels_last", dtype=DTYPE)


@_layer.register
def _(operation: served.Crop):
    import keras

    cropping = ((operation.top, operation.bottom), (operation.left, operation.right))
    return keras.layers.Cropping2D(cropping, data_format="channels_last", dtype=DTYPE)


# Pools and residuals -----------------------------------------------------------------------------


@_layer.register
def _(operation: served.MaxPool):
    import keras

    return keras.layers.MaxPooling2D((operation.height, operation.width), data_format="channels_last", dtype=DTYPE)


@_layer.register
def _(operation: served.AveragePool):
    from sklip import layers

    return layers.ScaledAveragePooling2D((operation.height, operation.width), dtype=DTYPE)


@_layer.register
def _(operation: served.L2NormPool):
    from sklip import layers

    return layers.ScaledL2NormPooling2D((operation.height, operation.width), dtype=DTYPE)


@_layer.register
def _(operation: served.Residual):
    from sklip.layers._residual_step import ResidualStep

    return ResidualStep([_layer(step) for step in operation.steps], dtype=DTYPE)
