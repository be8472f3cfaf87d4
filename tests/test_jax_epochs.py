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


BITS = """
import json
import numpy as np, sklip
from tests.test_reuse import HKR, SMALL, X, Y, bits
from sklip import HKRClassifier
fit = lambda changes: str(bits(HKRClassifier(**SMALL | {"dropout": 0.3} | changes).fit(X, Y > 0)))
alone = fit({})
for changes in HKR:
    fit(changes)
again = fit({})
sklip.clear_compiled_networks()
print(json.dumps([alone, again, fit({}), fit(HKR[1])]))
"""


def test_a_fit_has_the_same_bits_whatever_ran_before():
    alone, again, compiled_anew, other = on_jax("-c", BITS)
    assert alone == again == compiled_anew != other


KEPT = """
import json
import numpy as np
from tests.epoch_contracts import data, task
from tests.test_epochs import train_nothing
import jax
small = task(held_out=True)
epochs = train_nothing(small)
large = lambda: sum(array.nbytes for array in jax.live_arrays() if array.nbytes > 1e6)
many = tuple(np.ones((200_000, *array.shape[1:]), np.float32) for array in small.rows)
epochs.place(many, many, small.objective)
placed = large()
epochs.release()
print(json.dumps([placed, large()]))
"""


def test_nothing_of_the_rows_is_held_when_they_are_released():
    placed, released = on_jax("-c", KEPT)
    assert placed > 1e6 and released == 0


def test_nothing_of_tensorflow_is_imported(contract):
    modules, _ = contract
    assert "jax" in modules and not {"tensorflow", "scikeras"} & set(modules)
