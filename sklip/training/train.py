"""Train a constrained Keras network: arrays in, arrays out."""

import json
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import keras
import numpy as np

from sklip.arithmetic import polar_factor
from sklip.exceptions import TrainingDivergedError
from sklip.layers import operations_of
from sklip.served import Operation
from sklip.training import backend
from sklip.training.architecture import Architecture, build_network, seed_dropout
from sklip.training.batches import BatchPlan
from sklip.training.driver import KerasDriver
from sklip.training.interrupts import Interrupts
from sklip.training.progress import progress_of
from sklip.training.reuse import borrow, put_back
from sklip.training.state import TrainingState

if keras.backend.backend() == "tensorflow":
    from sklip.training.epochs import EpochModel as NetworkModel
else:
    from sklip.training.batchwise import BatchModel as NetworkModel

STEPS_THAT_PAY = 3000
"""Steps from which XLA is chosen: it compiles for 2 s, and saves 0.7 ms a step (benchmarks/bench_step.py)."""

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Schedule:
    """How long to train, at what pace, and when to stop.

    Attributes
    ----------
    epochs : int
    optimizer : str or keras.optimizers.Optimizer
        An instance is copied from its configuration.
    learning_rate : float
        Of an optimizer given by its name.
    decay : "cosine" or "constant"
        Over all steps of ``epochs``; ignored where the optimizer brings its own schedule.
    patience : int or None
        Epochs without an improvement after which to stop and go back to the best; None to go on.
    monitor : "loss", "accuracy" or "certified_accuracy"
        What shall improve.
    tolerance : float
        What counts as an improvement, in the units of the training.
    callbacks : list of keras.callbacks.Callback
    verbose : int
        See :func:`sklip.training.progress.progress_of`.
    units : dict of str to float
        What turns the numbers of the training, by their names, into those that ``verbose`` shows.
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
    units: dict[str, float] = field(default_factory=dict)
    jit_compile: bool | str = "auto"


@dataclass(frozen=True, eq=False)
class Training:
    """What a training leaves: the state to go on from, the operations to serve, one number an epoch for each term.

    ``was_improving`` tells whether the epochs ran out before the patience did, ``interrupted`` whether the user ended
    the training.
    """

    state: TrainingState
    operations: tuple[Operation, ...]
    history: dict[str, list[float]]
    was_improving: bool = False
    interrupted: bool = False


def train(
    architecture: Architecture,
    schedule: Schedule,
    plan: BatchPlan,
    training: Rows,
    losses: tuple,
    state: TrainingState,
    validation: Rows | None = None,
    epsilon: float | None = None,
) -> Training:
    """Train a network.

    Parameters
    ----------
    architecture : Architecture
    schedule : Schedule
    plan : BatchPlan
        Of the rows of ``training``.
    training : tuple of (inputs, targets, weights), float32 ndarrays
        Of shapes (n, d), (n, n_scores) and (n,); the inputs may be UnreadRows of float32.
    losses : tuple of two of sklip.losses
        For training and for validation.
    state : TrainingState
        Where to start from; without weights, at random ones; without optimizer variables,
        with a fresh optimizer.
    validation : tuple or None
        As ``training``: rows to watch.
    epsilon : float or None
        Radius of the ``certified_accuracy`` to watch, in the units of the training.

    Returns
    -------
    Training

    Raises
    ------
    TrainingDivergedError
        When weights are not finite in the end.
    """
    optimizer = _optimizer(schedule)
    rates = _learning_rates(optimizer, schedule, plan.steps)

    jit_compile = _compiles(schedule, plan, losses)

    key = _shape(architecture, schedule, losses, rates, validation, epsilon, jit_compile)
    network: Any = None if key is None else borrow(key)

    def compiled_network(compile_kwargs):
        nonlocal network
        if network is None:
            network = build_network(architecture, NetworkModel)
            network.compile(**compile_kwargs, jit_compile=jit_compile)
            if network.optimizer.weight_decay:
                # A shift of the scores is no complexity, and decay could make it diverge.
                network.optimizer.exclude_from_weight_decay(var_names=["bias"])
            network.optimizer.build(network.trainable_variables)
            network.fresh_slots = [np.asarray(variable) for variable in _slots(network.optimizer)]
        else:
            rate = compile_kwargs["optimizer"]._learning_rate
            if isinstance(rate, keras.Variable):
                network.optimizer.learning_rate = float(rate)
        network.load_data(training, validation, losses, epsilon)
        network.set_weights(state.weights or architecture.initial_weights(np.random.default_rng(state.seed)))
        seed_dropout(network, state.seed + state.epochs)
        _load_slots(network, type(optimizer).__name__, state)
        return network

    interrupts, stop = Interrupts(), _early_stopping(schedule, validation)
    callbacks = [*map(interrupts.guarded, schedule.callbacks), stop]
    progress = progress_of(schedule.verbose, schedule.units, schedule.epochs, state.epochs)
    driver = KerasDriver(
        compiled_network,
        optimizer=optimizer,
        loss=losses[0],
        callbacks=[*filter(None, [*callbacks, progress, interrupts])],
        verbose=0,
        epochs=schedule.epochs,
    )
    try:
        driver.fit_network(plan, rates, state)
    finally:
        interrupts.close()
        if progress is not None:
            progress.close()
        if network is not None:
            network.forget_gradients()
        _let_go(schedule.callbacks)
    history = _history(driver, losses, epsilon, validation)
    if not all(np.isfinite(weight).all() for weight in network.get_weights()):
        raise TrainingDivergedError(
            "Training diverged: weights are no longer finite. Lower the 'learning_rate' (that of the 'optimizer' if it "
            "is an instance) or the 'class_weight'."
        )
    network.set_weights(_retracted(network.get_weights()))
    trained = Training(
        state=TrainingState(
            weights=network.get_weights(),
            optimizer=type(optimizer).__name__,
            optimizer_variables=[np.asarray(variable) for variable in _slots(network.optimizer)],
            epochs=state.epochs + len(history["loss"]),
            seed=state.seed,
        ),
        operations=operations_of(network, on_manifold=True),
        history=history,
        was_improving=(stop is not None and stop.wait < schedule.patience and len(history["loss"]) == schedule.epochs),
        interrupted=interrupts.interrupted,
    )
    if key is not None:
        network.release_data()
        put_back(key, network)
    return trained


def _load_slots(network, optimizer, state):
    """Give the optimizer of a network the variables of the state, or fresh ones if those are another optimizer's."""
    values = network.fresh_slots
    shapes = [value.shape for value in values]
    if state.optimizer == optimizer and shapes == [value.shape for value in state.optimizer_variables]:
        values = state.optimizer_variables
    for variable, value in zip(_slots(network.optimizer), values, strict=True):
        variable.assign(value)


