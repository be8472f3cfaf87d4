"""The progress of a training that ``verbose`` shows: a live line, or a table with one row per epoch."""

from collections.abc import Mapping
from time import perf_counter

from sklip._progress_bar import print_if_possible, progress_bar
from sklip.training.observer import Observer

# A line of 80 characters has no room for more. The hinge is the rest of the loss after kr.
_IN_A_LINE = ("loss", "kr", "cross_entropy", "accuracy", "certified_accuracy", "mean_absolute_error")
_WITH_VALIDATION = ("loss", "accuracy", "certified_accuracy")


def progress_of(verbose: int, factors: Mapping[str, float], epochs: int, first_epoch: int = 0) -> Observer | None:
    """Return the observer that shows a training; None for a silent one.

    Parameters
    ----------
    verbose : int
        0 shows nothing, 1 a live line, 2 and more a table.
    factors : dict of str to float
        Factors from the units of the training to those of the user, by the names of the numbers without ``val_``.
    epochs, first_epoch : int
        Number of epochs to train, and number of epochs before.

    Returns
    -------
    Observer or None
    """
    if not verbose:
        return None
    return (_Line if verbose == 1 else _Table)(factors, epochs, first_epoch)


class _Progress(Observer):
    """Numbers of each epoch in the units of the user."""

    def __init__(self, factors, epochs, first_epoch):
        self.factors, self.epochs, self.first_epoch = factors, epochs, first_epoch

    def in_units(self, logs):
        """The numbers of an epoch as in ``history_``, in the order of the factors."""
        names = [(prefix + name, factor) for prefix in ("", "val_") for name, factor in self.factors.items()]
        return {name: float(logs[name]) * factor for name, factor in names if name in logs}

    def close(self):
        """Leave the screen in order, also when the training failed."""


class _Line(_Progress):
    """One live line in a terminal or a notebook: the epoch, the time left and the main numbers."""

    bar = None

    def on_train_begin(self):
        """Show the line before the first epoch, which may compile for seconds."""
        self.bar = progress_bar(
            total=self.first_epoch + self.epochs,
            initial=self.first_epoch,
            bar_format="epoch {n_fmt}/{total_fmt} {bar}<{remaining} {desc}",  # < is tqdm's sign for the time left
        )

    def on_epoch_end(self, epoch, logs):
        """Show the numbers of the epoch."""
        values = self.in_units(logs)
        shown = []
        for name in (name for name in _IN_A_LINE if name in values):
            shown.append(f"{name} {_text(name, values[name], 3)}")
            if name in _WITH_VALIDATION and f"val_{name}" in values:
                shown.append(f"(val {_text(name, values[f'val_{name}'], 3)})")
        self.bar.set_description_str(" ".join(shown), refresh=False)
        self.bar.update()

    def on_train_end(self):
        """End the line."""
        self.close()

    def close(self):
        """End the line."""
        if self.bar is not None:
            self.bar.close()


class _Table(_Progress):
    """A table on standard output with one row per epoch and all numbers of ``history_``."""

    def on_epoch_begin(self, epoch):
        """Store the time."""
        self.began = perf_counter()

    def on_epoch_end(self, epoch, logs):
        """Print the row, and the names above the first."""
        values = self.in_units(logs)
        # A partial_fit trains one epoch and cannot know how many there will be.
        number = f"{self.first_epoch + epoch + 1}" + (f"/{self.first_epoch + self.epochs}" if self.epochs > 1 else "")
        if epoch == 0 and (self.first_epoch == 0 or self.epochs > 1):
            print_if_possible(
                f"{'epoch':>9}", *(f"{name:>{_width(name)}}" for name in values), f"{'time':>8}", sep="  "
            )
        row = (f"{_text(name, value, 4):>{_width(name)}}" for name, value in values.items())
        print_if_possible(f"{number:>9}", *row, f"{perf_counter() - self.began:>6.2f} s", sep="  ")

    def on_train_end(self):
        """Say when early stopping, or a callback, ended the training."""
        if self.model.stop_training:
            print_if_possible(f"Stopped before the last of {self.epochs} epochs.")


def _text(name, value, digits):
    return f"{value:.{digits}f}" if name.endswith("accuracy") else f"{value:#.{digits}g}"


def _width(name):
    return max(len(name), 10)
