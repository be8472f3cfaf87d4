"""What HKRClassifier does with good input."""

import copy
import json
import pickle

import mpmath
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_moons

from sklip import HKRClassifier
from sklip.estimators._hkr_classifier import AUTO_MARGIN
from sklip.served import Activation, Center, ServedNetwork
from sklip.served import activation as named
from tests.estimator_fixtures import bits, blobs, classifier, fitted, hkr_loss, moons
from tests.helpers import kernels_of, reload_elsewhere


@pytest.fixture(scope="module", params=["binary", "multiclass"])
def trained(request):
    """A fitted classifier of two or of three classes, and its X and y."""
    return fitted(request.param)


@pytest.fixture(scope="module")
def held_out():
    return make_moons(50, noise=0.2, random_state=5)


# Labels and scores ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [(-1, 1), ("no", "yes"), (False, True), np.array(["b", "a", "c"], dtype=object), (10, -3, 7)],
    ids=str,
)
def test_labels_of_every_kind_give_the_scores_of_their_ranks(labels):
    expected, X, y = fitted("binary" if len(labels) == 2 else "multiclass")
    named = np.sort(labels)[y]
    model = classifier().fit(X, named)
    np.testing.assert_array_equal(model.classes_, np.sort(labels))
    assert bits(model.decision_function(X)) == bits(expected.decision_function(X))
    predicted = model.predict(X)
    assert predicted.dtype == named.dtype
    np.testing.assert_array_equal(predicted, np.sort(labels)[expected.predict(X)])
    assert set(np.unique(predicted)) <= set(labels)


def test_positive_scores_mean_the_second_class():
    model, X, _ = fitted()
    scores = model.decision_function(X)
    assert scores.shape == (len(X),) and scores.dtype == np.float64
    np.testing.assert_array_equal(model.predict(X), model.classes_[(scores > 0).astype(int)])


def test_the_highest_of_several_scores_wins():
    model, X, _ = fitted("multiclass")
    scores = model.decision_function(X)
    assert scores.shape == (len(X), 3) and scores.dtype == np.float64
    np.testing.assert_array_equal(model.predict(X), model.classes_[scores.argmax(axis=1)])


def test_either_class_may_be_the_positive_one():
    X, y = moons()
    for labels in (y, 1 - y):
        assert classifier(epochs=30).fit(X, labels).score(X, labels) > 0.8


def test_several_classes_are_learned():
    X, y = blobs()
    assert classifier(epochs=20).fit(X, y).score(X, y) > 0.9


def test_radius_is_the_score_of_a_1_lipschitz_function():
    model, X, _ = fitted()
    radius = model.certified_radius(X)
    assert radius.shape == (len(X),) and radius.dtype == np.float64
    np.testing.assert_allclose(radius, np.abs(model.decision_function(X)), rtol=1e-8)
    assert (radius <= np.abs(model.decision_function(X))).all()


# Attributes ----------------------------------------------------------------------------------


def test_bound_is_proven_and_near_one(trained):
    model, _, _ = trained
    assert 1.0 <= model.lipschitz_bound_ <= 1.0 + 1e-9


def test_scores_obey_the_bound(trained):
    model, X, _ = trained
    scores = model.decision_function(X).reshape(len(X), -1)
    distance = np.linalg.norm(X[:, None] - X, axis=-1)[..., None]
    assert (np.abs(scores[:, None] - scores) <= model.lipschitz_bound_ * distance + 1e-12).all()


def test_center_and_scale_are_the_mean_and_the_rms_distance_to_it(trained):
    model, X, _ = trained
    np.testing.assert_allclose(model.center_, X.mean(axis=0), rtol=1e-12)
    assert model.scale_ == pytest.approx(np.sqrt(((X - X.mean(axis=0)) ** 2).sum(axis=1).mean()), rel=1e-12)
    assert model.min_margin_ == pytest.approx(AUTO_MARGIN[2] * model.scale_, rel=1e-12)
    assert (model.n_features_in_, model.n_iter_) == (X.shape[1], 3)


