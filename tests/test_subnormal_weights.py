"""Weights below the smallest normal number, in threads that take them for 0 and in threads that do not."""

import pickle

import numpy as np
import pytest

from sklip import certified_radius
from sklip._frozen import frozen, is_zero, without_subnormals
from sklip.certification import certificate, norm_bound, operator_norm_bound, spectral_norm_bound
from sklip.network import CondensedNetwork
from tests.flushing import CAN_FLUSH, in_flushing_thread
from tests.helpers import amid, random_network, serving

SUBNORMAL = 1e-317
flushing = pytest.mark.skipif(not CAN_FLUSH, reason="sets a register of x86-64 under Linux")


def _tiny(w=SUBNORMAL, head=1e300):
    return CondensedNetwork(
        np.zeros(2), (np.array([[w], [w]]), np.array([[head]])), (np.zeros(1), np.array([-1e-9])), ("relu",)
    )


def test_subnormal_weights_become_zero():
    network = _tiny()
    assert not network.kernels[0].any()
    assert network.kernels[1].tolist() == [[1e300]]
    assert network.scores(np.array([[1e308, 1e308]])).tolist() == [[-1e-9]]
    assert pickle.loads(pickle.dumps(network)).kernels[0].tolist() == [[0.0], [0.0]]
    assert CondensedNetwork(np.array([SUBNORMAL]), (np.ones((1, 1)),), (np.array([-SUBNORMAL]),), ()).center[0] == 0.0


@flushing
def test_they_are_found_in_a_thread_that_cannot_see_them():
    array = np.array([SUBNORMAL, -SUBNORMAL, 0.0, -0.0, 2.0**-1022, 1.0])
    cleaned = in_flushing_thread(without_subnormals, array)
    assert cleaned.tolist() == [0.0, 0.0, 0.0, 0.0, 2.0**-1022, 1.0]
    assert np.signbit(cleaned).tolist() == [False, False, False, True, False, False]
    assert not in_flushing_thread(is_zero, array[:1])
    assert in_flushing_thread(is_zero, array[2:4])
    assert in_flushing_thread(_tiny).kernels[0].tobytes() == _tiny().kernels[0].tobytes()


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
        assert bound.drift >= 2.0**-1022
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
