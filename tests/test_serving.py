"""Serving: rows checked once and read in blocks, files mapped into memory, what a process that serves imports."""

import copy
import pickle
import sys
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.exceptions import NotFittedError

import sklip
from sklip.estimators._validation import check_features
from sklip.metrics import certified_accuracy, certified_accuracy_score
from sklip.rows import blocks
from sklip.rows.entries import all_finite
from sklip.rows.mapped import release_pages, releases_pages
from sklip.rows.served import SERVED_DTYPES
from tests.estimator_fixtures import bits, blobs, fitted, fitted_mlp, mlp, moons
from tests.helpers import network_of, random_network
from tests.processes import last_json, run_script

METHODS = ("predict", "decision_function", "predict_proba", "predict_log_proba", "certified_radius", "gradient")
KINDS = ("binary", "multiclass")


def answers(model, X):
    """All that a classifier says of some rows, as bytes."""
    return {
        **{method: bits(getattr(model, method)(X)) for method in METHODS},
        "function": bits(np.asarray(sklip.certified_radius(model, X))),
    }


def outcome(call):
    """What a call returns, raises and warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call()
        except Exception as error:
            result = type(error), str(error)
    return result, [(warning.category, str(warning.message)) for warning in caught]


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of seven rows."""
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 7)


def functions_called(call):
    """Names of all Python functions that run while something is called."""
    names = set()
    sys.setprofile(lambda frame, event, _: names.add(frame.f_code.co_name))
    try:
        call()
    finally:
        sys.setprofile(None)
    return names


# The fast path and validation ----------------------------------------------------------------

X = np.random.default_rng(0).standard_normal((5, 2))


def with_value(value, dtype=np.float64):
    changed = X.astype(dtype)
    changed[3, 1] = value
    return changed


INPUTS = {
    **{str(dtype): (10 * X).astype(dtype) for dtype in sorted(SERVED_DTYPES, key=str)},
    "long double": X.astype(np.longdouble),
    "F-ordered": np.asfortranarray(X),
    "strided": np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3],
    "backwards": X[::-1, ::-1],
    "read-only": np.broadcast_to(X[0], (3, 2)),
    "one row": X[:1],
    "objects": X.astype(object),
    "lists": X.tolist(),
    "masked": np.ma.masked_array(X, mask=False),
    "pandas": pd.DataFrame(X, columns=["a", "b"]),
    "pandas without names": pd.DataFrame(X),
    "pandas, other names": pd.DataFrame(X, columns=["b", "c"]),
    "pandas, mixed names": pd.DataFrame(X, columns=["a", 1]),
    "pandas, a boolean column": pd.DataFrame({"a": X[:, 0], "b": X[:, 1] > 0}),
    "pandas, nullable": pd.DataFrame(X, columns=["a", "b"]).astype("Float64"),
    "pandas, float32": pd.DataFrame(np.float32(X), columns=["a", "b"]),
    "pandas, NaN": pd.DataFrame(with_value(np.nan), columns=["a", "b"]),
    "polars": pl.DataFrame(X, schema=["a", "b"]),
    "NaN": with_value(np.nan),
    "float32 NaN": with_value(np.nan, np.float32),
    "float16 infinity": with_value(-np.inf, np.float16),
    "infinity": with_value(np.inf),
    "NaN and infinity": np.where(X > 1, np.nan, with_value(np.inf)),
    "overflow": with_value(1.7e308),
    "squares that overflow": with_value(1e200),
    "float32 squares that overflow": with_value(1e30, np.float32),
    "few columns": X[:, :1],
    "many columns": np.hstack([X, X]),
    "no rows": X[:0],
    "no columns": X[:, :0],
    "one dimension": X[:, 0],
    "three dimensions": X[None],
    "complex": X + 0j,
    "text": X.astype(str),
    "matrix": X.view(np.matrix),
    "a number": 1.0,
    "None": None,
}


