"""The networks of ``model=``: recipes, functions that build one, what is refused, and how they train."""

import gc
import pickle
import random
from functools import cache

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import estimator_html_repr

import sklip
from sklip import HKRClassifier, LipschitzMLP, NotLipschitzError
from sklip.architectures import MLP, ConvNet, ResidualConvNet
from sklip.layers import FrobeniusDense, Orthonormal, SpectralConv2D, SpectralDense
from sklip.layers.constrained import all_layers
from sklip.training import reuse
from sklip.training.architecture import build_network, constrained_layers, heads_of
from sklip.training.saving import SavedAsItIs
from sklip.training.task import Architecture
from tests.estimator_fixtures import classifier as dense_classifier
from tests.estimator_fixtures import moons
from tests.image_fixtures import SHAPE, convolutional, flat, images, net
from tests.processes import COMPILED_SOONER, run_script

RECIPES = [MLP(hidden_layer_sizes=(8, 4)), net(), ResidualConvNet(width=18, depth=2)]
EACH = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: type(recipe).__name__)


@cache
def fitted(recipe):
    """A fitted classifier with the network of a recipe."""
    return convolutional(model=recipe).fit(*images())


def same(first, second):
    np.testing.assert_array_equal(np.asarray(first), np.asarray(second))


# Recipes ---------------------------------------------------------------------------------------


def test_the_package_imports_no_keras():
    script = "import sys, sklip.architectures as a; a.ConvNet(filters=4); print('keras' in sys.modules)"
    assert run_script(script).split() == ["False"]


@EACH
def test_recipes_follow_the_rules_of_scikit_learn(recipe):
    copied = clone(recipe)
    assert copied is not recipe
    assert copied.get_params() == recipe.get_params()
    assert repr(copied) == repr(recipe)
    assert type(recipe).__name__ in estimator_html_repr(LipschitzMLP(model=recipe))
    with pytest.raises(ValueError, match="Invalid parameter"):
        recipe.set_params(colour="red")
    with pytest.raises(TypeError):
        type(recipe)(8)


@EACH
def test_a_recipe_builds_a_new_model_of_the_given_shape(recipe):
    for n_scores in (1, 4):
        model = recipe.build(SHAPE, n_scores)
        assert model.input_shape == (None, *SHAPE)
        assert model.output_shape == (None, n_scores)
    assert recipe.build(SHAPE, 1) is not recipe.build(SHAPE, 1)


