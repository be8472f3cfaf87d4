from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from sklip import HKRClassifier
from sklip.plotting import FeatureWeightsDisplay
from tests.estimator_fixtures import blobs, fitted, moons

WEIGHTS = np.array([0.1, 0.7, 0.0, 0.7, 0.05])
NAMES = ["a", "b", "c", "d", "e"]


def small(**parameters):
    return HKRClassifier(
        **{"norm": "inf", "hidden_layer_sizes": (8, 4), "epochs": 2, "backend": "numpy", "random_state": 0} | parameters
    )


def labels(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def test_bars_are_sorted_with_the_largest_on_top(pyplot):
    display = FeatureWeightsDisplay(feature_weights=WEIGHTS, feature_names=NAMES).plot()
    np.testing.assert_array_equal(display.shown_, [1, 3, 0, 4, 2])
    assert labels(display) == ["b", "d", "a", "e", "c"]
    assert [bar.get_width() for bar in display.bars_] == sorted(WEIGHTS, reverse=True)
    middles = [bar.get_y() + bar.get_height() / 2 for bar in display.bars_]
    np.testing.assert_allclose(middles, display.ax_.get_yticks())
    bottom, top = display.ax_.get_ylim()
    assert top < middles[0] < middles[-1] < bottom
    assert display.ax_.get_xlabel() == "largest change of the score per unit"
    assert display.ax_.get_ylabel() == "" and display.ax_.get_xlim()[0] == 0.0


def test_the_largest_ones_are_shown_and_the_axis_says_of_how_many(pyplot):
    display = FeatureWeightsDisplay(feature_weights=WEIGHTS)
    assert labels(display.plot(max_features=2)) == ["column 1", "column 3"]
    assert display.ax_.get_ylabel() == "2 of 5 columns"
    many = FeatureWeightsDisplay(feature_weights=np.arange(30.0))
    assert len(many.plot().bars_) == 20 and len(many.plot(max_features=None).bars_) == 30
    for wrong in (0, -1, 1.5, True, "all"):
        with pytest.raises(ValueError, match="max_features must be an integer, 1 or more, or None"):
            display.plot(max_features=wrong)


def test_tolerances_are_written_after_the_names(pyplot):
    display = FeatureWeightsDisplay(
        feature_weights=WEIGHTS, feature_names=NAMES, tolerances=np.array([1.0, 0.05, 2.0, 1234.5678, 3.0])
    ).plot()
    assert labels(display)[:2] == ["b ± 0.05", "d ± 1.23e+03"]
    assert display.ax_.get_xlabel() == "largest change of the score per tolerance"


def test_bars_take_a_style_also_under_aliases(pyplot):
    display = FeatureWeightsDisplay(feature_weights=WEIGHTS).plot(bar_kwargs={"fc": "red", "lw": 2})
    assert display.bars_[0].get_facecolor() == (1.0, 0.0, 0.0, 1.0) and display.bars_[0].get_linewidth() == 2


def test_an_estimator_gives_names_and_tolerances(pyplot):
    X, y = moons()
    frame = pd.DataFrame(X, columns=["left", "right"])
    model = small(tolerances={"left": 0.5, "right": 0.25}).fit(frame, y)
    display = FeatureWeightsDisplay.from_estimator(model)
    np.testing.assert_array_equal(display.feature_weights, model.feature_weights_)
    assert sorted(labels(display)) == ["left ± 0.5", "right ± 0.25"]
    assert sorted(labels(FeatureWeightsDisplay.from_estimator(model, feature_names=["l", "r"]))) == [
        "l ± 0.5",
        "r ± 0.25",
    ]
    nameless = FeatureWeightsDisplay.from_estimator(small().fit(X, y))
    assert sorted(labels(nameless)) == ["column 0", "column 1"] and nameless.tolerances is None
    assert labels(FeatureWeightsDisplay.from_estimator(FrozenEstimator(model))) == labels(display)


def test_behind_steps_columns_have_the_names_that_the_steps_make(pyplot):
    X, y = blobs()
    frame = pd.DataFrame(X[:, :2], columns=["age", "income"]).assign(plan=np.where(X[:, 2] > 0, "x", "y"))
    steps = make_column_transformer(
        (StandardScaler(), ["age", "income"]), (OneHotEncoder(sparse_output=False), ["plan"])
    )
    model = make_pipeline(steps, "passthrough", small()).fit(frame, y)
    expected = {"standardscaler__age", "standardscaler__income", "onehotencoder__plan_x", "onehotencoder__plan_y"}
    display = FeatureWeightsDisplay.from_estimator(model)
    assert set(labels(display)) == expected
    of_weights = dict(zip(display.feature_names, display.feature_weights, strict=True))
    assert [of_weights[name] for name in labels(display)] == sorted(model[-1].feature_weights_, reverse=True)
    search = GridSearchCV(model, {"hkrclassifier__alpha": [1.0, 10.0]}, cv=2).fit(frame, y)
    assert set(labels(FeatureWeightsDisplay.from_estimator(search))) == expected


def test_a_step_without_names_leaves_positions_and_frames_keep_theirs(pyplot):
    X, y = moons()
    model = make_pipeline(FunctionTransformer(np.abs), small()).fit(X, y)
    assert sorted(labels(FeatureWeightsDisplay.from_estimator(model))) == ["column 0", "column 1"]
    framed = make_pipeline(FunctionTransformer(np.abs), small()).fit(pd.DataFrame(X, columns=["a", "b"]), y)
    assert sorted(labels(FeatureWeightsDisplay.from_estimator(framed))) == ["a", "b"]


def test_an_estimator_of_another_kind_needs_weights_alone(pyplot):
    other = SimpleNamespace(feature_weights_=[0.6, 0.8], feature_names_in_=np.array(["a", "b"], dtype=object))
    assert labels(FeatureWeightsDisplay.from_estimator(other)) == ["b", "a"]


def test_what_has_no_weights_is_refused_with_the_reason(pyplot):
    X, y = moons()
    for model in (fitted()[0], SVC().fit(X, y), make_pipeline(StandardScaler(), SVC()).fit(X, y)):
        with pytest.raises(TypeError, match="no feature_weights_, which only networks that are trained for norm='inf'"):
            FeatureWeightsDisplay.from_estimator(model)
    with pytest.raises(NotFittedError):
        FeatureWeightsDisplay.from_estimator(small())
    with pytest.raises(ValueError, match="one name for each of the 2 columns"):
        FeatureWeightsDisplay.from_estimator(small().fit(X, y), feature_names=["only"])
    assert pyplot.get_fignums() == []
