"""What LipschitzMLP adds to HKRClassifier: losses, probabilities, terms of the loss, what to monitor."""

import copy
import inspect
import pickle
import re
from functools import cache

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_blobs, make_moons
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss

from sklip import HKRClassifier, LipschitzMLP, WassersteinEstimator
from sklip.estimators._parameters import store_parameters, with_training_parameters
from sklip.metrics import certified_accuracy_score
from tests.estimator_fixtures import bits, blobs, classifier, fitted, fitted_mlp, hkr_loss, mlp, moons
from tests.processes import last_json, run_script

KINDS = pytest.mark.parametrize("kind", ["binary", "multiclass"])
DATA = {"binary": moons, "multiclass": blobs}


@cache
def plain(kind):
    """A classifier whose probabilities and cross-entropy are those of an explicit temperature, without an offset."""
    X, y = DATA[kind]()
    return mlp(epochs=2, temperature=3.0, margin_offset=0.0, min_margin=0.3).fit(X, y), X, y


# So small a rate leaves the initial weights as they are; a whole batch has no noise.
STILL = {"epochs": 1, "batch_size": 1000, "learning_rate": 1e-30, "alpha": 3.0}

# Parameters in the units of the data ---------------------------------------------------------


@KINDS
def test_auto_is_a_share_of_the_scale(kind):
    model, _, _ = fitted_mlp(kind)
    assert model.temperature_ == pytest.approx(20.0 / model.scale_, rel=1e-12)
    assert model.margin_offset_ == pytest.approx(model.scale_ / 20.0, rel=1e-12)
    assert model.min_margin_ == pytest.approx(model.scale_ / 10.0, rel=1e-12)


@KINDS
def test_explicit_values_are_used_as_given(kind):
    model, _, _ = plain(kind)
    assert (model.temperature_, model.margin_offset_, model.min_margin_) == (3.0, 0.0, 0.3)


@KINDS
def test_probabilities_and_labels_do_not_depend_on_the_units(kind):
    expected, X, y = fitted_mlp(kind)
    model = mlp().fit(1000.0 * X, y)
    assert model.temperature_ == pytest.approx(expected.temperature_ / 1000.0, rel=1e-12)
    # Nearly everything is float32's rounding of other inputs, magnified by the temperature.
    np.testing.assert_allclose(model.predict_proba(1000.0 * X), expected.predict_proba(X), rtol=0, atol=2e-4)
    np.testing.assert_array_equal(model.predict(1000.0 * X), expected.predict(X))
    assert np.ptp(expected.predict_proba(X)) > 0.5


# Probabilities -------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("make", [fitted_mlp, plain])
def test_probabilities_are_the_sigmoid_or_softmax_of_the_scores(make, kind):
    model, X, _ = make(kind)
    logits = model.temperature_ * model.decision_function(X)
    logits = np.column_stack([0 * logits, logits]) if kind == "binary" else logits
    naive = np.exp(logits - logits.max(axis=1, keepdims=True))
    naive /= naive.sum(axis=1, keepdims=True)
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (len(X), len(model.classes_)) and probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities, naive, rtol=1e-12)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), probabilities, rtol=1e-12)


@pytest.mark.parametrize("labels", [("no", "yes"), ("ape", "bee", "cat")])
def test_columns_are_in_the_order_of_the_classes(labels):
    original, X, y = fitted_mlp("binary" if len(labels) == 2 else "multiclass")
    model = mlp().fit(X, np.array(labels)[::-1][y])
    assert model.classes_.tolist() == sorted(labels)
    np.testing.assert_array_equal(model.classes_[model.predict_proba(X).argmax(axis=1)], model.predict(X))
    assert model.predict_proba(X).shape == original.predict_proba(X).shape


@KINDS
def test_log_probabilities_are_finite_where_probabilities_saturate(kind):
    model, X, _ = fitted_mlp(kind)
    far = model.center_ + 1e6 * (X - model.center_)
    logs, scores = model.predict_log_proba(far), model.decision_function(far)
    assert (model.predict_proba(far) == 0.0).any()
    assert np.isfinite(logs).all()
    gaps = scores if kind == "binary" else np.ptp(scores, axis=1)
    np.testing.assert_allclose(np.ptp(logs, axis=1), model.temperature_ * np.abs(gaps), rtol=1e-12)


