"""Ctrl-C ends a training after the epoch that runs, and keeps what it learned; before there is anything, it raises."""

import os
import signal
import subprocess
import sys
import threading
import warnings

import keras
import numpy as np
import pytest

from sklip import WassersteinEstimator
from sklip.exceptions import TrainingInterruptedWarning
from tests.estimator_fixtures import blobs, classifier, mlp, moons
from tests.processes import ROOT


class At(keras.callbacks.Callback):
    """Does something the first time that a hook of an epoch is reached."""

    def __init__(self, hook, epoch, act):
        super().__init__()
        self.hook, self.epoch, self.act, self.now = hook, epoch, act, -1

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch
        self.reached("on_epoch_begin")

    def on_train_batch_begin(self, batch, logs=None):
        self.reached("on_train_batch_begin")

    def on_train_batch_end(self, batch, logs=None):
        self.reached("on_train_batch_end")

    def on_epoch_end(self, epoch, logs=None):
        self.reached("on_epoch_end")

    def on_train_end(self, logs=None):
        self.reached("on_train_end")

    def reached(self, hook):
        if (hook, self.now) == (self.hook, self.epoch):
            self.hook = None
            self.act(self)


def raise_one(_):
    raise KeyboardInterrupt


def press(_):
    """Ctrl-C, as the system tells Python of it."""
    signal.raise_signal(signal.SIGINT)


def stop(callback):
    callback.model.stop_training = True


HOOKS = ("on_epoch_begin", "on_train_batch_begin", "on_train_batch_end", "on_epoch_end")


def train_until(epoch, act, hook="on_epoch_end", make=classifier, data=moons, **changes):
    return make(**{"epochs": 6, "callbacks": [At(hook, epoch, act)], **changes}).fit(*data())


def everything(model):
    weights = [array.tobytes() for array in model.network_.arrays]
    moments = [np.asarray(array).tobytes() for array in model._state.optimizer_variables]
    return weights, moments, model.history_, model.n_iter_, model._state.epochs


def assert_ended_with_epoch(number, model, expected):
    assert model.n_iter_ == number and {len(values) for values in model.history_.values()} == {number}
    assert everything(model) == everything(expected)


@pytest.mark.parametrize("act", [raise_one, press])
@pytest.mark.parametrize("hook", HOOKS)
def test_the_epoch_that_runs_is_the_last_and_all_is_kept(hook, act):
    with pytest.warns(TrainingInterruptedWarning, match="by user: it ended after epoch 3 of 6.") as record:
        model = train_until(2, act, hook)
    assert [warning.filename for warning in record] == [__file__]
    assert_ended_with_epoch(3, model, train_until(2, stop))


@pytest.mark.parametrize(
    "changes",
    [
        {"make": mlp, "data": blobs},
        {"early_stopping": True, "n_iter_no_change": 5},
        {"optimizer": keras.optimizers.SGD(0.02, use_ema=True, ema_momentum=0.9)},
    ],
    ids=["multiclass", "early stopping", "moving averages"],
)
def test_it_ends_as_any_other_training(changes):
    with pytest.warns(TrainingInterruptedWarning):
        model = train_until(2, press, **changes)
    assert_ended_with_epoch(3, model, train_until(2, stop, **changes))


@pytest.mark.parametrize("hook", ["on_epoch_end", "on_train_end"])
def test_an_interrupt_in_the_end_loses_nothing(hook):
    with pytest.warns(TrainingInterruptedWarning, match="after epoch 6 of 6"):
        model = train_until(5, press, hook)
    assert everything(model) == everything(classifier(epochs=6).fit(*moons()))


@pytest.mark.parametrize("act", [raise_one, press])
@pytest.mark.parametrize("hook", HOOKS[:3])
def test_before_there_is_anything_to_keep_it_raises(hook, act):
    model = classifier(callbacks=[At(hook, 0, act)])
    with pytest.raises(KeyboardInterrupt):
        model.fit(*moons())
    assert not hasattr(model, "network_") and not hasattr(model, "classes_")


def test_a_warm_start_that_learned_nothing_is_what_it_was_and_one_that_did_is_kept():
    model = classifier(epochs=2, warm_start=True).fit(*moons())
    before = everything(model)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(callbacks=[At("on_epoch_begin", 0, press)]).fit(*moons())
    assert everything(model) == before
    with pytest.warns(TrainingInterruptedWarning, match="after epoch 1 of 2"):
        model.set_params(callbacks=[At("on_epoch_end", 0, press)]).fit(*moons())
    assert (model.n_iter_, model._state.epochs) == (1, 3)
    expected = classifier(epochs=2, warm_start=True).fit(*moons())
    expected.set_params(callbacks=[At("on_epoch_end", 0, stop)]).fit(*moons())
    assert everything(model) == everything(expected)


