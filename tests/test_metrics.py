"""Metrics of certified classifiers, against loops, and the scorer wherever scikit-learn takes one."""

import copy
import pickle
import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklip import certified_radius
from sklip.metrics import (
    average_certified_radius,
    certified_accuracy,
    certified_accuracy_curve,
    certified_accuracy_score,
    certified_accuracy_scorers,
)
from tests.estimator_fixtures import classifier, fitted, fitted_mlp, mlp, moons

# Few values, so that ties and exact hits are common.
DISTANCES = st.sampled_from([0.0, 5e-324, 0.1, 0.25, 0.5, 1.0]) | st.floats(0.0, 2.0)
RADII = DISTANCES | st.just(np.inf)
WEIGHTS = st.sampled_from([0.0, 0.5, 1.0, 3.0])


@st.composite
def rows(draw, radii=RADII, weights=WEIGHTS):
    """Labels, predictions, radii and weights of up to eight rows."""
    labels = st.sampled_from(draw(st.sampled_from([(0, 1, 2), ("no", "yes", "maybe")])))
    table = draw(st.lists(st.tuples(labels, labels, radii, weights), min_size=1, max_size=8))
    y, predicted, radius, weight = zip(*table, strict=True)
    if not any(weight):
        weight = (1, *weight[1:])
    return y, predicted, radius, weight


def naive_score(y, predicted, radius, epsilon, weight=None):
    """Row by row, from the definition."""
    weight = [1.0] * len(y) if weight is None else weight
    certified = 0.0
    for label, guess, distance, mass in zip(y, predicted, radius, weight, strict=True):
        if label == guess and (distance > epsilon or epsilon == 0):
            certified += mass
    return certified / sum(weight)


# The score ----------------------------------------------------------------------------------


@given(rows(), DISTANCES)
def test_score_is_its_definition(table, epsilon):
    y, predicted, radius, weight = table
    score = certified_accuracy_score(y, predicted, radius, epsilon, sample_weight=weight)
    assert type(score) is float
    assert score == pytest.approx(naive_score(*table[:3], epsilon, weight), abs=1e-12)
    plain = certified_accuracy_score(y, predicted, radius, epsilon)
    assert plain == pytest.approx(naive_score(*table[:3], epsilon), abs=1e-12)


@given(rows())
def test_at_zero_the_score_is_the_accuracy_whatever_the_radii(table):
    y, predicted, radius, weight = table
    for radii in (radius, np.zeros(len(y))):
        score = certified_accuracy_score(y, predicted, radii, 0, sample_weight=weight)
        assert score == pytest.approx(accuracy_score(y, predicted, sample_weight=weight), abs=1e-12)


@pytest.mark.parametrize(
    "epsilon, score", [(0.0, 1.0), (np.nextafter(0.5, 0), 0.75), (0.5, 0.25), (1e300, 0.25), (5e-324, 0.75)]
)
def test_a_row_is_certified_only_where_its_radius_is_greater(epsilon, score):
    assert certified_accuracy_score([0, 1, 0, 1], [0, 1, 0, 1], [0.5, 0.5, 0.0, np.inf], epsilon) == score


@given(rows(radii=DISTANCES, weights=st.integers(0, 3)), DISTANCES)
def test_integer_weights_are_repeated_rows(table, epsilon):
    y, predicted, radius, weight = map(np.array, table)
    repeated = [np.repeat(column, weight.astype(int)) for column in (y, predicted, radius)]
    for metric in (certified_accuracy_score, average_certified_radius):
        arguments = (epsilon,) if metric is certified_accuracy_score else ()
        weighted = metric(y, predicted, radius, *arguments, sample_weight=weight)
        assert weighted == pytest.approx(metric(*repeated, *arguments), rel=1e-12)


CONTAINERS = [list, tuple, np.array, pd.Series, pl.Series, pa.array, lambda column: np.array(column)[:, None]]


@pytest.mark.parametrize("container", CONTAINERS)
def test_columns_of_every_kind_are_taken(container):
    columns = map(container, (["yes", "no", "yes"], ["yes", "no", "no"], [0.5, 0.1, 0.9]))
    assert certified_accuracy_score(*columns, 0.2) == pytest.approx(1 / 3)


