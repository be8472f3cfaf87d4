"""Optimizers in NumPy, in the arithmetic of Keras, on one vector that holds all weights."""

from collections.abc import Sequence

import numpy as np


class Optimizer:
    """Base of the optimizers.

    Parameters
    ----------
    size : int
        Number of weights.

    Attributes
    ----------
    name : str
        Name of the class in Keras, which has the same variables.
    iterations : int
        Number of steps so far.
    slots : tuple of ndarray of shape (size,), float32
        Variables of the optimizer: one number per weight in each.
    """

    name: str
    _n_slots = 0

    def __init__(self, size: int):
        self.iterations = 0
        self.slots = tuple(np.zeros(size, np.float32) for _ in range(self._n_slots))
        self._scratch = np.empty(size, np.float32), np.empty(size, np.float32)

    def step(self, weights: np.ndarray, slopes: np.ndarray, rate: np.float32) -> None:
        """Change the weights in place.

        Parameters
        ----------
        weights, slopes : ndarrays of shape (size,), float32
        rate : numpy.float32
            Learning rate.
        """
        self._step(weights, slopes, np.float32(rate))
        self.iterations += 1

    def _step(self, weights, slopes, rate):
        raise NotImplementedError

    def variables(self, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
        """Return copies of the variables in the order of Keras: the number of steps, then those of each weight.

        Parameters
        ----------
        shapes : sequence of tuple of int
            Shapes of the weights, whose entries the vectors hold one after the other.
        """
        parts = [np.split(slot, _ends(shapes)) for slot in self.slots]
        of_weights = [part[i].reshape(shape).copy() for i, shape in enumerate(shapes) for part in parts]
        return [np.array(self.iterations, np.int64), *of_weights]

    def restore(self, variables: list[np.ndarray]) -> None:
        """Set the variables to those that :meth:`variables` returned."""
        self.iterations = int(variables[0])
        for number, slot in enumerate(self.slots):
            slot[...] = np.concatenate([np.ravel(each) for each in variables[1 + number :: len(self.slots)]])


def _ends(shapes):
    """The positions at which the entries of the second weight and of the later ones begin."""
    return np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]


class SGD(Optimizer):
    """Gradient descent without momentum."""

    name = "SGD"

    def _step(self, weights, slopes, rate):
        change, _ = self._scratch
        weights -= np.multiply(slopes, rate, out=change)


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015), with the defaults of Keras."""

    name = "Adam"
    _n_slots = 2
    _beta_1, _beta_2, _epsilon = 0.9, 0.999, np.float32(1e-7)

    def _step(self, weights, slopes, rate):
        (momentum, velocity), (change, root) = self.slots, self._scratch
        local_step, one = np.float32(self.iterations + 1), np.float32(1.0)
        power_1, power_2 = np.float32(self._beta_1) ** local_step, np.float32(self._beta_2) ** local_step
        alpha = rate * np.sqrt(one - power_2) / (one - power_1)
        np.subtract(slopes, momentum, out=change)
        change *= np.float32(1 - self._beta_1)
        momentum += change
        np.multiply(slopes, slopes, out=change)
        change -= velocity
        change *= np.float32(1 - self._beta_2)
        velocity += change
        np.sqrt(velocity, out=root)
        root += self._epsilon
        np.multiply(momentum, alpha, out=change)
        change /= root
        weights -= change


OPTIMIZERS = {"adam": Adam, "sgd": SGD}
"""The optimizers, by the names that the estimators take."""
