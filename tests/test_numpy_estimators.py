"""Estimators that train in NumPy: the contract of scikit-learn, and what a fit promises on every engine."""

import pickle
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_info

import sklip
from sklip import HKRClassifier, LipschitzMLP, WassersteinEstimator
from sklip.exceptions import TrainingDivergedError, TrainingInterruptedWarning
from sklip.training.in_numpy import threads
from sklip.training.in_numpy.threads import threads_for
from sklip.training.observer import Observer
from tests.estimator_fixtures import blobs, classifier, mlp, moons
from tests.processes import forks, in_forked_child
from tests.test_sklearn_contract import EXPECTED_FAILURES

SMALL = {"hidden_layer_sizes": (16, 8), "epochs": 20, "random_state": 0, "backend": "numpy"}


def in_numpy(make=classifier, **changes):
    return make(backend="numpy", **changes)


@parametrize_with_checks(
    [
        HKRClassifier(**SMALL, learning_rate=0.05),
        LipschitzMLP(**SMALL, learning_rate=0.05),
        WassersteinEstimator(**{**SMALL, "epochs": 2}),
    ],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES if is_classifier(estimator) else {},
)
def test_contract_of_scikit_learn(estimator, check):
    check(estimator)


def bits(model):
    return [array.tobytes() for array in model.network_.arrays], model.history_


BINARY, MULTICLASS = (classifier, moons), (mlp, blobs)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (BINARY, {"class_weight": {0: 3.0}, "learning_rate_schedule": "constant"}),
        (BINARY, {"early_stopping": True, "epsilon": 0.05, "monitor": "certified_accuracy"}),
        (BINARY, {"warm_start": True}),
        (MULTICLASS, {"class_weight": "balanced"}),
        (MULTICLASS, {"early_stopping": True, "n_iter_no_change": 1, "epochs": 8}),
        (MULTICLASS, {"loss": "hkr", "activation": "maxmin"}),
    ],
)
def test_a_fit_is_that_of_keras(kind, changes):
    make, data = kind
    X, y = data()
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    ours, theirs = (make(backend=backend, **changes).fit(X, y, weights) for backend in ("numpy", "keras"))
    assert ours.n_iter_ == theirs.n_iter_ and list(ours.history_) == list(theirs.history_)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), rtol=1e-3, atol=2e-3)
    if changes.get("warm_start"):
        np.testing.assert_allclose(
            *(model.fit(X, y).history_["loss"] for model in (ours, theirs)), rtol=1e-3, atol=1e-3
        )


def test_quality_on_held_out_rows_is_that_of_keras():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    ours, theirs = (
        HKRClassifier(random_state=0, epochs=10, backend=backend).fit(X[::2], y[::2]) for backend in ("numpy", "keras")
    )
    assert abs(ours.score(X[1::2], y[1::2]) - theirs.score(X[1::2], y[1::2])) <= 0.015
    loss, expected = (model.loss_terms(X[1::2], y[1::2])["loss"] for model in (ours, theirs))
    assert loss == pytest.approx(expected, rel=0.05)


def test_the_same_seed_gives_the_same_bits_also_in_threads():
    X, y = blobs()
    expected = bits(in_numpy(mlp, dropout=0.2).fit(X, y))
    with ThreadPoolExecutor(3) as pool:
        fits = [pool.submit(in_numpy(mlp, dropout=0.2).fit, X, y) for _ in range(4)]
    limits = [library["num_threads"] for library in threadpool_info()]
    assert all(bits(fit.result()) == expected for fit in fits)
    assert bits(in_numpy(mlp, dropout=0.2, random_state=1).fit(X, y)) != expected
    in_numpy().fit(*moons())
    assert [library["num_threads"] for library in threadpool_info()] == limits


@forks
def test_a_fork_during_a_training_has_all_threads_and_trains():
    X, y = moons()
    expected = bits(in_numpy().fit(X, y))
    limits = [library["num_threads"] for library in threadpool_info()]

    def in_the_copy():
        free = [library["num_threads"] for library in threadpool_info()]
        return free, bits(in_numpy().fit(X, y)), [library["num_threads"] for library in threadpool_info()]

    with threads_for(1), threads._lock:  # which another thread may hold
        assert in_forked_child(in_the_copy) == (limits, expected, limits)


def test_no_callbacks_in_any_container():
    X, y = moons()
    expected = bits(in_numpy().fit(X, y))
    assert all(bits(in_numpy(callbacks=none).fit(X, y)) == expected for none in ([], (), np.array([])))


def test_a_batch_without_weight_has_no_accuracy_and_no_nan():
    X, y = moons()
    weights = np.where(np.arange(len(X)) < 3, 1.0, 1e-50)  # which are 0 in float32
    model = in_numpy(batch_size=1, dropout=0.0).fit(X, y, sample_weight=weights)
    assert np.isfinite([*model.history_["accuracy"], *model.history_["loss"]]).all()


