"""Epochs on JAX: the numbers of TensorFlow, the same bits whatever ran before, and no TensorFlow."""

import sys

import numpy as np
import pytest

from tests.epoch_contracts import TASKS, histories
from tests.processes import ROOT, last_json, run_command

pytest.importorskip("jax")


def on_jax(*words):
    """The last line that a command of Python prints where Keras runs on JAX, read as JSON."""
    return last_json(run_command([sys.executable, *words], PYTHONPATH=str(ROOT), KERAS_BACKEND="jax"))


@pytest.fixture(scope="module")
def contract():
    return on_jax("-m", "tests.epoch_contracts")


def test_the_history_is_that_of_tensorflow(contract):
    _, found = contract
    expected = histories()
    assert found.keys() == expected.keys() == TASKS.keys()
    for task, history in expected.items():
        assert list(found[task]) == list(history)
        for name, values in history.items():
            np.testing.assert_allclose(found[task][name], values, 1e-5, 1e-5, err_msg=f"{task}: {name}")


def test_the_loss_of_the_first_ten_steps_is_that_of_tensorflow(contract):
    """An epoch of this task is a step."""
    _, found = contract
    assert len(found["ten steps"]["loss"]) == 10


def test_nothing_of_tensorflow_is_imported(contract):
    modules, _ = contract
    assert "jax" in modules and not {"tensorflow", "scikeras"} & set(modules)
