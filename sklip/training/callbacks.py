"""The callbacks of a training with Keras, in the order of their calls, and how they end."""

from typing import Self

import keras

from sklip.training.observer import Observer
from sklip.training.observers import Observers
from sklip.training.task import TrainingTask

_HOOKS = [name for name in dir(keras.callbacks.Callback) if name.startswith("on_")]


class TrainingCallbacks(keras.callbacks.CallbackList):
    """The user's callbacks, then the observers of the training.

    As a context manager it closes the observers, and removes the network from the user's callbacks, also when a
    training fails.

    Parameters
    ----------
    task : sklip.training.task.TrainingTask

    Attributes
    ----------
    observers : sklip.training.observers.Observers
    """

    def __init__(self, task: TrainingTask):
        self._schedule = task.schedule
        self.observers = Observers(task)
        users = (_Guarded(callback, self.observers.interrupts) for callback in task.schedule.callbacks)
        super().__init__([*users, *map(_Observing, self.observers)])

    def begin(self, network: keras.Model) -> None:
        """Give the callbacks the network, and begin; for them, an epoch is a single batch."""
        network.stop_training = False
        self.set_model(network)
        self.set_params({"verbose": 0, "epochs": self._schedule.epochs, "steps": 1})
        self.on_train_begin()

    def __enter__(self) -> Self:
        self.observers.__enter__()
        return self

    def __exit__(self, *arguments) -> None:
        self.observers.__exit__(*arguments)
        for callback in self._schedule.callbacks:
            # The model holds the data. Only Keras' own set_model accepts None.
            keras.callbacks.Callback.set_model(callback, None)
            if isinstance(callback, keras.callbacks.CSVLogger):
                callback.csv_file = callback.writer = None  # the file is closed, and cannot be pickled


class _Observing(keras.callbacks.Callback):
    """An observer as a callback of Keras."""

    def __init__(self, observer: Observer):
        super().__init__()
        self._observer = observer

    def set_model(self, model):
        """Pass it on."""
        self._observer.model = model

    def on_train_begin(self, logs=None):
        """Pass it on."""
        self._observer.on_train_begin()

    def on_epoch_begin(self, epoch, logs=None):
        """Pass it on."""
        self._observer.on_epoch_begin(epoch)

    def on_epoch_end(self, epoch, logs=None):
        """Pass it on."""
        self._observer.on_epoch_end(epoch, logs)

    def on_train_end(self, logs=None):
        """Pass it on."""
        self._observer.on_train_end()


class _Guarded(keras.callbacks.Callback):
    """A callback of the user: a KeyboardInterrupt in it ends the training after the epoch."""

    def __init__(self, callback, interrupts):
        super().__init__()
        self._callback, self._interrupts = callback, interrupts
        self.async_safe = getattr(callback, "async_safe", False)
        for hook in _HOOKS:
            default = getattr(keras.callbacks.Callback, hook)
            # If no callback has a hook for batches, Keras does not wait for each batch.
            if "batch" not in hook or getattr(getattr(callback, hook, None), "__func__", None) is not default:
                setattr(self, hook, self._guard(hook))

    def set_params(self, params):
        """Pass them on."""
        self._callback.set_params(params)

    def set_model(self, model):
        """Pass it on."""
        self._callback.set_model(model)

    def _guard(self, hook):
        def call(*arguments, **keywords):
            try:
                getattr(self._callback, hook)(*arguments, **keywords)
            except KeyboardInterrupt:
                if not self._interrupts.may_end_after(hook):
                    raise

        return call