METRICS = {
    "score": lambda *columns, **weight: certified_accuracy_score(*columns, 0.1, **weight),
    "curve": certified_accuracy_curve,
    "average": average_certified_radius,
}


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize(
    "columns, weight, says",
    [
        (([0, 1], [0, 1], [0.5, -1e-9]), None, "radius"),
        (([0, 1], [0, 1], [0.5, np.nan]), None, "radius"),
        (([0, 1], [0, 1], [0.5]), None, "numbers of samples"),
        (([0, 1], [0, 1, 1], [0.5, 0.5]), None, "numbers of samples"),
        (([0], [0, 1], [0.5, 0.5]), None, "numbers of samples"),
        (([0, 1], [0, 1], ["a", "b"]), None, "^radius must hold one number per row: could not convert"),
        (([0, 1], [0, 1], np.ma.masked_array([0.5, 0.5], [0, 1])), None, "^radius has masked entries in row 1"),
        ((np.ma.masked_array([0, 1], [0, 1]), [0, 1], [0.5, 0.5]), None, "y_true has masked entries in row 1"),
        (([0, 1], [0, 1], [0.5, 0.5]), np.ma.masked_array([1.0, 1.0], [1, 1]), "^sample_weight has masked"),
        (([0, 1], [0, 1], [0.5, 0.5]), [1.0], "numbers of samples"),
        (([0, 1], [0, 1], [0.5, 0.5]), [0.0, 0.0], "sample_weight"),
        (([0, 1], [0, 1], [0.5, 0.5]), [2.0, -1.0], "sample_weight"),
        (([0, 1], [0, 1], [0.5, 0.5]), [1.0, np.nan], "sample_weight"),
        (([], [], []), None, "no rows"),
        ((["a", "b"], [0, 1], [0.5, 0.5]), None, "Mix of label"),
        (([0, "a"], [0, 1], [0.5, 0.5]), None, "Mix of label types in y_true or y_pred"),
        (([[0, 1], [1, 0]], [0, 1], [0.5, 0.5]), None, "1d"),
    ],
)
def test_bad_columns_are_refused(metric, columns, weight, says):
    with pytest.raises(ValueError, match=says):
        metric(*columns, sample_weight=weight)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize(
    "radius, says",
    [
        (None, "type NoneType"),
        ({0: 0.5}, r"type dict\. Give list\(radius\) or list\(radius.values\(\)\)"),
        ({0.5}, r"type set\. Give list\(radius\)"),
    ],
)
def test_what_holds_no_radii_is_refused_as_such(metric, radius, says):
    with pytest.raises(TypeError, match=f"^radius must hold numbers in an array, a frame or a list; .* {says}"):
        metric([0, 1], [0, 1], radius)


@pytest.mark.parametrize("epsilon", [-1e-300, -1, np.nan, -np.inf])
def test_a_distance_below_0_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        certified_accuracy_score([0], [0], [1.0], epsilon)
    with pytest.raises(ValueError, match="epsilon"):
        certified_accuracy_curve([0], [0], [1.0], epsilons=[0.1, epsilon])
    with pytest.raises(ValueError, match="epsilon"):
        certified_accuracy(epsilon)
    with pytest.raises(ValueError, match="epsilon"):
        certified_accuracy_scorers([0.1, epsilon])


@pytest.mark.parametrize("epsilon", [None, "0.1", True, 0.1j, [0.1]])
def test_what_is_no_distance_is_refused_by_name(epsilon):
    with pytest.raises(TypeError, match="epsilon must be a distance, a number of 0 or more"):
        certified_accuracy_score([0], [0], [1.0], epsilon)


@pytest.mark.parametrize("epsilons", [["a"], [None, {}], [[0.1], [0.2, 0.3]]])
def test_what_are_no_distances_are_refused_by_name(epsilons):
    with pytest.raises(TypeError, match="epsilons must be a sequence of distances"):
        certified_accuracy_curve([0], [0], [1.0], epsilons=epsilons)
    with pytest.raises(TypeError, match="epsilons must be a sequence of distances"):
        certified_accuracy_scorers(epsilons)