def test_center_and_scale_are_weighted():
    X, y = moons()
    weight = np.random.default_rng(0).uniform(0, 5, len(X))
    model = classifier(epochs=1, min_margin=0.7).fit(X, y, sample_weight=weight)
    center = np.average(X, axis=0, weights=weight)
    np.testing.assert_allclose(model.center_, center, rtol=1e-12)
    distance = np.linalg.norm(X - center, axis=1)
    assert model.scale_ == pytest.approx(np.sqrt(np.average(distance**2, weights=weight)), rel=1e-12)
    assert model.min_margin_ == 0.7


@pytest.mark.parametrize(
    "widths, shapes",
    [((), [(2, 1)]), (8, [(2, 8), (8, 1)]), ([4, np.int64(6)], [(2, 4), (4, 6), (6, 1)])],
    ids=["none", "int", "list"],
)
def test_hidden_layer_sizes_shape_the_network(widths, shapes):
    model = classifier(hidden_layer_sizes=widths, epochs=1, backend="numpy").fit(*moons())
    assert [kernel.shape for kernel in kernels_of(model.network_)] == shapes
    assert model.lipschitz_bound_ <= 1 + 1e-9


@pytest.mark.parametrize("name", ["groupsort4", "fullsort", "maxmin", "relu", "abs"])
def test_every_activation_is_exported(name):
    original, X, _ = fitted()
    model = copy.copy(original)
    operations = original.network_.operations
    model.network_ = ServedNetwork([named(name) if isinstance(each, Activation) else each for each in operations])
    assert bits(model.decision_function(X)) != bits(original.decision_function(X))
    exported = np.asarray(model.to_keras()(X))[:, 0]
    np.testing.assert_allclose(exported, model.decision_function(X), rtol=0, atol=1e-5 * model.scale_)


# History -------------------------------------------------------------------------------------

TERMS = ["loss", "kr", "hinge", "accuracy"]


def test_history_has_one_number_an_epoch(trained):
    model, _, _ = trained
    assert list(model.history_) == TERMS
    for values in model.history_.values():
        assert [type(value) for value in values] == [float] * 3


@pytest.mark.parametrize(
    "data, class_weight",
    [(moons, None), (moons, {1: 3.0}), (blobs, {0: 0.5, 2: 4.0})],
    ids=["binary", "binary weighted", "multiclass weighted"],
)
def test_history_is_the_loss_of_the_served_network_in_data_units(data, class_weight):
    X, y = data()
    X = 50.0 * X
    rng = np.random.default_rng(0)
    weight, other = rng.uniform(0, 2, len(X)), rng.uniform(0, 2, len(X))
    # So small a rate leaves the initial weights as they are; a whole batch has no noise.
    model = classifier(epochs=1, batch_size=1000, learning_rate=1e-30, alpha=3.0, min_margin=20.0)
    model.set_params(class_weight=class_weight)
    model.fit(X, y, sample_weight=weight, X_val=1.5 * X[::-1], y_val=y, sample_weight_val=other)
    assert list(model.history_) == [*TERMS, *(f"val_{name}" for name in TERMS)]
    expected = hkr_loss(model, X, y, weight, class_weight)
    expected |= {f"val_{name}": value for name, value in hkr_loss(model, 1.5 * X[::-1], y, other, class_weight).items()}
    assert {name: values[-1] for name, values in model.history_.items()} == pytest.approx(expected, rel=1e-5)


def test_last_validation_figures_are_those_of_the_served_network(held_out):
    model = classifier(epochs=10, learning_rate_schedule="constant")
    model.fit(*moons(), X_val=held_out[0], y_val=held_out[1])
    last = {name: model.history_[f"val_{name}"][-1] for name in TERMS}
    assert last == pytest.approx(hkr_loss(model, *held_out), rel=1e-4)


def test_training_lowers_the_loss():
    model = classifier(epochs=30).fit(*moons())
    assert model.history_["loss"][-1] < 0 < model.history_["loss"][0]
    assert model.history_["accuracy"][-1] > 0.9


