"""The callbacks of a training, in the order of their calls, and how they end."""

from typing import Self

import keras

from sklip.training.interrupts import Interrupts
from sklip.training.progress import progress_of
from sklip.training.task import Schedule, TrainingTask


class TrainingCallbacks(keras.callbacks.CallbackList):
    """The user's callbacks, early stopping, progress, interrupts and the history.

    As a context manager it restores the handler of Ctrl-C, ends the live line, and removes the network from the
    user's callbacks, also when a training fails.

    Parameters
    ----------
    task : sklip.training.task.TrainingTask
    """

    def __init__(self, task: TrainingTask):
        self._schedule = schedule = task.schedule
        self.interrupts = Interrupts()
        self.early_stopping = _early_stopping(schedule, watches_held_out=task.held_out is not None)
        self.progress = progress_of(schedule.verbose, task.objective.factors, schedule.epochs, task.state.epochs)
        users = map(self.interrupts.guarded, schedule.callbacks)
        self._record = keras.callbacks.History()
        own = filter(None, [self.early_stopping, self.progress, self.interrupts, self._record])
        super().__init__([*users, *own])

    def begin(self, network: keras.Model) -> None:
        """Give the callbacks the network, and begin; for them, an epoch is a single batch."""
        network.stop_training = False
        self.set_model(network)
        self.set_params({"verbose": 0, "epochs": self._schedule.epochs, "steps": 1})
        self.on_train_begin()

    @property
    def history(self) -> dict[str, list[float]]:
        """The numbers of all epochs so far, by name."""
        return self._record.history

    def was_improving(self) -> bool:
        """Whether all epochs ran, and early stopping would have gone on."""
        stop = self.early_stopping
        return stop is not None and stop.wait < stop.patience and len(self.history["loss"]) == self._schedule.epochs

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.interrupts.close()
        if self.progress is not None:
            self.progress.close()
        for callback in self._schedule.callbacks:
            # The model holds the data. Only Keras' own set_model accepts None.
            keras.callbacks.Callback.set_model(callback, None)
            if isinstance(callback, keras.callbacks.CSVLogger):
                callback.csv_file = callback.writer = None  # the file is closed, and cannot be pickled


def _early_stopping(schedule: Schedule, watches_held_out: bool) -> keras.callbacks.EarlyStopping | None:
    """Keras' early stopping; None if the schedule has no patience."""
    if schedule.patience is None:
        return None
    return keras.callbacks.EarlyStopping(
        monitor=f"val_{schedule.monitor}" if watches_held_out else schedule.monitor,
        mode="min" if schedule.monitor == "loss" else "max",
        min_delta=schedule.tolerance,
        patience=schedule.patience,
        restore_best_weights=True,
    )
