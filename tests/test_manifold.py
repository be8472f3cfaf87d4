import keras
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sklip import front_formulas, manifold
from sklip.arithmetic import polar_factor
from tests.helpers import as_array, assert_orthonormal, random_kernel, singular_values

SHAPES = [(6, 4), (4, 6), (5, 5), (7, 1), (1, 7)]

seeds = st.integers(0, 2**32 - 1)


@st.composite
def kernels(draw, scales=(-25.0, 20.0), conditions=(0.0, 5.0)):
    """Float32 kernels of full rank, of any shape, scale and condition number."""
    n, p = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(seeds))
    spread = rng.uniform(-draw(st.floats(*conditions)), 0.0, min(n, p))
    spread[0] = 0.0
    return random_kernel(rng, n, p, 10.0 ** (draw(st.floats(*scales)) + spread), np.float32)


def _tangent_part(kernel, gradient):
    """WᵀG + GᵀW, of the tall side."""
    if kernel.shape[0] < kernel.shape[1]:
        kernel, gradient = kernel.T, gradient.T
    inner = kernel.T @ gradient
    return inner + inner.T


# The tangent space --------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_tangent_projection_is_tangent(rng, shape):
    kernel, gradient = random_kernel(rng, *shape), rng.standard_normal(shape)
    projected = as_array(manifold.tangent_projection(kernel, gradient))
    assert np.abs(_tangent_part(kernel, projected)).max() < 1e-14


@pytest.mark.parametrize("shape", SHAPES)
def test_tangent_projection_is_an_orthogonal_projection(rng, shape):
    kernel, gradient = random_kernel(rng, *shape), rng.standard_normal(shape)
    projected = as_array(manifold.tangent_projection(kernel, gradient))
    np.testing.assert_allclose(as_array(manifold.tangent_projection(kernel, projected)), projected, atol=1e-14)
    assert abs(np.sum(projected * (gradient - projected))) < 1e-13


@pytest.mark.parametrize("shape", SHAPES)
def test_tangent_projection_is_the_derivative_of_the_polar_factor(rng, shape):
    kernel, direction = random_kernel(rng, *shape), rng.standard_normal(shape)
    step = 1e-5
    difference = (polar_factor(kernel + step * direction) - polar_factor(kernel - step * direction)) / (2 * step)
    np.testing.assert_allclose(as_array(manifold.tangent_projection(kernel, direction)), difference, atol=1e-8)


