"""The translation of Keras layers to served operations, for ``fit`` and for models of the user."""

import keras
import numpy as np

from sklip import served
from sklip._compat import origin
from sklip.exceptions import NotLipschitzError
from sklip.layers._activations import FullSort, GroupSort, MaxMin, _absolute
from sklip.layers._center import Center
from sklip.layers._dense import FrobeniusDense, SpectralDense

_DENSE = (SpectralDense, FrobeniusDense, keras.layers.Dense)
_FUNCTIONS = {
    keras.activations.relu: served.Relu(),
    keras.ops.relu: served.Relu(),
    keras.ops.abs: served.Abs(),
    _absolute: served.Abs(),
}
_IN_TRAINING_ALONE = tuple(
    getattr(keras.layers, name)
    for name in ("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "ActivityRegularization", "Identity")
)


def operations_of(model: keras.Model, *, on_manifold: bool = False) -> tuple[served.Operation, ...]:
    """Return the operations of a Keras model's layers, in the order in which rows pass them.

    Parameters
    ----------
    model : keras.Model
        A ``Sequential`` model or a functional one in which each layer feeds the next.
    on_manifold : bool, default=False
        Whether to bring kernels of sklip's layers to their manifold in float64. They are copied unchanged otherwise.

    Returns
    -------
    tuple of sklip.served.Operation

    Raises
    ------
    NotLipschitzError
        For a layer that sklip does not know; the message has its name.
    ValueError
        If the model has no weights yet, or more than one input or output, or a dense layer whose inputs are not
        vectors.

    Examples
    --------
    >>> import keras
    >>> from sklip.layers import GroupSort, SpectralDense, operations_of
    >>> operations_of(keras.Sequential([keras.Input((2,)), SpectralDense(4), GroupSort(2)]))[1]
    GroupSort(n=2)
    """
    return tuple(operation for layer in _layers(model) for operation in _operations(layer, on_manifold))


def as_numpy(tensor) -> np.ndarray:
    """The numbers of a tensor or a variable."""
    return np.asarray(tensor)  # Keras would call numpy.array, of which TensorFlow and JAX make a DeprecationWarning


def _layers(model):
    """The layers of a model in the order in which rows pass them, including those of models within it."""
    if not getattr(model, "built", False) or not getattr(model, "inputs", None):
        raise ValueError(
            f"The model {model.name!r} has no layers that sklip can read: it was not built, or overrides call. "
            "Give a Sequential model with an Input, or keras.Model(inputs, outputs)."
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
                f"The layer {layer.name!r} ({type(layer).__name__}) is called with training=True for predictions as "
                "well. Build the model without that argument."
            )
        _check_input(layer, node.input_tensors[0].shape[1:])
        chain.append(_layers(layer) if isinstance(layer, keras.Model) else [layer])
        tensor = node.input_tensors[0]


def _check_input(layer, shape):
    """Raise a ValueError for a layer that acts on the last axis alone and whose inputs are not vectors."""
    inner = layer.activation if type(layer) is keras.layers.Activation else layer
    if type(inner) in (*_DENSE, GroupSort, FullSort, MaxMin, Center) and len(shape) != 1:
        raise ValueError(
            f"The layer {layer.name!r} ({type(layer).__name__}) gets inputs of shape {tuple(shape)} per row and acts "
            "only on their last axis. Put a Flatten before it, so that each row is one vector."
        )


def _operations(layer, on_manifold):
    """The operations of one layer. Types are compared exactly, as a subclass may compute anything."""
    kind = type(layer)
    if kind in _IN_TRAINING_ALONE or (kind is keras.layers.Flatten and layer.data_format == "channels_last"):
        return []
    if kind is Center:
        return [served.Center(_array(layer.center))]
    if kind is keras.layers.Rescaling and isinstance(layer.scale, float | int) and layer.offset == 0.0:
        return [served.Scale(float(layer.scale))]
    if kind in _DENSE:
        kernel = _array(layer.kernel)
        bias = np.zeros(kernel.shape[1]) if layer.bias is None else _array(layer.bias)
        kernel = layer.on_manifold(kernel) if on_manifold and kind is not keras.layers.Dense else kernel
        return [served.Dense(kernel, bias), *_activation(layer.activation, layer)]
    return _activation(layer, layer)


def _activation(activation, layer):
    """The operation of an activation, a function or a layer; none for the identity."""
    kind = type(activation)
    if kind is keras.layers.Activation:
        return _activation(activation.activation, layer)
    if kind is GroupSort:
        return [served.GroupSort(activation.n)]
    if kind is FullSort:
        return [served.FullSort()]
    if kind is MaxMin:
        return [served.MaxMin()]
    if kind is keras.layers.ReLU and [activation.max_value, activation.negative_slope, activation.threshold] == [
        None,
        0,
        0,
    ]:
        return [served.Relu()]
    if activation is None or activation is keras.activations.linear:
        return []
    if callable(activation) and not isinstance(activation, keras.layers.Layer) and activation in _FUNCTIONS:
        return [_FUNCTIONS[activation]]
    if activation in (keras.activations.softmax, keras.activations.sigmoid) or kind is keras.layers.Softmax:
        raise NotLipschitzError(
            f"The layer {layer.name!r} ({type(layer).__name__}) turns scores into probabilities. End the model "
            "with the scores, and set temperature=1.0 for predict_proba."
        )
    raise _not_understood(layer, activation)


def _not_understood(layer, activation=None):
    inner = activation is not None and activation is not layer
    name = getattr(activation, "__name__", type(activation).__name__)
    what = f" with the activation {name}" if inner else ""
    return NotLipschitzError(
        f"The layer {layer.name!r} ({type(layer).__name__}{what}) is not one that from_keras understands. It takes "
        "SpectralDense, FrobeniusDense, Dense, GroupSort, FullSort, MaxMin, ReLU, the absolute value, Center, "
        "Rescaling without an offset, Flatten and Dropout."
    )


def _array(variable):
    """The numbers of a variable in float64, without rounding."""
    array = as_numpy(variable)
    if array.dtype.kind in "iub":  # quantised: the numbers mean something else
        raise NotLipschitzError(
            f"A weight is of type {array.dtype}. from_keras takes weights of floating point numbers."
        )
    return np.array(array, dtype=np.float64)
