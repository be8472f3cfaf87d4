"""Bad input: an error that names the culprit, before TensorFlow is imported, and a classifier left as it was."""

import copy
import re
import sys
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from importlib.machinery import ModuleSpec

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from numpy.dtypes import StringDType

from sklip import HKRClassifier, exceptions
from tests.estimator_fixtures import bits, classifier, fitted
from tests.processes import last_json, run_script

X = np.random.default_rng(0).standard_normal((12, 2))
Y = np.array([0, 1] * 6)


def with_value(value, column=1, dtype=float):
    """X with one entry replaced."""
    changed = X.astype(dtype)
    changed[3, column] = value
    return changed


def with_weight(value):
    weight = np.ones(12)
    weight[3] = value
    return weight


@dataclass
class Case:
    """A call that must fail with a message that matches all of ``says``."""

    name: str
    says: tuple
    X: object = field(default_factory=lambda: X)
    y: object = field(default_factory=lambda: Y)
    error: type = ValueError
    parameters: dict = field(default_factory=dict)
    arguments: dict = field(default_factory=dict)
    method: str = "fit"

    def call(self, estimator):
        getattr(estimator, self.method)(self.X, self.y, **self.arguments)


def masked(array):
    """An array with a masked entry in row 3."""
    made = np.ma.masked_array(array, mask=False)
    made[3] = np.ma.masked
    return made


FRAME = {"east": X[:, 0], "north": X[:, 1]}
DAYS = pd.date_range("2020-01-01", periods=12)
STRUCTURED = np.array([(1.0, 2.0)] * 12, dtype=[("east", float), ("north", float)])

EITHER = (TypeError, ValueError)
FIRST = {"classes": [0, 1]}

