import functools
import math

import keras
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from sklip.loss_formulas import (
    categorical_hinge_cost,
    class_factor,
    cross_entropy_cost,
    expectation,
    hinge_cost,
    kantorovich_rubinstein,
    log_sum_exp,
    multi_margin_cost,
    soft_weights,
)
from sklip.losses._base import columns
from tests.helpers import as_array

tf = pytest.importorskip("tensorflow")

XP = pytest.mark.parametrize("xp", [np, keras.ops], ids=["numpy", "keras"])
DTYPE = pytest.mark.parametrize("dtype", ["float32", "float64"])
# Neither 0.1, 3.7 nor 0.3 is a float32: the bits that float32 drops count as well.
SETTINGS = [(1.0, 0.0), (0.1, 0.3), (3.7, 0.0), (37.0, 0.3)]


def _mask(labels, heads):
    """Rows of the positive class of one column where the label is not 0, one-hot rows of several."""
    if heads == 1:
        return np.float64(labels != 0)[:, None]
    return np.float64(labels[:, None] == np.arange(heads))


def _apply(formula, xp, *arguments):
    """A formula of arrays of NumPy or of Keras, as a NumPy array."""
    if xp is keras.ops:
        arguments = [
            keras.ops.convert_to_tensor(value) if isinstance(value, np.ndarray) else value for value in arguments
        ]
    return as_array(formula(xp, *arguments))


def _gradient(formula, positive, scores, *arguments):
    scores = tf.Variable(scores)
    with tf.GradientTape() as tape:
        value = formula(keras.ops, tf.constant(positive), scores, *arguments)
    return tape.gradient(value, scores).numpy()


# Cross-entropy: accuracy --------------------------------------------------------------------

# Around the points where float32 and float64 underflow, and where the formula changes.
_TURNS = [0.0, 1.0, 16.6, 36.7, 59.9, 60.1, 87.2, 88.1, 103.0, 104.0, 300.0, 708.2, 709.7, 744.0, 746.0, 999.0, 1001.0]


