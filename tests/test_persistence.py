"""Classifiers that are stored, and served where they were not trained."""

import copy
import importlib.metadata
import pickle
import venv

import joblib
import numpy as np
import pytest

from tests.estimator_fixtures import bits, classifier, fitted, moons
from tests.processes import ROOT, last_json, run_command, run_script

KINDS = ("binary", "multiclass")

SERVE = """
import json, sys
from pathlib import Path
import joblib
import numpy as np

folder = Path(sys.argv[1])
for kind in sys.argv[2:]:
    model = joblib.load(folder / f"{kind}.joblib")
    X = np.load(folder / f"{kind}.npy")
    np.savez(folder / f"{kind} served.npz", predict=model.predict(X), decision_function=model.decision_function(X),
             certified_radius=model.certified_radius(X), bound=model.lipschitz_bound_)
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def assert_served_bits(folder, kind):
    """What a process stored is what this one computes."""
    model, X, _ = fitted(kind)
    with np.load(folder / f"{kind} served.npz") as served:
        np.testing.assert_array_equal(served["predict"], model.predict(X))
        assert bits(served["decision_function"]) == bits(model.decision_function(X))
        assert bits(served["certified_radius"]) == bits(model.certified_radius(X))
        assert float(served["bound"]) == model.lipschitz_bound_


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A folder with a binary and a multiclass classifier and their rows."""
    folder = tmp_path_factory.mktemp("stored")
    for kind in KINDS:
        model, X, _ = fitted(kind)
        joblib.dump(model, folder / f"{kind}.joblib")
        np.save(folder / f"{kind}.npy", X)
    return folder


@pytest.fixture(scope="module")
def serving_modules(stored):
    """Top-level modules of a process that loaded, predicted and certified."""
    return set(last_json(run_script(SERVE, stored, *KINDS)))


@pytest.mark.parametrize("kind", KINDS)
def test_another_process_serves_the_same_bits(stored, serving_modules, kind):
    assert_served_bits(stored, kind)


