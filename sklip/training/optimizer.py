"""The Keras optimizer of a training: how it is made from a schedule, and its variables between trainings."""

import json
from numbers import Real

import keras
import numpy as np

from sklip._compat import learning_rate
from sklip.training.rates import rates_of_schedule
from sklip.training.state import TrainingState
from sklip.training.task import Schedule


def new_optimizer(schedule: Schedule) -> keras.optimizers.Optimizer:
    """A new optimizer of the kind in the schedule."""
    given = schedule.optimizer
    if isinstance(given, str):
        optimizer = keras.optimizers.get({"class_name": given, "config": {"name": given}})
        optimizer.learning_rate = schedule.learning_rate
        return optimizer
    return type(given).from_config(given.get_config())


def learning_rates(optimizer: keras.optimizers.Optimizer, schedule: Schedule, steps: int) -> np.ndarray | None:
    """Learning rate of each step, of shape (epochs, steps), float32; None to leave it to the optimizer."""
    if callable(learning_rate(optimizer)):  # a schedule of Keras, or a function
        return None
    return rates_of_schedule(float(optimizer.learning_rate), schedule, steps)


def slots(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """The variables of an optimizer, except the learning rate, which each training sets."""
    return [variable for variable in optimizer.variables if variable is not learning_rate(optimizer)]


def values_of(optimizer: keras.optimizers.Optimizer) -> list[np.ndarray]:
    """Copies of the values of its :func:`slots`."""
    return [np.asarray(variable).copy() for variable in slots(optimizer)]


def restore(
    optimizer: keras.optimizers.Optimizer,
    like: keras.optimizers.Optimizer,
    fresh: list[np.ndarray],
    state: TrainingState,
) -> None:
    """Give an optimizer the learning rate of the optimizer ``like``, and the variables of a state.

    If the state is that of another kind of optimizer, it gets the values ``fresh``. A schedule of the learning rate is
    the same in both optimizers.
    """
    rate = learning_rate(like)
    if isinstance(rate, keras.Variable):
        optimizer.learning_rate = float(rate)
    values, shapes = fresh, [value.shape for value in fresh]
    if state.optimizer == type(optimizer).__name__ and shapes == [value.shape for value in state.optimizer_variables]:
        values = state.optimizer_variables
    for variable, value in zip(slots(optimizer), values, strict=True):
        variable.assign(value)


def kind_of_optimizer(schedule: Schedule) -> object:
    """The key of optimizers that differ only in their learning rate; None if that is unknown."""
    given = schedule.optimizer
    if isinstance(given, str):
        return given
    config = {name: value for name, value in given.get_config().items() if name != "name"}
    if isinstance(config.get("learning_rate"), Real):
        del config["learning_rate"]
    try:
        text = json.dumps(config, sort_keys=True, default=float)
    except TypeError:
        return None
    # The text holds only the name of a schedule that the user wrote, not what it computes.
    return None if '"registered_name": "' in text else (type(given), text)
