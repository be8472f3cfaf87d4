"""Keras models of sklip's layers that come back as classifiers with certificates."""

import copy
import functools
import pickle
import warnings

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklip
from sklip import HKRClassifier, NetworkClassifier, NotLipschitzError, from_keras
from sklip.certification import lipschitz_bound
from sklip.layers import Center, FrobeniusDense, FullSort, GroupSort, MaxMin, SpectralDense, activation_layer
from sklip.served import activation as operation_of
from tests.estimator_fixtures import bits, fitted, fitted_mlp, moons
from tests.helpers import (
    ACTIVATIONS,
    as_array,
    biases_of,
    exact_scores,
    kernels_of,
    random_network,
    run_elsewhere,
    serving,
)
from tests.processes import run_script


def chain(*layers, width=4, dtype="float32"):
    """A Sequential model with biases that are not zero."""
    model = keras.Sequential([keras.Input((width,), dtype=dtype), *layers])
    rng = np.random.default_rng(5)
    for layer in model.layers:
        for variable in layer.trainable_variables:
            if variable.ndim == 1:
                variable.assign(rng.standard_normal(variable.shape))
    return model


def rows(width=4, n_rows=30):
    return np.random.default_rng(0).standard_normal((n_rows, width)).astype(np.float32)


def assert_same_scores(classifier, model, X):
    outputs = np.float64(as_array(model(X)))
    scores = classifier.network_.scores(np.float64(X))
    np.testing.assert_allclose(scores, outputs, rtol=1e-5, atol=1e-5 * np.abs(outputs).max())


# There and back ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("of", [fitted, fitted_mlp])
def test_to_keras_and_back(of, kind):
    model, X, _ = of(kind)
    back = from_keras(model.to_keras(), classes=model.classes_, temperature=getattr(model, "temperature_", None))
    assert bits(back.network_.center) == bits(model.network_.center)
    for here, there in zip(kernels_of(model.network_), kernels_of(back.network_), strict=True):
        assert bits(np.float64(np.float32(here))) == bits(there)
    for here, there in zip(biases_of(model.network_), biases_of(back.network_), strict=True):
        assert bits(np.float64(np.float32(here))) == bits(there)
    assert list(map(type, back.network_.operations)) == list(map(type, model.network_.operations))
    np.testing.assert_allclose(back.decision_function(X), model.decision_function(X), atol=1e-5 * model.scale_)
    np.testing.assert_allclose(back.certified_radius(X), model.certified_radius(X), atol=2e-5 * model.scale_)
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    assert abs(back.lipschitz_bound_ - 1) < 1e-5
    assert back.lipschitz_bound_ >= 1 - 1e-5
    assert back.score(X, model.predict(X)) == 1.0
    if of is fitted_mlp:
        np.testing.assert_allclose(back.predict_proba(X), model.predict_proba(X), atol=1e-4)
        np.testing.assert_allclose(back.predict_log_proba(X), np.log(back.predict_proba(X)), atol=1e-9)


ELSEWHERE = """
import sys
import keras, numpy as np
import sklip, sklip.layers
model = keras.models.load_model(sys.argv[1])
classifier = sklip.from_keras(model, classes=["no", "perhaps", "yes"], temperature=2.0)
X = np.load(sys.argv[2])
np.savez(sys.argv[3], classifier.decision_function(X), classifier.certified_radius(X), classifier.predict_proba(X))
"""


@pytest.mark.slow
def test_another_process_reads_the_same_bits(tmp_path):
    model, X = chain(Center(dtype="float64"), SpectralDense(8, "groupsort2"), FrobeniusDense(3)), rows()
    model.layers[0].set_weights([np.arange(4.0)])
    classifier = from_keras(model, classes=["no", "perhaps", "yes"], temperature=2.0)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "rows.npy", X)
    run_elsewhere(ELSEWHERE, tmp_path / "model.keras", tmp_path / "rows.npy", tmp_path / "served.npz")
    with np.load(tmp_path / "served.npz") as served:
        # Saving brings kernels to their manifold; those of fresh layers are there.
        for name, method in zip(served.files, ("decision_function", "certified_radius", "predict_proba"), strict=True):
            np.testing.assert_allclose(served[name], getattr(classifier, method)(X), rtol=0, atol=1e-6)


