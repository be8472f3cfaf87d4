"""LipschitzRegressor: losses, constants, targets, engines, files and the contract of scikit-learn."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.ensemble import BaggingRegressor, StackingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, cross_val_score, learning_curve, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import sklip
from sklip import LipschitzRegressor, ModelFileError
from sklip.certification import proven_directions
from sklip.exceptions import UnlikeConstantWarning
from sklip.losses import AbsoluteError, Huber, Pinball, SquaredError
from sklip.training.in_numpy import losses as numpy_losses

SMALL = {"hidden_layer_sizes": (16, 8), "epochs": 20, "random_state": 0, "backend": "numpy"}
LOSSES = ["squared_error", "absolute_error", "huber", "quantile"]


def table(n_rows=300, noise=0.0, seed=0):
    X, y = make_friedman1(n_rows, n_features=5, noise=noise, random_state=seed)
    return StandardScaler().fit_transform(X), y


def fitted(**parameters):
    X, y = table()
    return LipschitzRegressor(**{"lipschitz": 8.0, **SMALL, **parameters}).fit(X, y), X, y


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_learns_and_minimises_what_it_says(loss):
    regressor, X, y = fitted(loss=loss, quantile=0.8, epochs=40)
    errors = y - regressor.predict(X)
    if loss == "quantile":
        assert np.mean(errors <= 0) == pytest.approx(0.8, abs=0.08)
    else:
        assert np.std(errors) < 0.4 * np.std(y) and abs(np.mean(errors)) < 0.3
    history = regressor.history_
    assert list(history) == ["loss", "mean_absolute_error", "mean_squared_error"]
    assert history["mean_absolute_error"][-1] == pytest.approx(np.mean(np.abs(errors)), rel=0.25)
    assert history["mean_squared_error"][-1] == pytest.approx(np.mean(errors**2), rel=0.4)
    assert history["loss"][-1] < history["loss"][0]


@pytest.mark.parametrize("name", ["SquaredError", "AbsoluteError", "Huber", "Pinball"])
def test_losses_are_the_same_in_numpy_and_with_keras_and_have_the_right_slopes(name, rng):
    given = {"Huber": {"delta": 0.7}, "Pinball": {"quantile": 0.3}}.get(name, {})
    ours = getattr(numpy_losses, name)(**given)
    theirs = {"SquaredError": SquaredError, "AbsoluteError": AbsoluteError, "Huber": Huber, "Pinball": Pinball}[name]
    targets, scores = rng.standard_normal((2, 20, 3)).astype(np.float32)
    weights = rng.random(20).astype(np.float32)
    terms, slopes = ours.terms_and_slopes(targets, scores, weights)
    for term, value in theirs(**given).terms(targets, scores, weights).items():
        assert float(value) == pytest.approx(float(terms[term]), rel=1e-5)
    step = 1e-3 * rng.standard_normal(scores.shape)
    above, below = (
        np.float64(ours(np.float64(targets), scores + sign * step, np.float64(weights))) for sign in (1, -1)
    )
    assert (above - below) / 2 == pytest.approx(np.sum(slopes * step), rel=0.02, abs=2e-6)
    assert float(theirs(**given)(targets[:, 0], scores[:, 0])) == pytest.approx(
        float(ours(targets[:, :1], scores[:, :1]))
    )


def test_auto_is_as_good_as_the_best_constant_and_says_what_it_tried():
    X, y = load_diabetes(return_X_y=True)
    X, X_test, y, y_test = train_test_split(StandardScaler().fit_transform(X), y, random_state=0)
    regressor = LipschitzRegressor(**{**SMALL, "epochs": 30}).fit(X, y)
    path = regressor.lipschitz_path_
    assert len(path["lipschitz"]) == len(path["cost"]) >= 5 and (np.diff(path["lipschitz"]) > 0).all()
    assert regressor.lipschitz_ == path["lipschitz"][path["cost"].argmin()]
    assert regressor.lipschitz_bound_ == pytest.approx(regressor.lipschitz_, rel=1e-9)
    ridge = RidgeCV(np.logspace(-3, 3, 13)).fit(X, y)
    assert regressor.score(X_test, y_test) > ridge.score(X_test, y_test) - 0.06
    stated = clone(regressor).set_params(lipschitz=regressor.lipschitz_).fit(X, y)
    np.testing.assert_array_equal(stated.predict(X_test), regressor.predict(X_test))
    assert stated.lipschitz_path_ == {}


def test_units_of_targets_and_rows_do_not_matter():
    regressor, X, y = fitted()
    other = clone(regressor).set_params(lipschitz=8.0 * 1024.0 / 64.0).fit(64.0 * X, 1024.0 * y)
    np.testing.assert_allclose(other.predict(64.0 * X), 1024.0 * regressor.predict(X), rtol=1e-9)


@pytest.mark.parametrize("exponent", [-900, -500, 490])
def test_units_of_targets_do_not_matter_even_if_their_squares_underflow(exponent):
    X, y = table(60)
    regressor = LipschitzRegressor(**{**SMALL, "epochs": 2}).fit(X, y)
    other = clone(regressor).fit(X, np.ldexp(y, exponent))
    np.testing.assert_allclose(np.ldexp(other.predict(X), -exponent), regressor.predict(X), rtol=1e-9)
    assert other.lipschitz_ == pytest.approx(np.ldexp(regressor.lipschitz_, exponent), rel=1e-9)


@pytest.mark.parametrize("target", [1e20 / 3.0, -1e149 / 3.0])
def test_the_mean_of_equal_targets_is_exact_so_that_its_rounding_is_not_learned(target):
    X, _ = table(7)
    regressor = LipschitzRegressor(**{**SMALL, "epochs": 1}).fit(X, np.full(7, target))
    assert regressor.target_center_ == target
    assert regressor.lipschitz_ < 100.0
    np.testing.assert_allclose(regressor.predict(X), target, rtol=1e-12)


def test_several_targets():
    X, y = table()
    both = np.column_stack([y, -100.0 * y + X[:, 0]])
    regressor = LipschitzRegressor(**SMALL).fit(X, both)
    assert regressor.predict(X).shape == both.shape and regressor.n_outputs_ == 2
    assert regressor.score(X, both) > 0.8
    assert regressor.lipschitz_.shape == (2,)
    assert regressor.lipschitz_[1] / regressor.lipschitz_[0] == pytest.approx(100.0, rel=0.2)
    assert regressor.target_center_ == pytest.approx(both.mean(axis=0))
    with pytest.raises(ValueError, match="needs the 2 targets of the last fit"):
        regressor.set_params(warm_start=True).fit(X, y)


def test_weights_and_held_out_rows_and_early_stopping():
    X, y = table(noise=1.0)
    weights = np.r_[np.ones(200), np.zeros(100)]
    weighted = LipschitzRegressor(lipschitz=8.0, **SMALL).fit(X, y, weights)
    alone = LipschitzRegressor(lipschitz=8.0, **SMALL).fit(X[:200], y[:200])
    np.testing.assert_array_equal(weighted.predict(X), alone.predict(X))
    stopping = {"early_stopping": True, "n_iter_no_change": 2, "epochs": 60, "lipschitz": 8.0}
    for monitor in ("loss", "mean_absolute_error", "mean_squared_error"):
        stopped = LipschitzRegressor(**{**SMALL, **stopping, "monitor": monitor})
        stopped.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
        watched = stopped.history_[f"val_{monitor}"]
        assert stopped.n_iter_ < 60 and np.argmin(watched) < len(watched)
        error = {"loss": np.square, "mean_squared_error": np.square, "mean_absolute_error": np.abs}[monitor]
        final = np.mean(error(y[200:] - stopped.predict(X[200:]))) * (0.5 if monitor == "loss" else 1.0)
        assert final == pytest.approx(np.min(watched), rel=0.02)
    assert LipschitzRegressor(**{**SMALL, **stopping}).fit(X, y).n_iter_ <= 60


def test_norms_tolerances_and_directions():
    X, y = table()
    for norm in (1, 2, np.inf):
        regressor = LipschitzRegressor(
            norm=norm, tolerances=[1.0, 1.0, 0.0, 0.5, 1.0], monotonic_cst=[1, 0, 0, 1, 1], lipschitz=8.0, **SMALL
        ).fit(X, y)
        np.testing.assert_array_equal(proven_directions(regressor.network_), [1, 0, 0, 1, 1])
        assert regressor.lipschitz_bound_ <= 8.0 * (1 + 1e-9)
        assert (regressor.gradient(X)[:, [0, 3, 4]] > -1e-9).all()
    with pytest.raises(ValueError, match="monotonic constraints are not supported for several targets"):
        LipschitzRegressor(monotonic_cst=[1, 0, 0, 0, 0], lipschitz=8.0, **SMALL).fit(X, np.column_stack([y, y]))


@pytest.mark.parametrize("directions", [None, [1, 0, 0, 1, 1]])
def test_weights_of_columns_bound_the_slopes_of_predictions(directions):
    tolerances = np.array([1.0, 0.5, 2.0, 1.0, 0.0])
    regressor, X, _ = fitted(norm="inf", tolerances=tolerances, monotonic_cst=directions, epochs=8)
    weights, slopes = regressor.feature_weights_, np.abs(regressor.gradient(X)) * tolerances
    assert (slopes <= weights * (1 + 1e-9)).all() and (slopes.max(axis=0) >= 0.2 * weights).all()
    if directions is None:
        assert np.linalg.norm(weights) == pytest.approx(8.0, rel=1e-9)
    targets = np.column_stack([X[:, 0], 100 * X[:, 1]])
    both = LipschitzRegressor(norm="inf", lipschitz=[8.0, 800.0], **SMALL).fit(X, targets)
    assert (np.abs(both.gradient(X)[:, 1]) <= both.feature_weights_ * (1 + 1e-9)).all()


def test_the_engines_agree():
    pytest.importorskip("keras")
    for loss in LOSSES:
        ours, X, _ = fitted(loss=loss, epochs=3)
        theirs, _, _ = fitted(loss=loss, epochs=3, backend="keras")
        np.testing.assert_allclose(theirs.predict(X), ours.predict(X), atol=2e-2)


def test_training_goes_on_and_keeps_the_constant():
    regressor, X, y = fitted(lipschitz="auto", epochs=5)
    chosen, cost = regressor.lipschitz_, np.mean((y - regressor.predict(X)) ** 2)
    regressor.set_params(warm_start=True).fit(X, y)
    assert regressor.lipschitz_ == chosen and np.mean((y - regressor.predict(X)) ** 2) < cost
    regressor.partial_fit(X, y)
    assert regressor.lipschitz_ == chosen and regressor.n_iter_ == 6
    first = LipschitzRegressor(lipschitz=8.0, **SMALL).partial_fit(X, y)
    assert first.partial_fit(X, y).n_iter_ == 2


def test_files_and_exports():
    regressor, X, _ = fitted()
    again = pickle.loads(pickle.dumps(regressor))
    np.testing.assert_array_equal(again.certified_band(X, 0.3), regressor.certified_band(X, 0.3))
    skops = pytest.importorskip("skops.io")
    loaded = skops.loads(skops.dumps(regressor), trusted=sklip.TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.predict(X), regressor.predict(X))
    state = regressor.__getstate__() | {"n_outputs_": 2}
    with pytest.raises(ModelFileError, match="its network has 1 scores, but there are n_outputs_ = 2 targets"):
        LipschitzRegressor().__setstate__(state)
    keras = pytest.importorskip("keras")
    model = regressor.to_keras()
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(X))[:, 0], regressor.predict(X), atol=1e-3)


@pytest.mark.parametrize(("lipschitz", "word"), [(1e-3, "larger"), (1e5, "smaller")])
def test_constants_in_other_units_are_warned_of(lipschitz, word):
    with pytest.warns(UnlikeConstantWarning, match=f"Give a {word} number, around"):
        fitted(lipschitz=lipschitz, epochs=1)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"lipschitz": -1.0}, "'lipschitz' parameter"),
        ({"lipschitz": [1.0, np.nan]}, "must hold positive numbers"),
        ({"lipschitz": "best"}, "'lipschitz' parameter"),
        ({"lipschitz": [1.0, 2.0]}, "got 2 numbers for 1 targets"),
        ({"lipschitz": []}, "got 0 numbers for 1 targets"),
        ({"lipschitz": 1e308}, "so large that predictions may overflow"),
        ({"lipschitz": 1e-100}, "so small that no training can reach"),
        ({"loss": "mse"}, "'loss' parameter"),
        ({"loss": "quantile", "quantile": 1.0}, "'quantile' parameter"),
        ({"monitor": "accuracy"}, "'monitor' parameter"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        fitted(**parameters)


def test_bad_targets():
    X, y = table(30)
    regressor = LipschitzRegressor(lipschitz=8.0, **SMALL)
    for bad, message in (
        (np.where(np.arange(30) == 3, np.nan, y), "Input y contains NaN"),
        (y[:-1], "inconsistent numbers of samples"),
        (None, "y to be passed"),
        (1e200 * y, "beyond 1e150"),
        (np.full(30, "much"), "could not convert string"),
    ):
        with pytest.raises(ValueError, match=message):
            clone(regressor).fit(X, bad)
    constant = clone(regressor).set_params(lipschitz=1.0).fit(X, np.full(30, 7.0))
    np.testing.assert_allclose(constant.predict(X), 7.0, atol=0.5)
    with pytest.raises(NotFittedError):
        regressor.predict(X)
    with pytest.raises(ValueError, match=r"y_val has 2 targets, but y has 1"):
        clone(regressor).fit(X, y, X_val=X, y_val=np.column_stack([y, y]))


def test_what_is_around_it_in_scikit_learn():
    X, y = table(120)
    frame = pd.DataFrame(X, columns=list("abcde"))
    base = LipschitzRegressor(lipschitz=8.0, **{**SMALL, "epochs": 8})
    assert cross_val_score(base, X, y, cv=3).mean() > 0.2
    search = GridSearchCV(make_pipeline(StandardScaler(), base), {"lipschitzregressor__lipschitz": [2.0, 8.0]}, cv=2)
    assert search.fit(frame, y).best_params_["lipschitzregressor__lipschitz"] == 8.0
    assert StackingRegressor([("a", base), ("b", RidgeCV())], cv=2).fit(X, y).score(X, y) > 0.5
    assert BaggingRegressor(base, 2, random_state=0).fit(X, y).score(X, y) > 0.2
    assert TransformedTargetRegressor(base, func=np.log1p, inverse_func=np.expm1).fit(X, y).predict(X).shape == (120,)
    regressor = base.fit(frame, y)
    assert len(permutation_importance(regressor, frame, y, n_repeats=2).importances_mean) == 5
    display = PartialDependenceDisplay.from_estimator(regressor, frame, ["a"], grid_resolution=4)
    assert display.axes_.size == 1
    sizes, *_ = learning_curve(base, X, y, cv=2, train_sizes=[0.5, 1.0])
    assert len(sizes) == 2
    polars = pytest.importorskip("polars")
    np.testing.assert_allclose(regressor.predict(polars.DataFrame(frame.to_dict("list"))), regressor.predict(frame))


_CONTRACT = LipschitzRegressor(**{**SMALL, "hidden_layer_sizes": (16,), "learning_rate": 0.05, "lipschitz": "auto"})


@pytest.mark.parametrize(
    ("estimator", "check"),
    list(
        estimator_checks_generator(
            _CONTRACT,
            expected_failed_checks={
                "check_sample_weight_equivalence_on_dense_data": "batches are not those of repeated rows"
            },
            mark="xfail",
        )
    ),
    ids=lambda value: getattr(getattr(value, "func", value), "__name__", None),
)
def test_contract_of_scikit_learn(estimator, check):
    check(estimator)
