"""CertifiedPipeline: a question about raw columns, translated through steps, trained for, and certified."""

import io
import pickle
import warnings
from itertools import cycle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.utils import estimator_html_repr, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

import sklip
from sklip import (
    CertifiedPipeline,
    HKRClassifier,
    LipschitzMLP,
    NetworkClassifier,
    NotLipschitzError,
    audit,
    certified_radius,
)
from sklip.exceptions import UnlikeScalesWarning
from sklip.metrics import certified_accuracy
from sklip.pipelines._maps import LipschitzMap, Stage
from tests.estimator_fixtures import bits

NORMS = [1, 2, np.inf]
NAMES = ["length", "mass", "age", "noise"]
TOLERANCES = np.array([0.5, 30.0, 0.02, 4.0])


def hkr(**parameters):
    settings = {"hidden_layer_sizes": (8,), "epochs": 8, "random_state": 0, "backend": "numpy"}
    return HKRClassifier(**{**settings, **parameters})


def mlp(**parameters):
    return LipschitzMLP(hidden_layer_sizes=(8,), epochs=8, random_state=0, backend="numpy", **parameters)


def table(n_rows=120, seed=0):
    """Four columns in unlike units, of which the last says nothing of the class."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, 4))
    y = (X[:, 0] + X[:, 1] - X[:, 2] > 0).astype(int)
    return pd.DataFrame(X * TOLERANCES * 5 + [0.0, 300.0, 1.0, -40.0], columns=NAMES), y


def mixed_table():
    """The same with two columns of categories, one of which says much of the class."""
    X, y = table()
    rng = np.random.default_rng(1)
    colour = np.where(rng.random(len(y)) < 0.8, y, 1 - y)
    return X.assign(colour=np.array(["red", "blue"])[colour], place=rng.choice(list("abc"), len(y))), y


def trained(steps, norm=2, tolerances=TOLERANCES, X=None, classifier=None, **parameters):
    frame, y = table()
    classifier = hkr() if classifier is None else classifier
    model = CertifiedPipeline(make_pipeline(*steps, classifier), norm=norm, tolerances=tolerances, **parameters)
    return model.fit(frame if X is None else X, y)


def of_classifier(model):
    """The tolerances that the classifier at the end got."""
    last = model.estimator_
    while hasattr(last, "steps"):
        last = last[-1]
    return last.tolerances_


def assert_certified(model, X, n_rows=5):
    """The constant of the whole is 1 in the raw question, the radii are those of the function, and attacks fail."""
    assert model.lipschitz_bound_ <= 1 + 1e-9
    radii = model.certified_radius(X)
    assert bits(np.asarray(radii)) == bits(np.asarray(certified_radius(model, X)))
    assert radii.norm == model.norm_ and list(radii.fixed_columns) == model.fixed_columns_
    assert radii.lipschitz_bound == pytest.approx(model.lipschitz_bound_, rel=1e-12)
    asked = certified_radius(model.estimator_, X, norm=model.norm_, tolerances=model.tolerances_)
    assert bits(np.asarray(asked)) == bits(np.asarray(radii))
    result = audit(model, X[:n_rows], restarts=1, random_state=0, verbose=False)
    assert not result.broken.any() and result.norm == model.norm_
    assert bits(result.radius) == bits(np.asarray(model.certified_radius(X[:n_rows])))
    return result


# Translation -----------------------------------------------------------------------------------


def test_the_tolerance_of_a_scaled_column_is_that_of_the_raw_one_times_the_factor():
    model = trained([StandardScaler()], "inf")
    np.testing.assert_allclose(of_classifier(model), TOLERANCES / model.estimator_[0].scale_, rtol=1e-14)
    assert model.norm_ == np.inf and model.fixed_columns_ == []
    np.testing.assert_array_equal(model.tolerances_, TOLERANCES)


STEPS = {
    "standard": ([StandardScaler()], lambda steps: 1 / steps[0].scale_),
    "without std": ([StandardScaler(with_std=False)], lambda steps: np.ones(4)),
    "min-max": ([MinMaxScaler((-1, 3))], lambda steps: steps[0].scale_),
    "clipped": ([MinMaxScaler(clip=True)], lambda steps: steps[0].scale_),
    "clipped twice": (
        [MinMaxScaler(clip=True), StandardScaler(), MinMaxScaler(clip=True)],
        lambda steps: steps[0].scale_ / steps[1].scale_ * steps[2].scale_,
    ),
    "max-abs": ([MaxAbsScaler()], lambda steps: 1 / steps[0].scale_),
    "robust": ([RobustScaler()], lambda steps: 1 / steps[0].scale_),
    "imputer": ([SimpleImputer(), StandardScaler()], lambda steps: 1 / steps[1].scale_),
    "passthrough": (["passthrough", StandardScaler(), None], lambda steps: 1 / steps[1].scale_),
    "identity": ([FunctionTransformer()], lambda steps: np.ones(4)),
    "nested": (
        [make_pipeline(StandardScaler(), MinMaxScaler())],
        lambda steps: steps[0][1].scale_ / steps[0][0].scale_,
    ),
    "frozen": ([FrozenEstimator(StandardScaler().fit(table()[0]))], lambda steps: 1 / steps[0].estimator.scale_),
    "weighted": (
        [ColumnTransformer([("all", StandardScaler(), NAMES)], transformer_weights={"all": -3.0})],
        lambda steps: 3.0 / steps[0].transformers_[0][1].scale_,
    ),
    "turned round": (
        [make_column_transformer((StandardScaler(), NAMES[::-1]))],
        lambda steps: (TOLERANCES[::-1] / TOLERANCES) / steps[0].transformers_[0][1].scale_,
    ),
}


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", STEPS)
def test_each_kind_of_step_is_translated_at_constant_1(kind, norm):
    steps, factors = STEPS[kind]
    model = trained([clone(step) if hasattr(step, "fit") else step for step in steps], norm)
    np.testing.assert_allclose(of_classifier(model), factors(model.estimator_[:-1]) * TOLERANCES, rtol=1e-12)
    assert_certified(model, table()[0])


def test_selectors_drop_columns_of_which_changes_do_not_matter():
    X, y = table()
    for selector in (SelectKBest(k=2), VarianceThreshold(0.5)):
        model = trained([selector, StandardScaler()], "inf")
        kept = selector.fit(X, y).get_support()
        assert 0 < kept.sum() < 4
        np.testing.assert_allclose(of_classifier(model), TOLERANCES[kept] / model.estimator_[1].scale_, rtol=1e-14)
        assert_certified(model, X)
        assert (model.feature_weights_ > 0).tolist() == kept.tolist()


@pytest.mark.parametrize(("norm", "factor"), [(1, 2.0), (2, np.sqrt(2)), (np.inf, 1.0)])
def test_a_column_that_is_taken_twice_counts_once(norm, factor):
    X, _ = table()
    union = make_union(StandardScaler(), make_column_transformer((MinMaxScaler(clip=True), ["age", "mass"])))
    model = trained([union], norm)
    scales = model.estimator_[0].transformer_list
    first, second = 1 / scales[0][1].scale_, scales[1][1].transformers_[0][1].scale_
    expected = [*first * [1, factor, factor, 1] * TOLERANCES, *second * factor * TOLERANCES[[2, 1]]]
    np.testing.assert_allclose(of_classifier(model), expected, rtol=1e-12)
    assert_certified(model, X)


def test_the_weight_of_a_raw_column_is_that_of_all_that_come_from_it():
    X, _ = table()
    model = trained([make_union(StandardScaler(), MinMaxScaler())], "inf")
    weights = model.estimator_[-1].feature_weights_
    np.testing.assert_allclose(model.feature_weights_, np.hypot(weights[:4], weights[4:]), rtol=1e-12)
    assert np.sum(model.feature_weights_**2) == pytest.approx(1.0)
    scores = model.decision_function(X)
    for column, weight in zip(NAMES, model.feature_weights_, strict=True):
        moved = model.decision_function(X.assign(**{column: X[column] + model.tolerances_[NAMES.index(column)]}))
        assert np.abs(moved - scores).max() <= weight * (1 + 1e-9)
    assert not hasattr(trained([StandardScaler()], 2), "feature_weights_")


def test_a_bare_classifier_is_a_pipeline_without_steps():
    X, y = table()
    model = CertifiedPipeline(hkr(), norm="inf", tolerances=TOLERANCES).fit(X, y)
    alone = hkr(norm="inf", tolerances=TOLERANCES).fit(X, y)
    assert isinstance(model.estimator_, HKRClassifier)
    assert bits(model.decision_function(X)) == bits(alone.decision_function(X))
    assert bits(np.asarray(model.certified_radius(X))) == bits(np.asarray(certified_radius(alone, X)))
    assert_certified(model, X)


def test_without_tolerances_each_column_counts_in_its_own_unit():
    X, y = table()
    X = X / TOLERANCES
    model = CertifiedPipeline(make_pipeline(StandardScaler(), hkr())).fit(X, y)
    alone = hkr().fit(X, y)
    np.testing.assert_allclose(model.decision_function(X), alone.decision_function(X), rtol=0, atol=1e-3)
    np.testing.assert_array_equal(model.tolerances_, np.ones(4))
    assert not model.certified_radius(X).in_tolerances
    assert_certified(model, X)


def test_columns_in_unlike_units_without_tolerances_are_warned_of():
    X, y = table()
    with pytest.warns(UnlikeScalesWarning, match="column 'age' has a range of .*, column 'mass'"):
        CertifiedPipeline(make_pipeline(StandardScaler(), hkr(epochs=1))).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnlikeScalesWarning)
        CertifiedPipeline(make_pipeline(StandardScaler(), hkr(epochs=1)), tolerances=TOLERANCES).fit(X, y)


@pytest.mark.parametrize("given", [dict(zip(NAMES, TOLERANCES, strict=True)), pd.Series(TOLERANCES[::-1], NAMES[::-1])])
def test_tolerances_go_by_name(given):
    by_name, by_place = trained([StandardScaler()], "inf", given), trained([StandardScaler()], "inf")
    assert bits(by_name.decision_function(table()[0])) == bits(by_place.decision_function(table()[0]))


def test_trained_for_the_raw_question_is_tighter_and_certifies_more_than_behind_a_scaler_alone():
    X, y = table(300)
    scaled = make_pipeline(StandardScaler(), hkr(epochs=30, hidden_layer_sizes=(16, 8)))
    question = {"norm": "inf", "tolerances": TOLERANCES}
    model = CertifiedPipeline(clone(scaled), **question).fit(X, y)
    scaled.fit(X, y)
    audits = [audit(one, X[:60], y[:60], **question, random_state=0, verbose=False) for one in (scaled, model)]
    assert not any(result.broken.any() for result in audits)
    tightness = [np.median(result.tightness[result.correct]) for result in audits]
    assert tightness[1] > 0.9 > tightness[0]
    shares = [certified_accuracy(1.0, **question)(one, X, y) for one in (scaled, model)]
    assert shares[1] > shares[0]


# Columns that do not move ----------------------------------------------------------------------

NUMBERS = ["length", "mass", "age"]


def encoding(encoder, **parameters):
    """Scaled numbers beside two encoded columns; the last column of numbers is dropped."""
    branches = ("numbers", StandardScaler(), NUMBERS), ("categories", encoder, ["colour", "place"])
    return make_pipeline(ColumnTransformer(list(branches)), hkr(epochs=20, **parameters))


ENCODERS = {
    "one-hot": OneHotEncoder(sparse_output=False),
    "ordinal": OrdinalEncoder(),
    "target": TargetEncoder(),
    "imputed": make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False)),
}


@pytest.mark.parametrize(
    ("kind", "norm"), [*(("one-hot", norm) for norm in NORMS), *((kind, np.inf) for kind in list(ENCODERS)[1:])]
)
def test_encoded_columns_are_fixed(kind, norm):
    X, y = mixed_table()
    tolerances = dict(zip(NUMBERS, TOLERANCES, strict=False))
    model = CertifiedPipeline(encoding(ENCODERS[kind]), norm=norm, tolerances=tolerances).fit(X, y)
    assert model.fixed_columns_ == ["noise", "colour", "place"]
    assert (model.tolerances_ > 0).tolist() == [True] * 3 + [False] * 3
    found = of_classifier(model)
    assert (found[:3] > 0).all() and not found[3:].any()
    result = assert_certified(model, X)
    assert np.isfinite(result.attack).mean() > 0.5
    assert model.score(X, y) > 0.9


def test_one_number_is_for_all_columns_that_may_move():
    X, y = mixed_table()
    model = CertifiedPipeline(encoding(ENCODERS["one-hot"]), norm="inf", tolerances=0.5).fit(X, y)
    assert model.tolerances_.tolist() == [0.5, 0.5, 0.5, 0.5, 0.0, 0.0]
    assert certified_radius(model, X).fixed_columns == ("colour", "place")


def test_categories_have_no_tolerance():
    X, y = mixed_table()
    with pytest.raises(ValueError, match="gives 1 to column 'colour', which an encoder takes"):
        CertifiedPipeline(encoding(OneHotEncoder(sparse_output=False)), tolerances={"age": 1.0, "colour": 1.0}).fit(
            X, y
        )
    with pytest.raises(ValueError, match="No column that the classifier gets may move"):
        CertifiedPipeline(encoding(OneHotEncoder(sparse_output=False)), tolerances={"noise": 1.0}).fit(X, y)


def test_columns_that_are_not_named_and_those_of_tolerance_0_are_fixed():
    X, _ = table()
    model = trained([StandardScaler()], "inf", {"length": 0.5, "mass": 30.0, "age": 0.0})
    assert model.fixed_columns_ == ["age", "noise"]
    np.testing.assert_allclose(of_classifier(model), [*TOLERANCES[:2], 0, 0] / model.estimator_[0].scale_, rtol=1e-14)
    assert_certified(model, X)
    weights = model.feature_weights_
    assert (weights > 0).tolist() == [True, True, False, False] and np.sum(weights**2) == pytest.approx(1.0)


def test_the_copy_of_an_encoded_column_is_fixed():
    X, y = mixed_table()
    X = X.assign(place=X["place"].map({"a": 1.0, "b": 2.0, "c": 3.0}))
    steps = make_column_transformer(
        (StandardScaler(), [*NUMBERS, "place"]), (OneHotEncoder(sparse_output=False), ["place"])
    )
    model = CertifiedPipeline(make_pipeline(steps, hkr()), norm="inf", tolerances=1.0).fit(X, y)
    assert (of_classifier(model) > 0).tolist() == [True] * 3 + [False] * 4
    assert_certified(model, X)


def test_missing_values_are_fixed_where_they_are_and_their_indicators_everywhere():
    X, y = table()
    X = X.mask(np.random.default_rng(0).random(X.shape) < 0.1)
    model = CertifiedPipeline(make_pipeline(SimpleImputer(add_indicator=True), StandardScaler(), hkr()),
                              norm="inf", tolerances=TOLERANCES).fit(X, y)  # fmt: skip
    assert (of_classifier(model) > 0).tolist() == [True] * 4 + [False] * 4
    assert model.fixed_columns_ == []
    assert_certified(model, X)
    assert model.certified_radius(X).missing_columns == tuple(NAMES)


def test_a_step_may_mix_columns_that_do_not_move():
    mixing = ColumnTransformer([("mixed", PCA(2), ["age", "noise"]), ("rest", StandardScaler(), ["length", "mass"])])
    model = trained([mixing], "inf", {"length": 0.5, "mass": 30.0})
    assert (of_classifier(model) > 0).tolist() == [False, False, True, True]
    assert_certified(model, table()[0])
    with pytest.raises(NotLipschitzError, match="'columntransformer__mixed'"):
        trained([mixing], "inf", monotonic_cst={"age": 1, "noise": 1}, tolerances={"length": 0.5, "mass": 30.0})


def test_trained_with_fixed_categories_is_tighter_and_certifies_more_than_behind_an_encoder_alone():
    X, y = mixed_table()
    question = {"norm": "inf", "tolerances": dict(zip(NUMBERS, TOLERANCES * [2.0, 0.5, 1.0, 1.0], strict=False))}
    steps = encoding(OneHotEncoder(sparse_output=False))
    models = clone(steps).fit(X, y), CertifiedPipeline(steps, **question).fit(X, y)
    audits = [audit(one, X[:25], y[:25], **question, restarts=1, random_state=0, verbose=False) for one in models]
    assert not any(result.broken.any() for result in audits)
    tightness = [np.median(result.tightness[result.correct]) for result in audits]
    assert tightness[1] > 0.9 and tightness[1] > tightness[0] + 0.05
    shares = [certified_accuracy(1.0, **question)(one, X, y) for one in models]
    assert shares[1] > shares[0]


# Directions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", NORMS)
def test_scores_never_move_against_the_direction_of_a_raw_column(norm):
    X, y = table()
    steps = [ColumnTransformer([("turned", StandardScaler(), ["age", "length"]), ("plain", "passthrough", ["mass"])],
                               transformer_weights={"turned": -2.0})]  # fmt: skip
    model = trained(steps, norm, monotonic_cst={"length": 1, "age": -1})
    assert model.estimator_[-1].monotonic_cst.tolist() == [1, -1, 0]
    assert_certified(model, X)
    rng = np.random.default_rng(0)
    pairs = X.iloc[rng.integers(0, len(X), 2000)]
    for column, sign in (("length", 1), ("age", -1)):
        step = rng.exponential(5.0, len(pairs)) * TOLERANCES[NAMES.index(column)]
        moved = pairs.assign(**{column: pairs[column] + sign * step})
        gains = model.decision_function(moved) - model.decision_function(pairs)
        assert gains.min() > -1e-9 and gains.max() > 0.1
    assert model.score(X, y) > 0.8


def test_a_column_that_is_taken_twice_keeps_its_direction_and_its_weight_is_the_sum():
    X, _ = table()
    model = trained([make_union(StandardScaler(), MinMaxScaler())], "inf", monotonic_cst=[1, 0, 0, 0])
    assert model.estimator_[-1].monotonic_cst.tolist() == [1, 0, 0, 0] * 2
    scores, weights = model.decision_function(X), model.feature_weights_
    for column, weight, tolerance in zip(NAMES, weights, TOLERANCES, strict=True):
        moved = model.decision_function(X.assign(**{column: X[column] + tolerance}))
        assert np.abs(moved - scores).max() <= weight * (1 + 1e-9)
    assert_certified(model, X)


def test_a_direction_of_categories_is_refused():
    X, y = mixed_table()
    steps = encoding(OrdinalEncoder())
    with pytest.raises(ValueError, match="monotonic_cst constrains column 'colour', which an encoder takes"):
        CertifiedPipeline(steps, monotonic_cst={"colour": 1}).fit(X, y)


def test_a_direction_of_several_classes_is_refused_in_the_words_of_scikit_learn():
    X, y = table()
    model = CertifiedPipeline(make_pipeline(StandardScaler(), hkr()), tolerances=TOLERANCES, monotonic_cst={"age": 1})
    with pytest.raises(ValueError, match="not supported for multiclass"):
        model.fit(X, y + (X["noise"] > 0))


# Refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([StandardScaler(), PCA(2)], r"Step 'pca' \(PCA\) makes columns of several raw columns"),
        ([TruncatedSVD(2)], r"Step 'truncatedsvd' \(TruncatedSVD\) makes columns of several"),
        ([make_pipeline(StandardScaler(), PCA(2))], r"Step 'pipeline__pca' \(PCA\) makes columns of several"),
        (
            [StandardScaler(), FeatureUnion([("plain", "passthrough"), ("mix", PCA(2))])],
            r"Step 'featureunion__mix' \(PCA\) makes columns of several",
        ),
        (
            [ColumnTransformer([("a", PCA(1), ["age"]), ("b", make_pipeline(PCA(1)), ["mass", "noise"])])],
            r"Step 'columntransformer__b__pca' \(PCA\) makes columns of several",
        ),
        ([PowerTransformer()], r"'powertransformer' \(PowerTransformer\) has no Lipschitz constant: it is steeper"),
        ([Normalizer()], r"'normalizer' \(Normalizer\) has no Lipschitz constant"),
        (
            [FunctionTransformer(np.sign)],
            r"has no Lipschitz constant that sklip knows\. CertifiedPipeline trains behind",
        ),
        ([OrdinalEncoder()], r"'ordinalencoder' .*Encode those columns in a ColumnTransformer"),
    ],
)
def test_steps_that_mix_columns_or_are_unknown_are_refused_by_name(steps, message):
    with pytest.raises(NotLipschitzError, match=message) as raised:
        trained(steps)
    assert "step_lipschitz" not in str(raised.value)


def test_a_step_may_mix_what_comes_from_one_column():
    model = trained([ColumnTransformer([("pca", PCA(1), ["age"]), ("rest", StandardScaler(), ["mass"])])], "inf")
    assert_certified(model, table()[0])


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (HKRClassifier, "Give an object: HKRClassifier"),
        (StandardScaler(), "ends in HKRClassifier or LipschitzMLP"),
        (make_pipeline(StandardScaler(), "passthrough"), "ends in HKRClassifier or LipschitzMLP"),
        (None, "ends in HKRClassifier or LipschitzMLP"),
        (NetworkClassifier(network=None), "ends in HKRClassifier or LipschitzMLP"),
        (GridSearchCV(hkr(), {"alpha": [1.0]}), r"Put GridSearchCV around it: GridSearchCV\(CertifiedPipeline"),
        (make_pipeline(FrozenEstimator(hkr())), "Put FrozenEstimator around it"),
        (CertifiedPipeline(hkr()), "Put CertifiedPipeline around it"),
    ],
)
def test_other_estimators_are_refused(estimator, message):
    with pytest.raises(TypeError, match=message):
        CertifiedPipeline(estimator).fit(*table())


class OwnPipeline(Pipeline):
    def predict(self, X):
        return 1 - super().predict(X)


def test_pipelines_that_predict_in_their_own_way_are_refused():
    with pytest.raises(TypeError, match="OwnPipeline predicts in its own way"):
        CertifiedPipeline(OwnPipeline([("hkr", hkr())])).fit(*table())


@pytest.mark.parametrize(
    "question",
    [{"norm": 1}, {"norm": "inf"}, {"tolerances": 2.0}, {"tolerances": TOLERANCES}, {"monotonic_cst": {"age": 1}}],
)
def test_a_question_of_the_classifier_itself_is_refused(question):
    with pytest.raises(ValueError, match=f"parameter '{next(iter(question))}', which would be about the columns"):
        trained([StandardScaler()], classifier=hkr(**question))
    assert trained([StandardScaler()], classifier=hkr(norm="l2")).norm_ == 2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"norm": 3}, "norm must be 1, 2, inf"),
        ({"tolerances": {"width": 1.0}}, r"tolerances names columns that X does not have: \['width'\]"),
        ({"tolerances": [1.0, 2.0]}, "one number for each of the 4 columns"),
        ({"tolerances": -1.0}, "finite number of 0 or more"),
        ({"tolerances": 0.0}, "no column may move"),
        ({"monotonic_cst": [1, 0]}, "monotonic_cst has shape"),
        ({"monotonic_cst": [2, 0, 0, 0]}, "must be an array-like of -1, 0 or 1"),
        ({"monotonic_cst": {"width": 1}}, "unexpected feature names"),
    ],
)
def test_questions_that_make_no_sense_are_refused_and_leave_the_estimator_as_it_was(parameters, message):
    model = CertifiedPipeline(make_pipeline(StandardScaler(), hkr()), tolerances=TOLERANCES)
    model.set_params(**parameters)
    before = set(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(*table())
    assert set(vars(model)) == before


def test_tolerances_of_columns_that_the_steps_drop_alone_are_refused():
    steps = [ColumnTransformer([("some", StandardScaler(), ["age"])])]
    with pytest.raises(ValueError, match="No column that the classifier gets may move"):
        trained(steps, tolerances={"mass": 1.0})


def test_rows_of_other_shapes_and_names_are_refused():
    X, y = table()
    model = trained([StandardScaler()])
    for method in ("predict", "decision_function", "certified_radius"):
        ask = getattr(model, method)
        with pytest.raises(ValueError, match="feature names should match"):
            ask(X[NAMES[::-1]])
        with pytest.raises(ValueError, match="two dimensions, rows and columns"):
            ask(X.to_numpy()[0])
        with pytest.raises(NotFittedError):
            getattr(clone(model), method)(X)
    with pytest.raises(ValueError, match="two dimensions"):
        clone(model).fit(X.to_numpy().reshape(-1, 2, 2, 1), y)


def test_pipelines_that_resample_rows_are_refused():
    imblearn = pytest.importorskip("imblearn.pipeline")
    sampler = pytest.importorskip("imblearn.over_sampling").RandomOverSampler()
    X, y = table()
    plain = imblearn.make_pipeline(StandardScaler(), hkr())
    assert_certified(CertifiedPipeline(plain, norm="inf", tolerances=TOLERANCES).fit(X, y), X)
    sampling = imblearn.make_pipeline(sampler, hkr())
    with pytest.raises(ValueError, match="a step of the pipeline resamples rows"):
        CertifiedPipeline(sampling).fit(X, y)


def test_complex_numbers_are_refused():
    X, y = table()
    with pytest.raises(ValueError, match="Complex data not supported"):
        CertifiedPipeline(hkr()).fit(X.to_numpy() + 1j, y)


# Fitting ---------------------------------------------------------------------------------------


def test_weights_and_held_out_rows_reach_the_classifier_scaled():
    (X, y), (X_val, y_val) = table(), table(seed=1)
    weight = np.random.default_rng(0).uniform(0.1, 2.0, len(y))
    stopping = hkr(early_stopping=True, n_iter_no_change=3, epochs=12)
    model = CertifiedPipeline(make_pipeline(StandardScaler(), stopping), norm="inf", tolerances=TOLERANCES)
    model.fit(X, y, weight, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    scaler = StandardScaler().fit(X)
    alone = clone(stopping).set_params(norm="inf", tolerances=TOLERANCES / scaler.scale_)
    alone.fit(scaler.transform(X), y, weight, X_val=scaler.transform(X_val), y_val=y_val, sample_weight_val=weight)
    np.testing.assert_allclose(alone.history_["val_loss"], model.estimator_[-1].history_["val_loss"], rtol=1e-4)
    expected = alone.decision_function(scaler.transform(X))
    np.testing.assert_allclose(model.decision_function(X), expected, rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match="feature names"):
        clone(model).fit(X, y, X_val=X_val[NAMES[::-1]], y_val=y_val)


def test_parameters_of_steps_reach_them():
    X, y = table()
    weight = np.arange(len(y)) + 1.0
    inner = make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), hkr(epochs=1)))
    model = CertifiedPipeline(inner, tolerances=TOLERANCES)
    model.fit(X, y, standardscaler__sample_weight=weight, pipeline__standardscaler__sample_weight=weight)
    expected = np.average(X, axis=0, weights=weight)
    np.testing.assert_allclose(model.estimator_[0].mean_, expected, rtol=1e-12)
    np.testing.assert_allclose(model.estimator_[1][0].mean_, 0.0, atol=1e-12)
    for unknown in ("weights", "scaler__sample_weight"):
        with pytest.raises(TypeError, match=f"has no argument '{unknown}'"):
            model.fit(X, y, **{unknown: weight})
    with pytest.raises(TypeError, match="Give sample_weight to fit under this name"):
        model.fit(X, y, pipeline__hkrclassifier__sample_weight=weight)


def test_steps_that_request_weights_get_them():
    X, y = table()
    weight = np.arange(len(y)) + 1.0
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        model = CertifiedPipeline(make_pipeline(scaler, hkr(epochs=1)), tolerances=TOLERANCES).fit(X, y, weight)
        np.testing.assert_allclose(model.estimator_[0].mean_, np.average(X, axis=0, weights=weight), rtol=1e-12)
        search = GridSearchCV(model, {"norm": [2]}, cv=2)
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            search.fit(X, y, sample_weight=weight)
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        search.fit(X, y, sample_weight=weight)
        np.testing.assert_allclose(search.best_estimator_.estimator_[0].mean_, np.average(X, axis=0, weights=weight))


def test_the_memory_of_a_pipeline_holds_its_fitted_steps(tmp_path):
    X, y = table()
    plain = make_pipeline(StandardScaler(), hkr())
    kept = make_pipeline(StandardScaler(), hkr(), memory=str(tmp_path))
    models = [CertifiedPipeline(one, norm="inf", tolerances=TOLERANCES).fit(X, y) for one in (plain, kept, kept)]
    assert any(tmp_path.rglob("*.pkl"))
    for model in models[1:]:
        np.testing.assert_allclose(model.decision_function(X), models[0].decision_function(X), rtol=0, atol=1e-4)
    assert not hasattr(kept[0], "scale_") and not hasattr(kept[-1], "network_")


def test_fit_leaves_the_given_pipeline_alone_and_clones_have_its_parameters():
    model = trained([StandardScaler()], "inf")
    assert not hasattr(model.estimator[0], "scale_") and model.estimator[-1].tolerances is None
    copy = clone(model)
    assert not hasattr(copy, "estimator_") and copy.get_params()["estimator__hkrclassifier__epochs"] == 8
    copy.set_params(estimator__hkrclassifier__epochs=2, norm=1)
    assert copy.fit(*table()).estimator_[-1].n_iter_ == 2


def test_the_fitted_pipeline_predicts_without_it():
    X, y = table()
    model = trained([StandardScaler()], "inf", classifier=mlp())
    assert type(model.estimator_) is Pipeline
    for method in ("predict", "decision_function", "predict_proba", "predict_log_proba"):
        assert bits(getattr(model, method)(X)) == bits(getattr(model.estimator_, method)(X))
    assert model.score(X, pl.Series(y)) == model.estimator_.score(X, y) > 0.9


def test_probabilities_are_those_of_the_classifier_if_it_has_them():
    assert hasattr(CertifiedPipeline(mlp()), "predict_proba")
    assert not hasattr(CertifiedPipeline(hkr()), "predict_proba")
    with pytest.raises(AttributeError, match="predict_proba"):
        CertifiedPipeline(make_pipeline(StandardScaler(), hkr())).predict_proba  # noqa: B018


def test_several_classes():
    X, y = table()
    y = y + (X["noise"] > 0)
    model = CertifiedPipeline(make_pipeline(StandardScaler(), mlp()), norm="inf", tolerances=TOLERANCES).fit(X, y)
    assert model.classes_.tolist() == [0, 1, 2]
    assert_certified(model, X)


# Who answers in the raw question ---------------------------------------------------------------


def test_other_questions_are_answered_on_request():
    X, _ = table()
    model = trained([StandardScaler()], "inf")
    one = certified_radius(model, X, norm=1)
    assert one.norm == 1 and (one >= model.certified_radius(X)).all()
    units = certified_radius(model, X, tolerances=1.0)
    assert units.norm == np.inf and units.lipschitz_bound > 2.0
    fixed = certified_radius(model, X, tolerances={"age": 0.02})
    assert fixed.fixed_columns == ("length", "mass", "noise")


def test_searches_votes_thresholds_and_frozen_ones_answer_in_its_question():
    X, y = table()
    model = trained([StandardScaler()], "inf")
    radii = np.asarray(model.certified_radius(X))
    search = GridSearchCV(clone(model), {"estimator__hkrclassifier__alpha": [100.0]}, cv=2).fit(X, y)
    threshold = FixedThresholdClassifier(clone(model), threshold=0.0, response_method="decision_function").fit(X, y)
    vote = VotingClassifier([("one", clone(model)), ("other", clone(model))]).fit(X, y)
    for whole in (search, threshold, vote, FrozenEstimator(model)):
        answer = certified_radius(whole, X)
        assert answer.norm == np.inf and answer.in_tolerances
        np.testing.assert_allclose(answer, radii, rtol=1e-12)


def test_behind_steps_it_gets_other_columns():
    X, y = table()
    model = CertifiedPipeline(make_pipeline(StandardScaler(), hkr()), norm="inf", tolerances=1.0)
    radii = certified_radius(make_pipeline(MinMaxScaler(), model).fit(X, y), X)
    assert radii.norm == 2 and not radii.in_tolerances


def test_scorers_use_its_question():
    X, y = table()
    model = trained([StandardScaler()], "inf")
    expected = np.mean((model.predict(X) == y) & (model.certified_radius(X) > 1.0))
    assert certified_accuracy(1.0)(model, X, y) == certified_accuracy(1.0, norm="inf")(model, X, y) == expected
    scores = cross_val_score(clone(model), X, y, cv=2, scoring=certified_accuracy(1.0), error_score="raise")
    assert scores.shape == (2,)


def test_changes_of_the_fitted_steps_and_of_the_question_are_noticed():
    X, _ = table()
    model = trained([StandardScaler()], "inf")
    before = np.asarray(model.certified_radius(X))
    model.tolerances_ = 2.0 * model.tolerances_
    np.testing.assert_allclose(model.certified_radius(X), before / 2.0, rtol=1e-12)
    model.estimator_[0].scale_ *= 2.0
    assert (model.certified_radius(X).lipschitz_bound) == pytest.approx(1.0, rel=1e-9)


class Contrary(CertifiedPipeline):
    def predict(self, X):
        return 1 - super().predict(X)


def test_a_subclass_that_predicts_in_its_own_way_has_no_certificate():
    X, y = table()
    model = Contrary(make_pipeline(StandardScaler(), hkr(epochs=1)), tolerances=TOLERANCES)
    with pytest.raises(NotLipschitzError, match="Contrary defines 'predict' itself"):
        model.fit(X, y)
    hidden = trained([StandardScaler()])
    hidden.predict = hidden.decision_function
    with pytest.raises(NotLipschitzError, match="CertifiedPipeline defines 'predict' itself"):
        certified_radius(hidden, X)
    with pytest.raises(NotLipschitzError, match="defines 'predict' itself"):
        certified_accuracy(1.0)(hidden, X, table()[1])


def test_displays_take_it(pyplot):
    from sklip.plotting import DecisionFunctionDisplay, TrainingHistoryDisplay

    X, y = table()
    model = trained([StandardScaler()], 2)
    display = DecisionFunctionDisplay.from_estimator(model, X, y, features=["length", "mass"], grid_resolution=5)
    assert display.min_margin == model.estimator_[-1].min_margin_
    np.testing.assert_array_equal(display.tolerances, TOLERANCES[:2])
    assert "loss" in TrainingHistoryDisplay.from_estimator(model).lines_


# scikit-learn's rules --------------------------------------------------------------------------


@pytest.mark.slow
@parametrize_with_checks(
    [CertifiedPipeline(make_pipeline(StandardScaler(), make(epochs=12))) for make in (hkr,)],
    expected_failed_checks=lambda _: {
        "check_sample_weight_equivalence_on_dense_data": "batches of weighted rows are not those of repeated rows",
    },
)
def test_scikit_learn_check(estimator, check):
    check(estimator)


def test_searches_over_parameters_within_and_over_the_norm():
    X, y = table()
    model = CertifiedPipeline(make_pipeline(StandardScaler(), hkr(epochs=4)), tolerances=TOLERANCES)
    grid = {"estimator__hkrclassifier__alpha": [1.0, 100.0], "norm": [2, "inf"]}
    search = GridSearchCV(model, grid, cv=2, scoring=certified_accuracy(1.0, norm="inf"), error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_estimator_.norm == search.best_params_["norm"]


@pytest.mark.parametrize("classifier", [hkr(), mlp()], ids=["hkr", "mlp"])
def test_files_give_the_same_bits(classifier):
    X, _ = table()
    model = trained([StandardScaler()], "inf", classifier=classifier)
    file = io.BytesIO()
    joblib.dump(model, file)
    loaded = [
        pickle.loads(pickle.dumps(model)),
        sklip.load(io.BytesIO(file.getvalue())),
        skops.io.loads(skops.io.dumps(model), trusted=sklip.TRUSTED_TYPES),
    ]
    for copy in loaded:
        assert bits(copy.decision_function(X)) == bits(model.decision_function(X))
        assert bits(np.asarray(copy.certified_radius(X))) == bits(np.asarray(model.certified_radius(X)))
        assert copy.fixed_columns_ == model.fixed_columns_ and copy.lipschitz_bound_ == model.lipschitz_bound_
        assert bits(copy.feature_weights_) == bits(model.feature_weights_)


@pytest.mark.parametrize("container", ["pandas", "polars", "array", "list"])
def test_rows_in_any_container(container):
    X, y = table()
    expected = trained([StandardScaler()], "inf")
    make = {"pandas": pd.DataFrame, "polars": lambda X: pl.DataFrame(dict(X)), "array": np.asarray,
            "list": lambda X: X.to_numpy().tolist()}[container]  # fmt: skip
    model = clone(expected).fit(make(X), pl.Series(y) if container == "polars" else y.tolist())
    # Sums over rows in another order of the memory are rounded otherwise.
    np.testing.assert_allclose(model.decision_function(make(X)), expected.decision_function(X), rtol=0, atol=1e-4)
    np.testing.assert_allclose(model.certified_radius(make(X)), expected.certified_radius(X), rtol=0, atol=1e-4)
    assert hasattr(model, "feature_names_in_") == (container in ("pandas", "polars"))


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_steps_that_return_frames(container):
    X, y = table()
    steps = make_pipeline(StandardScaler(), hkr()).set_output(transform=container)
    model = CertifiedPipeline(steps, norm="inf", tolerances=TOLERANCES).fit(X, y)
    assert list(model.estimator_[-1].feature_names_in_) == NAMES
    expected = trained([StandardScaler()], "inf").decision_function(X)
    np.testing.assert_allclose(model.decision_function(X), expected, rtol=0, atol=1e-4)
    assert_certified(model, X)


def test_html_and_tags():
    model = CertifiedPipeline(make_pipeline(SimpleImputer(), hkr()))
    assert "SimpleImputer" in estimator_html_repr(model) and "CertifiedPipeline" in estimator_html_repr(model)
    assert get_tags(model).estimator_type == "classifier"
    assert get_tags(CertifiedPipeline(None)).estimator_type == "classifier"
    assert get_tags(model).input_tags.sparse is False


# The map of clips ------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("seed", range(5))
def test_clips_of_single_columns_are_slid_through_and_never_stretch_more_than_the_norm(norm, seed):
    """Two levels of clips, with copies of columns and one that does not move, against pairs of points."""
    rng = np.random.default_rng(seed)
    columns, tolerances = np.array([0, 1, 1, 2, 0]), np.array([0.5, 3.0, 0.0])
    factors, others = rng.standard_normal(5), rng.standard_normal(5)
    diagonals = [Stage.of(np.diag(each)) for each in (factors, others)]
    whole = LipschitzMap.selection(columns, 3).then(diagonals[0]).then_clipped().then(diagonals[1]).then_clipped()
    kernel = rng.standard_normal((5, 2))
    x = rng.standard_normal((3000, 3))
    y = x + rng.standard_normal(x.shape) * 10.0 ** rng.uniform(-3, 1, (3000, 1)) * tolerances

    def compute(x):
        return np.clip(np.clip(x[:, columns] * factors, -1, 1) * others, -0.5, 0.5)

    distance = np.linalg.norm((x - y)[:, :2] / tolerances[:2], norm, axis=1)
    for matrix in (None, kernel):
        moved = compute(x) - compute(y)
        moved = np.linalg.norm(moved if matrix is None else moved @ matrix, axis=1)
        bound = whole.norm(norm, tolerances, matrix)
        assert (moved <= bound * distance + 1e-12).all()
        largest = np.linalg.norm(np.diag(factors * others * tolerances[columns]))
        assert bound <= 2.0 * largest * (1.0 if matrix is None else np.linalg.norm(matrix, 2)) * (1 + 1e-9)


# Pipelines by chance ---------------------------------------------------------------------------


def by_chance(rng, n_columns, has_category):
    """A front of one to three branches that share columns, with weights, clips and missing values."""
    names = [f"c{column}" for column in range(n_columns)]

    def scaler():
        clips = MinMaxScaler(clip=True)
        kinds = [StandardScaler(), clips, MaxAbsScaler(), RobustScaler(), "passthrough", make_pipeline(clips, clips)]
        return clone(make_pipeline(kinds[rng.integers(len(kinds))]))

    def branch():
        imputer = SimpleImputer(add_indicator=bool(rng.integers(2)))
        return make_pipeline(imputer, scaler(), scaler())

    branches = []
    for place in range(rng.integers(1, 4)):
        taken = rng.permutation(n_columns)[: rng.integers(1, n_columns + 1)]
        branches.append((f"branch{place}", branch(), [names[column] for column in taken]))
    weights = {name: float(rng.choice([-2.0, 0.5, 1.0])) for name, *_ in branches} if rng.integers(2) else None
    if has_category:
        branches.append(("category", OneHotEncoder(sparse_output=False), ["k"]))
    front = ColumnTransformer(branches, transformer_weights=weights)
    return front if has_category or rng.integers(2) else make_union(front, branch())


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "norm"), list(zip(range(6), cycle(NORMS))))
def test_random_pipelines_have_the_constant_1_and_withstand_attacks(seed, norm):
    rng = np.random.default_rng(seed)
    n_columns, has_category = int(rng.integers(2, 6)), bool(rng.integers(2))
    rows, scales = rng.standard_normal((80, n_columns)), 10.0 ** rng.uniform(-4, 4, n_columns)
    y = (rows @ rng.standard_normal(n_columns) > 0).astype(int)
    X = pd.DataFrame(rows * scales + 3.0 * scales, columns=[f"c{column}" for column in range(n_columns)])
    X = X.astype(rng.choice(["float32", "float64"]))
    X.iloc[rng.integers(0, 80, 5), 0] = np.nan
    tolerances = dict(zip(X, scales * 10.0 ** rng.uniform(-1, 1, n_columns), strict=True))
    X = X.assign(k=rng.choice(list("abc"), len(y))) if has_category else X
    model = CertifiedPipeline(
        make_pipeline(by_chance(rng, n_columns, has_category), StandardScaler(), hkr(epochs=2, activation="fullsort")),
        norm=norm,
        tolerances=tolerances,
        monotonic_cst={"c0": 1} if rng.integers(2) else None,
    )
    assert_certified(model.fit(X, y), X)
