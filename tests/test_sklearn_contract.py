"""What scikit-learn asks of a classifier, and what its users do with one."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, check_cv, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from sklip import HKRClassifier, LipschitzMLP
from tests.estimator_fixtures import bits, blobs, classifier, fitted, mlp, moons, threads_after_fit

# scikit-learn asks for decision functions equal to 1e-7; stochastic training in float32 draws other batches from
# repeated rows than from weighted ones. The tests of equivalence below hold it to what it can meet.
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "batches of weighted rows are not those of repeated rows",
}


# Every class meets the contract in NumPy, in tests/test_numpy_estimators.py; this is the other engine.
@pytest.mark.slow
@parametrize_with_checks(
    [mlp(hidden_layer_sizes=(16, 8), epochs=12)], expected_failed_checks=lambda _: EXPECTED_FAILURES
)
def test_scikit_learn_check(estimator, check):
    check(estimator)


CHECKS_OF_DEFAULTS = {
    "check_parameters_default_constructible",
    "check_no_attributes_set_in_init",
    "check_readonly_memmap_input",
    "check_estimators_pickle",
    "check_classifiers_one_label",
    "check_fit2d_1feature",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [HKRClassifier, LipschitzMLP])
def test_defaults_pass_scikit_learn_checks(kind):
    passed = set()
    for estimator, check in estimator_checks_generator(kind()):
        if check.func.__name__ in CHECKS_OF_DEFAULTS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                check(estimator)
            passed.add(check.func.__name__)
    assert passed == CHECKS_OF_DEFAULTS


# Sample weights ------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["binary", "multiclass"])
def weighted_rows(request):
    X, y = moons() if request.param == "binary" else blobs()
    return X, y, np.random.default_rng(0).integers(0, 4, len(X))


def test_weight_of_zero_is_removal_to_the_bit_whatever_the_unit_of_the_weights(weighted_rows):
    X, y, weight = weighted_rows
    kept = weight > 0
    weighted = classifier().fit(X, y, sample_weight=0.3 * weight)
    removed = classifier().fit(X[kept], y[kept], sample_weight=1024 * 0.3 * weight[kept])
    assert bits(weighted.decision_function(X)) == bits(removed.decision_function(X))
    assert weighted.history_ == removed.history_


def test_integer_weights_are_repeated_rows(weighted_rows):
    X, y, weight = weighted_rows
    # One batch an epoch: both minimise the same function by the same steps, rounded otherwise.
    whole = classifier(batch_size=1000, epochs=20)
    weighted = clone(whole).fit(X, y, sample_weight=weight)
    repeated = clone(whole).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.center_, repeated.center_, rtol=1e-12)
    np.testing.assert_allclose(weighted.scale_, repeated.scale_, rtol=1e-12)
    tolerance = 1e-3 * repeated.scale_
    np.testing.assert_allclose(weighted.decision_function(X), repeated.decision_function(X), rtol=0, atol=tolerance)
    plain = clone(whole).fit(X, y)
    assert np.abs(plain.decision_function(X) - repeated.decision_function(X)).max() > 10 * tolerance


def test_integer_weights_in_small_batches_resemble_repeated_rows():
    X, y = moons()
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    weighted = classifier(epochs=60).fit(X, y, sample_weight=weight).decision_function(X)
    repeated = classifier(epochs=30).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight)).decision_function(X)
    assert np.corrcoef(weighted.ravel(), repeated.ravel())[0, 1] > 0.98


# Model selection -----------------------------------------------------------------------------


def test_is_a_classifier():
    assert is_classifier(HKRClassifier())


def test_integer_cv_is_stratified():
    assert isinstance(check_cv(3, moons()[1], classifier=is_classifier(HKRClassifier())), StratifiedKFold)
    X, y = moons()
    order = np.argsort(y, kind="stable")  # unstratified halves would hold one class each
    scores = cross_val_score(classifier(epochs=1), X[order], y[order], cv=2, error_score="raise")
    assert scores.shape == (2,)


def test_cross_validation_scores_accuracy_and_roc_auc():
    result = cross_validate(classifier(epochs=30), *moons(), cv=2, scoring=["accuracy", "roc_auc"])
    assert result["test_accuracy"].min() > 0.8
    assert result["test_roc_auc"].min() > 0.9


@pytest.mark.parametrize("data", [moons, blobs])
def test_calibrated_probabilities(data):
    X, y = data()
    calibrated = CalibratedClassifierCV(classifier(epochs=20), cv=2).fit(X, y)
    probabilities = calibrated.predict_proba(X)
    assert probabilities.shape == (len(X), len(np.unique(y)))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert calibrated.score(X, y) > 0.8


def test_votes():
    X, y = moons()
    labels = np.array(["no", "yes"])[y]
    voters = [("hkr", classifier(epochs=20)), ("linear", LogisticRegression()), ("other", LogisticRegression(C=0.1))]
    voting = VotingClassifier(voters).fit(X, labels)
    assert set(voting.predict(X)) == {"no", "yes"}
    assert voting.score(X, labels) > 0.8


@pytest.fixture
def two_fresh_workers(monkeypatch):
    """Loky workers of a machine that has two cores: one for each."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    get_reusable_executor().shutdown(wait=True)
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.mark.slow
def test_grid_search_in_two_processes_finds_what_one_finds(two_fresh_workers):
    def searched(estimator, grid, X, y, **settings):
        alone, shared = (
            GridSearchCV(estimator, grid, cv=2, n_jobs=n_jobs, error_score="raise", **settings).fit(X, y)
            for n_jobs in (1, 2)
        )
        assert shared.best_params_ == alone.best_params_
        assert bits(shared.decision_function(X)) == bits(alone.decision_function(X))  # refitted in this process
        return (search.cv_results_["mean_test_score"] for search in (alone, shared))

    grid = {"alpha": [0.5, 10.0], "min_margin": ["auto"]}
    alone, shared = searched(classifier(epochs=5), grid, *moons(), scoring="roc_auc")
    # Two threads may add in another order than one.
    np.testing.assert_allclose(shared, alone, rtol=0, atol=0.01)
    grid = {"hidden_layer_sizes": [(8, 4), (4,)], "temperature": ["auto", 2.0]}
    alone, shared = searched(mlp(epochs=5), grid, *blobs(), scoring="neg_log_loss")
    np.testing.assert_allclose(shared, alone, rtol=0.01)
    assert np.ptp(alone) > 0.05
    assert Parallel(n_jobs=2)(delayed(threads_after_fit)(classifier(epochs=1)) for _ in range(2)) == [1, 1]


