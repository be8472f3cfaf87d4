"""Images as X: every method takes them, and says the same of them as of their flat rows."""

import copy
import pickle
import warnings

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklip
from sklip import HKRClassifier, LipschitzMLP, NetworkClassifier, WassersteinEstimator
from sklip.exceptions import ChannelsFirstWarning
from sklip.metrics import certified_accuracy
from sklip.rows import images as rows_of_images
from sklip.rows.on_disk import RowsOnDisk
from tests.image_fixtures import SHAPE, SMALL, convolutional, fitted, fitted_hkr, flat, images, net


def same(first, second):
    np.testing.assert_array_equal(np.asarray(first), np.asarray(second))


# The same answers for images and for flat rows -------------------------------------------------


@pytest.mark.parametrize("of", [fitted, fitted_hkr])
@pytest.mark.parametrize("method", ["predict", "decision_function", "certified_radius"])
def test_images_and_flat_rows_have_the_same_answers(of, method):
    classifier, X, _ = of()
    same(getattr(classifier, method)(X), getattr(classifier, method)(flat(X)))


def test_probabilities_and_terms_of_the_loss():
    classifier, X, y = fitted()
    same(classifier.predict_proba(X), classifier.predict_proba(flat(X)))
    same(classifier.predict_log_proba(X), classifier.predict_log_proba(flat(X)))
    same(classifier.kr_distance(X, y), classifier.kr_distance(flat(X), y))
    assert classifier.score(X, y) == classifier.score(flat(X), y)
    assert classifier.loss_terms(X, y)["loss"] == classifier.loss_terms(flat(X), y)["loss"]


def test_gradients_have_the_shape_of_images():
    for of, leading in ((fitted, (5, 3)), (fitted_hkr, (5,))):
        classifier, X, _ = of()
        gradient = classifier.gradient(X[:5])
        assert gradient.shape == (*leading, *SHAPE)
        same(gradient.reshape(*leading, -1), classifier.gradient(flat(X[:5])))


def test_closest_adversarials_have_the_shape_of_images():
    classifier, X, _ = fitted()
    adversarial, distance = classifier.closest_adversarial(X[:4])
    assert adversarial.shape == (4, *SHAPE)
    assert (classifier.predict(adversarial) != classifier.predict(X[:4])).all()
    assert (distance >= classifier.certified_radius(X[:4])).all()
    same(flat(adversarial), classifier.closest_adversarial(flat(X[:4]))[0])


def test_fit_reads_images_and_flat_rows_of_a_shape_alike():
    classifier, X, y = fitted()
    of_table = convolutional(input_shape=SHAPE).fit(flat(X), y)
    assert of_table.n_features_in_ == classifier.n_features_in_ == 64
    same(of_table.decision_function(X), classifier.decision_function(X))
    assert of_table.network_.input_shape == SHAPE


def test_held_out_images():
    X, y = images()
    of_images = convolutional().fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    of_rows = convolutional().fit(X[:100], y[:100], X_val=flat(X[100:]), y_val=y[100:])
    assert of_images.history_ == of_rows.history_
    convolutional(early_stopping=True, learning_rate_schedule="constant").fit(X, y)


def test_partial_fit_takes_images_and_flat_rows():
    X, y = images()
    first, second = (convolutional().partial_fit(X[:75], y[:75], classes=[0, 1, 2]) for _ in range(2))
    first.partial_fit(X[75:], y[75:])
    second.partial_fit(flat(X[75:]), y[75:])
    same(first.decision_function(X), second.decision_function(X))
    assert first.n_iter_ == 2


def test_warm_starts_take_images_and_flat_rows():
    X, y = images()
    classifier = convolutional(warm_start=True).fit(X, y)
    weights = classifier.network_.arrays
    classifier.set_params(epochs=1).fit(flat(X), y)
    assert classifier.network_.input_shape == SHAPE
    assert not np.array_equal(classifier.network_.arrays[1], weights[1])


def test_a_dense_network_remembers_the_shape():
    X, y = images()
    dense = LipschitzMLP(hidden_layer_sizes=8, **SMALL).fit(X, y)
    assert dense.network_.input_shape == SHAPE
    same(dense.predict(X), dense.predict(flat(X)))
    of_rows = LipschitzMLP(hidden_layer_sizes=8, **SMALL).fit(flat(X), y)
    same(dense.decision_function(X), of_rows.decision_function(flat(X)))
    with pytest.raises(ValueError, match=r"takes rows of 64 features. Give a table, X.reshape\(len\(X\), -1\)"):
        of_rows.predict(X)


