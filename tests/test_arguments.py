"""Norms, tolerances and constants: what is taken, and the words for what is not."""

import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from sklip import NotLipschitzError, audit, certified_radius
from sklip.pipelines._arguments import constants_of
from sklip.rows.tolerances import norm_of, tolerances_of
from tests.pipeline_fixtures import Quick
from tests.test_pipeline_traps import linear


@pytest.mark.parametrize(
    "given, norm",
    [
        ("l1", 1),
        ("l2", 2),
        ("inf", np.inf),
        (1, 1),
        (2.0, 2),
        (np.inf, np.inf),
        (np.int8(1), 1),
        (float("inf"), np.inf),
    ],
)
def test_norms(given, norm):
    assert norm_of(given) == norm


@pytest.mark.parametrize("norm", [0, 3, -1, "2", "L2", "linf", None, np.nan, [2], np.array([1, 2]), True, 1j])
def test_other_norms_are_refused(norm):
    with pytest.raises(ValueError, match=r"norm must be 1, 2, inf, 'l1', 'l2' or 'inf'; got"):
        norm_of(norm)


@pytest.mark.parametrize("norm, name", [(1, "l1"), (2, "l2"), (np.inf, "inf")])
def test_norms_by_name_are_the_norms(rng, norm, name):
    X, model = rng.standard_normal((9, 2)), linear([1.0, 2.0], 0.1)
    by_name, by_number = (certified_radius(model, X, norm=given) for given in (name, norm))
    np.testing.assert_array_equal(by_name, by_number)
    assert by_name.norm == norm
    assert audit(model, X, norm=name, restarts=1, n_steps=2, verbose=False).norm == norm


def test_tolerances():
    labels = ["a", "b", "c"]
    for given, units in [
        (None, [1, 1, 1]),
        (2.0, [2, 2, 2]),
        (np.float32(0.5), [0.5, 0.5, 0.5]),
        (np.array(3), [3, 3, 3]),
        ([1, 0, 2], [1, 0, 2]),
        (pl.Series([1.0, 2.0, 3.0]), [1, 2, 3]),
        ({"b": 1, "a": np.float16(0.5)}, [0.5, 1, 0]),
        (pd.Series({"c": 4.0}), [0, 0, 4]),
        (pd.Series([1, 2, 3], index=labels), [1, 2, 3]),
    ]:
        assert tolerances_of(given, labels).tolist() == units


@pytest.mark.parametrize(
    "tolerances, message",
    [
        ([1, 2], r"one number for each of the 3 columns of X; got shape \(2,\)"),
        ([[1, 1, 1]], r"got shape \(1, 3\)"),
        ([1, 1, -1], r"tolerances\['c'\] must be a finite number of 0 or more; got -1"),
        ([1, np.nan, 1], r"tolerances\['b'\] must be a finite number of 0 or more; got nan"),
        (pd.Series({"a": 1.0, "b": np.inf}), r"tolerances\['b'\] must be a finite number of 0 or more; got inf"),
        ([0, 0, 0], "all 0, so that no column may move"),
        (0.0, "all 0"),
        (-1, "tolerances must be a finite number of 0 or more; got -1"),
        (Fraction(10) ** 400, "tolerances must be a finite number"),
        (True, "tolerances must be a finite number of 0 or more; got True"),
        ({}, "all 0"),
        ({"z": 1}, r"tolerances names columns that X does not have: \['z'\]"),
        ({0: "a"}, r"does not have: \[0\]"),
        ({"a": "0.1"}, r"tolerances\['a'\] must be a finite number of 0 or more; got '0.1'"),
        ({"a": None}, r"tolerances\['a'\] must be a finite number"),
        (["1", 2, 3], r"tolerances\['a'\] must be a finite number of 0 or more; got '1'"),
        ("2.0", "tolerances must be a finite number of 0 or more; got '2.0'"),
        (1j, "tolerances must be a finite number"),
    ],
)
def test_tolerances_that_make_no_sense_are_refused(tolerances, message):
    with pytest.raises(ValueError, match=message):
        tolerances_of(tolerances, ["a", "b", "c"])


def test_one_tolerance_for_all_columns_is_that_of_those_that_move(table):
    frame, model = table
    radii = certified_radius(model, frame, tolerances=2.0)
    np.testing.assert_allclose(2.0 * radii, certified_radius(model, frame), rtol=1e-12)
    assert radii.fixed_columns == ("plan",)


@pytest.fixture(params=[OneHotEncoder, OrdinalEncoder])
def table(rng, request):
    frame = pd.DataFrame(rng.standard_normal((40, 2)), columns=["age", "fee"]).assign(plan=["x", "y"] * 20)
    steps = ColumnTransformer([("plan", request.param(), ["plan"]), ("numbers", StandardScaler(), ["age", "fee"])])
    return frame, make_pipeline(steps, Quick(random_state=0)).fit(frame, (frame["age"] > 0).astype(int))


