"""The served network of a Keras model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sklip._compat import origin
from sklip.exceptions import NotLipschitzError
from sklip.network import CondensedNetwork

if TYPE_CHECKING:
    import keras

# A group of one unit: what stands between two dense layers that have no activation between them.
_IDENTITY = "groupsort1"


def network_from_keras(model: keras.Model) -> CondensedNetwork:
    """Read the served network off a Keras model; see :func:`sklip.from_keras`, which makes a classifier of it.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    sklip.network.CondensedNetwork
        Its weights are those of the model, without rounding.

    Raises
    ------
    NotLipschitzError, ValueError, TypeError
        As :func:`sklip.from_keras` does.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from sklip.interop import network_from_keras
    >>> from sklip.layers import FrobeniusDense
    >>> model = keras.Sequential([keras.Input((2,)), FrobeniusDense(1)])
    >>> network_from_keras(model).scores(np.eye(2)).shape
    (2, 1)
    """
    from sklip.training import backend

    backend.check_surroundings()
    backend.prepare()
    import keras

    if not isinstance(model, keras.Model):
        raise TypeError(f"from_keras takes a keras.Model; got {type(model).__name__}.")
    network = _network(_layers(model))
    _check_computes(model, network)
    return network


def _layers(model):
    """The layers of a model in the order in which rows pass them, those of models within it included."""
    import keras

    if not getattr(model, "built", False) or not getattr(model, "inputs", None):
        raise ValueError(
            f"The model {model.name!r} has no layers that could be read: it was not built, or computes by a call of "
            "its own. Give a Sequential model with an Input, or keras.Model(inputs, outputs)."
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"The model {model.name!r} has {len(model.inputs)} inputs and {len(model.outputs)} outputs. A classifier "
            "has one of each."
        )
    chain, tensor = [], model.outputs[0]
    while True:
        layer, node = origin(tensor)
        if isinstance(layer, keras.layers.InputLayer):
            return [inner for layer in reversed(chain) for inner in layer]
        if not isinstance(layer, keras.layers.Layer):
            raise _not_understood(layer)
        if len(node.input_tensors) != 1:
            raise NotLipschitzError(
                f"The layer {layer.name!r} ({type(layer).__name__}) joins {len(node.input_tensors)} inputs. from_keras "
                "takes models in which each layer feeds the next, and no more."
            )
        if node.arguments.kwargs.get("training"):
            raise NotLipschitzError(
                f"The layer {layer.name!r} ({type(layer).__name__}) is called with training=True also when the model "
                "serves. Build the model without that."
            )
        _check_input(layer, node.input_tensors[0].shape[1:])
        chain.append(_layers(layer) if isinstance(layer, keras.Model) else [layer])
        tensor = node.input_tensors[0]


def _check_input(layer, shape):
    """Raise a ValueError for a dense layer whose inputs are not vectors."""
    import keras

    from sklip.layers import FrobeniusDense, SpectralDense

    if type(layer) in (SpectralDense, FrobeniusDense, keras.layers.Dense) and len(shape) != 1:
        raise ValueError(
            f"The layer {layer.name!r} ({type(layer).__name__}) gets inputs of shape {tuple(shape)} per row and acts "
            "on their last axis alone. Put a Flatten before it, so that each row is one vector."
        )


def _network(layers):
    """The served network of layers in a chain."""
    import keras

    from sklip.layers import Center, FrobeniusDense, SpectralDense

    trained_only = {
        getattr(keras.layers, name)
        for name in (
            "Dropout",
            "AlphaDropout",
            "GaussianDropout",
            "GaussianNoise",
            "ActivityRegularization",
            "Identity",
        )
    }
    center, kernels, biases, activations = None, [], [], []
    for layer in layers:
        kind = type(layer)
        if kind in trained_only or (kind is keras.layers.Flatten and layer.data_format == "channels_last"):
            continue
        if kind is Center and center is None and not kernels:
            center = _array(layer.center)
        elif kind in (SpectralDense, FrobeniusDense, keras.layers.Dense):
            if len(activations) < len(kernels):
                activations.append(_IDENTITY)
            kernel = _array(layer.kernel)
            kernels.append(kernel)
            biases.append(np.zeros(kernel.shape[1]) if layer.bias is None else _array(layer.bias))
            _add(activations, _activation(layer.activation, layer), layer, len(kernels))
        else:
            _add(activations, _activation(layer, layer), layer, len(kernels))
    if not kernels:
        raise ValueError("The model has no dense layer, and so no scores. Give the model from the rows to the scores.")
    if len(activations) == len(kernels):
        raise ValueError(
            f"The model's outputs pass through an activation, {activations[-1]}. End it with a dense layer without "
            "one, whose outputs are the scores."
        )
    center = np.zeros(len(kernels[0])) if center is None else center
    return CondensedNetwork(center, tuple(kernels), tuple(biases), tuple(activations))


def _add(activations, name, layer, n_kernels):
    """Append the activation after the last of the dense layers; there may be one of them."""
    if name is None:
        return
    if len(activations) == n_kernels:
        raise NotLipschitzError(
            f"The layer {layer.name!r} ({type(layer).__name__}) is an activation that follows "
            f"{'another' if n_kernels else 'no dense layer'}. from_keras takes one activation after each dense layer."
        )
    activations.append(name)


def _activation(activation, layer):
    """The name of an activation, a function or a layer; None for the identity."""
    import keras

    from sklip.layers import FullSort, GroupSort, MaxMin
    from sklip.layers._activations import _absolute

    kind = type(activation)
    if kind is keras.layers.Activation:
        return _activation(activation.activation, layer)
    if kind is GroupSort:
        return f"groupsort{activation.n}"
    if kind in (FullSort, MaxMin):
        return kind.__name__.lower()
    if kind is keras.layers.ReLU and (activation.max_value, activation.negative_slope, activation.threshold) == (
        None,
        0,
        0,
    ):
        return "relu"
    if activation is None or activation is keras.activations.linear:
        return None
    known = {keras.activations.relu: "relu", keras.ops.relu: "relu", keras.ops.abs: "abs", _absolute: "abs"}
    name = known.get(activation) if callable(activation) and not isinstance(activation, keras.layers.Layer) else None
    if name is None:
        if activation in (keras.activations.softmax, keras.activations.sigmoid) or kind is keras.layers.Softmax:
            raise NotLipschitzError(
                f"The layer {layer.name!r} ({type(layer).__name__}) turns scores into probabilities. End the model "
                "with the scores, and set temperature=1.0 for predict_proba."
            )
        raise _not_understood(layer, activation)
    return name


def _not_understood(layer, activation=None):
    inner = activation is not None and activation is not layer
    name = getattr(activation, "__name__", type(activation).__name__)
    what = f" with the activation {name}" if inner else ""
    return NotLipschitzError(
        f"The layer {layer.name!r} ({type(layer).__name__}{what}) is not one that from_keras understands. It takes "
        "SpectralDense, FrobeniusDense, Dense, GroupSort, FullSort, MaxMin, ReLU, the absolute value, a Center at the "
        "beginning, Flatten and Dropout."
    )


def _array(variable):
    """A variable's numbers in float64, none of which is rounded."""
    array = np.asarray(variable)  # convert_to_numpy warns, as numpy.array does of tensors of TensorFlow and JAX
    if array.dtype.kind in "iub":  # quantised: the numbers mean something else
        raise NotLipschitzError(
            f"A weight is of type {array.dtype}. from_keras takes weights of floating point numbers."
        )
    return np.array(array, dtype=np.float64)


def _check_computes(model, network):
    """Raise a ValueError where the model's outputs are not those of its layers, as with a call of its own.

    Rows at the distances from the centre at which biases count. The tolerance is that of the coarsest products of
    16 bits; a layer that was misread is off by more.
    """
    dimensions, dtype = model.inputs[0].shape[1:], model.inputs[0].dtype
    rng, width = np.random.default_rng(0), len(network.center)
    length = max([1.0, *(float(np.linalg.norm(bias)) for bias in network.biases)])
    rows = (network.center + rng.standard_normal((16, width)) * length / math.sqrt(width)).astype(dtype)
    scores = network.scores(np.float64(rows))
    if len(dimensions) > 1:
        rows = rows.reshape(len(rows), *dimensions)
    computed = np.float64(np.asarray(model(rows, training=False)))
    allowed = 0.02 * (np.abs(scores).max() + np.abs(scores - scores.mean(axis=0)).max())
    if computed.shape != scores.shape or not np.abs(computed - scores).max() <= allowed:
        raise ValueError(
            f"The model {model.name!r} computes something else than its layers say: it has a call of its own, or a "
            "layer that was changed. Rebuild it from unchanged layers."
        )