@functools.cache
def _scores(heads, dtype, temperature):
    """Labels and scores, of which ``|temperature · f|`` is 1e-10 to 1e4: rows of one size and of several."""
    rng = np.random.default_rng(heads)
    sizes = np.concatenate([10.0 ** np.linspace(-10, 4, 43), _TURNS])
    sizes = np.tile(sizes, 2)[:, None] * np.ones(heads)
    signs = np.where(np.arange(len(sizes)) < len(sizes) // 2, 1.0, -1.0)[:, None]
    one_size = sizes * (signs if heads == 1 else rng.uniform(-1.0, 1.0, sizes.shape))
    several = 10.0 ** rng.uniform(-10, 4, sizes.shape) * rng.choice([-1.0, 1.0], sizes.shape)
    # All but equal: what the subtraction loses is all there is.
    close = rng.uniform(-10.0, 10.0, (20, 1)) * (1.0 + 1e-6 * rng.standard_normal((20, heads)))
    scores = np.concatenate([one_size, several, close]) / temperature
    return rng.integers(0, max(heads, 2), len(scores)), scores.astype(dtype)


@functools.cache
def _exact_costs(heads, dtype, temperature, margin_offset):
    """The formula with 60 digits."""
    labels, scores = _scores(heads, dtype, temperature)
    results = []
    with mpmath.workdps(60):
        t, m = mpmath.mpf(temperature), mpmath.mpf(margin_offset)
        for label, row in zip(labels.tolist(), scores.tolist(), strict=True):
            row = [mpmath.mpf(score) for score in row]
            if heads == 1:
                gaps = [-row[0] if label else row[0]]
            else:
                gaps = [score - row[label] for head, score in enumerate(row) if head != label]
            odds = mpmath.fsum(mpmath.exp(t * (gap + m)) for gap in gaps)
            results.append(mpmath.log1p(odds))
    return results


def _assert_within_4_ulp(costs, exact):
    limits = np.finfo(costs.dtype)
    assert costs.shape == (len(exact), 1)
    for row, (found, truth) in enumerate(zip(costs[:, 0].tolist(), exact, strict=True)):
        if truth >= float(limits.tiny):
            ulp = float(np.spacing(costs.dtype.type(float(truth))))
            assert abs(found - truth) <= 4 * ulp, f"row {row}: {found!r} for {mpmath.nstr(truth, 20)}"
        else:
            assert 0.0 <= found <= float(limits.tiny), f"row {row}: {found!r} for {mpmath.nstr(truth, 20)}"


@DTYPE
@pytest.mark.parametrize("heads", [1, 2, 3, 10])
@XP
def test_cross_entropy_is_within_4_ulp_of_the_exact_one(xp, heads, dtype):
    for setting in SETTINGS:
        labels, scores = _scores(heads, dtype, setting[0])
        costs = _apply(cross_entropy_cost, xp, _mask(labels, heads).astype(dtype), scores, *setting)
        assert costs.dtype == dtype
        _assert_within_4_ulp(costs, _exact_costs(heads, dtype, *setting))


@DTYPE
@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("compiled", [False, True])
def test_no_optimiser_of_graphs_takes_the_accuracy_away(compiled, heads, dtype):
    """Masks and scores are arguments of the graph: none is a constant that could be folded away."""
    settings = [SETTINGS[-1]] if compiled else SETTINGS
    inputs = [_scores(heads, dtype, temperature) for temperature, _ in settings]

    @tf.function(jit_compile=compiled)
    def graph(masks, scores):
        return [
            cross_entropy_cost(keras.ops, *pair, *setting)
            for *pair, setting in zip(masks, scores, settings, strict=True)
        ]

    masks = [tf.constant(_mask(labels, heads).astype(dtype)) for labels, _ in inputs]
    results = graph(masks, [tf.constant(scores) for _, scores in inputs])
    for setting, costs in zip(settings, results, strict=True):
        _assert_within_4_ulp(as_array(costs), _exact_costs(heads, dtype, *setting))


# Cross-entropy: properties ------------------------------------------------------------------


@XP
@DTYPE
@pytest.mark.parametrize("heads", [1, 4])
def test_a_scalar_array_is_a_temperature_and_a_margin(xp, dtype, heads):
    labels, scores = _scores(heads, dtype, 2.0)
    mask = _mask(labels, heads).astype(dtype)
    arrays = [np.asarray(number, dtype) for number in (2.0, 0.5)]
    expected = _apply(cross_entropy_cost, xp, mask, scores, 2.0, 0.5)
    np.testing.assert_allclose(_apply(cross_entropy_cost, xp, mask, scores, *arrays), expected, rtol=1e-6)


@DTYPE
@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize("targets", [np.float32, np.float64, np.int32, np.int8, bool])
def test_zero_one_targets_and_signs_give_equal_bits(targets, heads, dtype):
    labels, scores = _scores(heads, dtype, 3.7)
    mask = _mask(labels, heads)
    signs = columns(2.0 * mask - 1.0, scores, None)[0]
    zero_one = columns(mask.astype(targets), scores, None)[0]
    costs = [as_array(cross_entropy_cost(keras.ops, positive, scores, 3.7, 0.3)) for positive in (signs, zero_one)]
    assert costs[0].tobytes() == costs[1].tobytes()
    assert as_array(zero_one).sum() == mask.sum()


@XP
@DTYPE
@given(
    f=st.floats(-100, 100, width=32),
    label=st.booleans(),
    temperature=st.floats(2**-5, 64, width=32),
    margin_offset=st.floats(0, 1, width=32),
)
def test_one_column_is_two_of_half_the_score(xp, dtype, f, label, temperature, margin_offset):
    setting = temperature, margin_offset
    one = _apply(cross_entropy_cost, xp, np.full((1, 1), label, dtype), np.full((1, 1), f, dtype), *setting)
    mask, scores = np.array([[not label, label]], dtype), np.array([[-f / 2, f / 2]], dtype)
    two = _apply(cross_entropy_cost, xp, mask, scores, *setting)
    np.testing.assert_allclose(two, one, rtol=8 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).tiny)


