"""Where training cannot run, it says so at once and in words; what can run there does."""

import pickle
import sys
import warnings

import keras
import numpy as np
import pytest

import sklip
from sklip import WassersteinEstimator
from sklip.training import compilation, runtime
from tests.estimator_fixtures import bits, blobs, classifier, fitted, mlp, moons
from tests.processes import ROOT, WITHOUT, forks, in_forked_child, run_command, run_script

FORKED = "forked from one that had started TensorFlow.*'spawn' or 'forkserver'.*loky"


# Forked processes ---------------------------------------------------------------------------


@forks
@pytest.mark.parametrize(
    "train",
    [
        lambda: classifier().fit(*moons()),
        lambda: classifier().partial_fit(*moons(), classes=[0, 1]),
        lambda: mlp().fit(*moons()),
        lambda: WassersteinEstimator(hidden_layer_sizes=(4,), epochs=1).fit(*moons()),
        lambda: fitted()[0].to_keras(),
    ],
    ids=["fit", "partial_fit", "mlp", "transport", "to_keras"],
)
def test_a_forked_copy_of_a_process_that_trained_says_so_instead_of_hanging(train):
    fitted()
    error = in_forked_child(train)
    assert isinstance(error, RuntimeError)
    with pytest.raises(RuntimeError, match=FORKED):
        raise error


@forks
def test_a_forked_copy_serves():
    model, X, _ = fitted()
    expected = bits(model.decision_function(X)), bits(model.certified_radius(X))

    def serve():
        sklip.clear_compiled_networks()
        return bits(model.decision_function(X)), bits(model.certified_radius(X))

    assert in_forked_child(serve) == expected


@forks
def test_a_forked_copy_reads_and_serves_what_holds_a_keras_optimizer():
    X, y = moons()
    model = classifier(optimizer=keras.optimizers.Adam(0.01)).fit(X, y)
    written, expected = pickle.dumps(model), bits(model.decision_function(X))

    def serve():
        read = pickle.loads(written)
        return bits(read.decision_function(X)), bits(pickle.loads(pickle.dumps(read)).decision_function(X))

    assert in_forked_child(serve) == (expected, expected)


@forks
def test_a_refused_fit_leaves_the_estimator_as_it_was():
    model, X, y = fitted()
    expected = bits(model.decision_function(X))

    def refused():
        with pytest.raises(RuntimeError, match=FORKED):
            model.set_params(warm_start=True).fit(X, y)
        return bits(model.decision_function(X))

    assert in_forked_child(refused) == expected


POOL = """
import joblib, keras
from sklearn.model_selection import GridSearchCV
from tests.estimator_fixtures import classifier, moons

def search():
    searching = GridSearchCV(classifier(epochs=1), {{"alpha": [1.0, 2.0]}}, cv=2, n_jobs=2, refit=False)
    with joblib.parallel_config(backend="multiprocessing"):
        try:
            searching.fit(*moons())
            print("searched" if searching.best_params_ else "found nothing")
        except ValueError as error:
            print("refused" if "RuntimeError: This process was forked" in str(error) else error)

{then}
"""
# An error that leaves a worker (error_score="raise") makes joblib kill the other; multiprocessing then waits forever
# if that one had just taken the lock of the results: https://github.com/python/cpython/issues/96995.


@forks
@pytest.mark.slow
@pytest.mark.parametrize(
    ("then", "expected"),
    [
        # TensorFlow is imported from the start; an optimizer starts it, without sklip.
        ("import tensorflow; search(); keras.optimizers.Adam(0.01); search()", ["searched", "refused"]),
        ("classifier(epochs=1).fit(*moons()); search()", ["refused"]),
    ],
    ids=["nothing, then an optimizer", "a fit"],
)
def test_pools_of_forked_processes_search_where_nothing_had_started(then, expected):
    printed = run_script(POOL.format(then=then), timeout=120).splitlines()
    assert [line for line in printed if line][-len(expected) :] == expected


# TensorFlow's ways to run -------------------------------------------------------------------