CASES = [
    # X
    Case("NaN", (r"\bX\b", "column 1", "NaN", "impute|drop"), with_value(np.nan)),
    Case("NaN in a named column", ("'north'", "NaN"), pd.DataFrame(with_value(np.nan), columns=["east", "north"])),
    Case("infinity", (r"\bX\b", "column 1", "infinity", "Replace|drop"), with_value(np.inf)),
    Case("both infinities", (r"\bX\b", "column 0", "infinity"), np.where(X > 1, np.inf, np.where(X < 0, -np.inf, X))),
    Case("1e30", (r"\bX\b", "column 1", "1e18", "unit|scale"), with_value(1e30)),
    Case("a constant column of 1e30", (r"\bX\b", "column 0"), np.column_stack([np.full(12, 1e30), X])),
    Case("a column of 1e30 next to others", ("'big'",), pd.DataFrame({**FRAME, "big": 1e30 * X[:, 0]})),
    Case("no rows", (r"\bX\b", "0 sample"), X[:0], Y[:0]),
    Case("no columns", (r"\bX\b", r"0 feature\(s\)"), X[:, :0]),
    Case("one row", ("class", "two"), X[:1], Y[:1]),
    Case("equal rows", (r"\bX\b", "equal", "[Cc]heck"), np.full((12, 2), 3.3)),
    Case("text", (r"\bX\b|column 1", "number|[Ee]ncode|[Cc]onvert"), with_value("red", dtype=object)),
    Case("text in a named column", ("'north'|column 1",), pd.DataFrame({**FRAME, "north": ["a", "b"] * 6})),
    Case("numbers as text", (r"\bX\b|column 0", "number|[Ee]ncode|[Cc]onvert"), X.astype(str)),
    Case("sparse", (r"\bX\b", "toarray"), scipy.sparse.csr_array(X), error=TypeError),
    Case("complex", (r"\bX\b", "real|drop|imaginary"), X + 1j),
    Case("three dimensions", (r"\bX\b", "reshape|two"), X[None]),
    Case("one dimension", ("2D array", "[Rr]eshape"), X[:, 0]),
    Case("None for X", (r"\bX\b|array",), None),
    *[
        Case(f"{kind} in X", ("'when'", holds, r"numpy.timedelta64\(1, 'D'\)"), frame)
        for kind, holds, frame in [
            ("dates beside numbers", "dates", pd.DataFrame({**FRAME, "when": DAYS})),
            ("dates alone", "dates", pd.DataFrame({"when": DAYS, "then": DAYS})),
            ("a missing date", "dates", pd.DataFrame({"when": [*DAYS[:-1], None], "then": DAYS})),
            ("dates of a time zone", "dates", pd.DataFrame({**FRAME, "when": DAYS.tz_localize("UTC")})),
            ("dates as objects", "dates", pd.DataFrame({**FRAME, "when": pd.Series(DAYS.date)})),
            ("times of day", "dates or times", pd.DataFrame({**FRAME, "when": [time(hour) for hour in range(12)]})),
            ("periods", "dates", pd.DataFrame({**FRAME, "when": DAYS.to_period("D")})),
            ("durations", "durations", pd.DataFrame({**FRAME, "when": DAYS - DAYS[0]})),
            ("durations alone", "durations", pd.DataFrame({"when": DAYS - DAYS[0]})),
            ("dates of polars", "dates", pl.DataFrame({**FRAME, "when": DAYS.to_numpy()})),
            ("dates of polars alone", "dates", pl.DataFrame({"when": DAYS.to_numpy()})),
            ("dates of Arrow", "dates", pa.table({**FRAME, "when": DAYS.to_numpy()})),
            ("days of Arrow", "dates", pa.table({**FRAME, "when": pa.array(DAYS.date)})),
            ("durations of Arrow", "durations", pa.table({**FRAME, "when": DAYS - DAYS[0]})),
        ]
    ],
    Case("an array of dates", ("column 0", "dates"), DAYS.to_numpy()[:, None]),
    Case("an array of durations", ("column 0", "durations"), (DAYS - DAYS[0]).to_numpy()[:, None]),
    Case("a date among objects", ("column 1 ", "dates"), with_value(pd.Timestamp("2020"), dtype=object)),
    Case("a missing date among objects", ("column 1 ", "dates"), with_value(pd.NaT, dtype=object)),
    Case("a list with a date", ("column 0 ", "dates"), [[datetime(2020, 1, 1), 1.0]] * 12),
    Case("pandas.NA among objects", ("column 1 ", "NaN", "impute"), with_value(pd.NA, dtype=object)),
    Case("pandas.NA in a column", ("'north'", "NaN"), pd.DataFrame({**FRAME, "north": [pd.NA, *X[1:, 1]]})),
    Case("other objects", ("column 1 ", "objects of type set"), with_value({1}, dtype=object), error=TypeError),
    Case("a masked entry", ("^X has masked entries in row 3 ", "[Dd]rop", "X.filled"), masked(X)),
    Case("rows of different lengths", ("^X cannot be read",), [[0.0], [1.0, 2.0]] * 6),
    Case("a structured array", ("^X is a structured array", "pandas"), STRUCTURED, error=TypeError),
    Case("a dict of columns", ("^X must hold rows", "dict", "pandas"), FRAME, error=TypeError),
    Case("a generator", ("^X must hold rows", "generator", r"list\(X\)"), (row for row in X), error=TypeError),
    Case("a lazy frame", ("^X must hold rows", r"X.collect\(\)"), pl.DataFrame(FRAME).lazy(), error=TypeError),
    # y
    Case("one class", ("class", "two", r"\by\b"), y=np.zeros(12)),
    Case("labels of mixed types", (r"\by\b", "types", "text"), y=[0, "a"] * 6, error=TypeError),
    Case("an array of mixed types", (r"\by\b", "types"), y=np.array([0, "a"] * 6, dtype=object), error=TypeError),
    *[
        Case(f"missing labels: {kind}", ("^y has missing labels", "in row 11 ", "[Dd]rop"), y=labels)
        for kind, labels in {
            "None among text": [*"ab" * 5, "a", None],
            "NaN among text": [*"ab" * 5, "a", np.nan],
            "an array of text and None": np.array([*"ab" * 5, "a", None], dtype=object),
            "NaN among numbers": [0.0, 1.0] * 5 + [0.0, np.nan],
            "None among numbers": [0, 1] * 5 + [0, None],
            "pandas.NA among integers": pd.Series([0, 1] * 5 + [0, pd.NA], dtype="Int64"),
            "pandas.NA among booleans": pd.Series([False, True] * 5 + [True, pd.NA], dtype="boolean"),
            "pandas.NA among objects": [0, 1] * 5 + [0, pd.NA],
            "pandas text": pd.Series([*"ab" * 5, "a", None]),
            "pandas categories": pd.Series([*"ab" * 5, "a", None], dtype="category"),
            "polars text": pl.Series([*"ab" * 5, "a", None]),
            "polars integers": pl.Series([0, 1] * 5 + [0, None]),
            "Arrow": pa.array([*"ab" * 5, "a", None]),
            "NaT among dates": np.array([*["2020", "2021"] * 5, "2020", "NaT"], dtype="datetime64[D]"),
            "NaT among durations": np.array([*[1, 2] * 5, 1, "NaT"], dtype="timedelta64[D]"),
            "NaT among timestamps": pd.Series(pd.to_datetime([*["2020", "2021"] * 5, "2020", None])),
            "None among dates": [date(2020, 1, 1), date(2021, 1, 1)] * 5 + [date(2020, 1, 1), None],
            "NumPy's own text": np.array([*"ab" * 5, "a", None], dtype=StringDType(na_object=None)),
        }.items()
    ],
    Case("many missing labels", ("rows 0, 2, 4, 6, 8 and 1 more",), y=np.where(Y == 1, 1.0, np.nan)),
    Case("masked labels", ("^y has masked entries in row 3 ", "[Dd]rop", r"y.filled"), y=masked(Y)),
    Case("infinity among labels", (r"\by\b", "infinity", "[Dd]rop"), y=np.where(Y == 1, np.inf, 0)),
    Case("complex labels", (r"^y holds complex numbers",), y=Y + 1j),
    Case("bytes for labels", ("^y holds bytes", "decode"), y=np.where(Y == 1, b"a", b"b"), error=TypeError),
    Case("bytes as objects", ("^y holds bytes", "decode"), y=np.array([b"a", b"b"] * 6, dtype=object), error=TypeError),
    *[
        Case(f"objects: {kind}", (f"label type: y holds objects of type {kind}", rf"y, dtype={wanted}\)"), y=labels)
        for kind, wanted, labels in [
            ("bool", "bool", np.array([True, False] * 6, dtype=object)),
            ("int", "int", np.array([0, 1] * 6, dtype=object)),
            ("float, int", "float", np.array([0, 1.0] * 6, dtype=object)),
            ("Decimal", "str", [Decimal(0), Decimal(1)] * 6),
            ("date", "str", [date(2020, 1, 1), date(2021, 1, 1)] * 6),
            ("Period", "str", pd.Series(list(pd.period_range("2020", periods=2)) * 6)),
        ]
    ],
    Case("a set of labels", ("^y must hold labels", "set", r"list\(y\)"), y={0, 1}, error=TypeError),
    Case("a dict of labels", ("^y must hold labels", "dict"), y={0: 1}, error=TypeError),
    Case("labels of different lengths", ("^y cannot be read",), y=[[0], [1, 2]] * 6),
    Case("continuous labels", ("continuous",), y=X[:, 0]),
    Case("too few labels", (r"\bX\b", r"\by\b", "12", "11"), y=Y[:-1]),
    Case("no labels", ("requires y",), y=None),
    Case("two columns of labels", (r"\by\b", "1d"), y=np.column_stack([Y, 1 - Y])),
    # Weights
    Case("all weights zero", ("sample_weight", "positive|≥ 0"), arguments={"sample_weight": np.zeros(12)}),
    Case("a negative weight", ("sample_weight", "[Nn]egative"), arguments={"sample_weight": with_weight(-1)}),
    Case("NaN weight", (r"contains NaN\. Give one",), arguments={"sample_weight": with_weight(np.nan)}),
    Case("infinite weight", ("sample_weight", "infinity"), arguments={"sample_weight": with_weight(np.inf)}),
    Case("a masked weight", ("^sample_weight has masked",), arguments={"sample_weight": masked(np.ones(12))}),
    Case("a missing weight", ("^sample_weight",), arguments={"sample_weight": pd.Series([pd.NA, *[1.0] * 11])}),
    Case("text for weights", ("^sample_weight",), arguments={"sample_weight": ["heavy"] * 12}),
    Case(
        "durations for weights",
        ("^sample_weight holds dates or durations",),
        arguments={"sample_weight": np.ones(12, "m8[D]")},
    ),
    Case("a set of weights", ("^sample_weight must hold",), arguments={"sample_weight": {1.0}}, error=TypeError),
    Case("too few weights", ("sample_weight", "11", "12"), arguments={"sample_weight": np.ones(11)}),
    Case("weights of one class", ("class", "sample_weight"), arguments={"sample_weight": Y}),
    # Parameters
    *[
        Case(f"{name}={value!r}", (f"'{name}'",), parameters={name: value}, error=error)
        for name, value, error in [
            ("alpha", -1.0, ValueError),
            ("alpha", np.nan, ValueError),
            ("alpha", np.inf, ValueError),
            ("min_margin", 0.0, ValueError),
            ("min_margin", -0.5, ValueError),
            ("min_margin", "wide", ValueError),
            ("activation", "tanh", ValueError),
            ("activation", "groupsort0", ValueError),
            ("activation", None, ValueError),
            ("optimizer", "best", ValueError),
            ("optimizer", None, TypeError),
            ("optimizer", dict, TypeError),
            ("hidden_layer_sizes", (8, 0), ValueError),
            ("hidden_layer_sizes", 0, ValueError),
            ("hidden_layer_sizes", (8, -4), ValueError),
            ("hidden_layer_sizes", (8, 4.0), ValueError),
            ("hidden_layer_sizes", (8, 5), ValueError),
            ("hidden_layer_sizes", "64", ValueError),
            ("hidden_layer_sizes", np.array(8), ValueError),
            ("hidden_layer_sizes", np.array([[8, 4]]), ValueError),
            ("hidden_layer_sizes", np.array([8.0, 4.0]), ValueError),
            ("hidden_layer_sizes", None, ValueError),
            ("learning_rate", 0.0, ValueError),
            ("learning_rate", np.inf, ValueError),
            ("learning_rate_schedule", "linear", ValueError),
            ("batch_size", 0, ValueError),
            ("epochs", 0, ValueError),
            ("dropout", 1.0, ValueError),
            ("class_weight", "heavy", ValueError),
            ("class_weight", {5: 1.0}, ValueError),
            ("class_weight", {0: -1.0}, ValueError),
            ("class_weight", {0: np.nan}, ValueError),
            ("class_weight", {0: "a"}, EITHER),
            ("early_stopping", "yes", ValueError),
            ("validation_fraction", 1.0, ValueError),
            ("n_iter_no_change", 0, ValueError),
            ("tol", -1.0, ValueError),
            ("callbacks", "all", ValueError),
            ("callbacks", [1], EITHER),
            ("warm_start", "yes", ValueError),
            ("random_state", "seed", ValueError),
            ("verbose", "much", ValueError),
        ]
    ],
    # Held-out rows
    Case("NaN held out", ("X_val", "column 1", "NaN"), arguments={"X_val": with_value(np.nan), "y_val": Y}),
    Case("1e30 held out", ("X_val", "column 1"), arguments={"X_val": with_value(1e30), "y_val": Y}),
    Case("other columns held out", ("X_val|features",), arguments={"X_val": X[:, :1], "y_val": Y}),
    Case("held out without labels", ("y_val",), arguments={"X_val": X}),
    Case("a missing label held out", ("^y_val has missing",), arguments={"X_val": X, "y_val": [0, None] * 6}),
    Case("a date held out", ("X_val", "dates"), arguments={"X_val": DAYS.to_numpy()[:, None], "y_val": Y}),
    Case("masked rows held out", ("X_val has masked",), arguments={"X_val": masked(X), "y_val": Y}),
    Case("held-out labels without rows", ("X_val",), arguments={"y_val": Y}),
    Case("held-out weights without rows", ("X_val",), arguments={"sample_weight_val": np.ones(12)}),
    Case(
        "unseen class held out",
        (r"^y_val.*: \[7\]\. Leave their rows out",),
        arguments={"X_val": X, "y_val": np.where(Y == 1, 7, 0)},
    ),
    Case("text held out for numbers", ("y_val",), arguments={"X_val": X, "y_val": Y.astype(str)}),
    Case(
        "held-out weights all zero",
        ("sample_weight_val",),
        arguments={"X_val": X, "y_val": Y, "sample_weight_val": np.zeros(12)},
    ),
    Case(
        "one row of a class to hold out",
        ("early_stopping", "X_val|validation_fraction"),
        y=np.array([1] + [0] * 11),
        parameters={"early_stopping": True},
    ),
    # partial_fit
    Case("NaN in a batch", (r"\bX\b", "column 1"), with_value(np.nan), method="partial_fit", arguments=FIRST),
    Case("1e30 in a batch", (r"\bX\b", "column 1"), with_value(1e30), method="partial_fit", arguments=FIRST),
    Case(
        "all weights of a batch zero",
        ("sample_weight",),
        method="partial_fit",
        arguments={**FIRST, "sample_weight": np.zeros(12)},
    ),
    Case("a batch of no rows", (r"\bX\b",), X[:0], Y[:0], method="partial_fit", arguments=FIRST),
    Case("unseen class", (r"\by\b", r"\b7\b.* Name the classes"), y=7 * Y, method="partial_fit", arguments=FIRST),
    Case("text for numbers", (r"\by\b", "classes"), y=Y.astype(str), method="partial_fit", arguments=FIRST),
    Case("classes of mixed types", ("classes",), method="partial_fit", error=EITHER, arguments={"classes": [0, "a"]}),
    Case("a single class named", ("class",), y=np.zeros(12, int), method="partial_fit", arguments={"classes": [0]}),
    Case(
        "a dict of classes",
        ("^classes must hold labels", r"list\(classes\) or list\(classes.values"),
        method="partial_fit",
        error=TypeError,
        arguments={"classes": {0: "no", 1: "yes"}},
    ),
    Case("a set of classes", ("^classes must hold", "set", r"list\(classes\)"), method="partial_fit", error=TypeError,
         arguments={"classes": {0, 1}}),
    Case("classes with None", ("^classes has missing",), method="partial_fit", arguments={"classes": ["a", None]}),
    Case("classes is a number", ("classes",), method="partial_fit", error=EITHER, arguments={"classes": 2}),
    Case(
        "partial_fit with early stopping",
        ("early_stopping",),
        method="partial_fit",
        parameters={"early_stopping": True},
        arguments=FIRST,
    ),
]  # fmt: skip