@pytest.mark.slow
def test_workers_that_unpickle_an_optimizer_share_the_threads(two_fresh_workers):
    import keras

    # Unpickling the optimizer starts TensorFlow before fit does.
    model = classifier(optimizer=keras.optimizers.Adam(), epochs=1)
    assert Parallel(n_jobs=2)([delayed(threads_after_fit)(model)]) == [1]


# Clones, pipelines, frames, metadata ---------------------------------------------------------


def test_clone_has_the_parameters_and_no_fit():
    original, X, _ = fitted()
    copy = clone(original)
    assert copy.get_params() == original.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(X)


def test_clone_of_optimizers_and_callbacks():
    import keras

    original = classifier(optimizer=keras.optimizers.SGD(0.3), callbacks=[keras.callbacks.TerminateOnNaN()])
    copy = clone(original.fit(*moons()))
    assert float(copy.optimizer.learning_rate) == pytest.approx(0.3)
    assert isinstance(copy.callbacks[0], keras.callbacks.TerminateOnNaN)
    assert bits(copy.fit(*moons()).decision_function(moons()[0])) == bits(original.decision_function(moons()[0]))


def test_parameters_reach_a_pipeline_step():
    X, y = moons()
    pipeline = make_pipeline(StandardScaler(), classifier())
    pipeline.set_params(hkrclassifier__alpha=3.0).fit(X * [1.0, 1000.0], y)
    alone = classifier(alpha=3.0).fit(StandardScaler().fit_transform(X * [1.0, 1000.0]), y)
    assert bits(pipeline.decision_function(X)) == bits(alone.decision_function(pipeline[0].transform(X)))


