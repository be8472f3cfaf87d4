"""The state from which a later call continues a training, only NumPy arrays and numbers, and checks of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sklip.exceptions import TrainingDivergedError


@dataclass(frozen=True, eq=False)
class TrainingState:
    """A training between two calls.

    Attributes
    ----------
    weights : list of ndarray
        Weights of the network that is served, in the order of Keras, in float32 and the units of the training.
    optimizer : str
        Class of the Keras optimizer to which the variables belong; another optimizer does not use them.
    optimizer_variables : list of ndarray
        In the order of the Keras optimizer's ``variables``, without the learning rate. Empty for
        a new optimizer.
    epochs : int
        Number of epochs so far.
    seed : int
        Seed of the order of the batches, of the dropout and of the augmentation.
    """

    weights: list[np.ndarray]
    optimizer: str
    optimizer_variables: list[np.ndarray]
    epochs: int
    seed: int


def refuse_other_shapes(trained: Sequence[np.ndarray], fresh: Sequence[np.ndarray]) -> None:
    """Raise a ValueError if the weights of an earlier training are not those of such a network."""
    before, now = ([weight.shape for weight in weights] for weights in (trained, fresh))
    if before != now:
        raise ValueError(
            f"partial_fit and warm_start need the model of the last fit: it trained weights of the shapes {before} and "
            f"would now train some of the shapes {now}. Use fit, with warm_start=False."
        )


def refuse_diverged(weights: Sequence[np.ndarray]) -> None:
    """Raise a TrainingDivergedError if weights are not finite."""
    if not all(np.isfinite(weight).all() for weight in weights):
        raise TrainingDivergedError(
            "Training diverged: weights are no longer finite. Lower the 'learning_rate' (that of the 'optimizer' if it "
            "is an instance) or the 'class_weight'."
        )
