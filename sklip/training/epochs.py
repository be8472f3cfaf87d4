"""A Keras model whose training step is a whole epoch, compiled: the one place that is TensorFlow's.

The data is put on the device once. What Keras' ``fit`` is fed is one element an epoch, the
matrix of row numbers of its batches, so that callbacks and history work as ever and nothing
of the input pipeline is paid for each batch.
"""

from contextlib import suppress

import keras
import numpy as np
import tensorflow as tf

from sklip.layers import SpectralDense
from sklip.manifold import retraction_step
from sklip.training.accuracy import accuracies


def _registered_gradients():
    """TensorFlow's own registry of gradients by name; empty where it is to be found no longer."""
    with suppress(ImportError, AttributeError):
        from tensorflow.python.framework.ops import gradient_registry

        return gradient_registry._registry
    return {}


def _variable(dtype, *shape):
    """An empty variable; sizes of None may change."""
    return tf.Variable(_nothing(dtype, shape), shape=shape, trainable=False)


def _nothing(dtype, shape):
    return np.zeros([size or 0 for size in shape], dtype)


def _assign(variables, arrays):
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _numbers(loss):
    """The parameters of a loss that are numbers, or sequences of them, by name."""
    values = {name: getattr(loss, name) for name in loss.parameter_names}
    return {name: value for name, value in values.items() if isinstance(value, (float, int, tuple, np.ndarray))}


def _adjustable(loss):
    """A copy of one of sklip's losses whose numbers are variables."""
    twin = object.__new__(type(loss))
    vars(twin).update(vars(loss))
    for name, value in _numbers(loss).items():
        setattr(twin, name, tf.Variable(np.float32(value), trainable=False))
    return twin


def _adjust(adjustable, loss):
    """Give such a copy the numbers of a loss."""
    for name, value in _numbers(loss).items():
        getattr(adjustable, name).assign(np.float32(value))


class EpochModel(keras.Model):
    """Functional Keras model that trains a compiled epoch at a time.

    Call :meth:`load_data`, ``compile``, then ``fit`` with :meth:`fit_epochs_arguments`.
    """

    def load_data(self, training, validation, losses, epsilon=None):
        """Put the data on the device.

        Parameters
        ----------
        training, validation : tuple of (inputs, targets, weights), float32 ndarrays
            Of shapes (n, d), (n, n_scores) and (n,); ``validation`` may be None.
        losses : tuple of two of sklip.losses
            For training and for validation; the latter's terms are computed on the whole of
            the validation data after each epoch.
        epsilon : float or None
            Radius of the ``certified_accuracy`` to watch, in the units of the training.
        """
        if not hasattr(self, "_training"):
            # Whatever differs between trainings of one shape is a variable: a compiled epoch serves them all.
            self._training, self._validation = (
                rows and tuple(_variable(array.dtype, None, *array.shape[1:]) for array in rows)
                for rows in (training, validation)
            )
            self._order, self._rates = _variable(np.int32, None, None), _variable(np.float32, None)
            self._objectives = tuple(_adjustable(loss) for loss in losses)
            self._epsilon = None if epsilon is None else tf.Variable(np.float32(epsilon), trainable=False)
            self._strangers = frozenset(_registered_gradients())
        self._graphs = []
        _assign(self._training, training)
        _assign(self._validation or (), validation or ())
        for adjustable, loss in zip(self._objectives, losses, strict=True):
            _adjust(adjustable, loss)
        if epsilon is not None:
            self._epsilon.assign(epsilon)

    def release_data(self):
        """Let go of the data, once the network has been trained."""
        for variable in (*self._training, *(self._validation or ()), self._order, self._rates):
            variable.assign(_nothing(variable.dtype.as_numpy_dtype, variable.shape))

    def fit_epochs_arguments(self, plan, rates, seed, first_epoch, epochs):
        """What ``fit`` takes to train ``epochs`` epochs on the batches of a plan.

        Each epoch's order depends on ``(seed, epoch number)`` alone, so that a resumed
        training draws what an uninterrupted one would.

        Parameters
        ----------
        plan : sklip.training.batches.BatchPlan
        rates : ndarray of shape (epochs, steps) or None
            Learning rates, when each step sets its own.
        seed, first_epoch, epochs : int

        Returns
        -------
        dict
            ``x``, ``steps_per_epoch`` and the callbacks that come first.
        """
        self._scheduled = rates is not None

        def deal(epoch, _):
            self._order.assign(plan.epoch(np.random.default_rng((seed, first_epoch + epoch + 1))))
            self._rates.assign(rates[epoch] if self._scheduled else np.zeros(0, np.float32))

        # tf.data's autotuner sleeps for up to half the time that it has run before it ends.
        options = tf.data.Options()
        options.autotune.enabled = False
        return {
            "x": tf.data.Dataset.range(epochs).with_options(options),
            "steps_per_epoch": 1,
            "callbacks": [keras.callbacks.LambdaCallback(on_epoch_begin=deal)],
        }

    def train_step(self, data):
        """Run one epoch; return the means of the terms of the loss over its batches."""
        self._graphs.append(tf.compat.v1.get_default_graph())
        order, rates = self._order.value(), self._rates.value()
        training = [variable.value() for variable in self._training]
        names = (*self._objectives[0].term_names, "accuracy")
        names += () if self._epsilon is None else ("certified_accuracy",)

        def step(number, sums):
            if self._scheduled:
                self.optimizer.learning_rate.assign(rates[number])
            inputs, targets, weights = (tf.gather(array, order[number]) for array in training)
            with tf.GradientTape() as tape:
                scores = self(inputs, training=True)
                terms = self._objectives[0].terms(targets, scores, weights)
            gradients = tape.gradient(terms["loss"], self.trainable_variables)
            self.optimizer.apply(gradients, self.trainable_variables)
            terms |= accuracies(self, self._epsilon, targets, scores, weights)
            return number + 1, sums + tf.stack([terms[name] for name in names])

        steps = tf.shape(order)[0]
        _, sums = tf.while_loop(lambda number, _: number < steps, step, (0, tf.zeros(len(names))))
        # The short steps may have left small singular values behind: what is watched, and kept by
        # early stopping, shall be what will serve.
        for layer in self.layers:
            if isinstance(layer, SpectralDense):
                layer.kernel.assign(retraction_step(tf.convert_to_tensor(layer.kernel))[0])
        means = tf.unstack(sums / tf.cast(steps, sums.dtype))
        return {**dict(zip(names, means, strict=True)), **self._validate()}

    def forget_gradients(self):
        """Take the network's own gradients out of TensorFlow's registry, once it has been trained.

        Every custom gradient in a traced function, Keras' optimizers' included, is registered for
        good and holds on to the whole graph: some 7 MB a fit (tensorflow#97697).
        """
        registered = _registered_gradients()
        for graph in self._graphs:
            definition = graph.as_graph_def()
            bodies = [definition.node, *(body.node_def for body in definition.library.function)]
            for node in (node for nodes in bodies for node in nodes if "_gradient_op_type" in node.attr):
                name = node.attr["_gradient_op_type"].s.decode()
                if name not in self._strangers:
                    registered.pop(name, None)
        self._graphs = []

    def _validate(self):
        """The terms of the loss on the validation data, their names prefixed."""
        if self._validation is None:
            return {}
        inputs, targets, weights = (variable.value() for variable in self._validation)
        scores = self(inputs, training=False)
        terms = self._objectives[1].terms(targets, scores, weights)
        terms |= accuracies(self, self._epsilon, targets, scores, weights)
        return {f"val_{name}": value for name, value in terms.items()}
