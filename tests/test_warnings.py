"""Each warning comes where it should, and stays away from plain use."""

import pickle
import re
import warnings
from functools import partial

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, RobustScaler, StandardScaler

import sklip
from sklip import exceptions
from sklip.estimators._advice import advise_on_held_out_rows, advise_on_scales
from tests import estimator_fixtures
from tests.estimator_fixtures import blobs, fitted, fitted_mlp, moons

# What an estimator says of data and parameters is the same whatever trains; what a training says is asked of Keras.
classifier = partial(estimator_fixtures.classifier, backend="numpy")
mlp = partial(estimator_fixtures.mlp, backend="numpy")


@pytest.fixture
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def only(record):
    """The one warning of a record, which is about the line of the test."""
    (warning,) = record
    assert warning.filename == __file__
    return str(warning.message)


# Scales -------------------------------------------------------------------------------------


def test_columns_of_unlike_scales():
    frame = load_breast_cancer(as_frame=True)
    with pytest.warns(exceptions.UnlikeScalesWarning) as record:
        classifier(epochs=1).fit(frame.data, frame.target)
    message = only(record)
    assert "'fractal dimension error' has a range of 0.0289" in message
    assert "'worst area' of 4.07e+03" in message and "StandardScaler" in message


@pytest.mark.parametrize("X", [load_wine().data, np.random.default_rng(0).normal(0, [12, 30000], (500, 2))])
def test_other_tables_of_unlike_scales(X):
    with pytest.warns(exceptions.UnlikeScalesWarning, match="column "):
        advise_on_scales(X, None, 1.0)


@pytest.mark.usefixtures("no_warnings")
def test_no_word_about_scales_that_are_alike(digits, breast_cancer):
    rng = np.random.default_rng(0)
    rare = rng.random((500, 30)) < 0.01
    for X in (
        load_iris().data,
        digits[0],
        breast_cancer[0],
        rare,
        np.column_stack([rng.standard_normal((500, 3)), rare, np.zeros(500)]),
        rng.standard_t(1.5, (500, 10)),
        rng.lognormal(0, 1, (500, 50)) * rng.lognormal(0, 1, 50),
        1e6 + rng.standard_normal((500, 4)),
        load_wine().data[:, :1],
        load_wine().data[:5],
    ):
        advise_on_scales(X, None, 1.0)


def test_partial_fit_speaks_of_scales_once():
    X, y = load_wine(return_X_y=True)
    model = classifier()
    with pytest.warns(exceptions.UnlikeScalesWarning) as record:
        model.partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y)
    only(record)


# Held-out rows ------------------------------------------------------------------------------


def early_stopping_pipeline(**parameters):
    stopping = classifier(early_stopping=True, epochs=2).set_fit_request(X_val=True, y_val=True)
    return make_pipeline(StandardScaler(), stopping, **parameters)


@pytest.fixture
def held_out():
    X, y = load_iris(return_X_y=True)
    return train_test_split(X, y, random_state=0)


@pytest.mark.parametrize("how", ["routed", "by the name of the step"])
def test_held_out_rows_that_a_pipeline_does_not_scale(how, held_out):
    X, X_val, y, y_val = held_out
    with sklearn.config_context(enable_metadata_routing=how == "routed"):
        if how == "routed":
            model, names = early_stopping_pipeline(), ("X_val", "y_val")
        else:
            model = make_pipeline(StandardScaler(), classifier(early_stopping=True, epochs=2))
            names = ("hkrclassifier__X_val", "hkrclassifier__y_val")
        with pytest.warns(exceptions.UnlikeHeldOutRowsWarning) as record:
            model.fit(X, y, **dict(zip(names, (X_val, y_val), strict=True)))
    (message,) = (str(warning.message) for warning in record)
    scaled, raw = StandardScaler().fit(X).transform(X), X_val
    for rows in (scaled, raw):
        assert f" is {np.median(np.linalg.norm(rows, axis=1)):.3g}" in message
    assert "transform_input=['X_val']" in message and "enable_metadata_routing=True" in message