# Units ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [-60, 1, 40])
def test_powers_of_two_give_the_same_bits(power):
    expected, X, y = fitted()
    factor = 2.0**power
    model = classifier().fit(factor * X, y)
    assert bits(model.decision_function(factor * X)) == bits(factor * expected.decision_function(X))
    np.testing.assert_allclose(model.certified_radius(factor * X), factor * expected.certified_radius(X), rtol=1e-12)
    assert model.history_["accuracy"] == expected.history_["accuracy"]
    assert model.history_["loss"] == [factor * value for value in expected.history_["loss"]]


@pytest.mark.parametrize(
    "kind, factor, shift",
    [
        ("binary", 1e-3, 0.0),
        ("binary", 1e-3, 10.0),
        ("binary", 0.7, [5.0, -1e5]),
        ("binary", 1e6, 7.0),
        ("multiclass", 3.0, -1e4),
    ],
)
def test_other_units_give_the_same_function(kind, factor, shift):
    expected, X, y = fitted(kind)
    moved = factor * X + np.resize(shift, X.shape[1])
    model = classifier().fit(moved, y)
    # Nearly everything is float64's rounding of the shifted data.
    tolerance = 1e-6 * expected.scale_
    np.testing.assert_allclose(model.decision_function(moved) / factor, expected.decision_function(X), 0, tolerance)


def test_margin_is_in_data_units():
    X, y = moons()
    near = classifier(min_margin=0.5).fit(X, y)
    far = classifier(min_margin=0.5 * 1024).fit(1024 * X, y)
    assert bits(far.decision_function(1024 * X)) == bits(1024 * near.decision_function(X))
    assert bits(fitted()[0].decision_function(X)) != bits(near.decision_function(X))


def test_tolerance_of_early_stopping_follows_the_units(held_out):
    X, y = moons()
    stopping = classifier(epochs=20, early_stopping=True, n_iter_no_change=2, tol=0.02)
    near = clone(stopping).fit(X, y, X_val=held_out[0], y_val=held_out[1])
    far = clone(stopping).fit(1024 * X, y, X_val=1024 * held_out[0], y_val=held_out[1])
    assert 2 < near.n_iter_ == far.n_iter_ < 20


# Early stopping ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def restless(held_out):
    """Parameters under which the validation loss goes up and down, and the fit that does not stop early."""
    parameters = {"epochs": 25, "learning_rate": 0.3, "learning_rate_schedule": "constant"}
    return parameters, classifier(**parameters).fit(*moons(), X_val=held_out[0], y_val=held_out[1])


@pytest.mark.parametrize("patience", [3, 100])
def test_early_stopping_goes_back_to_the_best_epoch(restless, held_out, patience):
    parameters, endless = restless
    model = classifier(**parameters, early_stopping=True, n_iter_no_change=patience, tol=0.0)
    model.fit(*moons(), X_val=held_out[0], y_val=held_out[1])
    losses = model.history_["val_loss"]
    best = int(np.argmin(losses))
    assert model.n_iter_ == len(losses) == min(best + 1 + patience, 25)
    assert losses == endless.history_["val_loss"][: model.n_iter_]
    assert losses[-1] > losses[best] + 0.01
    assert hkr_loss(model, *held_out)["loss"] == pytest.approx(losses[best], abs=1e-3)


def test_early_stopping_keeps_epochs_as_the_horizon_of_the_cosine(held_out):
    parameters = {"epochs": 12, "learning_rate": 0.02}
    stopped = classifier(**parameters, early_stopping=True, n_iter_no_change=2, tol=1e3)
    stopped.fit(*moons(), X_val=held_out[0], y_val=held_out[1])
    endless = classifier(**parameters).fit(*moons(), X_val=held_out[0], y_val=held_out[1])
    assert stopped.n_iter_ == 3
    assert stopped.history_ == {name: values[:3] for name, values in endless.history_.items()}


