"""The served network as an ONNX model."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklip import _version
from sklip.served import Abs, Center, Dense, FullSort, GroupSort, MaxMin, Operation, Relu, Scale

if TYPE_CHECKING:
    import onnx

    from sklip.estimators._certified_classifier import CertifiedClassifier

# Every operator that is used stands in it, for float64 too; onnxruntime has it since 1.12.
OPSET = 17
IR_VERSION = 8


class Graph:
    """Nodes and constants in the making.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        In which the network is computed once the centre is subtracted.
    unique : callable
        From a name to one that the graph does not have.
    """

    def __init__(self, dtype: str, unique: Callable[[str], str]):
        self.dtype = dtype
        self.nodes: list[tuple[str, list[str], list[str], dict]] = []
        self.constants: list[tuple[str, np.ndarray]] = []
        self._unique = unique

    def add(self, operator, *inputs, name=None, **attributes):
        """Append a node; arrays among its inputs become constants. Returns the name of its output."""
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

    def cast(self, units, dtype, **attributes):
        """Append a conversion to a NumPy dtype."""
        from onnx.helper import np_dtype_to_tensor_dtype

        return self.add("Cast", units, to=int(np_dtype_to_tensor_dtype(np.dtype(dtype))), **attributes)

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

    def opposite(self, scores):
        """One column a class: of a single score, ``[−f, f]``."""
        return self.add("Concat", self.add("Neg", scores), scores, axis=1)

    def labels(self, classes, columns, **attributes):
        """Append the labels of the highest of the columns, the first of several."""
        best = self.add("ArgMax", columns, axis=1, keepdims=0)
        return self.add("Gather", classes, best, **attributes)

    def probabilities(self, temperature, scores, n_classes, **attributes):
        """Append the sigmoid or softmax of ``temperature`` times the scores."""
        logits = self.add("Mul", scores, np.array([temperature], dtype=self.dtype))
        if n_classes > 2:
            return self.add("Softmax", logits, axis=1, **attributes)
        return self.add("Sigmoid", self.opposite(logits), **attributes)


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
    """Labels as sklearn-onnx has them: text, or int64 for all else.

    Raises
    ------
    ValueError
        For labels that are neither text nor whole numbers.
    """
    if all(isinstance(label, str) for label in classes.tolist()):
        return classes.astype(object)
    try:
        whole = np.array([int(label) for label in classes.tolist()], dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        whole = None
    if whole is None or any(label != number for label, number in zip(classes.tolist(), whole.tolist(), strict=True)):
        raise ValueError(
            f"ONNX holds labels that are text or whole numbers of 64 bits; got classes {classes.tolist()[:10]}. Fit "
            "with such labels."
        )
    return whole


def to_onnx(classifier: CertifiedClassifier, *, dtype: str = "float64") -> onnx.ModelProto:
    """Export a fitted classifier as an ONNX model; see the classifiers' method ``to_onnx``.

    Parameters
    ----------
    classifier : fitted sklip classifier
    dtype : {"float64", "float32"}, default="float64"
        Of the rows that the model takes and of the scores that it returns.

    Returns
    -------
    onnx.ModelProto

    Raises
    ------
    ImportError
        When onnx is not installed.
    ValueError
        For another dtype, and for labels that are neither text nor whole numbers.
    sklearn.exceptions.NotFittedError
        Before ``fit``.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklip import HKRClassifier
    >>> from sklip.export import to_onnx
    >>> X, y = make_moons(100, noise=0.05, random_state=0)
    >>> classifier = HKRClassifier(hidden_layer_sizes=(16,), epochs=2, random_state=0).fit(X, y)
    >>> [output.name for output in to_onnx(classifier).graph.output]
    ['label', 'probabilities', 'decision_function']
    """
    check_is_fitted(classifier, "network_")
    if dtype not in ("float64", "float32"):
        raise ValueError(f"The 'dtype' parameter must be 'float64' or 'float32'; got {dtype!r}.")
    try:
        import onnx
    except ImportError as error:
        raise ImportError("to_onnx needs onnx: pip install 'scikit-lipschitz[onnx]', or pip install onnx.") from error

    counts: dict[str, int] = {}

    def unique(name):
        counts[name] = counts.get(name, 0) + 1
        return f"{name}_{counts[name]}"

    network, n_classes = classifier.network_, len(classifier.classes_)
    graph, classes = Graph(dtype, unique), exported_classes(classifier.classes_)
    scores = graph.scores(network, "X")
    columns = graph.opposite(scores) if n_classes == 2 else scores
    graph.labels(classes, columns, name="label")
    if hasattr(classifier, "predict_proba"):
        graph.probabilities(classifier.temperature_, scores, n_classes, name="probabilities")
    else:
        graph.add("Identity", columns, name="probabilities")
    shape = [-1] if n_classes == 2 else [-1, n_classes]
    graph.add("Reshape", scores, np.array(shape), name="decision_function")
    outputs = {
        "label": (classes.dtype, []),
        "probabilities": (dtype, [n_classes]),
        "decision_function": (dtype, shape[1:]),
    }
    result = _model(graph, type(classifier).__name__, {"X": (dtype, [network.n_features])}, outputs)
    onnx.checker.check_model(result, full_check=True)
    return result


def _model(graph, name, inputs, outputs):
    """The ONNX model of a graph; inputs and outputs by name: dtype, and shape of a row."""
    from onnx import helper, numpy_helper

    def declared(variables):
        return [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), ["n_rows", *shape])
            for name, (dtype, shape) in variables.items()
        ]

    return helper.make_model(
        helper.make_graph(
            # Without names, optimizers of runtimes give one name to several of their own.
            [helper.make_node(kind, given, made, f"make_{made[0]}", **more) for kind, given, made, more in graph.nodes],
            name,
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
