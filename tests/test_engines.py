"""The parameter ``backend``: which engine trains, and what NumPy refuses."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from sklip import HKRClassifier, LipschitzMLP, WassersteinEstimator
from sklip.architectures import MLP, ConvNet
from sklip.training import engines
from sklip.training.engines import KerasEngine, NumPyEngine, engine_of
from tests.estimator_fixtures import blobs, classifier, mlp, moons
from tests.processes import WITHOUT, run_script

# What the base install can do, without Keras and all that it may run on.
WITHOUT_KERAS = """
import pickle
import numpy as np
import sklip
from tests.estimator_fixtures import blobs, classifier, mlp, moons

for make, data in ((classifier, moons), (mlp, blobs)):
    X, y = data()
    model = make(early_stopping=True, epsilon=0.1, monitor="certified_accuracy").fit(X, y)
    model.set_params(early_stopping=False).partial_fit(X, y)
    scores = pickle.loads(pickle.dumps(model)).decision_function(X)
    assert np.array_equal(scores, model.decision_function(X))
    assert abs(model.lipschitz_bound_ - 1) < 1e-9 and (model.certified_radius(X) > 0).all()
print(sklip.WassersteinEstimator(hidden_layer_sizes=(4,), epochs=1).fit(*moons()).distance_ > 0)
for change in ({"model": sklip.architectures.ConvNet()}, {"jit_compile": True}, {"optimizer": "rmsprop"}):
    try:
        classifier(**change).fit(*moons())
    except ModuleNotFoundError as error:
        print(error.name, error)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"keras", "tensorflow", "jax", "torch"}))
"""

# Keras does not choose JAX by itself.
ON_JAX_ALONE = """
import os
from tests.estimator_fixtures import classifier, moons