@KINDS
def test_log_loss_of_the_probabilities_is_the_cross_entropy(kind):
    model, X, y = plain(kind)
    terms = model.loss_terms(X, y)
    assert terms["cross_entropy"] == pytest.approx(log_loss(y, model.predict_proba(X)), rel=1e-10)
    assert terms["loss"] == pytest.approx(terms["cross_entropy"] / 3.0, rel=1e-12)


@KINDS
def test_an_offset_raises_the_cross_entropy_above_the_log_loss(kind):
    X, y = DATA[kind]()
    model, lowered = (mlp(**STILL, temperature=3.0, margin_offset=offset).fit(X, y) for offset in (0.0, 0.2))
    assert bits(lowered.decision_function(X)) == bits(model.decision_function(X))
    assert model.loss_terms(X, y)["cross_entropy"] == pytest.approx(log_loss(y, model.predict_proba(X)), rel=1e-10)
    excess = lowered.loss_terms(X, y)["cross_entropy"] - model.loss_terms(X, y)["cross_entropy"]
    assert 0 < excess < 3.0 * 0.2


def test_the_other_classifier_has_no_probabilities():
    for model in (HKRClassifier(), fitted()[0]):
        assert not hasattr(model, "predict_proba") and not hasattr(model, "predict_log_proba")


@KINDS
def test_scores_of_both_classifiers_are_calibrated(kind):
    for make in (fitted, fitted_mlp):
        model, X, y = make(kind)
        calibrated = CalibratedClassifierCV(FrozenEstimator(model)).fit(X, y)
        assert calibrated.predict_proba(X).shape == (len(X), len(model.classes_))
        assert log_loss(y, calibrated.predict_proba(X)) < np.log(len(model.classes_))


# Losses --------------------------------------------------------------------------------------


def squared_logits(y_true, y_pred):
    """A function as a loss: mean squared distance of a row's logits to ±5."""
    from keras import ops

    return ops.mean((10.0 * y_true - 5.0 - y_pred) ** 2, axis=-1)


def a_loss(name):
    """A loss parameter by its name in these tests, with what it needs."""
    import keras

    from sklip import losses

    return {
        "binary": lambda: keras.losses.BinaryCrossentropy(from_logits=True),
        "categorical": lambda: keras.losses.CategoricalCrossentropy(from_logits=True),
        "function": lambda: squared_logits,
        "soft": lambda: losses.SoftHKR(alpha=10.0, min_margin=4.0, temperature=1.0),
    }.get(name, lambda: name)()


LOSSES = [
    *(("binary", name) for name in ("cross_entropy", "hinge", "hkr", "binary", "function")),
    *(("multiclass", name) for name in ("cross_entropy", "hinge", "hkr", "categorical", "function", "soft")),
]


@cache
def learned(kind, name):
    X, y = DATA[kind]()
    return mlp(loss=a_loss(name), epochs=20, learning_rate=0.02).fit(X, y), X, y


SLOW = [("multiclass", "hinge"), ("multiclass", "function")]


@pytest.mark.parametrize(
    "kind, name", [pytest.param(*case, marks=pytest.mark.slow if case in SLOW else ()) for case in LOSSES]
)
def test_every_loss_learns(kind, name):
    model, X, y = learned(kind, name)
    assert model.score(X, y) > 0.8
    assert model.history_["loss"][-1] < model.history_["loss"][0]
    assert model.lipschitz_bound_ <= 1 + 1e-9
    terms = {"cross_entropy": ["cross_entropy"], "hinge": ["hinge"], "hkr": ["kr", "hinge"]}.get(name, [])
    assert list(model.history_) == ["loss", *terms, "accuracy"]
    assert list(model.loss_terms(X, y))[: 1 + len(terms)] == ["loss", *terms]


@KINDS
def test_hkr_trains_the_very_network_of_the_other_classifier(kind):
    expected, X, y = fitted(kind)
    model = mlp(loss="hkr").fit(X, y)
    assert bits(model.decision_function(X)) == bits(expected.decision_function(X))
    assert bits(model.certified_radius(X)) == bits(expected.certified_radius(X))
    assert model.history_ == expected.history_
    assert bits(fitted_mlp(kind)[0].decision_function(X)) != bits(expected.decision_function(X))