@XP
@DTYPE
def test_cross_entropy_decreases_strictly_with_the_signed_score(xp, dtype):
    reach = 80.0 if dtype == "float32" else 700.0
    scores = np.linspace(-1e3, reach, 1001, dtype=dtype)[:, None]
    for label in (0.0, 1.0):
        costs = _apply(cross_entropy_cost, xp, np.full_like(scores, label), (2 * label - 1) * scores, 1.0)
        assert (np.diff(costs[:, 0]) < 0).all()


@XP
@DTYPE
@pytest.mark.parametrize("head", [0, 1, 2])
def test_cross_entropy_falls_with_the_own_score_and_grows_with_the_others(xp, dtype, head):
    scores = np.zeros((401, 3), dtype)
    scores[:, head] = np.linspace(-8, 8, 401)
    mask = np.tile(np.array([0, 1, 0], dtype), (401, 1))
    steps = np.diff(_apply(cross_entropy_cost, xp, mask, scores, 1.5, 0.3)[:, 0])
    assert (steps < 0).all() if head == 1 else (steps > 0).all()


@XP
@DTYPE
@pytest.mark.parametrize("heads", [1, 5])
def test_cross_entropy_of_equal_scores_is_the_logarithm_of_the_classes(xp, dtype, heads):
    mask = _mask(np.arange(max(heads, 2)), heads).astype(dtype)
    costs = _apply(cross_entropy_cost, xp, mask, np.zeros_like(mask), 0.1)
    np.testing.assert_allclose(costs, np.log(max(heads, 2)), rtol=4 * np.finfo(dtype).eps)


# Cross-entropy: gradients -------------------------------------------------------------------

_MAGNITUDES = [10.0**power for power in (-10, -5, -2, 0, 0.5, 1, 1.5, 2, 2.5, 3, 5, 10, 20, 30)]
_EXTREMES = np.array([0.0, *_MAGNITUDES, *(-size for size in _MAGNITUDES)])[:, None]


@DTYPE
@pytest.mark.parametrize("temperature, margin_offset", SETTINGS)
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_the_gradient_of_one_column_is_a_sigmoid(label, temperature, margin_offset, dtype):
    scores = _EXTREMES.astype(dtype)
    sign = 2 * label - 1
    gradient = _gradient(cross_entropy_cost, np.full_like(scores, label), scores, temperature, margin_offset)
    with mpmath.workdps(30):
        slopes = [
            temperature / (1 + mpmath.exp(temperature * (sign * mpmath.mpf(f) - margin_offset)))
            for f in scores[:, 0].tolist()
        ]
    expected = np.array([[-sign * float(slope)] for slope in slopes])
    assert gradient.dtype == dtype
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=4 * np.finfo(dtype).tiny)


@DTYPE
@pytest.mark.parametrize("temperature", [1.0, 0.1, 3.7, 37.0, 1e-3, 1e4])
@pytest.mark.parametrize("graph", [False, True])
def test_the_gradient_at_0_is_half_the_temperature(graph, temperature, dtype):
    mask, scores = np.array([[1.0], [0.0]], dtype), np.zeros((2, 1), dtype)

    def gradient(positive, f):
        with tf.GradientTape() as tape:
            tape.watch(f)
            value = cross_entropy_cost(keras.ops, positive, f, temperature)
        return tape.gradient(value, f)

    found = (tf.function(gradient) if graph else gradient)(tf.constant(mask), tf.constant(scores))
    half = np.dtype(dtype).type(temperature) / 2
    assert found.numpy().tolist() == [[-half], [half]]