def test_serving_imports_neither_keras_nor_tensorflow(serving_modules):
    assert "sklip" in serving_modules
    assert not serving_modules & {"tensorflow", "keras", "scikeras", "matplotlib"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_pickles_are_equal_in_all_they_do(kind, protocol):
    model, X, _ = fitted(kind)
    loaded = pickle.loads(pickle.dumps(model, protocol=protocol))
    assert bits(loaded.decision_function(X)) == bits(model.decision_function(X))
    assert bits(loaded.certified_radius(X)) == bits(model.certified_radius(X))
    assert loaded.get_params() == model.get_params()
    assert loaded.history_ == model.history_
    assert loaded.lipschitz_bound_ == model.lipschitz_bound_


def test_a_pickle_is_not_much_larger_than_its_arrays():
    model, _, _ = fitted()
    parameters = sum(kernel.size for kernel in model.network_.kernels)
    assert len(pickle.dumps(model)) < 8000 + 40 * parameters


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_arrays_of_a_loaded_network_are_read_only(copied):
    network = copied(fitted()[0]).network_
    for array in (network.center, *network.kernels, *network.biases):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0.0


def test_memory_mapped_network_serves_the_same_bits(stored):
    model, X, _ = fitted()
    mapped = joblib.load(stored / "binary.joblib", mmap_mode="r")
    assert bits(mapped.decision_function(X)) == bits(model.decision_function(X))
    assert bits(mapped.certified_radius(X)) == bits(model.certified_radius(X))


def test_changing_the_attributes_changes_no_prediction():
    model, X, _ = fitted()
    scores, changed = model.decision_function(X), copy.deepcopy(model)
    changed.center_ += 1.0
    changed.scale_ *= 2.0
    assert bits(changed.decision_function(X)) == bits(scores)


# Going on ------------------------------------------------------------------------------------

RESUME = """
import sys
import joblib
import numpy as np
from tests.estimator_fixtures import moons

model = joblib.load(sys.argv[1])
X, y = moons()
for _ in range(2):
    model.partial_fit(X[40:], y[40:])
np.save(sys.argv[2], model.decision_function(X))
"""


@pytest.fixture(scope="module")
def begun():
    """A classifier after a few batches: its optimizer has something to remember."""
    X, y = moons()
    model = classifier().partial_fit(X[:40], y[:40], classes=[0, 1])
    return model.partial_fit(X[:40], y[:40])


@pytest.fixture(scope="module")
def uninterrupted(begun):
    X, y = moons()
    model = copy.deepcopy(begun)
    for _ in range(2):
        model.partial_fit(X[40:], y[40:])
    return model


def test_partial_fit_goes_on_after_loading(begun, uninterrupted):
    X, y = moons()
    loaded = pickle.loads(pickle.dumps(begun))
    for _ in range(2):
        loaded.partial_fit(X[40:], y[40:])
    assert bits(loaded.decision_function(X)) == bits(uninterrupted.decision_function(X))
    assert loaded.history_ == uninterrupted.history_


@pytest.mark.slow
def test_partial_fit_goes_on_in_another_process(begun, uninterrupted, tmp_path):
    joblib.dump(begun, tmp_path / "begun.joblib")
    run_script(RESUME, tmp_path / "begun.joblib", tmp_path / "scores.npy")
    assert bits(np.load(tmp_path / "scores.npy")) == bits(uninterrupted.decision_function(moons()[0]))


def test_partial_fit_goes_on_with_the_state_of_the_optimizer(begun, uninterrupted):
    # Adam's first steps are of full length whatever the gradient; a fresh optimizer would take them again.
    X, y = moons()
    forgetful = copy.deepcopy(begun).set_params(warm_start=True, epochs=2, learning_rate_schedule="constant")
    forgetful.fit(X[40:], y[40:])
    assert np.abs(forgetful.decision_function(X) - uninterrupted.decision_function(X)).max() > 1e-3


def test_warm_start_goes_on_after_loading():
    model, X, y = fitted("multiclass")
    here, loaded = (copied.set_params(warm_start=True, epochs=1) for copied in (copy.deepcopy(model), loads(model)))
    assert bits(here.fit(X, y).decision_function(X)) == bits(loaded.fit(X, y).decision_function(X))


def loads(model):
    return pickle.loads(pickle.dumps(model))


# What importing costs ------------------------------------------------------------------------

IMPORT = """
import json, sys
import sklearn.base, sklearn.utils, sklearn.utils.validation
before = set(sys.modules)
import sklip
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_import_brings_little_beyond_scikit_learn():
    brought = last_json(run_script(IMPORT))
    assert "sklip.estimators" in brought
    heavy = {"tensorflow", "keras", "scikeras", "matplotlib", "pandas", "jax", "torch", "h5py"}
    assert not {name.split(".")[0] for name in brought} & heavy
    # Where scikit-learn's own utilities do not need it, neither do we.
    assert not [name for name in brought if name.startswith("scipy.stats")]
    assert not {name for name in brought if name.startswith("sklip.")} & {
        "sklip.layers",
        "sklip.losses",
        "sklip.training.train",
    }
    assert len(brought) < 250


# Where TensorFlow is not installed -----------------------------------------------------------


@pytest.fixture(scope="module")
def bare_environment(tmp_path_factory):
    """The Python of an environment with sklip, NumPy, scikit-learn and joblib alone."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    versions = [f"{name}=={importlib.metadata.version(name)}" for name in ("numpy", "scikit-learn", "joblib")]
    run_command([*pip, *versions])
    run_command([*pip, "--no-deps", ROOT])
    return python


@pytest.mark.slow
def test_serves_the_same_bits_where_tensorflow_is_not_installed(bare_environment, stored, tmp_path):
    for kind in KINDS:
        for file in (f"{kind}.joblib", f"{kind}.npy"):
            (tmp_path / file).write_bytes((stored / file).read_bytes())
    # Not PYTHONPATH: the installed package is what is tested.
    output = run_command([bare_environment, "-I", "-c", SERVE, tmp_path, *KINDS])
    assert {"sklip", "sklearn"} <= set(last_json(output))
    for kind in KINDS:
        assert_served_bits(tmp_path, kind)


FIT_WITHOUT_KERAS = """
import numpy as np
import sklip
assert "venv" in sklip.__file__, sklip.__file__
try:
    sklip.HKRClassifier(epochs=1).fit(np.eye(2), [0, 1])
except ImportError as error:
    print(error)
"""


@pytest.mark.slow
def test_fit_where_tensorflow_is_not_installed_says_what_is_missing(bare_environment):
    message = run_command([bare_environment, "-I", "-c", FIT_WITHOUT_KERAS])
    assert "tensorflow" in message.lower() or "keras" in message.lower()