def test_a_loss_of_logits_is_given_0_1_targets_and_the_temperature_times_the_scores():
    from keras import ops

    seen = {}

    def watching(y_true, y_pred):
        seen[y_true.shape[-1]] = y_true
        return ops.sum(y_true * (1.0 - y_pred) + (1.0 - y_true) * y_pred, axis=-1)

    for kind in DATA:
        X, y = DATA[kind]()
        model = mlp(**STILL, loss=watching, temperature=3.0).fit(X, y)
        logits = (3.0 * model.decision_function(X)).reshape(len(X), -1)
        own = (y[:, None] == model.classes_[-logits.shape[1] :]).astype(float)
        expected = np.mean(np.sum(own * (1 - logits) + (1 - own) * logits, axis=1))
        assert model.loss_terms(X, y)["loss"] == pytest.approx(expected, rel=1e-5)
        np.testing.assert_array_equal(seen[own.shape[1]], own[y == 2] if kind == "multiclass" else own[y == 1])


# Terms of the loss ---------------------------------------------------------------------------

COSTS = {"binary": {1: 3.0}, "multiclass": {0: 0.5, 2: 4.0}}


@cache
def still(kind, make, loss=None, weighted=True):
    """A classifier after an epoch that left it as it was, its rows, labels, weights and those it watched."""
    X, y = DATA[kind]()
    rng = np.random.default_rng(0)
    weight, other = rng.uniform(0, 2, len(X)), rng.uniform(0, 2, len(X))
    parameters = {} if loss is None else {"loss": a_loss(loss)}
    model = make(**STILL, **parameters, class_weight=COSTS[kind] if weighted else None)
    model.fit(50.0 * X, y, sample_weight=weight, X_val=75.0 * X[::-1], y_val=y, sample_weight_val=other)
    return model, 50.0 * X, y, weight, other


STILLS = pytest.mark.parametrize(
    "kind, make, loss",
    [
        ("binary", classifier, None),
        ("multiclass", classifier, None),
        ("binary", mlp, "cross_entropy"),
        ("multiclass", mlp, "cross_entropy"),
        ("multiclass", mlp, "hinge"),
        ("binary", mlp, "binary"),
        ("multiclass", mlp, "categorical"),
    ],
)


@STILLS
def test_history_is_the_loss_terms_of_the_rows_it_trained_on_and_watched(kind, make, loss):
    model, X, y, weight, other = still(kind, make, loss)
    terms, watched = model.loss_terms(X, y, weight), model.loss_terms(1.5 * X[::-1], y, other)
    names = [name for name in terms if not name.endswith("_per_class")]
    assert {*names, "accuracy"} == {name for name in model.history_ if not name.startswith("val_")}
    for name in names:
        assert type(terms[name]) is float
        assert model.history_[name][-1] == pytest.approx(terms[name], rel=1e-4), name
        assert model.history_[f"val_{name}"][-1] == pytest.approx(watched[name], rel=1e-4), name
    assert watched["loss"] != pytest.approx(terms["loss"], rel=1e-3)


@STILLS
def test_class_costs_weigh_the_parts_of_the_classes_in_the_loss(kind, make, loss):
    model, X, y, weight, _ = still(kind, make, loss)
    terms = model.loss_terms(X, y, weight)
    costs = np.array([COSTS[kind].get(label, 1.0) for label in model.classes_])
    shares = np.bincount(y, weight) / weight.sum()
    (name,) = (name for name in terms if name.endswith("_per_class"))
    parts = terms[name]
    assert parts.shape == costs.shape
    assert terms[name.removesuffix("_per_class")] == pytest.approx(np.sum(shares * costs * parts), rel=1e-5)
    # The parts themselves know of no cost.
    free = still(kind, make, loss, weighted=False)[0]
    assert bits(free.decision_function(X)) == bits(model.decision_function(X))
    without = free.loss_terms(X, y, weight)
    np.testing.assert_array_equal(without[name], parts)
    assert without[name.removesuffix("_per_class")] == pytest.approx(np.sum(shares * parts), rel=1e-5)
    assert without["loss"] != pytest.approx(terms["loss"], rel=1e-2)


