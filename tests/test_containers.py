"""The gate for containers: what comes out can be indexed, has the names and the very numbers that went in."""

import array
import builtins
from collections import UserList

import jax.numpy as jnp
import keras
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import tensorflow as tf

from sklip.rows import containers
from sklip.rows.containers import as_column_container, as_rows_container
from tests.containers import ArrayInterface, Arrow, Interchange, NumpyArray

X = np.array([[0.5, -1.0], [2.0, 3.25], [1e300, -0.0]])
FRAME = pd.DataFrame(X, columns=["east", "north"])

AS_THEY_ARE = {
    "array": X,
    "array of objects": X.astype(object),
    "matrix": X.view(np.matrix),
    "frame": FRAME,
    "nullable frame": FRAME.astype("Float64"),
    "polars": pl.DataFrame(FRAME.to_dict("list")),
    "sparse": scipy.sparse.csr_array(X),
    "series": FRAME["east"],
    "None": None,
    "a number": 1.0,
    "text": "rows",
}


@pytest.mark.parametrize("name", AS_THEY_ARE)
def test_what_can_be_indexed_is_returned_as_it_is(name):
    assert as_rows_container(AS_THEY_ARE[name]) is AS_THEY_ARE[name]


def test_a_mapped_file_stays_one(tmp_path):
    X.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", dtype=float, mode="r", shape=X.shape)
    assert as_rows_container(mapped) is mapped