@pytest.mark.parametrize("rows", [1, 50, 250])
@pytest.mark.parametrize("shape", [*SHAPES, (150, 200), (200, 150), (300, 20), (20, 300)])
def test_stiefel_product_is_a_product_with_a_tangent_gradient(rng, shape, rows):
    tf = pytest.importorskip("tensorflow")
    kernel, inputs = tf.constant(random_kernel(rng, *shape)), tf.constant(rng.standard_normal((rows, shape[0])))
    slope = rng.standard_normal((rows, shape[1]))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([inputs, kernel])
        product, plain = manifold.stiefel_product(inputs, kernel), inputs @ kernel
        total, plain_total = tf.reduce_sum(product * slope), tf.reduce_sum(plain * slope)
    np.testing.assert_array_equal(product, plain)
    np.testing.assert_allclose(tape.gradient(total, inputs), tape.gradient(plain_total, inputs), atol=1e-13)
    expected = manifold.tangent_projection(kernel, tape.gradient(plain_total, kernel))
    np.testing.assert_allclose(tape.gradient(total, kernel), expected, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_on_stiefel_is_an_identity_with_a_tangent_gradient(rng, shape):
    tf = pytest.importorskip("tensorflow")
    kernel, slope = tf.constant(random_kernel(rng, *shape)), rng.standard_normal(shape)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        output = manifold.on_stiefel(kernel)
        total = tf.reduce_sum(output * slope)
    np.testing.assert_array_equal(output, kernel)
    gradient = as_array(tape.gradient(total, kernel))
    np.testing.assert_allclose(gradient, as_array(manifold.tangent_projection(kernel, slope)), atol=1e-14)


def test_a_gradient_that_overflows_does_not_move_the_kernel(rng):
    tf = pytest.importorskip("tensorflow")
    kernel = tf.constant(random_kernel(rng, 4, 3, dtype=np.float32))
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        total = tf.reduce_sum(manifold.on_stiefel(kernel) * np.float32(np.inf))
    assert not as_array(tape.gradient(total, kernel)).any()


def test_on_unit_columns_is_an_identity_with_the_gradient_of_the_normalisation(rng):
    tf = pytest.importorskip("tensorflow")
    values, slope = rng.standard_normal((6, 3)), rng.standard_normal((6, 3))
    values /= np.linalg.norm(values, axis=0)
    kernel = tf.constant(values)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(kernel)
        output = manifold.on_unit_columns(kernel)
        total = tf.reduce_sum(output * slope)
        divided = tf.reduce_sum(kernel / tf.norm(kernel, axis=0) * slope)
    np.testing.assert_array_equal(output, kernel)
    np.testing.assert_allclose(tape.gradient(total, kernel), tape.gradient(divided, kernel), atol=1e-14)


# The retraction -----------------------------------------------------------------------------


@given(kernels())
def test_retract_brings_every_kernel_of_full_rank_to_the_manifold(kernel):
    result = as_array(manifold.retract(kernel))
    assert result.dtype == np.float32 and result.shape == kernel.shape
    assert_orthonormal(result)


@given(kernels())
def test_one_step_never_leaves_a_norm_above_one(kernel):
    for result in (manifold.retraction_step(kernel)[0], manifold.short_retraction_step(kernel)):
        assert np.isfinite(as_array(result)).all()
        assert singular_values(as_array(result)).max() <= 1 + 1e-5


@given(st.integers(1, 30), st.integers(1, 30), st.floats(1e-4, 0.49), seeds)
def test_a_short_step_near_the_manifold_is_one_cubic_step(n, p, distance, seed):
    rng = np.random.default_rng(seed)
    error = rng.standard_normal(min(n, p))
    values = np.sqrt(1 + distance * error / np.linalg.norm(error))
    kernel = random_kernel(rng, n, p, values, np.float32)
    after = singular_values(as_array(manifold.short_retraction_step(kernel)))
    np.testing.assert_allclose(np.sort(after), np.sort(values * (1.5 - 0.5 * values**2)), atol=2e-6)


def assert_short_step_is_the_whole_one(kernel):
    short, whole = manifold.short_retraction_step(kernel), manifold.retraction_step(kernel)[0]
    np.testing.assert_array_equal(as_array(short), as_array(whole))


@given(st.integers(1, 30), st.integers(1, 30), st.floats(0.51, 3.0), seeds)
def test_a_short_step_not_so_near_is_the_whole_one(n, p, distance, seed):
    rng = np.random.default_rng(seed)
    error = np.abs(rng.standard_normal(min(n, p)))
    values = np.sqrt(1 + distance * error / np.linalg.norm(error))
    assert_short_step_is_the_whole_one(random_kernel(rng, n, p, values, np.float32))


@given(kernels(scales=(-25.0, 20.0), conditions=(1.0, 5.0)))
def test_a_short_step_far_from_the_manifold_is_the_whole_one(kernel):
    assume(np.linalg.norm(singular_values(kernel) ** 2 - 1) > 0.51)
    assert_short_step_is_the_whole_one(kernel)


@given(kernels())
def test_a_step_without_a_condition_never_leaves_a_norm_above_one(kernel):
    for order in (1, 3):
        result = as_array(manifold.steady_retraction_step(kernel, order))
        assert np.isfinite(result).all()
        assert singular_values(result).max() <= 1 + 1e-5


@given(st.integers(1, 30), st.integers(1, 30), st.floats(1e-4, 0.99), seeds)
def test_a_step_without_a_condition_near_the_manifold_is_a_sum_of_the_binomial_series(n, p, distance, seed):
    rng = np.random.default_rng(seed)
    error = rng.standard_normal(min(n, p))
    error *= distance / np.linalg.norm(error)
    values = np.sqrt(1 + error)
    kernel = random_kernel(rng, n, p, values, np.float32)
    cubic = error**2 * (0.375 - 0.3125 * error)
    for order, of_third_order in ((1, 0.0), (3, cubic)):
        after = singular_values(as_array(manifold.steady_retraction_step(kernel, order)))
        np.testing.assert_allclose(np.sort(after), np.sort(values * (1 - 0.5 * error + of_third_order)), atol=2e-6)


def test_steps_of_several_kernels_are_those_of_each(rng):
    shapes = [(6, 4), (4, 6), (6, 4), (5, 5), (6, 4)]
    several = [random_kernel(rng, *shape, dtype=np.float32) * scale for scale, shape in enumerate(shapes, start=1)]
    for kernel, result in zip(several, manifold.steady_steps(several), strict=True):
        np.testing.assert_allclose(as_array(result), as_array(manifold.steady_retraction_step(kernel)), atol=1e-6)


@pytest.mark.parametrize("exponent", range(-25, -9))
def test_one_step_never_leaves_a_norm_above_one_where_products_underflow(rng, exponent):
    for shape in [(3, 2), (2, 3), (8, 8)] * 5:
        kernel = (10.0**exponent * rng.standard_normal(shape)).astype(np.float32)
        short = manifold.short_retraction_step(kernel), manifold.steady_retraction_step(kernel)
        for result in (manifold.retraction_step(kernel)[0], *short):
            assert singular_values(as_array(result)).max() <= 1 + 1e-5


@given(kernels(scales=(-2.0, 2.0)))
def test_one_step_lets_no_singular_value_collapse(kernel):
    """The worst is √2.6, the largest that is not scaled down: two cubic steps take it to 0.467."""
    before, after = singular_values(kernel), singular_values(as_array(manifold.retraction_step(kernel)[0]))
    assert after.min() >= 0.46 * before.min() / max(before.max(), 1.0)


@given(kernels(scales=(-25.0, 14.0)))
def test_the_distance_is_a_bound_of_the_kernel_that_came_in(kernel):
    distance = float(manifold.retraction_step(kernel)[1])
    exact = np.abs(singular_values(kernel) ** 2 - 1).max()
    assert distance >= exact * (1 - 1e-5) - 1e-6


@given(kernels(scales=(-0.1, 0.08), conditions=(0.0, 0.1)))
def test_one_step_takes_a_distance_up_to_a_half_to_its_fourth_power(kernel):
    result, distance = manifold.retraction_step(kernel)
    after = np.abs(singular_values(as_array(result)) ** 2 - 1).max()
    assert after <= (float(distance) ** 4 if distance <= 0.5 else 1.0) + 2e-6


@given(kernels(scales=(-3.0, 3.0), conditions=(0.0, 1.0)))
def test_retract_of_a_well_conditioned_kernel_is_its_polar_factor(kernel):
    assert np.abs(as_array(manifold.retract(kernel)) - polar_factor(kernel)).max() < 2e-5


@given(kernels(scales=(0.0, 0.0), conditions=(0.0, 0.0)))
def test_retract_of_an_orthonormal_kernel_barely_moves_it(kernel):
    assert np.abs(as_array(manifold.retract(kernel)) - kernel).max() < 1e-6


@pytest.mark.parametrize("kernel", [np.zeros((3, 2)), np.ones((4, 4)), np.outer([1e20, 1], [1, 1e-20])])
def test_retract_of_a_kernel_without_full_rank_is_finite_and_1_lipschitz(kernel):
    result = as_array(manifold.retract(kernel.astype(np.float32)))
    assert np.isfinite(result).all()
    assert singular_values(result).max() <= 1 + 1e-5


@pytest.mark.parametrize("shape", [(256, 128), (64, 300)])
def test_retract_at_the_widths_of_real_networks(rng, shape):
    for scale in (1e-3, 0.05, 1.0, 1e4):
        assert_orthonormal(as_array(manifold.retract((scale * rng.standard_normal(shape)).astype(np.float32))))


def test_retract_in_float64_is_as_good(rng):
    result = as_array(manifold.retract(random_kernel(rng, 9, 5, [30.0, 3.0, 1.0, 0.1, 0.01])))
    assert result.dtype == np.float64
    assert_orthonormal(result)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_retract_compiles(rng, jit_compile):
    tf = pytest.importorskip("tensorflow")
    retract = tf.function(manifold.retract, jit_compile=jit_compile)
    kernel = random_kernel(rng, 20, 8, 10.0 ** np.linspace(2, 3, 8), np.float32)
    np.testing.assert_allclose(retract(tf.constant(kernel)), polar_factor(kernel), atol=2e-5)
    far = random_kernel(rng, 20, 8, 10.0 ** np.linspace(-5, 0, 8), np.float32)
    assert_orthonormal(retract(tf.constant(far)))


# TF32 ---------------------------------------------------------------------------------------


def _to_11_bits(x):
    """Round float32 numbers to 11 significant bits, half to even, as TF32 units do with factors."""
    bits = np.ascontiguousarray(as_array(x), dtype=np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0xFFF) + ((bits >> np.uint32(13)) & np.uint32(1))) & np.uint32(0xFFFFE000)
    return rounded.view(np.float32)


