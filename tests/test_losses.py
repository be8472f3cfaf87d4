import json

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklip.layers import FrobeniusDense, SpectralDense
from sklip.losses import HKR, KR, HingeMargin, hinge_margin, hkr, kr
from tests.helpers import as_array, reload_elsewhere

tf = pytest.importorskip("tensorflow")

HEADS = pytest.mark.parametrize("heads", [0, 1, 2, 5], ids=["1d", "column", "two", "five"])


def _problem(heads, n=40, seed=0):
    """±1 targets with every class, scores and weights; ``heads`` 0 for one-dimensional arrays."""
    rng = np.random.default_rng(seed)
    shape = (n, heads) if heads else (n,)
    f = 2.0 * rng.standard_normal(shape)
    if heads > 1:
        codes = np.concatenate([np.arange(heads), rng.integers(0, heads, n - heads)])
        y = np.where(codes[:, None] == np.arange(heads), 1.0, -1.0)
    else:
        y = np.concatenate([[1.0, -1.0], np.where(rng.random(n - 2) < 0.3, 1.0, -1.0)]).reshape(shape)
    return y, f, rng.uniform(0.1, 2.0, n)


def _naive_kr(y, f, w, shares=None):
    y, f = y.reshape(len(y), -1), f.reshape(len(y), -1)
    terms = []
    for head in range(y.shape[1]):
        up, down = y[:, head] > 0, y[:, head] <= 0
        masses = (w[up].sum(), w[down].sum())
        if shares is not None:
            masses = (w.sum() * shares[head], w.sum() * (1 - shares[head]))
        upper, lower = (
            np.sum(w[side] * f[side, head]) / mass if mass else 0.0
            for side, mass in zip((up, down), masses, strict=True)
        )
        terms.append(upper - lower)
    return np.mean(terms)


def _naive_hinge(y, f, w, margin, class_weight=None):
    y, f = y.reshape(len(y), -1), f.reshape(len(y), -1)
    total = 0.0
    for row in range(len(y)):
        costs = [max(0.0, margin - y[row, head] * f[row, head]) for head in range(y.shape[1])]
        if len(costs) == 1:
            cost, label = costs[0], int(y[row, 0] > 0)
        else:
            label = int(np.argmax(y[row]))
            cost = 0.5 * costs[label] + 0.5 * np.mean(costs[:label] + costs[label + 1 :])
        total += w[row] * cost * (1.0 if class_weight is None else class_weight[label])
    return total / w.sum()


# Values -------------------------------------------------------------------------------------


@HEADS
@pytest.mark.parametrize("weighted", [False, True])
def test_kr_is_its_formula(heads, weighted):
    y, f, w = _problem(heads)
    value = float(kr(y, f, w if weighted else None))
    assert value == pytest.approx(_naive_kr(y, f, w if weighted else np.ones(len(y))), rel=1e-12)


@HEADS
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("margin", [0.5, 3.0])
def test_hinge_margin_is_its_formula(heads, weighted, margin):
    y, f, w = _problem(heads)
    value = float(hinge_margin(y, f, w if weighted else None, min_margin=margin))
    assert value == pytest.approx(_naive_hinge(y, f, w if weighted else np.ones(len(y)), margin), rel=1e-12)


@HEADS
def test_class_weight_multiplies_the_hinge_of_a_class(heads):
    y, f, w = _problem(heads)
    costs = np.linspace(0.5, 3.0, max(heads, 2))
    value = float(hinge_margin(y, f, w, min_margin=1.5, class_weight=costs))
    assert value == pytest.approx(_naive_hinge(y, f, w, 1.5, costs), rel=1e-12)


@HEADS
def test_hkr_is_its_formula(heads):
    y, f, w = _problem(heads)
    costs = np.linspace(0.5, 3.0, max(heads, 2))
    shares = np.linspace(0.1, 0.4, max(heads, 1))
    expected = -_naive_kr(y, f, w, shares) + 7.0 * _naive_hinge(y, f, w, 0.6, costs)
    value = float(hkr(y, f, w, alpha=7.0, min_margin=0.6, class_weight=costs, class_proportions=shares))
    assert value == pytest.approx(expected, rel=1e-12)


@HEADS
def test_loss_objects_are_their_functions(heads):
    y, f, w = _problem(heads)
    costs, shares = np.linspace(0.5, 3.0, max(heads, 2)), np.linspace(0.1, 0.4, max(heads, 1))
    assert float(KR(shares)(y, f, w)) == -float(kr(y, f, w, shares))
    assert float(HingeMargin(0.6, costs)(y, f, w)) == float(hinge_margin(y, f, w, 0.6, costs))
    expected = float(hkr(y, f, w, 7.0, 0.6, costs, shares))
    assert float(HKR(7.0, 0.6, costs, shares)(y, f, w)) == expected
    assert float(HKR(7.0, 0.6, costs, shares).call(y, f)) == float(hkr(y, f, None, 7.0, 0.6, costs, shares))