@EACH
def test_all_names_are_fixed_and_all_layers_compute_in_float32(recipe):
    names = [[layer.name for layer in all_layers(recipe.build(SHAPE, 2))] for _ in range(2)]
    assert names[0] == names[1]
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = recipe.build(SHAPE, 2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert {layer.compute_dtype for layer in all_layers(model)} == {"float32"}


@EACH
def test_classifiers_with_a_recipe_are_one_lipschitz(recipe):
    (X, y), classifier = images(), fitted(recipe)
    assert classifier.lipschitz_bound_ <= 1 + 1e-8
    assert classifier.score(X, y) > 0.5
    rng = np.random.default_rng(0)
    moved = X + rng.standard_normal(X.shape)
    change = np.abs(classifier.decision_function(moved) - classifier.decision_function(X)).max(axis=1)
    assert (change <= np.linalg.norm(flat(moved - X), axis=1) * (1 + 1e-8)).all()


SERVE = """
import pickle, sys
models, X = pickle.load(open(sys.argv[1], "rb"))
for model in models:
    print(model.predict(X).tolist())
print("keras" in sys.modules)
"""


def test_pickles_serve_without_keras(tmp_path):
    X, classifiers = images()[0][:30], [fitted(recipe) for recipe in RECIPES]
    (tmp_path / "model").write_bytes(pickle.dumps((classifiers, X)))
    printed = run_script(SERVE, tmp_path / "model").splitlines()
    assert printed == [*(str(classifier.predict(X).tolist()) for classifier in classifiers), "False"]


@EACH
def test_skops_trusts_recipes(recipe):
    skops = pytest.importorskip("skops.io")
    loaded = skops.loads(skops.dumps(LipschitzMLP(model=recipe)), trusted=sklip.TRUSTED_TYPES)
    assert loaded.model.get_params() == recipe.get_params()


WRONG = {
    "activation": (MLP(activation="gelu"), "'activation' parameter"),
    "widths": (MLP(hidden_layer_sizes=(8, 0)), "'hidden_layer_sizes' parameter must hold positive integers"),
    "odd width": (MLP(hidden_layer_sizes=7), "'hidden_layer_sizes' parameter holds 7"),
    "dropout": (MLP(dropout=1.0), "'dropout' parameter"),
    "filters": (ConvNet(filters=(4, -4)), "'filters' parameter must hold positive integers, one per convolution"),
    "odd filters": (ConvNet(filters=5), "'filters' parameter holds 5"),
    "pooling": (ConvNet(pooling="mean"), "'pooling' parameter must be one of 'downsampling', 'l2', 'average'"),
    "padding": (ConvNet(padding="zero"), "'padding' parameter must be one of"),
    "window": (ConvNet(kernel_size=0), "'kernel_size' parameter must be an integer of at least 1"),
    "pool size": (ConvNet(pool_size=2.5), "'pool_size' parameter must be an integer"),
    "width": (ResidualConvNet(width=0), "'width' parameter"),
    "depth": (ResidualConvNet(depth=-1), "'depth' parameter"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_parameters_are_named(name):
    recipe, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        convolutional(model=recipe).fit(*images())


@pytest.mark.parametrize("pooling", ["l2", "average", "max", "downsampling", None])
@pytest.mark.parametrize("padding", ["same", "valid", "circular"])
def test_poolings_and_paddings(pooling, padding):
    model = net(pooling=pooling, padding=padding).build((10, 8, 3), 2)
    build_network(Architecture((10, 8, 3), 2, lambda *_: model), SavedAsItIs)
    assert model.output_shape == (None, 2)


# The default -----------------------------------------------------------------------------------


def test_the_default_is_the_mlp_of_the_other_parameters():
    X, y = moons()
    default = dense_classifier(hidden_layer_sizes=(8, 4), activation="maxmin", dropout=0.2).fit(X, y)
    of_recipe = dense_classifier(model=MLP(hidden_layer_sizes=(8, 4), activation="maxmin", dropout=0.2)).fit(X, y)
    same(default.decision_function(X), of_recipe.decision_function(X))


def test_a_model_makes_the_parameters_of_the_default_irrelevant():
    X, y = moons()
    recipe = MLP(hidden_layer_sizes=(4,))
    first = dense_classifier(model=recipe).fit(X, y)
    second = dense_classifier(model=recipe, hidden_layer_sizes=(7,), activation="unknown", dropout=0.5).fit(X, y)
    same(first.decision_function(X), second.decision_function(X))


# Functions -------------------------------------------------------------------------------------


def sequential(input_shape, n_scores):
    """A network of a convolution, with dropout."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(input_shape),
            SpectralConv2D(4, 3, activation="groupsort2"),
            layers.Flatten(),
            layers.Dropout(0.2),
            FrobeniusDense(n_scores),
        ]
    )


def without_input(input_shape, n_scores):
    """A Sequential model that is not built."""
    return keras.Sequential([keras.layers.Flatten(), SpectralDense(4), FrobeniusDense(n_scores)])


def nested(input_shape, n_scores):
    """A functional model that ends with a Sequential one."""
    pixels = keras.Input(input_shape)
    values = keras.layers.Flatten()(SpectralConv2D(4, 3, activation="groupsort2")(pixels))
    head = keras.Sequential([keras.Input((256,)), SpectralDense(8), FrobeniusDense(n_scores)])
    return keras.Model(pixels, head(values))


class Overriding(keras.Sequential):
    """A model that computes something else than its layers."""

    def call(self, inputs, training=None, mask=None):
        """Compute something else."""
        return 2.0 * super().call(inputs, training=training)


def overriding(input_shape, n_scores):
    """A model of the class above."""
    return Overriding([keras.Input(input_shape), keras.layers.Flatten(), FrobeniusDense(n_scores)])


@pytest.mark.parametrize("build", [sequential, without_input, nested])
def test_functions_build_networks(build):
    X, y = images()
    classifier = convolutional(model=build, epsilon=0.5).fit(X, y)
    assert classifier.lipschitz_bound_ <= 1 + 1e-8
    assert classifier.score(X, y) > 0.5
    again = clone(classifier).fit(X, y)
    same(classifier.decision_function(X), again.decision_function(X))
    same(pickle.loads(pickle.dumps(classifier)).predict(X), classifier.predict(X))


def unseeded(input_shape, n_scores):
    """A model whose initializers have no seed, with a frozen layer."""
    pixels = keras.Input(input_shape)
    frozen = keras.layers.Conv2D(3, 1, kernel_initializer="he_normal", trainable=False)
    values = keras.layers.Flatten()(frozen(keras.layers.Rescaling(0.1)(pixels)))
    first = SpectralDense(8, kernel_initializer="he_normal", bias_initializer="random_normal")
    return keras.Model(pixels, FrobeniusDense(n_scores)(first(values)))


def test_random_state_fixes_initializers_without_a_seed():
    X, y = images()
    first, second = (convolutional(model=unseeded, epochs=1, random_state=3).fit(X, y) for _ in range(2))
    same(first.decision_function(X), second.decision_function(X))
    other = convolutional(model=unseeded, epochs=1, random_state=4).fit(X, y)
    assert not np.array_equal(first.decision_function(X), other.decision_function(X))


def test_building_leaves_the_random_numbers_of_others_alone():
    random.seed(7)
    network_of(unseeded)
    assert random.random() == random.Random(7).random()


def test_functions_of_tables_get_the_number_of_features():
    shapes = []

    def build(input_shape, n_scores):
        shapes.append((input_shape, n_scores))
        return keras.Sequential([keras.Input(input_shape), FrobeniusDense(n_scores)])

    dense_classifier(model=build, epochs=1).fit(*moons())
    assert shapes == [((2,), 1)]


def test_the_network_trains_what_it_serves():
    X, y = images()
    seen = []
    note = keras.callbacks.LambdaCallback(on_train_end=lambda logs: seen.append(note.model.predict(units, verbose=0)))
    offsets = flat(X) - flat(X).mean(axis=0)
    units = (offsets / np.sqrt(np.mean(np.sum(offsets**2, axis=1)))).astype(np.float32)
    classifier = convolutional(model=nested, callbacks=[note]).fit(X, y)
    np.testing.assert_allclose(seen[0] * classifier.scale_, classifier.decision_function(X), atol=1e-3)


# Refusals --------------------------------------------------------------------------------------


def _of(*layers):
    return lambda shape, n: keras.Sequential([keras.Input(shape), *[layer(n) for layer in layers]])


def _flatten(n):
    return keras.layers.Flatten()


REFUSED = {
    "dense": (_of(_flatten, lambda n: keras.layers.Dense(8, name="free"), FrobeniusDense), "'free'"),
    "convolution": (_of(lambda n: keras.layers.Conv2D(4, 3, name="free"), _flatten, FrobeniusDense), "'free'"),
    "columns": (_of(_flatten, lambda n: FrobeniusDense(8, name="columns"), FrobeniusDense), "'columns'"),
    "factor": (_of(_flatten, lambda n: keras.layers.Rescaling(2.0, name="twice"), FrobeniusDense), "'twice'"),
    "unknown": (_of(_flatten, lambda n: keras.layers.LayerNormalization(name="norm"), FrobeniusDense), "'norm'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_lipschitz_is_refused_before_training(name, monkeypatch):
    build, message = REFUSED[name]
    monkeypatch.setattr(keras.Model, "compile", lambda *_, **__: pytest.fail("it is trained"))
    classifier = convolutional(model=build)
    with pytest.raises(NotLipschitzError, match=message):
        classifier.fit(*images())
    assert not hasattr(classifier, "network_")


class Subclass(keras.Model):
    """A model without a graph."""

    def call(self, inputs):
        """Return the inputs."""
        return inputs


UNUSABLE = {
    "no model": (lambda shape, n: "network", TypeError, "must build a keras.Model; it built a str"),
    "other scores": (_of(_flatten, lambda n: FrobeniusDense(n + 1)), ValueError, r"output has the shape \(4,\)"),
    "other inputs": (lambda shape, n: _of(FrobeniusDense)((64,), n), ValueError, r"input has the shape \(64,\)"),
    "no graph": (lambda shape, n: Subclass(), ValueError, "built a Subclass that sklip cannot read"),
    "another call": (overriding, ValueError, "built a Overriding, which overrides call"),
    "half precision": (
        _of(_flatten, lambda n: FrobeniusDense(n, dtype="float16")), ValueError, "output is of type float16",
    ),
    "a class": (ConvNet, TypeError, r"must be an object, not a class: give ConvNet\(...\)"),
    "a model": (sequential(SHAPE, 3), TypeError, "is a Keras Sequential, which all fits would train"),
    "a number": (5, TypeError, "cannot build a network; got 5"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_models_are_refused(name):
    model, error, message = UNUSABLE[name]
    with pytest.raises(error, match=message):
        convolutional(model=model).fit(*images())


def test_the_last_layer_must_make_the_scores():
    ends_with_activation = _of(_flatten, lambda n: FrobeniusDense(n, activation="relu", name="heads"))
    with pytest.raises(ValueError, match="'heads'"):
        convolutional(model=ends_with_activation).fit(*images())


# Networks --------------------------------------------------------------------------------------


def network_of(model, n_scores=3, augmentation=None):
    return build_network(Architecture(SHAPE, n_scores, model, augmentation), SavedAsItIs)


@pytest.mark.parametrize("model", [net(), nested])
def test_the_heads_are_the_layer_of_the_outputs(model):
    heads = heads_of(network_of(model))
    assert type(heads) is FrobeniusDense
    assert heads.units == 3


def test_constrained_kernels_get_short_steps():
    kernels = [kernel for layer in constrained_layers(network_of(net())) for kernel in layer.constrained_kernels]
    steps = [kernel.constraint.iterate for kernel in kernels if isinstance(kernel.constraint, Orthonormal)]
    assert steps == [False, False, False]  # the two kernels of the convolution, and the dense one


@pytest.mark.usefixtures("no_compiled_networks")
def test_classifiers_of_one_recipe_share_a_compiled_network():
    X, y = images()
    first = convolutional().fit(X, y)
    assert len(reuse.kept()) == 1
    again = convolutional(model=net()).fit(X, y)
    assert len(reuse.kept()) == 1
    same(first.decision_function(X), again.decision_function(X))
    convolutional(model=net(pooling="max")).fit(X, y)
    assert len(reuse.kept()) == 2
    convolutional(model=sequential).fit(X, y)
    assert len(reuse.kept()) == 2


def from_identity(input_shape, n_scores):
    """A network with an explicit initializer."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            SpectralConv2D(9, 3, padding="circular", kernel_initializer="identity", activation="abs"),
            keras.layers.Flatten(),
            FrobeniusDense(n_scores),
        ]
    )


def test_explicit_initializers_are_kept():
    seen = []
    note = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: seen.append(note.model.get_weights()))
    convolutional(model=from_identity, callbacks=[note], epochs=1).fit(*images())
    convolution = next(layer for layer in all_layers(network_of(from_identity)) if isinstance(layer, SpectralConv2D))
    shapes = [tuple(kernel.shape) for kernel in convolution.constrained_kernels]
    found = [weight for weight in seen[0] if weight.shape in shapes]
    for weight, shape in zip(found, shapes, strict=True):
        np.testing.assert_allclose(weight, np.eye(*shape), atol=1e-6)