def test_pickled_and_cloned():
    classifier = from_keras(chain(SpectralDense(8, "maxmin"), FrobeniusDense(1)), classes=["b", "a"])
    X = rows()
    loaded = pickle.loads(pickle.dumps(classifier))
    assert bits(loaded.certified_radius(X)) == bits(classifier.certified_radius(X))
    again = clone(classifier)
    with pytest.raises(NotFittedError):
        again.predict(X)
    assert bits(again.fit(X, ["a"] * len(X)).decision_function(X)) == bits(classifier.decision_function(X))


# What is understood --------------------------------------------------------------------------


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "groupsort1"])
@pytest.mark.parametrize("apart", [False, True])
def test_activations(activation, apart):
    inner = [SpectralDense(8), activation_layer(activation)] if apart else [SpectralDense(8, activation)]
    model = chain(*inner, FrobeniusDense(3))
    classifier = from_keras(model)
    assert classifier.network_.operations[2] == operation_of(activation)
    assert_same_scores(classifier, model, rows())


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [keras.layers.Dense(1)],
        lambda: [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3, use_bias=False)],
        lambda: [SpectralDense(8), SpectralDense(6), FrobeniusDense(2)],
        lambda: [keras.layers.Dense(8, activation=keras.ops.abs), keras.layers.Dropout(0.5), FrobeniusDense(1)],
        lambda: [SpectralDense(8), keras.layers.Dropout(0.9), GroupSort(4), FrobeniusDense(3)],
        lambda: [keras.layers.GaussianNoise(0.9), SpectralDense(8, "groupsort4"), FrobeniusDense(3)],
        lambda: [SpectralDense(8, "relu"), MaxMin(), FrobeniusDense(1)],
        lambda: [MaxMin(), keras.layers.Rescaling(0.3), FrobeniusDense(3)],
        lambda: [SpectralDense(8), shifted(), GroupSort(2), keras.layers.Rescaling(2), FrobeniusDense(2)],
        lambda: [SpectralDense(8, FullSort()), SpectralDense(6, MaxMin()), FrobeniusDense(1, activation="linear")],
        lambda: [keras.Sequential([SpectralDense(8, "relu"), SpectralDense(6, "abs")]), FrobeniusDense(3)],
        lambda: [SpectralDense(8, keras.layers.ReLU()), keras.layers.Activation("linear"), FrobeniusDense(3)],
        lambda: [SpectralDense(8, "fullsort", dtype="float64"), keras.layers.Dense(3, dtype="bfloat16")],
    ],
)  # fmt: skip
def test_chains(layers):
    model = chain(*layers())
    classifier = from_keras(model)
    outputs = np.float64(as_array(keras.ops.cast(model(rows()), "float32")))
    exact = np.float64([exact_scores(from_keras_network(model), row) for row in rows()[:5]])
    tolerance = 0.02 if "bfloat16" in str([layer.dtype_policy for layer in model.layers]) else 1e-5
    np.testing.assert_allclose(exact, outputs[:5], atol=tolerance * max(1.0, np.abs(outputs).max()))
    assert is_classifier(classifier)
    assert len(classifier.classes_) == max(2, outputs.shape[1])


def shifted():
    """A Center in the midst of a model, not at 0."""
    layer = Center()
    layer.build((None, 8))
    layer.set_weights([np.linspace(-1.0, 1.0, 8)])
    return layer


def from_keras_network(model):
    """The network before its heads are put in the order of classes."""
    return from_keras(model).network