def test_transport_between_samples_of_images():
    X, y = images(2)
    transport = WassersteinEstimator(hidden_layer_sizes=8, epochs=2, random_state=0).fit(X, y)
    assert transport.potential(X).shape == (len(X),)
    assert transport.distance(X, y) == transport.distance(flat(X), y) == transport.distance_


def test_a_network_that_was_trained_elsewhere():
    classifier, X, y = fitted()
    served = NetworkClassifier(network=classifier.network_).fit(X, y)
    same(served.predict(X), classifier.predict(X))
    with pytest.raises(ValueError, match="takes images of shape"):
        NetworkClassifier(network=classifier.network_).fit(X[:, :4], y)


# Containers and dtypes -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", ">f8", "uint8", "int64", ">i4", "bool"])
def test_dtypes_and_byte_orders(dtype):
    classifier, X, _ = fitted()
    converted = X.astype(dtype)
    same(classifier.certified_radius(converted), classifier.certified_radius(flat(converted)))
    same(classifier.decision_function(converted), classifier.decision_function(converted.astype(float)))


def test_bytes_are_numbers_up_to_255():
    X, y = images()
    bright = (15 * X).astype(np.uint8)
    of_bytes, of_floats = (convolutional().fit(rows, y) for rows in (bright, bright.astype(float)))
    assert bright.max() > 200
    same(of_bytes.certified_radius(bright), of_floats.certified_radius(bright))
    assert np.median(of_bytes.certified_radius(bright)) > 5 * np.median(fitted()[0].certified_radius(X))


@pytest.mark.parametrize("convert", [tf.constant, jnp.asarray, np.ndarray.tolist], ids=["tensorflow", "jax", "lists"])
def test_tensors_and_lists(convert):
    classifier, X, y = fitted()
    single = X.astype(np.float32)
    given = convert(single)
    same(classifier.decision_function(given), classifier.decision_function(single))
    same(convolutional(epochs=1).fit(given, y).predict(given), convolutional(epochs=1).fit(single, y).predict(single))


@pytest.mark.parametrize("order", ["F", "strided", "channels moved"])
def test_memory_orders(order):
    classifier, X, y = fitted()
    given = {
        "F": np.asfortranarray(X),
        "strided": np.repeat(X, 2, axis=0)[::2],
        "channels moved": np.moveaxis(np.ascontiguousarray(np.moveaxis(X, -1, 1)), 1, -1),
    }[order]
    same(classifier.certified_radius(given), classifier.certified_radius(X))
    same(convolutional().fit(given, y).decision_function(X), classifier.decision_function(X))


def test_images_are_not_copied():
    X, _ = images()
    assert np.shares_memory(rows_of_images.flattened(X), X)
    assert rows_of_images.flattened(flat(X)).ndim == 2
    frame = pd.DataFrame(flat(X))
    assert rows_of_images.flattened(frame) is frame


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_mapped_images_stay_in_their_file(tmp_path, monkeypatch, dtype):
    X, y = images()
    np.save(tmp_path / "images.npy", X.astype(dtype))
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    reads = []
    read = RowsOnDisk.__getitem__
    monkeypatch.setattr(RowsOnDisk, "__getitem__", lambda rows, key: reads.append(rows.shape) or read(rows, key))
    classifier = convolutional(epochs=1).fit(mapped, y)
    assert reads and set(reads) == {(150, 64)}
    in_memory = convolutional(epochs=1).fit(X.astype(np.float64), y)
    same(classifier.decision_function(mapped), in_memory.decision_function(X))


def test_frames_are_tables_of_flat_rows():
    X, y = images()
    frame = pd.DataFrame(flat(X), columns=[f"pixel {number}" for number in range(64)])
    classifier = convolutional(input_shape=SHAPE).fit(frame, y)
    assert classifier.feature_names_in_[5] == "pixel 5"
    same(classifier.predict(frame), fitted()[0].predict(X))


# scikit-learn ----------------------------------------------------------------------------------


def test_searches_and_splits():
    X, y = images()
    train, test, of_train, of_test = train_test_split(X, y, random_state=0)
    search = GridSearchCV(convolutional(epochs=1), {"model__filters": [2, 4], "model__pooling": ["l2"]}, cv=2)
    search.fit(train, of_train)
    assert search.predict(test).shape == of_test.shape
    assert set(search.best_params_) == {"model__filters", "model__pooling"}
    assert cross_val_score(convolutional(epochs=1), X, y, cv=2, error_score="raise").shape == (2,)