UNFITTED_ONLY = [
    Case("first partial_fit without classes", ("classes",), method="partial_fit"),
]

FITTED_ONLY = [
    Case("partial_fit of other columns", ("features",), X[:, :1], method="partial_fit"),
    Case("partial_fit of other names", ("feature names",), pd.DataFrame(FRAME), method="partial_fit"),
    Case("partial_fit with other classes", ("classes",), method="partial_fit", arguments={"classes": [0, 1, 2]}),
    Case("warm start with other classes", ("warm_start", "classes"), y=Y + 1, parameters={"warm_start": True}),
    Case("warm start with more classes", ("warm_start",), y=np.arange(12) % 3, parameters={"warm_start": True}),
    Case(
        "warm start with other widths",
        ("warm_start", "hidden_layer_sizes"),
        parameters={"warm_start": True, "hidden_layer_sizes": (8, 6)},
    ),
    Case("warm start with other columns", ("warm_start", "features"), X[:, :1], parameters={"warm_start": True}),
]


def named_estimator():
    """A classifier fitted on a frame with the columns a and b, and rows to ask it about."""
    model, rows, _ = fitted()
    model = copy.deepcopy(model)
    model.feature_names_in_ = np.array(["a", "b"], dtype=object)
    return model, rows


def assert_refused(case, estimator):
    """The case fails as it says, and changes nothing of the estimator."""
    estimator.set_params(**case.parameters)
    before, content = vars(estimator).copy(), joblib.hash(vars(estimator))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        warnings.filterwarnings("error", category=RuntimeWarning)
        with pytest.raises(case.error) as raised:
            case.call(estimator)
    for pattern in case.says:
        assert re.search(pattern, str(raised.value)), f"{pattern!r} is not in {str(raised.value)!r}"
    assert list(vars(estimator)) == list(before)
    assert all(vars(estimator)[name] is value for name, value in before.items())
    assert joblib.hash(vars(estimator)) == content