def test_functional_models_and_shared_layers():
    inputs = keras.Input((8,))
    shared = SpectralDense(8, "groupsort2")
    model = keras.Model(inputs, FrobeniusDense(3)(shared(shared(inputs))))
    classifier = from_keras(model)
    assert len(kernels_of(classifier.network_)) == 3
    assert_same_scores(classifier, model, rows(8))


def test_images_are_flattened_in_c_order():
    model = keras.Sequential(
        [keras.Input((3, 2, 2)), keras.layers.Flatten(), SpectralDense(8, "maxmin"), FrobeniusDense(2)]
    )
    classifier = from_keras(model)
    images = rows(12).reshape(-1, 3, 2, 2)
    outputs = as_array(model(images))
    scores = classifier.decision_function(images.reshape(len(images), 12))
    np.testing.assert_allclose(scores, outputs[:, 1] - outputs[:, 0], atol=1e-5)


def test_the_centre_keeps_its_bits():
    model = chain(Center(dtype="float64"), keras.layers.Dense(1), dtype="float64")
    center = np.array([1e9 + 1 / 3, -1e-9, np.pi, 0.0])
    model.layers[0].set_weights([center])
    assert bits(from_keras(model).network_.center) == bits(center)


def test_weights_of_float32_are_not_rounded():
    model = chain(SpectralDense(8, "groupsort2"), FrobeniusDense(3))
    network = from_keras(model).network_
    for layer, kernel, bias in zip(model.layers, kernels_of(network), biases_of(network), strict=True):
        np.testing.assert_array_equal(kernel, as_array(layer.kernel))
        np.testing.assert_array_equal(bias, as_array(layer.bias))
        assert kernel.dtype == bias.dtype == np.float64


# The certificate -----------------------------------------------------------------------------


@functools.cache
def loose(n_scores):
    """A model whose kernels are to be changed."""
    return chain(SpectralDense(8, "groupsort2"), keras.layers.Dense(6, "relu"), FrobeniusDense(n_scores))


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), n_scores=st.sampled_from([1, 2, 4]), factor=st.sampled_from([0.1, 1.0, 30.0]))
def test_the_certificate_is_of_the_weights_as_they_are(seed, n_scores, factor):
    rng = np.random.default_rng(seed)
    model = loose(n_scores)
    for layer in model.layers:  # nothing is orthonormal any more
        layer.kernel.assign(factor * rng.standard_normal(layer.kernel.shape))
    classifier = from_keras(model)
    product = np.prod([np.linalg.norm(np.float64(as_array(layer.kernel)), 2) for layer in model.layers[:-1]])
    heads = np.float64(as_array(model.layers[-1].kernel))
    heads = heads[:, [1]] - heads[:, [0]] if n_scores == 2 else heads
    expected = product * np.linalg.norm(heads, axis=0).max()
    assert expected * (1 - 1e-12) <= classifier.lipschitz_bound_ <= expected * (1 + 1e-6)

    X = rng.standard_normal((20, 4))
    radius = classifier.certified_radius(X)
    directions = rng.standard_normal((20, 4))
    moved = X + directions * (0.999999 * radius / np.linalg.norm(directions, axis=1))[:, None]
    np.testing.assert_array_equal(classifier.predict(moved), classifier.predict(X))
    _, distance = classifier.closest_adversarial(X)
    assert (distance >= radius).all()


def test_certified_in_raw_units_and_audited():
    X, y = moons()
    X = 1000 * X + 5000
    scaler = StandardScaler().fit(X)
    trained = HKRClassifier(hidden_layer_sizes=(16, 8), epochs=10, random_state=0).fit(scaler.transform(X), y)
    classifier = from_keras(trained.to_keras())
    pipeline = make_pipeline(scaler, classifier)
    radii = sklip.certified_radius(pipeline, X)
    assert np.median(radii) > 50
    np.testing.assert_allclose(radii, sklip.certified_radius(make_pipeline(scaler, trained), X), rtol=1e-3, atol=0.1)
    result = sklip.audit(pipeline, X[:40], y[:40], random_state=0)
    assert not result.broken.any()
    assert result.n_points > 1000
    assert classifier.kr_distance(scaler.transform(X), y) > 0
    assert classifier.gradient(scaler.transform(X)).shape == X.shape