def test_weights_of_another_model_are_refused():
    X, y = images()
    classifier = convolutional(warm_start=True).fit(X, y)
    before = classifier.predict(X)
    for change in ({"model": net(filters=8)}, {"model": MLP(hidden_layer_sizes=4)}):
        classifier.set_params(**change)
        with pytest.raises(ValueError, match="need the model of the last fit: it trained weights of the shapes"):
            classifier.fit(X, y)
        with pytest.raises(ValueError, match="need the model of the last fit"):
            classifier.partial_fit(X, y)
    classifier.set_params(model=None)
    with pytest.raises(ValueError, match="hidden_layer_sizes and activation of the last fit"):
        classifier.partial_fit(X, y)
    same(classifier.predict(X), before)


def test_training_goes_on_from_the_weights_of_the_last_fit():
    X, y = images()
    classifier = convolutional(epochs=3).fit(X, y)
    best = classifier.history_["loss"][-1]
    classifier.set_params(warm_start=True, epochs=1, learning_rate=1e-6).fit(X, y)
    assert classifier.history_["loss"][0] < 1.5 * best


def test_dropout_depends_on_the_seed_alone():
    X, y = images()
    recipe = MLP(hidden_layer_sizes=8, dropout=0.5)
    fits = [convolutional(model=recipe, random_state=seed).fit(X, y).decision_function(X) for seed in (0, 0, 1)]
    same(fits[0], fits[1])
    assert not np.array_equal(fits[0], fits[2])


