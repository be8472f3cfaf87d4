"""sklip.training.padding: few sizes, and rows that weigh nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklip import HKRClassifier, LipschitzMLP
from sklip.training.padding import aligned, aligned_empty, capacity, padded_order, padded_rows, padded_vector


@given(st.lists(st.integers(0, 9), min_size=1, max_size=3).map(tuple), st.sampled_from(["f4", "f8", "u1"]))
def test_aligned_arrays_start_where_tensorflow_takes_them_without_a_copy(shape, dtype):
    array = aligned_empty(shape, dtype)
    assert array.shape == shape and array.dtype == dtype and array.flags.c_contiguous and array.flags.writeable
    assert array.size == 0 or array.ctypes.data % 64 == 0
    given = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    np.testing.assert_array_equal(aligned(given.T), given.T)


@given(st.integers(0, 10**9))
def test_a_capacity_is_enough_and_wastes_an_eighth_at_most(size):
    assert size <= capacity(size) <= size + size / 8


def test_there_are_eight_capacities_an_octave():
    assert len({capacity(size) for size in range(1024, 2048)}) == 8 + 1  # 1024 to 1920, and 2048
    assert all(capacity(capacity(size)) == capacity(size) for size in range(3000))


def test_rows_that_are_added_weigh_nothing():
    inputs, targets, weights = np.arange(34.0).reshape(17, 2), np.ones((17, 1)), np.full(17, 2.0)
    padded = padded_rows((inputs, targets, weights))
    assert {len(array) for array in padded} == {18}
    np.testing.assert_array_equal(padded[0][:17], inputs)
    np.testing.assert_array_equal(padded[2], [2.0] * 17 + [0.0])


def test_places_that_are_added_name_the_row_that_weighs_nothing():
    order = np.arange(34, dtype=np.int32).reshape(17, 2)
    padded = padded_order(order, n_rows=42)
    assert padded.shape == (18, 8)
    np.testing.assert_array_equal(padded[:17, :2], order)
    assert (padded[:17, 2:] == 42).all()


def test_large_batches_have_few_sizes():
    widths = {padded_order(np.zeros((1, batch), np.int32), 1).shape[1] for batch in range(1024, 2049)}
    assert widths == set(range(1024, 2049, 128))


def test_vectors_end_in_zeros():
    np.testing.assert_array_equal(padded_vector(np.ones(17, np.float32)), [1.0] * 17 + [0.0])


@pytest.mark.slow
@pytest.mark.parametrize("n_rows", [63, 90])
@pytest.mark.parametrize("kind", [HKRClassifier, LipschitzMLP])
def test_a_compiled_training_is_the_plain_one_but_for_rounding(kind, n_rows):
    rng = np.random.default_rng(0)
    X, weights = rng.standard_normal((n_rows, 3)), rng.uniform(0.5, 2.0, n_rows)
    y = (X[:, 0] > 0) + 1 * (X[:, 1] > 0.5)
    settings = {
        "hidden_layer_sizes": (8, 4),
        "batch_size": 20,
        "epochs": 3,
        "random_state": 0,
        "activation": "fullsort",
    }
    held_out = {"X_val": X[:9], "y_val": y[:9], "sample_weight_val": weights[:9]}
    plain, compiled = (
        kind(**settings, jit_compile=jit).fit(X, y, sample_weight=weights, **held_out) for jit in (False, True)
    )
    for name, values in plain.history_.items():
        np.testing.assert_allclose(compiled.history_[name], values, rtol=1e-3, atol=1e-4, err_msg=name)
    np.testing.assert_allclose(compiled.decision_function(X), plain.decision_function(X), rtol=1e-2, atol=1e-3)