def test_pipelines_of_tables_end_in_networks_on_images():
    X, y = images()
    model = make_pipeline(StandardScaler(), convolutional(input_shape=SHAPE)).fit(flat(X), y)
    radii = sklip.certified_radius(model, flat(X))
    assert (radii > 0).any()
    result = sklip.audit(model, flat(X)[:3], random_state=0, restarts=1, n_steps=3, verbose=False)
    assert not result.broken.any()
    with pytest.raises(ValueError, match="dim 4"):  # the scaler takes tables
        sklip.certified_radius(model, X)


@pytest.mark.parametrize("scoring", [certified_accuracy(0.5), certified_accuracy(0.5, norm="inf")])
def test_scorers(scoring):
    classifier, X, y = fitted()
    assert scoring(classifier, X, y) == scoring(classifier, flat(X), y)


def test_clones_and_pickles():
    classifier, X, _ = fitted()
    assert clone(classifier).get_params()["model__filters"] == 4
    same(pickle.loads(pickle.dumps(classifier)).certified_radius(X), classifier.certified_radius(X))
    same(copy.deepcopy(classifier).predict(X), classifier.predict(X))


# Radii, audits and pictures --------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [lambda model: model, FrozenEstimator], ids=["bare", "frozen"])
@pytest.mark.parametrize("norm", [1, 2, "inf"])
def test_the_radius_of_images(norm, wrap):
    classifier, X, _ = fitted()
    radii = sklip.certified_radius(wrap(classifier), X, norm=norm)
    same(radii, sklip.certified_radius(classifier, flat(X), norm=norm))
    if norm == 2:
        np.testing.assert_allclose(radii, classifier.certified_radius(X), rtol=1e-12)


def test_tolerances_in_the_shape_of_an_image():
    classifier, X, _ = fitted()
    tolerances = np.ones(SHAPE)
    tolerances[:2] = 0.0
    radii = sklip.certified_radius(classifier, X, tolerances=tolerances)
    same(radii, sklip.certified_radius(classifier, flat(X), tolerances=tolerances.ravel()))
    assert radii.fixed_columns == tuple(range(16))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
def test_audits_of_images_break_nothing(dtype):
    classifier, X, y = fitted()
    result = sklip.audit(classifier, X[:6].astype(dtype), y[:6], random_state=0, restarts=1, n_steps=5, verbose=False)
    assert not result.broken.any()
    assert np.isfinite(result.attack).all()
    assert result.inputs.shape == (6, 64)


def test_displays_draw_images(pyplot):
    from sklip.plotting import AdversarialDisplay, CertifiedAccuracyDisplay, CertifiedRadiusDisplay
    from sklip.plotting import DecisionFunctionDisplay as Section

    classifier, X, y = fitted()
    display = AdversarialDisplay.from_estimator(classifier, X, rows=[0, 3])
    assert display.image_shape == SHAPE
    same(display.images_[1, 0].get_array(), X[3, ..., 0])
    adversarial, _ = classifier.closest_adversarial(X[:1])
    same(AdversarialDisplay.from_predictions(X[:1], adversarial).images_[0, 1].get_array(), adversarial[0, ..., 0])
    with_fixed = AdversarialDisplay.from_estimator(classifier, X, rows=[0], tolerances=np.arange(64.0).reshape(SHAPE))
    assert with_fixed.images_ is None
    Section.from_estimator(classifier, X[:20], y[:20], grid_resolution=5)
    CertifiedAccuracyDisplay.from_estimator(classifier, X, y)
    CertifiedRadiusDisplay.from_estimator(classifier, X, y)


def test_displays_draw_colours(pyplot):
    from sklip.plotting import AdversarialDisplay

    rng = np.random.default_rng(0)
    rows = rng.uniform(size=(2, 4, 5, 3))
    found = rows + 0.1
    found[1] = np.nan
    display = AdversarialDisplay.from_predictions(rows, found)
    assert display.images_[0, 0].get_array().shape == (4, 5, 3)
    assert display.images_[0, 2].get_array().shape == (4, 5)
    same(display.images_[1, 1].get_array(), np.ones((4, 5, 3)))


# Wrong inputs ----------------------------------------------------------------------------------