@pytest.fixture
def tf32(monkeypatch):
    """Products whose factors are rounded to 11 significant bits; accumulation stays float32."""
    exact = keras.ops.matmul
    monkeypatch.setattr(manifold.ops, "matmul", lambda a, b: exact(_to_11_bits(a), _to_11_bits(b)))


@pytest.fixture(params=[False, True], ids=["plain", "split"])
def split_products(request, monkeypatch):
    monkeypatch.setattr(manifold, "accelerated", lambda: request.param)
    return request.param


def _of_many_shapes_and_scales():
    rng = np.random.default_rng(0)
    for n, p in [(40, 40), (64, 24), (3, 5)]:
        for scale in (1e-20, 1.0, 3.0, 1e18):
            for condition in (0, 4):
                yield random_kernel(rng, n, p, scale * 10.0 ** -np.linspace(0, condition, min(n, p)), np.float32)


def _errors():
    """Largest deviation of a singular value after ``retract``, and largest norm after one step."""
    for kernel in _of_many_shapes_and_scales():
        deviation = np.abs(singular_values(as_array(manifold.retract(kernel))) - 1).max()
        yield deviation, singular_values(as_array(manifold.retraction_step(kernel)[0])).max()


def test_split_products_hold_the_bounds_without_tf32_as_well(split_products):
    deviations, norms = zip(*_errors(), strict=True)
    assert max(deviations) <= 1e-5
    assert max(norms) <= 1 + 1e-5


