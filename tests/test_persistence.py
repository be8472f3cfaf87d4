"""Classifiers that are stored, and served where they were not trained."""

import copy
import gzip
import importlib.metadata
import io
import pickle
import re
import sys
import venv
import warnings

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklip
from sklip import HKRClassifier, LipschitzMLP, ModelFileError, VersionMismatchWarning, WassersteinEstimator
from sklip.estimators import _stamped
from sklip.served import Center, Dense, GroupSort, ServedNetwork
from tests.estimator_fixtures import bits, classifier, fitted, moons
from tests.helpers import kernels_of, network_of, run_elsewhere
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
    parameters = sum(kernel.size for kernel in kernels_of(model.network_))
    assert len(pickle.dumps(model)) < 8000 + 40 * parameters


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_arrays_of_a_loaded_network_are_read_only(copied):
    network = copied(fitted()[0]).network_
    for array in network.arrays:
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


# The versions that a file was written with ----------------------------------------------------


@pytest.fixture
def running(monkeypatch):
    """What this process takes for its versions; changes are undone."""
    versions = dict(_stamped.running_versions())
    monkeypatch.setattr(_stamped, "running_versions", lambda: versions)
    return versions


KINDS_OF_ESTIMATOR = [HKRClassifier, LipschitzMLP, WassersteinEstimator]


@pytest.mark.parametrize("kind", KINDS_OF_ESTIMATOR)
def test_versions_are_stamped(kind):
    stamp = kind().__getstate__()["_written_with"]
    assert stamp == {
        "sklip": sklip.__version__,
        "scikit-learn": sklearn.__version__,
        "keras": importlib.metadata.version("keras"),
    }
    assert not hasattr(loads(kind()), "_written_with")


def test_no_warning_where_nothing_differs():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loads(fitted()[0])
        copy.deepcopy(fitted()[0])


@pytest.mark.parametrize("kind", KINDS_OF_ESTIMATOR)
@pytest.mark.parametrize("package", ["sklip", "scikit-learn", "keras"])
def test_a_mismatch_warns_by_name(kind, package, running):
    running[package] = "0.0.1"
    stored = pickle.dumps(kind())
    running[package] = "0.0.2"
    with pytest.warns(VersionMismatchWarning) as caught:
        loaded = pickle.loads(stored)
    (warning,) = [entry.message for entry in caught]
    shown = {"sklip": "scikit-lipschitz"}.get(package, package)  # what can be installed
    assert f"{kind.__name__} was stored with {shown} 0.0.1 (here 0.0.2). " in str(warning)
    assert ("do not depend on Keras" in str(warning)) == (package == "keras")
    assert warning.differing == [package]
    assert isinstance(warning, InconsistentVersionWarning)
    assert str(pickle.loads(pickle.dumps(warning))) == str(warning)
    assert loaded.get_params() == kind().get_params()


def test_a_file_without_a_stamp_warns():
    state = {key: value for key, value in fitted()[0].__getstate__().items() if key != "_written_with"}
    with pytest.warns(VersionMismatchWarning, match=r"scikit-lipschitz of an unknown version \(here 0"):
        HKRClassifier.__new__(HKRClassifier).__setstate__(state)


def test_environments_without_keras_serve_in_silence(running):
    stored = pickle.dumps(fitted()[0])
    running["keras"] = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        there = pickle.loads(stored)
        stored_there = pickle.dumps(there)
        running["keras"] = "99"
        pickle.loads(stored_there)


MISMATCH = """
import sys, warnings
import sklip
from sklip import _version
_version.__version__ = "99.0"
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    sklip.load(sys.argv[1])
print([str(entry.message) for entry in caught])
"""


def test_another_process_of_another_version_warns(stored):
    output = run_script(MISMATCH, stored / "binary.joblib")
    assert f"HKRClassifier was stored with scikit-lipschitz {sklip.__version__} (here 99.0)" in output


# Truncated and foreign files ------------------------------------------------------------------


def stored_bytes(model, write):
    file = io.BytesIO()
    write(model, file)
    return file.getvalue()


@pytest.mark.parametrize("write", [pickle.dump, joblib.dump])
def test_no_truncated_file_loads(write):
    data = stored_bytes(fitted()[0], write)
    assert sklip.load(io.BytesIO(data)).n_iter_ == fitted()[0].n_iter_
    # Everywhere near both ends, and at steps that share no factor with any alignment between.
    for length in [*range(200), *range(200, len(data) - 200, 37), *range(len(data) - 200, len(data))]:
        with pytest.raises(ModelFileError, match=r"The file is truncated, or joblib\.dump or pickle\.dump did not"):
            sklip.load(io.BytesIO(data[:length]))


