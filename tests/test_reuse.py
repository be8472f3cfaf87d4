"""Fits of one shape share a compiled network, and no fit depends on what ran before."""

import gc
import pickle
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

import sklip
from sklip import HKRClassifier, LipschitzMLP
from sklip.training import reuse
from sklip.training.epochs import epochs_of_backend
from tests.estimator_fixtures import fitted
from tests.helpers import REPOSITORY

pytestmark = pytest.mark.usefixtures("no_compiled_networks")

X = np.random.default_rng(0).standard_normal((90, 3)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 0.5)
SMALL = {"hidden_layer_sizes": (8,), "batch_size": 32, "epochs": 2, "random_state": 0}

# Every one shares the compiled network of its kind; none may see what another left.
HKR = [
    {},
    {"alpha": 3.0, "min_margin": 0.7},
    {"learning_rate": 0.1, "class_weight": {1: 5.0}},
    {"batch_size": 20, "epochs": 3, "random_state": 1},
]
MLP = [
    {},
    {"temperature": 3.0, "margin_offset": 0.4},
    {"learning_rate": 0.1, "class_weight": {0: 3.0}},
    {"epsilon": 0.1, "early_stopping": True, "monitor": "certified_accuracy"},
    {"epsilon": 0.3, "early_stopping": True, "monitor": "certified_accuracy", "random_state": 2},
    {"dropout": 0.3},
    {"dropout": 0.3, "random_state": 5},
]


def bits(classifier):
    return [kernel.tobytes() for kernel in classifier.network_.arrays], (classifier.history_)


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("kind", "settings", "labels"), [(HKRClassifier, HKR, Y > 0), (LipschitzMLP, MLP, Y)])
def test_a_fit_has_the_same_bits_whatever_ran_before(kind, settings, labels, jit_compile):
    settings = [{**changes, "jit_compile": jit_compile} for changes in (settings[:2] if jit_compile else settings)]
    alone = []
    for changes in settings:
        sklip.clear_compiled_networks()
        alone.append(bits(kind(**SMALL | changes).fit(X, labels)))
    for order in (range(len(settings)), reversed(range(len(settings)))):
        for number in order:
            assert bits(kind(**SMALL | settings[number]).fit(X, labels)) == alone[number]


def test_other_rows_of_other_number_share_the_network():
    first = HKRClassifier(**SMALL).fit(X, Y > 0)
    HKRClassifier(**SMALL).fit(X[:50], Y[:50] > 0)
    assert len(reuse.kept()) == 1
    assert bits(HKRClassifier(**SMALL).fit(X, Y > 0)) == bits(first)


_FRESH = """
import pickle, sys
from sklip import LipschitzMLP
from tests.estimator_fixtures import fitted
from tests.test_reuse import MLP, SMALL, X, Y, bits
sys.stdout.buffer.write(pickle.dumps([bits(fitted()[0]), bits(LipschitzMLP(**SMALL | MLP[1]).fit(X, Y))]))
"""


@pytest.mark.slow
def test_fits_have_the_bits_of_a_fresh_process():
    LipschitzMLP(**SMALL).fit(X, Y)
    here = [bits(fitted()[0]), bits(LipschitzMLP(**SMALL | MLP[1]).fit(X, Y))]
    there = subprocess.run([sys.executable, "-c", _FRESH], cwd=REPOSITORY, capture_output=True, check=True).stdout
    assert pickle.loads(there[there.index(b"\x80\x04") :]) == here


def test_partial_fit_and_warm_start_go_on_in_a_shared_network():
    parameters = SMALL | {"learning_rate_schedule": "constant"}
    labels = Y > 0

    def stream(disturb):
        classifier = HKRClassifier(**parameters)
        for _ in range(3):
            classifier.partial_fit(X, labels, classes=[False, True])
            disturb()
        return bits(classifier)

    def other():
        HKRClassifier(**parameters | {"random_state": 9}).fit(-X, labels)

    assert stream(lambda: None) == stream(other) == stream(sklip.clear_compiled_networks)


def test_shapes_and_kinds_have_networks_of_their_own():
    for changes in ({}, {"hidden_layer_sizes": (4, 4)}, {"activation": "relu"}, {"optimizer": "sgd"}, {"dropout": 0.1}):
        HKRClassifier(**SMALL | changes).fit(X, Y > 0)
    LipschitzMLP(**SMALL).fit(X, Y > 0)
    LipschitzMLP(**SMALL).fit(X, Y)
    assert len(reuse.kept()) == 7
    HKRClassifier(**SMALL | {"alpha": 1.0}).fit(X, Y > 0)
    assert len(reuse.kept()) == 7