@DTYPE
@pytest.mark.parametrize("temperature, margin_offset", SETTINGS)
def test_the_gradient_of_several_columns_is_that_of_a_softmax(temperature, margin_offset, dtype):
    rng = np.random.default_rng(0)
    sizes = np.array([0.0, 1e-10, 1e-3, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 400.0]) / temperature
    scores = (rng.choice(sizes, (150, 4)) * rng.uniform(-1.0, 1.0, (150, 4))).astype(dtype)
    scores[0] = 0.0
    mask = _mask(rng.integers(0, 4, 150), 4).astype(dtype)
    gradient = _gradient(cross_entropy_cost, mask, scores, temperature, margin_offset)
    expected = np.zeros((150, 4))
    with mpmath.workdps(60):
        for row, (label, values) in enumerate(zip(mask.argmax(axis=1).tolist(), scores.tolist(), strict=True)):
            gaps = [mpmath.mpf(value) - mpmath.mpf(values[label]) + margin_offset for value in values]
            odds = [mpmath.exp(temperature * gap) if head != label else 0 for head, gap in enumerate(gaps)]
            slopes = [temperature * odd / (1 + sum(odds)) for odd in odds]
            slopes[label] = -sum(slopes)
            expected[row] = [float(slope) for slope in slopes]
    # A share is an exponential of up to −90 less the largest: each unit of the exponent costs it half an ulp.
    tolerance = 1e-5 if dtype == "float32" else 1e-6
    np.testing.assert_allclose(gradient, expected, rtol=tolerance, atol=100 * np.finfo(dtype).tiny)
    np.testing.assert_allclose(gradient[mask > 0], expected[mask > 0], rtol=1e-6, atol=100 * np.finfo(dtype).tiny)


@DTYPE
@pytest.mark.parametrize("temperature, margin_offset", SETTINGS)
def test_scores_of_any_size_have_finite_costs_and_gradients(temperature, margin_offset, dtype):
    """What the own class's score gains the others' lose, at most the temperature."""
    rng = np.random.default_rng(0)
    scores = rng.choice(_EXTREMES[:, 0], (300, 4)).astype(dtype)
    mask = _mask(rng.integers(0, 4, 300), 4).astype(dtype)
    costs = _apply(cross_entropy_cost, keras.ops, mask, scores, temperature, margin_offset)
    gradient = _gradient(cross_entropy_cost, mask, scores, temperature, margin_offset)
    assert np.isfinite(costs).all() and (costs >= 0).all()
    assert np.isfinite(gradient).all() and (np.where(mask > 0, -gradient, gradient) >= 0).all()
    tolerance = 8 * np.finfo(dtype).eps * temperature
    np.testing.assert_allclose(gradient.sum(axis=1), 0.0, atol=tolerance)
    assert np.abs(gradient).max() <= temperature + tolerance


# The other formulas -------------------------------------------------------------------------


def _rows(heads, dtype, seed=0, n=30):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(max(heads, 2)), rng.integers(0, max(heads, 2), n - max(heads, 2))])
    scores, weight = 2.0 * rng.standard_normal((n, heads)), rng.uniform(0.1, 2.0, (n, 1))
    return labels, _mask(labels, heads).astype(dtype), scores.astype(dtype), weight.astype(dtype)


def _assert_close(found, expected):
    assert found.dtype in (np.float32, np.float64)
    tolerance = 64 * np.finfo(found.dtype).eps
    np.testing.assert_allclose(found, np.reshape(expected, found.shape), rtol=tolerance, atol=tolerance)


def _others(label, row):
    return [score for head, score in enumerate(row) if head != label]


def _naive_hinge(label, row, margin):
    if len(row) == 1:
        return max(0.0, margin - row[0] if label else margin + row[0])
    others = [max(0.0, margin + score) for score in _others(label, row)]
    return 0.5 * max(0.0, margin - row[label]) + 0.5 * sum(others) / len(others)


def _naive_multi_margin(label, row, margin):
    return sum(max(0.0, margin - (row[label] - score)) for score in _others(label, row)) / len(row)


def _naive_categorical_hinge(label, row, margin):
    return max(0.0, margin - (row[label] - max(_others(label, row))))


def _naive_log_sum_exp(label, row, sharpness):
    return math.log(sum(math.exp(sharpness * score) for score in _others(label, row))) / sharpness


def _naive_soft_weights(label, row, temperature):
    odds = [0.0 if head == label else math.exp(temperature * score) for head, score in enumerate(row)]
    return [1.0 if head == label else odd / sum(odds) for head, odd in enumerate(odds)]


