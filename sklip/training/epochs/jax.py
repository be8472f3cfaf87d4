"""Epochs that are compiled calls, in JAX; no other module of the training needs it.

The rows are copied to the device once. An epoch gets only the matrix of the row numbers of its batches. If the rows are
on disk, an epoch is several such calls, each with the rows of a chunk of its batches. Several devices have copies of
all rows, and each takes some of the rows of each batch.
"""

from typing import NamedTuple

import jax
import keras
import numpy as np
from jax import numpy as jnp

from sklip import manifold
from sklip._compat import learning_rate
from sklip.layers import Orthonormal
from sklip.rows.blocks import chunks
from sklip.training.architecture import constrained_layers, heads_of
from sklip.training.epochs.parts import rows_at_a_time
from sklip.training.epochs.protocol import Epochs
from sklip.training.epochs.sharding import Sharding
from sklip.training.padding import padded_order, padded_rows, padded_vector
from sklip.training.saving import SavedAsItIs


class _State(NamedTuple):
    """The values of all variables that a step changes: lists of arrays."""

    trainable: list
    others: list  # also the states of random generators
    optimizer: list


class JaxEpochs(Epochs):
    """Epochs in compiled calls; see :class:`sklip.training.epochs.protocol.Epochs`.

    Everything that differs between trainings of one kind is an argument, so that they share the compiled calls.
    """

    network_class = SavedAsItIs
    reusable = True
    always_compiles = True
    compiles_for_several_devices = True

    def __init__(self, network, objective, *, validates, sets_rates, devices=()):
        self.network, self._objective = network, objective
        self._sharding = Sharding(devices)
        self._validates, self._sets_rates = validates, sets_rates
        self._rows_at_a_time = rows_at_a_time(network)
        variables = self._variables()
        self._place_of_heads = _place(heads_of(network).kernel, [*variables.trainable, *variables.others])
        if sets_rates:
            self._place_of_rate = _place(learning_rate(network.optimizer), variables.optimizer)
        # A GPU runs ahead of the CPU if it knows the length of the loop. On a CPU, all lengths share a compilation.
        self._known_length = jax.default_backend() != "cpu"
        self._together = self._taken_over() if manifold.accelerated() else []
        self._steps = jax.jit(self._train, donate_argnums=(0, 1))
        self._end = jax.jit(self._finish, donate_argnums=0)

    @staticmethod
    def visible_devices():
        """Return the accelerators of this process, or the CPUs if there are none."""
        return jax.local_devices()

    def place(self, rows, held_out, objective):
        """Copy the rows to the devices, except those on disk; see the protocol."""
        put = self._sharding.copied if self._sharding.multiple > 1 else jax.device_put
        self._n_rows = len(rows[0])
        self._streamed = None if isinstance(rows[0], np.ndarray) else rows
        self._training = None if self._streamed else put(padded_rows(rows))
        self._held_out = None if held_out is None else put(padded_rows(held_out))
        self._numbers = {name: jnp.asarray(value, jnp.float32) for name, value in objective.numbers.items()}

    def release(self):
        """Forget the rows and the numbers."""
        self._streamed = self._training = self._held_out = self._numbers = None

    def run(self, order, rates):
        """Train an epoch; see the protocol."""
        rates = np.zeros(0, np.float32) if rates is None else rates
        variables = self._variables()
        state = self._sharding.copied(_State(*([variable.value for variable in kind] for kind in variables)))
        sums = self._sharding.copied(jnp.zeros(len(self._objective.names)))
        for rows, *batches in self._parts(order, rates):
            state, sums = self._steps(state, sums, rows, *batches, self._numbers)
        state, measured = self._end(state, sums, np.float32(len(order)), self._held_out, self._numbers)
        for kind, values in zip(variables, state, strict=True):
            for variable, value in zip(kind, values, strict=True):
                variable.assign(self._sharding.of_one_device(value))
        values = iter(np.asarray(measured).tolist())
        prefixes = ("", "val_") if self._validates else ("",)
        return {prefix + name: next(values) for prefix in prefixes for name in self._objective.names}

    def _parts(self, order, rates):
        """Yield rows with their batches; a part for each chunk if the rows are on disk."""
        if not self._streamed:
            yield self._training, *self._sized(order, rates, self._n_rows)
            return
        for part in chunks(len(order), 4 * order.shape[1] * self._streamed[0].shape[1]):
            numbers = order[part].ravel()
            rows = padded_rows([array[numbers] for array in self._streamed])
            consecutive = np.arange(len(numbers), dtype=np.int32).reshape(-1, order.shape[1])
            yield self._sharding.copied(rows), *self._sized(consecutive, rates[part], len(numbers))

    def _sized(self, order, rates, n_rows):
        """Padded batches, the learning rates of their steps, and how many steps; None for as many as there are."""
        padded, steps = padded_order(order, n_rows, self._sharding.multiple), len(order)
        if self._known_length:
            return padded[:steps], rates, None
        return padded, padded_vector(rates), np.int32(steps)

    def _variables(self):
        """The variables of the network and of its optimizer, as the state has their values."""
        network = self.network
        return _State(network.trainable_variables, network.non_trainable_variables, network.optimizer.variables)

    def _taken_over(self):
        """Take the constraints off the orthonormal kernels, which a step then retracts together; their places."""
        places = []
        for place, variable in enumerate(self.network.trainable_variables):
            constraint = variable.constraint
            if type(constraint) is Orthonormal and not constraint.iterate:
                variable.constraint = None
                places.append(place)
        return places

    def _train(self, state, sums, rows, order, rates, steps, numbers):
        """Train on the first ``steps`` batches; return the state, and ``sums`` with their terms added."""
        objective = self._objective.with_numbers(numbers)

        def step(number, carry):
            state, sums = carry
            divided = self._sharding.divided
            batch = [divided(_rows_of(array, divided(order[number]))) for array in rows]
            state, terms = self._step(state, batch, rates[number] if self._sets_rates else None, objective)
            return self._sharding.equal((state, sums + terms))

        return jax.lax.fori_loop(0, len(order) if steps is None else steps, step, (state, sums))

    def _step(self, state, batch, rate, objective):
        """Make a step; return the state, and the terms of the batch before the step."""
        optimizer = self.network.optimizer
        of_optimizer = list(state.optimizer)
        if rate is not None:
            of_optimizer[self._place_of_rate] = rate
        gradient = jax.value_and_grad(self._scaled_loss, has_aux=True)
        (_, (others, terms)), slopes = gradient(state.trainable, state.others, of_optimizer, batch, objective)
        slopes = self._sharding.equal(slopes)
        trainable, of_optimizer = optimizer.stateless_apply(of_optimizer, slopes, state.trainable)
        retracted = manifold.steady_steps([trainable[place] for place in self._together])
        for place, kernel in zip(self._together, retracted, strict=True):
            trainable[place] = kernel
        return _State(trainable, others, of_optimizer), terms

    def _scaled_loss(self, trainable, others, of_optimizer, batch, objective):
        """The loss times the factor of the optimizer; and the new values of the other variables, and the terms."""
        inputs, targets, weights = batch
        scores, others = self.network.stateless_call(trainable, others, inputs, training=True)
        terms = objective.terms(targets, scores, weights, self._heads(trainable, others), training=True)
        with keras.StatelessScope(zip(self.network.optimizer.variables, of_optimizer, strict=True)):
            loss = self.network.optimizer.scale_loss(terms["loss"])
        return loss, (others, self._stacked(terms))

    def _finish(self, state, sums, steps, held_out, numbers):
        """Retract the kernels; return the means of the terms over the steps, then those of the held-out rows."""
        variables = self._variables()
        known = [*variables.trainable, *variables.others]
        with keras.StatelessScope(zip(known, [*state.trainable, *state.others], strict=True)) as scope:
            for layer in constrained_layers(self.network):
                layer.end_epoch()
            trainable = [scope.get_current_value(variable) for variable in variables.trainable]
        state, measured = self._sharding.equal(_State(trainable, state.others, state.optimizer)), sums / steps
        if held_out is not None:
            inputs, targets, weights = held_out
            scores = self._scores_in_parts(state, inputs)
            objective = self._objective.with_numbers(numbers)
            heads = self._heads(state.trainable, state.others)
            terms = objective.terms(targets, scores, weights, heads, training=False)
            measured = jnp.concatenate([measured, self._stacked(terms)])
        return state, measured

    def _heads(self, trainable, others):
        """The kernel of the last layer, among the values of the variables."""
        return [*trainable, *others][self._place_of_heads]

    def _stacked(self, terms):
        return jnp.stack([terms[name] for name in self._objective.names])

    def _scores_in_parts(self, state, inputs):
        """Scores of held-out rows; as many rows at a time as the memory allows."""

        def scores_of(part):
            part = self._sharding.divided(part)
            return self.network.stateless_call(state.trainable, state.others, part, training=False)[0]

        n_rows, limit = len(inputs), self._rows_at_a_time
        if limit is None or n_rows <= limit:
            return scores_of(inputs)
        n_parts = -(-n_rows // limit)
        size = -(-n_rows // n_parts)
        parts = jnp.pad(inputs, [(0, n_parts * size - n_rows), (0, 0)]).reshape(n_parts, size, -1)
        return jax.lax.map(scores_of, parts).reshape(n_parts * size, -1)[:n_rows]


def _rows_of(array, numbers):
    """The rows of these numbers, all of which exist."""
    return array.at[numbers].get(mode="promise_in_bounds")


def _place(variable, variables):
    """The position of a variable in a list."""
    return next(number for number, other in enumerate(variables) if other is variable)