@pytest.mark.parametrize("method", METHODS[:-1])
@pytest.mark.parametrize("named", [False, True], ids=["without names", "with names"])
@pytest.mark.parametrize("name", INPUTS)
def test_the_gate_does_what_validation_as_float64_does(name, named, method):
    """Results, errors and warnings, to the letter: those of checking and converting all rows first."""
    model, without_names = copy.copy(fitted_mlp()[0]), fitted_mlp()[0]
    if named:
        model.feature_names_in_ = np.array(["a", "b"], dtype=object)

    def of_converted_rows():
        return bits(getattr(without_names, method)(check_features(model, INPUTS[name], reset=False, training=False)))

    assert outcome(lambda: bits(getattr(model, method)(INPUTS[name]))) == outcome(of_converted_rows)


@pytest.mark.parametrize("assume_finite", [False, True])
def test_finiteness_is_checked_whatever_the_configuration(assume_finite):
    with sklearn.config_context(assume_finite=assume_finite), pytest.raises(ValueError, match="column 1 contains NaN"):
        fitted()[0].predict(with_value(np.nan))


def test_plain_rows_take_a_fast_path():
    """Without it, the comparison above would compare nothing."""
    model, rows, _ = fitted()
    for dtype in (np.float64, np.float32):
        assert "check_array" not in functions_called(lambda dtype=dtype: model.predict(rows.astype(dtype)))
    assert "check_array" in functions_called(lambda: model.predict(rows.tolist()))


@pytest.mark.parametrize("dtype", sorted(SERVED_DTYPES, key=str), ids=str)
def test_rows_of_any_dtype_are_those_of_float64(dtype):
    model, rows, _ = fitted_mlp("multiclass")
    rows = (10 * np.abs(rows)).astype(dtype)
    assert answers(model, rows) == answers(model, rows.astype(np.float64))


@pytest.mark.parametrize("value", [0.0, 1.0, 1e-320, 1e200, 1.7e308, -1.7e308, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ">f8", ">f4"])
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_all_finite_is_that_of_every_entry(value, dtype):
    array = np.full((3, 5), 1.0, dtype)
    array[1, 2] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for view in (array, np.asfortranarray(array), array[:, 2:3], array[::2]):
            assert all_finite(view) == np.isfinite(view).all()
    assert all_finite(np.arange(3))


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_answered_before_fit(method):
    with pytest.raises(NotFittedError):
        getattr(mlp(), method)(X)


# Blocks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_do_not_matter(kind, monkeypatch):
    model, rows, _ = fitted_mlp(kind)
    whole = {method: getattr(model, method)(rows) for method in METHODS}
    radii = sklip.certified_radius(model, rows)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 7)
    for method, expected in whole.items():
        found = getattr(model, method)(rows)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(sklip.certified_radius(model, rows), radii, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("kind", KINDS)
def test_every_route_to_a_score_has_the_same_bits(kind):
    model, rows, _ = fitted(kind)
    scores = model.decision_function(rows)
    assert bits(model.network_.scores(rows).reshape(scores.shape)) == bits(scores)
    codes = scores > 0 if kind == "binary" else scores.argmax(axis=1)
    np.testing.assert_array_equal(model.predict(rows), model.classes_[codes.astype(int)])
    labels, radii = model.predict(rows), model.certified_radius(rows)
    # The scorer has labels and radii from one forward pass; at these distances, it sees a change of any last bit.
    distances = np.concatenate([radii, np.nextafter(radii, 0)])
    shares = [certified_accuracy_score(labels, labels, radii, distance) for distance in distances]
    assert certified_accuracy(distances)(model, rows, labels) == np.mean(shares)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("row", [0, 30, 79])
def test_bad_numbers_are_found_in_every_block(row):
    model, rows, _ = fitted()
    rows = rows.copy()
    rows[row, 1] = np.inf
    for method in ("predict", "decision_function", "certified_radius", "gradient"):
        with pytest.raises(ValueError, match="column 1 contains infinity"):
            getattr(model, method)(rows)
    with pytest.raises(ValueError, match="column 1 contains infinity"):
        sklip.certified_radius(model, rows)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_missing_values_are_told_before_an_overflow_in_an_earlier_block():
    model, rows = copy.deepcopy(fitted()[0]), moons()[0].copy()
    model.network_ = network_of(np.zeros(2), (np.ones((2, 1)),), (np.zeros(1),), ())
    rows[0] = 1.7e308
    with pytest.raises(ValueError, match="scores overflow"):
        model.predict(rows)
    rows[60, 0] = np.nan
    rows[70, 1] = np.nan
    with pytest.raises(ValueError, match="column 0, like 1 other column, contains NaN"):
        model.predict(rows)


@pytest.mark.parametrize("labels", [["no", "yes, certainly"], [-1, 1], [False, True], [0.5, 2.5]])
def test_labels_keep_their_dtype(labels):
    model = copy.deepcopy(fitted()[0])
    model.classes_ = np.array(labels)
    found = model.predict(moons()[0])
    assert found.dtype == model.classes_.dtype
    assert set(found) == set(labels)


@pytest.mark.parametrize("activation", ["groupsort2", "groupsort4", "fullsort", "maxmin", "relu", "abs"])
@pytest.mark.parametrize("widths", [(3, 1), (5, 8, 12, 4, 2)])
def test_memory_to_work_in_changes_no_bit(rng, activation, widths, monkeypatch):
    """Of more rows than a block, each block has the bits of its rows alone."""
    network, rows = random_network(rng, widths, activation), rng.standard_normal((18, widths[0]))
    alone = [network.scores(rows[:9]), network.scores(rows[9:])]
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 9)
    assert bits(network.scores(rows)) == bits(np.concatenate(alone))


