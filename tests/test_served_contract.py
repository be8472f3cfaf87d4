"""One contract for all that serves and trains: the same numbers from any container and dtype, and from any labels."""

import copy
from functools import cache

import jax.numpy as jnp
import keras
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import tensorflow as tf
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklip
from sklip.rows.served import SERVED_DTYPES
from tests.containers import ArrayInterface, Arrow, Interchange, NumpyArray
from tests.estimator_fixtures import bits, fitted_mlp, mlp
from tests.served_calls import FUNCTIONS, METHODS, QUARTERS, WITH_LABELS, X, Y

pytestmark = pytest.mark.filterwarnings(
    "ignore:X has feature names, but",
    "ignore:X does not have valid feature names",
    "ignore:A column-vector y was passed",
    "ignore::sklip.exceptions.FarFromTrainingWarning",
)


@pytest.fixture(scope="module")
def model():
    """A classifier of two classes, 0 and 1, and two columns without names."""
    return fitted_mlp()[0]


@pytest.fixture(scope="module")
def expected_of(model):
    """The answer of a call for rows in float64, and for labels from 0 on; many containers hold the same ones."""
    found = {}

    def answer(call, *arguments):
        key = call, *((array.shape, array.tobytes()) for array in arguments)
        if key not in found:
            found[key] = call(model, *arguments)
        return found[key]

    return answer


@pytest.fixture(scope="module")
def pipeline(model):
    """The classifier behind a scaler; fitted on rows of other scales."""
    fitted = make_pipeline(StandardScaler(), copy.deepcopy(model))
    fitted[0].fit(10.0 * QUARTERS)
    return fitted


def named(X):
    return {"east": X[:, 0], "north": X[:, 1]}


def strided(X):
    return np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3]


def read_only(X):
    made = X.copy()
    made.flags.writeable = False
    return made


FLOATS = ("f2", "f4", ">f8", ">f4", ">f2", "g", "O")

