"""Dtypes are told by what they are and not by their names: byte orders, small types, weights, sparse rows."""

import ml_dtypes
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from sklip import NotLipschitzError, audit, certified_radius
from sklip.pipelines._rounding import magnitudes, precision
from sklip.rows.dtypes import kind_of
from tests.test_pipeline_traps import linear


@pytest.mark.parametrize(
    "dtype, kind",
    [
        *[(np.dtype(f"{order}f{size}"), f"float{8 * size}") for order in "<>" for size in (2, 4, 8)],
        *[(np.dtype(f"{order}{sign}{size}"), "integer") for order in "<>" for sign in "iu" for size in (1, 2, 4, 8)],
        (np.dtype(np.longdouble), "float64"),
        (np.dtype(bool), "boolean"),
        (np.dtype(object), "object"),
        (np.dtype("M8[s]"), "other"),
        (np.dtype(ml_dtypes.bfloat16), "other"),
        (np.dtype(ml_dtypes.float8_e4m3fn), "other"),
        (np.dtype(ml_dtypes.int4), "other"),
        (pd.Int8Dtype(), "integer"),
        (pd.Float32Dtype(), "float32"),
        (pd.BooleanDtype(), "boolean"),
        (pd.SparseDtype(np.float32), "float32"),
        (pd.CategoricalDtype(), "other"),
        (pd.ArrowDtype(pa.float32()), "float32"),
        (pd.ArrowDtype(pa.int16()), "integer"),
        (pd.ArrowDtype(pa.decimal128(9, 2)), "other"),
        (pl.Float32(), "float32"),
        (pl.Int16(), "integer"),
        (pl.Boolean(), "boolean"),
        (pl.Date(), "other"),
        (pl.Decimal(9, 2), "other"),
        (pl.String(), "other"),
    ],
)
def test_kinds_of_dtypes(dtype, kind):
    assert kind_of(dtype) == kind


def test_floats_in_another_byte_order_are_as_coarse_as_in_this_one():
    assert precision(np.zeros((1, 1), ">f4")) == "float32"
    assert precision(np.zeros((1, 1), ">f4"), native=True) == "float64"  # scikit-learn converts them first


def _weighted(X, weight, *, behind=None):
    union = FeatureUnion([("a", behind or "passthrough")], transformer_weights={"a": weight}).fit(X)
    return make_pipeline(union, linear([1.0] * X.shape[1], 0.5))


@pytest.mark.parametrize("dtype", [">i2", "<i2", ">u4", np.int8])
@pytest.mark.parametrize("weight", [3, np.int8(3), np.array(3, np.int8)])
@pytest.mark.parametrize("behind", [None, VarianceThreshold])
def test_integers_that_may_wrap_around_are_not_weighted(dtype, weight, behind):
    X = np.array([[100], [50]], dtype)
    with pytest.raises(NotLipschitzError, match="multiplies integers by 3, which may wrap around"):
        certified_radius(_weighted(X, weight, behind=behind and behind()), X)


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn])
def test_types_unknown_to_numpy_are_not_weighted(dtype):
    X = np.array([[1.0], [0.5]]).astype(dtype)
    with pytest.raises(NotLipschitzError, match=f"multiplies {np.dtype(dtype)} by 3.0. Convert X to float64"):
        certified_radius(_weighted(X, 3.0), X)


def test_types_unknown_to_numpy_do_not_meet_others():
    X = np.array([[1.0, 2.0], [0.5, 1.0]]).astype(ml_dtypes.bfloat16)
    steps = ColumnTransformer([("a", "passthrough", [0]), ("b", StandardScaler(), [1])]).fit(X)
    with pytest.raises(NotLipschitzError, match=r"joins bfloat16 with other types. Convert X to float64"):
        certified_radius(make_pipeline(steps, linear([1.0, 1.0], 0.5)), X)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("kind_of_weight", [float, np.array])
