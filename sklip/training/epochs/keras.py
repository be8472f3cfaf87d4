"""Epochs by Keras' own training step, a batch at a time, on any backend that has gradients."""

import keras
import numpy as np
from keras import ops

from sklip.training.architecture import constrained_layers, heads_of
from sklip.training.epochs.parts import rows_at_a_time
from sklip.training.epochs.protocol import Epochs
from sklip.training.saving import SavedAsItIs


class MeasuredNetwork(SavedAsItIs):
    """Functional Keras model whose training step minimises an objective, and measures it before the weights change."""

    def minimise(self, objective):
        """Set the objective."""
        self._objective = objective
        self._means = {name: keras.metrics.Mean(name=name) for name in objective.names if name != "loss"}

    def compile(self, optimizer, loss=None, **keywords):
        """Leave the loss to ``compute_loss``; see ``keras.Model.compile``."""
        super().compile(optimizer, **keywords)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the loss of a batch; see ``keras.Model.compute_loss``. Only here do all backends have the weights."""
        weights = ops.ones_like(y_pred[:, 0]) if sample_weight is None else sample_weight
        heads = ops.convert_to_tensor(heads_of(self).kernel)
        terms = self._objective.terms(y, y_pred, weights, heads, training=training)
        for name, mean in self._means.items():
            mean.update_state(terms[name])
        return terms["loss"]


class KerasEpochs(Epochs):
    """Epochs by Keras' own training step; see :class:`sklip.training.epochs.protocol.Epochs`."""

    network_class = MeasuredNetwork
    reusable = False
    always_compiles = True

    def __init__(self, network, objective, *, validates, sets_rates):
        self.network, self._objective = network, objective
        network.minimise(objective)
        self._names = objective.names
        self._rows_at_a_time = rows_at_a_time(network)

    def place(self, rows, held_out, objective):
        """Keep the rows; each step copies its batch to the device."""
        self._rows = rows
        if held_out is not None and self._rows_at_a_time is None:
            held_out = [ops.convert_to_tensor(array) for array in held_out]
        self._held_out = held_out

    def run(self, order, rates):
        """Train an epoch; see the protocol."""
        sums = np.zeros(len(self._names))
        for number, batch in enumerate(order):
            if rates is not None:
                self.network.optimizer.learning_rate = rates[number]
            terms = self.network.train_on_batch(*(array[batch] for array in self._rows), return_dict=True)
            sums += [terms[name] for name in self._names]
        for layer in constrained_layers(self.network):
            layer.end_epoch()
        measured = dict(zip(self._names, (sums / len(order)).tolist(), strict=True))
        if self._held_out is not None:
            terms = self._held_out_terms(*self._held_out)
            measured |= {f"val_{name}": float(terms[name]) for name in self._names}
        return measured

    def _held_out_terms(self, inputs, targets, weights):
        """The terms of the held-out rows; as many rows at a time as the memory allows."""
        if self._rows_at_a_time is None:
            return self.network.test_on_batch(inputs, targets, weights, return_dict=True)
        n_parts = -(-len(inputs) // self._rows_at_a_time)
        scores = [self.network.predict_on_batch(part) for part in np.array_split(inputs, n_parts)]
        heads = ops.convert_to_tensor(heads_of(self.network).kernel)
        return self._objective.terms(
            targets, ops.convert_to_tensor(np.concatenate(scores)), weights, heads, training=False
        )

    def release(self):
        """Release the rows."""
        self._rows = self._held_out = None