@KINDS
@pytest.mark.parametrize("make", [classifier, mlp])
def test_terms_of_hkr_are_those_of_a_loop(kind, make):
    model, X, y = fitted(kind) if make is classifier else learned(kind, "hkr")
    weight = np.random.default_rng(1).uniform(0, 2, len(X))
    terms, expected = model.loss_terms(X, y, weight), hkr_loss(model, X, y, weight)
    assert {name: terms[name] for name in ("loss", "kr", "hinge")} == pytest.approx(
        {name: expected[name] for name in ("loss", "kr", "hinge")}, rel=1e-9
    )
    assert terms["loss"] == pytest.approx(-terms["kr"] + model.alpha * terms["hinge"], rel=1e-12)
    for code, part in enumerate(terms["hinge_per_class"]):
        own = y == code
        assert part == pytest.approx(model.loss_terms(X[own], y[own], weight[own])["hinge"], rel=1e-12)


@KINDS
def test_cross_entropy_of_classes_of_equal_mass_is_the_mean_of_their_parts(kind):
    model, X, y = fitted_mlp(kind)
    assert len(set(np.bincount(y))) == 1
    terms = model.loss_terms(X, y)
    assert terms["cross_entropy"] == pytest.approx(terms["cross_entropy_per_class"].mean(), rel=1e-12)
    assert np.ptp(terms["cross_entropy_per_class"]) > 0.01


@pytest.mark.parametrize(
    "kind, make, loss",
    [("multiclass", classifier, None), ("multiclass", mlp, "cross_entropy"), ("binary", mlp, "binary")],
)
def test_a_weight_of_0_removes_a_row_and_a_class_without_rows_has_no_part(kind, make, loss):
    model, X, y, weight, _ = still(kind, make, loss)
    kept = y != 1
    removed = model.loss_terms(X[kept], y[kept], weight[kept])
    zeroed = model.loss_terms(X, y, np.where(kept, weight, 0.0))
    scaled = model.loss_terms(X[kept], y[kept], 7.0 * weight[kept])
    for name, value in removed.items():
        np.testing.assert_allclose(zeroed[name], value, rtol=1e-6, err_msg=name)
        np.testing.assert_allclose(scaled[name], value, rtol=1e-6, err_msg=name)
        if name.endswith("_per_class"):
            assert np.isnan(value).tolist() == [label == 1 for label in model.classes_]


@pytest.mark.parametrize("make", [fitted, fitted_mlp])
def test_terms_of_unseen_labels_are_refused(make):
    model, X, y = make()
    with pytest.raises(ValueError, match=r"\[2\]"):
        model.loss_terms(X, np.where(y == 1, 2, 0))


# Parameters that are refused -----------------------------------------------------------------


def keras_loss(name, **arguments):
    import keras

    return getattr(keras.losses, name)(**arguments)


@pytest.mark.parametrize(
    "parameters",
    [
        {"loss": "log"},
        {"loss": None},
        {"temperature": 0},
        {"temperature": -1.0},
        {"temperature": "x"},
        {"temperature": np.inf},
        {"temperature": np.nan},
        {"temperature": 1e300},
        {"temperature": 1e-300},
        {"margin_offset": -1},
        {"margin_offset": np.inf},
        {"margin_offset": "large"},
        {"min_margin": 0},
        {"alpha": -1},
        {"monitor": "val_loss"},
        {"epsilon": -0.1},
        {"epsilon": np.nan},
        {"epsilon": "auto"},
    ],
    ids=str,
)
def test_a_parameter_that_cannot_be_used_is_named(parameters):
    (name,) = parameters
    model = mlp(**parameters)
    with pytest.raises(ValueError, match=f"'{name}'"):
        model.fit(*moons())
    assert not hasattr(model, "network_")


@pytest.mark.parametrize("make", [classifier, mlp])
def test_certified_accuracy_is_not_monitored_without_a_distance(make):
    with pytest.raises(ValueError, match="'epsilon'"):
        make(monitor="certified_accuracy", early_stopping=True).fit(*moons())