def test_early_stopping_holds_out_a_stratified_fraction():
    # 36 rows at 0 and 12 at 1: a quarter held out in proportion leaves a mean of 0.25, any other split does not.
    y = np.repeat([0, 1], [36, 12])
    model = classifier(epochs=1, early_stopping=True, validation_fraction=0.25).fit(np.column_stack([y, y]), y)
    assert set(model.history_) == {*TERMS, *(f"val_{name}" for name in TERMS)}
    np.testing.assert_allclose(model.center_, 0.25, rtol=1e-12)
    held_out_model = classifier(epochs=1, early_stopping=True, validation_fraction=0.25).fit(*moons())
    assert not np.allclose(held_out_model.center_, moons()[0].mean(axis=0))


def test_early_stopping_on_the_users_rows_trains_on_all_the_others(held_out):
    model = classifier(epochs=1, early_stopping=True).fit(*moons(), X_val=held_out[0], y_val=held_out[1])
    np.testing.assert_allclose(model.center_, moons()[0].mean(axis=0), rtol=1e-12)


def test_without_a_validation_fraction_the_training_loss_is_watched():
    model = classifier(epochs=10, early_stopping=True, validation_fraction=None, n_iter_no_change=2, tol=1e3)
    model.fit(*moons())
    assert list(model.history_) == TERMS
    assert model.n_iter_ == 3
    np.testing.assert_allclose(model.center_, moons()[0].mean(axis=0), rtol=1e-12)


# Going on ------------------------------------------------------------------------------------


def test_warm_start_goes_on_from_the_weights(untrained):
    first, X, y = fitted()
    warm = copy.deepcopy(first).set_params(warm_start=True, learning_rate=1e-30, epochs=2).fit(X, y)
    assert warm.n_iter_ == len(warm.history_["loss"]) == 2
    np.testing.assert_allclose(warm.decision_function(X), first.decision_function(X), rtol=0, atol=1e-6)
    assert np.abs(untrained.decision_function(X) - first.decision_function(X)).max() > 0.1


def test_warm_start_restarts_the_schedule_and_the_optimizer(untrained):
    # The weights after a fit whose rate is nil are the initial ones, so the second fit is a first one.
    X, y = moons()
    warm = copy.deepcopy(untrained)
    warm.set_params(warm_start=True, batch_size=1000, learning_rate=0.01, epochs=5).fit(X, y)
    cold = classifier(hidden_layer_sizes=(8,), epochs=5, batch_size=1000).fit(X, y)
    np.testing.assert_allclose(warm.history_["loss"], cold.history_["loss"], rtol=1e-4)
    np.testing.assert_allclose(warm.decision_function(X), cold.decision_function(X), rtol=0, atol=1e-4)


def test_without_warm_start_a_second_fit_is_a_first_one():
    expected, X, y = fitted()
    again = copy.deepcopy(fitted("multiclass")[0]).fit(X, y)
    assert bits(again.decision_function(X)) == bits(expected.decision_function(X))


def test_first_partial_fit_is_an_epoch_at_the_constant_rate():
    X, y = moons()
    partial = classifier(learning_rate_schedule="cosine", epochs=7).partial_fit(X, y, classes=[0, 1])
    epoch = classifier(learning_rate_schedule="constant", epochs=1).fit(X, y)
    assert bits(partial.decision_function(X)) == bits(epoch.decision_function(X))
    assert partial.history_ == epoch.history_


def test_partial_fits_make_the_steps_of_one_fit():
    X, y = moons()
    partial = classifier()
    for _ in range(3):
        partial.partial_fit(X, y, classes=[0, 1])
    whole = classifier(learning_rate_schedule="constant").fit(X, y)
    # partial_fit closes the distance to the manifold after each call, fit once.
    np.testing.assert_allclose(partial.decision_function(X), whole.decision_function(X), rtol=0, atol=1e-4)
    np.testing.assert_allclose(partial.history_["loss"], whole.history_["loss"], rtol=1e-4)
    assert partial.n_iter_ == 3