classifier(epochs=1).fit(*moons())
import keras
print(keras.backend.backend(), os.environ["KERAS_BACKEND"], "tensorflow" in sys.modules)
"""


def test_the_base_install_fits_tables():
    worked, *refused, modules = run_script(WITHOUT + WITHOUT_KERAS, "keras", "tensorflow", "jax", "torch").splitlines()
    assert worked == "True" and modules == "[]"
    assert [line.partition("=")[0] for line in refused] == [
        f"keras Training with {name}" for name in ("model", "jit_compile", "optimizer")
    ]
    assert all("run pip install 'scikit-lipschitz[tensorflow]' or 'scikit-lipschitz[jax]'" in line for line in refused)


def test_numpy_trains_where_keras_has_no_backend():
    script = "from sklip.training.engines import engine_of\nprint(type(engine_of('auto')).__name__)"
    environment = {"KERAS_BACKEND": ""}
    unset = "import os\nos.environ.pop('KERAS_BACKEND')\n"
    printed = run_script(WITHOUT + unset + script, "tensorflow", "jax", environment=environment)
    assert printed.strip() == "NumPyEngine"


@pytest.mark.slow
def test_keras_runs_on_jax_if_it_alone_is_installed():
    pytest.importorskip("jax")
    unset = "import os\nos.environ.pop('KERAS_BACKEND', None)\n"
    assert run_script(WITHOUT + unset + ON_JAX_ALONE, "tensorflow").split() == ["jax", "jax", "False"]


def test_numpy_imports_no_keras_where_it_is_installed():
    script = (
        "import sys\nfrom tests.estimator_fixtures import classifier, moons\n"
        "classifier(backend='numpy').fit(*moons())\nprint({'keras', 'tensorflow', 'jax'} & set(sys.modules))"
    )
    assert run_script(script).strip() == "set()"


def test_keras_trains_by_default_where_it_is_installed():
    assert isinstance(engine_of("auto"), KerasEngine) and isinstance(engine_of("keras"), KerasEngine)
    assert isinstance(engine_of("numpy"), NumPyEngine)
    assert all(kind().backend == "auto" for kind in (HKRClassifier, LipschitzMLP, WassersteinEstimator))
    assert set(engines.NAMES) == {"auto", "keras", "numpy"}


def test_another_backend_is_refused():
    with pytest.raises(ValueError, match="The 'backend' parameter of HKRClassifier must be a str among"):
        classifier(backend="torch").fit(*moons())


REFUSED = {
    "model": lambda keras: {"model": ConvNet()},
    "augmentation": lambda keras: {"augmentation": keras.layers.RandomFlip()},
    "loss": lambda keras: {"loss": keras.losses.BinaryCrossentropy(from_logits=True)},
    "optimizer": lambda keras: {"optimizer": keras.optimizers.Adam()},
    "callbacks": lambda keras: {"callbacks": [keras.callbacks.Callback()]},
    "jit_compile": lambda keras: {"jit_compile": True},
    "n_devices": lambda keras: {"n_devices": -1},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_numpy_cannot_do_is_refused_by_name(name):
    import keras

    model = mlp(backend="numpy", **REFUSED[name](keras))
    with pytest.raises(ValueError, match=rf"backend='numpy' cannot train with {name}=.* or set backend='auto'"):
        model.fit(*moons())
    assert not hasattr(model, "network_")


def test_images_are_refused_and_their_rows_are_not():
    images = np.random.default_rng(0).standard_normal((20, 4, 4, 1))
    labels = np.arange(20) % 2
    with pytest.raises(ValueError, match=r"rows that are images, of shape \(4, 4, 1\): give the images as rows"):
        classifier(backend="numpy").fit(images, labels)
    classifier(backend="numpy", epochs=1).fit(images.reshape(20, 16), labels)


def test_the_dense_network_as_a_model_is_the_default_network():
    X, y = blobs()
    given = classifier(backend="numpy", model=MLP(hidden_layer_sizes=8)).fit(X, y)
    default = classifier(backend="numpy", hidden_layer_sizes=(8,)).fit(X, y)
    np.testing.assert_array_equal(given.decision_function(X), default.decision_function(X))


def test_a_training_continues_on_the_other_engine():
    X, y = moons()
    models = [classifier(backend=first).fit(X, y) for first in ("keras", "numpy")]
    for model, second in zip(models, ("numpy", "keras"), strict=True):
        before = model._state
        model.set_params(backend=second).partial_fit(X, y)
        assert model._state.optimizer == before.optimizer == "Adam" and model._state.epochs == 4
        assert int(model._state.optimizer_variables[0]) == 2 * int(before.optimizer_variables[0]) // 3 * 2
    first, second = (model._state for model in models)
    for one, other in zip(
        [*first.weights, *first.optimizer_variables], [*second.weights, *second.optimizer_variables], strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
        assert one.dtype == other.dtype
    to_keras = models[0].to_keras()
    np.testing.assert_allclose(np.ravel(to_keras(X)), models[0].decision_function(X), atol=1e-5)


def test_numpy_trains_in_a_forked_process(monkeypatch):
    from sklip.training import forks

    monkeypatch.setattr(forks, "_inherited", True)
    with pytest.raises(RuntimeError, match="This process was forked from one that had started TensorFlow or JAX"):
        classifier(backend="keras").fit(*moons())
    assert classifier(backend="numpy").fit(*moons()).n_iter_ == 3


def test_a_backend_that_the_user_named_is_not_replaced(monkeypatch):
    from sklip import _requirements

    installed = {"keras", "jax"}
    monkeypatch.setattr(_requirements, "_is_installed", installed.__contains__)
    monkeypatch.setattr(_requirements, "sys", SimpleNamespace(modules={}))
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    _requirements.choose_jax_if_alone()
    assert _requirements.keras_can_train() and os.environ["KERAS_BACKEND"] == "tensorflow"
    monkeypatch.delenv("KERAS_BACKEND")
    _requirements.choose_jax_if_alone()
    assert os.environ["KERAS_BACKEND"] == "jax"
    monkeypatch.setenv("KERAS_BACKEND", "")  # which Keras takes for unset
    _requirements.choose_jax_if_alone()
    assert os.environ["KERAS_BACKEND"] == "jax"
    monkeypatch.delenv("KERAS_BACKEND")
    installed.discard("jax")
    _requirements.choose_jax_if_alone()
    assert not _requirements.keras_can_train() and "KERAS_BACKEND" not in os.environ
    installed.update(("tensorflow", "jax"))
    _requirements.choose_jax_if_alone()
    assert _requirements.keras_can_train() and "KERAS_BACKEND" not in os.environ