def test_weighted_floats_are_rounded_in_their_precision(rng, order, size, kind_of_weight):
    """The boundary lies between the products that the precision of the rows and float64 give."""
    weight = kind_of_weight(np.float16(1 / 3))
    X = rng.uniform(1, 2, (200, 1)).astype(f"{order}f{size}")
    union = FeatureUnion([("a", "passthrough")], transformer_weights={"a": weight}).fit(X)
    coarse, fine = union.transform(X).astype(float)[:, 0], union.transform(X.astype(float))[:, 0]
    row = int(np.argmax(np.abs(coarse - fine)))
    assert coarse[row] != fine[row]
    model = make_pipeline(union, linear([1.0], -(0.05 * coarse[row] + 0.95 * fine[row])))
    assert model.predict(X[[row]]) != model.predict(X[[row]].astype(float))
    assert certified_radius(model, X[[row]]) == 0
    assert (certified_radius(model, X) > 0).any()


@pytest.mark.parametrize("weight", [np.ones(2), "2", 1j, np.longdouble(1) / 3, 10**30 + 1, [2.0]])
def test_weights_that_are_not_numbers_are_named(X_of_two, weight):
    union = FeatureUnion([("a", "passthrough")]).fit(X_of_two)
    union.transformer_weights = {"a": weight}
    with pytest.raises(NotLipschitzError, match=r"transformer_weights\['a'\]"):
        certified_radius(make_pipeline(union, linear([1.0, 1.0], 0.5)), X_of_two)


@pytest.fixture
def X_of_two(rng):
    return rng.standard_normal((20, 2))


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">i2", ">u8", "<f2", ml_dtypes.bfloat16])
def test_rows_of_other_types_are_certified_behind_scalers_as_their_float64_is(rng, dtype):
    X = (10 * rng.standard_normal((100, 2))).astype(np.int8).astype(dtype)
    model = make_pipeline(StandardScaler().fit(X.astype(float)), linear([1.0, 0.5], 0.1))
    radii, exact = certified_radius(model, X), certified_radius(model, X.astype(float))
    np.testing.assert_array_equal(model.predict(X), model.predict(X.astype(float)))
    if np.dtype(dtype) == np.float16:  # the scaler computes in it
        assert (radii <= exact).all()
    else:
        np.testing.assert_array_equal(radii, exact)
    assert (radii > 0).mean() > 0.9
    assert not audit(model, X, restarts=1, n_steps=3, random_state=0, verbose=False).broken.any()


def test_an_audit_tries_integers_in_their_own_types(rng, monkeypatch):
    X, seen = rng.integers(-40, 40, (30, 2)).astype(">i2"), set()
    model = linear([1.0, 0.5], 0.1)
    predict = type(model).predict
    monkeypatch.setattr(type(model), "predict", lambda self, X: seen.add(X.dtype) or predict(self, X))
    result = audit(model, X, restarts=1, n_steps=3, random_state=0, verbose=False)
    assert seen == {np.dtype(">i2"), np.dtype(float)}
    assert not result.broken.any()


# Sparse rows --------------------------------------------------------------------------------


def test_the_smallest_integer_has_no_absolute_value_in_its_type():
    rows = sparse.csr_array(np.array([[-128, 0], [3, -5]], np.int8))
    np.testing.assert_array_equal(magnitudes(rows, np.ones((2, 1))), [[128.0], [8.0]])
    svd = TruncatedSVD(1).fit(np.eye(2) + 0.1)
    model = make_pipeline(svd, linear([1.0], 0.5))
    assert not audit(model, rows, restarts=1, n_steps=3, random_state=0, verbose=False).broken.any()


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr"])
def test_entries_stored_in_parts_are_refused(form):
    """scikit-learn rounds part by part what is 1 in sum."""
    parts = sparse.coo_array((np.array([1e16, 1.0, -1e16]), ([0, 0, 0], [0, 0, 0])), shape=(1, 2))
    if form == "coo":
        X = parts
    else:
        indices, indptr = np.zeros(3, int), [0, 3] if form != "csc" else [0, 3, 3]
        data = parts.data if form != "bsr" else parts.data[:, None, None]
        X = getattr(sparse, f"{form}_array")((data, indices, indptr), shape=(1, 2))
    model = make_pipeline(MaxAbsScaler().fit(np.eye(2) / 3), TruncatedSVD(1).fit(np.eye(2)), linear([1.0], 0.5))
    with pytest.raises(ValueError, match=r"several parts. Call X.sum_duplicates\(\) first"):
        certified_radius(model, X)
    assert X.nnz == 3  # the user's rows stay as they are
    X.sum_duplicates()
    certified_radius(model, X)


