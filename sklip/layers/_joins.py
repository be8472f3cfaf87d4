"""The served operations of calls that join values, and of the operations of ``keras.ops`` in graphs.

A call takes values of the model and perhaps constants. The functions here get both as ``operands``, in their order: the
number of a value in the assembly, or the array of a constant.
"""

from collections.abc import Callable
from functools import cache

import keras
import numpy as np
from keras import ops

from sklip import served
from sklip.exceptions import NotLipschitzError
from sklip.layers._assembly import Assembly
from sklip.layers._constants import constant_of_row, over, plus, times
from sklip.layers._conversions import as_numpy
from sklip.layers._trace import Call, type_in_graphs

Operand = int | np.ndarray
Join = Callable[[Call, list[Operand], Assembly], int]


def is_join(layer: object) -> bool:
    """Whether calls of a layer or an operation are translated here."""
    return _join_of(layer) is not None


def append_join(call: Call, values: list[int], assembly: Assembly) -> int:
    """Append the operations of a call to an assembly; return the number of the result.

    Parameters
    ----------
    call : Call
        A call of a layer for which :func:`is_join` is true.
    values : list of int
        Numbers of the values of the model that it takes, in their order.
    assembly : Assembly

    Raises
    ------
    NotLipschitzError
        If the call has no Lipschitz constant, or is one that sklip does not know.
    """
    left = iter(values)
    operands = [next(left) if isinstance(each, keras.KerasTensor) else as_numpy(each) for each in call.operands]
    return _join_of(call.layer)(call, operands, assembly)


def _join_of(layer):
    return _LAYERS.get(type(layer)) or _in_graphs().get(type(layer))


def _refused(call, reason):
    return NotLipschitzError(f"The layer {call.layer.name!r} ({type(call.layer).__name__}) {reason}")


def _split(call, operands):
    """The numbers of the values among operands, and the constants in the shape of a row."""
    if set(call.shapes) != {call.shape}:
        raise _refused(
            call, f"takes values of the shapes {list(call.shapes)} to the shape {call.shape}. Give them the same shape."
        )
    values = [operand for operand in operands if not isinstance(operand, np.ndarray)]
    constants = [operand for operand in operands if isinstance(operand, np.ndarray)]
    return values, [constant_of_row(call.layer, constant, call.shape) for constant in constants]


def _sum(call, operands, assembly):
    values, constants = _split(call, operands)
    total = assembly.add(served.Add(), *values) if len(values) > 1 else values[0]
    return assembly.chain(plus(sum(constants, np.zeros(call.shape))), total)


def _difference(call, operands, assembly):
    first, second = operands
    negative = np.asarray(-1.0 * second) if isinstance(second, np.ndarray) else assembly.add(_NEGATIVE, second)
    return _sum(call, [first, negative], assembly)


def _average(call, operands, assembly):
    return assembly.add(served.Scale(1.0 / len(operands)), _sum(call, operands, assembly))


def _concatenation(call, operands, assembly):
    if call.layer.axis not in (-1, len(call.shape)):
        raise _refused(call, f"joins values along the axis {call.layer.axis}. sklip joins the last axis alone.")
    if any(isinstance(operand, np.ndarray) for operand in operands):
        raise _refused(call, "joins values of the model and a constant. sklip joins values of the model alone.")
    return assembly.add(served.Concatenate(), *operands)


def _product(call, operands, assembly):
    if len(call.shapes) != 1:
        raise _refused(
            call,
            "multiplies values of the model with each other, which has no Lipschitz constant. Multiply by a constant.",
        )
    values, constants = _split(call, operands)
    steps = [step for numbers in constants for step in times(numbers)]
    return assembly.chain(steps, values[0])


def _quotient(call, operands, assembly):
    if not isinstance(operands[1], np.ndarray):
        raise _refused(call, "divides by a value of the model, which has no Lipschitz constant.")
    (value,), (denominator,) = _split(call, operands)
    return assembly.chain(over(call.layer, denominator), value)


def _step(operation):
    return lambda call, operands, assembly: assembly.add(operation, operands[0])


_NEGATIVE = served.Scale(-1.0)
_LAYERS: dict[type, Join] = {
    keras.layers.Add: _sum,
    keras.layers.Subtract: _difference,
    keras.layers.Average: _average,
    keras.layers.Concatenate: _concatenation,
    keras.layers.Multiply: _product,
    keras.layers.Dot: _product,
}


@cache
def _in_graphs() -> dict[type, Join]:
    """By the class that a function of ``keras.ops`` puts in a graph."""
    return {
        type_in_graphs(lambda x: ops.add(x, x)): _sum,
        type_in_graphs(lambda x: ops.subtract(x, x)): _difference,
        type_in_graphs(lambda x: ops.multiply(x, x)): _product,
        type_in_graphs(lambda x: ops.divide(x, x)): _quotient,
        type_in_graphs(lambda x: ops.true_divide(x, x)): _quotient,
        type_in_graphs(lambda x: ops.concatenate([x, x])): _concatenation,
        type_in_graphs(ops.negative): _step(_NEGATIVE),
        type_in_graphs(ops.abs): _step(served.Abs()),
        type_in_graphs(ops.absolute): _step(served.Abs()),
        type_in_graphs(ops.relu): _step(served.Relu()),
    }