# Classes -------------------------------------------------------------------------------------


def test_one_score_is_positive_for_the_second_class():
    model, X = chain(SpectralDense(8, "groupsort2"), FrobeniusDense(1)), rows()
    outputs = as_array(model(X))[:, 0]
    for classes in (["no", "yes"], ["yes", "no"]):
        classifier = from_keras(model, classes=classes)
        assert classifier.classes_.tolist() == ["no", "yes"]
        np.testing.assert_array_equal(classifier.predict(X), np.array(classes)[(outputs > 0).astype(int)])


@pytest.mark.parametrize("n_scores", [2, 3, 4])
def test_scores_are_in_the_order_of_the_classes(n_scores):
    model, X = chain(SpectralDense(8, "groupsort2"), FrobeniusDense(n_scores)), rows()
    outputs = as_array(model(X))
    classes = ["d", "a", "c", "b"][:n_scores]
    classifier = from_keras(model, classes=classes, temperature=1.0)
    assert classifier.classes_.tolist() == sorted(classes)
    np.testing.assert_array_equal(classifier.predict(X), np.array(classes)[outputs.argmax(axis=1)])
    probabilities = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.predict_proba(X), probabilities[:, np.argsort(classes)], atol=1e-5)


@pytest.mark.parametrize("classes", [["a"], ["a", "a", "b"], ["a", "b", "c", "d"], [["a", "b", "c"]]])
def test_classes_that_do_not_fit(classes):
    with pytest.raises(ValueError, match="must hold 3 different labels"):
        from_keras(chain(FrobeniusDense(3)), classes=classes)


def test_probabilities_need_a_temperature():
    model = chain(FrobeniusDense(1))
    assert not hasattr(from_keras(model), "predict_proba")
    assert hasattr(from_keras(model, temperature=1.0), "predict_log_proba")
    with pytest.raises(ValueError, match="'temperature'"):
        from_keras(model, temperature=-1.0)
    with pytest.raises(AttributeError, match="NetworkClassifier has no loss_terms: its network was trained elsewhere"):
        getattr(from_keras(model), "loss_terms")  # noqa: B009


# What is not ---------------------------------------------------------------------------------


class _Doubled(keras.layers.Dense):
    def call(self, inputs):
        return 2 * super().call(inputs)


@keras.saving.register_keras_serializable(package="tests")
class _OwnCall(keras.Model):
    def call(self, inputs, training=False):
        return 1.5 * super().call(inputs, training=training)


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        (lambda: [keras.layers.BatchNormalization(name="culprit"), FrobeniusDense(1)], "BatchNormalization"),
        (lambda: [SpectralDense(8, "tanh", name="culprit"), FrobeniusDense(1)], "tanh"),
        (lambda: [SpectralDense(8), keras.layers.LeakyReLU(name="culprit"), FrobeniusDense(1)], "LeakyReLU"),
        (lambda: [SpectralDense(8), keras.layers.ReLU(max_value=6, name="culprit"), FrobeniusDense(1)], "ReLU"),
        (lambda: [SpectralDense(8), keras.layers.ReLU(negative_slope=3, name="culprit"), FrobeniusDense(1)], "ReLU"),
        (lambda: [SpectralDense(8), keras.layers.ReLU(threshold=1, name="culprit"), FrobeniusDense(1)], "ReLU"),
        (lambda: [keras.layers.Rescaling(np.ones((2, 4)), name="culprit"), FrobeniusDense(1)], "(2, 4)"),
        (lambda: [_Doubled(3, name="culprit")], "_Doubled"),
        (lambda: [keras.layers.Dense(3, "softmax", name="culprit")], "temperature=1.0"),
        (lambda: [keras.layers.Dense(3), keras.layers.Softmax(name="culprit")], "temperature=1.0"),
        (lambda: [keras.layers.Dense(1, "sigmoid", name="culprit")], "temperature=1.0"),
        (lambda: [keras.layers.Lambda(lambda x: 3 * x, name="culprit"), FrobeniusDense(1)], "Lambda"),
        (lambda: [keras.layers.UnitNormalization(name="culprit"), FrobeniusDense(1)], "UnitNormalization"),
    ],
)  # fmt: skip
def test_layers_that_are_not_understood(layers, name):
    with pytest.raises(NotLipschitzError, match=r"'culprit'(.|\n)*") as caught:
        from_keras(chain(*layers()))
    assert name in str(caught.value)


