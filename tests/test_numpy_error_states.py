"""Nothing that serves or trains depends on the error state that the user chose for NumPy."""

import warnings
from contextlib import contextmanager

import numpy as np
import pytest

from sklip.metrics import average_certified_radius, certified_accuracy_curve, certified_accuracy_score
from tests.estimator_fixtures import bits, fitted_mlp, mlp
from tests.served_calls import FUNCTIONS, METHODS, QUARTERS, WITH_LABELS, X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklip.exceptions.FarFromTrainingWarning")


@pytest.fixture(scope="module")
def model():
    """A classifier of two classes, 0 and 1, and two columns without names."""
    return fitted_mlp()[0]


@contextmanager
def state(**errors):
    with np.errstate(**errors), warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


def assert_independent(errors, answer):
    """The answer has the same bits, and there is no error or warning, under a state as when all is ignored."""
    with np.errstate(all="ignore"):
        expected = bits(answer())
    with state(**errors):
        assert bits(answer()) == expected


STATES = [{"all": "raise"}, {"under": "raise"}, {"all": "warn"}, {"over": "raise", "invalid": "raise"}]
HOSTILE = {
    "ordinary": QUARTERS,
    "float32": QUARTERS.astype(np.float32),
    "zeros": np.zeros((6, 2)),
    "subnormal": np.full((6, 2), 5e-324),
    "tiny": 1e-300 * QUARTERS,
    "tiny float16": (QUARTERS * 6e-8).astype(np.float16),
    "far": 1e30 * QUARTERS,
    "very far": 1e200 * QUARTERS,
    "large integers": (X * 2**62).astype(np.int64),
}


@pytest.mark.parametrize("errors", STATES, ids=str)
@pytest.mark.parametrize("rows", HOSTILE)
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("method", METHODS)
def test_methods_do_not_depend_on_the_error_state(kind, rows, errors, method):
    model = fitted_mlp(kind)[0]
    rows = HOSTILE[rows] if kind == "binary" else np.tile(HOSTILE[rows], 2)
    assert_independent(errors, lambda: METHODS[method](model, rows))


@pytest.mark.parametrize("errors", STATES, ids=str)
@pytest.mark.parametrize("rows", HOSTILE)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_do_not_depend_on_the_error_state(model, rows, errors, function):
    rows = HOSTILE[rows]
    assert_independent(errors, lambda: FUNCTIONS[function](model, rows))


@pytest.mark.parametrize("errors", STATES, ids=str)
@pytest.mark.parametrize("rows", HOSTILE)
@pytest.mark.parametrize("call", WITH_LABELS)
def test_methods_with_labels_do_not_depend_on_the_error_state(model, rows, errors, call):
    rows = HOSTILE[rows]
    assert_independent(errors, lambda: WITH_LABELS[call](model, rows, Y))


@pytest.mark.parametrize("errors", STATES, ids=str)
@pytest.mark.parametrize("epsilons", [None, [0.0, 5e-324, 1e-310, 1.0]])
@pytest.mark.parametrize("weight", [None, [5e-324, 1.0, 1e308, 1e308, 0.0, 3.0]])
def test_metrics_do_not_depend_on_the_error_state(errors, epsilons, weight):
    columns = Y, [0, 1, 0, 0, 1, 0], [0.0, 5e-324, 1.0, 1e308, np.inf, 0.25]

    def numbers():
        curve = certified_accuracy_curve(*columns, epsilons=epsilons, sample_weight=weight)
        scores = [certified_accuracy_score(*columns, epsilon, sample_weight=weight) for epsilon in (0, 5e-324, 1e308)]
        return np.concatenate([*curve, scores, [average_certified_radius(*columns, sample_weight=weight)]])

    assert_independent(errors, numbers)


def trained(X, y, sample_weight=None):
    """The scores of a classifier after an epoch, to the bit."""
    return bits(mlp(epochs=1).fit(X, y, sample_weight).decision_function(QUARTERS))


TO_TRAIN = {
    "ordinary": (QUARTERS, None),
    "tiny": (1e-300 * QUARTERS, None),
    "a column of subnormal numbers": (QUARTERS * [1.0, 5e-324], None),
    "large": (1e17 * QUARTERS, None),
    "tiny weights": (QUARTERS, [5e-324, 1.0, 1.0, 1.0, 1.0, 1e-310]),
    "weights that are all tiny": (QUARTERS, [5e-324] * 6),
}


@pytest.mark.filterwarnings("ignore::sklip.exceptions.UnlikeScalesWarning")
@pytest.mark.parametrize("name", TO_TRAIN)
def test_fit_does_not_depend_on_the_error_state(name):
    X, sample_weight = TO_TRAIN[name]
    with np.errstate(all="ignore"):
        expected = trained(X, Y, sample_weight)
    for errors in STATES:
        with state(**errors):
            assert trained(X, Y, sample_weight) == expected