@pytest.mark.usefixtures("no_warnings")
def test_no_word_about_held_out_rows_that_the_pipeline_scales(held_out):
    X, X_val, y, y_val = held_out
    with sklearn.config_context(enable_metadata_routing=True):
        model = early_stopping_pipeline(transform_input=["X_val"]).fit(X, y, X_val=X_val, y_val=y_val)
    scaler = StandardScaler().fit(X)
    by_hand = classifier(early_stopping=True, epochs=2)
    by_hand.fit(scaler.transform(X), y, X_val=scaler.transform(X_val), y_val=y_val)
    assert model[-1].history_ == by_hand.history_


def test_held_out_rows_in_smaller_units():
    X = load_diabetes().data  # columns of a deviation of 0.05
    with pytest.warns(exceptions.UnlikeHeldOutRowsWarning):
        advise_on_held_out_rows(StandardScaler().fit_transform(X), X[:20])


@pytest.mark.parametrize("load", [load_wine, load_breast_cancer, load_digits, load_iris])
def test_other_tables_of_which_the_held_out_part_is_raw(load):
    X = load().data
    with pytest.warns(exceptions.UnlikeHeldOutRowsWarning):
        advise_on_held_out_rows(StandardScaler().fit_transform(X), X[::5])


@pytest.mark.usefixtures("no_warnings")
@pytest.mark.parametrize("scaler", [StandardScaler(), RobustScaler(), FunctionTransformer()])
@pytest.mark.parametrize("count", [1, 5, 20, 60])
def test_no_word_about_held_out_rows_like_the_others(scaler, count):
    rng = np.random.default_rng(0)
    for X in (
        *(load().data for load in (load_iris, load_wine, load_breast_cancer, load_digits)),
        rng.standard_normal((500, 1)),
        rng.standard_t(1.0, (500, 2)),
        rng.lognormal(0, 2, (500, 3)),
        rng.random((500, 30)) < 0.01,
        rng.random((500, 30)) < 0.023,  # half of the rows are all alike
        1e6 + rng.standard_normal((500, 4)),
        np.arange(500.0)[:, None],
    ):
        for seed in range(5):
            train, watched = train_test_split(np.float64(X), test_size=count, random_state=seed)
            scaler.fit(train)
            advise_on_held_out_rows(scaler.transform(train), scaler.transform(watched))
    # Rows of later times, and rows of one class alone, lie beside the others without being in other units.
    advise_on_held_out_rows(np.arange(400.0)[:, None], np.arange(400.0, 500.0)[:, None])
    X, y = load_iris(return_X_y=True)
    advise_on_held_out_rows(X, X[y == 2])


# Margin -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "data"), [(classifier, moons), (lambda **p: mlp(loss="hinge", **p), blobs)])
def test_a_margin_that_the_data_cannot_hold(make, data):
    X, y = data()
    with pytest.warns(exceptions.UnattainableMarginWarning) as record:
        model = make(epochs=1, min_margin=20.0).fit(X, y)
    (found,) = re.findall(r"classes is (\S+), so .* most (\S+) is .* which is (\S+) here\.$", only(record))
    apart, half, advised = map(float, found)
    assert half == pytest.approx(apart / 2, rel=0.01) and advised == pytest.approx(model.scale_ / 10, rel=0.01)
    # The distance that a network proves is below the one that is named.
    transport = sklip.WassersteinEstimator(hidden_layer_sizes=(16,), epochs=5, random_state=0, backend="numpy")
    if len(model.classes_) == 2:
        assert transport.fit(X, y).distance_ <= 1.2 * apart


@pytest.mark.usefixtures("no_warnings")
def test_no_word_about_margins_that_have_room():
    X, y = moons()
    classifier(epochs=1, min_margin=0.5).fit(X, y)
    classifier(epochs=1).fit(X, np.random.default_rng(0).permutation(y))  # "auto" is never blamed
    classifier(epochs=1, min_margin=20.0, alpha=0.0).fit(X, y)
    mlp(epochs=1, min_margin=20.0).fit(X, y)  # cross-entropy has no hinge