# Held-out images -------------------------------------------------------------------------------


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_held_out_images_are_measured_in_parts(monkeypatch, jit_compile):
    from sklip.training.epochs import parts

    X, y = images()
    settings = {"X_val": X[:100], "y_val": y[:100]}
    whole = convolutional(model=sequential, epsilon=0.3, jit_compile=jit_compile).fit(X, y, **settings)
    monkeypatch.setattr(parts, "MEASURED_BYTES", 4 * 256 * 32)  # 32 images of 8 × 8 × 4 values
    in_parts = convolutional(model=sequential, epsilon=0.3, jit_compile=jit_compile).fit(X, y, **settings)
    for name, values in whole.history_.items():
        np.testing.assert_allclose(in_parts.history_[name], values, rtol=1e-4, atol=1e-4, err_msg=name)


def test_networks_on_vectors_are_measured_at_once():
    from sklip.training.epochs.parts import rows_at_a_time

    network = build_network(Architecture((5,), 1, MLP(hidden_layer_sizes=4)), SavedAsItIs)
    assert rows_at_a_time(network) is None
    assert rows_at_a_time(network_of(net())) > 1000


# Augmentation ----------------------------------------------------------------------------------


def shifts():
    return keras.layers.RandomTranslation(0.2, 0.2, fill_mode="constant")


