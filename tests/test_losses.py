import inspect
import json
import math

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklip.layers import FrobeniusDense, SpectralDense
from sklip.losses import (
    HKR,
    KR,
    CategoricalHinge,
    HingeMargin,
    LseHKR,
    MulticlassHinge,
    MulticlassHKR,
    MultiMargin,
    SoftHKR,
    TauBinaryCrossentropy,
    TauCategoricalCrossentropy,
    TauSparseCategoricalCrossentropy,
    hinge_margin,
    hkr,
    kr,
)
from tests.helpers import as_array, reload_elsewhere

tf = pytest.importorskip("tensorflow")

HEADS = pytest.mark.parametrize("heads", [0, 1, 2, 5], ids=["1d", "column", "two", "five"])


@pytest.fixture(autouse=True)
def _seeded_tensorflow():
    """Keras' own ``fit`` shuffles the rows by the seed of TensorFlow."""
    keras.utils.set_random_seed(0)


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


_COSTS, _SHARES = (0.5, 1.0, 2.0, 3.0), (0.1, 0.2, 0.3, 0.4)
ONE_COLUMN = [
    KR((0.25,)),
    HingeMargin(0.5, (1.0, 3.0)),
    HKR(2.0, 0.5, (1.0, 3.0), (0.25,), name="mine"),
    TauBinaryCrossentropy(2.5, 0.3, (1.0, 3.0)),
]
FOUR_COLUMNS = [
    MulticlassHinge(0.6, _COSTS),
    MulticlassHKR(7.0, 0.6, _COSTS, _SHARES),
    MultiMargin(0.6, _COSTS),
    CategoricalHinge(0.6, _COSTS),
    SoftHKR(7.0, 0.6, 1.5, _COSTS),
    LseHKR(7.0, 0.6, 0.8, _COSTS),
    TauCategoricalCrossentropy(2.5, 0.3, _COSTS),
    TauSparseCategoricalCrossentropy(2.5, 0.3, _COSTS),
]
LOSSES = [(loss, 1) for loss in ONE_COLUMN] + [(loss, 4) for loss in FOUR_COLUMNS]
HEADS_OF_FUNCTIONS = [(loss, heads) for loss in (kr, hinge_margin, hkr) for heads in (0, 1, 2, 5)]


def _name(value):
    return getattr(value, "__name__", None) or getattr(value, "name", None) or str(value)


EACH_LOSS = pytest.mark.parametrize("loss, heads", LOSSES, ids=_name)
EACH = pytest.mark.parametrize("loss, heads", HEADS_OF_FUNCTIONS + LOSSES, ids=_name)
FOR_A_NUMBER_OF_HEADS = [(loss, heads) for loss, heads in LOSSES if loss.heads]
WITHOUT_FUNCTION = [(loss, 0) for loss, heads in FOR_A_NUMBER_OF_HEADS if heads == 1] + FOR_A_NUMBER_OF_HEADS
NEW = pytest.mark.parametrize("loss, heads", WITHOUT_FUNCTION, ids=_name)


def _targets(loss, y):
    """Targets as the loss takes them: numbers of the classes where it is of those."""
    return y.argmax(axis=1) if isinstance(loss, TauSparseCategoricalCrossentropy) else y


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


def _naive_row(loss, label, row):
    """What a row gains, and what it costs: the formulas of the documentation, score by score."""
    if isinstance(loss, TauBinaryCrossentropy):
        signed = row[0] if label else -row[0]
        return 0.0, math.log(1.0 + math.exp(-loss.tau * (signed - loss.margin_offset))) / loss.tau
    own, others = row[label], [score for head, score in enumerate(row) if head != label]
    if isinstance(loss, (TauCategoricalCrossentropy, TauSparseCategoricalCrossentropy)):
        odds = [math.exp(loss.tau * (score - own + loss.margin_offset)) for score in others]
        return 0.0, math.log(1.0 + sum(odds)) / loss.tau
    margin = loss.min_margin
    if isinstance(loss, MultiMargin):
        return 0.0, sum(max(0.0, margin - (own - score)) for score in others) / len(row)
    if isinstance(loss, CategoricalHinge):
        return 0.0, max(0.0, margin - (own - max(others)))
    if isinstance(loss, SoftHKR):
        odds = [math.exp(loss.temperature * score) for score in others]
        shares = [odd / sum(odds) for odd in odds]
        gain = own - sum(share * score for share, score in zip(shares, others, strict=True))
        cost = sum(share * max(0.0, margin + score) for share, score in zip(shares, others, strict=True))
        return gain, max(0.0, margin - own) + cost
    sharpness = math.log(len(others)) / (loss.penalty * margin)
    rest = math.log(sum(math.exp(sharpness * score) for score in others)) / sharpness
    return own - rest, max(0.0, margin - own) + max(0.0, margin + rest)