def test_a_stream_is_interrupted_between_its_parts():
    X, y = moons()
    model = classifier().partial_fit(X, y, classes=[0, 1])
    with pytest.raises(KeyboardInterrupt):
        model.set_params(callbacks=[At("on_train_batch_end", 0, press)]).partial_fit(X, y)
    with pytest.warns(TrainingInterruptedWarning, match="after epoch 1 of 1"):
        model.set_params(callbacks=[At("on_epoch_end", 0, raise_one)]).partial_fit(X, y)
    expected = classifier().partial_fit(X, y, classes=[0, 1]).partial_fit(X, y)
    assert_ended_with_epoch(2, model, expected)


def test_the_transport_estimator_keeps_its_bound():
    transport = WassersteinEstimator(hidden_layer_sizes=(4,), epochs=6, callbacks=[At("on_epoch_end", 2, press)])
    with pytest.warns(TrainingInterruptedWarning) as record:
        transport.fit(*moons())
    assert transport.n_iter_ == 3 and transport.distance_ >= 0 and record[0].filename == __file__


def test_a_second_interrupt_does_not_wait():
    def twice(callback):
        press(callback)
        press(callback)

    for hook in HOOKS:
        with pytest.raises(KeyboardInterrupt):
            train_until(2, twice, hook)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_program_decides_and_is_called_once(monkeypatch):
    seen = []

    def handler(number, frame):
        seen.append((number, frame is not None))

    before = signal.signal(signal.SIGINT, handler)
    try:
        model = train_until(2, press)
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [(signal.SIGINT, True)]
    assert model.n_iter_ == 6


def test_a_handler_that_a_callback_sets_stays():
    def ignore(_):
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    try:
        train_until(2, ignore)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_the_handler_is_put_back_when_a_training_breaks():
    def break_it(_):
        raise RuntimeError("broke")

    with pytest.raises(RuntimeError, match="broke"):
        train_until(2, break_it)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_training_in_a_thread_leaves_signals_alone():
    handlers = []
    look = At("on_epoch_end", 2, lambda _: handlers.append(signal.getsignal(signal.SIGINT)))
    thread = threading.Thread(target=classifier(callbacks=[look]).fit, args=moons())
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


def test_a_warning_that_is_an_error_leaves_the_estimator_as_it_was():
    model = classifier(callbacks=[At("on_epoch_end", 1, press)])
    with warnings.catch_warnings():
        warnings.simplefilter("error", TrainingInterruptedWarning)
        with pytest.raises(TrainingInterruptedWarning):
            model.fit(*moons())
    assert not hasattr(model, "network_")


@pytest.mark.parametrize("act", [raise_one, press])
@pytest.mark.parametrize("hook", HOOKS)
def test_held_out_rows_are_measured_in_the_last_epoch_too(hook, act):
    X, y = moons()
    rows = {"X_val": X[::3], "y_val": y[::3]}
    with pytest.warns(TrainingInterruptedWarning, match="after epoch 2 of 3"):
        model = classifier(callbacks=[At(hook, 1, act)]).fit(X, y, **rows)
    assert_ended_with_epoch(2, model, classifier(callbacks=[At("on_epoch_end", 1, stop)]).fit(X, y, **rows))


def test_callbacks_hear_of_all_that_they_listen_to():
    heard = []

    class Listening(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            heard.append("train")

        def on_epoch_end(self, epoch, logs=None):
            heard.append("epoch")

        def on_batch_begin(self, batch, logs=None):  # Keras' former name
            heard.append("batch")

    X, y = moons()
    late = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: heard.append("lambda"))
    classifier(epochs=1, callbacks=[Listening(), late]).fit(X, y, X_val=X, y_val=y)
    assert heard == ["train", "lambda", "batch", "epoch"]


SCRIPT = """
import sys
from tests.estimator_fixtures import classifier, moons
X, y = moons()
model = classifier(epochs=100_000, verbose=2, learning_rate_schedule="constant")
model.fit(X, y)
print("kept", model.n_iter_, {len(values) for values in model.history_.values()}, model.score(X, y) > 0.7)
model.set_params(verbose=0).partial_fit(X, y)
print("goes on", model.n_iter_)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of a process are sent otherwise here")
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_ctrl_c_in_a_terminal(backend):
    pytest.importorskip(backend)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": backend}
    command = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        guard = threading.Timer(240, child.kill)
        guard.start()
        for line in child.stdout:
            if line.split()[0].startswith("5/"):
                child.send_signal(signal.SIGINT)
                break
        output, errors = child.communicate()
        guard.cancel()
    assert child.returncode == 0, errors
    *_, stopped, kept, goes_on = output.splitlines()
    trained = int(kept.split()[1])
    assert 5 <= trained < 100_000 and kept == f"kept {trained} {{{trained}}} True"
    assert (stopped, goes_on) == ("Stopped before the last of 100000 epochs.", f"goes on {trained + 1}")
    assert f"Training interrupted by user: it ended after epoch {trained} of 100000." in errors