# Temperature --------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [moons, blobs])
def test_a_temperature_that_saturates(data):
    with pytest.warns(exceptions.SaturatedTemperatureWarning, match="temperature = 1e") as record:
        model = mlp(epochs=1, temperature=1e6).fit(*data())
    share = float(re.search(r"(\d+)% of", only(record))[1]) / 100
    assert share == pytest.approx((model.predict_proba(data()[0]).max(axis=1) == 1.0).mean(), abs=0.03)


@pytest.mark.usefixtures("no_warnings")
def test_no_word_about_temperatures_that_leave_doubt():
    mlp(temperature=40.0).fit(*moons())
    X, y = blobs()
    mlp().fit(1e-9 * X, y)


# The end of training ------------------------------------------------------------------------


def test_early_stopping_that_runs_out_of_epochs():
    with pytest.warns(ConvergenceWarning, match="epochs = 4 before it converged") as record:
        estimator_fixtures.classifier(epochs=4, early_stopping=True, learning_rate_schedule="constant", tol=0.0).fit(
            *moons()
        )
    only(record)


@pytest.mark.usefixtures("no_warnings")
@pytest.mark.parametrize(
    "parameters",
    [
        {"learning_rate_schedule": "constant"},
        {"early_stopping": True},
        {"early_stopping": True, "learning_rate_schedule": "constant", "n_iter_no_change": 1, "tol": 10.0},
    ],
)
def test_no_word_about_a_training_that_ends_as_planned(parameters):
    estimator_fixtures.classifier(epochs=4, **parameters).fit(*moons())


# Far rows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fit", [fitted, fitted_mlp])
def test_certificates_far_from_the_training_data(fit):
    model, X, _ = fit()
    far = np.concatenate([X, [[0.0, 50.0]]])
    with pytest.warns(exceptions.FarFromTrainingWarning, match=f"1 of {len(far)} rows.*row {len(X)} is") as record:
        radii = model.certified_radius(far)
    multiple = float(re.search(r"is (\S+) times", only(record))[1])
    distances = np.linalg.norm(far - model.center_, axis=1)
    assert multiple == pytest.approx(distances[-1] / distances[:-1].max(), rel=0.01)
    with pytest.warns(exceptions.FarFromTrainingWarning) as record:
        np.testing.assert_allclose(sklip.certified_radius(model, far), radii, rtol=1e-6)
    only(record)


def test_pipelines_and_votes_speak_once_of_rows_in_other_units():
    X, y = moons()
    model = make_pipeline(StandardScaler(), classifier()).fit(X, y)
    vote = VotingClassifier([("a", fitted()[0]), ("b", model)]).fit(X, y)
    for estimator in (model, vote):
        with pytest.warns(exceptions.FarFromTrainingWarning, match="80 of 80") as record:
            sklip.certified_radius(estimator, 1000 + 1000 * X)
        only(record)


@pytest.mark.usefixtures("no_warnings")
def test_no_word_about_rows_near_the_training_data():
    model, X, y = fitted()
    for served in (model, pickle.loads(pickle.dumps(model))):
        served.certified_radius(2 * X)
        sklip.certified_radius(served, 2 * X)
    stranger = pickle.loads(pickle.dumps(model))
    del stranger._farthest  # as in files of earlier versions
    stranger.certified_radius(1000 * X)
    stranger.partial_fit(X, y).certified_radius(1000 * X)
    sklip.from_keras(model.to_keras()).certified_radius(1000 * X)


@pytest.mark.usefixtures("no_warnings")
def test_later_rows_widen_what_is_near():
    X, y = moons()
    classifier().partial_fit(X, y, classes=[0, 1]).partial_fit(100 * X, y).certified_radius(100 * X)


# Types --------------------------------------------------------------------------------------


def test_a_training_that_diverges_has_an_error_of_its_own():
    import keras

    with pytest.raises(exceptions.TrainingDivergedError, match="learning_rate"):
        estimator_fixtures.classifier(optimizer=keras.optimizers.SGD(1e38)).fit(*moons())


def test_every_type_is_an_error_of_values_or_a_warning_of_the_user():
    for name in exceptions.__all__:
        kind = getattr(exceptions, name)
        assert issubclass(kind, ValueError if name.endswith("Error") else UserWarning)
