"""Parameters of NumPy's types: the same as Python's numbers, and returned as they were given."""

import warnings

import numpy as np
import pytest

from sklip import NetworkClassifier, WassersteinEstimator
from tests.estimator_fixtures import bits, classifier, mlp, moons
from tests.helpers import network_of

GIVEN = {
    "epochs": np.uint8(100),
    "batch_size": np.uint8(32),
    "learning_rate": np.float16(0.01),
    "hidden_layer_sizes": np.array([8, 4], dtype=np.uint8),
    "dropout": np.float16(0.125),
    "epsilon": np.float16(0.125),
    "tol": np.float16(1e-4),
    "n_iter_no_change": np.uint8(200),
    "validation_fraction": np.float16(0.25),
    "random_state": np.uint8(7),
    "verbose": np.int8(0),
    "early_stopping": np.bool_(True),
    "class_weight": {0: np.uint8(200), 1: np.float16(2.0)},
}
HKR = {"alpha": np.uint8(10), "min_margin": np.float16(0.25)}
CROSS_ENTROPY = {"temperature": np.float16(8.0), "margin_offset": np.float16(0.125)}


def python(value):
    """The same value of Python's types."""
    if isinstance(value, dict):
        return {name: python(inner) for name, inner in value.items()}
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def fitted_quietly(model):
    """Fit; a warning of NumPy or of a conversion is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("error", UserWarning)
        return model.fit(*moons())


@pytest.mark.parametrize("make, own", [(classifier, HKR), (mlp, CROSS_ENTROPY)])
def test_small_types_train_as_the_numbers_of_python(make, own):
    given = {**GIVEN, **own}
    model, twin = fitted_quietly(make(**given)), fitted_quietly(make(**python(given)))
    assert all(model.get_params()[name] is value for name, value in given.items())
    assert bits(model.decision_function(moons()[0])) == bits(twin.decision_function(moons()[0]))
    assert model.history_ == twin.history_
    assert model.n_iter_ == twin.n_iter_ == 100


@pytest.mark.parametrize("make", [classifier, mlp])
def test_small_types_go_on_training(make):
    parameters = {**GIVEN, "early_stopping": False}
    model, twin = make(**parameters), make(**python(parameters))
    for one in (model, twin):
        one.partial_fit(*moons(), classes=[0, 1])
        one.set_params(warm_start=True).fit(*moons())
    assert bits(model.decision_function(moons()[0])) == bits(twin.decision_function(moons()[0]))


def test_small_types_measure_a_distance():
    names = ("epochs", "batch_size", "learning_rate", "hidden_layer_sizes", "random_state", "verbose")
    parameters = {name: GIVEN[name] for name in names}
    model = fitted_quietly(WassersteinEstimator(**parameters))
    assert model.distance_ == fitted_quietly(WassersteinEstimator(**python(parameters))).distance_
    assert model.get_params()["epochs"] is parameters["epochs"]


def test_a_temperature_of_a_small_type_is_a_float():
    network = network_of(np.zeros(1), (np.full((1, 1), 30000.0),), (np.zeros(1),), ())
    model, twin = (NetworkClassifier(network=network, temperature=value).serve() for value in (np.float16(8), 8.0))
    assert type(model.temperature_) is float
    assert bits(model.predict_log_proba([[3.0]])) == bits(twin.predict_log_proba([[3.0]]))


@pytest.mark.parametrize("sizes", [np.uint8(200), [np.uint8(200)], np.array([200], dtype=np.uint8)])
def test_widths_of_small_types_are_divided_as_integers(sizes):
    with pytest.raises(ValueError, match="holds 200, which activation='groupsort300' cannot split into groups of 300"):
        classifier(hidden_layer_sizes=sizes, activation="groupsort300").fit(*moons())
