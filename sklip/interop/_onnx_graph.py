"""The nodes and constants of an ONNX model while it is made."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# It has every operator that is used, also for float64. onnxruntime supports it since 1.12.
OPSET = 17


class OnnxGraph:
    """The nodes and constants of a model, collected so far.

    Values have shape (n_rows, …). Methods take the shape of a row where they need it, because nodes do not have it.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Dtype in which the network is computed after the subtraction of the centre.
    unique : callable
        Function of a name that returns a name which is not yet in the graph.
    opset : int, default=17
        Version of the operators. sklearn-onnx lets the user choose it, from 12.
    """

    def __init__(self, dtype: str, unique: Callable[[str], str], opset: int = OPSET):
        self.dtype = dtype
        self.nodes: list[tuple[str, list[str], list[str], dict]] = []
        self.constants: list[tuple[str, np.ndarray]] = []
        self._unique = unique
        self._opset = opset

    def add(self, operator, *inputs, name=None, **attributes):
        """Append a node, and return the name of its output; arrays among its inputs become constants."""
        outputs = [name or self._unique(operator.lower())]
        if operator == "TopK":
            outputs.append(self._unique("positions"))
        self.nodes.append((operator, [self._named(value) for value in inputs], outputs, attributes))
        return outputs[0]

    def _named(self, value):
        if isinstance(value, str):
            return value
        name = self._unique("constant")
        self.constants.append((name, value))
        return name

    def numbers(self, array):
        """Return an array as a constant in the graph's dtype, for all rows."""
        return np.asarray(array, dtype=self.dtype)[None]

    def cast(self, values, dtype, **attributes):
        """Append a conversion to a NumPy dtype."""
        from onnx.helper import np_dtype_to_tensor_dtype

        return self.add("Cast", values, to=int(np_dtype_to_tensor_dtype(np.dtype(dtype))), **attributes)

    def reshape(self, z, shape):
        """Append a change of the shape of a row. 0 is the number of rows, also if there are none."""
        return self.add("Reshape", z, np.array([0, *shape]))

    def slice(self, z, limits, steps=None):
        """Append a slice; ``limits`` maps axes, 0 for the rows, to the first place and the one after the last."""
        axes, (starts, ends) = list(limits), zip(*limits.values(), strict=True)
        return self.add("Slice", z, *map(np.array, (starts, ends, axes, *([] if steps is None else [steps]))))

    def concat(self, parts, axis):
        """Append a concatenation; a single part stays as it is."""
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=axis)

    def pad(self, z, rows, columns):
        """Append zeros above and below pictures, and on their left and right."""
        if not any((*rows, *columns)):
            return z
        pads = [0, rows[0], columns[0], 0, 0, rows[1], columns[1], 0]
        return self.add("Pad", z, np.array(pads))

    def wrap(self, z, sizes, rows, columns):
        """Append copies of the other side above and below pictures of a size, and on their left and right."""
        for axis, (size, (before, after)) in enumerate(zip(sizes, (rows, columns), strict=True), 1):
            first = [self.slice(z, {axis: (size - before, size)})] if before else []
            last = [self.slice(z, {axis: (0, after)})] if after else []
            z = self.concat([*first, z, *last], axis)
        return z

    def reduce(self, operator, z, axes):
        """Append a reduction over axes, which disappear. Newer versions of operators take the axes as an input."""
        if self._opset >= (13 if operator == "ReduceSum" else 18):
            return self.add(operator, z, np.array(axes), keepdims=0)
        return self.add(operator, z, axes=list(axes), keepdims=0)
