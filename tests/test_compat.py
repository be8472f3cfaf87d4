"""Private names of other packages: each does what sklip needs of it, and none is used outside sklip._compat."""

import ast
import re
from numbers import Integral, Real

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectorMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import Pipeline

from sklip import _compat
from tests.helpers import REPOSITORY
from tests.processes import run_script

FRAME = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [5.0, 6.0, 7.0, 8.0]})
LABELS = np.array(["no", "no", "yes", "yes"])


# scikit-learn --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [pd.DataFrame, np.asarray])
def test_safe_indexing_takes_rows_and_columns_of_any_container(kind):
    rows = _compat.safe_indexing(kind(FRAME), [2, 0])
    np.testing.assert_array_equal(np.asarray(rows), [[3.0, 7.0], [1.0, 5.0]])
    np.testing.assert_array_equal(np.asarray(_compat.safe_indexing(kind(FRAME), 1, axis=1)), FRAME["b"])
    assert isinstance(rows, type(kind(FRAME)))


def test_column_indices_of_names_slices_and_masks():
    assert list(_compat.column_indices(FRAME, ["b", "a"])) == [1, 0]
    assert list(_compat.column_indices(FRAME, slice(1, None))) == [1]
    assert list(_compat.column_indices(FRAME, [True, False])) == [0]


def test_feature_names_are_those_of_frames_alone():
    assert list(_compat.feature_names(FRAME)) == ["a", "b"]
    assert _compat.feature_names(FRAME.to_numpy()) is None


def test_monotonic_constraints_of_arrays_and_of_names_are_checked():
    class Fitted:
        n_features_in_, feature_names_in_ = 2, np.array(["a", "b"], dtype=object)

    for given, expected in ((None, [0, 0]), ({"b": -1}, [0, -1]), ([1, 0], [1, 0])):
        assert _compat.check_monotonic_cst(Fitted(), given).tolist() == expected
    for given in ({"c": 1}, [1], [2, 0]):
        with pytest.raises(ValueError, match="monotonic_cst"):
            _compat.check_monotonic_cst(Fitted(), given)


def test_sample_weights_are_checked():
    ones = _compat.check_sample_weight(None, FRAME.to_numpy(), dtype=np.float64, ensure_non_negative=True)
    np.testing.assert_array_equal(ones, np.ones(4))
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        _compat.check_sample_weight([1.0, -1.0, 1.0, 1.0], FRAME.to_numpy(), ensure_non_negative=True)


@pytest.mark.parametrize(
    ("constraint", "right", "wrong"),
    [
        (_compat.Interval(Real, 0, 1, closed="left"), 0.0, 1.0),
        (_compat.Options(Integral, {-1}), -1, -2),
        (_compat.StrOptions({"auto"}), "auto", "automatic"),
    ],
)
def test_a_parameter_that_a_constraint_forbids_is_named(constraint, right, wrong):
    _compat.validate_parameter_constraints({"rate": [constraint]}, {"rate": right}, caller_name="Model")
    with pytest.raises(ValueError, match="The 'rate' parameter of Model must be"):
        _compat.validate_parameter_constraints({"rate": [constraint]}, {"rate": wrong}, caller_name="Model")


def test_all_that_may_be_overridden_is_there():
    assert set(dir(Pipeline)) >= _compat.MAY_BE_OVERRIDDEN


def test_selectors_select_by_these_methods():
    assert all(callable(vars(SelectorMixin)[name]) for name in _compat.SELECTING)


def test_the_base_of_searches():
    assert issubclass(GridSearchCV, _compat.base_search_cv())
    assert issubclass(RandomizedSearchCV, _compat.base_search_cv())


def test_what_platts_calibration_is_made_of():
    calibrated = CalibratedClassifierCV(LogisticRegression(), method="sigmoid", ensemble=False, cv=2).fit(FRAME, LABELS)
    (part,) = calibrated.calibrated_classifiers_
    assert [type(part), *map(type, part.calibrators)] == _compat.platt_types()


