"""Searches for the parameters of LipschitzMLP: what it is tuned by, failures, processes, memory."""

import warnings
from functools import partial

import numpy as np
import pytest
from scipy.stats import loguniform, uniform
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV, learning_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests import estimator_fixtures
from tests.estimator_fixtures import bits, moons
from tests.processes import last_json, run_script

# A search is the same whatever trains, and NumPy compiles nothing.
mlp = partial(estimator_fixtures.mlp, backend="numpy")
# A single split, so that a candidate costs one fit.
TRAIN, TEST = np.arange(0, 80, 2), np.arange(1, 80, 2)
SETTINGS = {"cv": [(TRAIN, TEST)], "scoring": "neg_log_loss", "error_score": "raise"}


def a_pipeline(**parameters):
    return make_pipeline(StandardScaler(), mlp(epochs=2, **parameters))


def named(**values):
    """Parameters of the pipeline's last step."""
    return {f"lipschitzmlp__{name}": value for name, value in values.items()}


ONE_CLASS = "needs rows of at least two classes in y; got one class: 0 .*shuffle the table first, or take a larger part"


def test_a_part_of_one_class_is_refused_by_a_learning_curve_of_sorted_rows():
    order = np.argsort(moons()[1], kind="stable")
    X, y = (array[order] for array in moons())
    parts = {"cv": [(np.arange(80), np.arange(80))], "train_sizes": [0.25, 1.0]}
    with pytest.warns(FitFailedWarning, match=ONE_CLASS):
        scores = learning_curve(mlp(epochs=1), X, y, **parts)[2]
    assert np.isnan(scores[0]).all() and np.isfinite(scores[1]).all()
    scores = learning_curve(mlp(epochs=1), X, y, **parts, shuffle=True, random_state=0, error_score="raise")[2]
    assert np.isfinite(scores).all()


def test_a_part_of_one_class_is_refused_by_bagging():
    X, y = moons()
    with pytest.raises(ValueError, match=ONE_CLASS):
        BaggingClassifier(mlp(epochs=1), n_estimators=10, max_samples=2, random_state=0).fit(X, y)
    bag = BaggingClassifier(mlp(epochs=1), n_estimators=2, max_samples=0.5, random_state=0).fit(X, y)
    assert bag.predict(X).shape == (80,)


def test_every_kind_of_parameter_is_searched():
    X, y = moons()
    grid = [
        named(hidden_layer_sizes=[(8, 4), (4,), []]),
        named(activation=["maxmin"]),
        named(dropout=[0.3]),
        named(optimizer=["sgd"]),
        named(batch_size=[8]),
        named(temperature=[2.0]),
    ]
    search = GridSearchCV(a_pipeline(), grid, **SETTINGS).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all() and len(set(scores)) == 8
    assert search.best_score_ == scores.max()
    # The score of the best is that of a pipeline that was given its parameters.
    alone = clone(search.estimator).set_params(**search.best_params_).fit(X[TRAIN], y[TRAIN])
    probabilities = alone.predict_proba(X[TEST])[np.arange(40), y[TEST]]
    assert search.best_score_ == pytest.approx(np.mean(np.log(probabilities)), rel=1e-6)
    best = clone(search.estimator).set_params(**search.best_params_).fit(X, y)
    assert bits(search.predict_proba(X)) == bits(best.predict_proba(X))


def test_a_candidate_that_cannot_be_fitted_is_scored_as_asked_and_the_search_goes_on():
    X, y = moons()
    grid = named(hidden_layer_sizes=[(0,), (8, 0), (8,)])
    search = GridSearchCV(a_pipeline(), grid, **{**SETTINGS, "error_score": np.nan}, refit=False)
    with pytest.warns(FitFailedWarning, match="hidden_layer_sizes"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="One or more of the test scores are non-finite")
        search.fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [True, True, False]
    assert search.best_params_ == named(hidden_layer_sizes=(8,))
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        search.set_params(error_score="raise").fit(X, y)


def test_random_search_draws_from_distributions():
    distributions = named(
        learning_rate=loguniform(1e-3, 1e-1),
        temperature=uniform(1, 9),
        dropout=uniform(0, 0.2),
        batch_size=[np.int64(16), np.int64(32)],
        hidden_layer_sizes=[(4,), np.array([8, 4])],
    )
    search = RandomizedSearchCV(a_pipeline(), distributions, n_iter=3, random_state=0, refit=False, **SETTINGS)
    scores = search.fit(*moons()).cv_results_["mean_test_score"]
    assert np.isfinite(scores).all() and len(set(scores)) == 3
    drawn = np.array(
        [
            list(search.cv_results_[f"param_lipschitzmlp__{name}"])
            for name in ("learning_rate", "temperature", "dropout")
        ],
        dtype=float,
    )
    low, high = np.array([[1e-3, 1, 0], [1e-1, 10, 0.2]])[:, :, None]
    assert ((low <= drawn) & (drawn <= high)).all() and all(len(set(row)) == 3 for row in drawn)


def test_successive_halving_gives_the_survivor_more_epochs():
    search = HalvingRandomSearchCV(
        mlp(),
        {"learning_rate": [1e-30, 1e-29, 0.03]},
        resource="epochs",
        n_candidates=3,
        min_resources=2,
        max_resources=6,
        factor=3,
        random_state=0,
        **SETTINGS,
    ).fit(*moons())
    assert search.cv_results_["n_resources"].tolist() == [2, 2, 2, 6]
    assert search.best_params_ == {"learning_rate": 0.03, "epochs": 6}
    assert search.best_estimator_.n_iter_ == 6
    assert search.cv_results_["mean_test_score"][3] > max(search.cv_results_["mean_test_score"][:3])


FIT_MANY = """
import json, os
from sklip.training import reuse
from tests.estimator_fixtures import mlp, moons

reuse.CAPACITY = 2
resident = []
for number in range(12):
    mlp(hidden_layer_sizes=(2 * number + 2,), epochs=1).fit(*moons())
    with open("/proc/self/statm") as statm:
        resident.append(int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)
print(json.dumps(resident))
"""


@pytest.mark.slow
def test_fits_of_different_networks_leave_no_memory_behind():
    """A network of this size that stays takes 10 MB; what TensorFlow keeps of each, less than 1."""
    resident = last_json(run_script(FIT_MANY, timeout=600))
    assert len(resident) == 12
    assert resident[-1] < resident[3] + 40, resident