@XP
@DTYPE
@pytest.mark.parametrize("number", [0.4, 1.0, 3.0])
@pytest.mark.parametrize(
    "formula, naive, heads",
    [
        *((hinge_cost, _naive_hinge, heads) for heads in (1, 2, 5)),
        *((multi_margin_cost, _naive_multi_margin, heads) for heads in (2, 5)),
        *((categorical_hinge_cost, _naive_categorical_hinge, heads) for heads in (2, 5)),
        *((log_sum_exp, _naive_log_sum_exp, heads) for heads in (2, 5)),
        *((soft_weights, _naive_soft_weights, heads) for heads in (2, 5)),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_formula_of_rows_is_its_loop(formula, naive, heads, number, dtype, xp):
    labels, mask, scores, _ = _rows(heads, dtype)
    found = _apply(formula, xp, mask, scores, number)
    assert found.shape == (len(scores), heads if formula is soft_weights else 1) and found.dtype == dtype
    _assert_close(found, [naive(label, row, number) for label, row in zip(labels, scores.tolist(), strict=True)])


@XP
@DTYPE
@pytest.mark.parametrize("heads", [1, 2, 5])
@pytest.mark.parametrize("given_shares", [False, True])
def test_kantorovich_rubinstein_is_its_loop(given_shares, heads, dtype, xp):
    _, mask, scores, weight = _rows(heads, dtype)
    shares = np.linspace(0.1, 0.4, heads, dtype=dtype) if given_shares else None
    terms = []
    for head in range(heads):
        sums, masses = {0: 0.0, 1: 0.0}, {0: 0.0, 1: 0.0}
        for side, score, w in zip(mask[:, head], scores[:, head].tolist(), weight[:, 0].tolist(), strict=True):
            sums[side] += w * score
            masses[side] += w
        if given_shares:
            masses = {0: float(weight.sum()) * (1 - float(shares[head])), 1: float(weight.sum()) * float(shares[head])}
        terms.append(sums[1] / masses[1] - sums[0] / masses[0])
    _assert_close(_apply(kantorovich_rubinstein, xp, mask, scores, weight, shares), sum(terms) / heads)


@XP
@DTYPE
def test_a_head_that_lacks_a_class_has_nothing_to_compare(xp, dtype):
    """Heads 1 and 2 have rows of both sides, head 0 only negative ones: a third of its term is missing."""
    mask = _mask(np.array([1, 2, 1]), 3).astype(dtype)
    scores = np.array([[5.0, 1.0, -1.0], [7.0, 0.0, 2.0], [9.0, 4.0, 1.0]], dtype)
    found = _apply(kantorovich_rubinstein, xp, mask, scores, np.ones((3, 1), dtype))
    _assert_close(found, (0.0 + (2.5 - 0.0) + (2.0 - 0.0)) / 3)


@XP
@DTYPE
@pytest.mark.parametrize("heads", [1, 2, 5])
@pytest.mark.parametrize("weighted", [False, True])
def test_expectation_is_its_loop(weighted, heads, dtype, xp):
    labels, mask, scores, weight = _rows(heads, dtype)
    factors = np.linspace(0.5, 3.0, max(heads, 2), dtype=dtype)
    cost = np.abs(scores[:, :1])
    rows = list(zip(labels, weight[:, 0].tolist(), cost[:, 0].tolist(), strict=True))
    total = sum(w * c * (float(factors[label]) if weighted else 1.0) for label, w, c in rows)
    found = _apply(expectation, xp, cost, mask, weight, *([factors] if weighted else []))
    assert found.shape == ()
    _assert_close(found, total / sum(w for _, w, _ in rows))


@XP
@DTYPE
@pytest.mark.parametrize("heads", [1, 2, 5])
def test_class_factor_is_that_of_the_label(heads, dtype, xp):
    labels, mask, _, _ = _rows(heads, dtype)
    factors = np.linspace(0.5, 3.0, max(heads, 2), dtype=dtype)
    _assert_close(_apply(class_factor, xp, mask, factors), factors[labels][:, None])


@XP
@DTYPE
def test_without_weight_an_expectation_is_0(xp, dtype):
    _, mask, scores, weight = _rows(3, dtype)
    assert _apply(expectation, xp, scores[:, :1], mask, 0 * weight) == 0.0
    assert _apply(kantorovich_rubinstein, xp, mask, scores, 0 * weight) == 0.0


_SCORES = st_numpy.arrays(np.float64, (4, 5), elements=st.floats(-1e6, 1e6))
_LABELS = st_numpy.arrays(np.int64, 4, elements=st.integers(0, 4))


@XP
@DTYPE
@given(scores=_SCORES, labels=_LABELS, temperature=st.floats(0, 1e4))
def test_soft_weights_are_1_for_the_own_class_and_1_for_the_others(xp, dtype, scores, labels, temperature):
    mask = _mask(labels, 5).astype(dtype)
    weights = _apply(soft_weights, xp, mask, scores.astype(dtype), temperature)
    tolerance = 8 * np.finfo(dtype).eps
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights[mask > 0], 1.0, rtol=0)
    np.testing.assert_allclose(weights.sum(axis=1), 2.0, rtol=tolerance)


@XP
@DTYPE
def test_soft_weights_of_temperature_0_are_even_and_of_a_large_one_pick_the_strongest(xp, dtype):
    """Also where the own class is the strongest, or far from the others."""
    scores = np.array([[3.0, 1.0, 2.0, -1.0], [-1e3, 1.0, -2.0, 0.5], [1e3, -5.0, -3.0, -4.0]], dtype)
    mask = _mask(np.zeros(3), 4).astype(dtype)
    even = _apply(soft_weights, xp, mask, scores, 0.0)
    np.testing.assert_allclose(even, np.tile([1.0, 1 / 3, 1 / 3, 1 / 3], (3, 1)), rtol=1e-6)
    strongest = _apply(soft_weights, xp, mask, scores, 1e4)
    np.testing.assert_array_equal(strongest, [[1, 0, 1, 0], [1, 1, 0, 0], [1, 0, 1, 0]])


@DTYPE
def test_soft_weights_are_constants_for_the_gradient(dtype):
    _, mask, scores, _ = _rows(4, dtype)
    weights = _apply(soft_weights, keras.ops, mask, scores, 1.5)
    gradient = _gradient(lambda *arguments: soft_weights(*arguments) * arguments[2], mask, scores, 1.5)
    np.testing.assert_allclose(gradient, weights, rtol=1e-6)


@XP
@DTYPE
@given(scores=_SCORES, labels=_LABELS, sharpness=st.floats(0.01, 100))
def test_log_sum_exp_lies_a_little_above_the_largest_of_the_others(xp, dtype, scores, labels, sharpness):
    scores, mask = scores.astype(dtype), _mask(labels, 5).astype(dtype)
    found = np.float64(_apply(log_sum_exp, xp, mask, scores, sharpness)[:, 0])
    best = np.float64([max(_others(label, row)) for label, row in zip(labels, scores.tolist(), strict=True)])
    room = 4 * np.finfo(dtype).eps * (np.abs(best) + math.log(4) / sharpness)
    assert (best - room <= found).all() and (found <= best + math.log(4) / sharpness + room).all()


@DTYPE
def test_the_gradient_of_log_sum_exp_is_the_softmax_of_the_others(dtype):
    _, mask, scores, _ = _rows(4, dtype)
    weights = _apply(soft_weights, keras.ops, mask, scores, 1.5) - mask
    gradient = _gradient(log_sum_exp, mask, scores, 1.5)
    np.testing.assert_allclose(gradient, weights, rtol=1e-4, atol=1e-6)


@XP
@DTYPE
@pytest.mark.parametrize("heads", [2, 3, 10])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_scores_of_a_million_do_not_overflow(sign, heads, dtype, xp):
    """The others' scores are all equal: the soft maximum lies ``log(C − 1) / t`` above them."""
    mask = _mask(np.array([0]), heads).astype(dtype)
    scores = np.full((1, heads), sign * 1e6, dtype)
    for own in (-1e6, 0.0, 1e6):
        scores[0, 0] = own
        found = _apply(log_sum_exp, xp, mask, scores, 0.5)
        _assert_close(found / 1e6, (sign * 1e6 + math.log(heads - 1) / 0.5) / 1e6)


def test_dtypes_without_room_for_the_rounding_have_that_of_their_own():
    positive, scores = np.eye(3), np.random.default_rng(0).uniform(-2, 2, (3, 3))
    half = cross_entropy_cost(np, np.float16(positive), np.float16(scores), 2.0, 0.25)
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, cross_entropy_cost(np, positive, scores, 2.0, 0.25), rtol=1e-2)