@pytest.mark.parametrize("name", ["BinaryCrossentropy", "CategoricalCrossentropy", "BinaryFocalCrossentropy"])
def test_a_loss_of_probabilities_is_refused(name):
    with pytest.raises(ValueError, match=r"'loss'.*from_logits"):
        mlp(loss=keras_loss(name)).fit(*moons())


def test_a_class_of_losses_is_refused():
    import keras

    with pytest.raises(TypeError, match=r"'loss'.*BinaryCrossentropy\("):
        mlp(loss=keras.losses.BinaryCrossentropy).fit(*moons())


# Copies --------------------------------------------------------------------------------------


def assert_same_inference(twin, model, X):
    for method in ("decision_function", "predict_proba", "predict_log_proba", "certified_radius"):
        assert bits(getattr(twin, method)(X)) == bits(getattr(model, method)(X))


@pytest.mark.parametrize("kind, name", [LOSSES[0], LOSSES[3], LOSSES[5], LOSSES[10]])
def test_a_pickle_is_equal_in_all_it_does(kind, name):
    model, X, y = learned(kind, name)
    twin = pickle.loads(pickle.dumps(model))
    assert_same_inference(twin, model, X)
    assert twin.history_ == model.history_
    assert twin.loss_terms(X, y)["loss"] == model.loss_terms(X, y)["loss"]


def test_a_clone_fits_the_same_bits():
    model, X, y = plain("binary")
    twin = clone(model)
    assert not hasattr(twin, "network_") and twin.get_params() == model.get_params()
    assert_same_inference(twin.fit(X, y), model, X)