@pytest.mark.parametrize("compress", ["gzip", "zlib", "lzma", "xz", "bz2"])
def test_no_truncated_compressed_file_loads(compress, tmp_path):
    path = tmp_path / "model"
    joblib.dump(fitted()[0], path, compress=(compress, 3))
    assert sklip.load(path).predict(moons()[0]).shape == (80,)
    data = path.read_bytes()
    # Of some formats, the last eight bytes or less are a checksum, without which all of the content is there.
    for length in (3, 10, len(data) // 2, len(data) - 12):
        path.write_bytes(data[:length])
        with pytest.raises(ModelFileError, match="The file is truncated"):
            sklip.load(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"a,b\n1,2\n", b"PK\x03\x04" + bytes(100), bytes(1000), gzip.compress(b"text", mtime=0), b"\x80\x04garbage"],
)
def test_foreign_files(content, tmp_path):
    (tmp_path / "model").write_bytes(content)
    with pytest.raises(ModelFileError, match="did not write it"):
        sklip.load(tmp_path / "model")


def test_files_without_an_estimator(tmp_path):
    joblib.dump({"model": fitted()[0]}, tmp_path / "model")
    with pytest.raises(ModelFileError, match="holds a dict, not an estimator"):
        sklip.load(tmp_path / "model")
    with pytest.raises(FileNotFoundError):
        sklip.load(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        sklip.load(tmp_path)


def test_load_takes_pipelines_and_mapped_arrays(tmp_path, stored):
    X, _ = moons()
    model = make_pipeline(StandardScaler().fit(X), fitted()[0])
    joblib.dump(model, tmp_path / "model")
    assert bits(sklip.load(tmp_path / "model").decision_function(X)) == bits(model.decision_function(X))
    mapped = sklip.load(stored / "binary.joblib", mmap_mode="r")
    assert bits(mapped.certified_radius(X)) == bits(fitted()[0].certified_radius(X))
    with pytest.raises(ValueError, match="read-only"):
        kernels_of(mapped.network_)[0][...] = 0.0


@pytest.mark.parametrize("mode", ["r", "c", "r+"])
def test_mapped_weights_do_not_change_with_their_file(tmp_path, mode):
    """A retraining writes the file anew: the radius was proved of the weights that were there before."""
    model, X, _ = fitted()
    file = tmp_path / "model.joblib"
    joblib.dump(model, file)
    mapped = sklip.load(file, mmap_mode=mode)
    scores, radii = mapped.decision_function(X), mapped.certified_radius(X)
    kernel = kernels_of(model.network_)[0].tobytes()
    content = file.read_bytes()
    assert content.count(kernel) == 1
    with file.open("r+b") as written:
        written.seek(content.index(kernel))
        written.write(np.full(len(kernel) // 8, 3.0).tobytes())
    assert bits(mapped.decision_function(X)) == bits(scores)
    assert bits(mapped.certified_radius(X)) == bits(radii)


def test_loaded_weights_cannot_be_made_writeable_after_their_proof(stored):
    network = sklip.load(stored / "binary.joblib", mmap_mode="c").network_
    for array in network.arrays:
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True


def test_a_copy_of_mapped_weights_is_taken_as_any_array(tmp_path):
    mapped = np.memmap(tmp_path / "kernel", np.float64, "w+", shape=(2, 1))
    mapped[:] = 1.0
    copied = mapped.copy()
    network = network_of(np.zeros(2), (copied,), (np.zeros(1),), ())
    copied *= 3.0
    assert kernels_of(network)[0].tolist() == [[1.0], [1.0]]


class _Missing:
    def __reduce__(self):
        return (__import__, ("no_such_package",))


def test_a_missing_package_is_named():
    with pytest.raises(ImportError, match="no_such_package"):
        sklip.load(io.BytesIO(pickle.dumps(_Missing())))


def reread(model, **changes):
    """A file of the model with some of its attributes changed, or missing where they are None, read again."""
    state = {**model.__getstate__(), **changes}
    kept = {key: value for key, value in state.items() if key not in changes or value is not None}
    type(model).__new__(type(model)).__setstate__(kept)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alpha": None, "tol": None}, "the file has no 'alpha', 'tol'. It was written by sklip "),
        ({"network_": 3}, "has a int where its network should be"),
        ({"classes_": None}, "classes_, None, do not fit its network, which has 1 score ("),
        ({"classes_": np.arange(3)}, "do not fit its network"),
        ({"classes_": [0, 1]}, "do not fit its network"),
        ({"n_features_in_": 3}, "says that there are 3 features, but its network takes 2"),
        ({"n_features_in_": None}, "says that there are None features"),
        ({"n_features_in_": 7, "_written_with": None}, "It was not written by sklip, or was changed later"),
    ],
)
def test_changed_estimators_are_refused(changes, message):
    with pytest.raises(ModelFileError) as caught:
        reread(fitted()[0], **changes)
    assert message in str(caught.value)
    assert str(caught.value).startswith("HKRClassifier: ")


def test_more_refusals():
    with pytest.raises(ModelFileError, match="holds a list instead of the attributes"):
        HKRClassifier.__new__(HKRClassifier).__setstate__([1, 2])
    model = WassersteinEstimator()
    with pytest.raises(ModelFileError, match="no 'epochs'"):
        reread(model, epochs=None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"operations": None}, "it has no operations"),
        ({"more": 1}, "it has no operations"),
        ({"operations": np.eye(2)}, "it has no operations"),
        ({"operations": ()}, "begins with a Center"),
        ({"operations": [Center(np.zeros(2)), "relu", Dense(np.ones((2, 1)), np.zeros(1))]}, "made of operations"),
        ({"operations": [Center(np.zeros(2)), Dense(np.ones((3, 1)), np.zeros(1))]}, "takes 3 values"),
        ({"operations": [Center(np.zeros(2)), Dense.__new__(Dense)]}, "has no attribute"),
    ],
)
def test_changed_networks_are_refused(changes, message):
    state = {**fitted()[0].network_.__getstate__(), **changes}
    state = {key: value for key, value in state.items() if value is not None}
    with pytest.raises(ModelFileError, match=message):
        ServedNetwork.__new__(ServedNetwork).__setstate__(state)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernel": None}, "it must hold kernel, bias only"),
        ({"more": 1}, "it must hold kernel, bias only"),
        ({"kernel": [[1.0], [2.0]]}, "its kernel is not an array"),
        ({"bias": np.ma.zeros(1)}, "its bias is not an array"),
        ({"kernel": np.zeros((3, 2))}, "do not fit together"),
        ({"kernel": np.full((2, 1), np.nan)}, "not finite"),
        ({"kernel": np.zeros((2, 1), dtype=np.float32)}, "not float64"),
    ],
)
def test_changed_operations_are_refused(changes, message):
    state = {"kernel": np.ones((2, 1)), "bias": np.zeros(1), **changes}
    state = {key: value for key, value in state.items() if value is not None}
    with pytest.raises(ModelFileError, match=message):
        Dense.__new__(Dense).__setstate__(state)
    with pytest.raises(ModelFileError, match="positive number"):
        GroupSort.__new__(GroupSort).__setstate__({"n": 0})


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
    run_elsewhere(RESUME, tmp_path / "begun.joblib", tmp_path / "scores.npy")
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
        "sklip.training.loop",
    }
    assert len(brought) < 250


