"""What observes a training between its epochs, for every engine."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np


class Trainee(Protocol):
    """What is trained, as its observers see it; a Keras model is one.

    Attributes
    ----------
    stop_training : bool
        Whether the training ends after the current epoch.
    """

    stop_training: bool

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights."""

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Set all weights."""


class Observer:
    """Base of the observers, which does nothing.

    Attributes
    ----------
    model : Trainee
        What is trained. It is set before the training begins.
    """

    model: Trainee

    def on_train_begin(self) -> None:
        """Do something before the first epoch."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Do something before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Do something with the numbers of an epoch."""

    def on_train_end(self) -> None:
        """Do something after the last epoch."""

    def close(self) -> None:
        """Release what the observer holds, also if the training failed."""
