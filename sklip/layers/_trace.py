"""The layers of a Keras model in the order in which values pass them; models may branch, and contain models."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras

from sklip._compat import origin
from sklip.exceptions import NotLipschitzError

AUGMENTATIONS = tuple(
    getattr(keras.layers, name)
    for name in ("RandomFlip", "RandomTranslation", "RandomRotation", "RandomZoom", "RandomBrightness",
                 "RandomContrast")
)  # fmt: skip
"""Layers that change images in training alone, although their calls say training=True by default."""


class Call(NamedTuple):
    """One call of a layer, or of an operation of ``keras.ops``, in a model.

    Attributes
    ----------
    layer : keras.Layer or keras.Operation
    inputs : tuple of int
        Numbers of the values that it takes: 0 for the input of the model, ``i + 1`` for the result of call ``i``.
    shapes : tuple of tuple of int
        Shapes of a row of these values.
    shape : tuple of int
        Shape of a row of its result.
    dtype : str
        Dtype of its result.
    operands : tuple
        What it was called with, one after the other: symbolic tensors of the inputs, and constants.
    """

    layer: Any
    inputs: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...]
    shape: tuple[int, ...]
    dtype: str
    operands: tuple


def calls_of(model: keras.Model) -> tuple[list[Call], int]:
    """The calls in a model in an order in which each comes after its inputs, and the number of the output's value.

    Raises
    ------
    NotLipschitzError, ValueError
        If the model cannot be read as a map from one input to one output.
    """
    calls: list[Call] = []
    output = _walk(model, [0], calls)
    return calls, output


def _walk(model, given: Sequence[int], calls: list[Call]) -> int:
    """Append the calls in a model whose inputs have the given numbers; return the number of its output."""
    _check_readable(model)
    numbers = {id(tensor): number for tensor, number in zip(model.inputs, given, strict=True)}
    stack = [model.outputs[0]]
    while stack:
        tensor = stack[-1]
        if id(tensor) in numbers:
            stack.pop()
            continue
        layer, node = origin(tensor)
        if isinstance(layer, keras.layers.InputLayer):
            raise ValueError(f"The model {model.name!r} uses an input that is not among its inputs.")
        missing = [one for one in node.input_tensors if id(one) not in numbers]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        inputs = tuple(numbers[id(one)] for one in node.input_tensors)
        _check_call(layer, node)
        if isinstance(layer, keras.Model):
            numbers[id(tensor)] = _walk(layer, inputs, calls)
            continue
        shapes = tuple(_row(one) for one in node.input_tensors)
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        calls.append(Call(layer, inputs, shapes, _row(tensor), dtype, _operands(node)))
        numbers[id(tensor)] = len(calls)
    return numbers[id(model.outputs[0])]


def _operands(node):
    """What a layer or an operation was called with, lists taken apart."""
    given = node.arguments
    return tuple(keras.tree.flatten((given.args, given.kwargs.get("inputs", ()))))


def _row(tensor):
    """Shape of a row of a symbolic tensor."""
    return tuple(tensor.shape[1:])


def _check_readable(model):
    """Raise a ValueError unless a model has a graph with one input and one output."""
    if not getattr(model, "built", False) or not getattr(model, "inputs", None):
        raise ValueError(
            f"The model {model.name!r} has no layers that sklip can read: it was not built, or overrides call. "
            "Give a Sequential model with an Input, or keras.Model(inputs, outputs)."
        )
    counts = {"inputs": len(model.inputs), "outputs": len(model.outputs)}
    if wrong := [f"{count} {what}" for what, count in counts.items() if count != 1]:
        raise ValueError(f"The model {model.name!r} has {' and '.join(wrong)}. A classifier has one of each.")
    if None in _row(model.inputs[0]):
        raise ValueError(
            f"The input of the model {model.name!r} has the shape {tuple(model.inputs[0].shape)}. Give all sizes but "
            "the first, the number of rows."
        )


def _check_call(layer, node):
    """Raise an error for a call that computes something else for predictions than the layer alone says."""
    if node.arguments.kwargs.get("training") and type(layer) not in AUGMENTATIONS:
        raise NotLipschitzError(
            f"The layer {layer.name!r} ({type(layer).__name__}) is called with training=True for predictions as "
            "well. Build the model without that argument."
        )
    if len(node.output_tensors) != 1:
        raise NotLipschitzError(
            f"The layer {layer.name!r} ({type(layer).__name__}) has {len(node.output_tensors)} outputs. sklip reads "
            "layers with one."
        )


def type_in_graphs(call: Callable[[Any], Any]) -> type:
    """The class of the operation that a call of ``keras.ops`` puts in the graph of a model."""
    return type(origin(call(keras.KerasTensor((None, 2))))[0])
