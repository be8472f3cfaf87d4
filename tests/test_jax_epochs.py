"""Epochs on JAX: the numbers of TensorFlow, the same bits whatever ran before, and no TensorFlow."""

import sys

import numpy as np
import pytest

from tests.epoch_contracts import TASKS, histories
from tests.processes import ROOT, last_json, run_command

pytest.importorskip("jax")


RUN = """
import json, sys
import jax, numpy as np, sklip
from sklip import HKRClassifier
from tests.test_reuse import HKR, SMALL, X, Y, bits

fit = lambda changes: str(bits(HKRClassifier(**SMALL | {"dropout": 0.3} | changes).fit(X, Y > 0)))
alone = fit({})
for changes in HKR:
    fit(changes)
again = fit({})
sklip.clear_compiled_networks()
fits = [alone, again, fit({}), fit(HKR[1])]

from tests.epoch_contracts import histories, task
from tests.test_epochs import train_nothing
found = histories()

small = task(held_out=True)
epochs = train_nothing(small)
large = lambda: sum(array.nbytes for array in jax.live_arrays() if array.nbytes > 1e6)
many = tuple(np.ones((200_000, *array.shape[1:]), np.float32) for array in small.rows)
epochs.place(many, many, small.objective)
placed = large()
epochs.release()
modules = sorted({name.split(".")[0] for name in sys.modules})
print(json.dumps({"fits": fits, "histories": found, "held": [placed, large()], "modules": modules}))
"""


@pytest.fixture(scope="module")
def on_jax():
    """What one process finds where Keras runs on JAX."""
    return last_json(run_command([sys.executable, "-c", RUN], PYTHONPATH=str(ROOT), KERAS_BACKEND="jax"))


def test_the_history_is_that_of_tensorflow(on_jax):
    found = on_jax["histories"]
    expected = histories()
    assert found.keys() == expected.keys() == TASKS.keys()
    for task, history in expected.items():
        assert list(found[task]) == list(history)
        for name, values in history.items():
            np.testing.assert_allclose(found[task][name], values, 1e-5, 1e-5, err_msg=f"{task}: {name}")


def test_the_loss_of_the_first_ten_steps_is_that_of_tensorflow(on_jax):
    """An epoch of this task is a step."""
    assert len(on_jax["histories"]["ten steps"]["loss"]) == 10


def test_a_fit_has_the_same_bits_whatever_ran_before(on_jax):
    alone, again, compiled_anew, other = on_jax["fits"]
    assert alone == again == compiled_anew != other


def test_nothing_of_the_rows_is_held_when_they_are_released(on_jax):
    placed, released = on_jax["held"]
    assert placed > 1e6 and released == 0


def test_nothing_of_tensorflow_is_imported(on_jax):
    assert "jax" in on_jax["modules"] and not {"tensorflow", "scikeras"} & set(on_jax["modules"])