def train_and_export():
    tf = pytest.importorskip("tensorflow")

    @tf.function
    def within_a_function(call):
        call()

    def within(scope):
        def run(call):
            with scope():
                call()

        return run

    return [
        (within_a_function, "records operations here.*outside of tf.function"),
        (within(tf.Graph().as_default), "records operations here.*disable_eager_execution"),
        (
            within(tf.distribute.OneDeviceStrategy("/cpu:0").scope),
            "outside of their scopes.* parameter n_devices",
        ),
    ]


@pytest.mark.parametrize("number", range(3), ids=["function", "graph", "scope"])
def test_training_says_where_it_cannot_run(number):
    run, words = train_and_export()[number]
    model, X, y = fitted()
    for call in (
        lambda: classifier().fit(X, y),
        lambda: classifier().partial_fit(X, y, classes=[0, 1]),
        lambda: WassersteinEstimator(hidden_layer_sizes=(4,)).fit(X, y),
        model.to_keras,
    ):
        with pytest.raises(RuntimeError, match=words):
            run(call)


@pytest.mark.usefixtures("no_compiled_networks")
def test_functions_that_run_eagerly_train_the_same():
    tf = pytest.importorskip("tensorflow")
    expected = fitted()[0]
    tf.config.run_functions_eagerly(True)
    try:
        eager = classifier().fit(*moons())
    finally:
        tf.config.run_functions_eagerly(False)
    np.testing.assert_allclose(eager.history_["loss"], expected.history_["loss"], rtol=1e-4)


@pytest.fixture
def checked_numerics(no_compiled_networks):
    """TensorFlow looks for infinities in the result of every operation."""
    tf = pytest.importorskip("tensorflow")
    tf.debugging.enable_check_numerics()
    yield
    tf.debugging.disable_check_numerics()


@pytest.mark.usefixtures("checked_numerics")
@pytest.mark.parametrize(
    ("make", "data", "changes"),
    [
        (classifier, moons, {"epsilon": 0.1, "early_stopping": True, "monitor": "certified_accuracy"}),
        (classifier, blobs, {"activation": "fullsort", "hidden_layer_sizes": (6,)}),  # which pads to 8
        (mlp, blobs, {"dropout": 0.1}),
    ],
)
def test_nothing_that_trains_is_infinite(make, data, changes, monkeypatch):
    monkeypatch.setattr(compilation, "STEPS_THAT_PAY", 0)  # "auto" would choose XLA, which cannot compile the checks
    model = make(**changes).fit(*data())
    assert np.isfinite(model.history_["loss"]).all()


@pytest.mark.usefixtures("checked_numerics")
def test_xla_and_checks_of_numerics_exclude_each_other():
    with pytest.raises(ValueError, match=r"XLA cannot compile what .*: set jit_compile=False, or 'auto'"):
        classifier(jit_compile=True).fit(*moons())


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_backends_that_are_not_tested_are_refused(monkeypatch, name):
    monkeypatch.setattr(keras.backend, "backend", lambda: name)
    with pytest.raises(RuntimeError, match=f"Keras runs on {name} here, but fit needs TensorFlow or JAX"):
        runtime.prepare_training()


@pytest.mark.slow
def test_a_backend_that_cannot_train_is_named():
    script = (
        "from tests.estimator_fixtures import classifier, moons\n"
        "try:\n    classifier().fit(*moons())\nexcept RuntimeError as error:\n    print(error)"
    )
    printed = run_command([sys.executable, "-c", script], PYTHONPATH=str(ROOT), KERAS_BACKEND="numpy")
    assert printed.startswith("Keras runs on numpy here, but fit needs TensorFlow or JAX. Set the environment")


# Packages that are missing ------------------------------------------------------------------

MISSING = """
import numpy as np
import sklip
from sklip.served import Center, Dense, ServedNetwork
from sklip.interop import to_keras

network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
X, y = np.eye(2), [0, 1]
for use in (
    lambda: sklip.HKRClassifier(backend="keras").fit(X, y),
    lambda: sklip.LipschitzMLP(backend="keras").partial_fit(X, y, classes=y),
    lambda: sklip.WassersteinEstimator(backend="keras").fit(X, y),
    lambda: __import__("sklip.layers"),
    lambda: __import__("sklip.losses"),
    lambda: __import__("sklip.manifold"),
    lambda: to_keras(network),
    lambda: sklip.from_keras(network),
):
    try:
        use()
        print("worked")
    except ImportError as error:
        print(error.name, error)
    except TypeError as error:
        print(error)
served = sklip.NetworkClassifier(network=network, classes=y).serve()
print(sklip.certified_radius(served, X).shape, sklip.audit(served, X, verbose=False).broken.any())
"""


