"""The translation of Keras models to served operations, for ``fit`` and for models of the user."""

import keras

from sklip import served
from sklip.exceptions import NotLipschitzError
from sklip.layers._assembly import Assembly
from sklip.layers._conversions import Reader, not_understood
from sklip.layers._dense import FrobeniusDense, SpectralDense
from sklip.layers._joins import append_join, is_join
from sklip.layers._trace import calls_of
from sklip.layers.constrained import all_layers

_EXACT_FOR_INTEGERS = (
    served.Reshape, served.Crop, served.Pad, served.MaxPool, served.SpaceToDepth, served.DepthToSpace,
    served.Concatenate,
)  # fmt: skip

# Kernels are float32 before they are served: see sklip.manifold.ORTHONORMAL_TOLERANCE.
_ROUNDED = 1e-6


def operations_of(model: keras.Model, *, on_manifold: bool = False) -> tuple[served.Operation, ...]:
    """Return the operations of a Keras model's layers, in the order in which rows pass them.

    Parameters
    ----------
    model : keras.Model
        A ``Sequential`` model or a functional one, with one input and one output. Its values may branch and meet again,
        and it may contain models.
    on_manifold : bool, default=False
        Whether to bring kernels of sklip's layers to their manifold in float64. They are copied unchanged otherwise.

    Returns
    -------
    tuple of sklip.served.Operation
        If the rows of the model are images, they begin with a ``Reshape`` of flat rows.

    Raises
    ------
    NotLipschitzError
        For a layer that sklip does not know; the message has its name.
    ValueError
        If the model has no weights yet, or more than one input or output.

    Examples
    --------
    >>> import keras
    >>> from sklip.layers import GroupSort, SpectralDense, operations_of
    >>> operations_of(keras.Sequential([keras.Input((2,)), SpectralDense(4), GroupSort(2)]))[1]
    GroupSort(n=2)
    """
    steps = steps_of_model(model, Reader(on_manifold))
    shape = tuple(model.inputs[0].shape[1:])
    return tuple(steps) if len(shape) == 1 else (served.Reshape(shape), *steps)


def steps_of_model(model: keras.Model, reader: Reader) -> list[served.Operation]:
    """The operations of a model, on rows of the shape that it takes."""
    assembly, _, output = _assembled(model, reader)
    return assembly.operations(output)


def refuse_not_lipschitz(model: keras.Model) -> None:
    """Raise an error unless a model is 1-Lipschitz, and stays so while it trains.

    Parameters
    ----------
    model : keras.Model
        Model from rows to scores. Each single score must be 1-Lipschitz; before the last layer, the values together.

    Raises
    ------
    NotLipschitzError
        If a layer is unknown, trains without a constraint, or makes the Lipschitz constant larger than 1; the message
        names the first such layer.
    ValueError
        If the model cannot be read, or does not end with a dense layer.

    Examples
    --------
    >>> import keras
    >>> from sklip.layers import FrobeniusDense, refuse_not_lipschitz
    >>> refuse_not_lipschitz(keras.Sequential([keras.Input((2,)), FrobeniusDense(1)]))
    """
    calls, output = calls_of(model)
    last = calls[output - 1] if output else None
    _refuse_without_heads(last, model)
    assembly, values, output = _assembled(model, Reader(on_manifold=True))  # or an unknown layer is refused
    for call in calls:
        _refuse_unconstrained(call.layer, is_last=call is last)
    constants = assembly.constants()
    for call, value in zip(calls, values, strict=True):
        if value == output:
            _refuse_heads(call, assembly, constants)
        elif constants[value] > 1.0 + _ROUNDED:
            raise NotLipschitzError(
                f"The model is not 1-Lipschitz at the layer {_named(call.layer)}: its output may change "
                f"{constants[value]:.3g} times as much as the row. Scale the values before this layer, or use a layer "
                "of sklip.layers."
            )


def _refuse_unconstrained(called, is_last):
    """Raise an error if a layer, or one within it, trains without a constraint."""
    for layer in all_layers(called):
        own = getattr(layer, "trainable_weights", []) and not getattr(layer, "inner_layers", [])
        if own and not type(layer).__module__.startswith("sklip."):
            raise NotLipschitzError(
                f"The layer {_named(layer)} trains without a constraint, and would not stay 1-Lipschitz. Use its "
                "counterpart in sklip.layers, or set trainable=False."
            )
        if type(layer) is FrobeniusDense and layer.units > 1 and not is_last:
            raise NotLipschitzError(
                f"The layer {_named(layer)} has outputs that are 1-Lipschitz one by one, but not together. It may only "
                "be the last layer; use SpectralDense here."
            )


def _refuse_without_heads(last, model):
    """Raise a ValueError unless the last layer is dense, and its outputs are vectors without an activation."""
    dense = last is not None and isinstance(last.layer, (SpectralDense, FrobeniusDense, keras.layers.Dense))
    if not dense or len(last.shape) != 1 or last.layer.activation not in (None, keras.activations.linear):
        raise ValueError(
            f"The model {model.name!r} ends with {'its input' if last is None else f'the layer {_named(last.layer)}'}. "
            "It must end with a FrobeniusDense without an activation, whose outputs are the scores."
        )


def _refuse_heads(call, assembly, constants):
    """Raise an error unless the single outputs of the last layer are 1-Lipschitz."""
    part, (before,) = assembly.nodes[-1]
    single, _ = part.score_bounds(constants[before])
    if single > 1.0 + _ROUNDED:
        raise NotLipschitzError(
            f"The model is not 1-Lipschitz at its last layer, {_named(call.layer)}: a score may change {single:.3g} "
            "times as much as the row. Use FrobeniusDense."
        )


def _named(layer):
    return f"{layer.name!r} ({type(layer).__name__})"


def _assembled(model, reader):
    """The operations of a model, the number of the value after each call, and that of the output."""
    calls, output = calls_of(model)
    assembly, values = Assembly(), [0]
    for call in calls:
        before = len(assembly.nodes)
        values.append(_append(call, [values[number] for number in call.inputs], assembly, reader))
        _refuse_integers(call, [part for part, _ in assembly.nodes[before:]])
    return assembly, values[1:], values[output]


def _refuse_integers(call, parts):
    """Raise an error for arithmetic with integers, which Keras computes modulo 256 or the like."""
    if "float" not in call.dtype and not all(type(part) in _EXACT_FOR_INTEGERS for part in parts):
        raise NotLipschitzError(
            f"The layer {_named(call.layer)} computes with numbers of type {call.dtype}, whose sums and products wrap "
            "around. Convert them first, with keras.layers.Rescaling(1.0)."
        )


def _append(call, values, assembly, reader):
    """Append the operations of a call to an assembly; return the number of the result."""
    if is_join(call.layer):
        return append_join(call, values, assembly)
    if not isinstance(call.layer, keras.layers.Layer):
        raise not_understood(call.layer)
    if len(values) != 1:
        raise NotLipschitzError(
            f"The layer {_named(call.layer)} joins {len(values)} values in a way that sklip does not know. It knows "
            "Add, Subtract, Average and Concatenate."
        )
    (value,), (shape,) = values, call.shapes
    return assembly.chain(reader.steps(call.layer, shape), value)
