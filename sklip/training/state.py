"""The state from which a later call continues a training: only NumPy arrays and numbers."""

from dataclasses import dataclass

import numpy as np


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
