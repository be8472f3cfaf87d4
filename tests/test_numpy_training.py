"""Training in NumPy takes the steps of the training with Keras: the same numbers, from the same weights and batches."""

from dataclasses import replace
from functools import cache
from itertools import cycle

import numpy as np
import pytest

from sklip import losses as keras_losses
from sklip.architectures import MLP
from sklip.front_formulas import Front
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


def ten_steps(loss, n_scores, optimizer="adam", front=None):
    """A task in which an epoch is one step."""
    task = epoch_contracts.task(n_scores, epochs=10, batch_size=1000, optimizer=optimizer, front=front)
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


# The norms, fixed columns and directions of columns; the task has 5 columns.
FRONTS = {
    "norm 1": Front(1, 5),
    "norm inf": Front(np.inf, 5),
    "fixed": Front(2, 3, 2),
    "fixed, norm 1": Front(1, 4, 1),
    "fixed, norm inf": Front(np.inf, 2, 3),
    "directions": Front(2, 5, 0, (1, 0, -1, 0, 0)),
    "directions of all": Front(2, 5, 0, (1, 1, -1, 1, 1)),
    "directions, norm 1": Front(1, 5, 0, (0, -1, 0, 1, 0)),
    "directions, norm inf": Front(np.inf, 5, 0, (0, -1, 0, 1, 1)),
    "all": Front(2, 3, 2, (0, 1, 0, -1, 0)),
    "all, norm 1": Front(1, 3, 2, (0, 1, 0, -1, 0)),
    "all, norm inf": Front(np.inf, 3, 2, (0, 1, -1, 0, 1)),
}


@cache
def trained_behind(name):
    """What trainings behind a front return, in NumPy and with Keras; a compilation takes a second, so once for all."""
    optimizer = dict(zip(FRONTS, cycle(["adam", "sgd"])))[name]
    task = ten_steps(keras_losses.HKR(alpha=5.0, min_margin=0.3), 1, optimizer, FRONTS[name])
    task = replace(task, architecture=replace(task.architecture, model=MLP(hidden_layer_sizes=(12,))))
    return train(with_numpy_loss(task)), loop.train(task)


@pytest.mark.parametrize("name", FRONTS)
def test_ten_steps_behind_each_front(name):
    found, expected = trained_behind(name)
    assert_same(found.history, expected.history)


@pytest.mark.parametrize(("widths", "norm"), [((4, 8), 1), ((), np.inf)])
def test_ten_steps_behind_a_front_with_several_scores_and_without_hidden_layers(widths, norm):
    loss = keras_losses.HKR(alpha=5.0, min_margin=0.3)
    assert_same(*in_both(ten_steps(loss, 3, front=Front(norm, 4, 1)), MLP(hidden_layer_sizes=widths)))


@pytest.mark.parametrize(("name", "loss"), list(zip(FRONTS, cycle(name for name in LOSSES if LOSSES[name][1] == 1))))
def test_ten_steps_of_losses_behind_fronts_without_hidden_layers(name, loss):
    task = ten_steps(getattr(keras_losses, loss)(**LOSSES[loss][0]), 1, front=FRONTS[name])
    assert_same(*in_both(task, MLP(hidden_layer_sizes=())))


@pytest.mark.parametrize("name", FRONTS)
def test_the_front_stays_within_its_budgets_and_has_the_weights_of_keras(name):
    front = FRONTS[name]
    found, expected = (trained.state.weights for trained in trained_behind(name))
    assert [weight.shape for weight in found] == [weight.shape for weight in expected]
    own = expected[: len(front.shapes)]
    for weight, start, exact in zip(own, front.start(), front.on_budget(own), strict=True):
        assert np.abs(weight - start).max() > 0.01
        np.testing.assert_allclose(weight, exact, atol=1e-6)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
