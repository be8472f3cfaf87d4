"""Activations in NumPy and float32, with their gradients."""

import numpy as np

from sklip import served


class OfServedNetwork:
    """An activation by the operation of the served network, which is exact in every dtype.

    Parameters
    ----------
    operation : sklip.served.Activation
    """

    def __init__(self, operation: served.Activation):
        self._operation = operation

    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        """Write the values after the activation to ``out``, an array of the same shape as ``z``."""
        self._operation.forward(z, out)

    def backward(self, z: np.ndarray, slope: np.ndarray, out: np.ndarray) -> None:
        """Write the gradient with respect to ``z`` to ``out``, given that with respect to the result."""
        out[...] = self._operation.vjp(z, slope)


class SortedPairs:
    """GroupSort of pairs, and MaxMin: the values ``i`` and ``i + width / 2`` of a row in order.

    Parameters
    ----------
    minima_first : bool
        Whether the smaller value of a pair comes first.
    """

    def __init__(self, minima_first: bool):
        self._order = (np.minimum, np.maximum) if minima_first else (np.maximum, np.minimum)
        self._minima_first = minima_first

    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        """Write the sorted pairs to ``out``."""
        half = z.shape[1] // 2
        for choose, place in zip(self._order, (out[:, :half], out[:, half:]), strict=True):
            choose(z[:, :half], z[:, half:], out=place)

    def backward(self, z: np.ndarray, slope: np.ndarray, out: np.ndarray) -> None:
        """Write the slopes to ``out``, swapped back where the pair was; equal values count as in order."""
        half = z.shape[1] // 2
        swapped = z[:, :half] > z[:, half:]
        if not self._minima_first:
            np.logical_not(swapped, out=swapped)
        np.copyto(out, slope)
        np.copyto(out[:, :half], slope[:, half:], where=swapped)
        np.copyto(out[:, half:], slope[:, :half], where=swapped)


def activation_of(name: str) -> OfServedNetwork | SortedPairs:
    """Return an activation by its name; see :func:`sklip.served.activation`."""
    operation = served.activation(name)
    if operation == served.GroupSort(2) or isinstance(operation, served.MaxMin):
        return SortedPairs(minima_first=not isinstance(operation, served.MaxMin))
    return OfServedNetwork(operation)