@pytest.mark.parametrize("loss", [KR(), HingeMargin(0.6), HKR(7.0, 0.6)], ids=lambda loss: loss.name)
def test_terms_are_named_and_the_first_is_the_loss(loss):
    y, f, w = _problem(1)
    terms = loss.terms(y, f, w)
    assert tuple(terms) == loss.term_names and loss.term_names[0] == "loss"
    assert float(terms["loss"]) == float(loss(y, f, w))
    if "kr" in terms:
        assert float(terms["kr"]) == float(kr(y, f, w))
    if "hinge" in terms:
        assert float(terms["hinge"]) == float(hinge_margin(y, f, w, 0.6))


def test_defaults_are_those_of_the_documentation():
    y, f, _ = _problem(1)
    ones = np.ones(len(y))
    assert float(hkr(y, f)) == pytest.approx(-_naive_kr(y, f, ones) + 10.0 * _naive_hinge(y, f, ones, 1.0))
    assert float(HKR()(y, f)) == float(hkr(y, f))


@pytest.mark.parametrize("loss", [kr, hinge_margin, hkr], ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("dtype", [np.float32, np.int32, bool])
@HEADS
def test_zero_one_targets_and_signs_are_one(loss, dtype, heads):
    y, f, w = _problem(heads)
    f = f.astype(np.float32)
    assert float(loss((y > 0).astype(dtype), f, w)) == float(loss(y.astype(np.float32), f, w))


@pytest.mark.parametrize("loss", [kr, hinge_margin, hkr], ids=lambda loss: loss.__name__)
def test_one_dimension_and_one_column_are_one(loss):
    y, f, w = _problem(0)
    value = float(loss(y, f, w))
    assert value == float(loss(y[:, None], f[:, None], w)) == float(loss(y, f[:, None], w[:, None]))


@pytest.mark.parametrize("loss", [kr, hinge_margin, hkr], ids=lambda loss: loss.__name__)
@given(
    heads=st.sampled_from([1, 2, 4]),
    seed=st.integers(0, 2**32 - 1),
    removed=st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_a_weight_of_zero_removes_the_row(loss, heads, seed, removed):
    y, f, w = _problem(heads, 12, seed)
    removed = np.array(removed)
    removed[0] = False
    expected = float(loss(y[~removed], f[~removed], w[~removed]))
    assert float(loss(y, f, np.where(removed, 0.0, w))) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("loss", [kr, hinge_margin, hkr], ids=lambda loss: loss.__name__)
@HEADS
def test_an_integer_weight_repeats_the_row(loss, heads):
    y, f, _ = _problem(heads)
    times = np.random.default_rng(1).integers(1, 4, len(y))
    repeated = float(loss(np.repeat(y, times, axis=0), np.repeat(f, times, axis=0)))
    assert float(loss(y, f, times)) == pytest.approx(repeated, rel=1e-12)


@HEADS
def test_kr_with_class_proportions_is_unbiased_over_batches(heads):
    """Batches of a few rows, most of which lack a class: their terms average to the data set's."""
    y, f, _ = _problem(heads, 60)
    columns = (y > 0).reshape(60, -1)
    shares = columns.mean(axis=0)
    order = np.random.default_rng(0).permutation(60).reshape(-1, 3)
    terms = [float(kr(y[batch], f[batch], class_proportions=shares)) for batch in order]
    assert any((columns[batch].all(axis=0) | ~columns[batch].any(axis=0)).any() for batch in order)
    assert np.mean(terms) == pytest.approx(float(kr(y, f)), rel=1e-12)


# A batch that lacks a class -----------------------------------------------------------------


@pytest.mark.parametrize("loss", [KR(), HingeMargin(), HKR(), KR((0.2,)), HKR(class_proportions=(0.0,))])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("weight", [None, 0.0, 1.0])
@pytest.mark.parametrize("graph", [False, True])
def test_one_class_has_a_finite_loss_and_finite_gradients(loss, sign, weight, graph):
    y, f = tf.fill((5, 1), sign), tf.Variable(np.linspace(-2, 2, 5)[:, None])
    weights = None if weight is None else tf.fill((5,), weight)

    def value_and_gradient():
        with tf.GradientTape() as tape:
            value = loss(y, f, weights)
        return value, tape.gradient(value, f)

    value, gradient = (tf.function(value_and_gradient) if graph else value_and_gradient)()
    assert np.isfinite(value) and np.isfinite(gradient).all()


@pytest.mark.parametrize("graph", [False, True])
def test_heads_without_rows_have_finite_gradients(graph):
    y = np.where(np.array([0, 0, 2])[:, None] == np.arange(4), 1.0, -1.0)
    f = tf.Variable(np.random.default_rng(0).standard_normal((3, 4)))

    def value_and_gradient():
        with tf.GradientTape() as tape:
            value = HKR()(y, f)
        return value, tape.gradient(value, f)

    value, gradient = (tf.function(value_and_gradient) if graph else value_and_gradient)()
    assert float(value) == pytest.approx(float(hkr(y, f)))
    assert np.isfinite(gradient).all()


def test_with_one_class_there_is_nothing_to_compare():
    for labels in (np.ones(3), -np.ones(3)):
        assert float(kr(labels, np.array([1.0, 2.0, 6.0]))) == 0.0
        assert float(kr(labels, np.array([1.0, 2.0, 6.0]), class_proportions=[labels.max().clip(0)])) == 0.0


def test_the_gradient_of_kr_is_the_difference_of_means():
    y, f = np.array([1.0, 1.0, -1.0]), tf.Variable([0.3, -2.0, 5.0])
    with tf.GradientTape() as tape:
        value = kr(y, f)
    np.testing.assert_allclose(tape.gradient(value, f), [0.5, 0.5, -1.0])


# Keras --------------------------------------------------------------------------------------

LOSSES = [KR((0.25,)), HingeMargin(0.5, (1.0, 3.0)), HKR(2.0, 0.5, (1.0, 3.0), (0.25,), name="mine")]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_losses_survive_their_configuration(loss):
    y, f, w = _problem(1)
    config = json.loads(json.dumps(loss.get_config()))
    twins = [
        type(loss).from_config(config),
        keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))),
    ]
    for twin in twins:
        assert twin.get_config() == loss.get_config() and twin.name == loss.name
        assert float(twin(y, f, w)) == float(loss(y, f, w))


