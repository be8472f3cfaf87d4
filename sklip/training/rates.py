"""The learning rates of the steps of a training."""

import numpy as np

from sklip.training.task import Schedule


def rates_of_schedule(rate: float, schedule: Schedule, steps: int) -> np.ndarray | None:
    """Return the learning rate of each step of a training; None if it is constant.

    Parameters
    ----------
    rate : float
        Learning rate of the first step.
    schedule : Schedule
    steps : int
        Number of steps in an epoch.

    Returns
    -------
    ndarray of shape (epochs, steps), float32, or None
    """
    if schedule.decay == "constant":
        return None
    progress = np.arange(schedule.epochs * steps) / (schedule.epochs * steps)
    decay = rate * 0.5 * (1.0 + np.cos(np.pi * progress))
    return decay.astype(np.float32).reshape(-1, steps)