@pytest.mark.parametrize(
    "epsilon", [np.float16(0.5), np.float32(0.5), np.array(0.5), Fraction(1, 2), np.longdouble(0.5)]
)
def test_a_distance_may_be_any_real_number(epsilon):
    assert certified_accuracy_score([0, 0], [0, 0], [0.5, 0.75], epsilon) == 0.5
    assert certified_accuracy(epsilon)(*fitted()) == certified_accuracy(0.5)(*fitted())


def test_a_distance_that_no_float_holds_is_rounded_up():
    third = Fraction(1, 3)  # which lies above the nearest float
    assert certified_accuracy_score([0, 0], [0, 0], [float(third), np.nextafter(1 / 3, 1)], third) == 0.0


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize(
    "missing", [[0.0, np.nan], ["a", None], ["a", np.nan], pd.Series(["a", None]), pd.Series([0, None], dtype="Int64")]
)
def test_missing_labels_are_told_by_row(metric, missing):
    known = ["a", "a"] if isinstance(missing[0], str) else [0, 0]
    for name, columns in (("y_true", (missing, known)), ("y_pred", (known, missing))):
        with pytest.raises(ValueError, match=f"{name} has missing labels .* in row 1 .*Drop those rows"):
            metric(*columns, [0.5, 0.5])


# The curve and the area under it -------------------------------------------------------------


@given(rows(), st.lists(RADII, max_size=6))
def test_curve_is_the_score_at_each_distance_in_the_order_given(table, distances):
    y, predicted, radius, weight = table
    epsilons, accuracies = certified_accuracy_curve(y, predicted, radius, epsilons=distances, sample_weight=weight)
    assert epsilons.tolist() == distances
    expected = [naive_score(y, predicted, radius, epsilon, weight) for epsilon in distances]
    np.testing.assert_allclose(accuracies, expected, rtol=0, atol=1e-12)
    assert ((accuracies >= 0) & (accuracies <= 1)).all()


def value_of_steps(epsilons, accuracies, epsilon):
    return accuracies[np.searchsorted(epsilons, epsilon, side="right") - 1]


@given(rows(), st.lists(DISTANCES, max_size=4))
def test_by_default_the_curve_holds_from_each_distance_to_the_next(table, others):
    y, predicted, radius, weight = table
    epsilons, accuracies = certified_accuracy_curve(y, predicted, radius, sample_weight=weight)
    assert epsilons[0] == 0 and (np.diff(epsilons) > 0).all() and (np.diff(accuracies) < 0).all()
    between = 0.5 * (epsilons + np.append(epsilons[1:], epsilons[-1] + 1.0))
    for epsilon in (*epsilons, *between, *others):
        expected = naive_score(y, predicted, radius, epsilon, weight)
        assert value_of_steps(epsilons, accuracies, epsilon) == pytest.approx(expected, abs=1e-12)


@given(rows(radii=DISTANCES))
def test_average_radius_is_the_area_under_the_curve(table):
    y, predicted, radius, weight = table
    epsilons, accuracies = certified_accuracy_curve(y, predicted, radius, sample_weight=weight)
    average = average_certified_radius(y, predicted, radius, sample_weight=weight)
    assert type(average) is float
    assert average == pytest.approx(np.diff(epsilons) @ accuracies[:-1], abs=1e-12)


@given(rows(radii=DISTANCES))
def test_average_radius_is_its_definition(table):
    total = sum(mass * distance for label, guess, distance, mass in zip(*table, strict=True) if label == guess)
    average = average_certified_radius(*table[:3], sample_weight=table[3])
    assert average == pytest.approx(total / sum(table[3]), abs=1e-12)


def test_an_infinite_radius_counts_where_its_row_does():
    y, radius = [0, 0, 1], [0.5, 1.0, np.inf]
    assert average_certified_radius(y, y, radius) == np.inf
    assert average_certified_radius(y, [0, 0, 0], radius) == 0.5
    epsilons, accuracies = certified_accuracy_curve(y, y, radius)
    np.testing.assert_array_equal(epsilons, [0.0, 0.5, 1.0])
    np.testing.assert_allclose(accuracies, [1.0, 2 / 3, 1 / 3])


