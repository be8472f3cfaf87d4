"""Certificates under conditions that have broken others': each is attacked, and must hold."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklip
from sklip import HKRClassifier, LipschitzMLP, audit
from sklip.exceptions import ModelFileError
from sklip.served import Center, ServedNetwork
from tests.helpers import altered, amid, biases_of, kernels_of, random_network, serving


def assert_holds(classifier, X, *, certified=0.9):
    """No attack gets inside a radius, some get across beyond, and most rows have a radius."""
    result = audit(classifier, X, restarts=2, n_steps=5, random_state=0, verbose=False)
    assert not result.broken.any(), result
    assert np.isfinite(result.attack).any()
    assert (result.radius > 0).mean() >= certified
    return result


@pytest.mark.parametrize("n_scores", [1, 3])
@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_weights_of_extreme_size(rng, n_scores, scale):
    X = rng.standard_normal((100, 4))
    tampered = random_network(rng, (4, 8, 8, n_scores), scale=scale, orthonormal=False)
    tampered = altered(tampered, biases=tuple(scale ** (i + 1) * bias for i, bias in enumerate(biases_of(tampered))))
    classifier = serving(amid(tampered, X))
    assert_holds(classifier, X)
    assert 0.01 < classifier.lipschitz_bound_ / scale**3 < 1e3


def test_weights_that_vanish_in_each_other_certify_nothing(rng):
    """GloRo's bug: weights so small that the bound became 0, and every row certified."""
    X = rng.standard_normal((60, 4))
    tiny = serving(amid(random_network(rng, (4, 8, 8, 1), scale=1e-150, bias=0.0), X))
    assert tiny.lipschitz_bound_ > 0
    assert (tiny.certified_radius(X) == 0).all()  # their product, 1e-450, is 0 in float64: every score is a tie


@pytest.mark.parametrize("n_scores", [2, 5])
def test_tied_scores_have_no_radius(rng, n_scores):
    """Tied logits have given other certifiers a margin over nothing."""
    network = random_network(rng, (4, 8, n_scores))
    heads = np.repeat(kernels_of(network)[-1][:, :1], n_scores, axis=1)
    network = altered(
        network, kernels=(*kernels_of(network)[:-1], heads), biases=(biases_of(network)[0], np.zeros(n_scores))
    )
    if n_scores == 2:  # two classes have one score: the tie is at 0
        network = altered(
            network, kernels=(kernels_of(network)[0], heads[:, :1] * 0.0), biases=(biases_of(network)[0], np.zeros(1))
        )
    classifier, X = serving(network), rng.standard_normal((20, 4))
    assert (classifier.predict(X) == 0).all()
    assert (classifier.certified_radius(X) == 0).all()
    assert (sklip.certified_radius(classifier, X) == 0).all()


def _forged(operation, **changes):
    """An operation whose numbers were changed without a check."""
    forged = object.__new__(type(operation))
    vars(forged).update({**vars(operation), **changes})
    return forged


def _edited(classifier, operations):
    """The classifier after the operations in its pickle were edited by hand."""
    forged = object.__new__(ServedNetwork)
    vars(forged)["operations"] = operations
    twin = pickle.loads(pickle.dumps(classifier))
    twin.network_ = forged
    return pickle.loads(pickle.dumps(twin))


@pytest.mark.parametrize("kind", [HKRClassifier, LipschitzMLP])
def test_a_pickle_with_a_kernel_that_is_not_orthonormal_is_certified_by_its_own_norm(rng, kind):
    X = rng.standard_normal((100, 4))
    classifier = kind(hidden_layer_sizes=(8, 8), epochs=1, random_state=0).fit(X, X[:, 0] > 0)
    assert abs(classifier.lipschitz_bound_ - 1) < 1e-9
    honest = classifier.certified_radius(X)
    operations = list(classifier.network_.operations)
    second = operations[3].kernel
    operations[3] = _forged(operations[3], kernel=3.0 * second + 0.1 * rng.standard_normal(second.shape))
    edited = _edited(classifier, tuple(operations))
    assert 2.0 < edited.lipschitz_bound_ < 5.0
    assert_holds(edited, X)
    assert not np.array_equal(edited.certified_radius(X), honest)


@pytest.mark.parametrize(
    "forge",
    [
        lambda center, first, *rest: (center, *rest),
        lambda center, first, *rest: (center, _forged(first, kernel=first.kernel[:, :4]), *rest),
        lambda center, first, *rest: (center, _forged(first, kernel=first.kernel.astype(np.float32)), *rest),
        lambda center, first, *rest: (center, _forged(first, kernel=np.full((4, 8), np.nan)), *rest),
        lambda center, first, *rest: (center, _forged(first, bias=np.full(8, np.inf)), *rest),
        lambda center, first, sort, *rest: (center, first, "tanh", *rest),
        lambda center, first, sort, *rest: (center, first, _forged(sort, n=3), *rest),
        lambda center, first, sort, *rest: (center, first, _forged(sort, n=-1), *rest),
        lambda center, *rest: (Center(np.zeros(5)), *rest),
        lambda *operations: operations[:-1],
    ],
)
def test_a_pickle_that_is_no_network_does_not_load(rng, forge):
    classifier = serving(random_network(rng, (4, 8, 8, 1)))
    with pytest.raises(ModelFileError):
        _edited(classifier, forge(*classifier.network_.operations))