def on_images(**parameters):
    """A classifier of images with a dense network, which TensorFlow compiles sooner than a convolution."""
    return convolutional(model=MLP(hidden_layer_sizes=4), **parameters)


@pytest.fixture(scope="module")
def augmented():
    """A classifier with augmentation, fitted, and its images and labels."""
    X, y = images()
    return on_images(augmentation=shifts()).fit(X, y, X_val=X, y_val=y), X, y


def test_augmentation_changes_training_alone(augmented):
    classifier, X, y = augmented
    assert not np.array_equal(classifier.decision_function(X), on_images().fit(X, y).decision_function(X))
    assert classifier.history_["val_accuracy"][-1] == pytest.approx(classifier.score(X, y))
    assert classifier.history_["val_loss"][-1] == pytest.approx(classifier.loss_terms(X, y)["loss"], rel=1e-4)


def test_augmentation_depends_on_the_seed_alone(augmented):
    classifier, X, y = augmented
    again = clone(classifier).fit(X, y, X_val=X, y_val=y)
    same(classifier.decision_function(X), again.decision_function(X))
    assert classifier.history_ == again.history_
    other = clone(classifier).set_params(random_state=1).fit(X, y)
    assert not np.array_equal(other.decision_function(X), classifier.decision_function(X))


def test_augmentation_gets_the_units_of_the_data():
    seen = []

    @keras.saving.register_keras_serializable(package="tests")
    class Watching(keras.layers.Layer):
        def call(self, inputs, training=None):
            import tensorflow as tf

            tf.py_function(lambda batch: seen.append(batch.numpy()), [inputs], [])
            return inputs

        def compute_output_shape(self, input_shape):
            return input_shape

    X, y = images()
    watched = on_images(augmentation=Watching(), epochs=1).fit(X + 1000.0, y)
    assert all(batch.shape[1:] == SHAPE for batch in seen)
    values = np.concatenate([batch.ravel() for batch in seen])
    assert 999.99 < values.min() < 1000.01 < 1015.99 < values.max() < 1016.01
    plain = on_images(epochs=1).fit(X + 1000.0, y)
    np.testing.assert_allclose(
        watched.decision_function(X + 1000.0), plain.decision_function(X + 1000.0), atol=0.02 * plain.scale_
    )


def test_augmentation_can_be_a_sequence_and_can_be_pickled(augmented):
    classifier, X, y = augmented
    both = keras.Sequential([shifts(), keras.layers.RandomFlip("horizontal")])
    sequence = on_images(augmentation=both, epochs=1).fit(X, y)
    assert isinstance(pickle.loads(pickle.dumps(sequence)).augmentation, keras.Sequential)
    loaded = pickle.loads(pickle.dumps(classifier))
    same(loaded.predict(X), classifier.predict(X))
    same(clone(loaded).fit(X, y, X_val=X, y_val=y).predict(X), classifier.predict(X))


def test_training_goes_on_with_another_augmentation(augmented):
    classifier, X, y = augmented
    further = pickle.loads(pickle.dumps(classifier)).partial_fit(X, y)
    assert further.set_params(augmentation=None).partial_fit(X, y).n_iter_ == 4