@pytest.fixture(scope="module", params=[pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def frame_class(request):
    return request.param


@pytest.fixture(scope="module")
def fitted_on_frame(frame_class):
    X, y = moons()
    series = {pd.DataFrame: pd.Series, pl.DataFrame: pl.Series}[frame_class]
    return classifier().fit(frame_class({"east": X[:, 0], "north": X[:, 1]}), series(y))


def test_frames_give_the_scores_of_their_arrays(frame_class, fitted_on_frame):
    X, _ = moons()
    assert list(fitted_on_frame.feature_names_in_) == ["east", "north"]
    frame = frame_class({"east": X[:, 0], "north": X[:, 1]})
    expected = fitted()[0]
    assert bits(fitted_on_frame.decision_function(frame)) == bits(expected.decision_function(X))
    assert bits(fitted_on_frame.certified_radius(frame)) == bits(expected.certified_radius(X))


@pytest.mark.parametrize("names", [("east", "up"), ("north", "east")])
@pytest.mark.parametrize("method", ["predict", "decision_function", "certified_radius"])
def test_other_names_are_refused(frame_class, fitted_on_frame, names, method):
    frame = frame_class(dict(zip(names, moons()[0].T, strict=True)))
    with pytest.raises(ValueError, match="feature names"):
        getattr(fitted_on_frame, method)(frame)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_in_a_pipeline(container):
    X, y = moons()
    frame = pd.DataFrame(X, columns=["east", "north"])
    pipeline = make_pipeline(StandardScaler(), classifier(epochs=1)).set_output(transform=container).fit(frame, y)
    assert list(pipeline[-1].feature_names_in_) == ["east", "north"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pipeline.predict(frame).shape == y.shape


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


@pytest.fixture(scope="module")
def weight():
    return np.random.default_rng(1).uniform(0.1, 2.0, len(moons()[0]))


def test_weights_are_routed_through_a_pipeline(routing, weight):
    X, y = moons()
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    pipeline = make_pipeline(scaler, classifier().set_fit_request(sample_weight=True)).fit(X, y, sample_weight=weight)
    alone = classifier().fit(StandardScaler().fit_transform(X), y, sample_weight=weight)
    assert bits(pipeline.decision_function(X)) == bits(alone.decision_function(pipeline[0].transform(X)))


def test_weights_are_routed_through_a_search(routing, weight):
    X, y = moons()
    search = GridSearchCV(classifier(epochs=1).set_fit_request(sample_weight=True), {"alpha": [1.0]}, cv=2)
    search.estimator.set_score_request(sample_weight=False)
    search.fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(search.best_estimator_.center_, np.average(X, axis=0, weights=weight), rtol=1e-12)


def test_weights_without_a_request_are_refused(routing, weight):
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        GridSearchCV(classifier(), {"alpha": [1.0]}, cv=2).fit(*moons(), sample_weight=weight)


@pytest.mark.parametrize("method", ["fit", "partial_fit", "score"])
def test_every_method_with_weights_has_a_request(routing, method):
    requested = getattr(classifier(), f"set_{method}_request")(sample_weight=True)
    assert requested.get_metadata_routing()._serialize()[method]["sample_weight"] is True


def test_html_shows_the_name_and_the_parameters():
    unfitted = estimator_html_repr(classifier(alpha=7.25))
    assert "HKRClassifier" in unfitted and "7.25" in unfitted
    assert "Fitted" in estimator_html_repr(fitted()[0])
    assert "HKRClassifier" in make_pipeline(StandardScaler(), classifier())._repr_html_()
