"""The epochs of a training in NumPy: which rows a step takes, and what it does with them."""

import numpy as np

from sklip.rows.blocks import chunks
from sklip.training.in_numpy.network import DenseNetwork
from sklip.training.in_numpy.optimizers import Optimizer
from sklip.training.task import TrainingTask


class NumPyEpochs:
    """Epochs, one step after the other.

    Parameters
    ----------
    network : DenseNetwork
    optimizer : Optimizer
    task : sklip.training.task.TrainingTask
    """

    def __init__(self, network: DenseNetwork, optimizer: Optimizer, task: TrainingTask):
        self._network, self._optimizer, self._task = network, optimizer, task

    def run(self, order: np.ndarray, rates: np.ndarray) -> dict[str, float]:
        """Train an epoch, end it by a full retraction, and measure the held-out rows.

        Parameters
        ----------
        order : ndarray of shape (steps, batch), int
            Row numbers of the batches.
        rates : ndarray of shape (steps,), float32
            Learning rate of each step.

        Returns
        -------
        dict of str to float
            As that of :meth:`sklip.training.epochs.protocol.Epochs.run`.
        """
        names = self._task.objective.names
        sums = dict.fromkeys(names, 0.0)
        for (inputs, targets, weights), rate in zip(self._batches(order), rates, strict=True):
            terms = self._step(inputs, targets, weights, rate)
            for name in names:
                sums[name] += float(terms[name])
        self._network.end_epoch()
        measured = {name: total / len(order) for name, total in sums.items()}
        if self._task.held_out is not None:
            inputs, targets, weights = self._task.held_out
            scores, heads = self._network.scores(np.asarray(inputs)), self._network.kernels[-1]
            terms = self._task.objective.terms(targets, scores, weights, heads, training=False)
            measured |= {f"val_{name}": float(terms[name]) for name in names}
        return measured

    def _batches(self, order):
        """Inputs, targets and weights of each batch; rows on disk are read a chunk of batches at a time."""
        rows = self._task.rows
        if isinstance(rows[0], np.ndarray):
            for batch in order:
                yield [array.take(batch, axis=0) for array in rows]
            return
        for part in chunks(len(order), 4 * order.shape[1] * rows[0].shape[1]):
            numbers = order[part].ravel()
            chunk = [array[numbers] for array in rows]
            for batch in np.arange(len(numbers)).reshape(-1, order.shape[1]):
                yield [array.take(batch, axis=0) for array in chunk]

    def _step(self, inputs, targets, weights, rate):
        """Train on a batch; return its terms, with the weights before the step."""
        network, objective = self._network, self._task.objective
        scores = network.forward(inputs)
        terms, slopes = objective.loss.terms_and_slopes(targets, scores, weights)
        terms |= objective.shares(targets, scores, weights, network.kernels[-1])
        network.backward(slopes)
        self._optimizer.step(network.vector, network.slopes, rate)
        network.retract()
        return terms