# Rows in float64, and the same rows in a container.
CONTAINERS = {
    "list": (QUARTERS, QUARTERS.tolist()),
    "tuple": (QUARTERS, tuple(map(tuple, QUARTERS.tolist()))),
    "list of arrays": (QUARTERS, list(QUARTERS)),
    **{str(dtype): (np.abs(X), np.abs(X).astype(dtype)) for dtype in sorted(SERVED_DTYPES, key=str)},
    **{dtype: (np.abs(X), np.abs(X).astype(dtype)) for dtype in (">i4", ">u2", "<i8", "i8", "u8", "?", "g", "O")},
    **{f"{dtype} of quarters": (QUARTERS, QUARTERS.astype(dtype)) for dtype in FLOATS},
    "Fortran": (QUARTERS, np.asfortranarray(QUARTERS)),
    "strided": (QUARTERS, strided(QUARTERS)),
    "backwards": (QUARTERS[::-1, ::-1], np.ascontiguousarray(QUARTERS[::-1, ::-1])[::-1, ::-1][::-1, ::-1]),
    "read-only": (QUARTERS, read_only(QUARTERS)),
    "masked, without masked entries": (QUARTERS, np.ma.masked_array(QUARTERS)),
    "pandas": (QUARTERS, pd.DataFrame(named(QUARTERS))),
    "pandas without names": (QUARTERS, pd.DataFrame(QUARTERS)),
    "pandas, float32 and integers": (np.abs(X), pd.DataFrame(named(np.abs(X))).astype({"east": "f4", "north": "i2"})),
    "pandas, booleans": (np.abs(X), pd.DataFrame(named(np.abs(X))).astype({"east": bool})),
    "pandas, nullable": (QUARTERS, pd.DataFrame(named(QUARTERS)).astype("Float64")),
    "pandas, nullable integers": (X, pd.DataFrame(named(X)).astype("Int8")),
    "pandas of Arrow": (QUARTERS, pd.DataFrame(named(QUARTERS)).astype("double[pyarrow]")),
    "pandas, categories of numbers": (X, pd.DataFrame(named(X)).astype("category")),
    "polars": (QUARTERS, pl.DataFrame(named(QUARTERS))),
    "polars, integers": (X, pl.DataFrame(named(X.astype(int)))),
    "Arrow table": (QUARTERS, pa.table(named(QUARTERS))),
    "Arrow batch": (QUARTERS, pa.record_batch(named(QUARTERS))),
    "__arrow_c_stream__": (QUARTERS, Arrow(pa.table(named(QUARTERS)))),
    "__dataframe__": (QUARTERS, Interchange(pa.table(named(QUARTERS)))),
    "__array__": (QUARTERS, NumpyArray(QUARTERS)),
    "__array_interface__": (QUARTERS, ArrayInterface(QUARTERS)),
    "memoryview": (QUARTERS, memoryview(QUARTERS)),
    "TensorFlow": (QUARTERS, tf.constant(QUARTERS)),
    "TensorFlow, float32": (QUARTERS, tf.constant(QUARTERS, dtype=tf.float32)),
    "TensorFlow, bfloat16": (QUARTERS, tf.constant(QUARTERS, dtype=tf.bfloat16)),
    "TensorFlow, integers": (X, tf.constant(X, dtype=tf.int32)),
    "TensorFlow variable": (QUARTERS, tf.Variable(QUARTERS)),
    "Keras variable": (QUARTERS, keras.Variable(QUARTERS)),
    "JAX": (QUARTERS, jnp.asarray(QUARTERS)),
    "JAX, bfloat16": (QUARTERS, jnp.asarray(QUARTERS, dtype="bfloat16")),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", CONTAINERS)
def test_methods_answer_for_every_container(model, expected_of, name, method):
    rows, container = CONTAINERS[name]
    assert bits(METHODS[method](model, container)) == bits(expected_of(METHODS[method], rows))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("name", CONTAINERS)
def test_functions_answer_for_every_container(model, expected_of, name, function):
    rows, container = CONTAINERS[name]
    found, expected = FUNCTIONS[function](model, container), expected_of(FUNCTIONS[function], rows)
    if function == "audit":  # which tries what the dtypes of the container can hold
        np.testing.assert_array_equal(found[:, 0], expected[:, 0])
        assert (found[:, 1] >= found[:, 0]).all()
    else:
        assert bits(found) == bits(expected)


@pytest.mark.parametrize("name", CONTAINERS)
def test_methods_with_labels_answer_for_every_container(model, expected_of, name):
    rows, container = CONTAINERS[name]
    for call in WITH_LABELS.values():
        assert bits(call(model, container, Y)) == bits(expected_of(call, rows, Y))


# Containers for which the steps of the pipeline have no use are for these to refuse.
TAKEN_BY_STEPS = ("pandas", "polars", "list", "f", ">f", "TensorFlow", "JAX")
OF_PIPELINES = [name for name in CONTAINERS if name.startswith(TAKEN_BY_STEPS)]


@pytest.mark.parametrize("name", OF_PIPELINES)
def test_the_function_answers_for_pipelines(pipeline, name):
    rows, container = CONTAINERS[name]
    found, expected = sklip.certified_radius(pipeline, container), sklip.certified_radius(pipeline, rows)
    # A step may compute in the dtype that it gets, and that rounding is part of the certificate.
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=0.1)


# Labels --------------------------------------------------------------------------------------