def test_unsorted_entries_are_no_parts(rng):
    X = sparse.csr_array((np.array([1.0, 2.0]), np.array([1, 0]), [0, 2]), shape=(1, 2))
    model = make_pipeline(TruncatedSVD(1).fit(rng.standard_normal((9, 2))), linear([1.0], 0.5))
    assert certified_radius(model, X) == certified_radius(model, sparse.csr_array(X.toarray()))


def test_sparse_rows_are_divided_whatever_with_std_says_now(rng):
    X = rng.standard_normal((50, 2)) * [1e-3, 10.0]
    scaler = StandardScaler(with_mean=False).fit(X)
    scaler.with_std = False
    svd = TruncatedSVD(2, random_state=0).fit(scaler.transform(X))
    model = make_pipeline(scaler, svd, linear([1.0, 1.0], 0.1))
    rows = sparse.csr_array(X)
    assert scaler.transform(rows).toarray()[0, 0] == pytest.approx(X[0, 0] / scaler.scale_[0])
    np.testing.assert_array_equal(scaler.transform(X), X)
    for form in (rows, X):
        assert not audit(model, form, restarts=2, n_steps=5, random_state=0, verbose=False).broken.any()
    scaler.with_std, scaler.scale_ = True, None
    assert not audit(model, rows, restarts=1, n_steps=3, random_state=0, verbose=False).broken.any()


def test_frames_of_sparse_columns_are_sparse_rows(rng):
    """scikit-learn makes a sparse matrix of them, and divides whatever ``with_std`` says now."""
    frame = pd.DataFrame(rng.standard_normal((9, 2)) * [0.01, 1.0], columns=["a", "b"]).astype(
        pd.SparseDtype(float, 0.0)
    )
    steps = ColumnTransformer([("s", StandardScaler(with_mean=False), ["a", "b"])], sparse_threshold=0).fit(frame)
    steps.named_transformers_["s"].with_std = False
    model = make_pipeline(steps, linear([1.0, 0.0], -0.5))
    for rows in (frame, frame.iloc[:1]):
        assert not audit(model, rows, restarts=1, n_steps=5, random_state=0, verbose=False).broken.any()
        exact = 0.01 * np.abs(model.decision_function(rows))
        assert (certified_radius(model, rows) <= 3.0 * exact).all()


def test_an_audit_of_sparse_columns_tries_what_they_hold(rng):
    """−129 is no int8: it became 127, and the certificate was called broken."""
    frame = pd.DataFrame([[0, 0], [-128, 2], [1, 1]], columns=["a", "b"]).astype(pd.SparseDtype(np.int8))
    model = make_pipeline(TruncatedSVD(1, random_state=0).fit(np.eye(2) + 0.3), linear([1.0], -0.3))
    assert not audit(model, frame, restarts=2, n_steps=5, random_state=0, verbose=False).broken.any()


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array])
def test_an_audit_of_sparse_rows_holds_columns_fixed(rng, form):
    X = form(rng.integers(-9, 9, (12, 3)).astype(np.int16))
    model = make_pipeline(TruncatedSVD(1, random_state=0).fit(X), linear([1.0], -0.3))
    result = audit(model, X, tolerances=[1.0, 0.0, 2.0], restarts=1, n_steps=3, random_state=0, verbose=False)
    assert not result.broken.any()
    assert result.inputs.shape == (12, 2)


def test_a_column_transformer_of_sparse_rows_holds(rng):
    X = sparse.csr_array(rng.integers(-128, 127, (40, 3)).astype(np.int8))
    steps = ColumnTransformer([("a", MaxAbsScaler(), [0, 1]), ("b", "passthrough", [2])]).fit(X)
    model = make_pipeline(steps, TruncatedSVD(2).fit(steps.transform(X)), linear([1.0, 1.0], 0.1))
    assert not audit(model, X, restarts=1, n_steps=3, random_state=0, verbose=False).broken.any()
