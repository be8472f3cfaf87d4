"""Networks that are compiled for a task, or kept from an earlier task of the same kind."""

from typing import Any, NamedTuple

import keras
import numpy as np

from sklip._compat import stepping_optimizer
from sklip.training import reuse, runtime
from sklip.training.architecture import build_network
from sklip.training.devices import devices_of
from sklip.training.epochs.protocol import Epochs
from sklip.training.optimizer import kind_of_optimizer, values_of
from sklip.training.task import TrainingTask

STEPS_THAT_PAY = 3000
"""XLA compiles a training of so many steps: that takes 2 s, and saves 0.7 ms per step (benchmarks/bench_step.py)."""


class Compiled(NamedTuple):
    """A compiled network with its epochs, and the values of all its variables before the first step.

    Tasks with the same ``key`` may use it; if the key is None, no other task may. ``fresh_weights`` are those of the
    network that is served, ``fresh_slots`` the variables of the optimizer.
    """

    key: Any
    epochs: Epochs
    fresh_weights: list[np.ndarray]
    fresh_slots: list[np.ndarray]


def compiled_for(
    task: TrainingTask, epochs_class: type[Epochs], optimizer: keras.optimizers.Optimizer, sets_rates: bool
) -> Compiled:
    """Return a compiled network for a task; an earlier one of the same kind if there is one.

    Parameters
    ----------
    task : TrainingTask
    epochs_class : type of Epochs
    optimizer : keras.optimizers.Optimizer
        Optimizer of a new network.
    sets_rates : bool
        Whether the training sets the learning rate of each step.

    Returns
    -------
    Compiled

    Raises
    ------
    ValueError
        If the task demands XLA where it cannot be used, or more devices than there are.
    """
    devices = devices_of(task.schedule.n_devices, epochs_class.visible_devices())
    jit_compile = _jit_compile(task, epochs_class, len(devices))
    key = _key(task, epochs_class, sets_rates, jit_compile, devices)
    kept = reuse.borrow(key)
    if kept is not None:
        return kept
    network = build_network(task.architecture, epochs_class.network_class, task.state.seed)
    network.compile(optimizer=optimizer, loss=task.objective.loss, jit_compile=jit_compile)
    stepping = stepping_optimizer(optimizer)
    if stepping.weight_decay:
        # A bias adds no complexity, and its decay could make it diverge.
        stepping.exclude_from_weight_decay(var_names=["bias"])
    optimizer.build(network.trainable_variables)
    validates = task.held_out is not None
    epochs = epochs_class(network, task.objective, validates=validates, sets_rates=sets_rates, devices=devices)
    return Compiled(key, epochs, network.served.get_weights(), values_of(optimizer))


def _gains(architecture):
    """Whether XLA can compile the steps of a network in TensorFlow, and makes them faster.

    It has no operations for the augmentation of images. On a CPU its convolutions are slow: a step of ``ConvNet()`` on
    images of 28 × 28 pixels takes three times as long.
    """
    return architecture.is_dense and architecture.augmentation is None


def _key(task, epochs_class, sets_rates, jit_compile, devices):
    """The key of the tasks that can share a compiled network; None if the task needs its own."""
    kinds = task.objective.kind, kind_of_optimizer(task.schedule)
    # Callbacks may change a network in any way.
    architecture = task.architecture.key
    if not epochs_class.reusable or task.schedule.callbacks or architecture is None or None in kinds:
        return None
    execution = jit_compile, task.schedule.matmul_precision, devices
    return epochs_class, architecture, *kinds, task.held_out is None, sets_rates, *execution


def _jit_compile(task, epochs_class, n_devices):
    """Whether XLA compiles the training."""
    wanted, watched = task.schedule.jit_compile, runtime.operations_are_watched()
    possible = not n_devices or epochs_class.compiles_for_several_devices
    if wanted == "auto":
        # Only for losses of sklip: do faster steps save more time than the compilation takes?
        pays = task.objective.kind is not None and task.schedule.epochs * task.plan.steps >= STEPS_THAT_PAY
        gains = epochs_class.always_compiles or (pays and _gains(task.architecture))
        return not watched and possible and gains
    if watched and wanted:
        raise ValueError(
            "XLA cannot compile what tf.debugging.enable_check_numerics() watches: set jit_compile=False, or 'auto'."
        )
    if wanted and not possible:
        raise ValueError(
            f"XLA compiles the steps of TensorFlow for one device, but n_devices is {n_devices}: set "
            "jit_compile=False, or 'auto', or train on JAX."
        )
    return wanted