def _compiled(loss, metrics=None):
    network = keras.Sequential([keras.Input((3,)), SpectralDense(8, activation="groupsort2"), FrobeniusDense(1)])
    network.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss, metrics=metrics)
    return network


def _rows(n=64):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 3)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.float32)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_a_compiled_model_trains_and_is_the_same_after_a_file(loss, tmp_path):
    x, y = _rows()
    network = _compiled(loss)
    losses = network.fit(x, y, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    outputs, _, loaded_loss = reload_elsewhere(network, x, tmp_path)
    np.testing.assert_allclose(outputs, network.predict(x, verbose=0), atol=1e-6)
    assert loaded_loss == type(loss).__name__


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_evaluate_is_the_loss_of_the_whole_batch(loss):
    x, y = _rows()
    network = _compiled(loss)
    expected = float(loss(y[:, None], network.predict(x, verbose=0)))
    assert network.evaluate(x, y, batch_size=64, verbose=0) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("metric", [kr, hinge_margin, hkr], ids=lambda metric: metric.__name__)
def test_the_functions_are_metrics(metric):
    x, y = _rows()
    network = _compiled(HKR(), metrics=[metric])
    network.fit(x, y, verbose=0)
    watched = network.evaluate(x, y, batch_size=64, verbose=0, return_dict=True)
    expected = float(metric(y[:, None], network.predict(x, verbose=0)))
    assert watched[metric.__name__] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("metric", [kr, hinge_margin, hkr], ids=lambda metric: metric.__name__)
def test_a_model_with_the_functions_as_metrics_survives_a_file(metric, tmp_path):
    x, y = _rows()
    network = _compiled(HKR(), metrics=[metric])
    network.fit(x, y, verbose=0)
    outputs, _, _ = reload_elsewhere(network, x, tmp_path)
    np.testing.assert_allclose(outputs, network.predict(x, verbose=0), atol=1e-6)


def test_sample_weight_of_fit_enters_the_expectations():
    """Rows of weight 0, wrong ones, change nothing of a step on the whole batch."""
    x, y = _rows()
    wrong = np.concatenate([y, 1 - y]), np.concatenate([np.ones(64), np.zeros(64)])
    trained = []
    for inputs, targets, weights in [(x, y, None), (np.concatenate([x, x]), *wrong)]:
        keras.utils.set_random_seed(1)
        network = _compiled(HKR())
        network.fit(inputs, targets, sample_weight=weights, batch_size=128, epochs=3, verbose=0, shuffle=False)
        trained.append(network.get_weights())
    for here, there in zip(*trained, strict=True):
        np.testing.assert_allclose(here, there, atol=1e-5)


def test_sample_weight_of_evaluate_is_that_of_the_loss():
    x, y = _rows()
    w = np.random.default_rng(0).uniform(0, 2, 64).astype(np.float32)
    network = _compiled(HKR())
    expected = float(HKR()(y[:, None], network.predict(x, verbose=0), w))
    assert network.evaluate(x, y, sample_weight=w, batch_size=64, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_losses_return_scalars_of_the_scores_dtype():
    y, f, _ = _problem(3)
    for dtype in (np.float32, np.float64):
        value = HKR()(y, f.astype(dtype))
        assert as_array(value).shape == () and as_array(value).dtype == dtype