def _naive(loss, y, f, w):
    if isinstance(loss, MulticlassHinge):
        return _naive_hinge(y, f, w, loss.min_margin, loss.class_weight)
    if isinstance(loss, MulticlassHKR):
        hinge = _naive_hinge(y, f, w, loss.min_margin, loss.class_weight)
        return -_naive_kr(y, f, w, np.array(loss.class_proportions)) + loss.alpha * hinge
    y, f = y.reshape(len(y), -1), f.reshape(len(y), -1)
    total = 0.0
    for signs, row, weight in zip(y, f.tolist(), w.tolist(), strict=True):
        label = int(np.argmax(signs)) if len(row) > 1 else int(signs[0] > 0)
        gain, cost = _naive_row(loss, label, row)
        total += weight * (-gain + getattr(loss, "alpha", 1.0) * loss.class_weight[label] * cost)
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


@NEW
@pytest.mark.parametrize("weighted", [False, True])
def test_a_loss_is_its_formula(loss, heads, weighted):
    y, f, w = _problem(heads)
    value = float(loss(_targets(loss, y), f, w if weighted else None))
    assert value == pytest.approx(_naive(loss, y, f, w if weighted else np.ones(len(y))), rel=1e-12)
    if not weighted:
        assert float(loss.call(_targets(loss, y), f)) == value


@EACH_LOSS
def test_terms_are_named_and_the_first_is_the_loss(loss, heads):
    y, f, w = _problem(heads)
    terms = {name: float(value) for name, value in loss.terms(_targets(loss, y), f, w).items()}
    assert tuple(terms) == loss.term_names and loss.term_names[0] == "loss"
    assert terms["loss"] == float(loss(_targets(loss, y), f, w))
    if isinstance(loss, (KR, HKR)):
        assert terms["kr"] == float(kr(y, f, w, loss.class_proportions))
    if isinstance(loss, (HingeMargin, HKR)):
        assert terms["hinge"] == float(hinge_margin(y, f, w, loss.min_margin, loss.class_weight))
    if loss.term_names == ("loss", "kr", "hinge"):
        assert terms["loss"] == pytest.approx(-terms["kr"] + loss.alpha * terms["hinge"])
    if "cross_entropy" in terms:
        assert terms["cross_entropy"] == pytest.approx(loss.tau * terms["loss"])


@pytest.mark.parametrize("loss", [loss for loss in FOUR_COLUMNS if hasattr(loss, "alpha")], ids=_name)
def test_a_batch_that_is_right_by_the_margin_has_no_hinge(loss):
    y = np.where(np.eye(4) > 0, 1.0, -1.0)
    terms = loss.terms(y, 10.0 * y)
    assert float(terms["hinge"]) == 0.0 and float(terms["kr"]) > 10.0


def test_defaults_are_those_of_the_documentation():
    y, f, _ = _problem(1)
    ones = np.ones(len(y))
    assert float(hkr(y, f)) == pytest.approx(-_naive_kr(y, f, ones) + 10.0 * _naive_hinge(y, f, ones, 1.0))
    assert float(HKR()(y, f)) == float(hkr(y, f))


