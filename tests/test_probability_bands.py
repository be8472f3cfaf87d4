"""Bands of probabilities: high precision, attacked rows, questions, and what is refused."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax
from sklearn.datasets import make_blobs, make_moons
from sklearn.exceptions import NotFittedError

from sklip import HKRClassifier, LipschitzMLP, NetworkClassifier, NotLipschitzError
from sklip.certification import Certificate, ErrorBound, gap_bands, probability_bands
from sklip.exceptions import FarFromTrainingWarning
from sklip.served import Center, Dense, ServedNetwork

NORMS = [1, 2, np.inf]
UNITS = np.array([1.0, 0.1, 10.0, 1.0])
SMALL = {"hidden_layer_sizes": (16, 8), "epochs": 10, "random_state": 0, "backend": "numpy"}


def table(n_classes):
    X, y = make_blobs(120, n_features=4, centers=n_classes, cluster_std=2.0, center_box=(-3.0, 3.0), random_state=1)
    return X * UNITS, y


def fitted(n_classes, norm=2, **parameters):
    X, y = table(n_classes)
    return LipschitzMLP(norm=norm, tolerances=UNITS, **{**SMALL, **parameters}).fit(X, y), X


def proof(lipschitz, pairs):
    """A certificate without rounding errors, for scores that are exact."""
    return Certificate(lipschitz, pairs, ErrorBound(0.0, 0.0, 1e300, 1.0, 1.0))


def pairs_of(heads):
    return np.linalg.norm(heads[:, :, None] - heads[:, None, :], axis=0) * (1 + 1e-12)


NUMBERS = st.floats(-40.0, 40.0)


@settings(deadline=None, max_examples=60)
@given(
    scores=st.lists(NUMBERS, min_size=3, max_size=6), radius=st.floats(0.0, 3.0), temperature=st.floats(1e-3, 100.0),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_bands_of_softmax_hold_and_are_those_of_the_formula(scores, radius, temperature, seed):
    rng, n_classes = np.random.default_rng(seed), len(scores)
    scores, heads = np.array([scores]), rng.standard_normal((3, n_classes))
    pairs, lipschitz = pairs_of(heads), np.linalg.norm(heads, axis=0).max() * (1 + 1e-12)
    lower, upper = probability_bands(scores, np.zeros(1), np.array([radius]), proof(lipschitz, pairs), temperature)
    moves = rng.standard_normal((200, 3))
    moves *= radius / np.linalg.norm(moves, axis=1, keepdims=True)
    found = softmax(temperature * (scores + moves @ heads), axis=1)
    assert (lower - 1e-300 <= found).all() and (found <= upper).all()
    with mpmath.workdps(60):
        for one in range(n_classes):
            for ends, sign in ((lower, -1), (upper, 1)):
                terms = [
                    mpmath.exp(-mpmath.mpf(temperature) * (mpmath.mpf(scores[0, one]) - mpmath.mpf(scores[0, other])
                               + sign * mpmath.mpf(pairs[one, other]) * mpmath.mpf(radius)))
                    for other in range(n_classes) if other != one
                ]  # fmt: skip
                exact, end = 1 / (1 + mpmath.fsum(terms)), mpmath.mpf(float(ends[0, one]))
                slack = exact * mpmath.mpf(1e-10) + mpmath.mpf(1e-300)
                assert -slack <= sign * (end - min(exact, 1)) + (slack if exact == 1 else 0)
                assert sign * (end - exact) >= 0 or end in (0, 1)
                assert sign * (end - exact) <= slack


@settings(deadline=None)
@given(score=st.floats(-800.0, 800.0), radius=st.floats(0.0, 30.0), temperature=st.floats(1e-3, 10.0))
def test_bands_of_the_sigmoid_are_its_values_at_both_ends(score, radius, temperature):
    network = proof(1.0, np.zeros((1, 1)))
    lower, upper = probability_bands(np.array([[score]]), np.zeros(1), np.array([radius]), network, temperature)
    with mpmath.workdps(400):
        for end, sign, column in ((lower, -1, 1), (upper, 1, 1), (lower, -1, 0), (upper, 1, 0)):
            own = score if column == 1 else -score
            exact = 1 / (1 + mpmath.exp(-mpmath.mpf(temperature) * (mpmath.mpf(own) + sign * mpmath.mpf(radius))))
            found = mpmath.mpf(float(end[0, column]))
            assert sign * (found - exact) >= 0 or found in (0, 1)
            assert abs(found - exact) <= exact * mpmath.mpf(1e-11) + mpmath.mpf(1e-300)


def test_the_exponential_is_as_accurate_as_the_proof_assumes():
    rng = np.random.default_rng(0)
    values = np.concatenate([-np.exp(rng.uniform(-40, np.log(700), 2000)), [0.0]])
    with mpmath.workdps(60):
        for function, exact_of in ((np.exp, mpmath.exp), (expit, lambda value: 1 / (1 + mpmath.exp(-value)))):
            exact = [exact_of(mpmath.mpf(value)) for value in values]
            found = function(values)
            errors = [abs(mpmath.mpf(float(a)) / b - 1) for a, b in zip(found, exact, strict=True)]
            assert max(errors) < 8 * 2.0**-53


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("norm", NORMS)
def test_no_row_within_the_radius_has_a_probability_outside_the_band(n_classes, norm):
    classifier, X = fitted(n_classes, norm)
    rng = np.random.default_rng(1)
    gradients = classifier.gradient(X).reshape(len(X), -1, 4) * UNITS
    differences = [gradients[:, 0]] if n_classes == 2 else [gradients[:, one] - gradients[:, 0] for one in (1, 2)]
    for radius in (0.0, 1e-13, 0.05, 1.0):
        lower, upper = classifier.predict_proba_band(X, radius)
        assert (lower <= upper).all() and (lower >= 0).all() and (upper <= 1).all()
        moves = [sign * steepest(difference, norm) for difference in differences for sign in (-1, 1)]
        moves += [steepest(rng.standard_normal(X.shape), norm) for _ in range(20)]
        for move in moves:
            found = classifier.predict_proba(X + (1 - 1e-12) * radius * move * UNITS)
            assert ((lower <= found) & (found <= upper)).all()


def steepest(directions, norm):
    """Displacements of size 1 in a norm that go as far along directions as possible."""
    if norm == np.inf:
        return np.sign(directions)
    if norm == 1:
        directions = directions * (np.abs(directions) == np.abs(directions).max(axis=1, keepdims=True))
    return directions / np.linalg.norm(directions, norm, axis=1, keepdims=True)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_bands_of_radius_zero_are_the_probabilities(n_classes):
    classifier, X = fitted(n_classes)
    lower, upper = classifier.predict_proba_band(X, 0.0)
    probabilities = classifier.predict_proba(X)
    np.testing.assert_allclose(lower, probabilities, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(upper, probabilities, rtol=1e-9, atol=1e-11)


def test_a_linear_classifier_of_two_classes_reaches_both_ends():
    network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    classifier = NetworkClassifier(network=network, temperature=3.0).serve()
    X, radii = np.array([[0.3, -0.1], [2.0, 1.0]]), np.array([0.5, 0.25])
    lower, upper = classifier.predict_proba_band(X, radii)
    for ends, sign in ((lower, -1), (upper, 1)):
        reached = classifier.predict_proba(X + sign * radii[:, None] * [0.6, 0.8])[:, 1]
        np.testing.assert_allclose(ends[:, 1], reached, rtol=1e-12)
    without = NetworkClassifier(network=network).serve()
    assert not hasattr(without, "predict_proba_band") and not hasattr(HKRClassifier(), "predict_proba_band")


def test_other_questions_and_rows_of_other_types():
    classifier, X = fitted(3)
    lower, upper = classifier.predict_proba_band(X, 0.5, norm=1, tolerances={2: 5.0})
    for sign in (-1, 1):
        found = classifier.predict_proba(X + sign * (0.5 - 1e-12) * np.array([0.0, 0.0, 5.0, 0.0]))
        assert ((lower <= found) & (found <= upper)).all()
    wide = classifier.predict_proba_band(X, 0.5)
    assert (upper - lower <= wide[1] - wide[0]).all() and np.mean(upper - lower < wide[1] - wide[0]) > 0.9
    of_float32 = classifier.predict_proba_band(X.astype(np.float32), 0.5)
    of_the_same = classifier.predict_proba_band(X.astype(np.float32).astype(np.float64), 0.5)
    np.testing.assert_allclose(of_float32, of_the_same, rtol=1e-12, atol=1e-12)


def test_infinite_radii_and_rows_far_away():
    for n_classes in (2, 3):
        classifier, X = fitted(n_classes)
        lower, upper = classifier.predict_proba_band(X, np.inf)
        assert (lower == 0).all() and (upper == 1).all()
        with pytest.warns(FarFromTrainingWarning):
            lower, upper = classifier.predict_proba_band(np.full((1, 4), 1e160), 0.1)
        assert (lower == 0).all() and (upper == 1).all()


@pytest.mark.parametrize("temperature", [1e155, 1e170, 1e200])
def test_nothing_is_proven_of_logits_that_are_clipped(temperature):
    """All logits beyond 1e300 become equal, however large the differences of the scores are."""
    network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[1.0, 2.0, -1.0], [0.0, 0.0, 1.0]]), np.zeros(3))))
    classifier = NetworkClassifier(network=network, temperature=temperature).fit(np.zeros((3, 2)), [0, 1, 2])
    rows = np.array([[factor * 1e300 / temperature, 0.0] for factor in (0.9, 2.0, -2.0, 1e4)])
    lower, upper = classifier.predict_proba_band(rows, 0.0)
    probabilities = classifier.predict_proba(rows)
    assert probabilities[1].tolist() == [0.5, 0.5, 0.0]
    assert (lower <= probabilities).all() and (probabilities <= upper).all()


def test_gap_bands_of_infinite_radii_and_errors():
    scores, pairs = np.array([[1e308, -1e308, 0.0]]), np.zeros((3, 3))
    lower, upper = gap_bands(scores, 0, np.zeros(1), np.zeros(1), pairs, 0.0)
    assert lower[0].tolist()[:2] == [0.0, -np.inf] and upper[0, 1] == np.inf
    lower, upper = gap_bands(np.zeros((1, 3)), 1, np.array([np.nan]), np.ones(1), pairs, 0.0)
    assert lower.tolist() == [[-np.inf, 0.0, -np.inf]] and upper.tolist() == [[np.inf, 0.0, np.inf]]
    lower, upper = gap_bands(np.ones((1, 3)), 1, np.zeros(1), np.array([np.inf]), pairs, 0.0)
    np.testing.assert_allclose([lower, upper], 0.0, atol=1e-300)


def test_bad_arguments_and_overridden_probabilities():
    classifier, X = fitted(2)
    for arguments, message in (
        ({"radius": -1.0}, "radius must be 0 or more"),
        ({"radius": [0.1, 0.2]}, "one for each of the 120 rows"),
        ({"radius": 0.1, "norm": 3}, "norm must be 1, 2, inf"),
    ):
        with pytest.raises(ValueError, match=message):
            classifier.predict_proba_band(X, **arguments)
    with pytest.raises(NotFittedError):
        LipschitzMLP().predict_proba_band(X, 0.1)

    class Certain(LipschitzMLP):
        def predict_proba(self, X):
            return np.round(super().predict_proba(X))

    X, y = make_moons(60, random_state=0)
    with pytest.raises(NotLipschitzError, match="defines 'predict_proba' itself"):
        Certain(**SMALL).fit(X, y).predict_proba_band(X, 0.1)