# Where TensorFlow is not installed -----------------------------------------------------------


@pytest.fixture(scope="module")
def bare_environment(tmp_path_factory):
    """The Python of an environment in which sklip was installed without extras."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder)
    python = folder / "bin" / "python"
    options = ["--quiet", "--disable-pip-version-check", "--no-compile"]  # most of it is never imported
    pip = [sys.executable, "-m", "pip", "--python", python, "install", *options]
    versions = [f"{name}=={importlib.metadata.version(name)}" for name in ("numpy", "scikit-learn", "joblib")]
    run_command([*pip, *versions, ROOT])
    return python


@pytest.mark.slow
def test_an_environment_that_serves_lacks_nothing_that_sklip_requires(bare_environment):
    printed = run_command([sys.executable, "-m", "pip", "--python", bare_environment, "check"])
    assert printed.strip() == "No broken requirements found."
    listed = run_command([sys.executable, "-m", "pip", "--python", bare_environment, "list", "--format", "freeze"])
    installed = {line.partition("==")[0] for line in listed.splitlines()}
    assert "scikit-lipschitz" in installed and not installed & {"tensorflow", "keras", "jax", "scikeras", "tqdm"}


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
X, y = np.eye(2), [0, 1]
print(sklip.HKRClassifier(epochs=20, random_state=0).fit(X, y).predict(X))
try:
    sklip.HKRClassifier(epochs=1, backend="keras").fit(X, y)
except ImportError as error:
    print(error.name, "|", error)
"""


@pytest.mark.slow
def test_where_keras_is_not_installed_numpy_trains_and_an_error_says_what_is_missing(bare_environment):
    labels, message = run_command([bare_environment, "-I", "-c", FIT_WITHOUT_KERAS]).splitlines()
    assert labels == "[0 1]"
    assert re.match(r"(tensorflow|keras) \| .* is not installed\b.*\bpip install .*tensorflow", message), message
