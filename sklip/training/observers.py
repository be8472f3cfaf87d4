"""The observers of a training: early stopping, progress, interrupts and the history, in the order of their calls."""

from collections.abc import Iterator
from typing import Self

from sklip.training.early_stopping import EarlyStopping
from sklip.training.interrupts import Interrupts
from sklip.training.observer import Observer
from sklip.training.progress import progress_of
from sklip.training.task import Schedule, TrainingTask


class History(Observer):
    """Records the numbers of all epochs.

    Attributes
    ----------
    numbers : dict of str to list of float
        One number per epoch, by name.
    """

    def __init__(self):
        self.numbers: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch, logs):
        """Record the numbers of an epoch."""
        for name, value in logs.items():
            self.numbers.setdefault(name, []).append(value)


class Observers:
    """All observers of a training.

    As a context manager it restores the handler of Ctrl-C and ends the live line, also when a training fails.

    Parameters
    ----------
    task : sklip.training.task.TrainingTask
    """

    def __init__(self, task: TrainingTask):
        schedule = task.schedule
        self._epochs = schedule.epochs
        self._early_stopping = _early_stopping(schedule, watches_held_out=task.held_out is not None)
        progress = progress_of(schedule.verbose, task.objective.factors, schedule.epochs, task.state.epochs)
        self.interrupts, self._record = Interrupts(), History()
        self._all = [each for each in (self._early_stopping, progress, self.interrupts, self._record) if each]

    def __iter__(self) -> Iterator[Observer]:
        return iter(self._all)

    def history(self, task: TrainingTask) -> dict[str, list[float]]:
        """The numbers of all epochs so far, for each name of the objective and with ``val_`` before it."""
        names = task.objective.names
        held_out = [f"val_{name}" for name in names if task.held_out is not None]
        return {name: [float(value) for value in self._record.numbers[name]] for name in (*names, *held_out)}

    @property
    def n_epochs(self) -> int:
        """The number of epochs so far."""
        return len(self._record.numbers["loss"])

    def was_improving(self) -> bool:
        """Whether all epochs ran, and early stopping would have gone on."""
        stop = self._early_stopping
        return stop is not None and stop.wait < stop.patience and self.n_epochs == self._epochs

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for observer in self:
            observer.close()


def _early_stopping(schedule: Schedule, watches_held_out: bool) -> EarlyStopping | None:
    """The early stopping of a schedule; None if it has no patience."""
    if schedule.patience is None:
        return None
    monitor = f"val_{schedule.monitor}" if watches_held_out else schedule.monitor
    larger_is_better = schedule.monitor.endswith("accuracy")
    return EarlyStopping(monitor, larger_is_better, schedule.tolerance, schedule.patience)
