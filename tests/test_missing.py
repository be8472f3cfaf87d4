"""Missing values that a pipeline imputes: constants of their rows, named in the result."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, RobustScaler, StandardScaler

from sklip import NotLipschitzError, audit, certified_radius
from sklip._labels import read_labels
from sklip.rows.missing import as_numbers, filled_with_zeros, missing_entries, rows_with_missing
from tests.pipeline_fixtures import Quick
from tests.test_pipeline_traps import linear


@pytest.fixture
def gaps(rng):
    X = rng.standard_normal((60, 4)) * [1.0, 10.0, 0.1, 3.0] + [0.0, 5.0, 0.0, 100.0]
    X[3, 0] = X[7, 2] = X[9, 0] = X[9, 3] = np.nan
    return X, (np.nan_to_num(X[:, 0]) > 0).astype(int)


STEPS = {
    "imputer": lambda: [SimpleImputer()],
    "indicator": lambda: [SimpleImputer(add_indicator=True)],
    "imputer, scaler": lambda: [SimpleImputer(strategy="median"), StandardScaler()],
    "scaler, imputer": lambda: [StandardScaler(), SimpleImputer()],
    "scaler, imputer, PCA": lambda: [RobustScaler(), SimpleImputer(), PCA(3)],
    "constant": lambda: [SimpleImputer(strategy="constant", fill_value=-7.0)],
    "union": lambda: [make_union(SimpleImputer(), make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()))],
    "columns": lambda: [ColumnTransformer([("a", SimpleImputer(), [0, 2]), ("b", SimpleImputer(), slice(1, 4))])],
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("norm", [1, 2, np.inf])
def test_a_missing_value_is_held_fixed_in_its_row(gaps, name, norm):
    X, y = gaps
    model = make_pipeline(*STEPS[name](), Quick(random_state=0)).fit(X, y)
    radii = certified_radius(model, X, norm=norm)
    assert radii.missing_columns == (0, 2, 3)
    assert radii.fixed_columns == ()
    assert (radii > 0).mean() > 0.9
    assert (radii[[3, 7, 9]] > 0).all()
    complete = np.isfinite(X).all(axis=1)
    again = certified_radius(model, X[complete], norm=norm)
    assert again.missing_columns == ()
    np.testing.assert_allclose(again, radii[complete], rtol=1e-12)
    result = audit(model, X, norm=norm, restarts=2, n_steps=8, random_state=0, verbose=False)
    assert not result.broken.any()
    assert np.isfinite(result.attack[[3, 7, 9]]).all()
    np.testing.assert_array_equal(np.isnan(result.inputs[[3, 7, 9]]), np.isnan(X[[3, 7, 9]]))
    assert "missing_columns=(0, 2, 3)" in repr(radii)


@pytest.mark.parametrize(
    "form",
    [
        np.float32,
        lambda X: X.astype(object),
        lambda X: pd.DataFrame(X, columns=list("abcd")),
        lambda X: pd.DataFrame(X, columns=list("abcd")).astype("Float64"),
        lambda X: pd.DataFrame(X, columns=list("abcd")).astype("float32[pyarrow]"),
        lambda X: pl.DataFrame(dict(zip("abcd", X.T, strict=True))),
        lambda X: pl.DataFrame(dict(zip("abcd", X.T, strict=True))).fill_nan(None),
    ],
    ids=["float32", "object", "pandas", "nullable", "arrow", "polars nan", "polars null"],
)
def test_whatever_holds_the_rows(gaps, form):
    X, y = gaps
    steps = [SimpleImputer(), StandardScaler()]
    model = make_pipeline(*steps, Quick(random_state=0)).fit(form(X), y)
    radii = certified_radius(model, form(X))
    assert (radii[[3, 7, 9]] > 0).all()
    assert len(radii.missing_columns) == 3
    assert not audit(model, form(X), restarts=1, n_steps=5, random_state=0, verbose=False).broken.any()


def test_a_table_with_categories_and_gaps(gaps):
    X, y = gaps
    frame = pd.DataFrame(X, columns=list("abcd")).assign(plan=np.array(["x", "y", None] * 20, dtype=object))
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    steps = ColumnTransformer([("c", encoder, ["plan"]), ("n", numbers, ["a", "b", "c", "d"])])
    model = make_pipeline(steps, Quick(random_state=0)).fit(frame, y)
    radii = certified_radius(model, frame)
    assert radii.fixed_columns == ("plan",)
    assert set(radii.missing_columns) >= {"a", "c", "d"}
    assert (radii > 0).mean() > 0.9
    assert not audit(model, frame, restarts=1, n_steps=5, random_state=0, verbose=False).broken.any()


@pytest.mark.parametrize("dtype", ["Int64", "int16[pyarrow]", "boolean"])
def test_whole_numbers_with_gaps_are_tried_as_floats(rng, dtype):
    whole = pd.array([True, None, False, True] * 5, "boolean").astype(dtype)
    frame = pd.DataFrame({"a": [1.0, None, 3.0, 4.0] * 5, "c": whole})
    model = make_pipeline(SimpleImputer().fit(frame.astype(float)), linear([1.0, 0.5], -2.0))
    result = audit(model, frame, restarts=1, n_steps=3, random_state=0, verbose=False)
    assert not result.broken.any()
    np.testing.assert_array_equal(result.radius, certified_radius(model, frame))


def test_where_nothing_imputes_missing_values_are_refused_as_predict_refuses_them(gaps):
    X, y = gaps
    model = make_pipeline(StandardScaler(), Quick(random_state=0)).fit(np.nan_to_num(X), y)
    with pytest.raises(ValueError, match="contains NaN") as refused:
        model.predict(X)
    with pytest.raises(ValueError, match="contains NaN") as caught:
        certified_radius(model, X)
    assert str(caught.value) == str(refused.value)


def test_what_a_stated_step_does_with_missing_values_is_not_known(rng):
    X = rng.standard_normal((20, 2))
    X[3, 0] = np.nan
    model = make_pipeline(FunctionTransformer(np.tanh), SimpleImputer().fit(X), linear([1.0, 1.0], 0.1))
    radii = certified_radius(model, X, step_lipschitz={"functiontransformer": 1.0})
    assert radii[3] == 0.0
    assert (np.delete(radii, 3) > 0).all()


def test_missing_values_of_sparse_rows_are_refused(rng):
    X = sparse.csr_array(np.array([[np.nan, 1.0], [2.0, 0.0]]))
    model = make_pipeline(SimpleImputer().fit(X), PCA(1).fit(np.eye(2)), linear([1.0], 0.1))
    with pytest.raises(NotLipschitzError, match=r"'simpleimputer'.*Certify X.toarray\(\)"):
        certified_radius(model, X)


def test_missing_entries_of_every_container():
    expected = np.array([[False, True], [True, False]])
    numbers = [[1.0, np.nan], [np.nan, 2.0]]
    mixed = [["a", None], [np.nan, pd.NA]]
    np.testing.assert_array_equal(missing_entries(np.array(numbers)), expected)
    np.testing.assert_array_equal(missing_entries(pd.DataFrame(numbers)), expected)
    np.testing.assert_array_equal(missing_entries(pd.DataFrame(numbers).astype("Float32")), expected)
    np.testing.assert_array_equal(missing_entries(pl.DataFrame(numbers, orient="row")), expected)
    np.testing.assert_array_equal(missing_entries(np.array(mixed, dtype=object)), [[False, True], [True, True]])
    assert not missing_entries(np.ones((2, 2), int)).any()
    assert not missing_entries(np.zeros((0, 2), object)).any()
    for form in (sparse.csr_array, sparse.csc_array):
        np.testing.assert_array_equal(rows_with_missing(form(np.array([[0, np.nan], [1, 2]]))), [True, False])
    np.testing.assert_array_equal(filled_with_zeros(pd.DataFrame(numbers).astype("Float32")), [[1, 0], [0, 2]])
    assert as_numbers(pd.Series([1, None], dtype="Int8")).dtype == np.float64


@pytest.mark.parametrize(
    "entry", [None, float("nan"), np.float32("nan"), complex("nan"), Decimal("NaN"), Decimal("sNaN"), pd.NA, pd.NaT,
              np.datetime64("NaT"), np.timedelta64("NaT")], ids=repr,
)  # fmt: skip
def test_rows_and_labels_call_the_same_entries_missing(entry):
    array = np.empty(3, dtype=object)
    array[:] = ["a", entry, "b"]
    np.testing.assert_array_equal(missing_entries(array), [False, True, False])
    with pytest.raises(ValueError, match=r"missing labels .* in row 1 "):
        read_labels(array)


@pytest.mark.parametrize(
    "entry", ["nan", "", 0, False, Decimal(1), Fraction(1, 2), np.array([np.nan, 1.0]), [None], object()]
)
def test_other_entries_are_not_missing(entry):
    array = np.empty(2, dtype=object)
    array[:] = [entry, entry]
    assert not missing_entries(array).any()


def test_a_decimal_that_is_no_number_is_a_constant_of_its_row(rng):
    """As a float that is none; it was handed to the network, which refused it."""
    X = rng.standard_normal((20, 2)).astype(object)
    X[3, 0] = Decimal("NaN")
    model = make_pipeline(SimpleImputer().fit(X.astype(float)), linear([1.0, 1.0], 0.1))
    radii = certified_radius(model, X)
    assert radii.missing_columns == (0,)
    assert (radii > 0).all()
