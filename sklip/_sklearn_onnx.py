"""Converters for sklearn-onnx, which then takes pipelines that end in a sklip classifier."""

import numpy as np

from sklip._requirements import extra
from sklip.estimators import HKRClassifier, LipschitzMLP, NetworkClassifier
from sklip.interop._onnx import append_classifier, exported_classes
from sklip.interop._onnx_graph import OnnxGraph


def register_onnx_converters() -> None:
    """Register sklip's classifiers with sklearn-onnx, so that it converts pipelines with them.

    Call it once per process, before ``skl2onnx.to_onnx`` or ``convert_sklearn``; calling it again does no harm.
    The outputs are those of sklearn-onnx's other classifiers: ``label``, then ``probabilities``, of shape
    (n_rows, n_classes). For a classifier without ``predict_proba``, or with the option ``raw_scores``,
    ``probabilities`` holds the scores (``[−f, f]`` for two classes).

    Raises
    ------
    ImportError
        If sklearn-onnx is not installed.

    Notes
    -----
    The centre is subtracted in float64; everything after it is computed in the dtype of the pipeline's input.
    As for scikit-learn's classifiers, the probabilities of :class:`sklip.LipschitzMLP` come as a list of
    dictionaries, ``output_probability``, unless the option ``zipmap`` is False. Rows of float64 need
    ``zipmap=False``, because onnxruntime's ZipMap takes only float32.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklip import HKRClassifier, register_onnx_converters
    >>> X, y = make_moons(200, noise=0.05, random_state=0)
    >>> model = make_pipeline(StandardScaler(), HKRClassifier(hidden_layer_sizes=(32, 16), random_state=0)).fit(X, y)
    >>> register_onnx_converters()
    >>> from skl2onnx import to_onnx
    >>> [output.name for output in to_onnx(model, X[:1]).graph.output]
    ['label', 'probabilities']
    """
    with extra("onnx", "skl2onnx", "register_onnx_converters"):
        from skl2onnx import update_registered_converter

    # In a pipeline, sklearn-onnx sets zipmap for every classifier, but it cannot zip scores.
    options = {"raw_scores": [False, True], "nocl": [False, True], "zipmap": [True, False, "columns"]}
    for kind in (HKRClassifier, LipschitzMLP, NetworkClassifier):
        parser = None if kind is LipschitzMLP else _parse
        update_registered_converter(
            kind, f"Sklip{kind.__name__}", _shapes, _convert, overwrite=True, parser=parser, options=options
        )


def _parse(scope, classifier, inputs, custom_parsers=None):
    """Declare a classifier and its two outputs, with no ZipMap after them."""
    from skl2onnx import get_model_alias
    from skl2onnx.common.data_types import Int64TensorType, guess_tensor_type

    operator = scope.declare_local_operator(get_model_alias(type(classifier)), classifier)
    operator.inputs = inputs
    for name, kind in (("label", Int64TensorType()), ("probabilities", guess_tensor_type(inputs[0].type))):
        operator.outputs.append(scope.declare_local_variable(name, kind))
    return operator.outputs


def _labels(scope, classifier):
    """Labels, or their positions if sklearn-onnx's option ``nocl`` asks for positions."""
    if scope.get_options(classifier, {"nocl": False})["nocl"]:
        return np.arange(len(classifier.classes_))
    return exported_classes(classifier.classes_)


def _shapes(operator):
    """Types and shapes of the outputs."""
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType, guess_tensor_type

    classifier, rows = operator.raw_operator, operator.inputs[0].get_first_dimension()
    text = _labels(operator.scope_inst, classifier).dtype == object
    operator.outputs[0].set_type((StringTensorType if text else Int64TensorType)([rows]))
    numbers = guess_tensor_type(operator.inputs[0].type)
    numbers.shape = [rows, len(classifier.classes_)]
    operator.outputs[1].set_type(numbers)


def _convert(scope, operator, container):
    """Append the nodes of a classifier to the graph that sklearn-onnx builds."""
    from onnx.helper import np_dtype_to_tensor_dtype
    from skl2onnx.common.data_types import DoubleTensorType

    classifier = operator.raw_operator
    graph = OnnxGraph(
        "float64" if isinstance(operator.inputs[0].type, DoubleTensorType) else "float32",
        scope.get_unique_variable_name,
        container.target_opset,
    )
    raw = scope.get_options(classifier, {"raw_scores": False})["raw_scores"]
    temperature = None if raw else getattr(classifier, "temperature_", None)
    names = tuple(variable.full_name for variable in (operator.inputs[0], *operator.outputs))
    network, labels = classifier.network_, _labels(scope, classifier)
    append_classifier(graph, network, (network.n_features,), labels, temperature, names)
    for name, array in graph.constants:
        values = [label.encode() for label in array] if array.dtype == object else array.ravel()
        container.add_initializer(name, int(np_dtype_to_tensor_dtype(array.dtype)), array.shape, values)
    for kind, inputs, outputs, attributes in graph.nodes:
        container.add_node(kind, inputs, outputs, name=scope.get_unique_operator_name(kind), **attributes)