def test_partial_fits_are_a_fit_at_a_constant_rate():
    X, y = moons()
    whole = in_numpy(learning_rate_schedule="constant", dropout=0.0).fit(X, y)
    parts = in_numpy(dropout=0.0)
    for _ in range(3):
        parts.partial_fit(X, y, classes=[0, 1])
    np.testing.assert_allclose(parts.decision_function(X), whole.decision_function(X), atol=1e-4)
    with pytest.raises(ValueError, match="partial_fit and warm_start need the features, hidden_layer_sizes"):
        parts.set_params(hidden_layer_sizes=(4,)).partial_fit(X, y)


def test_dropout_regularises_and_is_not_served():
    X, y = moons()
    model = in_numpy(dropout=0.5, hidden_layer_sizes=(64, 32), epochs=30).fit(X, y)
    assert bits(model) != bits(in_numpy(hidden_layer_sizes=(64, 32), epochs=30).fit(X, y))
    np.testing.assert_array_equal(model.decision_function(X), model.decision_function(X))
    assert model.score(X, y) > 0.8


def test_rows_on_disk_give_the_bits_of_rows_in_memory(tmp_path, monkeypatch):
    from sklip.rows import blocks

    X, y = blobs()
    path = tmp_path / "rows.npy"
    np.save(path, X.astype(np.float32))
    monkeypatch.setattr(blocks, "CHUNK_BYTES", 600)  # several chunks per epoch
    mapped = np.load(path, mmap_mode="r")
    assert bits(in_numpy(mlp).fit(mapped, y)) == bits(in_numpy(mlp).fit(np.asarray(mapped), y))


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_training_that_diverges_is_an_error_and_changes_nothing(optimizer):
    model = in_numpy(learning_rate=1e9, alpha=1e9, optimizer=optimizer, learning_rate_schedule="constant", epochs=60)
    X, y = moons()
    try:
        model.fit(X, y)
    except TrainingDivergedError:
        assert not hasattr(model, "network_")
    else:
        assert model.lipschitz_bound_ == pytest.approx(1, abs=1e-9)


def press_at(epoch):
    class Press(Observer):
        def on_epoch_begin(self, number):
            if number == epoch:
                signal.raise_signal(signal.SIGINT)

    return Press()


@pytest.fixture
def ctrl_c(monkeypatch):
    """Presses Ctrl-C at the beginning of an epoch."""
    from sklip.training import observers

    def at(epoch):
        original = observers.Observers.__init__

        def init(self, task):
            original(self, task)
            self._all.insert(0, press_at(epoch))

        monkeypatch.setattr(observers.Observers, "__init__", init)

    return at


def test_ctrl_c_ends_the_training_after_the_epoch(ctrl_c):
    ctrl_c(2)
    with pytest.warns(TrainingInterruptedWarning, match=r"it ended after epoch 3 of 6"):
        model = in_numpy(epochs=6).fit(*moons())
    assert model.n_iter_ == 3 and model.score(*moons()) > 0.5


def test_ctrl_c_in_the_first_epoch_raises(ctrl_c):
    ctrl_c(0)
    model = in_numpy(epochs=6)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*moons())
    assert not hasattr(model, "network_")


def test_verbose_shows_the_table(capsys):
    in_numpy(verbose=2, early_stopping=True).fit(*moons())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and "val_loss" in lines[0] and lines[3].startswith("      3/3")


def test_a_model_is_the_same_kind_of_object():
    model, other = in_numpy().fit(*moons()), classifier(backend="keras").fit(*moons())
    again = pickle.loads(pickle.dumps(model))
    assert vars(again).keys() == vars(other).keys()
    assert [type(operation) for operation in again.network_.operations] == [
        type(operation) for operation in other.network_.operations
    ]
    assert not sklip.audit(again, *moons(), verbose=False).broken.any()
    np.testing.assert_allclose(np.ravel(model.to_keras()(moons()[0])), model.decision_function(moons()[0]), atol=1e-5)


def test_losses_of_sklip_train():
    from sklip.losses import SoftHKR

    X, y = blobs()
    ours, theirs = (mlp(loss=SoftHKR(), backend=backend).fit(X, y) for backend in ("numpy", "keras"))
    np.testing.assert_allclose(ours.history_["loss"], theirs.history_["loss"], rtol=1e-3)


def test_searches_and_pipelines_clone_it():
    pipeline = make_pipeline(StandardScaler(), in_numpy(epochs=10, hidden_layer_sizes=(16,)))
    assert cross_val_score(clone(pipeline), *moons(), cv=3).min() > 0.6
    assert "keras" not in sys.modules or pipeline[-1].backend == "numpy"