@pytest.mark.parametrize("case", [*CASES, *UNFITTED_ONLY], ids=lambda case: case.name)
def test_unfitted_classifier_refuses(case):
    assert_refused(case, classifier())


@pytest.mark.parametrize("case", [*CASES, *FITTED_ONLY], ids=lambda case: case.name)
def test_fitted_classifier_refuses_and_serves_on(case):
    estimator, rows = named_estimator()
    frame = pd.DataFrame(rows, columns=["a", "b"])
    served = bits(estimator.decision_function(frame)), bits(estimator.certified_radius(frame))
    assert_refused(case, estimator)
    assert (bits(estimator.decision_function(frame)), bits(estimator.certified_radius(frame))) == served


class Barrier:
    """Find Keras and what belongs to it, but refuse to import them, and take note."""

    def __init__(self):
        self.touched = False

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"tensorflow", "keras", "scikeras"}:
            return ModuleSpec(name, self)
        return None

    def create_module(self, spec):
        self.touched = True
        raise ImportError(spec.name)


def cases_that_import_keras(path):
    """Make every bad call on a classifier that is not fitted, and on one that was loaded."""
    model, barrier, names = joblib.load(path), Barrier(), []
    assert not {"tensorflow", "keras", "scikeras"} & set(sys.modules)
    sys.meta_path.insert(0, barrier)
    for kind, cases in (("unfitted", [*CASES, *UNFITTED_ONLY]), ("fitted", [*CASES, *FITTED_ONLY])):
        for case in cases:
            estimator = (classifier() if kind == "unfitted" else copy.deepcopy(model)).set_params(**case.parameters)
            barrier.touched = False
            with warnings.catch_warnings(), suppress(TypeError, ValueError, ImportError):
                warnings.simplefilter("ignore")
                case.call(estimator)
            if barrier.touched:
                names.append(f"{kind}: {case.name}")
    return names