def test_partial_fit_goes_on_after_fit():
    first, X, y = fitted()
    model = copy.deepcopy(first).partial_fit(2 * X + 1, y)
    assert bits(model.center_) == bits(first.center_) and model.scale_ == first.scale_
    assert model.history_["loss"][:3] == first.history_["loss"] and model.n_iter_ == 4
    assert bits(model.decision_function(X)) != bits(first.decision_function(X))
    assert len(first.history_["loss"]) == 3


def test_partial_fit_takes_one_class_then_the_others():
    X, y = blobs()
    model = classifier(batch_size=4)
    model.partial_fit(X[y == 1], y[y == 1], classes=[2, 1, 0])
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    np.testing.assert_allclose(model.center_, X[y == 1].mean(axis=0), rtol=1e-12)
    assert np.isfinite(model.decision_function(X)).all()
    center, scale = model.center_.copy(), model.scale_
    for _ in range(2):
        model.partial_fit(X, y)
    np.testing.assert_array_equal(model.center_, center)
    assert model.scale_ == scale
    assert model.score(X, y) > 0.6
    assert model.lipschitz_bound_ <= 1 + 1e-9


def test_partial_fit_takes_one_row_first():
    X, y = moons()
    model = classifier().partial_fit(X[:1], y[:1], classes=[0, 1])
    np.testing.assert_array_equal(model.center_, X[0])
    assert model.scale_ > 0 and model.n_iter_ == 1
    assert np.isfinite(model.history_["loss"]).all()
    model.partial_fit(X, y)
    assert np.isfinite(model.decision_function(X)).all()
    assert model.lipschitz_bound_ <= 1 + 1e-9


# Weights of classes --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def imbalanced():
    rng = np.random.default_rng(0)
    y = np.where(rng.random(300) < 0.06, "rare", "common")
    X = rng.standard_normal((300, 2)) + 1.5 * (y == "rare")[:, None]
    plain = classifier(epochs=5, batch_size=64).fit(X, y)
    return X, y, np.mean(plain.predict(X[y == "rare"]) == "rare")


@pytest.mark.parametrize("class_weight", ["balanced", {"rare": 15.0}], ids=["balanced", "dict"])
def test_class_weight_raises_the_recall_of_the_rare_class(imbalanced, class_weight):
    X, y, plain_recall = imbalanced
    model = classifier(epochs=5, batch_size=64, class_weight=class_weight).fit(X, y)
    recall = np.mean(model.predict(X[y == "rare"]) == "rare")
    assert recall > plain_recall + 0.3
    assert np.mean(model.predict(X[y == "common"]) == "common") > 0.6


def test_class_weight_of_one_changes_nothing():
    expected, X, y = fitted()
    model = classifier(class_weight={0: 1.0}).fit(X, y)
    assert bits(model.decision_function(X)) == bits(expected.decision_function(X))


# Training ------------------------------------------------------------------------------------


def test_dropout_trains_and_serves_without_chance():
    expected, X, y = fitted()
    once, again = (classifier(dropout=0.3).fit(X, y) for _ in range(2))
    assert bits(once.decision_function(X)) == bits(once.decision_function(X))
    assert bits(once.decision_function(X)) == bits(again.decision_function(X))
    assert bits(once.decision_function(X)) != bits(expected.decision_function(X))
    assert once.history_["loss"][-1] < once.history_["loss"][0]
    assert once.lipschitz_bound_ <= 1 + 1e-9


def test_optimizer_instance_is_copied_with_its_learning_rate():
    import keras

    X, y = moons()
    optimizer = keras.optimizers.Adam(learning_rate=0.003)
    before = optimizer.get_config()
    given = classifier(optimizer=optimizer, learning_rate=9.0).fit(X, y)
    named = classifier(optimizer="adam", learning_rate=0.003).fit(X, y)
    assert bits(given.decision_function(X)) == bits(named.decision_function(X))
    assert given.optimizer is optimizer and optimizer.get_config() == before
    assert not optimizer.built and int(optimizer.iterations) == 0


