"""Every way to run epochs keeps one contract: the same numbers, of the same weights, and nothing held after it."""

import gc
import tracemalloc
from dataclasses import replace

import keras
import numpy as np
import pytest

from sklip.rows.on_disk import RowsOnDisk
from sklip.training.epochs import epochs_of_backend
from sklip.training.loop import train
from tests.epoch_contracts import Weights, data, task, terms_of


@pytest.mark.parametrize("n_scores", [1, 4])
def test_numbers_are_of_the_weights_before_a_step_and_after_the_epoch(n_scores):
    weights = Weights()
    whole = task(n_scores, epochs=4, batch_size=1000, learning_rate=0.3, callbacks=[weights])
    history = train(whole).history
    for epoch, (before, after) in enumerate(zip(weights.before, weights.after, strict=True)):
        expected = terms_of(whole.objective, whole.rows, before)
        expected |= {f"val_{name}": value for name, value in terms_of(whole.objective, whole.held_out, after).items()}
        for name, value in expected.items():
            assert history[name][epoch] == pytest.approx(value, rel=1e-4, abs=1e-5), (name, epoch)
    assert 0 < history["certified_accuracy"][0] < history["accuracy"][0] < 1


def test_an_epoch_ends_on_the_manifold_and_the_training_to_the_last_bits():
    weights = Weights()
    large_steps = task(epochs=2, learning_rate=0.5, decay="constant", callbacks=[weights])  # which leave 0.7
    state = train(large_steps).state
    for (*kernels, heads), tolerance in ((weights.after[-1][::2], 0.05), (state.weights[::2], 1e-6)):
        for kernel in kernels:
            np.testing.assert_allclose(np.linalg.svd(np.float64(kernel), compute_uv=False), 1.0, atol=tolerance)
        np.testing.assert_allclose(np.linalg.norm(np.float64(heads), axis=0), 1.0, atol=1e-6)


def test_a_resumed_training_has_the_numbers_of_an_uninterrupted_one():
    steady = {"decay": "constant", "held_out": False}
    whole = train(task(epochs=2, **steady)).history
    first = train(task(epochs=1, **steady))
    second = train(replace(task(epochs=1, **steady), state=first.state))
    for name, values in whole.items():
        assert [*first.history[name], *second.history[name]] == pytest.approx(values, rel=1e-4, abs=1e-5)


def test_rows_on_disk_train_as_rows_in_memory(tmp_path, monkeypatch):
    rows, _ = data(3)
    np.save(tmp_path / "rows.npy", rows[0])
    mapped = RowsOnDisk(np.load(tmp_path / "rows.npy", mmap_mode="r")).converted(np.float32, np.float32)
    here = task(3)
    there = train(replace(here, rows=(mapped, *rows[1:])))
    assert there.history == train(here).history


def test_nothing_of_the_rows_is_held_when_they_are_released():
    small = task(held_out=True)
    network = train_nothing(small)
    tracemalloc.start()
    try:
        many = tuple(np.ones((200_000, *array.shape[1:]), np.float32) for array in small.rows)
        size = sum(array.nbytes for array in many)
        network.place(many, many, small.objective)
        del many
        gc.collect()
        placed, _ = tracemalloc.get_traced_memory()
        network.release()
        gc.collect()
        released, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert released < 0.01 * size < size <= placed


def train_nothing(small):
    """What runs the epochs of a task, before any of them."""
    from sklip.training.compilation import compiled_for
    from sklip.training.optimizer import new_optimizer

    return compiled_for(small, epochs_of_backend(), new_optimizer(small.schedule), sets_rates=True).epochs


def test_a_callback_may_evaluate_the_network():
    rows, _ = data(1)

    class Evaluate(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.loss = self.model.evaluate(rows[0], rows[1], batch_size=90, verbose=0)
            self.loss = self.loss[0] if isinstance(self.loss, list) else self.loss
            self.weights = self.model.get_weights()

    evaluate = Evaluate()
    watched = task(epochs=1, callbacks=[evaluate])
    train(watched)
    expected = terms_of(watched.objective, (*rows[:2], np.ones(90, np.float32)), evaluate.weights)
    assert evaluate.loss == pytest.approx(expected["loss"], rel=1e-4)
