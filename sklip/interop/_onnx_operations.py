"""The ONNX nodes of each kind of served operation. The layout is channels last, as in the served network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial, reduce, singledispatch
from itertools import accumulate, pairwise

import numpy as np

from sklip import served
from sklip.interop._onnx_graph import OnnxGraph
from sklip.served import Operation
from sklip.served._chain import output_shape
from sklip.served._shift_windows import shift_windows

Shape = tuple[int, ...]


def append_steps(steps: Iterable[Operation], graph: OnnxGraph, z: str, shape: Shape) -> str:
    """Append operations one after the other, on rows of a shape; return the name of the last result."""
    for step in steps:
        z = append(step, graph, z, shape)
        shape = step.output_shape(shape)
    return z


@singledispatch
def append(operation: Operation, graph: OnnxGraph, z: str, shape: Shape) -> str:
    """Append an operation on rows of a shape; return the name of its result."""
    raise NotImplementedError(f"{type(operation).__name__} has no converter to ONNX.")


# Affine operations -------------------------------------------------------------------------------


@append.register
def _(operation: served.Center, graph, z, shape):
    return graph.add("Sub", z, graph.numbers(operation.center))


@append.register
def _(operation: served.Dense, graph, z, shape):
    return _product(graph, z, operation.kernel, operation.bias)


@append.register
def _(operation: served.Scale, graph, z, shape):
    return graph.add("Mul", z, graph.numbers(operation.factor))


@append.register
def _(operation: served.Diagonal, graph, z, shape):
    return graph.add("Mul", z, graph.numbers(operation.factors))


@append.register
def _(operation: served.Convolution, graph, z, shape):
    kernel, bias, strides = operation.kernel, operation.bias, operation.strides
    counts = operation.output_shape(shape)[:2]
    margins, spans = [], []
    for size, window, count, stride in zip(shape, kernel.shape, counts, strides, strict=False):
        span = (count - 1) * stride + 1
        zeros = max(span - 1 + window - size, 0)  # none for padding="valid"
        margins.append((zeros // 2, zeros - zeros // 2))
        spans.append(span)
    if graph.dtype == "float32":
        pads = [sides[end] for end in (0, 1) for sides in margins]
        weights = (graph.numbers(kernel.transpose(3, 2, 0, 1))[0], graph.numbers(bias)[0])
        z = graph.add("Conv", graph.add("Transpose", z, perm=[0, 3, 1, 2]), *weights, strides=list(strides), pads=pads)
        return graph.add("Transpose", z, perm=[0, 2, 3, 1])
    # onnxruntime has no Conv of float64 on CPUs. One product of all pixels is faster than a sum of products.
    z = graph.pad(z, *margins)
    pixels = [
        graph.slice(z, {1: (row, row + spans[0]), 2: (column, column + spans[1])}, strides)
        for row, column in np.ndindex(kernel.shape[:2])
    ]
    return _product(graph, graph.concat(pixels, 3), kernel.reshape(-1, len(bias)), bias)


def _product(graph, z, kernel, bias):
    """A product of the last axis with a matrix, plus a bias."""
    product = graph.add("MatMul", z, graph.numbers(kernel)[0])
    return graph.add("Add", product, graph.numbers(bias)) if bias.any() else product


# Activations -------------------------------------------------------------------------------------


@append.register
def _(operation: served.Relu, graph, z, shape):
    return graph.add("Relu", z)


@append.register
def _(operation: served.Abs, graph, z, shape):
    axis, width = len(shape), shape[-1]
    count = round(operation.share * width)
    if count == width:
        return graph.add("Abs", z)
    if count == 0:
        return z
    first, others = (graph.slice(z, {axis: limits}) for limits in ((0, count), (count, width)))
    return graph.concat([graph.add("Abs", first), others], axis)


@append.register
def _(operation: served.MaxMin, graph, z, shape):
    return _pairs(graph, z, shape, ("Max", "Min"))


@append.register
def _(operation: served.GroupSort, graph, z, shape):
    if operation.n == 1:
        return z
    if operation.n == 2:
        return _pairs(graph, z, shape, ("Min", "Max"))
    return _sorted_groups(graph, z, shape, operation.n)


@append.register
def _(operation: served.FullSort, graph, z, shape):
    return _sorted_groups(graph, z, shape, shape[-1])


def _pairs(graph, z, shape, operators):
    """Two operators on the halves of the last axis, their results next to each other."""
    axis, half = len(shape), shape[-1] // 2
    halves = [graph.slice(z, {axis: (start, start + half)}) for start in (0, half)]
    return graph.concat([graph.add(operator, *halves) for operator in operators], axis)


def _sorted_groups(graph, z, shape, size):
    """The sorting of strided groups of ``size`` values."""
    groups = graph.reshape(z, (*shape[:-1], size, shape[-1] // size))
    ordered = graph.add("TopK", groups, np.array([size]), axis=len(shape), largest=0, sorted=1)
    return graph.reshape(ordered, shape)


# Selections of pixels and channels ---------------------------------------------------------------


@append.register
def _(operation: served.Reshape, graph, z, shape):
    return z if operation.shape == shape else graph.reshape(z, operation.shape)


@append.register
def _(operation: served.Shift, graph, z, shape):
    (height, width, _), (margins, places) = operation.output_shape(shape), shift_windows(operation, shape)
    z = graph.wrap(z, shape[:2], *margins) if operation.padding == "circular" else graph.pad(z, *margins)
    groups = [
        graph.slice(z, {1: (row, row + height), 2: (column, column + width), 3: (start, stop)})
        for row, column, start, stop in places
    ]
    return graph.concat(groups, 3)


@append.register
def _(operation: served.SpaceToDepth, graph, z, shape):
    sorted_pixels = graph.add("Transpose", _windows(operation, graph, z, shape), perm=[0, 1, 3, 2, 4, 5])
    return graph.reshape(sorted_pixels, operation.output_shape(shape))


@append.register
def _(operation: served.DepthToSpace, graph, z, shape):
    result = operation.output_shape(shape)
    windows = graph.reshape(z, (*shape[:2], operation.height, operation.width, result[2]))
    return graph.reshape(graph.add("Transpose", windows, perm=[0, 1, 3, 2, 4, 5]), result)


@append.register
def _(operation: served.Pad, graph, z, shape):
    margins = (operation.top, operation.bottom), (operation.left, operation.right)
    return graph.wrap(z, shape[:2], *margins) if operation.circular else graph.pad(z, *margins)


@append.register
def _(operation: served.Crop, graph, z, shape):
    height, width, _ = shape
    rows, columns = (operation.top, height - operation.bottom), (operation.left, width - operation.right)
    return graph.slice(z, {1: rows, 2: columns})


# Pools -------------------------------------------------------------------------------------------


@append.register
def _(operation: served.MaxPool, graph, z, shape):
    return graph.reduce("ReduceMax", _windows(operation, graph, z, shape), (2, 4))


@append.register
def _(operation: served.AveragePool, graph, z, shape):
    sums = graph.reduce("ReduceSum", _windows(operation, graph, z, shape), (2, 4))
    return graph.add("Mul", sums, graph.numbers(operation.factor))


@append.register
def _(operation: served.L2NormPool, graph, z, shape):
    windows = _windows(operation, graph, z, shape)
    return graph.add("Sqrt", graph.reduce("ReduceSum", graph.add("Mul", windows, windows), (2, 4)))


def _windows(operation, graph, z, shape):
    """Disjoint windows, of shape (n_rows, rows, height, columns, width, channels), without the pixels that remain."""
    height, width = operation.height, operation.width
    rows, columns = shape[0] // height, shape[1] // width
    if (rows * height, columns * width) != shape[:2]:
        z = graph.slice(z, {1: (0, rows * height), 2: (0, columns * width)})
    return graph.reshape(z, (rows, height, columns, width, shape[2]))


# Operations made of operations -------------------------------------------------------------------


@append.register
def _(operation: served.Residual, graph, z, shape):
    positive = graph.add("Relu", append_steps(operation.steps, graph, z, shape))
    moved = append_steps(_transposed(operation.steps), graph, positive, output_shape(operation.steps, shape))
    return graph.add("Sub", z, graph.add("Mul", moved, graph.numbers(2.0)))


def _transposed(steps):
    """The transposed map of affine operations, without biases."""
    return [step.transposed() for step in reversed(steps) if not isinstance(step, served.Center)]


@append.register
def _(operation: served.Parallel, graph, z, shape):
    axis, results = len(shape), []
    for steps, limits in zip(operation.parts, pairwise(accumulate(operation.sizes, initial=0)), strict=True):
        part = graph.slice(z, {axis: limits})
        results.append(append_steps(steps, graph, part, (*shape[:-1], limits[1] - limits[0])))
    return graph.concat(results, axis)


@append.register
def _(operation: served.Graph, graph, z, shape):
    values = [(z, shape)]
    for part, places in operation.nodes:
        names, shapes = zip(*(values[place] for place in places), strict=True)
        if isinstance(part, Operation):
            values.append((append(part, graph, *names, *shapes), part.output_shape(*shapes)))
        else:
            values.append((_join(part, graph, names, shapes), part.output_shape(list(shapes))))
    return values[-1][0]


@append.register
def _(operation: served.Tilted, graph, z, shape):
    of_steps = append_steps(operation.steps, graph, z, shape)
    return graph.add("Add", of_steps, _product(graph, z, operation.slopes[:, None], np.zeros(1)))


@singledispatch
def _join(join: served.Join, graph: OnnxGraph, values: Sequence[str], shapes: Sequence[Shape]) -> str:
    """Append a join of values; return the name of its result."""
    raise NotImplementedError(f"{type(join).__name__} has no converter to ONNX.")


@_join.register
def _(join: served.Add, graph, values, shapes):
    return reduce(partial(graph.add, "Add"), values)


@_join.register
def _(join: served.Concatenate, graph, values, shapes):
    return graph.concat(values, len(shapes[0]))