def test_schedule_of_the_users_own_optimizer_is_used():
    import keras

    X, y = moons()
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([4], [0.02, 1e-30])  # 3 steps an epoch
    model = classifier(optimizer=keras.optimizers.SGD(rate), epochs=4).fit(X, y, X_val=X, y_val=y)
    first, second, third, fourth = model.history_["val_loss"]
    assert second < first
    # Neither the cosine nor learning_rate interferes: the weights stay.
    assert third == pytest.approx(fourth, abs=1e-5 * model.scale_)
    assert abs(third - first) > 1e-3 * model.scale_


def test_callbacks_see_every_epoch():
    import keras

    epochs = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append((epoch, sorted(logs))))
    model = classifier(callbacks=[watch]).fit(*moons())
    assert epochs == [(epoch, sorted(TERMS)) for epoch in range(3)]
    assert model.callbacks == [watch]
    expected, X, _ = fitted()
    assert bits(model.decision_function(X)) == bits(expected.decision_function(X))


def test_callback_can_stop_the_training():
    import keras

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    model = classifier(epochs=10, callbacks=[Stop()]).fit(*moons())
    assert model.n_iter_ == len(model.history_["loss"]) == 2
    assert model.lipschitz_bound_ <= 1 + 1e-9


def test_classifier_with_callbacks_is_fitted_cloned_and_pickled_again():
    import keras

    X, y = moons()
    model = classifier(callbacks=[keras.callbacks.TerminateOnNaN()], epochs=1).fit(X, y)
    scores = bits(model.decision_function(X))
    loaded = pickle.loads(pickle.dumps(model))
    assert bits(loaded.decision_function(X)) == scores
    assert bits(model.fit(X, y).decision_function(X)) == scores
    assert bits(clone(loaded).fit(X, y).decision_function(X)) == scores


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer, rate", [("adam", 1e-5), ("adam", 1.0), ("adam", 10.0), ("sgd", 1e-5), ("sgd", 10.0)]
)
def test_no_learning_rate_loses_the_bound(optimizer, rate):
    X, y = moons()
    model = classifier(optimizer=optimizer, learning_rate=rate, batch_size=8).fit(X, y)
    assert np.isfinite(model.decision_function(X)).all()
    assert np.isfinite(model.history_["loss"]).all()
    assert 1.0 <= model.lipschitz_bound_ <= 1 + 1e-9


@pytest.fixture(scope="module")
def untrained():
    return classifier(hidden_layer_sizes=(8,), epochs=1, learning_rate=1e-30).fit(*moons())


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer", ["adadelta", "adafactor", "adagrad", "adamax", "adamw", "ftrl", "lion", "nadam", "rmsprop"]
)
def test_every_named_optimizer_trains(untrained, optimizer):
    X, y = moons()
    model = classifier(hidden_layer_sizes=(8,), optimizer=optimizer, epochs=1).fit(X, y)
    assert np.isfinite(model.history_["loss"]).all()
    assert bits(model.decision_function(X)) != bits(untrained.decision_function(X))
    assert model.lipschitz_bound_ <= 1 + 1e-9


@pytest.mark.parametrize("batch_size", [1, 10**9])
def test_any_batch_size_trains(batch_size):
    X, y = blobs()
    model = classifier(batch_size=batch_size, epochs=1).fit(X[:20], y[:20])
    assert np.isfinite(model.history_["loss"]).all()
    assert np.isfinite(model.decision_function(X)).all()


def test_one_feature_is_enough():
    X, y = moons()
    model = classifier(epochs=1, backend="numpy").fit(X[:, :1], y)
    assert model.decision_function(X[:, :1]).shape == y.shape
    assert model.lipschitz_bound_ <= 1 + 1e-9


def test_constant_columns_are_fine():
    X, y = moons()
    model = classifier(backend="numpy").fit(np.column_stack([np.full(len(X), 7.0), X, np.zeros(len(X))]), y)
    assert np.isfinite(model.decision_function(np.column_stack([X, X]))).all()
    assert model.scale_ == pytest.approx(fitted()[0].scale_, rel=1e-12)


