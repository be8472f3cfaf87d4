"""The parameter ``matmul_precision``: in force while a network trains, and restored afterwards."""

import pickle

import keras
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import sklip
from sklip import HKRClassifier, LipschitzMLP, WassersteinEstimator
from sklip.training import reuse
from sklip.training.precision import products_in
from tests.device_contracts import weights_of
from tests.estimator_fixtures import bits, blobs, classifier, mlp, moons

tf = pytest.importorskip("tensorflow")


def allowed():
    """Whether TensorFlow may multiply in TF32."""
    return tf.config.experimental.tensor_float_32_execution_enabled()


@pytest.fixture(autouse=True)
def tf32_allowed():
    before = allowed()
    tf.config.experimental.enable_tensor_float_32_execution(True)
    yield
    assert allowed()
    tf.config.experimental.enable_tensor_float_32_execution(before)


class Watch(keras.callbacks.Callback):
    """Notes what is allowed at the end of each epoch."""

    def __init__(self, fails=False):
        super().__init__()
        self.fails, self.seen = fails, []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(allowed())
        if self.fails:
            raise OSError("a full disk")


def transport(**parameters):
    return WassersteinEstimator(hidden_layer_sizes=(4,), random_state=0, **parameters)


@pytest.mark.parametrize(("make", "data"), [(classifier, moons), (mlp, blobs), (transport, moons)])
def test_it_is_in_force_during_a_fit_and_no_longer(make, data):
    for precision, expected in (("float32", False), ("tensorfloat32", True)):
        watch = Watch()
        make(callbacks=[watch], matmul_precision=precision, epochs=2).fit(*data())
        assert watch.seen == [expected] * 2 and allowed()


def test_it_is_in_force_during_partial_fit():
    watch = Watch()
    classifier(callbacks=[watch], matmul_precision="float32").partial_fit(*moons(), classes=[0, 1])
    assert watch.seen == [False]


def test_it_is_restored_after_a_fit_that_fails():
    watch = Watch(fails=True)
    with pytest.raises(OSError, match="a full disk"):
        classifier(callbacks=[watch], matmul_precision="float32").fit(*moons())
    assert watch.seen == [False] and allowed()


def test_contexts_that_overlap_restore_it_in_the_end():
    first, second = products_in("float32"), products_in("float32")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not allowed()
    second.__exit__(None, None, None)
    assert allowed()


def test_a_user_who_forbids_tf32_gets_none():
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        for precision in ("tensorfloat32", "float32"):
            watch = Watch()
            classifier(callbacks=[watch], matmul_precision=precision, epochs=1).fit(*moons())
            assert watch.seen == [False] and not allowed()
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(True)


def test_bits_on_a_cpu_are_the_same_and_compiled_networks_are_not_shared():
    sklip.clear_compiled_networks()
    one, other = (classifier(matmul_precision=each).fit(*moons()) for each in ("tensorfloat32", "float32"))
    assert bits(weights_of(one)) == bits(weights_of(other)) and one.history_ == other.history_
    assert len(reuse.kept()) == 2


def test_numpy_always_multiplies_in_float32():
    one, other = (
        classifier(matmul_precision=each, backend="numpy").fit(*moons()) for each in ("tensorfloat32", "float32")
    )
    assert bits(weights_of(one)) == bits(weights_of(other))


@pytest.mark.parametrize("kind", [HKRClassifier, LipschitzMLP, WassersteinEstimator])
@pytest.mark.parametrize("value", ["bfloat16", "TF32", None, 32])
def test_other_values_are_refused(kind, value):
    with pytest.raises(ValueError, match=f"The 'matmul_precision' parameter of {kind.__name__} must be a str among"):
        kind(matmul_precision=value).fit(*moons())


@pytest.mark.parametrize("kind", [HKRClassifier, LipschitzMLP, WassersteinEstimator])
def test_clones_and_pickles_have_both_parameters(kind):
    model = kind(matmul_precision="float32", n_devices=2)
    for copied in (clone(model), pickle.loads(pickle.dumps(model))):
        assert (copied.matmul_precision, copied.n_devices) == ("float32", 2)
    assert (kind().matmul_precision, kind().n_devices) == ("tensorfloat32", 1)


def test_a_search_may_vary_it():
    grid = {"matmul_precision": ["float32", "tensorfloat32"]}
    search = GridSearchCV(classifier(epochs=1), grid, cv=2, error_score="raise").fit(*moons())
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == scores[1] and search.best_estimator_.matmul_precision == "float32"