def test_split_products_hold_the_bounds_under_tf32(tf32, monkeypatch):
    monkeypatch.setattr(manifold, "accelerated", lambda: True)
    deviations, norms = zip(*_errors(), strict=True)
    assert max(deviations) <= 1e-5
    assert max(norms) <= 1 + 1e-5


def test_only_the_distance_from_the_manifold_needs_precise_products(rng, tf32, monkeypatch):
    monkeypatch.setattr(manifold, "accelerated", lambda: True)
    for kernel in _of_many_shapes_and_scales():
        assert singular_values(as_array(manifold.short_retraction_step(kernel))).max() <= 1 + 2.0**-11
    for n, p in [(40, 40), (64, 24), (5, 30)]:
        near = random_kernel(rng, n, p, 1 + 0.05 * rng.uniform(-1, 1, min(n, p)), np.float32)
        assert_orthonormal(as_array(manifold.short_retraction_step(near)), 1e-4)


def test_plain_products_would_break_the_bounds_under_tf32(tf32, monkeypatch):
    monkeypatch.setattr(manifold, "accelerated", lambda: False)
    deviations, norms = zip(*_errors(), strict=True)
    assert max(deviations) > 1e-4
    assert max(norms) > 1 + 1e-4


@pytest.mark.parametrize("compiled", ["eager", "graph", "xla"])
def test_the_split_is_exact_and_survives_compilation(rng, compiled):
    tf = pytest.importorskip("tensorflow")
    split = {
        "eager": manifold._split,
        "graph": tf.function(manifold._split),
        "xla": tf.function(manifold._split, jit_compile=True),
    }[compiled]
    x = (rng.standard_normal(10000) * 10.0 ** rng.uniform(-20, 20, 10000)).astype(np.float32)
    high, low = map(as_array, split(tf.constant(x)))
    np.testing.assert_array_equal(high, _to_11_bits(high))
    np.testing.assert_array_equal(np.float64(high) + low, x)
    assert (np.abs(low) <= 2.0**-11 * np.abs(x)).all()