@pytest.mark.usefixtures("no_compiled_networks")
def test_layers_with_augmentation_are_not_kept_and_that_of_the_user_stays_as_it_is():
    layer = shifts()
    on_images(augmentation=layer, epochs=1).fit(*images())
    assert not reuse.kept()
    assert not layer.built
    gc.collect()
    assert not any(isinstance(one, keras.Model) for one in gc.get_referrers(layer))


def test_callbacks_save_the_network_without_augmentation(tmp_path):
    X, y = images()
    path = str(tmp_path / "best.keras")
    save = keras.callbacks.ModelCheckpoint(path, monitor="loss", save_freq="epoch")
    classifier = on_images(augmentation=shifts(), callbacks=[save]).fit(X, y)
    loaded = keras.saving.load_model(path)
    assert not any("augmentation" in layer.name for layer in loaded.layers)
    assert loaded.output_shape == (None, 3)
    assert classifier.augmentation is not None


@pytest.mark.parametrize(
    ("augmentation", "error", "message"),
    [
        (keras.layers.RandomFlip, TypeError, "must be a preprocessing layer of Keras"),
        ("flip", TypeError, "must be a preprocessing layer of Keras"),
        (keras.layers.RandomCrop(4, 4), ValueError, r"turns images of shape \(8, 8, 1\) into \(4, 4, 1\)"),
    ],
)
def test_wrong_augmentation(augmentation, error, message):
    with pytest.raises(error, match=message):
        on_images(augmentation=augmentation).fit(*images())


def test_augmentation_needs_images():
    X, y = images()
    with pytest.raises(ValueError, match="'augmentation' parameter changes images, but X has rows of 64 values"):
        LipschitzMLP(hidden_layer_sizes=4, augmentation=shifts()).fit(flat(X), y)
    of_table = LipschitzMLP(hidden_layer_sizes=4, augmentation=shifts(), input_shape=SHAPE, epochs=1, random_state=0)
    assert of_table.fit(flat(X), y).network_.input_shape == SHAPE


def test_xla_is_chosen_for_dense_networks_without_augmentation():
    from sklip.training.compilation import _gains

    assert _gains(Architecture((5,), 1, MLP()))
    assert _gains(Architecture(SHAPE, 1, MLP()))
    assert _gains(Architecture((5,), 1, sequential))
    assert not _gains(Architecture(SHAPE, 1, net()))
    assert not _gains(Architecture(SHAPE, 1, MLP(), shifts()))


@pytest.mark.slow
def test_images_train_on_jax():
    script = """
import keras, numpy as np
from sklip.architectures import MLP
from tests.image_fixtures import convolutional, images, net
X, y = images()
shifts = keras.layers.RandomTranslation(0.1, 0.1, fill_mode="constant")
for changes in ({"model": net()}, {"model": MLP(hidden_layer_sizes=4), "augmentation": shifts}):
    model = convolutional(**changes, epochs=3).fit(X, y, X_val=X, y_val=y)
    again = convolutional(**changes, epochs=3).fit(X, y, X_val=X, y_val=y)
    same = bool((model.decision_function(X) == again.decision_function(X)).all())
    print(keras.backend.backend(), same, model.score(X, y) > 0.5, model.lipschitz_bound_ < 1 + 1e-8,
          abs(model.history_["val_accuracy"][-1] - model.score(X, y)) < 1e-6)
"""
    printed = run_script(script, environment={"KERAS_BACKEND": "jax", **COMPILED_SOONER})
    assert printed.splitlines()[-2:] == ["jax True True True True"] * 2


def test_hkr_trains_networks_on_images():
    X, y = images(2)
    classifier = convolutional(HKRClassifier).fit(X, y)
    assert classifier.score(X, y) > 0.8


def test_pairs_of_blocks_start_at_the_identity():
    model = ResidualConvNet(width=18, depth=2, activation="relu", padding="circular").build((6, 6, 18), 2)
    convolutions = [layer for layer in model.layers if layer.name.startswith("convolution")]
    for layer in convolutions:
        layer.draw(np.random.default_rng(0))
    images_before = np.random.default_rng(0).uniform(size=(2, 3, 3, 18)).astype(np.float32)
    np.testing.assert_allclose(convolutions[1](convolutions[0](images_before)), images_before, atol=1e-5)
    assert not np.allclose(convolutions[0](images_before), images_before)
    start = convolutions[1].kernel_initializer
    assert keras.initializers.deserialize(keras.initializers.serialize(start)).reverse is True