SERVE = """
import json, sys
import joblib, numpy as np

model, X, y = joblib.load(sys.argv[1])
np.savez(sys.argv[2], predict_proba=model.predict_proba(X), predict_log_proba=model.predict_log_proba(X),
         decision_function=model.decision_function(X), certified_radius=model.certified_radius(X),
         per_class=model.loss_terms(X, y)["cross_entropy_per_class"])
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def test_another_process_serves_the_same_bits_without_keras(tmp_path):
    model, X, y = fitted_mlp("multiclass")
    joblib.dump((model, X, y), tmp_path / "model.joblib")
    modules = last_json(run_script(SERVE, tmp_path / "model.joblib", tmp_path / "served.npz"))
    with np.load(tmp_path / "served.npz") as served:
        assert bits(served["per_class"]) == bits(model.loss_terms(X, y)["cross_entropy_per_class"])
        for name in set(served.files) - {"per_class"}:
            assert bits(served[name]) == bits(getattr(model, name)(X)), name
    assert "sklip" in modules and not {"tensorflow", "keras", "scikeras"} & set(modules)


# What early stopping watches -----------------------------------------------------------------

EPSILON = {"binary": 0.2, "multiclass": 2.0}


@pytest.fixture(scope="module")
def held_out():
    return {
        "binary": make_moons(60, noise=0.2, random_state=5),
        "multiclass": make_blobs(60, n_features=4, centers=3, cluster_std=3.0, random_state=1),
    }


@pytest.mark.parametrize(
    "kind, monitor", [("binary", "certified_accuracy"), ("multiclass", "certified_accuracy"), ("binary", "accuracy")]
)
def test_early_stopping_goes_back_to_the_best_epoch_of_what_it_monitors(kind, monitor, held_out):
    import keras

    # Ten epochs that learn, then three that throw it away.
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([30], [0.03, 50.0])
    X, y = held_out[kind]
    model = mlp(
        epochs=13,
        optimizer=keras.optimizers.Adam(rate),
        early_stopping=True,
        monitor=monitor,
        epsilon=EPSILON[kind],
        n_iter_no_change=100,
    ).fit(*DATA[kind](), X_val=X, y_val=y)
    assert {"accuracy", "certified_accuracy", "val_accuracy", "val_certified_accuracy"} < set(model.history_)
    values = np.array(model.history_[f"val_{monitor}"])
    radius = model.certified_radius(X) if monitor == "certified_accuracy" else np.full(len(X), np.inf)
    served = certified_accuracy_score(y, model.predict(X), radius, EPSILON[kind])
    row = 1.01 / len(X)
    assert served == pytest.approx(values.max(), abs=row)
    assert values[-1] < values.max() - 4 * row
    assert len(values) == 13


@KINDS
def test_certified_accuracy_of_the_history_is_that_of_the_served_network_in_the_units_of_the_data(kind, held_out):
    X, y = held_out[kind]
    factor, (rows, labels) = 1024.0, DATA[kind]()
    model = mlp(epochs=15, learning_rate=0.02, epsilon=factor * EPSILON[kind])
    model.fit(factor * rows, labels, X_val=factor * X, y_val=y)
    figures = {
        "val_accuracy": model.score(factor * X, y),
        "val_certified_accuracy": certified_accuracy_score(
            y, model.predict(factor * X), model.certified_radius(factor * X), factor * EPSILON[kind]
        ),
    }
    for name, figure in figures.items():
        assert model.history_[name][-1] == pytest.approx(figure, abs=1.01 / len(X)), name
    assert 0.1 < figures["val_certified_accuracy"] < figures["val_accuracy"] - 0.05


@pytest.mark.parametrize("monitor, epochs", [("accuracy", 3), ("loss", 6)])
def test_what_is_monitored_decides_when_to_stop(monitor, epochs, held_out):
    # An accuracy never rises by 2; a loss of some 1e4 falls by more than that, again and again.
    X, y = held_out["binary"]
    model = mlp(loss="hkr", alpha=1e5, epochs=6, early_stopping=True, monitor=monitor, n_iter_no_change=2, tol=2.0)
    assert model.fit(*moons(), X_val=X, y_val=y).n_iter_ == epochs


# Going on ------------------------------------------------------------------------------------


def test_partial_fit_goes_on_in_a_copy_as_in_the_original():
    X, y = blobs()
    begun = mlp(batch_size=16).partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    loaded = pickle.loads(pickle.dumps(begun))
    assert begun.predict_proba(X).shape == (len(X), 3)
    temperature, early = begun.temperature_, begun.loss_terms(X, y)["loss"]
    for model in (begun, loaded):
        for _ in range(3):
            model.partial_fit(X, y)
    assert_same_inference(loaded, begun, X)
    assert begun.temperature_ == temperature
    assert begun.n_iter_ == len(begun.history_["cross_entropy"]) == 4
    assert begun.loss_terms(X, y)["loss"] < early


def test_warm_start_goes_on_from_the_weights_by_another_loss_and_temperature():
    first, X, y = learned("binary", "cross_entropy")
    warm = copy.deepcopy(first).set_params(
        warm_start=True, loss="hinge", temperature=2.0, learning_rate=1e-30, epochs=1
    )
    warm.fit(X, y)
    np.testing.assert_allclose(warm.decision_function(X), first.decision_function(X), rtol=0, atol=1e-6)
    assert warm.temperature_ == 2.0 and list(warm.history_) == ["loss", "hinge", "accuracy"]


# The docstrings ------------------------------------------------------------------------------


def documented(estimator):
    """Type without its default, and description, of each parameter in a docstring."""
    text = inspect.getdoc(estimator).split("Parameters\n----------\n")[1].split("\n\nAttributes\n")[0]
    entries = re.findall(r"^(\w+) : (.*)\n((?:    .*\n?)+)", text, re.MULTILINE)
    return {name: (re.sub(r", default=.*", "", kind), body.split()) for name, kind, body in entries}


def test_the_docstrings_of_estimators_that_train_describe_their_parameters_in_the_order_of_the_signature():
    for kind in (HKRClassifier, LipschitzMLP, WassersteinEstimator):
        assert list(documented(kind)) == list(inspect.signature(kind).parameters)


def test_parameters_of_several_estimators_are_documented_alike():
    hkr, mlp, transport = map(documented, (HKRClassifier, LipschitzMLP, WassersteinEstimator))
    assert {name for name in hkr if hkr[name] != mlp[name]} == {"alpha", "min_margin", "class_weight"}
    same = {name for name in transport if hkr[name] == transport[name]}
    assert {"activation", "optimizer", "learning_rate", "epochs", "callbacks", "jit_compile", "verbose"} <= same


def test_what_a_class_describes_itself_comes_before_the_table_and_defaults_come_from_the_signature():
    @with_training_parameters
    class Documented:
        """An estimator.

        Parameters
        ----------
        more : int
            Of its own.
        epochs : int
            Fewer than usual.
        """

        _parameter_constraints = {"more": [int]}

        def __init__(self, *, optimizer="sgd", epochs=3, more=1e-4):
            store_parameters(self, locals())

    assert documented(Documented) == {
        "optimizer": documented(HKRClassifier)["optimizer"],
        "epochs": ("int", ["Fewer", "than", "usual."]),
        "more": ("int", ["Of", "its", "own."]),
    }
    assert re.findall("default=(.*)", Documented.__doc__) == ['"sgd"', "3", "0.0001"]
    assert list(Documented._parameter_constraints) == ["optimizer", "epochs", "more"]
    assert vars(Documented(epochs=5)) == {"optimizer": "sgd", "epochs": 5, "more": 1e-4}


# What cannot be trained with -----------------------------------------------------------------


def test_a_loss_of_one_number_for_all_rows_is_refused():
    """It would take no notice of the weights."""
    from sklip.losses import hkr

    with pytest.raises(ValueError, match="one value per row"):
        mlp(loss=hkr, epochs=1).fit(*moons())


@pytest.mark.parametrize(
    "kind, name, arguments, message",
    [
        ("binary", "CategoricalCrossentropy", {"from_logits": True}, "BinaryCrossentropy"),
        ("multiclass", "SparseCategoricalCrossentropy", {"from_logits": True}, "one-hot"),
        ("multiclass", "KLDivergence", {}, "logits"),
    ],
)
def test_a_loss_of_other_targets_is_refused(kind, name, arguments, message):
    with pytest.raises(ValueError, match=message):
        mlp(loss=keras_loss(name, **arguments), epochs=1).fit(*DATA[kind]())


def test_a_function_of_probabilities_is_refused():
    import keras

    with pytest.raises(ValueError, match="from_logits"):
        mlp(loss=keras.losses.binary_crossentropy, epochs=1).fit(*moons())


def test_class_weights_are_for_a_loss_of_sklips_to_take_itself():
    from sklip.losses import HKR

    with pytest.raises(ValueError, match="class_weight"):
        mlp(loss=HKR(), class_weight={0: 2.0}, epochs=1).fit(*moons())


def test_a_keras_loss_is_the_weighted_mean_of_its_costs_whatever_its_reduction():
    X, y = moons()
    weights = np.random.default_rng(0).uniform(0.0, 1.0, len(y))
    values = []
    for reduction in ("sum_over_batch_size", "sum", None):
        loss = keras_loss("BinaryCrossentropy", from_logits=True, reduction=reduction)
        model = mlp(loss=loss, epochs=1, temperature=2.0).fit(X, y, weights)
        values.append(model.loss_terms(X, y, weights)["loss"])
        margins = 2.0 * np.where(y == 1, 1.0, -1.0) * model.decision_function(X)
        assert values[-1] == pytest.approx(np.average(np.logaddexp(0.0, -margins), weights=weights), rel=1e-5)
    assert len(set(values)) == 1


# Between two calls ---------------------------------------------------------------------------


def test_balanced_weights_in_the_loss_terms_are_those_of_the_rows():
    X, y = moons()
    model = mlp(class_weight="balanced", epochs=1).fit(X, y)
    rows = np.flatnonzero((y == 0) | (np.cumsum(y) <= 10))
    terms = model.loss_terms(X[rows], y[rows])
    assert terms["cross_entropy"] == pytest.approx(terms["cross_entropy_per_class"].mean(), rel=1e-12)


def test_a_term_that_comes_later_has_nan_for_the_epochs_before():
    X, y = moons()
    model = mlp().partial_fit(X, y, classes=[0, 1])
    model.set_params(epsilon=0.1).partial_fit(X, y)
    first, second = model.history_["certified_accuracy"]
    assert np.isnan(first) and 0.0 <= second <= 1.0
    assert all(len(values) == 2 for values in model.history_.values())