@pytest.mark.parametrize("tolerances", [{"plan": 1.0}, {"age": 1.0, "plan": 2.0}, [1.0, 1.0, 0.5]])
def test_a_tolerance_of_a_category_is_refused(table, tolerances):
    """It was left out, and the radius was infinite, though another plan changes the prediction."""
    frame, model = table
    for ask in (certified_radius, audit):
        with pytest.raises(ValueError, match=r"to column 'plan', which an encoder takes.*Leave it out of tolerances"):
            ask(model, frame, tolerances=tolerances)
    assert certified_radius(model, frame, tolerances={"age": 1.0, "plan": 0.0}).fixed_columns == ("fee", "plan")
    assert certified_radius(model, frame, tolerances=[1.0, 1.0, 0.0]).fixed_columns == ("plan",)


def test_constants():
    assert constants_of(None) == {}
    assert constants_of({"a": np.float32(2)}) == {"a": 2.0}
    with pytest.raises(TypeError, match=r"step_lipschitz must map names of steps to their constants; got 2\.0"):
        constants_of(2.0)
    with pytest.raises(ValueError, match=r"step_lipschitz\['a'\] must be a finite number"):
        constants_of({"a": 10**400})
    with pytest.raises(ValueError, match=r"step_lipschitz\['a'\] must be a finite number of 0 or more; got '1'"):
        constants_of({"a": "1"})


def test_columns_that_are_missing_are_named_as_predict_names_them(table):
    frame, model = table
    with pytest.raises(ValueError, match=r"columns are missing.*'fee'") as expected:
        model.predict(frame[["age", "plan"]])
    for ask in (certified_radius, audit):
        with pytest.raises(ValueError, match="columns are missing") as caught:
            ask(model, frame[["age", "plan"]])
        assert str(caught.value) == str(expected.value)


def test_what_has_no_certificate_is_named(rng):
    X = rng.standard_normal((20, 2))
    forest = RandomForestClassifier(2).fit(X, X[:, 0] > 0)
    with pytest.raises(NotLipschitzError, match="RandomForestClassifier has no certificate"):
        certified_radius(forest, X)
    with pytest.raises(NotLipschitzError, match="StandardScaler has no certificate"):
        certified_radius(StandardScaler().fit(X), X)
    with pytest.raises(TypeError, match="got the class StandardScaler"):
        certified_radius(StandardScaler, X)


def test_lists_with_categories_are_read_as_predict_reads_them(rng):
    """A ColumnTransformer makes objects of lists, also of numbers."""
    rows = [
        [float(code), *numbers]
        for code, numbers in zip([1, 2] * 20, rng.standard_normal((40, 2)).tolist(), strict=True)
    ]
    steps = ColumnTransformer([("plan", OneHotEncoder(), [0]), ("numbers", StandardScaler(), [1, 2])])
    model = make_pipeline(steps, Quick(random_state=0)).fit(rows, [int(row[1] > 0) for row in rows])
    radii = certified_radius(model, rows)
    assert radii.fixed_columns == (0,)
    assert (radii > 0).any()
    assert not audit(model, rows, restarts=1, n_steps=3, random_state=0, verbose=False).broken.any()


@pytest.mark.parametrize("weights", [None, {"nothing": 0.5, "all": 2.0}])
def test_branches_of_no_columns_are_no_trouble(rng, weights):
    X = rng.standard_normal((20, 3))
    nothing = SelectKBest(lambda X, y: np.arange(3.0), k=0)
    union = FeatureUnion([("nothing", nothing), ("all", "passthrough")], transformer_weights=weights)
    columns = ColumnTransformer([("nothing", StandardScaler(), []), ("all", "passthrough", [0, 1, 2])],
                                transformer_weights=weights)  # fmt: skip
    empty = FeatureUnion([("a", StandardScaler()), ("b", ColumnTransformer([("n", "passthrough", [])]))])
    for steps in (union, columns, empty, make_pipeline(union), FeatureUnion([("a", union), ("b", nothing)])):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make_pipeline(steps, StandardScaler(), Quick(random_state=0)).fit(X, (X[:, 0] > 0).astype(int))
            assert (certified_radius(model, X) > 0).any()
            assert not audit(model, X, restarts=1, n_steps=3, random_state=0, verbose=False).broken.any()


def test_a_pipeline_that_keeps_no_column_is_refused_as_predict_refuses_it(rng):
    X = rng.standard_normal((20, 3))
    nothing = SelectKBest(lambda X, y: np.arange(3.0), k=0).fit(X, X[:, 0] > 0)
    for steps in ([nothing], [FeatureUnion([("a", nothing)], transformer_weights={"a": 2.0}).fit(X, X[:, 0] > 0)]):
        model = make_pipeline(*steps, linear([1.0], 0.1))
        with pytest.raises(ValueError) as expected, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.predict(X)
        with pytest.raises(ValueError) as caught, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certified_radius(model, X)
        assert str(caught.value) == str(expected.value)