# The same bits -------------------------------------------------------------------------------


def test_same_random_state_gives_the_same_bits_whatever_came_before():
    import keras

    expected, X, y = fitted()
    classifier(random_state=5, activation="fullsort", dropout=0.5, epochs=1).fit(*blobs())
    keras.utils.set_random_seed(123)
    model = classifier().fit(X, y)
    assert bits(model.decision_function(X)) == bits(expected.decision_function(X))
    assert model.history_ == expected.history_


def test_other_random_states_give_other_bits():
    expected, X, y = fitted()
    assert bits(classifier(random_state=1).fit(X, y).decision_function(X)) != bits(expected.decision_function(X))


def test_random_state_instance_is_drawn_from():
    X, y = moons()
    state = np.random.RandomState(3)
    first, second = (classifier(random_state=state, epochs=1).fit(X, y).decision_function(X) for _ in range(2))
    fresh = classifier(random_state=np.random.RandomState(3), epochs=1).fit(X, y).decision_function(X)
    assert bits(first) == bits(fresh)
    assert bits(first) != bits(second)


def test_fit_leaves_the_global_random_state_alone():
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.random(3)  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    classifier(epochs=1, dropout=0.1).fit(*moons())
    np.testing.assert_array_equal(np.random.random(3), expected)  # noqa: NPY002


def test_float32_rows_are_scored_as_their_float64_conversion(trained):
    model, X, _ = trained
    single = X.astype(np.float32)
    assert bits(model.decision_function(single)) == bits(model.decision_function(single.astype(np.float64)))
    assert bits(model.certified_radius(single)) == bits(model.certified_radius(single.astype(np.float64)))


def test_float32_rows_are_fitted_as_their_float64_conversion():
    X, y = moons()
    single, double = (classifier(epochs=1).fit(X.astype(np.float32).astype(kind), y) for kind in ("f4", "f8"))
    assert bits(single.decision_function(X)) == bits(double.decision_function(X))


def test_layout_of_the_rows_does_not_matter(trained):
    model, X, _ = trained
    for same in (np.asfortranarray(X), X.tolist(), np.repeat(X, 2, axis=0)[::2]):
        assert bits(model.decision_function(same)) == bits(model.decision_function(X))


# Export to Keras -----------------------------------------------------------------------------


def test_export_is_made_of_ordinary_layers(trained):
    import keras

    model, X, _ = trained
    exported = trained[0].to_keras()
    dense = [layer for layer in exported.layers if isinstance(layer, keras.layers.Dense)]
    assert [type(layer) for layer in dense] == [keras.layers.Dense] * 3
    assert all(layer.kernel_constraint is None for layer in dense)
    scores = np.asarray(exported(X)).reshape(model.decision_function(X).shape)
    np.testing.assert_allclose(scores, model.decision_function(X), rtol=0, atol=1e-5 * model.scale_)


def test_export_subtracts_the_centre_before_it_rounds():
    X, y = moons()
    model = classifier().fit(X + 1e7, y)
    scores = np.asarray(model.to_keras()(X + 1e7))[:, 0]
    np.testing.assert_allclose(scores, model.decision_function(X + 1e7), rtol=0, atol=1e-5 * model.scale_)


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 1e4])
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_saved_export_is_the_same_in_a_fresh_process(kind, shift, tmp_path):
    near, X, _ = fitted(kind)
    X = X + shift
    model = copy.copy(near)
    model.network_ = ServedNetwork((Center(near.network_.center + shift), *near.network_.operations[1:]))
    scores, *_ = reload_elsewhere(model.to_keras(), X, tmp_path)
    expected = model.decision_function(X)
    np.testing.assert_allclose(scores.reshape(expected.shape), expected, rtol=0, atol=1e-5 * model.scale_)


# The interface -------------------------------------------------------------------------------


def test_parameters_are_keyword_only():
    with pytest.raises(TypeError):
        HKRClassifier((8, 4))


