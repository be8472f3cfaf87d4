"""The same training by Keras' own step, a batch at a time: for the JAX and PyTorch backends."""

import keras
import numpy as np
from keras import ops

from sklip.rows.blocks import chunk_blocks
from sklip.training.accuracy import accuracy, certified_accuracy
from sklip.training.saving import SavedAsItIs


class _Rates(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate for each step, looked up in a table."""

    def __init__(self, rates):
        self.rates = rates.ravel()

    def __call__(self, step):
        return ops.take(ops.convert_to_tensor(self.rates), ops.cast(step, "int32"))

    def get_config(self):
        return {"rates": self.rates}


class _Batches(keras.utils.PyDataset):
    """The batches of one epoch after the other; weights travel as the targets' last column."""

    def __init__(self, plan, seed, first_epoch, rows):
        super().__init__()
        self.plan, self.seed, self.epoch = plan, seed, first_epoch
        self.rows = rows
        self._deal()

    def _deal(self):
        self.order = self.plan.epoch(np.random.default_rng((self.seed, self.epoch + 1)))

    def __len__(self):
        return self.plan.steps

    def __getitem__(self, number):
        inputs, targets, weights = (array[self.order[number]] for array in self.rows)
        return inputs, np.column_stack([targets, weights])

    def on_epoch_end(self):
        self.epoch += 1
        self._deal()


class _CertifiedAccuracy(keras.callbacks.Callback):
    """Adds certified accuracy to the logs of an epoch: metrics do not see the kernels on every backend."""

    def __init__(self, epsilon, training, validation):
        super().__init__()
        self.epsilon, self.rows = epsilon, {"": training, "val_": validation}

    def on_epoch_end(self, epoch, logs=None):
        """Evaluate the rows with the weights as they are."""
        heads = self.model.get_weights()[-2]
        for prefix, rows in self.rows.items():
            if rows is not None:
                inputs, *_ = rows
                targets, weights = (ops.convert_to_tensor(array) for array in rows[1:])
                parts = [slice(None)] if isinstance(inputs, np.ndarray) else chunk_blocks(inputs)
                scores = [self.model(ops.convert_to_tensor(inputs[part]), training=False) for part in parts]
                scores = scores[0] if len(scores) == 1 else ops.concatenate(scores)
                share = certified_accuracy(targets, scores, weights, ops.convert_to_tensor(heads), self.epsilon)
                logs[f"{prefix}certified_accuracy"] = float(share)


def _of_packed(function):
    """A function of (targets, scores, weights) as one of (targets and weights, scores)."""

    def packed(packed_targets, scores, sample_weight=None):
        return function(packed_targets[:, :-1], scores, packed_targets[:, -1])

    return packed


class BatchModel(SavedAsItIs):
    """Functional Keras model with the interface of ``EpochModel``, trained by Keras' own step."""

    def load_data(self, training, validation, losses, epsilon=None):
        """Keep what ``fit`` needs; see ``EpochModel.load_data``."""
        self._rows, self._held_out, self._objectives = training, validation, losses
        self._epsilon = epsilon

    def fit_epochs_arguments(self, plan, rates, seed, first_epoch, epochs):
        """What ``fit`` takes; see ``EpochModel.fit_epochs_arguments``."""
        if rates is not None:
            self.optimizer.learning_rate = _Rates(rates)
        arguments = {"x": _Batches(plan, seed, first_epoch, self._rows), "callbacks": []}
        if self._epsilon is not None:
            arguments["callbacks"] = [_CertifiedAccuracy(self._epsilon, self._rows, self._held_out)]
        if self._held_out is not None:
            inputs, targets, weights = self._held_out
            arguments["validation_data"] = inputs, np.column_stack([targets, weights])
            arguments["validation_batch_size"] = len(inputs)
        return arguments

    def forget_gradients(self):
        """Do nothing: only TensorFlow keeps what it has traced."""

    def compile(self, optimizer, loss, metrics=None, **kwargs):
        """Watch the terms of the loss; see ``keras.Model.compile``."""
        watched = {
            name: _of_packed(lambda *rows, name=name: loss.terms(*rows)[name])
            for name in loss.term_names
            if name != "loss"
        }
        watched["accuracy"] = _of_packed(accuracy)
        metrics = [keras.metrics.MeanMetricWrapper(function, name=name) for name, function in watched.items()]
        super().compile(optimizer, loss=_of_packed(loss), metrics=metrics, **kwargs)
