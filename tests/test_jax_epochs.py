"""Epochs on JAX: the numbers of TensorFlow, the same bits whatever ran before, and no TensorFlow."""

import sys

import numpy as np
import pytest

from tests.epoch_contracts import RATES, TASKS, histories, watched
from tests.processes import COMPILED_SOONER, ROOT, last_json, run_command

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

from tests.epoch_contracts import histories, task, watched
from tests.jax_contracts import accelerated, rows_on_disk
from tests.test_epochs import train_nothing
found = {"histories": histories()}

small = task(held_out=True)
epochs = train_nothing(small)
large = lambda: sum(array.nbytes for array in jax.live_arrays() if array.nbytes > 1e6)
many = tuple(np.ones((200_000, *array.shape[1:]), np.float32) for array in small.rows)
epochs.place(many, many, small.objective)
placed = large()
epochs.release()
found |= {"on disk": rows_on_disk(), "accelerated": accelerated()}
modules = sorted({name.split(".")[0] for name in sys.modules})
found["watched"] = watched()  # Keras imports TensorFlow when it saves a model
print(json.dumps({**found, "fits": fits, "held": [placed, large()], "modules": modules}))
"""


@pytest.fixture(scope="module")
def on_jax():
    """What one process finds where Keras runs on JAX."""
    # Optimised loops of unlike lengths may also differ in the last bits.
    return last_json(
        run_command([sys.executable, "-c", RUN], PYTHONPATH=str(ROOT), KERAS_BACKEND="jax", **COMPILED_SOONER)
    )


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


def test_loops_of_known_length_have_the_bits_of_padded_ones(on_jax):
    """A GPU has the former, a CPU the latter."""
    assert on_jax["on disk"]["known"][0] == on_jax["on disk"]["padded"][0]


@pytest.mark.parametrize("loops", ["padded", "known"])
def test_rows_on_disk_train_as_rows_in_memory(on_jax, loops):
    here, there = on_jax["on disk"][loops]
    assert here == there


def test_the_steps_of_a_gpu_take_an_ordinary_training_and_keep_kernels_orthonormal(on_jax):
    found = on_jax["accelerated"]
    assert found["together"] == 3
    steady, ordinary = found["histories"]
    assert len(steady["loss"]) == 10 and found["moved"] > 0.01
    for name, values in ordinary.items():
        np.testing.assert_allclose(steady[name], values, rtol=0, atol=1e-5, err_msg=name)
    assert found["deviation"] < 1e-6


def test_callbacks_read_the_current_weights_and_set_the_rates_of_another_optimizer(on_jax):
    found, expected = on_jax["watched"], watched()
    for name, values in expected["history"].items():
        np.testing.assert_allclose(found["history"][name], values, 1e-5, 1e-5, err_msg=name)
        np.testing.assert_allclose(found["history"][name], found["terms"][name], 1e-4, 1e-5, err_msg=name)
    assert [moved > 0 for moved in found["moved"]] == [rate > 0 for rate in RATES]
    np.testing.assert_allclose(found["moved"], expected["moved"], 1e-3)
    assert found["saved"] < 1e-6


def test_nothing_of_tensorflow_is_imported(on_jax):
    assert "jax" in on_jax["modules"] and not {"tensorflow", "scikeras"} & set(on_jax["modules"])