@pytest.mark.parametrize("dtype", [np.float32, np.int32, bool])
# But the last, whose targets are the numbers of the classes.
@pytest.mark.parametrize("loss, heads", HEADS_OF_FUNCTIONS + LOSSES[:-1], ids=_name)
def test_zero_one_targets_and_signs_are_one(loss, heads, dtype):
    y, f, w = _problem(heads)
    f = f.astype(np.float32)
    assert float(loss((y > 0).astype(dtype), f, w)) == float(loss(y.astype(np.float32), f, w))


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_numbers_of_classes_are_their_one_hot_rows(shape, dtype):
    y, f, w = _problem(4)
    expected = float(TauCategoricalCrossentropy(2.5, 0.3, _COSTS)(y, f, w))
    numbers = y.argmax(axis=1).astype(dtype).reshape(shape)
    assert float(TauSparseCategoricalCrossentropy(2.5, 0.3, _COSTS)(numbers, f, w)) == expected


@pytest.mark.parametrize("loss", [kr, hinge_margin, hkr, ONE_COLUMN[-1]], ids=_name)
def test_one_dimension_and_one_column_are_one(loss):
    y, f, w = _problem(0)
    value = float(loss(y, f, w))
    assert value == float(loss(y[:, None], f[:, None], w)) == float(loss(y, f[:, None], w[:, None]))


@EACH
@given(seed=st.integers(0, 2**32 - 1), removed=st.lists(st.booleans(), min_size=12, max_size=12))
def test_a_weight_of_zero_removes_the_row(loss, heads, seed, removed):
    y, f, w = _problem(heads, 12, seed)
    y = _targets(loss, y)
    removed = np.array(removed)
    removed[0] = False
    expected = float(loss(y[~removed], f[~removed], w[~removed]))
    assert float(loss(y, f, np.where(removed, 0.0, w))) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@EACH
def test_an_integer_weight_repeats_the_row(loss, heads):
    y, f, _ = _problem(heads)
    y = _targets(loss, y)
    times = np.random.default_rng(1).integers(1, 4, len(y))
    repeated = loss(np.repeat(y, times, axis=0), np.repeat(f, times, axis=0), np.ones(times.sum()))
    assert float(loss(y, f, times)) == pytest.approx(float(repeated), rel=1e-12)


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


@pytest.mark.parametrize(
    "loss", [KR(), HingeMargin(), HKR(), KR((0.2,)), HKR(class_proportions=(0.0,)), TauBinaryCrossentropy(20.0, 0.3)]
)
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


@pytest.mark.parametrize("loss", [HKR(), *FOUR_COLUMNS], ids=_name)
@pytest.mark.parametrize("labels", [(0, 0, 2), (1, 1, 1)], ids=["two-classes", "one-class"])
@pytest.mark.parametrize("weight", [None, 0.0])
@pytest.mark.parametrize("graph", [False, True])
def test_heads_without_rows_have_finite_gradients(loss, labels, weight, graph):
    y = np.where(np.array(labels)[:, None] == np.arange(4), 1.0, -1.0)
    f = tf.Variable(np.random.default_rng(0).standard_normal((3, 4)))
    weights = None if weight is None else tf.fill((3,), weight)

    def value_and_gradient():
        with tf.GradientTape() as tape:
            value = loss(_targets(loss, y), f, weights)
        return value, tape.gradient(value, f)

    value, gradient = (tf.function(value_and_gradient) if graph else value_and_gradient)()
    assert float(value) == pytest.approx(float(loss(_targets(loss, y), f, weights)))
    assert np.isfinite(value) and np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0 or weight == 0.0


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


@EACH_LOSS
def test_losses_survive_their_configuration(loss, heads):
    y, f, w = _problem(heads)
    y = _targets(loss, y)
    config = json.loads(json.dumps(loss.get_config()))
    twins = [
        type(loss).from_config(config),
        keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))),
    ]
    for twin in twins:
        assert type(twin) is type(loss)
        assert twin.get_config() == loss.get_config() and twin.name == loss.name
        assert float(twin(y, f, w)) == float(loss(y, f, w))


@EACH_LOSS
def test_every_parameter_is_in_the_configuration(loss, heads):
    parameters = list(inspect.signature(type(loss)).parameters)
    assert sorted(loss.get_config()) == sorted(parameters) and set(parameters) == {*loss.parameter_names, "name"}


def test_every_loss_has_a_different_default_name():
    names = {type(loss): inspect.signature(type(loss)).parameters["name"].default for loss, _ in LOSSES}
    assert len(set(names.values())) == len(names) == len(LOSSES)
    assert all(kind().name == name == kind().get_config()["name"] for kind, name in names.items())