@pytest.mark.parametrize("size", [1e-310, 1e-320])
def test_subnormal_inputs(rng, size):
    X = size * rng.standard_normal((50, 3))
    network = random_network(rng, (3, 8, 1), center=0.0)
    classifier = serving(altered(network, biases=(np.zeros(8), np.zeros(1))))
    result = audit(classifier, X, restarts=1, n_steps=3, random_state=0, verbose=False)
    assert not result.broken.any()
    assert (result.radius == 0).all()  # libraries may flush such numbers: nothing is sure


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("scaled", [False, True])
def test_inputs_of_every_precision(rng, dtype, scaled):
    X = (2.0 * rng.standard_normal((100, 4))).astype(dtype)
    classifier = serving(amid(random_network(rng, (4, 8, 8, 1)), X))
    if scaled:
        scaler = StandardScaler().fit(np.float64(X) * [1, 3, 0.3, 1] + [0, 1, 0, 5])
        classifier = make_pipeline(scaler, serving(amid(classifier.network_, scaler.transform(X))))
    assert_holds(classifier, X, certified=0.8)


def test_inputs_at_1e15(rng):
    X = 1e15 * rng.standard_normal((100, 4))
    result = assert_holds(serving(amid(random_network(rng, (4, 8, 8, 1)), X)), X)
    assert np.median(result.radius) > 1e12


def test_rows_at_1e15_of_a_network_around_0_are_certified_by_less_than_their_score(rng):
    """Where neighbouring float64 numbers lie 0.1 apart, rounding takes its share."""
    X = 1e15 * rng.standard_normal((100, 4))
    classifier = serving(random_network(rng, (4, 8, 8, 1)))
    result = audit(classifier, X, restarts=1, n_steps=3, random_state=0, verbose=False)
    assert not result.broken.any()
    assert (result.radius < np.abs(classifier.decision_function(X))).all()


def test_duplicated_columns(rng):
    columns = rng.standard_normal((100, 2))
    X = columns[:, [0, 1, 0, 1, 1]]
    assert_holds(serving(amid(random_network(rng, (5, 8, 8, 1)), X)), X)


def test_a_kernel_wider_than_tall(rng):
    X = rng.standard_normal((100, 2))
    network = amid(random_network(rng, (2, 16, 4, 1), "fullsort"), X)
    assert kernels_of(network)[0].shape == (2, 16)
    assert_holds(serving(network), X)


def test_a_single_column(rng):
    X = rng.standard_normal((100, 1))
    assert_holds(serving(amid(random_network(rng, (1, 8, 8, 1)), X)), X)


def test_eight_threads_predict_and_certify_the_same_bits(rng):
    """The certificate is proved by whoever asks first, while others ask as well."""
    X = rng.standard_normal((3000, 6))
    network = random_network(rng, (6, 64, 32, 3))
    expected = serving(network)
    answers = expected.predict(X), expected.certified_radius(X), expected.decision_function(X)
    for _ in range(5):
        shared = serving(pickle.loads(pickle.dumps(network)))
        asked = [shared.predict, shared.certified_radius, shared.decision_function] * 8
        with ThreadPoolExecutor(8) as threads:
            results = list(threads.map(lambda ask: ask(X), asked))
        for result, answer in zip(results, answers * 8, strict=True):
            np.testing.assert_array_equal(result, answer)


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "share"), [(1.0, 0.9), (1e-100, 0.5), (1e-104, 0.0)])
def test_where_tensorflow_flushes_denormals(rng, scale, share):
    """TensorFlow's threads turn denormal numbers into 0; certificates hold for predictions made there, too."""
    import tensorflow as tf

    X = rng.standard_normal((200, 3))
    network = random_network(rng, (3, 8, 8, 1), scale=scale, bias=0.0)  # the scores are of about scale³
    network = altered(network, biases=tuple(np.zeros(len(bias)) for bias in biases_of(network)))
    classifier = serving(amid(network, X))
    flushes = []

    def there(inputs):
        flushes.append(np.prod(np.array([1e-200, 1e-110])) == 0)
        return classifier.predict(inputs).astype(np.int64)

    predict_there = tf.function(lambda inputs: tf.numpy_function(there, [inputs], tf.int64))
    predicted, radii = classifier.predict(X), classifier.certified_radius(X)
    slopes = classifier.gradient(X) / classifier.lipschitz_bound_
    towards = (
        -np.sign(classifier.decision_function(X))[:, None] * slopes / np.linalg.norm(slopes, axis=1, keepdims=True)
    )
    certified = radii > 0
    assert certified.mean() >= share
    for factor in (0.0, 0.5, 1 - 1e-12):
        moved = X + factor * np.minimum(radii, 1e3)[:, None] * towards
        assert (predict_there(moved).numpy() == predicted)[certified].all()
        assert (classifier.predict(moved) == predicted)[certified].all()
    assert all(flushes)
