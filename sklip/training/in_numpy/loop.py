"""The training of a dense network in NumPy, from arrays to arrays."""

import numpy as np

from sklip.architectures._mlp import checked_widths
from sklip.training.in_numpy.epoch import NumPyEpochs
from sklip.training.in_numpy.network import DenseNetwork
from sklip.training.in_numpy.optimizers import OPTIMIZERS, Optimizer
from sklip.training.in_numpy.threads import threads_for
from sklip.training.observers import Observers
from sklip.training.rates import rates_of_schedule
from sklip.training.state import TrainingState, refuse_diverged, refuse_other_shapes
from sklip.training.task import Training, TrainingTask


def train(task: TrainingTask) -> Training:
    """Train a network.

    Parameters
    ----------
    task : TrainingTask
        Its model is an ``MLP``, and its objective has a loss of :mod:`sklip.training.in_numpy.losses`.

    Returns
    -------
    Training

    Raises
    ------
    TrainingDivergedError
        If weights are not finite in the end.
    """
    architecture, schedule = task.architecture, task.schedule
    model, front = architecture.model, architecture.front
    n_inputs = task.rows[0].shape[1] if front is None else front.n_movable
    widths = n_inputs, *checked_widths(model), architecture.n_scores
    network = DenseNetwork(widths, model.activation, float(model.dropout), front)
    optimizer = OPTIMIZERS[schedule.optimizer](network.vector.size)
    with threads_for(_largest_product(network, task)):
        # A network that diverges overflows; that is an error in the end, and no warning before.
        with np.errstate(all="ignore"), Observers(task) as observers:
            _start(network, optimizer, task.state)
            _run(NumPyEpochs(network, optimizer, task), network, observers, task)
        refuse_diverged(network.weights)
        network.end_training()
        operations = network.operations()
    return Training(
        state=TrainingState(
            weights=network.get_weights(),
            optimizer=optimizer.name,
            optimizer_variables=optimizer.variables(network.shapes),
            epochs=task.state.epochs + observers.n_epochs,
            seed=task.state.seed,
        ),
        operations=operations,
        history=observers.history(task),
        was_improving=observers.was_improving(),
        interrupted=observers.interrupts.interrupted,
    )


def _largest_product(network: DenseNetwork, task: TrainingTask) -> int:
    """Number of multiplications in the largest product of a step."""
    batch = -(-sum(task.plan.slots) // task.plan.steps)
    return max(n * p * max(batch, min(n, p)) for n, p in (kernel.shape for kernel in network.kernels))


def _start(network: DenseNetwork, optimizer: Optimizer, state: TrainingState) -> None:
    """Set the weights, the optimizer and the dropout of the network to the state from which the task starts."""
    if state.weights:
        refuse_other_shapes(state.weights, network.weights)
        network.set_weights(state.weights)
    else:
        network.draw(state.seed)
    network.seed_dropout(state.seed + state.epochs)
    fresh = [variable.shape for variable in optimizer.variables(network.shapes)]
    if state.optimizer == optimizer.name and [value.shape for value in state.optimizer_variables] == fresh:
        optimizer.restore(state.optimizer_variables)


def _run(epochs: NumPyEpochs, network: DenseNetwork, observers: Observers, task: TrainingTask) -> None:
    """Run the epochs."""
    schedule, steps = task.schedule, task.plan.steps
    rates = rates_of_schedule(schedule.learning_rate, schedule, steps)
    if rates is None:
        rates = np.full((schedule.epochs, steps), schedule.learning_rate, np.float32)
    for observer in observers:
        observer.model = network
        observer.on_train_begin()
    for epoch in range(schedule.epochs):
        for observer in observers:
            observer.on_epoch_begin(epoch)
        logs = epochs.run(task.order(epoch), rates[epoch])
        for observer in observers:
            observer.on_epoch_end(epoch, logs)
        if network.stop_training:
            break
    for observer in observers:
        observer.on_train_end()