def _compiled(loss, metrics=None, heads=1):
    network = keras.Sequential([keras.Input((3,)), SpectralDense(8, activation="groupsort2"), FrobeniusDense(heads)])
    network.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss, metrics=metrics, jit_compile=False)
    return network


def _rows(n=64, loss=None, heads=1):
    x = np.random.default_rng(0).standard_normal((n, 3)).astype(np.float32)
    if heads == 1:
        return x, (x[:, 0] > 0).astype(np.float32)
    labels = 2 * (x[:, 0] > 0) + (x[:, 1] > 0)
    return x, _targets(loss, (labels[:, None] == np.arange(heads)).astype(np.float32))


@EACH_LOSS
def test_a_compiled_model_trains_and_is_the_same_after_a_file(loss, heads, tmp_path):
    x, y = _rows(64, loss, heads)
    network = _compiled(loss, heads=heads)
    losses = network.fit(x, y, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert all(np.isfinite(weights).all() for weights in network.get_weights())
    outputs, _, loaded_loss = reload_elsewhere(network, x, tmp_path)
    np.testing.assert_allclose(outputs, as_array(network(x)), atol=1e-6)
    assert loaded_loss == type(loss).__name__


@EACH_LOSS
def test_evaluate_is_the_loss_of_the_whole_batch(loss, heads):
    x, y = _rows(64, loss, heads)
    network = _compiled(loss, heads=heads)
    expected = float(loss(y[:, None] if y.ndim == 1 else y, network(x)))
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


@EACH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_return_scalars_of_the_scores_dtype(loss, heads, dtype):
    y, f, w = _problem(heads)
    value = as_array(loss(_targets(loss, y), f.astype(dtype), w))
    assert value.shape == () and value.dtype == dtype


# The others take any number of columns.
@pytest.mark.parametrize("loss, heads", FOR_A_NUMBER_OF_HEADS, ids=_name)
def test_a_loss_of_the_other_number_of_columns_is_an_error(loss, heads):
    wrong = np.zeros((2, 4 if heads == 1 else 1))
    y = np.zeros(2) if isinstance(loss, TauSparseCategoricalCrossentropy) else wrong
    with pytest.raises(ValueError, match=f"^{type(loss).__name__} needs .* got {wrong.shape[1]}"):
        loss(y, wrong)


# Relations to the losses of other libraries -------------------------------------------------


@pytest.mark.parametrize("heads", [2, 3, 10])
@pytest.mark.parametrize("margin", [0.3, 1.0, 4.0])
def test_deel_lips_multiclass_hinge_is_a_multiple(heads, margin):
    """deel-lip: the mean over heads of ``max(0, m/2 − s f)``, the positive head times ``C − 1``."""
    y, f, _ = _problem(heads)
    theirs = np.mean(
        [
            np.mean(
                [max(0.0, margin / 2 - s * score) * (heads - 1 if s > 0 else 1) for s, score in zip(*row, strict=True)]
            )
            for row in zip(y, f, strict=True)
        ]
    )
    ours = float(MulticlassHinge(margin / 2)(y, f))
    assert theirs == pytest.approx(2 * (heads - 1) / heads * ours, rel=1e-12)


@pytest.mark.parametrize("margin", [0.5, 2.0])
def test_multi_margin_is_the_formula_of_pytorch(margin):
    """``sum_{i≠y} max(0, margin − x[y] + x[i]) / x.size(0)``, the mean over rows, and the weight of the class of y."""
    y, f, _ = _problem(4)
    rows = []
    for label, x in zip(y.argmax(axis=1), f, strict=True):
        rows.append(sum(_COSTS[label] * max(0.0, margin - x[label] + x[i]) for i in range(4) if i != label) / 4)
    assert float(MultiMargin(margin, _COSTS)(y, f)) == pytest.approx(np.mean(rows), rel=1e-12)


def _of_keras(heads):
    if heads == 1:
        return TauBinaryCrossentropy, keras.losses.BinaryCrossentropy(from_logits=True)
    return TauCategoricalCrossentropy, keras.losses.CategoricalCrossentropy(from_logits=True)


@pytest.mark.parametrize("tau", [1.0, 0.3, 20.0])
@pytest.mark.parametrize("heads", [1, 2, 4])
def test_cross_entropy_is_that_of_keras_divided_by_the_temperature(heads, tau):
    y, f, _ = _problem(heads)
    ours, theirs = _of_keras(heads)
    expected = float(theirs((y > 0).astype("float32"), (tau * f).astype("float32"))) / tau
    assert float(ours(tau)(y, f)) == pytest.approx(expected, rel=1e-6)


def test_sparse_cross_entropy_is_that_of_keras():
    y, f, _ = _problem(4)
    labels = y.argmax(axis=1)
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, f.astype("float32"))
    assert float(TauSparseCategoricalCrossentropy()(labels, f)) == pytest.approx(float(theirs), rel=1e-6)


