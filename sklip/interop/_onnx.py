"""The served network as an ONNX model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sklip import _version
from sklip._requirements import extra
from sklip.interop._onnx_graph import OPSET, OnnxGraph
from sklip.interop._onnx_operations import append_steps
from sklip.served import ServedNetwork

if TYPE_CHECKING:
    import onnx

IR_VERSION = 8  # that of the versions of onnx that have OPSET


def append_classifier(
    graph: OnnxGraph,
    network: ServedNetwork,
    shape: tuple[int, ...],
    classes: np.ndarray,
    temperature: float | None,
    names: tuple[str, str, str],
) -> str:
    """Append a classifier to a graph; return the name of its scores.

    Parameters
    ----------
    graph : OnnxGraph
    network : sklip.served.ServedNetwork
    shape : tuple of int
        Shape of a row of the input: ``(n_features,)``, or the network's ``input_shape``.
    classes : ndarray of shape (n_classes,)
        Labels as :func:`exported_classes` returns them.
    temperature : float or None
        Factor of the scores in the probabilities. None to return the scores instead, one column per class.
    names : tuple of str
        Names of the input, of the labels and of the probabilities.

    Returns
    -------
    str
        The scores have shape (n_rows, n_scores) and the graph's dtype.
    """
    rows, label, probabilities = names
    z = graph.add("Sub", graph.cast(rows, "float64"), network.center.reshape(1, *shape))
    z = z if graph.dtype == "float64" else graph.cast(z, graph.dtype)
    scores = append_steps(network.operations[1:], graph, z, shape)
    columns = _one_per_class(graph, scores, len(classes))
    best = graph.add("ArgMax", columns, axis=1, keepdims=0)  # the first of equal scores
    graph.add("Gather", classes, best, name=label)
    if temperature is None:
        graph.add("Identity", columns, name=probabilities)
        return scores
    logits = graph.add("Mul", scores, graph.numbers(temperature))
    kind, attributes = ("Softmax", {"axis": 1}) if len(classes) > 2 else ("Sigmoid", {})
    graph.add(kind, _one_per_class(graph, logits, len(classes)), name=probabilities, **attributes)
    return scores


def _one_per_class(graph, scores, n_classes):
    """One column per class: ``[−f, f]`` for a single score."""
    return graph.add("Concat", graph.add("Neg", scores), scores, axis=1) if n_classes == 2 else scores


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
        Its input ``X`` has shape (n_rows, n_features); for a network on images, (n_rows, height, width, channels).

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

    graph, labels = OnnxGraph(dtype, unique), exported_classes(np.asarray(classes))
    names = ("X", "label", "probabilities")
    scores = append_classifier(graph, network, network.input_shape, labels, temperature, names)
    shape = [-1] if len(labels) == 2 else [-1, len(labels)]
    graph.add("Reshape", scores, np.array(shape), name="decision_function")
    outputs = {
        "label": (labels.dtype, []),
        "probabilities": (dtype, [len(labels)]),
        "decision_function": (dtype, shape[1:]),
    }
    result = _model(graph, {"X": (dtype, network.input_shape)}, outputs)
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
