"""sklip.layers._sorting_network: the bits of a sort, and a gradient that goes where the values came from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

tf = pytest.importorskip("tensorflow")

from sklip.layers._sorting_network import sort_columns  # noqa: E402 (after the skip)

VALUES = arrays(
    np.float32, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.floats(width=32, allow_nan=False)
)
TIED = arrays(np.float32, (7, 3), elements=st.sampled_from([-1.0, -0.0, 0.0, 1e-45, 1.0, np.inf]))


def sorted_with_gradient(values, slope):
    with tf.GradientTape() as tape:
        columns = tf.constant(values)
        tape.watch(columns)
        result = sort_columns(columns)
        total = tf.reduce_sum(tf.where(slope == 0, 0.0, result * slope))
    return result.numpy(), tape.gradient(total, columns, unconnected_gradients="zero").numpy()


@settings(deadline=None)
@given(st.one_of(VALUES, TIED))
def test_the_values_come_out_sorted_to_the_bit(values):
    result = sort_columns(tf.constant(values)).numpy()
    np.testing.assert_array_equal(result, np.sort(values, axis=0))
    np.testing.assert_array_equal(np.sort(result.view(np.int32), axis=0), np.sort(values.view(np.int32), axis=0))


@settings(deadline=None)
@given(st.one_of(VALUES, TIED))
def test_the_gradient_is_carried_back_to_where_each_value_came_from(values):
    values[~np.isfinite(values)] = 3.0
    slope = 1.0 + np.arange(values.size, dtype=np.float32).reshape(values.shape)
    result, gradient = sorted_with_gradient(values, slope)
    np.testing.assert_array_equal(np.sort(gradient, axis=0), np.sort(slope, axis=0))  # a permutation, ties included
    origins = np.argsort(gradient, axis=0)
    np.testing.assert_array_equal(np.take_along_axis(values, origins, axis=0), result)


@pytest.mark.parametrize("size", [1, 2, 3, 64, 100, 256])
def test_all_sizes_alone_and_compiled(size):
    values = np.random.default_rng(size).standard_normal((size, 5)).astype(np.float32)
    compiled = tf.function(sort_columns, jit_compile=True)
    for function in (sort_columns, tf.function(sort_columns), compiled):
        np.testing.assert_array_equal(function(tf.constant(values)), np.sort(values, axis=0))


def test_of_values_that_tie_the_first_stays_the_first():
    slope = np.array([[1.0], [2.0], [3.0]], np.float32)
    _, gradient = sorted_with_gradient(np.zeros((3, 1), np.float32), slope)
    np.testing.assert_array_equal(gradient, slope)
