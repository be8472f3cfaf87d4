"""Epochs that are one compiled call each, in TensorFlow; no other module of the training needs it.

The rows are copied to the device once. An epoch gets only the matrix of the row numbers of its batches, so no batch
pays for an input pipeline. If the rows are on disk, an epoch is several such calls, each with the rows of a chunk of
its batches. Several devices each compute the scores of some rows of a batch, and the gradient of these scores.
"""

import numpy as np
import tensorflow as tf

from sklip._compat import allow_many_traces
from sklip.rows.blocks import chunks
from sklip.training.architecture import constrained_layers, heads_of
from sklip.training.epochs.gradients import TracedGradients
from sklip.training.epochs.parts import rows_at_a_time
from sklip.training.epochs.protocol import Epochs
from sklip.training.padding import aligned, padded_order, padded_rows, padded_vector
from sklip.training.saving import SavedAsItIs


def _row_variables(network):
    """Empty variables for inputs, targets and weights of any number of rows."""
    shapes = [(None, *shape) for shape in (network.input_shape[1:], network.output_shape[1:], ())]
    return [tf.Variable(_no_rows(shape), shape=shape, trainable=False) for shape in shapes]


def _no_rows(shape):
    return np.zeros([size or 0 for size in shape], np.float32)


def _assign(variables, arrays):
    """Assign arrays to variables, which may use their memory: the arrays must not change afterwards."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(tf.experimental.dlpack.from_dlpack(array.__dlpack__()))


def _empty(variables):
    for variable in variables:
        variable.assign(_no_rows(variable.shape))


def _sum(gradients):
    """The sum of the gradients of one variable; None if the scores do not depend on it."""
    return None if gradients[0] is None else tf.add_n(gradients)


class TensorFlowEpochs(Epochs):
    """Epochs in one compiled call each; see :class:`sklip.training.epochs.protocol.Epochs`.

    Everything that differs between trainings of one kind is a variable, so that they share a compiled epoch.
    """

    network_class = SavedAsItIs
    reusable = True
    always_compiles = False
    compiles_for_several_devices = False

    def __init__(self, network, objective, *, validates, sets_rates, devices=()):
        self.network, self._sets_rates, self._devices = network, sets_rates, devices
        self._rows_at_a_time = rows_at_a_time(network)
        self._training = _row_variables(network)
        self._validation = _row_variables(network) if validates else None
        self._numbers = {
            name: tf.Variable(np.float32(value), trainable=False) for name, value in objective.numbers.items()
        }
        self._objective = objective.with_numbers(self._numbers)
        self._gradients = TracedGradients()
        steps, vector = tf.TensorSpec((), tf.int32), tf.TensorSpec((None,))
        batches = (tf.TensorSpec((None, None), tf.int32), vector, steps)
        sums = tf.TensorSpec((len(objective.names),))
        self._compiled_epoch = self._compiled(self._epoch, *batches)
        self._compiled_steps = self._compiled(self._steps, *batches, sums)
        self._compiled_end = self._compiled(self._end, sums, steps)

    @staticmethod
    def visible_devices():
        """Return the names of the GPUs, or of the CPUs if there are none."""
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return [device.name for device in devices]

    def place(self, rows, held_out, objective):
        """Copy the rows to the device, except those on disk; see the protocol."""
        self._n_rows = len(rows[0])
        self._streamed = None if isinstance(rows[0], np.ndarray) else rows
        if not self._streamed:
            _assign(self._training, self._sized_rows(rows))
        if held_out is not None:
            _assign(self._validation, self._sized_rows(held_out))
        for name, value in objective.numbers.items():
            self._numbers[name].assign(np.float32(value))

    def release(self):
        """Empty the variables, and forget the traced gradients."""
        self._streamed = None
        _empty((*self._training, *(self._validation or ())))
        self._gradients.forget()

    def run(self, order, rates):
        """Train an epoch; see the protocol."""
        rates = np.zeros(0, np.float32) if rates is None else rates
        if self._streamed:
            measured = self._streamed_epoch(order, rates)
        else:
            measured = self._compiled_epoch(*self._sized_batches(order, rates, self._n_rows))
        values = iter(measured.numpy().tolist())
        prefixes = ("", "val_") if self._validation else ("",)
        return {prefix + name: next(values) for prefix in prefixes for name in self._objective.names}

    def _streamed_epoch(self, order, rates):
        sums = np.zeros(len(self._objective.names), np.float32)
        for part in chunks(len(order), 4 * order.shape[1] * self._streamed[0].shape[1]):
            numbers = order[part].ravel()
            _empty(self._training)  # before the next chunk is read
            _assign(self._training, self._sized_rows([array[numbers] for array in self._streamed]))
            consecutive = np.arange(len(numbers), dtype=np.int32).reshape(-1, order.shape[1])
            sums = self._compiled_steps(*self._sized_batches(consecutive, rates[part], len(numbers)), sums)
        return self._compiled_end(sums, np.int32(len(order)))

    def _sized_rows(self, rows):
        """Rows in the form that the compiled epoch takes; they are padded for XLA, which compiles once per shape."""
        return padded_rows(rows) if self.network.jit_compile else [aligned(array) for array in rows]

    def _sized_batches(self, order, rates, n_rows):
        """Batches and the learning rates of their steps, padded for XLA, and the number of batches."""
        steps = np.int32(len(order))
        if self.network.jit_compile:
            return padded_order(order, n_rows), padded_vector(rates), steps
        return order, rates, steps

    def _compiled(self, function, *signature):
        """Compile a function of tensors, and record its graphs."""

        def traced(*arguments):
            self._gradients.note_graph()
            return function(*arguments)

        compiled = tf.function(traced, signature, autograph=False, jit_compile=self.network.jit_compile or None)
        allow_many_traces(compiled)  # every network is traced once
        return compiled

    def _epoch(self, order, rates, steps):
        """Train on the first ``steps`` batches, and end the epoch."""
        return self._end(self._steps(order, rates, steps, tf.zeros(len(self._objective.names))), steps)

    def _steps(self, order, rates, steps, sums):
        """Train on the first ``steps`` batches; return ``sums`` with their terms added."""
        network, optimizer = self.network, self.network.optimizer
        training = [variable.value() for variable in self._training]

        def step(number, sums):
            if self._sets_rates:
                optimizer.learning_rate.assign(rates[number])
            rows = [tf.gather(array, order[number]) for array in training]
            terms, gradients = self._divided_gradients(*rows) if self._devices else self._gradients_of(*rows)
            optimizer.apply(gradients, network.trainable_variables)
            return number + 1, sums + tf.stack(list(terms.values()))

        return tf.while_loop(lambda number, _: number < steps, step, (0, sums))[1]

    def _gradients_of(self, inputs, targets, weights):
        """The terms of a batch, and the gradient of its loss."""
        with tf.GradientTape() as tape:
            terms = self._terms_of(self.network(inputs, training=True), targets, weights, training=True)
            loss = self.network.optimizer.scale_loss(terms["loss"])
        return terms, tape.gradient(loss, self.network.trainable_variables)

    def _divided_gradients(self, inputs, targets, weights):
        """:func:`_gradients_of`, on several devices.

        The scores of all rows come together, so the terms, and the slopes of the loss with respect to the scores, are
        those of the whole batch. Each device multiplies the slopes of its rows with the gradients of their scores. The
        variables exist once, on the first device, and so does the sum of the gradients that the optimizer gets.
        """
        variables, parts = self.network.trainable_variables, []
        for device, rows in self._shares(inputs):
            with tf.device(device), tf.GradientTape() as tape:
                parts.append((device, tape, self.network(rows, training=True)))
        scores = tf.concat([of_part for _, _, of_part in parts], axis=0)
        with tf.GradientTape() as of_loss:
            of_loss.watch(scores)
            terms = self._terms_of(scores, targets, weights, training=True)
            loss = self.network.optimizer.scale_loss(terms["loss"])
        slopes = tf.split(of_loss.gradient(loss, scores), [tf.shape(of_part)[0] for _, _, of_part in parts])
        gradients = []
        for (device, tape, of_part), slope in zip(parts, slopes, strict=True):
            with tf.device(device):
                gradients.append(tape.gradient(of_part, variables, output_gradients=slope))
        return terms, [_sum(of_variable) for of_variable in zip(*gradients, strict=True)]

    def _shares(self, rows):
        """Each device with its share of the rows; the sizes differ by one at most."""
        n_rows, count = tf.shape(rows)[0], len(self._devices)
        bounds = [n_rows * number // count for number in range(count + 1)]
        return [(device, rows[bounds[i] : bounds[i + 1]]) for i, device in enumerate(self._devices)]

    def _end(self, sums, steps):
        """Retract the kernels; return the means of the terms over the steps, then those of the held-out rows."""
        for layer in constrained_layers(self.network):
            layer.end_epoch()
        values = tf.unstack(sums / tf.cast(steps, sums.dtype))
        if self._validation:
            inputs, targets, weights = (variable.value() for variable in self._validation)
            values += self._terms_of(self._held_out_scores(inputs), targets, weights, training=False).values()
        return tf.stack(values)

    def _held_out_scores(self, inputs):
        """Scores of held-out rows, on all devices."""
        if not self._devices:
            return self._scores_in_parts(inputs)
        scores = []
        for device, rows in self._shares(inputs):
            with tf.device(device):
                scores.append(self._scores_in_parts(rows))
        return tf.concat(scores, axis=0)

    def _terms_of(self, scores, targets, weights, training):
        """The terms of rows with these scores, in the order of the objective's names."""
        heads = tf.convert_to_tensor(heads_of(self.network).kernel)
        terms = self._objective.terms(targets, scores, weights, heads, training=training)
        return {name: terms[name] for name in self._objective.names}

    def _scores_in_parts(self, inputs):
        """Scores of held-out rows; as many rows at a time as the memory allows."""
        if self._rows_at_a_time is None:
            return self.network(inputs, training=False)
        n_rows, limit = tf.shape(inputs)[0], self._rows_at_a_time
        n_parts = (n_rows + limit - 1) // limit
        size = (n_rows + n_parts - 1) // n_parts
        padded = tf.pad(inputs, [[0, n_parts * size - n_rows], [0, 0]])
        parts = tf.reshape(padded, (n_parts, size, inputs.shape[1]))
        scores = tf.map_fn(lambda part: self.network(part, training=False), parts, parallel_iterations=1)
        return tf.reshape(scores, (n_parts * size, self.network.output_shape[1]))[:n_rows]
