"""The served operations of calls that join values, and of the operations of ``keras.ops`` in graphs."""

from collections.abc import Callable
from functools import cache
from numbers import Real

import keras
import numpy as np
from keras import ops

from sklip import served
from sklip.exceptions import NotLipschitzError
from sklip.layers._assembly import Assembly
from sklip.layers._trace import Call, type_in_graphs

Join = Callable[[Call, list[int], Assembly], int]


def join_of(layer: object) -> Join | None:
    """The function that appends a call of a layer to an assembly; None if it joins nothing.

    The function takes the call, the numbers of its values and the assembly, and returns the number of the result.
    """
    return _LAYERS.get(type(layer)) or _in_graphs().get(type(layer))


def _refused(call, reason):
    return NotLipschitzError(f"The layer {call.layer.name!r} ({type(call.layer).__name__}) {reason}")


def _sum(call, values, assembly):
    if len(set(call.shapes)) != 1:
        raise _refused(call, f"adds values of different shapes: {list(call.shapes)}. Give them the same shape.")
    return assembly.add(served.Add(), *values)


def _difference(call, values, assembly):
    negative = assembly.add(served.Scale(-1.0), values[1])
    return _sum(call, [values[0], negative], assembly)


def _average(call, values, assembly):
    return assembly.add(served.Scale(1.0 / len(values)), _sum(call, values, assembly))


def _concatenation(call, values, assembly):
    if call.layer.axis not in (-1, len(call.shape)):
        raise _refused(call, f"joins values along the axis {call.layer.axis}. sklip joins the last axis alone.")
    return assembly.add(served.Concatenate(), *values)


def _product(call, values, assembly):
    raise _refused(
        call, "multiplies values of the model with each other, which has no Lipschitz constant. Multiply by a number."
    )


def _with_number(of_values, of_number):
    """The conversion of an operation with two arguments, of which one may be a number."""

    def convert(call, values, assembly):
        if len(values) == 2:
            return of_values(call, values, assembly)
        numbers = [one for one in call.arguments if not isinstance(one, keras.KerasTensor)]
        if len(numbers) != 1 or not (isinstance(numbers[0], Real) or np.ndim(numbers[0]) == 0):
            raise _refused(call, "has an argument that is neither a value of the model nor a number.")
        number, first = float(numbers[0]), isinstance(call.arguments[0], keras.KerasTensor)
        if not np.isfinite(number) or (of_number is _over and number == 0.0):
            raise _refused(call, f"has the argument {number}, with which no result is finite.")
        return assembly.chain(of_number(number, first, call), values[0])

    return convert


def _plus(number, first, call):
    return [served.Center(np.full(call.shape, -number))]


def _minus(number, first, call):
    return _plus(-number, first, call) if first else [served.Scale(-1.0), *_plus(number, first, call)]


def _times(number, first, call):
    return [served.Scale(number)]


def _over(number, first, call):
    if not first:
        raise _refused(call, "divides by a value of the model, which has no Lipschitz constant.")
    return [served.Scale(1.0 / number)]


def _steps(*steps):
    return lambda call, values, assembly: assembly.chain(steps, values[0])


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
        type_in_graphs(lambda x: ops.add(x, x)): _with_number(_sum, _plus),
        type_in_graphs(lambda x: ops.subtract(x, x)): _with_number(_difference, _minus),
        type_in_graphs(lambda x: ops.multiply(x, x)): _with_number(_product, _times),
        type_in_graphs(lambda x: ops.divide(x, x)): _with_number(_product, _over),
        type_in_graphs(lambda x: ops.true_divide(x, x)): _with_number(_product, _over),
        type_in_graphs(lambda x: ops.concatenate([x, x])): _concatenation,
        type_in_graphs(ops.negative): _steps(served.Scale(-1.0)),
        type_in_graphs(ops.abs): _steps(served.Abs()),
        type_in_graphs(ops.absolute): _steps(served.Abs()),
        type_in_graphs(ops.relu): _steps(served.Relu()),
    }
