"""sklip.training: learning rates, resuming, threads, the other Keras backends."""

import dataclasses
import multiprocessing
import os
import re
import sys
import time

import joblib
import numpy as np
import pytest

from sklip.training.batches import plan_batches
from sklip.training.state import TrainingState
from sklip.training.task import Architecture, Schedule, TrainingTask
from tests.processes import COMPILED_SOONER, ROOT, run_command


def problem(n_rows=64):
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((n_rows, 3)).astype(np.float32)
    labels = (inputs[:, 0] > 0).astype(int)
    weights = np.ones(n_rows, np.float32)
    return (inputs, (2.0 * labels - 1.0).astype(np.float32)[:, None], weights), labels


def run(state, *, epochs=2, decay="constant", optimizer="adam", learning_rate=0.01, callbacks=(), dropout=0.0):
    from sklip.architectures import MLP
    from sklip.losses import HKR
    from sklip.training.loop import train
    from sklip.training.objective import Objective

    rows, labels = problem()
    task = TrainingTask(
        Architecture((3,), 1, MLP(hidden_layer_sizes=(8, 4), dropout=dropout)),
        Schedule(epochs, optimizer, learning_rate, decay, callbacks=list(callbacks)),
        plan_batches(labels, rows[2], 2, 16, False),
        rows,
        Objective(HKR(alpha=10.0, min_margin=0.1)),
        state,
    )
    return train(task)


FRESH = TrainingState([], "", [], 0, 7)


def equal_weights(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_two_trainings_in_a_row_are_one_of_twice_the_length():
    whole = run(FRESH, epochs=2)
    half = run(run(FRESH, epochs=1).state, epochs=1)
    assert half.state.epochs == whole.state.epochs == 2
    for first, second in zip(half.state.weights, whole.state.weights, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)
    for first, second in zip(half.state.optimizer_variables, whole.state.optimizer_variables, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)


def test_another_optimizer_starts_afresh():
    ended = run(FRESH, epochs=1, optimizer="adam").state
    resumed = run(ended, epochs=1, optimizer="sgd").state
    assert resumed.optimizer == "SGD"
    fresh = run(dataclasses.replace(ended, optimizer_variables=[]), epochs=1, optimizer="sgd").state
    assert equal_weights(resumed.weights, fresh.weights)


def test_a_scaled_loss_changes_neither_the_learning_rates_nor_what_decays():
    import keras

    def trained(wrap):
        def adam(rate):
            return wrap(keras.optimizers.AdamW(rate, weight_decay=0.5))

        first = run(FRESH, decay="cosine", optimizer=adam(0.01))
        return first, run(first.state, optimizer=adam(0.02)), run(first.state, optimizer=adam(1e-9))

    for plain, scaled in zip(trained(lambda one: one), trained(keras.optimizers.LossScaleOptimizer), strict=True):
        for weights, others in zip(plain.state.weights, scaled.state.weights, strict=True):
            np.testing.assert_allclose(weights, others, atol=1e-6)
        np.testing.assert_allclose(plain.history["loss"], scaled.history["loss"], rtol=1e-5)


def test_the_same_state_gives_the_same_bits():
    assert equal_weights(run(FRESH, dropout=0.2).state.weights, run(FRESH, dropout=0.2).state.weights)


def test_another_seed_gives_other_weights():
    assert not equal_weights(run(FRESH).state.weights, run(TrainingState([], "", [], 0, 8)).state.weights)


class _Rates:
    """A Keras callback that notes the learning rate at the end of each epoch."""

    def __new__(cls):
        import keras

        class Rates(keras.callbacks.Callback):
            def __init__(self):
                super().__init__()
                self.seen = []

            def on_epoch_end(self, epoch, logs=None):
                self.seen.append(float(self.model.optimizer.learning_rate))

        return Rates()


def test_cosine_reaches_the_last_of_its_steps():
    rates = _Rates()
    run(FRESH, epochs=3, decay="cosine", learning_rate=0.5, callbacks=[rates])
    steps = np.array([3, 7, 11]) / 12
    np.testing.assert_allclose(rates.seen, 0.25 * (1 + np.cos(np.pi * steps)), rtol=1e-6)


def test_constant_leaves_the_rate_to_callbacks():
    import keras

    rates = _Rates()
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    run(FRESH, epochs=3, learning_rate=0.4, callbacks=[halve, rates])
    np.testing.assert_allclose(rates.seen, [0.2, 0.1, 0.05], rtol=1e-6)


def test_a_resumed_training_starts_at_the_full_rate():
    rates = _Rates()
    ended = run(FRESH, epochs=2, decay="cosine", learning_rate=0.5).state
    run(ended, epochs=1, learning_rate=0.5, callbacks=[rates])
    np.testing.assert_allclose(rates.seen, [0.5])


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "nadam", "lion"])
def test_the_network_that_comes_out_is_orthonormal(optimizer):
    kernels = run(FRESH, optimizer=optimizer, learning_rate=1.0).state.weights[::2]
    for kernel in kernels[:-1]:
        np.testing.assert_allclose(np.linalg.svd(kernel.astype(float), compute_uv=False), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(kernels[-1].astype(float), axis=0), 1.0, atol=1e-5)


def run_in(script, environment):
    """What a script prints in a fresh interpreter with these environment variables."""
    return run_command([sys.executable, "-c", script], PYTHONPATH=str(ROOT), **environment)


