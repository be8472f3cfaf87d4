"""The served network as an ONNX model."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sklip import _version
from sklip._requirements import extra
from sklip.served import Abs, Center, Dense, FullSort, GroupSort, MaxMin, Operation, Relu, Scale, ServedNetwork

if TYPE_CHECKING:
    import onnx


# It has every operator that is used, also for float64. onnxruntime supports it since 1.12.
OPSET = 17
IR_VERSION = 8


class Graph:
    """The nodes and constants of a model, collected so far.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Dtype in which the network is computed after the subtraction of the centre.
    unique : callable
        Function of a name that returns a name which is not yet in the graph.
    """

    def __init__(self, dtype: str, unique: Callable[[str], str]):
        self.dtype = dtype
        self.nodes: list[tuple[str, list[str], list[str], dict]] = []
        self.constants: list[tuple[str, np.ndarray]] = []
        self._unique = unique

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

    def cast(self, values, dtype, **attributes):
        """Append a conversion to a NumPy dtype."""
        from onnx.helper import np_dtype_to_tensor_dtype

        return self.add("Cast", values, to=int(np_dtype_to_tensor_dtype(np.dtype(dtype))), **attributes)

    def scores(self, network, rows):
        """Append the network; return the name of its scores, of shape (n_rows, n_scores) and of the graph's dtype."""
        z = self.add("Sub", self.cast(rows, "float64"), network.center[None])
        z = z if self.dtype == "float64" else self.cast(z, self.dtype)
        width = network.n_features
        for operation in network.operations[1:]:
            z = _append(operation, self, z, width)
            (width,) = operation.output_shape((width,))
        return z

    def pairs(self, z, width, operators):
        """Append two operators on the halves of the values, their results next to each other."""
        halves = [
            self.add("Slice", z, *(np.array([limit]) for limit in (start, start + width // 2, 1)))
            for start in (0, width // 2)
        ]
        return self.add("Concat", *(self.add(operator, *halves) for operator in operators), axis=1)

    def sorted_groups(self, z, width, size):
        """Append the sorting of strided groups of ``size`` values."""
        groups = self.add("Reshape", z, np.array([0, size, width // size]))
        ordered = self.add("TopK", groups, np.array([size]), axis=1, largest=0, sorted=1)
        return self.add("Reshape", ordered, np.array([0, width]))

    def classifier(self, network, rows, classes, temperature, label, probabilities):
        """Append a classifier; return the name of its scores.

        Parameters
        ----------
        network : sklip.served.ServedNetwork
        rows : str
            Name of the input.
        classes : ndarray of shape (n_classes,)
            Labels as :func:`exported_classes` returns them.
        temperature : float or None
            Factor of the scores in the probabilities. None to return the scores instead, one column per class.
        label, probabilities : str
            Names of the outputs.
        """
        scores = self.scores(network, rows)
        columns = self._one_per_class(scores, len(classes))
        best = self.add("ArgMax", columns, axis=1, keepdims=0)  # the first of equal scores
        self.add("Gather", classes, best, name=label)
        if temperature is None:
            self.add("Identity", columns, name=probabilities)
            return scores
        logits = self.add("Mul", scores, np.array([temperature], dtype=self.dtype))
        kind, attributes = ("Softmax", {"axis": 1}) if len(classes) > 2 else ("Sigmoid", {})
        self.add(kind, self._one_per_class(logits, len(classes)), name=probabilities, **attributes)
        return scores

    def _one_per_class(self, scores, n_classes):
        """One column per class: ``[−f, f]`` for a single score."""
        return self.add("Concat", self.add("Neg", scores), scores, axis=1) if n_classes == 2 else scores


@singledispatch
def _append(operation: Operation, graph: Graph, z: str, width: int) -> str:
    """Append an operation on ``width`` values per row; return the name of its result."""
    raise NotImplementedError(f"{type(operation).__name__} has no converter to ONNX.")


@_append.register
def _(operation: Center, graph, z, width):
    return graph.add("Sub", z, operation.center.astype(graph.dtype)[None])


@_append.register
def _(operation: Dense, graph, z, width):
    product = graph.add("MatMul", z, operation.kernel.astype(graph.dtype))
    return graph.add("Add", product, operation.bias.astype(graph.dtype)[None])


@_append.register
def _(operation: Scale, graph, z, width):
    return graph.add("Mul", z, np.array([operation.factor], dtype=graph.dtype))


@_append.register
def _(operation: Relu, graph, z, width):
    return graph.add("Relu", z)


@_append.register
def _(operation: Abs, graph, z, width):
    return graph.add("Abs", z)


@_append.register
def _(operation: MaxMin, graph, z, width):
    return graph.pairs(z, width, ("Max", "Min"))


@_append.register
def _(operation: GroupSort, graph, z, width):
    if operation.n == 1:
        return z
    return graph.pairs(z, width, ("Min", "Max")) if operation.n == 2 else graph.sorted_groups(z, width, operation.n)


@_append.register
def _(operation: FullSort, graph, z, width):
    return graph.sorted_groups(z, width, width)


def exported_classes(classes: np.ndarray) -> np.ndarray:
    """Convert labels to the types of sklearn-onnx: text, or int64 for all others.

    Raises
    ------
    ValueError
        For labels other than text and whole numbers.
    """
    if all(isinstance(label, str) for label in classes.tolist()):
        return classes.astype(object)
    try:
        integers = np.array([int(label) for label in classes.tolist()], dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        integers = None
    if integers is None or integers.tolist() != classes.tolist():
        raise ValueError(
            f"ONNX labels are text or whole numbers of 64 bits; got classes {classes.tolist()[:10]}. Fit "
            "with such labels."
        )
    return integers


def to_onnx(
    network: ServedNetwork, classes: ArrayLike, temperature: float | None = None, *, dtype: str = "float64"
) -> onnx.ModelProto:
    """Export a network as an ONNX model of a classifier; see the classifiers' method ``to_onnx``.

    Parameters
    ----------
    network : sklip.served.ServedNetwork
    classes : array-like of shape (n_classes,)
        Labels, in the order of the scores; a single score is positive for the second of two.
    temperature : float, default=None
        Factor of the scores in ``probabilities``, in the inverse units of the data. If None, ``probabilities`` holds
        the scores, one column per class.
    dtype : {"float64", "float32"}, default="float64"
        Dtype of the rows that the model takes and of the scores that it returns.

    Returns
    -------
    onnx.ModelProto

    Raises
    ------
    ImportError
        If onnx is not installed.
    ValueError
        For another dtype, and for labels other than text and whole numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.interop import to_onnx
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> [output.name for output in to_onnx(network, ["no", "yes"], temperature=1.0).graph.output]
    ['label', 'probabilities', 'decision_function']
    """
    if dtype not in ("float64", "float32"):
        raise ValueError(f"The 'dtype' parameter must be 'float64' or 'float32'; got {dtype!r}.")
    with extra("onnx", "onnx", "to_onnx"):
        import onnx

    counts: dict[str, int] = {}

    def unique(name):
        counts[name] = counts.get(name, 0) + 1
        return f"{name}_{counts[name]}"

    graph, labels = Graph(dtype, unique), exported_classes(np.asarray(classes))
    scores = graph.classifier(network, "X", labels, temperature, "label", "probabilities")
    shape = [-1] if len(labels) == 2 else [-1, len(labels)]
    graph.add("Reshape", scores, np.array(shape), name="decision_function")
    outputs = {
        "label": (labels.dtype, []),
        "probabilities": (dtype, [len(labels)]),
        "decision_function": (dtype, shape[1:]),
    }
    result = _model(graph, {"X": (dtype, [network.n_features])}, outputs)
    onnx.checker.check_model(result, full_check=True)
    return result


def _model(graph, inputs, outputs):
    """The ONNX model of a graph; ``inputs`` and ``outputs`` map names to a dtype and the shape of a row."""
    from onnx import helper, numpy_helper

    def declared(variables):
        return [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), ["n_rows", *shape])
            for name, (dtype, shape) in variables.items()
        ]

    return helper.make_model(
        helper.make_graph(
            # Without names, optimizers of runtimes give the same name to several nodes.
            [helper.make_node(kind, given, made, f"make_{made[0]}", **more) for kind, given, made, more in graph.nodes],
            "sklip",
            declared(inputs),
            declared(outputs),
            [numpy_helper.from_array(array, name) for name, array in graph.constants],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="sklip",
        producer_version=_version.__version__,
        doc_string="A copy of a sklip classifier. Its certificates are about the classifier, not about this copy.",
    )
