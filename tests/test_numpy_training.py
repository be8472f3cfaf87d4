"""Training in NumPy takes the steps of the training with Keras: the same numbers, from the same weights and batches."""

from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest

from sklip import losses as keras_losses
from sklip.architectures import MLP
from sklip.training import loop
from sklip.training.in_numpy import losses
from sklip.training.in_numpy.loop import train
from sklip.training.objective import Objective
from tests import epoch_contracts
from tests.helpers import ACTIVATIONS

LOSSES = {
    "KR": ({}, 1),
    "HKR": ({"alpha": 5.0, "min_margin": 0.3, "class_weight": (1.0, 3.0)}, 1),
    "HingeMargin": ({"min_margin": 0.5}, 1),
    "TauBinaryCrossentropy": ({"tau": 8.0, "margin_offset": 0.1, "class_weight": (2.0, 1.0)}, 1),
    "MultiMargin": ({"min_margin": 0.5, "class_weight": (1.0, 2.0, 3.0, 1.0)}, 4),
    "CategoricalHinge": ({"min_margin": 0.5}, 4),
    "SoftHKR": ({"alpha": 5.0, "min_margin": 0.3, "temperature": 4.0}, 4),
    "LseHKR": ({"alpha": 5.0, "min_margin": 0.3, "class_weight": (1.0, 2.0, 3.0, 1.0)}, 4),
    "TauCategoricalCrossentropy": ({"tau": 8.0, "margin_offset": 0.1}, 4),
}


def in_both(task, model=None):
    """Histories of a training in NumPy and with Keras."""
    architecture = replace(task.architecture, model=model or task.architecture.model)
    task = replace(task, architecture=architecture)
    return train(with_numpy_loss(task)).history, loop.train(task).history


def with_numpy_loss(task):
    loss = task.objective.loss
    equivalent = getattr(losses, type(loss).__name__)(**loss.numbers())
    return replace(task, objective=replace(task.objective, loss=equivalent))


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, values in expected.items():
        # A score near 0 counts as right or wrong by its last bits.
        tolerance = 0.05 if name.endswith("accuracy") else 1e-5
        np.testing.assert_allclose(found[name], values, rtol=tolerance, atol=tolerance, err_msg=name)


def ten_steps(loss, n_scores, optimizer="adam", norm=2):
    """A task in which an epoch is one step."""
    task = epoch_contracts.task(n_scores, epochs=10, batch_size=1000, optimizer=optimizer, norm=norm)
    return replace(task, objective=Objective(loss, epsilon=0.2))


@pytest.mark.parametrize(("name", "activation"), list(zip(LOSSES, cycle(ACTIVATIONS))))  # every one of both
def test_ten_steps_of_each_loss_and_activation(name, activation):
    parameters, n_scores = LOSSES[name]
    task = ten_steps(getattr(keras_losses, name)(**parameters), n_scores)
    assert_same(*in_both(task, MLP(hidden_layer_sizes=(16, 8), activation=activation)))


# Kernels that are wider than tall, and taller; batches that are smaller than kernels, and larger; no hidden layer.
@pytest.mark.parametrize(("widths", "optimizer"), [((4, 12), "sgd"), ((160, 140), "adam"), ((), "adam")])
def test_ten_steps_of_each_shape(widths, optimizer):
    loss = keras_losses.HKR(alpha=5.0, min_margin=0.3)
    assert_same(*in_both(ten_steps(loss, 1, optimizer), MLP(hidden_layer_sizes=widths)))


@pytest.mark.parametrize("norm", [1, np.inf])
@pytest.mark.parametrize(("widths", "n_scores", "optimizer"), [((12,), 1, "adam"), ((4, 8), 3, "sgd"), ((), 1, "adam")])
def test_ten_steps_of_each_norm(norm, widths, n_scores, optimizer):
    loss = keras_losses.HKR(alpha=5.0, min_margin=0.3)
    assert_same(*in_both(ten_steps(loss, n_scores, optimizer, norm), MLP(hidden_layer_sizes=widths)))


@pytest.mark.parametrize("norm", [1, np.inf])
def test_the_front_stays_on_its_manifold_and_has_the_weights_of_keras(norm):
    task = ten_steps(keras_losses.HKR(alpha=5.0, min_margin=0.3), 1, norm=norm)
    found, expected = train(with_numpy_loss(task)).state, loop.train(task).state
    assert [weight.shape for weight in found.weights] == [weight.shape for weight in expected.weights]
    front, start = expected.weights[0], np.full(5, 5**-0.5) if norm == np.inf else np.eye(5)
    assert np.abs(front - start).max() > 0.01
    np.testing.assert_allclose(np.linalg.norm(front, axis=-1), 1.0, atol=1e-6)
    for own, theirs in zip(found.weights, expected.weights, strict=True):
        np.testing.assert_allclose(own, theirs, atol=1e-4)