def test_a_weight_of_0_removes_a_row_of_infinite_radius():
    y, radius, weight = [0, 0, 1], [0.5, 1.0, np.inf], [1, 1, 0]
    assert average_certified_radius(y, y, radius, sample_weight=weight) == 0.75
    assert certified_accuracy_score(y, y, radius, 0.5, sample_weight=weight) == 0.5
    assert certified_accuracy_curve(y, y, radius, sample_weight=weight)[1].tolist() == [1.0, 0.5, 0.0]


def test_a_curve_of_wrong_predictions_is_0():
    epsilons, accuracies = certified_accuracy_curve([0, 1], [1, 0], [0.5, np.inf])
    assert (epsilons.tolist(), accuracies.tolist()) == ([0.0], [0.0])


# The scorer ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noisy():
    """Rows on which no classifier of the fixtures is always right, nor its radius always above 0.1."""
    return make_moons(120, noise=0.3, random_state=3)


@pytest.fixture(scope="module")
def pipeline():
    return make_pipeline(StandardScaler(), mlp(epochs=10)).fit(*moons())


@pytest.mark.parametrize("make", [fitted, fitted_mlp])
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("epsilon", [0, 0.1, np.float32(0.3)])
def test_scorer_is_the_score_of_predictions_and_radii(make, kind, epsilon):
    model, X, y = make(kind)
    y = np.roll(y, 7)
    weight = np.linspace(0.1, 2.0, len(y))
    columns = y, model.predict(X), model.certified_radius(X)
    scorer = certified_accuracy(epsilon)
    assert scorer(model, X, y) == certified_accuracy_score(*columns, epsilon)
    assert scorer(model, X, y, sample_weight=weight) == certified_accuracy_score(
        *columns, epsilon, sample_weight=weight
    )


def test_scorer_takes_the_distance_in_the_units_of_the_last_step(pipeline, noisy):
    X, y = noisy
    scaled = pipeline[0].transform(X)
    radius = pipeline[-1].certified_radius(scaled)
    epsilon = float(np.median(radius))
    score = certified_accuracy(epsilon)(pipeline, X, y)
    assert score == certified_accuracy_score(y, pipeline.predict(X), radius, epsilon)
    assert 0 < score < certified_accuracy(0)(pipeline, X, y) == pipeline.score(X, y) < 1


def test_a_pipeline_that_ends_in_another_is_scored(pipeline, noisy):
    scorer = certified_accuracy(0.1)
    assert scorer(make_pipeline(pipeline), *noisy) == scorer(pipeline, *noisy)


def test_several_distances_give_a_scorer_each_by_name(pipeline, noisy):
    scorers = certified_accuracy_scorers([0, 0.1, 0.25])
    assert list(scorers) == ["certified_accuracy_0", "certified_accuracy_0.1", "certified_accuracy_0.25"]
    scores = [scorer(pipeline, *noisy) for scorer in scorers.values()]
    assert scores == [certified_accuracy(epsilon)(pipeline, *noisy) for epsilon in (0, 0.1, 0.25)]
    assert len(set(scores)) == 3


def test_the_score_of_several_distances_is_their_mean(pipeline, noisy):
    scores = [certified_accuracy(epsilon)(pipeline, *noisy) for epsilon in (0, 0.1, 0.25)]
    for epsilons in ([0, 0.1, 0.25], np.array([0, 0.1, 0.25]), (0, 0.1, 0.25)):
        assert certified_accuracy(epsilons)(pipeline, *noisy) == pytest.approx(np.mean(scores))
    assert repr(certified_accuracy([0, 0.5], norm="l1")) == "certified_accuracy([0.0, 0.5], norm=1)"
    X, y = noisy
    scoring = {"a": certified_accuracy([0, 0.1]), "b": "roc_auc"}
    result = cross_validate(pipeline, X, y, cv=2, scoring=scoring)
    assert np.isfinite(result["test_a"]).all()
    with pytest.raises(ValueError, match="epsilon holds no distance"):
        certified_accuracy([])
    with pytest.raises(ValueError, match="epsilons holds no distance"):
        certified_accuracy_scorers([])