def test_precise_products_are_float32_accurate_under_tf32(rng, tf32, monkeypatch):
    monkeypatch.setattr(manifold, "accelerated", lambda: True)
    a, b = (rng.standard_normal((50, 50)).astype(np.float32) for _ in range(2))
    error = np.abs(as_array(manifold.precise_matmul(a, b)) - np.float64(a) @ b)
    assert (error <= 2e-6 * (np.abs(a) @ np.abs(b))).all()


# Unit columns -------------------------------------------------------------------------------


@given(kernels())
def test_unit_columns_have_norm_1_and_keep_their_direction(kernel):
    result = np.float64(as_array(manifold.unit_columns(kernel)))
    np.testing.assert_allclose(np.linalg.norm(result, axis=0), 1.0, atol=1e-6)
    np.testing.assert_allclose(result, kernel / np.linalg.norm(np.float64(kernel), axis=0), atol=1e-6)


def test_unit_columns_treat_columns_of_different_scale_alike():
    kernel = np.array([[3e-20, 3e20, 0.0], [4e-20, 4e20, 0.0]], dtype=np.float32)
    result = as_array(manifold.unit_columns(kernel))
    np.testing.assert_allclose(result, [[0.6, 0.6, 0.0], [0.8, 0.8, 0.0]], rtol=1e-6)


# Budgets of a front -------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(1, 8), st.sampled_from([1e-20, 1.0, 1e20]))
def test_shared_budgets_come_out_at_1_and_keep_their_proportions(seed, n, size):
    rng = np.random.default_rng(seed)
    factors = (size * rng.standard_normal(n)).astype(np.float32)
    directed = (rng.random(n) < 0.5).astype(np.float32)
    result = np.float64(as_array(manifold.shared_budget(factors, directed)))
    assert np.linalg.norm(result) + np.abs(result) @ directed == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(result, front_formulas.shared(np.float64(factors), directed), atol=1e-6)


def test_the_gradient_of_a_shared_budget_has_no_part_along_the_factors(rng):
    """The function has the same value for all multiples of the factors."""
    directed = np.array([1.0, 0.0, 1.0, 0.0], np.float32)
    tf = pytest.importorskip("tensorflow")
    factors = tf.constant(front_formulas.shared(rng.standard_normal(4), directed).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(factors)
        value = tf.reduce_sum(manifold.shared_budget(factors, directed) * rng.standard_normal(4).astype(np.float32))
    slope = as_array(tape.gradient(value, factors))
    assert abs(np.float64(slope) @ as_array(factors)) < 1e-5 < np.linalg.norm(slope)


def test_kernels_within_a_ball_stay_and_others_are_shortened():
    inside, outside = np.full((2, 2), 0.5, np.float32), np.full((2, 2), 1e30, np.float32)
    np.testing.assert_array_equal(as_array(manifold.within_ball(inside, 2.0)), inside)
    shortened = as_array(manifold.within_ball(outside, 2.0))
    np.testing.assert_allclose(shortened, np.ones((2, 2)), rtol=1e-6)
    np.testing.assert_array_equal(as_array(manifold.within_ball(np.zeros((2, 2), np.float32), 2.0)), np.zeros((2, 2)))