def test_what_a_threshold_is_compared_with():
    model = LogisticRegression()
    assert _compat.response_methods(FixedThresholdClassifier(model, response_method="decision_function")) == (
        "decision_function"
    )
    assert list(_compat.response_methods(FixedThresholdClassifier(model))) == ["predict_proba", "decision_function"]


@pytest.mark.parametrize("positive", ["no", "yes"])
def test_the_positive_label_of_a_tuned_threshold(positive):
    from sklearn.metrics import f1_score, make_scorer

    tuned = TunedThresholdClassifierCV(LogisticRegression(), scoring=make_scorer(f1_score, pos_label=positive), cv=2)
    assert _compat.positive_label(tuned.fit(FRAME, LABELS)) == positive


def test_the_columns_of_branches():
    transformer = ColumnTransformer([("one", "passthrough", ["b"]), ("rest", "drop", [0])]).fit(FRAME)
    columns = {name: list(positions) for name, positions in _compat.columns_of_branches(transformer).items()}
    assert (columns["one"], columns["rest"]) == ([1], [0])


def test_the_parameters_of_an_estimator_without_attributes():
    assert _compat.parameter_names(object.__new__(FixedThresholdClassifier)) == [
        "estimator",
        "pos_label",
        "response_method",
        "threshold",
    ]


# NumPy and joblib ----------------------------------------------------------------------------


def test_the_mapping_of_a_file(tmp_path):
    np.save(tmp_path / "rows.npy", np.arange(6.0).reshape(3, 2))
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert np.frombuffer(_compat.mapping(mapped[1:]), np.float64)[-6:].tolist() == list(range(6))
    assert _compat.mapping(mapped.copy()) is None


@pytest.mark.slow
def test_workers_of_joblib_know_that_they_are():
    assert not _compat.is_joblib_worker()
    with joblib.parallel_config("loky"):
        answers = joblib.Parallel(n_jobs=2)(joblib.delayed(_compat.is_joblib_worker)() for _ in range(2))
    assert answers == [True, True]


# Keras ---------------------------------------------------------------------------------------


def test_the_origin_of_a_tensor():
    given = keras.Input((2,))
    layer = keras.layers.Dense(3)
    first, second = layer(given), layer(given + 1)
    for tensor, is_first in ((first, True), (second, False)):
        made_by, node = _compat.origin(tensor)
        assert made_by is layer
        assert (node.input_tensors[0] is given) == is_first
        assert node.arguments.kwargs == {}
    assert isinstance(_compat.origin(given)[0], keras.layers.InputLayer)
    assert not isinstance(_compat.origin(given + 1)[0], keras.layers.Layer)


def test_the_learning_rate_of_an_optimizer():
    assert isinstance(_compat.learning_rate(keras.optimizers.Adam(0.5)), keras.Variable)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.9)
    assert _compat.learning_rate(keras.optimizers.Adam(schedule)) is schedule
    inner = keras.optimizers.SGD(schedule)
    outer = keras.optimizers.LossScaleOptimizer(keras.optimizers.LossScaleOptimizer(inner))
    assert _compat.stepping_optimizer(outer) is inner is _compat.stepping_optimizer(inner)
    assert _compat.learning_rate(outer) is schedule


# TensorFlow and JAX --------------------------------------------------------------------------


def test_a_gradient_is_registered_under_the_name_that_its_node_has():
    before = set(_compat.registered_gradients())
    assert "MatMul" in before

    @tf.custom_gradient
    def twice(x):
        return 2 * x, lambda slope: 2 * slope

    graph = tf.function(twice).get_concrete_function(tf.TensorSpec((1,))).graph.as_graph_def()
    names = [node.attr[_compat.GRADIENT_ATTRIBUTE].s.decode() for node in graph.node]
    (added,) = set(_compat.registered_gradients()) - before
    assert added in names
    del _compat.registered_gradients()[added]


