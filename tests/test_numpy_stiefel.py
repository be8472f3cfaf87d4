"""Kernels on their manifolds in NumPy: the formulas of sklip.manifold, and networks made of them."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklip import manifold, served
from sklip.training.in_numpy import stiefel
from sklip.training.in_numpy.activations import activation_of
from sklip.training.in_numpy.network import DenseNetwork
from sklip.training.in_numpy.optimizers import OPTIMIZERS
from tests.helpers import ACTIVATIONS, assert_orthonormal, random_kernel, singular_values

SHAPES = [(9, 5), (5, 9), (6, 6), (7, 1)]
# A batch that is smaller than both sides of the kernel, one in between, and a larger one.
each_shape = pytest.mark.parametrize("shape", SHAPES)
seeds = st.integers(0, 2**32 - 1)


@each_shape
@pytest.mark.parametrize("n_rows", [3, 7, 20])
@settings(max_examples=5, deadline=None)
@given(seed=seeds)
def test_gradient_is_the_tangent_projection(shape, n_rows, seed):
    rng = np.random.default_rng(seed)
    kernel = random_kernel(rng, *shape, dtype=np.float32)
    inputs, slope = (rng.standard_normal((n_rows, size)).astype(np.float32) for size in shape)
    expected = np.asarray(manifold.tangent_projection(kernel, inputs.T @ slope))
    for back in (None, slope @ kernel.T):
        found = np.empty(shape, np.float32)
        stiefel.slope_of_kernel(inputs, kernel, inputs @ kernel, slope, back, out=found)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@each_shape
@pytest.mark.parametrize("spread", [0.0, 1e-3, 0.1, 0.9, 1e4])
def test_retractions_are_those_with_keras(shape, spread):
    rng = np.random.default_rng(1)
    kernel = random_kernel(rng, *shape, 1.0 + spread * rng.uniform(-0.9, 1.0, min(shape)), dtype=np.float32)
    for ours, theirs in (
        (stiefel.retract_shortly, manifold.short_retraction_step),
        (stiefel.retract_fully, lambda kernel: manifold.retraction_step(kernel)[0]),
        (stiefel.normalise_columns, manifold.unit_columns),
    ):
        found = kernel.copy()
        ours(found)
        np.testing.assert_allclose(found, np.asarray(theirs(kernel)), rtol=1e-5, atol=2e-6)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, exponent=st.floats(-30, 30), shape=st.sampled_from(SHAPES))
def test_no_singular_value_is_above_1_after_a_retraction(seed, exponent, shape):
    rng = np.random.default_rng(seed)
    kernel = (rng.standard_normal(shape) * 10.0**exponent).astype(np.float32)
    with np.errstate(all="ignore"):
        stiefel.retract_shortly(kernel)
    assert singular_values(kernel).max() <= 1 + 1e-5


def test_entries_of_a_gradient_that_overflow_are_0():
    kernel, huge = np.eye(3, 2, dtype=np.float32), np.full((4, 3), 3e38, np.float32)
    for function, outputs in (
        (stiefel.slope_of_kernel, [np.ones((4, 2), np.float32)]),
        (stiefel.slope_of_unit_columns, []),
    ):
        found = np.empty((3, 2), np.float32)
        back = [None] if outputs else []
        with np.errstate(all="ignore"):
            function(huge, kernel, *outputs, np.ones((4, 2), np.float32), *back, out=found)
        assert np.isfinite(found).all()


@pytest.mark.parametrize("name", [*ACTIVATIONS, "groupsort3"])
def test_activations_are_the_served_ones(name):
    rng, operation, activation = np.random.default_rng(0), served.activation(name), activation_of(name)
    z, slope = (rng.standard_normal((5, 24)).astype(np.float32) for _ in range(2))
    values, back = np.empty_like(z), np.empty_like(z)
    activation.forward(z, values)
    activation.backward(z, slope, back)
    np.testing.assert_array_equal(values, operation.forward(z.astype(np.float64)))
    np.testing.assert_array_equal(back, operation.vjp(z.astype(np.float64), slope.astype(np.float64)))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_of_optimizers_are_those_of_keras(name):
    rng, shapes = np.random.default_rng(0), [(3, 2), (2,)]
    vector = rng.standard_normal(8).astype(np.float32)
    variables = [keras.Variable(vector[:6].reshape(3, 2)), keras.Variable(vector[6:])]
    theirs = keras.optimizers.get(name)
    theirs.learning_rate = 0.1
    theirs.build(variables)
    ours = OPTIMIZERS[name](8)
    assert ours.name == type(theirs).__name__
    for number in range(5):
        slopes = rng.standard_normal(8).astype(np.float32) * 10.0 ** (number - 2)
        ours.step(vector, slopes, 0.1)
        theirs.apply([slopes[:6].reshape(3, 2), slopes[6:]], variables)
        np.testing.assert_allclose(vector, np.concatenate([np.ravel(each) for each in variables]), rtol=1e-6)
    expected = [np.asarray(each) for each in theirs.variables if each.path != theirs.learning_rate.path]
    found = ours.variables(shapes)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    again = OPTIMIZERS[name](8)
    again.restore(found)
    assert again.iterations == 5 and all(map(np.array_equal, again.slots, ours.slots))


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_gradient_of_a_network_is_that_of_differences(name, dropout):
    network = DenseNetwork((5, 8, 4, 3), name, dropout)
    network.draw(1)
    rng = np.random.default_rng(1)
    inputs, slope = rng.standard_normal((6, 5)).astype(np.float32), rng.standard_normal((6, 3)).astype(np.float32)

    def value(change):
        """On the manifold, the value changes as along the projected gradient."""
        network.vector[...] = before + change
        network.retract()
        network.seed_dropout(0)
        return float((network.forward(inputs) * slope).sum(dtype=np.float64))

    before = network.vector.copy()
    value(0.0)
    network.backward(slope)
    slopes = network.slopes.copy()
    step = 1e-3 * slopes / np.linalg.norm(slopes)
    expected = (value(step) - value(-step)) / 2e-3
    assert np.linalg.norm(slopes) == pytest.approx(expected, rel=0.01)


def test_drawn_weights_are_those_of_keras_and_a_network_serves_what_it_computes():
    from sklip.architectures import MLP
    from sklip.training.architecture import build_network, draw_weights
    from sklip.training.saving import SavedAsItIs
    from sklip.training.task import Architecture

    theirs = build_network(Architecture((5,), 3, MLP(hidden_layer_sizes=(8, 4))), SavedAsItIs)
    draw_weights(theirs, theirs.get_weights(), 7)
    ours = DenseNetwork((5, 8, 4, 3), "groupsort2")
    ours.draw(7)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    X = np.random.default_rng(0).standard_normal((6, 5)).astype(np.float32)
    values = X.astype(np.float64)
    for operation in ours.operations():
        values = operation.forward(values)
    np.testing.assert_allclose(ours.scores(X), values, atol=1e-5)
    np.testing.assert_array_equal(ours.scores(X), ours.forward(X))
    for kernel in ours.kernels[:-1]:
        assert_orthonormal(kernel, 1e-6)
