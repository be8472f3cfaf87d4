"""Networks with what runs their epochs: compiled for a task, or kept from an earlier one of the same kind."""

from typing import Any, NamedTuple

import keras
import numpy as np

from sklip.training import reuse, runtime
from sklip.training.architecture import build_network
from sklip.training.epochs.protocol import Epochs
from sklip.training.optimizer import kind_of_optimizer, values_of
from sklip.training.task import TrainingTask

STEPS_THAT_PAY = 3000
"""Steps from which XLA is chosen: it compiles for 2 s, and saves 0.7 ms a step (benchmarks/bench_step.py)."""


class Compiled(NamedTuple):
    """What runs the epochs of a network, and the values of its optimizer's variables before the first step.

    ``key`` is what tasks have in common that may use it; None if no other may.
    """

    key: Any
    epochs: Epochs
    fresh_slots: list[np.ndarray]


def compiled_for(
    task: TrainingTask, epochs_class: type[Epochs], optimizer: keras.optimizers.Optimizer, sets_rates: bool
) -> Compiled:
    """A compiled network for a task: one that was put back if it can be.

    Parameters
    ----------
    task : TrainingTask
    epochs_class : type of Epochs
    optimizer : keras.optimizers.Optimizer
        For a new network.
    sets_rates : bool
        Whether the training sets the learning rate of each step.

    Returns
    -------
    Compiled

    Raises
    ------
    ValueError
        If XLA is asked for where it cannot be had.
    """
    jit_compile = _jit_compile(task, epochs_class)
    key = _key(task, epochs_class, sets_rates, jit_compile)
    kept = reuse.borrow(key)
    if kept is not None:
        return kept
    network = build_network(task.architecture, epochs_class.network_class)
    network.compile(optimizer=optimizer, loss=task.objective.loss, jit_compile=jit_compile)
    if optimizer.weight_decay:
        # A shift of the scores is no complexity, and decay could make it diverge.
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.build(network.trainable_variables)
    epochs = epochs_class(network, task.objective, validates=task.held_out is not None, sets_rates=sets_rates)
    return Compiled(key, epochs, values_of(optimizer))


def _key(task, epochs_class, sets_rates, jit_compile):
    """What tasks that can share a compiled network have in common; None for one that needs its own."""
    kinds = task.objective.kind, kind_of_optimizer(task.schedule)
    # Callbacks may do anything to a network.
    if not epochs_class.reusable or task.schedule.callbacks or None in kinds:
        return None
    return epochs_class, task.architecture, *kinds, task.held_out is None, sets_rates, jit_compile


def _jit_compile(task, epochs_class):
    """Whether XLA compiles the training."""
    asked, watched = task.schedule.jit_compile, runtime.operations_are_watched()
    if asked == "auto":
        # For losses of sklip alone: whether faster steps make up for the compilation within this training.
        pays = task.objective.kind is not None and task.schedule.epochs * task.plan.steps >= STEPS_THAT_PAY
        return not watched and (epochs_class.always_compiles or pays)
    if watched and asked:
        raise ValueError(
            "XLA cannot compile what tf.debugging.enable_check_numerics() watches: set jit_compile=False, or 'auto'."
        )
    return asked
