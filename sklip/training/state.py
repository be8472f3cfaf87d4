"""What a later call needs to go on with a training: NumPy arrays and numbers alone."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class TrainingState:
    """A training between two calls.

    Attributes
    ----------
    weights : list of ndarray
        Kernels and biases in turn, float32, in the units of the training.
    optimizer : str
        Class of the Keras optimizer whose variables these are; those of another are not used.
    optimizer_variables : list of ndarray
        In the order of the Keras optimizer's ``variables``, without the learning rate; empty for
        a fresh optimizer.
    epochs : int
        Epochs run so far.
    seed : int
        From which the order of the batches and the dropout are drawn.
    """

    weights: list[np.ndarray]
    optimizer: str
    optimizer_variables: list[np.ndarray]
    epochs: int
    seed: int
