"""The training of a constrained Keras network, from arrays to arrays."""

import keras
import numpy as np

from sklip.training.architecture import constrained_layers, draw_weights, seed_random_layers, served_operations
from sklip.training.augmentation import set_units
from sklip.training.callbacks import TrainingCallbacks
from sklip.training.compilation import Compiled, compiled_for
from sklip.training.epochs import epochs_of_backend
from sklip.training.epochs.protocol import Epochs
from sklip.training.optimizer import learning_rates, new_optimizer, restore, values_of
from sklip.training.precision import products_in
from sklip.training.reuse import put_back
from sklip.training.state import TrainingState, refuse_diverged, refuse_other_shapes
from sklip.training.task import Training, TrainingTask


def train(task: TrainingTask, epochs_class: type[Epochs] | None = None) -> Training:
    """Train a network.

    Parameters
    ----------
    task : TrainingTask
    epochs_class : type of Epochs, optional
        Class that runs the epochs. By default, the one for the Keras backend.

    Returns
    -------
    Training

    Raises
    ------
    TrainingDivergedError
        If weights are not finite in the end.
    """
    optimizer = new_optimizer(task.schedule)
    rates = learning_rates(optimizer, task.schedule, task.plan.steps)
    compiled = compiled_for(task, epochs_class or epochs_of_backend(), optimizer, rates is not None)
    network = compiled.epochs.network
    precision = products_in(task.schedule.matmul_precision)
    with precision, TrainingCallbacks(task) as callbacks, compiled.epochs as epochs:
        epochs.place(task.rows, task.held_out, task.objective)
        _start(compiled, task, optimizer)
        _run(epochs, callbacks, task, rates)
    _finish(network)
    observers = callbacks.observers
    training = Training(
        state=TrainingState(
            weights=network.served.get_weights(),
            optimizer=type(optimizer).__name__,
            optimizer_variables=values_of(network.optimizer),
            epochs=task.state.epochs + observers.n_epochs,
            seed=task.state.seed,
        ),
        operations=served_operations(network),
        history=observers.history(task),
        was_improving=observers.was_improving(),
        interrupted=observers.interrupts.interrupted,
    )
    put_back(compiled.key, compiled)
    return training


def _start(compiled: Compiled, task: TrainingTask, optimizer: keras.optimizers.Optimizer) -> None:
    """Set the weights, the optimizer and the random layers of the network to the state from which the task starts."""
    network, state = compiled.epochs.network, task.state
    if state.weights:
        refuse_other_shapes(state.weights, compiled.fresh_weights)
        network.served.set_weights(state.weights)
    else:
        draw_weights(network.served, compiled.fresh_weights, state.seed)
    seed_random_layers(network, state.seed + state.epochs)
    set_units(network, task.center, task.objective.scale)
    restore(network.optimizer, optimizer, compiled.fresh_slots, state)


def _run(epochs: Epochs, callbacks: TrainingCallbacks, task: TrainingTask, rates: np.ndarray | None) -> None:
    """Run the epochs; for callbacks, each epoch is a single batch."""
    network = epochs.network
    callbacks.begin(network)
    for epoch in range(task.schedule.epochs):
        callbacks.on_epoch_begin(epoch)
        callbacks.on_train_batch_begin(0)
        logs = epochs.run(task.order(epoch), None if rates is None else rates[epoch])
        callbacks.on_train_batch_end(0, logs)
        callbacks.on_epoch_end(epoch, logs)
        if network.stop_training:
            break
    network.optimizer.finalize_variable_values(network.trainable_weights)
    callbacks.on_train_end(logs)


def _finish(network: keras.Model) -> None:
    """Bring the kernels of a trained network to their manifolds; raise an error if weights are not finite."""
    refuse_diverged(network.get_weights())
    for layer in constrained_layers(network):
        layer.end_training()
