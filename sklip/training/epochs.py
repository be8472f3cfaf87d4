"""A Keras model that trains an epoch in one compiled call: the one place that is TensorFlow's.

The data is put on the device once. What is handed over for an epoch is the matrix of the row
numbers of its batches: nothing of an input pipeline is paid for each batch, and of Keras' ``fit``
what callbacks see of it remains. Of rows on disk, an epoch is several such calls: the rows of a chunk of
its batches at a time.
"""

from contextlib import suppress

import keras
import numpy as np
import tensorflow as tf

from sklip.layers import SpectralDense
from sklip.manifold import retraction_step
from sklip.rows.blocks import chunks
from sklip.training.accuracy import accuracies
from sklip.training.padding import aligned, padded_order, padded_rows, padded_vector
from sklip.training.saving import SavedAsItIs


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
    """Hand arrays over to variables, which may keep their memory: nobody may change them after."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(tf.experimental.dlpack.from_dlpack(array.__dlpack__()))


def _empty(variables):
    for variable in variables:
        variable.assign(_nothing(variable.dtype.as_numpy_dtype, variable.shape))


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


def _as_it_is(array, *_):
    """No padding."""
    return array


def _aligned(rows):
    """No padding, where TensorFlow wants it."""
    return [aligned(array) for array in rows]


class EpochModel(SavedAsItIs):
    """Functional Keras model that trains a compiled epoch at a time.

    Call ``compile``, :meth:`load_data`, then ``fit`` with :meth:`fit_epochs_arguments`.
    """

    _graphs = ()

    def load_data(self, training, validation, losses, epsilon=None):
        """Put the data on the device.

        Parameters
        ----------
        training, validation : tuple of (inputs, targets, weights), float32 ndarrays
            Of shapes (n, d), (n, n_scores) and (n,); ``validation`` may be None, and the inputs of
            ``training`` may be UnreadRows.
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
            self._objectives = tuple(_adjustable(loss) for loss in losses)
            self._epsilon = None if epsilon is None else tf.Variable(np.float32(epsilon), trainable=False)
            self._registered_before = frozenset(_registered_gradients())
            # XLA compiles anew for every shape.
            self._sized = (
                (padded_rows, padded_order, padded_vector) if self.jit_compile else (_aligned, _as_it_is, _as_it_is)
            )
            steps, vector = tf.TensorSpec((), tf.int32), tf.TensorSpec((None,))
            dealt = (tf.TensorSpec((None, None), tf.int32), vector, steps)
            self._compiled_epoch = self._compiled(self._epoch, *dealt)
            sums = tf.TensorSpec((len(self._term_names),))
            self._compiled_steps = self._compiled(self._steps, *dealt, sums)
            self._compiled_end = self._compiled(self._end, sums, steps)
        self._graphs = []
        sized_rows, *_ = self._sized
        self._n_rows = len(training[0])
        self._streamed = None if isinstance(training[0], np.ndarray) else training
        if not self._streamed:
            _assign(self._training, sized_rows(training))
        if validation is not None:
            _assign(self._validation, sized_rows(validation))
        for adjustable, loss in zip(self._objectives, losses, strict=True):
            _adjust(adjustable, loss)
        if epsilon is not None:
            self._epsilon.assign(epsilon)

    def release_data(self):
        """Let go of the data, once the network has been trained."""
        self._streamed = None
        _empty((*self._training, *(self._validation or ())))

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
            ``x``, the function that deals an epoch.
        """
        self._scheduled = rates is not None

        def deal(epoch):
            order = plan.epoch(np.random.default_rng((seed, first_epoch + epoch + 1)))
            pace = rates[epoch] if self._scheduled else np.zeros(0, np.float32)
            return order, pace

        return {"x": deal, "callbacks": []}

    def fit(self, x, y=None, *, epochs=1, callbacks=None, **_):
        """Train; see ``keras.Model.fit``, of which an epoch is a single batch.

        Parameters
        ----------
        x : callable
            What :meth:`fit_epochs_arguments` returns.
        y : None
        epochs, callbacks : int, list
            As in Keras.
        **_ : dict
            What SciKeras hands on besides.

        Returns
        -------
        keras.callbacks.History
        """
        callbacks = keras.callbacks.CallbackList(
            callbacks, add_history=True, add_progbar=False, verbose=0, epochs=epochs, steps=1, model=self
        )
        self.stop_training = False
        callbacks.on_train_begin()
        for epoch in range(epochs):
            callbacks.on_epoch_begin(epoch)
            callbacks.on_train_batch_begin(0)
            values = self._train_epoch(*x(epoch)).numpy().tolist()
            logs = dict(zip(self._names, values, strict=True))
            callbacks.on_train_batch_end(0, logs)
            callbacks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        self.optimizer.finalize_variable_values(self.trainable_weights)
        callbacks.on_train_end(logs)
        return self.history

    def _compiled(self, function, *signature):
        """A function of tensors as a compiled one whose graphs are known."""

        def traced(*arguments):
            self._graphs.append(tf.compat.v1.get_default_graph())
            return function(*arguments)

        compiled = tf.function(traced, signature, autograph=False, jit_compile=self.jit_compile or None)
        # Every network is traced once; TensorFlow would warn that this one function is traced often.
        compiled._omit_frequent_tracing_warning = True
        return compiled

    def _train_epoch(self, order, rates):
        """Train an epoch of batches of row numbers; return what :meth:`_end` does."""
        sized_rows, sized_order, sized_vector = self._sized
        if not self._streamed:
            dealt = sized_order(order, self._n_rows), sized_vector(rates), np.int32(len(order))
            return self._compiled_epoch(*dealt)
        sums = np.zeros(len(self._term_names), np.float32)
        for part in chunks(len(order), 4 * order.shape[1] * self._streamed[0].shape[1]):
            numbers = order[part].ravel()
            _empty(self._training)  # before the next chunk is read
            _assign(self._training, sized_rows([array[numbers] for array in self._streamed]))
            consecutive = np.arange(len(numbers), dtype=np.int32).reshape(-1, order.shape[1])
            dealt = sized_order(consecutive, len(numbers)), sized_vector(rates[part]), np.int32(len(consecutive))
            sums = self._compiled_steps(*dealt, sums)
        return self._compiled_end(sums, np.int32(len(order)))

    @property
    def _term_names(self):
        """What is summed over the batches."""
        names = (*self._objectives[0].term_names, "accuracy")
        return names if self._epsilon is None else (*names, "certified_accuracy")

    def _epoch(self, order, rates, steps):
        """Train on the first ``steps`` batches, and end the epoch."""
        return self._end(self._steps(order, rates, steps, tf.zeros(len(self._term_names))), steps)

    def _steps(self, order, rates, steps, sums):
        """Train on the first ``steps`` batches; return ``sums`` with their terms added."""
        training = [variable.value() for variable in self._training]

        def step(number, sums):
            if self._scheduled:
                self.optimizer.learning_rate.assign(rates[number])
            inputs, targets, weights = (tf.gather(array, order[number]) for array in training)
            with tf.GradientTape() as tape:
                scores = self(inputs, training=True)
                terms = self._objectives[0].terms(targets, scores, weights)
                loss = self.optimizer.scale_loss(terms["loss"])
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply(gradients, self.trainable_variables)
            terms |= accuracies(self, self._epsilon, targets, scores, weights)
            return number + 1, sums + tf.stack([terms[name] for name in self._term_names])

        return tf.while_loop(lambda number, _: number < steps, step, (0, sums))[1]

    def _end(self, sums, steps):
        """Close the kernels; return the means of the terms over an epoch's steps, then those of the validation."""
        # The short steps may have left small singular values behind: what is watched, and kept by
        # early stopping, shall be what will serve.
        for layer in self.layers:
            if isinstance(layer, SpectralDense):
                layer.kernel.assign(retraction_step(tf.convert_to_tensor(layer.kernel))[0])
        means = tf.unstack(sums / tf.cast(steps, sums.dtype))
        terms = {**dict(zip(self._term_names, means, strict=True)), **self._validate()}
        self._names = tuple(terms)
        return tf.stack(list(terms.values()))

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
                if name not in self._registered_before:
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