# Files mapped into memory --------------------------------------------------------------------


@pytest.fixture(params=["C", "F"])
def order(request):
    return request.param


def mapped(path, rows, order="C", mode="r"):
    """Rows as a file mapped into memory."""
    file = np.memmap(path, dtype=rows.dtype, mode="w+", shape=rows.shape, order=order)
    file[...] = rows
    file.flush()
    return np.memmap(path, dtype=rows.dtype, mode=mode, shape=rows.shape, order=order)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_a_mapped_file_is_answered_as_an_array(tmp_path, dtype, kind, order, monkeypatch):
    monkeypatch.setattr(blocks, "CHUNK_BYTES", 200)
    model, rows, _ = fitted_mlp(kind)
    rows = rows.astype(dtype)
    assert answers(model, mapped(tmp_path / "rows", rows, order)) == answers(model, rows)
    assert answers(model, mapped(tmp_path / "rows", rows, order)[3::2]) == answers(model, rows[3::2])


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_released_pages_hold_what_was_written(tmp_path, mode):
    rows = mapped(tmp_path / "rows", np.arange(40_000.0).reshape(-1, 4), mode=mode)
    assert releases_pages(rows) == (mode != "c") and releases_pages(rows[5:]) == (mode != "c")
    assert not releases_pages(np.asarray(rows))
    expected = np.array(rows)
    if mode != "r":
        rows[::7] = expected[::7] = -1.0
    model = fitted("multiclass")[0]
    served = bits(model.decision_function(expected))
    for part in (rows, rows[1000:], rows[::-3]):
        if releases_pages(part):
            release_pages(part)
    np.testing.assert_array_equal(rows, expected)
    assert bits(model.decision_function(rows)) == served
    np.testing.assert_array_equal(rows, expected)


def test_a_mapped_file_with_a_missing_value_is_refused(tmp_path):
    rows = moons()[0].copy()
    rows[79, 0] = np.nan
    with pytest.raises(ValueError, match="column 0 contains NaN"):
        fitted()[0].predict(mapped(tmp_path / "rows", rows))