@pytest.mark.parametrize("heads", [1, 4])
def test_a_large_temperature_gives_the_hinge_without_margin(heads):
    """``log(1 + exp(−tau y f)) / tau`` is ``max(0, −y f)`` to ``log(C) / tau``."""
    y, f, _ = _problem(heads)
    hinge = HingeMargin(0.0) if heads == 1 else CategoricalHinge(0.0)
    assert float(_of_keras(heads)[0](1e6)(y, f)) == pytest.approx(float(hinge(y, f)), abs=math.log(4) / 1e6)


@pytest.mark.parametrize(("hinge", "both"), [(HingeMargin, HKR), (MulticlassHinge, MulticlassHKR)])
def test_losses_of_several_columns_are_their_formulas(hinge, both):
    y, f, w = _problem(4)
    expected = _naive_hinge(y, f, w, 0.6, _COSTS)
    assert float(hinge(0.6, _COSTS)(y, f, w)) == pytest.approx(expected, rel=1e-12)
    expected = 7.0 * expected - _naive_kr(y, f, w, np.array(_SHARES))
    assert float(both(7.0, 0.6, _COSTS, _SHARES)(y, f, w)) == pytest.approx(expected, rel=1e-12)


def test_of_two_classes_the_other_head_is_the_rest():
    """Soft and log-sum-exp HKR are then the same, whatever their temperature."""
    y, f, w = _problem(2)
    values = [float(SoftHKR(7.0, 0.6, temperature)(y, f, w)) for temperature in (0.0, 1.0, 50.0)]
    values += [float(LseHKR(7.0, 0.6, penalty)(y, f, w)) for penalty in (0.1, 1.0)]
    np.testing.assert_allclose(values, values[0], rtol=1e-12)


def test_soft_hkr_has_the_weights_as_constants():
    """The gradient by a head is its weight times the slope of its term."""
    f = tf.Variable([[0.2, 0.5, -3.0]])
    with tf.GradientTape() as tape:
        value = SoftHKR(alpha=10.0, min_margin=1.0, temperature=1.0)(np.array([[1, 0, 0]]), f)
    share = 1 / (1 + math.exp(-3.5))
    np.testing.assert_allclose(tape.gradient(value, f), [[-11.0, 11.0 * share, 1.0 - share]], rtol=1e-5)


@pytest.mark.parametrize("loss, heads", [(HKR(2.0, 0.5), 1), (TauCategoricalCrossentropy(3.0, 0.1), 3)], ids=_name)
def test_a_step_compiled_by_xla_is_the_same(loss, heads):
    """What Keras chooses on its own, where it can."""
    x, y = _rows(loss=loss, heads=heads)
    trained = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(1)
        network = _compiled(loss, heads=heads)
        network.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss, jit_compile=jit_compile)
        network.fit(x, y, epochs=2, verbose=0, shuffle=False)
        trained.append(network.get_weights())
    for here, there in zip(*trained, strict=True):
        np.testing.assert_allclose(here, there, atol=1e-4)


@pytest.mark.parametrize("wrong", [{"min_margin": 0.0}, {"penalty": 0.0}, {"penalty": float("nan")}])
def test_the_soft_maximum_needs_a_margin_and_a_penalty(wrong):
    with pytest.raises(ValueError, match="LseHKR needs min_margin and penalty above 0; got"):
        LseHKR(**wrong)