@pytest.mark.parametrize("allowed", [False, True])
def test_many_traces_may_be_allowed(allowed, caplog):
    function = tf.function(lambda x: x + 1)
    if allowed:
        _compat.allow_many_traces(function)
    for size in range(1, 12):
        function(tf.zeros(size, tf.float32) if size % 2 else tf.zeros(size, tf.float64))
        function(size)
    assert ("retracing" in caplog.text) is not allowed


def test_tensorflow_is_watched_by_its_debugger():
    assert not _compat.tensorflow_is_watched()
    tf.debugging.enable_check_numerics()
    try:
        assert _compat.tensorflow_is_watched()
    finally:
        tf.debugging.disable_check_numerics()
    assert not _compat.tensorflow_is_watched()


STARTS = """
import sys
from sklip._compat import tensorflow_or_jax_has_started as started
assert not started()
if sys.argv[1] == "tensorflow":
    import tensorflow as tf
    start = lambda: tf.constant(0)
else:
    import jax
    start = lambda: jax.numpy.zeros(1)
assert not started()
start()
assert started()
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_backend_that_has_started(backend):
    run_script(STARTS, backend)


# The rule ------------------------------------------------------------------------------------

# The driver overrides methods of SciKeras, and calls one.
EXEMPT = ("_compat.py", "driver.py")
FILES = sorted(path for path in (REPOSITORY / "sklip").rglob("*.py") if path.name not in EXEMPT)
PRIVATE_PACKAGES = re.compile(r"(tensorflow\.python|keras\.src|jax\._src)\b")
BY_NAME = ("getattr", "hasattr", "setattr", "getattr_static")


def is_private(name):
    return re.fullmatch(r"_(?!_)\w+", name) is not None


def defined(tree):
    """Names that a file defines: functions, classes, variables, attributes of ``self``, fields and slots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            yield node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "object.__setattr__":
            yield getattr(node.args[1], "value", "")
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__slots__":
            yield from ast.literal_eval(node.value)


def private_names_of_others(tree, ours):
    """Private names that a file uses and that are not among ours."""
    for node in ast.walk(tree):
        used = []
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            parts = [part for module in modules for part in module.split(".")]
            if any(map(PRIVATE_PACKAGES.match, modules)) or (modules[0][:5] != "sklip" and any(map(is_private, parts))):
                yield ast.unparse(node)
        elif isinstance(node, ast.Attribute):
            used = [node.attr]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in BY_NAME:
            used = [value.value for value in node.args[1:2] if isinstance(value, ast.Constant)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and PRIVATE_PACKAGES.match(node.value):
            yield node.value
        yield from (name for name in used if is_private(name) and name not in ours)


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
OURS = {name for tree in TREES.values() for name in defined(tree)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_private_names_of_others_stand_in_one_module(path):
    assert list(private_names_of_others(TREES[path], OURS)) == []


@pytest.mark.parametrize(
    "line",
    [
        "from sklearn.utils import _safe_indexing",
        "from sklearn.utils._indexing import resample",
        "import sklearn.utils._indexing",
        "from tensorflow.python.eager import context",
        "sys.modules.get('jax._src.xla_bridge')",
        "tensor._keras_history",
        "tensor._keras_history = None",
        "self._fit_keras_model(X)",
        "hasattr(estimator, '_curve_scorer')",
    ],
)
def test_the_rule_finds_a_private_name(line):
    assert list(private_names_of_others(ast.parse(line), OURS))


IMPORTS = """
import sys
import sklip._compat
late = {"keras", "tensorflow", "jax", "sklearn.model_selection", "sklearn.calibration"}
assert not late & set(sys.modules), late & set(sys.modules)
"""


def test_nothing_heavy_is_imported_before_it_is_asked_for():
    run_script(IMPORTS)