KINDS = {
    "integers": np.array([0, 1]),
    "small integers": np.array([-1, 1], dtype=np.int8),
    "booleans": np.array([False, True]),
    "floats": np.array([0.0, 2.0]),
    "text": np.array(["no", "yes, certainly"]),
    "objects of text": np.array(["no", "yes, certainly"], dtype=object),
    "dates": np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[D]"),
}
OF_LABELS = {
    "array": lambda y: y,
    "list": lambda y: y.tolist(),
    "tuple": lambda y: tuple(y.tolist()),
    "column": lambda y: y[:, None],
    "strided": lambda y: np.repeat(y, 3)[::3],
    "pandas": pd.Series,
    "pandas, other index": lambda y: pd.Series(y, index=range(10, 10 + len(y))),
    "pandas, nullable": lambda y: pd.Series(y).convert_dtypes(),
    "pandas of Arrow": lambda y: pd.Series(y).convert_dtypes(dtype_backend="pyarrow"),
    "pandas, categories": lambda y: pd.Series(y, dtype="category"),
    "frame": lambda y: pd.DataFrame({"label": y}),
    "polars": lambda y: pl.Series(y.tolist()),
    "Arrow": pa.array,
    "Arrow, chunks": lambda y: pa.chunked_array([y[:2], y[2:]]),
    "masked, without masked entries": np.ma.masked_array,
    "__array__": NumpyArray,
    "memoryview": memoryview,
    "TensorFlow": tf.constant,
    "JAX": jnp.asarray,
}


def possible(kind, container):
    """Whether a library has labels of a kind in a container."""
    if kind == "dates":  # as Python's objects they are no labels
        return container in ("array", "column", "strided", "masked, without masked entries", "__array__")
    if container in ("TensorFlow", "JAX"):
        return "text" not in kind
    return container != "memoryview" or "text" not in kind


PAIRS = [(kind, container) for kind in KINDS for container in OF_LABELS if possible(kind, container)]


@pytest.fixture(scope="module")
def by_kind(model):
    """The classifier with labels of another kind."""

    @cache
    def of(kind):
        made = copy.deepcopy(model)
        made.classes_ = KINDS[kind]
        return made

    return of


@pytest.mark.parametrize("call", WITH_LABELS)
@pytest.mark.parametrize("kind, container", PAIRS)
def test_labels_of_every_kind_and_container_are_the_same(expected_of, by_kind, kind, container, call):
    labels = OF_LABELS[container](KINDS[kind][Y])
    expected = expected_of(WITH_LABELS[call], QUARTERS, Y)
    assert bits(WITH_LABELS[call](by_kind(kind), QUARTERS, labels)) == bits(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_come_back_in_their_kind(by_kind, kind):
    found = by_kind(kind).predict(QUARTERS)
    assert found.dtype == KINDS[kind].dtype
    assert set(found) == set(KINDS[kind])


# fit -----------------------------------------------------------------------------------------


def trained(X, y, sample_weight=None):
    """The scores of a classifier after an epoch, to the bit."""
    return bits(mlp(epochs=1).fit(X, y, sample_weight).decision_function(QUARTERS))


@pytest.fixture(scope="module")
def by_rows():
    """The scores after training on rows in float64, which several containers hold."""
    found = {}

    def of(rows):
        key = rows.tobytes()
        if key not in found:
            found[key] = trained(rows, Y)
        return found[key]

    return of


@pytest.mark.filterwarnings("ignore::sklip.exceptions.UnlikeScalesWarning")
@pytest.mark.parametrize("name", CONTAINERS)
def test_fit_takes_every_container(by_rows, name):
    rows, container = CONTAINERS[name]
    assert trained(container, Y) == by_rows(rows)


@pytest.mark.parametrize("container", [container for kind, container in PAIRS if kind == "booleans"])
def test_fit_takes_labels_in_every_container(by_rows, container):
    model = mlp(epochs=1).fit(QUARTERS, OF_LABELS[container](KINDS["booleans"][Y]))
    assert bits(model.decision_function(QUARTERS)) == by_rows(QUARTERS)
    assert model.classes_.dtype == bool


@pytest.mark.parametrize("kind", KINDS)
def test_fit_takes_labels_of_every_kind(by_rows, kind):
    model = mlp(epochs=1).fit(QUARTERS, KINDS[kind][Y])
    assert bits(model.decision_function(QUARTERS)) == by_rows(QUARTERS)
    np.testing.assert_array_equal(model.classes_, KINDS[kind])
    assert model.classes_.dtype == KINDS[kind].dtype
