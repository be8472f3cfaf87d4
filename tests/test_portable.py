"""Estimators with callbacks and Keras objects of the user's: copies, pickles, worker processes."""

import copy
import pickle
import sys
import threading

import keras
import numpy as np
import pytest
from sklearn.base import clone

from sklip import HKRClassifier, WassersteinEstimator
from sklip.estimators._unpicklable import unpicklable_part
from tests.estimator_fixtures import classifier, moons
from tests.processes import ROOT, run_command

WAYS = [pickle.dumps, copy.copy, copy.deepcopy, clone]


class _Holding(keras.callbacks.Callback):
    """Holds something."""

    def __init__(self, held):
        super().__init__()
        self.held = held


def generator():
    yield


class _Careful(_Holding):
    """Leaves it out of its copies."""

    def __getstate__(self):
        return {**vars(self), "held": None}


# What cannot be stored ----------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_a_log_in_a_file_is_no_obstacle_once_it_is_written(way, tmp_path):
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    model = classifier(callbacks=[log]).fit(*moons())
    written = (tmp_path / "log.csv").read_text()
    assert len(written.splitlines()) == 1 + 3
    way(model)
    model.fit(*moons())
    assert (tmp_path / "log.csv").read_text() == written


def test_a_copy_of_a_log_writes_like_the_original(tmp_path):
    model = classifier(callbacks=[keras.callbacks.CSVLogger(tmp_path / "log.csv")]).fit(*moons())
    written = (tmp_path / "log.csv").read_text()
    (tmp_path / "log.csv").unlink()
    pickle.loads(pickle.dumps(model)).fit(*moons())
    assert (tmp_path / "log.csv").read_text() == written


@pytest.mark.parametrize("make", [HKRClassifier, WassersteinEstimator])
@pytest.mark.parametrize("held", ["lock", "file", "deep"])
@pytest.mark.parametrize("way", [pickle.dumps, copy.deepcopy, clone])
def test_a_callback_that_cannot_be_stored_is_named(make, held, way, tmp_path):
    with open(tmp_path / "file", "w") as file:
        held = {"lock": threading.Lock(), "file": file, "deep": {"a": [_Holding(generator())]}}[held]
        model = make(callbacks=[keras.callbacks.TerminateOnNaN(), _Holding(held)])
        words = (
            rf"^{make.__name__} cannot be pickled, copied or cloned: its parameter 'callbacks' has a _Holding, and a "
            r"(lock|TextIOWrapper|generator) that it holds cannot be stored. Call set_params\(callbacks=None\) first"
        )
        with pytest.raises(TypeError, match=words):
            way(model)


@pytest.mark.parametrize("way", WAYS)
def test_a_callback_that_leaves_it_out_is_stored(way):
    model = classifier(callbacks=[_Careful(threading.Lock())])
    way(model)
    assert model.set_params(callbacks=None).get_params()["callbacks"] is None


@pytest.mark.parametrize("way", [copy.deepcopy, clone])
def test_what_copies_is_copied(way):
    """Functions without a name, modules' classes, cycles, arrays."""
    cycle = [np.arange(3.0), print, lambda: 0, np.float32, {"a": (1, "b", None)}]
    cycle.append(cycle)
    callback = _Holding(cycle)
    copied = way(classifier(callbacks=[callback])).callbacks[0]
    assert copied is not callback and copied.held[5] is copied.held


def test_the_part_that_cannot_be_stored_is_found():
    lock = threading.Lock()
    assert unpicklable_part({"a": [1, {"b": lock}]}) is lock
    assert unpicklable_part(_Holding(_Careful(lock))) is None
    assert unpicklable_part([keras.optimizers.Adam(), np.random.RandomState(0), "text", 1]) is None


# What a script defines ----------------------------------------------------------------------

SCRIPT = """
import pickle
import keras
import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.model_selection import cross_validate
from sklip import LipschitzMLP
from tests.estimator_fixtures import moons

@keras.saving.register_keras_serializable(package="mine")
class Squares(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

@keras.saving.register_keras_serializable(package="mine")
class Rate(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return keras.ops.convert_to_tensor(0.02, "float32")

    def get_config(self):
        return {}

if __name__ == "__main__":
    X, y = moons()
    model = LipschitzMLP(
        hidden_layer_sizes=(4,), epochs=2, random_state=0, loss=Squares(), optimizer=keras.optimizers.SGD(Rate())
    )
    how = {"cv": 2, "return_estimator": True, "error_score": "raise"}
    here, there = (cross_validate(model, X, y, n_jobs=n_jobs, **how) for n_jobs in (1, 2))
    print(np.allclose(here["test_score"], there["test_score"]))
    for fitted in there["estimator"]:
        assert type(fitted.loss) is Squares and type(clone(fitted).loss) is Squares
        assert type(pickle.loads(pickle.dumps(fitted)).loss) is Squares
        assert isinstance(fitted.optimizer, keras.optimizers.SGD)
    # One that is fitted goes there, and comes back.
    (fitted,) = Parallel(n_jobs=2)([delayed(there["estimator"][0].partial_fit)(X, y)])
    print(fitted.n_iter_)
"""


@pytest.mark.slow
def test_losses_and_schedules_of_a_script_go_to_worker_processes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    assert run_command([sys.executable, script], PYTHONPATH=str(ROOT)).split() == ["True", "3"]