THREADS = """
from sklip.training import runtime
{before}
runtime.prepare()
import tensorflow as tf
print(tf.config.threading.get_intra_op_parallelism_threads())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "environment", "expected"),
    [
        ("", {"OMP_NUM_THREADS": "1"}, "1"),
        ("import tensorflow", {"OMP_NUM_THREADS": "1"}, "1"),
        ("", {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "3"}, "0"),
        (
            "import tensorflow as tf; tf.config.threading.set_intra_op_parallelism_threads(5)",
            {"OMP_NUM_THREADS": "1"},
            "5",
        ),
    ],
    ids=["limit", "limit-after-import", "users-environment", "users-setting"],
)
def test_tensorflow_keeps_to_the_threads_it_is_given(before, environment, expected):
    assert run_in(THREADS.format(before=before), environment).split()[-1] == expected


BACKEND = """
import numpy as np, keras
from sklearn.datasets import make_moons
from sklip import HKRClassifier
X, y = make_moons(300, noise=0.05, random_state=0)
classifier = HKRClassifier(hidden_layer_sizes=(16, 8), epochs=15, dropout=0.05, random_state=0)
classifier.fit(X, y, X_val=X, y_val=y).partial_fit(X, y)
exported = np.asarray(classifier.to_keras()(X.astype("float32"))).ravel()
print(keras.backend.backend(), classifier.score(X, y), classifier.n_iter_, len(classifier.history_["loss"]),
      classifier.history_["val_loss"][-2], abs(exported - classifier.decision_function(X)).max())
"""


@pytest.mark.parametrize(
    ("before", "environment", "after"),
    [(None, {}, True), (False, {}, False), (None, {"TF_FORCE_GPU_ALLOW_GROWTH": "false"}, None)],
)
def test_a_gpu_is_shared_unless_the_user_has_said_otherwise(monkeypatch, before, environment, after):
    """TensorFlow's own record of a GPU that is not there."""
    from tensorflow import config

    from sklip.training import runtime

    growth = {"GPU:0": before}
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: [f"{kind}:0"])
    monkeypatch.setattr(config.experimental, "get_memory_growth", growth.get)
    monkeypatch.setattr(config.experimental, "set_memory_growth", growth.__setitem__)
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    runtime._share_gpus(config)
    assert growth == {"GPU:0": after}


@pytest.mark.parametrize(
    ("worker", "environment", "after"),
    [
        (True, {}, "false"),
        (False, {}, None),
        (True, {"XLA_PYTHON_CLIENT_PREALLOCATE": "true"}, "true"),
        (True, {"XLA_CLIENT_MEM_FRACTION": ".4"}, None),
        (True, {"XLA_PYTHON_CLIENT_MEM_FRACTION": ".4"}, None),
        (True, {"XLA_PYTHON_CLIENT_ALLOCATOR": "platform"}, None),
    ],
)
def test_jax_leaves_memory_to_other_workers_unless_the_user_has_said_otherwise(monkeypatch, worker, environment, after):
    from sklip.training import runtime

    monkeypatch.setattr(runtime, "is_joblib_worker", lambda: worker)
    monkeypatch.setattr(os, "environ", dict(environment))
    runtime.prepare_worker()
    assert os.environ.get("XLA_PYTHON_CLIENT_PREALLOCATE") == after


def surroundings_of_worker(_):
    """The process, whether TensorFlow is imported, and the variables of the GPUs: to run in a worker of joblib."""
    time.sleep(1)  # so that the other worker gets a task
    names = ("CUDA_VISIBLE_DEVICES", "XLA_PYTHON_CLIENT_PREALLOCATE")
    return os.getpid(), "tensorflow" in sys.modules, *(os.environ.get(name) for name in names)


@pytest.mark.slow
def test_the_recipe_of_the_guide_gives_each_worker_its_own_gpu_before_tensorflow_starts(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    page = (ROOT / "docs" / "guide" / "gpus_and_processes.md").read_text(encoding="utf-8")
    recipe = {"__name__": "__page__", "os": os, "multiprocessing": multiprocessing}
    exec(re.search(r"def own_gpu.*?\n\n\n", page, re.DOTALL)[0], recipe)
    with joblib.parallel_config(backend="loky", n_jobs=2, initializer=recipe["own_gpu"], initargs=(2,)):
        found = joblib.Parallel()(joblib.delayed(surroundings_of_worker)(number) for number in range(4))
    processes, imported, visible, growth = (set(values) for values in zip(*found, strict=True))
    assert len(processes) == 2 and imported == {False}
    assert visible == {"0", "1"} and growth == {"false"}


@pytest.mark.slow
def test_the_same_training_runs_on_the_jax_backend():
    printed = run_in(BACKEND, {"KERAS_BACKEND": "jax", **COMPILED_SOONER}).splitlines()[-1].split()
    backend, accuracy, epochs, history, loss, difference = printed
    assert (backend, epochs, history) == ("jax", "16", "16")
    assert float(accuracy) > 0.95
    assert float(loss) < 0.0
    assert float(difference) < 1e-5


def test_a_fit_leaves_no_gradients_registered_but_those_of_others():
    tf = pytest.importorskip("tensorflow")
    from tensorflow.python.framework.ops import gradient_registry

    @tf.custom_gradient
    def theirs(x):
        return x, lambda upstream: upstream

    @tf.function
    def traced(x):
        return theirs(x)

    before = set(gradient_registry._registry)
    traced(tf.constant(1.0))
    own = set(gradient_registry._registry) - before
    run(FRESH)
    assert own and set(gradient_registry._registry) - before == own
