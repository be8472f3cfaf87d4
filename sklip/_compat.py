"""Private names of other packages, each once, with the oldest version that is known to have it.

A release of these packages may drop any of them; ``tests/test_compat.py`` has a test for each. Keras, TensorFlow,
JAX and the parts of scikit-learn that serving does not need are imported only in the functions.
"""

from __future__ import annotations

import multiprocessing
import sys
from contextlib import suppress
from typing import Any

from sklearn.utils import _safe_indexing as safe_indexing  # scikit-learn 0.22
from sklearn.utils._indexing import _get_column_indices as column_indices  # 1.5
from sklearn.utils._param_validation import Interval, Options, StrOptions, validate_parameter_constraints  # 1.2
from sklearn.utils.validation import _check_monotonic_cst as check_monotonic_cst  # 1.2
from sklearn.utils.validation import _check_sample_weight as check_sample_weight  # 0.22
from sklearn.utils.validation import _get_feature_names as feature_names  # 1.0

__all__ = [
    "Interval", "Options", "StrOptions", "check_monotonic_cst", "check_sample_weight", "column_indices",
    "feature_names", "safe_indexing", "validate_parameter_constraints",
]  # fmt: skip

# scikit-learn -----------------------------------------------------------------------------------

MAY_BE_OVERRIDDEN = frozenset(
    {"_fit", "_get_param_names", "_parameter_constraints", "_repr_html_", "_repr_mimebundle_"}
)
"""Names in scikit-learn's estimators that do not affect predictions; scikit-learn 1.2 has all of them."""

SELECTING = ("transform", "_transform")
"""Names of the methods by which SelectorMixin selects columns; scikit-learn 1.2 has both."""


def base_search_cv() -> Any:
    """BaseSearchCV, the base of all searches: a public class in a private module, scikit-learn 0.18."""
    from sklearn.model_selection._search import BaseSearchCV

    return BaseSearchCV


def platt_types() -> list[type]:
    """Types that CalibratedClassifierCV fits: a calibrated classifier, and Platt's sigmoid; 0.24."""
    from sklearn.calibration import _CalibratedClassifier, _SigmoidCalibration

    return [_CalibratedClassifier, _SigmoidCalibration]


def response_methods(classifier: Any) -> Any:
    """Name, or names in order of preference, of the method whose result is compared with a threshold; 1.5."""
    return classifier._get_response_method()


def positive_label(tuned: Any) -> Any:
    """Positive label of a fitted TunedThresholdClassifierCV; 1.5."""
    return tuned._curve_scorer._get_pos_label()


def columns_of_branches(transformer: Any) -> dict[str, Any]:
    """Columns of each branch of a ColumnTransformer, as positions in the frame of fit; 1.0."""
    return transformer._transformer_to_input_indices


def parameter_names(estimator: Any) -> list[str]:
    """Names of the parameters of an estimator, which may lack the attributes; 0.18."""
    return estimator._get_param_names()


# NumPy and joblib -------------------------------------------------------------------------------


def mapping(array: Any) -> Any:
    """The mapping of a file to which an array belongs; None for copies of the array; NumPy 1.26."""
    return array._mmap


def is_joblib_worker() -> bool:
    """Whether this process is a worker of joblib's default backend, by its name; joblib 1.2."""
    return multiprocessing.current_process().name.startswith("LokyProcess")


# Keras ------------------------------------------------------------------------------------------


def origin(tensor: Any) -> tuple[Any, Any]:
    """The layer or operation that made a symbolic tensor, and the node of that call; Keras 3.10."""
    history = tensor._keras_history
    return history.operation, history.operation._inbound_nodes[history.node_index]


def stepping_optimizer(optimizer: Any) -> Any:
    """The optimizer that makes the steps: that within a LossScaleOptimizer; Keras 3.10."""
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    return optimizer


def learning_rate(optimizer: Any) -> Any:
    """The learning rate with which an optimizer steps: a variable, a schedule or a function; Keras 3.10."""
    return stepping_optimizer(optimizer)._learning_rate


# TensorFlow and JAX -----------------------------------------------------------------------------

GRADIENT_ATTRIBUTE = "_gradient_op_type"
"""Attribute of a node of a graph that holds the name of its gradient in the registry; TensorFlow 2.18."""


def registered_gradients() -> dict[str, Any]:
    """TensorFlow's registry of gradients by name; an empty one if it is not found; TensorFlow 2.18."""
    with suppress(ImportError, AttributeError):
        from tensorflow.python.framework.ops import gradient_registry

        return gradient_registry._registry
    return {}


def allow_many_traces(function: Any) -> None:
    """Stop a ``tf.function`` from warning that it is traced often; TensorFlow 2.18."""
    function._omit_frequent_tracing_warning = True


def tensorflow_is_watched() -> bool:
    """Whether TensorFlow passes each operation to a debugger; False if this is not found; TensorFlow 2.18."""
    with suppress(ImportError, AttributeError):
        from tensorflow.python.eager import context

        return bool(context.context().op_callbacks)
    return False


def tensorflow_or_jax_has_started() -> bool:
    """Whether TensorFlow or JAX runs in this process; False if this is not found; TensorFlow 2.18, JAX 0.6."""
    tensorflow = getattr(sys.modules.get("tensorflow.python.eager.context"), "_context", None)
    jax = getattr(sys.modules.get("jax._src.xla_bridge"), "_backends", None)
    return bool(getattr(tensorflow, "_initialized", False) or jax)
