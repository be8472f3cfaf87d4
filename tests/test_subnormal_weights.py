"""Weights below the smallest normal number, in threads that take them for 0 and in threads that do not."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklip import HKRClassifier, NotLipschitzError, certified_radius
from sklip._frozen import frozen
from sklip.arithmetic.rounding import normal_above, product_above
from sklip.arithmetic.subnormal import as_float64, is_zero, without_subnormals
from sklip.certification import certificate, norm_bound, operator_norm_bound, spectral_norm_bound
from tests.flushing import CAN_FLUSH, in_flushing_thread
from tests.helpers import amid, kernels_of, network_of, random_network, serving
from tests.test_pipeline_traps import linear

SUBNORMAL = 1e-317
flushing = pytest.mark.skipif(not CAN_FLUSH, reason="sets a register of x86-64 under Linux")


def _tiny(w=SUBNORMAL, head=1e300):
    return network_of(
        np.zeros(2), (np.array([[w], [w]]), np.array([[head]])), (np.zeros(1), np.array([-1e-9])), ("relu",)
    )


def test_subnormal_weights_become_zero():
    network = _tiny()
    assert not kernels_of(network)[0].any()
    assert kernels_of(network)[1].tolist() == [[1e300]]
    assert network.scores(np.array([[1e308, 1e308]])).tolist() == [[-1e-9]]
    assert kernels_of(pickle.loads(pickle.dumps(network)))[0].tolist() == [[0.0], [0.0]]
    assert network_of(np.array([SUBNORMAL]), (np.ones((1, 1)),), (np.array([-SUBNORMAL]),), ()).center[0] == 0.0


@flushing
def test_they_are_found_in_a_thread_that_cannot_see_them():
    array = np.array([SUBNORMAL, -SUBNORMAL, 0.0, -0.0, 2.0**-1022, 1.0])
    cleaned = in_flushing_thread(without_subnormals, array)
    assert cleaned.tolist() == [0.0, 0.0, 0.0, 0.0, 2.0**-1022, 1.0]
    assert np.signbit(cleaned).tolist() == [False, False, False, True, False, False]
    assert not in_flushing_thread(is_zero, array[:1])
    assert in_flushing_thread(is_zero, array[2:4])
    assert kernels_of(in_flushing_thread(_tiny))[0].tobytes() == kernels_of(_tiny())[0].tobytes()


@flushing
@pytest.mark.parametrize("size", [1e-300, 1e-307, 1e-160, 1.0])
@pytest.mark.parametrize("n_scores", [1, 3])
def test_certificates_that_were_proved_in_either_kind_of_thread_hold_in_both(rng, size, n_scores):
    X = rng.standard_normal((60, 3))
    network = amid(random_network(rng, (3, 4, 4, n_scores), "relu", scale=size, bias=0.0), X)
    for prove in (in_flushing_thread, lambda function, *given: function(*given)):
        classifier = serving(pickle.loads(pickle.dumps(network)))
        radii = prove(classifier.certified_radius, X)
        bound = certificate(classifier.network_)
        assert bound.lipschitz >= 2.0**-1022
        assert bound.error_lipschitz >= 2.0**-1022
        directions = rng.standard_normal(X.shape)
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        for share in (0.3, 0.999999):
            moved = X + share * np.minimum(radii, 1e300)[:, None] * directions
            for ask in (in_flushing_thread, lambda function, *given: function(*given)):
                same = ask(classifier.predict, moved) == ask(classifier.predict, X)
                assert same[radii > 0].all()


@flushing
def test_a_bound_is_never_zero_because_of_the_thread():
    matrix = np.full((3, 2), SUBNORMAL)
    for bound in (norm_bound, spectral_norm_bound, lambda m: operator_norm_bound(m, np.inf)):
        assert in_flushing_thread(bound, matrix) >= bound(matrix) * 0.999 or in_flushing_thread(bound, matrix) > 1e-308
        assert in_flushing_thread(bound, matrix) >= 2.0**-1022


@flushing
def test_tiny_kernels_do_not_make_a_radius_infinite():
    """The score rises by 2e-17 · 1e300 · x: there is a boundary."""
    classifier, x = serving(_tiny(1e-307)), np.array([[1.0, 1.0]])
    assert classifier.predict(x) != classifier.predict(-x)
    for ask in (in_flushing_thread, lambda function, *given: function(*given)):
        assert ask(classifier.certified_radius, x)[0] < 2.0
        assert ask(certified_radius, classifier, x)[0] < 2.0


@flushing
@pytest.mark.parametrize("outer", [lambda model: model, lambda model: make_pipeline(FunctionTransformer(), model)])
def test_float32_rows_that_a_conversion_flushes_have_no_radius(outer):
    """5e-39 is 0 as float64 in such a thread, and of the other class."""
    model, X = outer(linear([1.0], -1e-39)), np.array([[5e-39], [1e-30]], np.float32)
    assert model.predict(X[:1]) == 1
    assert in_flushing_thread(model.predict, X[:1]) == 0
    for ask in (in_flushing_thread, lambda function, *given: function(*given)):
        radii = np.asarray(ask(certified_radius, model, X))
        assert radii[0] == 0.0 < radii[1]
        if hasattr(model, "certified_radius"):
            assert ask(model.certified_radius, X)[0] == 0.0
    frame = pd.DataFrame({"a": X[:, 0]})
    assert certified_radius(make_pipeline(FunctionTransformer(), linear([1.0], -1e-39)), frame)[0] == 0.0


@flushing
def test_float32_becomes_float64_in_every_thread():
    array = np.array([[5e-39, -1e-45, 0.0, -0.0, 1.5, np.inf]], np.float32)
    for form in (array, array.astype(">f4"), array.astype(np.float16), array.astype(float)):
        expected = form.astype(np.float64)
        assert in_flushing_thread(as_float64, form).tobytes() == expected.tobytes()


@flushing
def test_votes_and_calibrations_that_a_thread_takes_for_none_are_refused(rng):
    X = rng.standard_normal((30, 1))
    y = (X[:, 0] > 0).astype(int)
    members = [(name, _Fixed(bias)) for name, bias in (("a", 0.0), ("b", 1.0), ("c", -1.0))]
    for weights in ([3e-310, 2e-310, 2e-310], [4.7e-308, 2.3e-308, 2.5e-308]):
        vote = VotingClassifier(members, weights=weights).fit(X, y)
        with pytest.raises(NotLipschitzError, match=r"weights of 0, or of 1e-270 or more"):
            certified_radius(vote, np.array([[3.0]]))
    calibrated = CalibratedClassifierCV(_Fixed(0.0), ensemble=False).fit(X, y)
    calibrated.calibrated_classifiers_[0].calibrators[0].a_ = -1e-310
    with pytest.raises(NotLipschitzError, match="which some threads take for 0"):
        certified_radius(calibrated, X)


def _scaled_down(X):
    return X * 1e-300 * 2.0**-33


@flushing
def test_stated_constants_that_a_thread_takes_for_zero_are_not_zero():
    step = FunctionTransformer(_scaled_down).fit(np.ones((1, 1)))
    model, X = make_pipeline(step, linear([1e300], -1e-11)), np.array([[1e300]])
    radii = in_flushing_thread(certified_radius, model, X, step_lipschitz={"functiontransformer": 1e-300 * 2.0**-33})
    assert model.predict(X) != model.predict(0.0 * X)
    assert radii[0] <= 1e300
    assert in_flushing_thread(product_above, 1e-310, 1e300) >= 1e-10
    assert in_flushing_thread(normal_above, -0.0) == 0.0


class _Fixed(HKRClassifier):
    """Its score is x plus a number, whatever it is fitted on."""

    def __init__(self, bias=0.0):
        super().__init__()
        self.bias = bias

    def fit(self, X, y):
        self.network_ = linear([1.0], self.bias).network_
        self.classes_, self.n_features_in_ = np.unique(y), 1
        return self


def test_frozen_arrays_stay_as_they_are():
    array = np.arange(6.0).reshape(2, 3)
    copy = frozen(array)
    array += 1.0
    assert copy.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    with pytest.raises(ValueError, match="WRITEABLE"):
        copy.flags.writeable = True
    proof = certificate(random_network(np.random.default_rng(0), (2, 4, 3)))
    with pytest.raises(ValueError, match="WRITEABLE"):
        proof.pair_lipschitz.flags.writeable = True