def _let_go(callbacks):
    """Take from the user's callbacks what would stay alive, or open, with them."""
    for callback in callbacks:
        # The model holds the data. A set_model of the callback's own expects a model.
        keras.callbacks.Callback.set_model(callback, None)
        if isinstance(callback, keras.callbacks.CSVLogger):
            callback.csv_file = callback.writer = None  # closed, of no use to it, and in the way of pickle


def _history(driver, losses, epsilon, validation):
    """One number per epoch for each term of the loss, and for what is watched."""
    names = [*losses[0].term_names, "accuracy", *([] if epsilon is None else ["certified_accuracy"])]
    names += [f"val_{name}" for name in names] if validation is not None else []
    return {name: [float(value) for value in driver.history_[name]] for name in names}


def _compiles(schedule, plan, losses):
    """Whether XLA compiles the training."""
    watched = backend.operations_are_watched()
    if schedule.jit_compile == "auto":
        return not watched and _pays_to_compile(schedule, plan, losses)
    if watched and schedule.jit_compile:
        raise ValueError(
            "XLA cannot compile what tf.debugging.enable_check_numerics() watches: set jit_compile=False, or 'auto'."
        )
    return schedule.jit_compile


def _pays_to_compile(schedule, plan, losses):
    """Whether XLA's faster steps make good for its compilation within this training."""
    if keras.backend.backend() != "tensorflow":
        return True  # JAX has no other way to run a step at once
    return bool(losses[0].parameter_names) and schedule.epochs * plan.steps >= STEPS_THAT_PAY


def _retracted(weights):
    """Weights whose kernels are brought to their manifolds all the way."""
    *hidden, heads, bias = weights
    closed = [polar_factor(array).astype(np.float32) if array.ndim == 2 else array for array in hidden]
    return [*closed, heads / np.maximum(np.linalg.norm(heads, axis=0), np.finfo(np.float32).tiny), bias]


def _shape(architecture, schedule, losses, rates, validation, epsilon, jit_compile):
    """What trainings that share a compiled network have in common; None for one that needs its own."""
    if not hasattr(NetworkModel, "release_data") or schedule.callbacks or not losses[0].parameter_names:
        return None  # callbacks may do anything to a network, and to anyone's loss
    given = schedule.optimizer
    if not isinstance(given, str):
        config = {name: value for name, value in given.get_config().items() if name != "name"}
        if isinstance(config.get("learning_rate"), Real):
            del config["learning_rate"]
        try:
            text = json.dumps(config, sort_keys=True, default=float)
        except TypeError:
            return None
        if '"registered_name": "' in text:
            return None  # the user's schedules: their names are known, not what they do
        given = (type(given), text)
    kinds = tuple((type(loss), tuple(getattr(loss, name) is None for name in loss.parameter_names)) for loss in losses)
    return architecture, given, kinds, rates is None, validation is None, epsilon is None, jit_compile


def _optimizer(schedule: Schedule) -> keras.optimizers.Optimizer:
    """A fresh optimizer of the schedule's kind."""
    given = schedule.optimizer
    if isinstance(given, str):
        optimizer = keras.optimizers.get({"class_name": given, "config": {"name": given}})
        optimizer.learning_rate = schedule.learning_rate
        return optimizer
    return type(given).from_config(given.get_config())


def _slots(optimizer) -> list[keras.Variable]:
    """What the optimizer remembers, but for the learning rate, which each training sets anew."""
    return [variable for variable in optimizer.variables if variable is not optimizer._learning_rate]


def _learning_rates(optimizer, schedule, steps):
    """Learning rate of each step, of shape (epochs, steps), or None to leave it to the optimizer."""
    brings_its_own = callable(optimizer._learning_rate)  # Keras' schedules are, and it takes functions
    if schedule.decay == "constant" or brings_its_own:
        return None
    progress = np.arange(schedule.epochs * steps) / (schedule.epochs * steps)
    decay = float(optimizer.learning_rate) * 0.5 * (1.0 + np.cos(np.pi * progress))
    return decay.astype(np.float32).reshape(-1, steps)


def _early_stopping(schedule, validation):
    """Keras' early stopping; None where the schedule has no patience."""
    if schedule.patience is None:
        return None
    return keras.callbacks.EarlyStopping(
        monitor=schedule.monitor if validation is None else f"val_{schedule.monitor}",
        mode="min" if schedule.monitor == "loss" else "max",
        min_delta=schedule.tolerance,
        patience=schedule.patience,
        restore_best_weights=True,
    )