def test_prediction_and_radii_take_one_forward_pass(pipeline, noisy, monkeypatch):
    passes, kind = [], type(pipeline[-1].network_)
    original = kind.scored_blocks
    monkeypatch.setattr(kind, "scored_blocks", lambda network, rows: passes.append(rows) or original(network, rows))
    certified_accuracy(0.1)(pipeline, *noisy)
    assert [len(rows) for rows in passes] == [120]


# The scorer in raw units ---------------------------------------------------------------------

QUESTIONS = [
    {"norm": 2},
    {"norm": np.inf},
    {"norm": 1, "tolerances": [0.5, 2.0]},
    {"tolerances": {"east": 2.0}},
    {"tolerances": pd.Series({"east": 0.5, "north": 1.0})},
]


@pytest.fixture(scope="module")
def frames(noisy):
    """Noisy rows in a frame, whose columns have different units, and a pipeline that is fitted on others."""
    X, y = noisy
    rows = pd.DataFrame({"east": 10.0 * X[:, 0], "north": 0.3 * X[:, 1]})
    return make_pipeline(StandardScaler(), mlp(epochs=10)).fit(rows[::2], y[::2]), rows, y


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_with_a_norm_or_tolerances_the_question_is_about_raw_columns(frames, question):
    model, X, y = frames
    radii = certified_radius(model, X, **question)
    epsilon = float(np.median(radii))
    score = certified_accuracy(epsilon, **question)(model, X, y)
    assert score == certified_accuracy_score(y, model.predict(X), radii, epsilon)
    assert 0 < score < model.score(X, y) < 1
    assert score != certified_accuracy(epsilon)(model, X, y)


def test_a_constant_of_a_step_is_passed_on(noisy):
    X, y = noisy
    model = make_pipeline(FunctionTransformer(np.sin), mlp(epochs=2)).fit(X, y)
    radii = certified_radius(model, X, step_lipschitz={"functiontransformer": 1.001})
    scorer = certified_accuracy(0.05, step_lipschitz={"functiontransformer": 1.001})
    assert scorer(model, X, y) == certified_accuracy_score(y, model.predict(X), radii, 0.05)


def test_with_a_norm_it_takes_what_the_function_takes(noisy):
    model = FixedThresholdClassifier(FrozenEstimator(fitted()[0]), threshold=0.1, response_method="decision_function")
    model.fit(*noisy)
    with pytest.raises(TypeError, match=r"FixedThresholdClassifier.*norm=2"):
        certified_accuracy(0.1)(model, *noisy)
    radii = certified_radius(model, noisy[0])
    expected = certified_accuracy_score(noisy[1], model.predict(noisy[0]), radii, 0.1)
    assert certified_accuracy(0.1, norm=2)(model, *noisy) == expected


@pytest.mark.parametrize("norm", [3, 0, True, np.nan, np.array([1, 2])])
def test_another_norm_is_refused_at_once(norm):
    with pytest.raises(ValueError, match="norm must be 1, 2, inf"):
        certified_accuracy(0.1, norm=norm)


ONE_SPLIT = [(np.arange(0, 80, 2), np.arange(1, 80, 2))]


def test_cross_validation_scores_what_it_fits():
    X, y = moons()
    settings = {"cv": ONE_SPLIT, "error_score": "raise"}
    model, several = mlp(epochs=10), certified_accuracy_scorers([0, 0.1])
    result = cross_validate(model, X, y, scoring=several, return_estimator=True, **settings)
    fold, test = result["estimator"][0], ONE_SPLIT[0][1]
    assert result["test_certified_accuracy_0"] == [fold.score(X[test], y[test])]
    assert result["test_certified_accuracy_0.1"] == [certified_accuracy(0.1)(fold, X[test], y[test])]
    alone = cross_val_score(FrozenEstimator(fold), X, y, scoring=certified_accuracy(0.1), **settings)
    assert alone == result["test_certified_accuracy_0.1"]