def test_fit_returns_the_classifier_and_leaves_its_parameters():
    model = classifier(epochs=1, callbacks=[], class_weight={0: 2.0}, hidden_layer_sizes=[8, 4])
    before = json.dumps(model.get_params())
    assert model.fit(*moons()) is model
    assert model.partial_fit(*moons()) is model
    assert json.dumps(model.get_params()) == before


# Parameters that change between calls --------------------------------------------------------


def test_partial_fit_refuses_other_widths_and_says_so():
    model = classifier(epochs=1).fit(*moons())
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        model.set_params(hidden_layer_sizes=(8, 6)).partial_fit(*moons())


def test_history_keeps_one_number_an_epoch_when_partial_fit_follows_held_out_rows():
    X, y = moons()
    history = classifier(epochs=2).fit(X, y, X_val=X, y_val=y).partial_fit(X, y).history_
    assert {len(values) for values in history.values()} == {3}
    assert np.isnan(history["val_loss"][2]) and np.isfinite(history["loss"][2])


def test_a_margin_set_later_is_the_one_that_trains():
    model = classifier(epochs=1).fit(*moons())
    model.set_params(min_margin=0.5).partial_fit(*moons())
    assert model.min_margin_ == 0.5


def test_activation_set_later_is_refused():
    model = classifier(epochs=1).fit(*moons())
    with pytest.raises(ValueError, match="activation"):
        model.set_params(activation="fullsort").partial_fit(*moons())


# What repeated rows must not change ----------------------------------------------------------


@pytest.mark.parametrize(("batch_size", "class_weight"), [(4, None), (64, None), (64, "balanced")])
def test_training_figures_are_those_of_the_data_where_rows_repeat(batch_size, class_weight):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [200, 200, 2])
    X = rng.standard_normal((402, 2)) + 4.0 * np.array([[0, 0], [1, 0], [0, 1]])[y]
    model = classifier(learning_rate=1e-30, batch_size=batch_size, class_weight=class_weight, epochs=1)
    history = model.fit(X, y, X_val=X, y_val=y).history_
    # Each batch's mean of the rare class is that of a row or two: the figures agree up to their scatter.
    for name in ("kr", "hinge", "accuracy"):
        assert history[name][0] == pytest.approx(history[f"val_{name}"][0], abs=0.15 * model.scale_), name


# What diverges, and what is kept -------------------------------------------------------------


def test_training_that_diverges_is_an_error_that_names_the_parameter():
    import keras

    model = classifier(optimizer=keras.optimizers.SGD(1e38))
    with pytest.raises(ValueError, match="learning_rate"):
        model.fit(*moons())
    assert not hasattr(model, "network_")


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_a_huge_learning_rate_gives_finite_certified_scores(optimizer):
    X, y = moons()
    model = classifier(optimizer=optimizer, learning_rate=1e3).fit(X, y)
    assert np.isfinite(model.decision_function(X)).all()
    assert model.lipschitz_bound_ <= 1 + 1e-9


def test_callbacks_do_not_keep_the_network_and_its_data_alive():
    import keras

    callback = keras.callbacks.TerminateOnNaN()
    classifier(epochs=1, callbacks=[callback]).fit(*moons())
    assert callback.model is None


# The bound of fitted networks ----------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_the_bound_is_at_least_the_constant_in_50_digits(kind):
    model, _, _ = fitted(kind)
    with mpmath.workdps(50):
        norm = mpmath.mpf(1)
        *hidden, heads = ([[mpmath.mpf(float(w)) for w in row] for row in k] for k in kernels_of(model.network_))
        for kernel in hidden:
            matrix = mpmath.matrix(kernel)
            gram = matrix.T * matrix if matrix.rows >= matrix.cols else matrix * matrix.T
            norm *= mpmath.sqrt(max(mpmath.eigsy(gram, eigvals_only=True)))
        norm *= max(mpmath.sqrt(sum(w * w for w in column)) for column in zip(*heads, strict=True))
        assert mpmath.mpf(model.lipschitz_bound_) >= norm
    assert model.lipschitz_bound_ <= 1 + 1e-9