def test_optimizers_are_told_apart_by_their_configuration():
    fast, slow = (keras.optimizers.Adam(rate) for rate in (0.1, 0.001))
    other = keras.optimizers.Adam(0.1, beta_2=0.9)
    alone = bits(HKRClassifier(**SMALL | {"optimizer": slow}).fit(X, Y > 0))
    HKRClassifier(**SMALL | {"optimizer": fast}).fit(X, Y > 0)
    assert len(reuse.kept()) == 1
    HKRClassifier(**SMALL | {"optimizer": other}).fit(X, Y > 0)
    assert len(reuse.kept()) == 2
    assert bits(HKRClassifier(**SMALL | {"optimizer": slow}).fit(X, Y > 0)) == alone


def test_at_most_so_many_networks_are_kept(monkeypatch):
    monkeypatch.setattr(reuse, "CAPACITY", 2)
    for width in (2, 4, 6):
        HKRClassifier(**SMALL | {"hidden_layer_sizes": (width,), "epochs": 1}).fit(X, Y > 0)
    assert [compiled.epochs.network.layers[1].units for compiled in reuse.kept()] == [4, 6]


def test_a_kept_network_lets_go_of_the_data():
    few, many = (np.random.default_rng(0).standard_normal((n, 20), np.float32) for n in (500, 40_000))
    classifier = HKRClassifier(**SMALL | {"early_stopping": True, "batch_size": 512})
    classifier.fit(few, few[:, 0] > 0)  # which compiles
    tracemalloc.start()
    try:
        classifier.fit(many, many[:, 0] > 0)
        gc.collect()
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(reuse.kept()) == 1
    assert held < 0.2 * many.nbytes < many.nbytes < most


def test_callbacks_get_a_network_of_their_own():
    class Meddle(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 10.0

    alone = bits(HKRClassifier(**SMALL).fit(X, Y > 0))
    HKRClassifier(**SMALL | {"callbacks": [Meddle()], "learning_rate_schedule": "constant"}).fit(X, Y > 0)
    assert len(reuse.kept()) == 1
    assert bits(HKRClassifier(**SMALL).fit(X, Y > 0)) == alone


def test_a_fit_that_fails_leaves_no_network(monkeypatch):
    HKRClassifier(**SMALL).fit(X, Y > 0)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(epochs_of_backend(), "release", interrupted)
    with pytest.raises(KeyboardInterrupt):
        HKRClassifier(**SMALL).fit(X, Y > 0)
    assert len(reuse.kept()) == 0


def test_concurrent_fits_do_not_share():
    settings = [SMALL | {"random_state": seed % 3, "alpha": 1.0 + seed % 3} for seed in range(9)]
    alone = [bits(HKRClassifier(**parameters).fit(X, Y > 0)) for parameters in settings[:3]]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(lambda parameters: bits(HKRClassifier(**parameters).fit(X, Y > 0)), settings))
    assert together == alone * 3
    assert len(reuse.kept()) <= 4


def test_clearing_is_public_and_the_next_fit_compiles_anew():
    before = bits(HKRClassifier(**SMALL).fit(X, Y > 0))
    assert len(reuse.kept()) == 1
    sklip.clear_compiled_networks()
    assert len(reuse.kept()) == 0
    assert bits(HKRClassifier(**SMALL).fit(X, Y > 0)) == before


def test_keras_clear_session_does_no_harm():
    before = bits(HKRClassifier(**SMALL).fit(X, Y > 0))
    keras.utils.clear_session()
    assert bits(HKRClassifier(**SMALL).fit(X, Y > 0)) == before


def test_a_schedule_of_ones_own_that_was_written_anew_is_not_the_old_one():
    def fit(rate):
        @keras.saving.register_keras_serializable(package="tests")
        class Fixed(keras.optimizers.schedules.LearningRateSchedule):
            def __call__(self, step):
                return keras.ops.convert_to_tensor(rate, "float32")

            def get_config(self):
                return {}

        return bits(HKRClassifier(**SMALL | {"optimizer": keras.optimizers.SGD(Fixed())}).fit(X, Y > 0))

    assert fit(0.1) != fit(0.001)