def test_grid_search_is_refitted_by_the_certified_accuracy_it_names():
    X, y = moons()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), mlp(epochs=10)),
        {"lipschitzmlp__learning_rate": [1e-30, 0.02]},
        cv=ONE_SPLIT,
        scoring={**certified_accuracy_scorers([0, 0.1]), "auc": "roc_auc"},
        refit="certified_accuracy_0.1",
        error_score="raise",
    ).fit(X, y)
    scores = search.cv_results_["mean_test_certified_accuracy_0.1"]
    assert scores[1] > scores[0]
    assert search.best_params_ == {"lipschitzmlp__learning_rate": 0.02}
    assert search.best_score_ == scores[1]
    assert (search.cv_results_["mean_test_certified_accuracy_0"] >= scores).all()
    assert search.cv_results_["mean_test_auc"][1] > 0.9


def test_a_grid_search_asks_in_raw_units(frames):
    _, X, y = frames
    rows = [(np.arange(0, 120, 2), np.arange(1, 120, 2))]
    scoring = certified_accuracy_scorers([0, 0.1], norm=np.inf, tolerances={"east": 10.0, "north": 0.3})
    model = make_pipeline(StandardScaler(), mlp(epochs=10))
    grid = {"lipschitzmlp__learning_rate": [1e-30, 0.02]}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # scikit-learn's, where a score fails
        search = GridSearchCV(model, grid, cv=rows, scoring=scoring, refit="certified_accuracy_0.1").fit(X, y)
    score = scoring["certified_accuracy_0.1"]
    test = rows[0][1]
    twin = clone(model).set_params(**search.best_params_).fit(X.iloc[rows[0][0]], y[rows[0][0]])
    assert search.best_score_ == score(twin, X.iloc[test], y[test])
    assert score(search, X, y) == score(search.best_estimator_, X, y)


@pytest.mark.parametrize(
    "question, shown",
    [
        ({}, "certified_accuracy(0.25)"),
        ({"norm": 1, "tolerances": [1.0, 0.5]}, "certified_accuracy(0.25, norm=1, tolerances=[1.0, 0.5])"),
        ({"tolerances": {0: 0.5}}, "certified_accuracy(0.25, tolerances={0: 0.5})"),
    ],
)
def test_scorer_is_pickled_copied_and_shown(question, shown):
    scorer, (model, X, y) = certified_accuracy(0.25, **question), fitted()
    assert repr(scorer) == shown
    for twin in (pickle.loads(pickle.dumps(scorer)), copy.deepcopy(scorer)):
        assert repr(twin) == repr(scorer)
        assert twin(model, X, y) == scorer(model, X, y)


@pytest.mark.parametrize("wrap", [lambda model: model, lambda model: make_pipeline(StandardScaler(), model)])
def test_classifiers_without_certificates_are_refused_by_name(wrap, noisy):
    with pytest.raises(TypeError, match="LogisticRegression"):
        certified_accuracy(0.1)(wrap(LogisticRegression()).fit(*noisy), *noisy)


@pytest.mark.parametrize("wrap", [lambda model: model, make_pipeline])
def test_classifiers_that_are_not_fitted_are_refused(wrap, noisy):
    with pytest.raises(NotFittedError):
        certified_accuracy(0.1)(wrap(classifier()), *noisy)


def test_labels_of_text_and_numbers_do_not_compare():
    with pytest.raises(ValueError, match="Mix of label"):
        certified_accuracy_score([0, 1, 1], ["0", "1", "1"], [1.0, 1.0, 1.0], 0.1)


def test_a_single_distance_is_no_curve():
    with pytest.raises(ValueError, match="epsilons"):
        certified_accuracy_curve([0], [0], [1.0], epsilons=0.3)


def test_the_scorer_looks_into_searches_and_frozen_estimators():
    model, X, y = fitted("binary")
    search = GridSearchCV(model, {"alpha": [1.0]}, cv=2, scoring=certified_accuracy(0.1)).fit(X, y)
    score = certified_accuracy(0.1)
    assert score(search, X, y) == score(search.best_estimator_, X, y)
    assert score(FrozenEstimator(model), X, y) == score(model, X, y)