@pytest.mark.slow
@pytest.mark.parametrize("packages", [("tensorflow", "jax"), ("keras",)])
def test_a_missing_package_is_named_with_what_to_do(packages):
    *uses, served = run_script(WITHOUT + MISSING, *packages).splitlines()
    sentence = (
        f"{packages[0]} to_keras, from_keras, sklip.layers, sklip.losses, sklip.manifold and fit with backend='keras' "
        f"need {packages[0]}, which is not installed: run pip install 'scikit-lipschitz[tensorflow]' or "
        "'scikit-lipschitz[jax]'."
    )
    assert uses == [sentence] * 8
    assert served == "(2,) False"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_backend_that_is_not_installed_is_named(backend):
    script = WITHOUT + "try:\n    import sklip.layers\nexcept ImportError as error:\n    print(error)"
    printed = run_command([sys.executable, "-c", script, backend], PYTHONPATH=str(ROOT), KERAS_BACKEND=backend)
    assert printed.strip() == (
        f"The environment variable KERAS_BACKEND makes Keras run on {backend}, which is not installed. Set it to "
        "tensorflow or jax, on which sklip trains, and run pip install 'scikit-lipschitz[tensorflow]' or "
        "'scikit-lipschitz[jax]'; or train with backend='numpy', which needs no Keras."
    )


ALL_OF_KERAS = """
import pickle
import numpy as np
import sklip
from tests.estimator_fixtures import blobs, classifier, mlp, moons

for make, data in ((classifier, moons), (mlp, blobs)):
    X, y = data()
    model = make(verbose=1, early_stopping=True, epsilon=0.1, monitor="certified_accuracy").fit(X, y)
    model.set_params(early_stopping=False).partial_fit(X, y)
    scores = pickle.loads(pickle.dumps(model)).decision_function(X)
    network = model.to_keras()
    assert np.allclose(np.reshape(network(X), scores.shape), scores, atol=1e-5)
    assert np.allclose(sklip.from_keras(network).decision_function(X), scores, atol=1e-5)
sklip.WassersteinEstimator(hidden_layer_sizes=(4,), epochs=1).fit(*moons())
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "absent"),
    [("jax", ("tensorflow", "scikeras", "tqdm")), ("tensorflow", ("jax", "scikeras", "tqdm"))],
)
def test_one_backend_is_enough(backend, absent):
    pytest.importorskip(backend)
    command = [sys.executable, "-c", WITHOUT + ALL_OF_KERAS, *absent]
    modules = run_command(command, PYTHONPATH=str(ROOT), KERAS_BACKEND=backend).split()
    assert {"keras", backend} <= set(modules) and not set(absent) & set(modules)


@pytest.mark.slow
def test_a_classifier_of_scikeras_is_certified_by_its_model():
    wrappers = pytest.importorskip("scikeras.wrappers")
    from sklip.layers import FrobeniusDense, SpectralDense

    X, y = moons()

    def network():
        hidden = SpectralDense(8, activation="groupsort2"), FrobeniusDense(1)
        return keras.Sequential([keras.Input((2,)), *hidden])

    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    theirs = wrappers.KerasClassifier(network, loss=loss, epochs=2, verbose=0, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciKeras' own, of scikit-learn's and TensorFlow's newer versions
        theirs.fit(X, y)
    certified = sklip.from_keras(theirs.model_)
    np.testing.assert_allclose(certified.decision_function(X), np.ravel(theirs.model_(X)), atol=1e-5)
    assert certified.lipschitz_bound_ == pytest.approx(1, abs=1e-4) and (certified.certified_radius(X) > 0).all()


def test_other_missing_packages_are_left_alone():
    from sklip._requirements import training_packages

    with pytest.raises(ModuleNotFoundError, match=r"^No module named .nowhere.$"), training_packages():
        import nowhere  # noqa: F401
