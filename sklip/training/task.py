"""The input and the result of a training: NumPy arrays, numbers and names."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sklip import architectures

if TYPE_CHECKING:
    from sklip.front_formulas import Front
    from sklip.rows.protocol import UnreadRows
    from sklip.served import Operation
    from sklip.training.batches import BatchPlan
    from sklip.training.objective import Objective
    from sklip.training.state import TrainingState

    Arrays = tuple[np.ndarray | UnreadRows, np.ndarray, np.ndarray]


_RECIPES = tuple(getattr(architectures, name) for name in architectures.__all__)


@dataclass(frozen=True, eq=False)
class Architecture:
    """Everything that the layers of a network depend on.

    Attributes
    ----------
    input_shape : tuple of int
        Shape of a row: (n_features,), or (height, width, channels).
    n_scores : int
        1 for two classes, the number of classes otherwise.
    model : object with a method ``build``, or callable
        ``build(input_shape, n_scores)`` returns the Keras model.
    augmentation : keras.layers.Layer or None
        Preprocessing layer that changes the images of a training batch at random.
    front : sklip.front_formulas.Front or None
        What stands before the model, for rows of a table; None for nothing.
    """

    input_shape: tuple[int, ...]
    n_scores: int
    model: Any
    augmentation: Any = None
    front: Front | None = None

    @property
    def model_shape(self) -> tuple[int, ...]:
        """Shape of a row as the model gets it."""
        return self.input_shape if self.front is None else (self.front.n_movable,)

    @property
    def key(self) -> Hashable:
        """The key of the architectures that are built alike; None if that is unknown."""
        if type(self.model) not in _RECIPES or self.augmentation is not None:
            return None
        parameters = self.model.get_params(deep=False).items()
        # Lists and arrays are no keys. Types and texts tell 1 from True, and 2 from 2.0.
        text = tuple((name, type(value).__name__, repr(value)) for name, value in sorted(parameters))
        return self.input_shape, self.n_scores, self.front, type(self.model), text

    @property
    def is_dense(self) -> bool:
        """Whether the network is known to have no layers on images."""
        return len(self.input_shape) == 1 or type(self.model) is architectures.MLP


@dataclass(frozen=True)
class Schedule:
    """How long to train, with which learning rates, when to stop, and on what.

    Attributes
    ----------
    epochs : int
    optimizer : str or keras.optimizers.Optimizer
        An instance is copied from its configuration.
    learning_rate : float
        Learning rate of the optimizer if it is given by name.
    decay : "cosine" or "constant"
        Decay of the learning rate over all steps of ``epochs``. Ignored if the optimizer has a schedule.
    patience : int or None
        Number of epochs without an improvement after which to stop and return to the best epoch; None not to stop.
    monitor : "loss", "accuracy" or "certified_accuracy"
        The number that must improve.
    tolerance : float
        Smallest change that counts as an improvement, in the units of the training.
    callbacks : list of keras.callbacks.Callback
    verbose : int
        See :func:`sklip.training.progress.progress_of`.
    jit_compile : "auto" or bool
        Whether XLA compiles the training.
    matmul_precision : "tensorfloat32" or "float32"
        See :func:`sklip.training.precision.products_in`.
    n_devices : int
        Number of devices among which the batches are divided; −1 means all.
    """

    epochs: int
    optimizer: Any
    learning_rate: float
    decay: str
    patience: int | None = None
    monitor: str = "loss"
    tolerance: float = 0.0
    callbacks: list = field(default_factory=list)
    verbose: int = 0
    jit_compile: bool | str = "auto"
    matmul_precision: str = "tensorfloat32"
    n_devices: int = 1


@dataclass(frozen=True, eq=False)
class TrainingTask:
    """Everything that a training depends on.

    Attributes
    ----------
    architecture : Architecture
    schedule : Schedule
    plan : sklip.training.batches.BatchPlan
        Plan of the batches of ``rows``.
    rows : tuple of (inputs, targets, weights), float32 ndarrays
        The shapes are (n, d), (n, n_scores) and (n,); the inputs may be UnreadRows of float32. Images are flat.
    objective : sklip.training.objective.Objective
    state : sklip.training.state.TrainingState
        State from which to start. If it has no weights they are random; if it has no optimizer variables, the
        optimizer is new.
    held_out : tuple or None
        Rows on which to measure, like ``rows``, but always in memory.
    center : ndarray of shape (d,) or float
        Centre that was subtracted from the inputs before they were divided by the scale of the objective. Only an
        augmentation needs it.
    """

    architecture: Architecture
    schedule: Schedule
    plan: BatchPlan
    rows: Arrays
    objective: Objective
    state: TrainingState
    held_out: Arrays | None = None
    center: np.ndarray | float = 0.0

    def order(self, epoch: int) -> np.ndarray:
        """Row numbers of the batches of an epoch, counted from 0 in this training; shape (steps, batch), int32.

        They depend only on the seed and on the number of all earlier epochs, so a resumed training draws
        the same as an uninterrupted one.
        """
        return self.plan.epoch(np.random.default_rng((self.state.seed, self.state.epochs + epoch + 1)))


@dataclass(frozen=True, eq=False)
class Training:
    """The result of a training.

    Attributes
    ----------
    state : sklip.training.state.TrainingState
        State from which another training can continue.
    operations : tuple of sklip.served.Operation
        The trained layers, in the units of the training.
    history : dict of str to list of float
        One number per epoch for each name of the objective, and with ``val_`` before the name, for the held-out
        rows; in the units of the training.
    was_improving : bool
        Whether all epochs ran, and early stopping would have gone on.
    interrupted : bool
        Whether the user ended the training.
    """

    state: TrainingState
    operations: tuple[Operation, ...]
    history: dict[str, list[float]]
    was_improving: bool = False
    interrupted: bool = False
