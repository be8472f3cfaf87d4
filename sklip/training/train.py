"""Train a constrained Keras network: arrays in, arrays out."""

from dataclasses import dataclass, field

import keras
import numpy as np

from sklip.training.architecture import Architecture, build_network
from sklip.training.batches import BatchPlan
from sklip.training.driver import KerasDriver
from sklip.training.state import TrainingState

if keras.backend.backend() == "tensorflow":
    from sklip.training.epochs import EpochModel as NetworkModel
else:
    from sklip.training.batchwise import BatchModel as NetworkModel

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
    """

    epochs: int
    optimizer: object
    learning_rate: float
    decay: str
    patience: int | None = None
    monitor: str = "loss"
    tolerance: float = 0.0
    callbacks: list = field(default_factory=list)
    verbose: int = 0


@dataclass(frozen=True, eq=False)
class Training:
    """What a training leaves: the state to go on from, and one number an epoch for each term."""

    state: TrainingState
    history: dict[str, list[float]]


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
        Of shapes (n, d), (n, n_scores) and (n,).
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
    ValueError
        When weights are not finite in the end.
    """
    optimizer = _optimizer(schedule)
    rates = _learning_rates(optimizer, schedule, plan.steps)

    networks = []

    def compiled_network(compile_kwargs):
        network = build_network(architecture, NetworkModel, state.seed + state.epochs)
        network.set_weights(state.weights or architecture.initial_weights(np.random.default_rng(state.seed)))
        network.load_data(training, validation, losses, epsilon)
        network.compile(**compile_kwargs)
        if network.optimizer.weight_decay:  # a shift of the scores is no complexity, and decay could make it diverge
            network.optimizer.exclude_from_weight_decay(var_names=["bias"])
        network.optimizer.build(network.trainable_variables)
        slots = _slots(network.optimizer)
        shapes = [tuple(variable.shape) for variable in slots]
        if state.optimizer == type(optimizer).__name__ and shapes == [v.shape for v in state.optimizer_variables]:
            for variable, value in zip(slots, state.optimizer_variables, strict=True):
                variable.assign(value)
        networks.append(network)
        return network

    driver = KerasDriver(
        compiled_network,
        optimizer=optimizer,
        loss=losses[0],
        callbacks=_callbacks(schedule, validation),
        verbose=schedule.verbose,
        epochs=schedule.epochs,
    )
    try:
        driver.fit_network(plan, rates, state)
    finally:
        for network in networks:
            network.forget_gradients()
        for callback in schedule.callbacks:
            callback.set_model(None)  # which would keep the data alive as long as the user's callback
    names = [*losses[0].term_names, "accuracy", *([] if epsilon is None else ["certified_accuracy"])]
    names += [f"val_{name}" for name in names] if validation is not None else []
    history = {name: [float(value) for value in driver.history_[name]] for name in names}
    network = driver.model_
    if not all(np.isfinite(weight).all() for weight in network.get_weights()):
        raise ValueError(
            "Training diverged: weights are no longer finite. Lower the 'learning_rate' (that of the 'optimizer' if it "
            "is an instance) or the 'class_weight'."
        )
    for layer in network.layers:
        if hasattr(layer, "retract"):
            layer.retract()
    return Training(
        state=TrainingState(
            weights=network.get_weights(),
            optimizer=type(optimizer).__name__,
            optimizer_variables=[np.asarray(variable) for variable in _slots(network.optimizer)],
            epochs=state.epochs + len(history["loss"]),
            seed=state.seed,
        ),
        history=history,
    )


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
    brings_its_own = isinstance(optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule)
    if schedule.decay == "constant" or brings_its_own:
        return None
    progress = np.arange(schedule.epochs * steps) / (schedule.epochs * steps)
    decay = float(optimizer.learning_rate) * 0.5 * (1.0 + np.cos(np.pi * progress))
    return decay.astype(np.float32).reshape(-1, steps)


def _callbacks(schedule, validation):
    """The user's callbacks, then early stopping."""
    if schedule.patience is None:
        return list(schedule.callbacks)
    stop = keras.callbacks.EarlyStopping(
        monitor=schedule.monitor if validation is None else f"val_{schedule.monitor}",
        mode="min" if schedule.monitor == "loss" else "max",
        min_delta=schedule.tolerance,
        patience=schedule.patience,
        restore_best_weights=True,
    )
    return [*schedule.callbacks, stop]