RESIDENT = """
import json, re, sys
from functools import partial
from pathlib import Path
import joblib
import numpy as np
import sklip

def megabytes():
    return int(re.search(r"RssFile:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

model = joblib.load(sys.argv[1])
rows = np.memmap(sys.argv[2], dtype=np.float32, mode="r").reshape(-1, 64)
model.certified_radius(rows[:10])
sklip.certified_radius(model, np.array(rows[:10]))
before, most = megabytes(), 0.0
function = partial(sklip.certified_radius, model)
for answer in (model.predict, model.decision_function, model.certified_radius, function):
    answer(rows)
    most = max(most, megabytes() - before)
print(json.dumps([most, rows.nbytes / 2**20]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_mapped_file_does_not_stay_resident(tmp_path):
    import joblib

    model = copy.deepcopy(fitted()[0])
    model.network_, model.n_features_in_ = random_network(np.random.default_rng(0), (64, 4, 1)), 64
    joblib.dump(model, tmp_path / "model")
    np.zeros((400_000, 64), np.float32).tofile(tmp_path / "rows")
    most, size = last_json(run_script(RESIDENT, tmp_path / "model", tmp_path / "rows"))
    assert size > 90
    assert most < 0.75 * blocks.CHUNK_BYTES / 2**20


# Memory --------------------------------------------------------------------------------------


def peak(call):
    """Most bytes that a call allocates beyond what it returns."""
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1] - result.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", METHODS[:-1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_does_not_grow_with_the_rows(method, dtype):
    model, rows, _ = fitted_mlp("multiclass")
    few, many = (np.ascontiguousarray(np.tile(rows.astype(dtype), (times, 1))) for times in (100, 1000))
    answer = getattr(model, method)
    answer(few)
    small = peak(lambda: answer(few))
    assert peak(lambda: answer(many)) < small + 20_000 < 0.5 * many.nbytes


def test_the_function_allocates_less_than_a_copy_of_the_rows():
    model = fitted("multiclass")[0]
    rows = np.asfortranarray(np.tile(np.float32(blobs()[0]), (500, 1)))
    sklip.certified_radius(model, rows[:10])
    assert peak(lambda: sklip.certified_radius(model, rows)) < 45 * len(rows) + 1_000_000


# Processes that serve ------------------------------------------------------------------------

SERVE = """
import json, pickle, sys
import sklearn.base
before = set(sys.modules)
from pathlib import Path
import numpy as np
for path in sys.argv[1:]:
    model = pickle.loads(Path(path).read_bytes())
    for X in (np.zeros((1, model.n_features_in_)), np.zeros((1, model.n_features_in_), np.float32)):
        model.predict(X), model.decision_function(X), model.certified_radius(X)
    getattr(model, "predict_proba", model.predict)(X)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_serving_imports_little_beyond_scikit_learn(tmp_path):
    for number, model in enumerate((fitted()[0], fitted("multiclass")[0], fitted_mlp()[0])):
        (tmp_path / str(number)).write_bytes(pickle.dumps(model))
    brought = last_json(run_script(SERVE, *(tmp_path / str(number) for number in range(3))))
    assert "sklip.served" in brought
    heavy = {"tensorflow", "keras", "scikeras", "matplotlib", "jax", "torch", "h5py", "tqdm", "rich"}
    assert not {name.split(".")[0] for name in brought} & heavy
    unneeded = ("sklearn.model_selection", "sklearn.metrics", "sklearn.pipeline", "sklip.attacks", "sklip.pipelines")
    assert not [name for name in brought if name.startswith(unneeded)]
    assert len([name for name in brought if not name.startswith("sklip")]) < 40


def test_pages_between_the_entries_of_a_view_are_released_as_well(tmp_path, monkeypatch):
    mapped = np.memmap(tmp_path / "rows", np.float32, "w+", shape=(5000, 300))
    released = []
    monkeypatch.setattr(blocks, "CHUNK_BYTES", mapped.nbytes // 2)
    monkeypatch.setattr("sklip.rows.mapped.release_pages", released.append)
    X = mapped[:, :3]
    model = sklip.HKRClassifier(hidden_layer_sizes=(4,), epochs=1).fit(np.eye(3), [0, 1, 1])
    model.predict(X)
    assert len(released) >= 2