ARRAYS = {
    "list": X.tolist(),
    "tuple": tuple(map(tuple, X.tolist())),
    "list of arrays": list(X),
    "user list": UserList(X.tolist()),
    "memoryview": memoryview(X),
    "masked, without masked entries": np.ma.masked_array(X),
    "an object with __array__": NumpyArray(X),
    "an object with __array_interface__": ArrayInterface(X),
    "tensor": tf.constant(X),
    "variable": tf.Variable(X),
    "list of tensors": list(tf.constant(X)),
    "Keras variable": keras.Variable(X, dtype="float64"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ARRAYS)
def test_what_numpy_reads_becomes_an_array(name):
    made = as_rows_container(ARRAYS[name])
    assert type(made) is np.ndarray
    assert made.dtype == np.float64
    np.testing.assert_array_equal(made, X)


@pytest.mark.parametrize("tensor", [tf.constant, jnp.asarray])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_short_floats_of_tensors_keep_their_values(tensor, dtype):
    made = as_rows_container(tensor([[0.5, -1.0], [2.0, 3.25]], dtype=dtype))
    assert made.dtype == (np.float64 if dtype == "bfloat16" else dtype)
    np.testing.assert_array_equal(made, X[:2])


TABLES = {
    "table": pa.table({"east": X[:, 0], "north": X[:, 1]}),
    "batch": pa.record_batch({"east": X[:, 0], "north": X[:, 1]}),
    "an object with __arrow_c_stream__": Arrow(pa.table({"east": X[:, 0], "north": X[:, 1]})),
    "an object with __dataframe__": Interchange(pa.table({"east": X[:, 0], "north": X[:, 1]})),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_become_frames_with_their_names(name):
    pd.testing.assert_frame_equal(as_rows_container(TABLES[name]), FRAME)


@pytest.mark.parametrize("name", TABLES)
def test_without_pandas_tables_become_frames_of_polars(name, monkeypatch):
    monkeypatch.setattr(containers, "find_spec", lambda library: library != "pandas")
    made = as_rows_container(TABLES[name])
    assert isinstance(made, pl.DataFrame)
    assert made.columns == ["east", "north"]
    np.testing.assert_array_equal(made.to_numpy(), X)


def test_without_any_library_of_frames_a_table_is_an_array_or_refused(monkeypatch):
    monkeypatch.setattr(containers, "find_spec", lambda library: None)
    np.testing.assert_array_equal(as_rows_container(TABLES["table"]), X)
    with pytest.raises(TypeError, match="X must hold rows in an array, a frame or a list; got an object of type Arrow"):
        as_rows_container(TABLES["an object with __arrow_c_stream__"])


def test_missing_values_of_a_table_are_nan():
    frame = as_rows_container(pa.table({"east": pa.array([1, None]), "north": [0.5, 1.5]}))
    np.testing.assert_array_equal(frame.to_numpy(), [[1.0, 0.5], [np.nan, 1.5]])


def test_text_beside_numbers_in_a_list_stays_apart_from_them():
    made = as_rows_container([["red", 1.0], ["blue", 2]])
    assert made.tolist() == [["red", 1.0], ["blue", 2]]


REFUSED = {
    "a masked entry": (
        np.ma.masked_array(X, [[0, 0], [0, 1], [1, 0]]),
        ValueError,
        r"X has masked entries in rows 1, 2 ",
    ),
    "lengths": ([[1.0], [1.0, 2.0]], ValueError, "X cannot be read as an array"),
    "a structured array": (np.zeros(2, [("a", float)]), TypeError, r"structured array.*pandas.DataFrame\(X\)"),
    "a dict": ({"a": [1.0]}, TypeError, r"type dict.*pandas.DataFrame\(X\)"),
    "a set": ({1.0}, TypeError, r"type set.*list\(X\)"),
    "a generator": ((row for row in X), TypeError, r"type generator.*list\(X\)"),
    "a lazy frame": (pl.DataFrame({"a": [1.0]}).lazy(), TypeError, r"type LazyFrame.*X.collect\(\)"),
    "a sparse tensor": (tf.sparse.from_dense(X), TypeError, "type SparseTensor"),
    "an object": (object(), TypeError, "type object"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named(name):
    X, error, says = REFUSED[name]
    with pytest.raises(error, match=says):
        as_rows_container(X)
    with pytest.raises(error, match=says.replace("X", "rows")):
        as_rows_container(X, "rows")


def test_nothing_is_imported_for_containers_of_numpy(monkeypatch):
    """A process that serves arrays has no need of pandas, polars or Arrow."""

    def refuse(name, *arguments, **options):
        raise AssertionError(f"import of {name}")

    monkeypatch.setattr(builtins, "__import__", refuse)
    for rows in (X, X.tolist(), memoryview(X), np.ma.masked_array(X)):
        as_rows_container(rows)
    as_column_container([0, 1])


COLUMNS = {
    "list": ([0, 1, 1], "int64"),
    "text": (["a", "b"], "<U1"),
    "text and a number": (["a", 1], "object"),
    "range": (range(3), "int64"),
    "buffer": (array.array("d", [0.5, 1.0]), "float64"),
    "pandas": (pd.Series([0, 1]), "int64"),
    "pandas, nullable integers": (pd.Series([0, 1], dtype="Int8"), "int8"),
    "pandas, nullable booleans": (pd.Series([True, False], dtype="boolean"), "bool"),
    "pandas, integers of Arrow": (pd.Series([0, 1], dtype="int32[pyarrow]"), "int32"),
    "pandas, booleans of Arrow": (pd.Series([True, False], dtype="bool[pyarrow]"), "bool"),
    "pandas, text": (pd.Series(["a", "b"]), "object"),
    "pandas, categories": (pd.Series(["a", "b"], dtype="category"), "object"),
    "polars": (pl.Series([0, 1]), "int64"),
    "polars, booleans": (pl.Series([True, False]), "bool"),
    "Arrow": (pa.array([0, 1]), "int64"),
    "Arrow, chunks": (pa.chunked_array([[True], [False]]), "bool"),
    "Arrow, text": (pa.array(["a", "b"]), "object"),
    "NumPy's own text": (np.array(["a", "b"], dtype=np.dtypes.StringDType()), "object"),
    "tensor": (tf.constant([0, 1]), "int32"),
    "JAX": (jnp.asarray([True, False]), "bool"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_every_container_keep_their_values_and_kinds(name):
    column, dtype = COLUMNS[name]
    made = as_column_container(column)
    assert made.dtype == dtype
    assert made.tolist() == [
        getattr(label, "as_py", getattr(label, "item", lambda label=label: label))() for label in column
    ]