def test_models_that_are_none():
    inputs = keras.Input((4,))
    with pytest.raises(ValueError, match="has 2 outputs"):
        from_keras(keras.Model(inputs, [FrobeniusDense(1)(inputs), FrobeniusDense(2)(inputs)]))
    with pytest.raises(NotLipschitzError, match="training=True"):
        from_keras(keras.Model(inputs, FrobeniusDense(1)(keras.layers.Dropout(0.5)(inputs, training=True))))
    with pytest.raises(ValueError, match="was not built"):
        from_keras(keras.Sequential([FrobeniusDense(1)]))
    with pytest.raises(ValueError, match="no dense layer"):
        from_keras(keras.Model(inputs, keras.layers.Dropout(0.5)(inputs)))
    with pytest.raises(ValueError, match=r"pass through GroupSort\(n=2\)"):
        from_keras(chain(SpectralDense(4, "groupsort2")))
    with pytest.raises(ValueError, match="are not those of its layers"):
        from_keras(_OwnCall(inputs, FrobeniusDense(1)(inputs)))
    with pytest.raises(TypeError, match="got HKRClassifier"):
        from_keras(HKRClassifier())
    with pytest.raises(ValueError, match="one vector per row"):
        from_keras(keras.Sequential([keras.Input((2, 4)), keras.layers.Dense(3)]))
    with pytest.raises(ValueError, match="all sizes but the first"):
        from_keras(keras.Sequential([keras.Input((None, 4)), keras.layers.GlobalAveragePooling1D(), FrobeniusDense(1)]))


@pytest.mark.parametrize(
    "layer",
    [
        FullSort,
        MaxMin,
        lambda: GroupSort(2),
        Center,
        lambda: keras.layers.Activation(FullSort()),
        lambda: SpectralDense(4, "groupsort2"),
        lambda: keras.layers.Dense(3, "relu"),
    ],
    ids=["FullSort", "MaxMin", "GroupSort", "Center", "Activation", "SpectralDense", "Dense"],
)
def test_layers_act_on_the_last_axis_of_images(layer):
    model = keras.Sequential([keras.Input((3, 2)), layer(), keras.layers.Flatten(), FrobeniusDense(3)])
    images = rows(6).reshape(-1, 3, 2)
    np.testing.assert_allclose(
        from_keras(model).decision_function(images.reshape(-1, 6)), as_array(model(images)), atol=1e-5
    )


def test_layers_that_act_on_each_value_take_any_shape():
    inner = [keras.layers.Rescaling(0.5, -1.0), keras.layers.ReLU(), keras.layers.Activation(keras.ops.abs)]
    model = keras.Sequential([keras.Input((3, 2)), *inner, keras.layers.Flatten(), FrobeniusDense(3)])
    images = rows(6).reshape(-1, 3, 2)
    np.testing.assert_allclose(
        from_keras(model).decision_function(images.reshape(-1, 6)), as_array(model(images)), atol=1e-5
    )


