"""What is to be trained, and what a training leaves: NumPy arrays, numbers and names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sklip.rows.protocol import UnreadRows
    from sklip.served import Operation
    from sklip.training.architecture import Architecture
    from sklip.training.batches import BatchPlan
    from sklip.training.objective import Objective
    from sklip.training.state import TrainingState

    Arrays = tuple[np.ndarray | UnreadRows, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Schedule:
    """How long to train, at what pace, and when to stop.

    Attributes
    ----------
    epochs : int
    optimizer : str or keras.optimizers.Optimizer
        An instance is copied from its configuration.
    learning_rate : float
        Learning rate of an optimizer that is given by its name.
    decay : "cosine" or "constant"
        Over all steps of ``epochs``; ignored where the optimizer brings its own schedule.
    patience : int or None
        Epochs without an improvement after which to stop and go back to the best; None to go on.
    monitor : "loss", "accuracy" or "certified_accuracy"
        The number that is to improve.
    tolerance : float
        The least change that counts as an improvement, in the units of the training.
    callbacks : list of keras.callbacks.Callback
    verbose : int
        See :func:`sklip.training.progress.progress_of`.
    jit_compile : "auto" or bool
        Whether XLA compiles the training.
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


@dataclass(frozen=True, eq=False)
class TrainingTask:
    """All that a training depends on.

    Attributes
    ----------
    architecture : sklip.training.architecture.Architecture
    schedule : Schedule
    plan : sklip.training.batches.BatchPlan
        Batches of ``rows``.
    rows : tuple of (inputs, targets, weights), float32 ndarrays
        Of shapes (n, d), (n, n_scores) and (n,); the inputs may be UnreadRows of float32.
    objective : sklip.training.objective.Objective
    state : sklip.training.state.TrainingState
        Where to start from: without weights at random ones, without optimizer variables with a fresh optimizer.
    held_out : tuple or None
        Rows to watch, as ``rows``; all in memory.
    """

    architecture: Architecture
    schedule: Schedule
    plan: BatchPlan
    rows: Arrays
    objective: Objective
    state: TrainingState
    held_out: Arrays | None = None

    def order(self, epoch: int) -> np.ndarray:
        """Row numbers of the batches of an epoch of this training, from 0; shape (steps, batch), int32.

        They depend on the seed and on the number of epochs before alone, so that a resumed training draws
        what an uninterrupted one would.
        """
        return self.plan.epoch(np.random.default_rng((self.state.seed, self.state.epochs + epoch + 1)))


@dataclass(frozen=True, eq=False)
class Training:
    """What a training leaves.

    Attributes
    ----------
    state : sklip.training.state.TrainingState
        Where to go on from.
    operations : tuple of sklip.served.Operation
        The trained layers, in the units of the training.
    history : dict of str to list of float
        One number per epoch for each name of the objective, then the same of the held-out rows, with ``val_``
        before the name; in the units of the training.
    was_improving : bool
        Whether the epochs ran out before the patience did.
    interrupted : bool
        Whether the user ended the training.
    """

    state: TrainingState
    operations: tuple[Operation, ...]
    history: dict[str, list[float]]
    was_improving: bool = False
    interrupted: bool = False