ASK_WHICH = """
import json, sys
from tests.test_bad_input import cases_that_import_keras
print(json.dumps(cases_that_import_keras(sys.argv[1])))
"""


def test_bad_input_is_refused_before_tensorflow_is_imported(tmp_path):
    joblib.dump(named_estimator()[0], tmp_path / "model.joblib")
    assert last_json(run_script(ASK_WHICH, tmp_path / "model.joblib")) == []


# Questions to a fitted classifier ------------------------------------------------------------


@pytest.mark.parametrize("method", ["predict", "decision_function", "certified_radius"])
@pytest.mark.parametrize(
    "rows, error, says",
    [
        (with_value(np.nan), ValueError, ("X", "column 1", "NaN")),
        (with_value(-np.inf), ValueError, ("X", "column 1", "infinity")),
        (X[:, :1], ValueError, ("X", "1 feature", "2 features")),
        (np.column_stack([X, X]), ValueError, ("X", "4 features", "2 features")),
        (with_value("red", dtype=object), ValueError, (r"\bX\b",)),
        (X.astype(str), ValueError, (r"\bX\b",)),
        (scipy.sparse.csr_array(X), TypeError, ("X", "toarray")),
        (X[None], ValueError, (r"\bX\b",)),
        (X[0], ValueError, ("2D array", "[Rr]eshape")),
        (X + 1j, ValueError, (r"\bX\b",)),
        (X[:0], ValueError, (r"\bX\b",)),
        (pd.DataFrame({**FRAME, "when": DAYS}), ValueError, ("'when'", "dates")),
        (
            pd.DataFrame({"when": DAYS, "then": DAYS}),
            ValueError,
            (r"'when' \(number 0\), like 1 other column, holds dates",),
        ),
        (np.full((3, 2), "NaT", dtype="datetime64[D]"), ValueError, ("column 0", "dates")),
        (masked(X), ValueError, ("X has masked entries in row 3 ",)),
        (with_value(pd.NA, dtype=object), ValueError, ("column 1 contains NaN",)),
        ({"a": X[:, 0], "b": X[:, 1]}, TypeError, ("X must hold rows", "dict")),
        (pd.Series(X[0]), ValueError, ("Series",)),
        (pl.Series(X[0]), ValueError, ("2D array", "[Rr]eshape")),
    ],
    ids=[
        "NaN",
        "infinity",
        "few",
        "many",
        "text",
        "numbers as text",
        "sparse",
        "3-D",
        "1-D",
        "complex",
        "no rows",
        "a date",
        "dates",
        "missing dates",
        "masked",
        "NA",
        "dict",
        "pandas Series",
        "polars Series",
    ],
)
def test_bad_rows_are_refused_when_asked_about(method, rows, error, says):
    with pytest.raises(error) as raised:
        getattr(fitted()[0], method)(rows)
    for pattern in says:
        assert re.search(pattern, str(raised.value)), f"{pattern!r} is not in {str(raised.value)!r}"


@pytest.mark.parametrize("names", [["a", "c"], ["b", "a"]])
def test_other_names_are_refused_when_asked_about(names):
    model, rows = named_estimator()
    with pytest.raises(ValueError, match="feature names"):
        model.predict(pd.DataFrame(rows, columns=names))


def test_far_rows_are_answered():
    model = fitted()[0]
    far = np.array([[1e30, 0.0], [-1e100, 1e99], [1.2e308, 1.2e308]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(model.decision_function(far)).all()
        warnings.simplefilter("ignore", exceptions.FarFromTrainingWarning)  # and of nothing else
        assert np.isfinite(model.certified_radius(far)).all()


def test_names_in_messages_are_those_of_the_class():
    class Mine(HKRClassifier):
        pass

    with pytest.raises(ValueError, match="Mine"):
        Mine().fit(X, np.zeros(12))