QUIETLY = """
import sys, warnings
import keras, numpy as np
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
import sklip, sklip.layers
warnings.simplefilter("error")
classifier = sklip.from_keras(model)
X = np.random.default_rng(0).standard_normal((5, 4)).astype("float32")
outputs = keras.ops.convert_to_numpy(model(X))[:, 0]
assert np.abs(classifier.decision_function(X) - outputs).max() < 1e-5
assert (classifier.certified_radius(X) >= 0).all()
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "numpy"])
def test_no_warning_whatever_the_backend(backend):
    if backend != keras.backend.backend():
        run_script(QUIETLY, environment={"KERAS_BACKEND": backend})
        return
    with warnings.catch_warnings():
        exec(QUIETLY, {})


def test_weights_that_are_not_numbers():
    model = chain(keras.layers.Dense(1))
    model.layers[0].kernel.assign(np.full((4, 1), np.nan))
    with pytest.raises(ValueError, match="not finite"):
        from_keras(model)
    model = chain(keras.layers.Dense(2))
    model.quantize("int8")
    with pytest.raises(NotLipschitzError, match="int8"):
        from_keras(model)


# The classifier ------------------------------------------------------------------------------


def test_a_network_at_the_end_of_a_pipeline():
    X, y = moons()
    network = random_network(np.random.default_rng(0), (2, 8, 1))
    model = make_pipeline(StandardScaler(), NetworkClassifier(network=network)).fit(X, y)
    assert bits(kernels_of(model[-1].network_)[0]) == bits(kernels_of(network)[0])
    assert model.predict(X).shape == y.shape
    assert cross_val_score(model, X, y, cv=2).shape == (2,)
    assert lipschitz_bound(network) == model[-1].lipschitz_bound_
    assert bits(model[-1].decision_function(X)) == bits(serving(network).decision_function(X))


@pytest.mark.parametrize(
    "classes", [("no", "yes"), pd.Series(["no", "yes"]), pa.array(["no", "yes"]), tf.constant([3, 5])]
)
def test_classes_come_in_any_container(classes):
    network = random_network(np.random.default_rng(0), (2, 8, 1))
    labels = NetworkClassifier(network=network, classes=classes).serve().classes_
    assert labels.tolist() == ([3, 5] if isinstance(classes, tf.Tensor) else ["no", "yes"])


@pytest.mark.parametrize(
    "classes, error, says",
    [
        (["no", 1], TypeError, "classes mixes labels of different types"),
        (["no", None], ValueError, "classes has missing labels .* in row 1"),
        ([[0, 1]], ValueError, "'classes' parameter must hold 2 different labels"),
    ],
)
def test_classes_that_are_no_labels_are_refused(classes, error, says):
    network = random_network(np.random.default_rng(0), (2, 8, 1))
    with pytest.raises(error, match=says):
        NetworkClassifier(network=network, classes=classes).serve()


def test_fit_refuses_what_does_not_fit():
    X, y = moons()
    classifier = NetworkClassifier(network=random_network(np.random.default_rng(0), (2, 8, 1)), classes=[0, 1])
    with pytest.raises(ValueError, match="has 3 features, but the network takes 2"):
        classifier.fit(np.ones((4, 3)), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="not among the classes"):
        classifier.fit(X, np.where(y == 0, 7, 1))
    with pytest.raises(ValueError, match="sample_weight"):
        classifier.fit(X, y, sample_weight=-np.ones(len(X)))
    assert not hasattr(classifier, "network_")
    with pytest.raises(ValueError, match="'network'"):
        NetworkClassifier(network=None).fit(X, y)
    before = copy.deepcopy(vars(classifier.fit(X, y)))
    assert classifier.fit(X, y) is classifier
    assert vars(classifier)["n_features_in_"] == before["n_features_in_"] == 2


def test_importing_sklip_imports_no_keras():
    run_script(
        "import sys, sklip; sklip.from_keras, sklip.load, sklip.TRUSTED_TYPES; assert 'keras' not in sys.modules"
    )