BAD = {
    "no channels": (lambda X: X[..., 0], r"give X\[\.\.\., None\]"),
    "five dimensions": (lambda X: X[None], "dim 5"),
    "another size": (lambda X: X[:, :6], r"images of shape \(6, 8, 1\), but .* images of shape \(8, 8, 1\)"),
    "channels first": (lambda X: np.moveaxis(X, -1, 1), r"numpy\.moveaxis\(X, 1, -1\)"),
    "another number of columns": (lambda X: flat(X)[:, :60], "60 features"),
    "not a number": (lambda X: np.where(X == 16, np.nan, X), r"the pixel at row \d, column \d, channel 0, .* NaN"),
    "infinity": (
        lambda X: np.where(np.arange(64).reshape(SHAPE) == 11, np.inf, X),
        "row 1, column 3, .* infinity",
    ),
    "text": (lambda X: X.astype(str), "text"),
    "no images": (lambda X: X[:0], "0 sample"),
    "no pixels": (lambda X: X[:, :0], "shape"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_images_are_refused(name):
    spoil, message = BAD[name]
    classifier, X, _ = fitted()
    with pytest.raises(ValueError, match=message):
        classifier.predict(spoil(X))


@pytest.mark.parametrize("name", ["no channels", "five dimensions", "not a number", "text", "no images"])
def test_fit_refuses_wrong_images_in_the_same_words(name):
    spoil, message = BAD[name]
    X, y = images()
    wrong = spoil(X)
    with pytest.raises(ValueError, match=message):
        convolutional().fit(wrong, y[: len(wrong)])


def test_held_out_images_of_another_shape():
    X, y = images()
    with pytest.raises(ValueError, match=r"X_val has images of shape \(6, 8, 1\), but X takes .* \(8, 8, 1\)"):
        convolutional().fit(X, y, X_val=X[:, :6], y_val=y)
    with pytest.raises(ValueError, match=r"X_val has images .* takes rows of 64 features"):
        LipschitzMLP(hidden_layer_sizes=4, **SMALL).fit(flat(X), y, X_val=X, y_val=y)


def test_later_images_of_another_shape():
    X, y = images()
    classifier = convolutional(epochs=1, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"features of the last fit, rows of the shape \(8, 8, 1\); got \(4, 16, 1\)"):
        classifier.fit(X.reshape(-1, 4, 16, 1), y)
    with pytest.raises(
        ValueError, match=r"images of shape \(4, 16, 1\), but this LipschitzMLP takes images of shape \(8, 8, 1\)"
    ):
        classifier.partial_fit(X.reshape(-1, 4, 16, 1), y)


def test_the_input_shape_must_fit_the_rows():
    X, y = images()
    with pytest.raises(ValueError, match=r"X has 64 columns, but the 'input_shape' parameter is \(8, 9, 1\)"):
        convolutional(input_shape=(8, 9, 1)).fit(flat(X), y)
    with pytest.raises(ValueError, match=r"images of shape \(8, 8, 1\), but the 'input_shape' parameter takes"):
        convolutional(input_shape=(4, 16, 1)).fit(X, y)


@pytest.mark.parametrize("shape", [(8, 8), 64, (8, 8, 0), (8.0, 8, 1), (True, 64, 1), (8, 8, 1, 1)])
def test_the_input_shape_must_be_a_shape(shape):
    X, y = images()
    with pytest.raises(ValueError, match="'input_shape' parameter"):
        convolutional(input_shape=shape).fit(X, y)


@pytest.mark.parametrize("shape", [[8, 8, 1], np.array([8, 8, 1])])
def test_shapes_may_be_lists_and_arrays(shape):
    X, y = images()
    assert LipschitzMLP(hidden_layer_sizes=4, input_shape=shape, **SMALL).fit(flat(X), y).network_.input_shape == SHAPE


def test_an_unfitted_classifier_says_so():
    with pytest.raises(NotFittedError):
        convolutional().predict(images()[0])
    with pytest.raises(NotFittedError):
        sklip.certified_radius(convolutional(), images()[0])


@pytest.mark.parametrize(
    ("shape", "warns"),
    [((1, 8, 8), True), ((3, 32, 32), True), ((4, 5, 5), True), ((3, 4, 4), False), ((8, 8, 1), False),
     ((2, 8, 8), False), ((1, 64, 4), False)],
)  # fmt: skip
def test_images_that_look_channels_first(shape, warns):
    assert rows_of_images.looks_channels_first(shape) == warns


def test_fit_warns_of_channels_first():
    X, y = images()
    dense = HKRClassifier(hidden_layer_sizes=4, epochs=1, random_state=0)
    with pytest.warns(ChannelsFirstWarning, match=r"numpy\.moveaxis\(X, 1, -1\)"):
        dense.fit(np.moveaxis(X, -1, 1), y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dense.fit(X, y)


def test_images_are_not_advised_to_be_scaled():
    X, y = images()
    dark = X.copy()
    dark[:, :4] /= 1e4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        convolutional(epochs=1).fit(dark, y)


def test_recipes_of_images_refuse_tables():
    X, y = images()
    with pytest.raises(ValueError, match="set the 'input_shape' parameter of the classifier"):
        convolutional(model=net()).fit(flat(X), y)
