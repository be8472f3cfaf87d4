"""RobustConformalClassifier: sets by their own formula, coverage under attack, edge cases, scikit-learn's rules."""

import io
import pickle

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import sklip
from sklip import (
    CertifiedPipeline,
    HKRClassifier,
    LipschitzMLP,
    NetworkClassifier,
    NotLipschitzError,
    RobustConformalClassifier,
)
from sklip.conformal._quantile import conformal_threshold
from sklip.exceptions import FarFromTrainingWarning, TooFewCalibrationRowsWarning
from sklip.served import Center, Dense, ServedNetwork

NORMS = [1, 2, np.inf]
DUAL = {1: np.inf, 2: 2, np.inf: 1}
SMALL = {"hidden_layer_sizes": (16, 8), "epochs": 10, "random_state": 0, "backend": "numpy"}


def rows(n_rows, n_classes, seed):
    """Classes that overlap: a sixth to a third of the rows are predicted wrong."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_rows)
    centers = 1.6 * np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
    return centers[y] + rng.standard_normal((n_rows, 3)), y


def linear(n_classes):
    """A fitted classifier without hidden layers, whose strongest attacks are known."""
    X, y = rows(2000, n_classes, seed=99)
    model = LogisticRegression().fit(X, y)
    network = ServedNetwork((Center(np.zeros(3)), Dense(model.coef_.T, model.intercept_)))
    return NetworkClassifier(network=network, classes=model.classes_).serve()


def trained(n_classes, **parameters):
    return LipschitzMLP(**{**SMALL, **parameters}).fit(*rows(300, n_classes, seed=98))


def nonconformity(scores, y):
    """By loops: the best other score minus that of the class; of one score, minus the score towards the class."""
    if scores.ndim == 1:
        return np.array([-score if label == 1 else score for score, label in zip(scores, y, strict=True)])
    return np.array(
        [
            max(score for other, score in enumerate(row) if other != label) - row[label]
            for row, label in zip(scores, y, strict=True)
        ]
    )


def steepest(directions, norm):
    """Displacements of size 1 in a norm that go as far along directions as possible."""
    if norm == np.inf:
        return np.sign(directions)
    if norm == 1:
        directions = directions * (np.abs(directions) == np.abs(directions).max(axis=1, keepdims=True))
    return directions / np.linalg.norm(directions, norm, axis=1, keepdims=True)


def attacked(classifier, X, y, radius, norm=2):
    """Rows moved by the radius, in three steps, against the lead of their class over the best other."""
    start, X = X, X.copy()
    for _ in range(3):
        gradient, scores = classifier.gradient(X), classifier.decision_function(X)
        if scores.ndim == 1:
            lead = gradient * np.where(y == 1, 1.0, -1.0)[:, None]
        else:
            each = np.arange(len(X))
            scores[each, y] = -np.inf
            lead = gradient[each, y] - gradient[each, scores.argmax(axis=1)]
        X = start + (1 - 1e-9) * radius * steepest(0.5 * (start - X) / radius - lead, norm)
    return X


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("make", [linear, trained])
def test_sets_of_radius_zero_are_those_of_split_conformal_prediction(n_classes, make):
    classifier = make(n_classes)
    X, y = rows(99, n_classes, seed=0)
    model = RobustConformalClassifier(FrozenEstimator(classifier), alpha=0.1).fit(X, y)
    expected = np.sort(nonconformity(classifier.decision_function(X), y))
    np.testing.assert_allclose(model.calibration_scores_, expected, rtol=1e-12, atol=1e-14)
    assert model.threshold_ == model.calibration_scores_[89]  # ⌈0.9 · 100⌉ = 90
    X, _ = rows(500, n_classes, seed=1)
    scores = classifier.decision_function(X)
    of_classes = [nonconformity(scores, np.full(len(X), label)) for label in range(n_classes)]
    np.testing.assert_array_equal(model.predict_set(X), np.column_stack(of_classes) <= model.threshold_)


def test_the_threshold_is_the_decimal_quantile():
    for alpha, n_rows, rank in ((0.1, 9, 9), (0.1, 99, 90), (0.3, 9, 7), (0.7, 9, 3), (0.05, 100, 96), (0.5, 1, 1)):
        assert conformal_threshold(np.random.default_rng(0).permutation(n_rows) + 1.0, alpha) == rank
    assert conformal_threshold(np.array([1.0, np.inf, 0.0]), np.float32(0.25)) == np.inf
    with pytest.warns(TooFewCalibrationRowsWarning, match="alpha=0.1 needs at least 9 rows for calibration; there are"):
        assert conformal_threshold(np.zeros(8), 0.1) == np.inf


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_linear_attack_takes_exactly_what_the_radius_adds(n_classes, norm):
    """With one score, the set under attack decides for the true class as that of the clean row."""
    classifier, radius = linear(n_classes), 0.4
    calibration, (X, y) = rows(199, n_classes, seed=0), rows(1000, n_classes, seed=1)
    plain = RobustConformalClassifier(FrozenEstimator(classifier)).fit(*calibration)
    robust = clone(plain).set_params(radius=radius, norm=norm).fit(*calibration)
    each, moved = np.arange(len(X)), attacked(classifier, X, y, radius, norm)
    clean, under_attack = plain.predict_set(X)[each, y], robust.predict_set(moved)[each, y]
    assert (clean <= under_attack).all()
    assert plain.predict_set(moved)[each, y].mean() < clean.mean() - 0.04
    if n_classes == 2:
        np.testing.assert_array_equal(clean, under_attack)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_sets_hold_each_class_that_a_row_within_the_radius_holds(n_classes, norm):
    """The fact behind the coverage, for every class and every row, with small and large radii."""
    classifier, rng = trained(n_classes, norm=norm), np.random.default_rng(0)
    X, _ = rows(200, n_classes, seed=1)
    plain = RobustConformalClassifier(FrozenEstimator(classifier), alpha=0.2).fit(*rows(99, n_classes, seed=0))
    clean = plain.predict_set(X)
    for radius in (1e-13, 0.02, 0.3):
        robust = clone(plain).set_params(radius=radius).fit(*rows(99, n_classes, seed=0))
        moves = [attacked(classifier, X, np.full(len(X), label), radius, norm) for label in range(n_classes)]
        moves += [X + (1 - 1e-9) * radius * steepest(rng.standard_normal(X.shape), norm) for _ in range(10)]
        for moved in moves:
            assert (clean <= robust.predict_set(moved)).all()


@pytest.mark.parametrize(("n_classes", "make"), [(2, linear), (3, linear), (3, trained)])
def test_coverage_under_attack_is_as_promised(n_classes, make):
    """Mean over 300 draws of 99 calibration and 50 test rows, less three standard errors; expected 0.90 to 0.91."""
    classifier, radius, plain_rates, robust_rates = make(n_classes), 0.3, [], []
    for seed in range(300):
        X, y = rows(149, n_classes, seed)
        model = RobustConformalClassifier(FrozenEstimator(classifier), alpha=0.1, radius=radius).fit(X[:99], y[:99])
        moved, each = attacked(classifier, X[99:], y[99:], radius), np.arange(50)
        robust_rates.append(model.predict_set(moved)[each, y[99:]].mean())
        plain_rates.append(model.set_params(radius=0.0).predict_set(moved)[each, y[99:]].mean())
    error = np.std(robust_rates) / np.sqrt(300)
    assert error < 0.006
    assert np.mean(robust_rates) >= 0.9 - 3 * error
    assert np.mean(plain_rates) < 0.86
    if n_classes == 2:
        assert np.mean(robust_rates) <= 0.91 + 3 * error


def test_rows_are_held_out_at_random_and_the_estimator_is_cloned():
    X, y = rows(200, 3, seed=0)
    classifier = LipschitzMLP(**SMALL)
    model = RobustConformalClassifier(classifier, calibration_size=0.3, random_state=1).fit(X, y)
    assert not hasattr(classifier, "network_") and len(model.calibration_scores_) == 60
    kept, held_out = train_test_split(
        np.arange(200), test_size=0.3, random_state=np.random.RandomState(1).randint(2**31 - 1)
    )
    by_hand = LipschitzMLP(**SMALL).fit(X[np.sort(kept)], y[np.sort(kept)])
    np.testing.assert_array_equal(model.predict(X), by_hand.predict(X))
    of_frozen = RobustConformalClassifier(FrozenEstimator(by_hand)).fit(X[held_out], y[held_out])
    assert of_frozen.threshold_ == pytest.approx(model.threshold_, rel=1e-12)
    np.testing.assert_array_equal(of_frozen.predict_set(X), model.predict_set(X))
    assert len(clone(model).set_params(calibration_size=20).fit(X, y).calibration_scores_) == 20


def test_empty_sets_are_kept_or_hold_the_prediction():
    classifier = trained(3)
    X, y = rows(99, 3, seed=0)
    model = RobustConformalClassifier(FrozenEstimator(classifier), alpha=0.6).fit(X, y)
    sets = model.predict_set(X)
    empty = ~sets.any(axis=1)
    assert empty.any() and model.threshold_ < 0
    filled = model.set_params(empty_sets="predicted").predict_set(X)
    np.testing.assert_array_equal(filled[~empty], sets[~empty])
    np.testing.assert_array_equal(model.classes_[filled[empty].argmax(axis=1)], model.predict(X)[empty])
    assert (filled.sum(axis=1) >= 1).all() and (filled[empty].sum(axis=1) == 1).all()


def test_too_few_rows_give_sets_of_all_classes():
    X, y = rows(8, 3, seed=0)
    with pytest.warns(TooFewCalibrationRowsWarning) as record:
        model = RobustConformalClassifier(FrozenEstimator(trained(3))).fit(X, y)
    assert record[0].filename == __file__
    assert model.threshold_ == np.inf and model.predict_set(X).all()


def test_sets_grow_with_the_radius_and_are_full_far_away():
    X, y = rows(99, 3, seed=0)
    model = RobustConformalClassifier(FrozenEstimator(trained(3))).fit(X, y)
    sizes = [model.set_params(radius=radius).predict_set(X).sum() for radius in (0.0, 0.1, 0.5, 2.0, 100.0, np.inf)]
    assert sizes == sorted(sizes) and sizes[0] < sizes[2] and sizes[-1] == 3 * len(X)
    with pytest.warns(FarFromTrainingWarning):
        assert model.set_params(radius=0.1).predict_set(np.full((1, 3), 1e160)).all()


def test_classes_with_names_and_a_class_that_only_the_calibration_rows_have():
    X, y = rows(60, 3, seed=0)
    names = np.array(["a", "b", "c"]).astype("U4")[y]
    names[7] = "rare"
    found = set()
    for seed in range(12):
        model = RobustConformalClassifier(HKRClassifier(**SMALL), calibration_size=0.5, random_state=seed)
        model.fit(X, names)
        found.add("rare" in model.classes_)
        assert np.isinf(model.calibration_scores_).any() == ("rare" not in model.classes_)
        assert model.predict_set(X).shape == (60, len(model.classes_))
    assert found == {False, True}
    fitted = HKRClassifier(**SMALL).fit(X[8:], names[8:])
    with pytest.raises(ValueError, match="does not know: \\['rare'\\]"):
        RobustConformalClassifier(FrozenEstimator(fitted)).fit(X, names)


def test_frames_tolerances_by_name_and_searches():
    X, y = rows(200, 3, seed=0)
    frame = pd.DataFrame(X, columns=list("abc"))
    search = GridSearchCV(LipschitzMLP(**SMALL), {"margin_offset": [0.0, 0.1]}, cv=2)
    model = RobustConformalClassifier(search, radius=0.5, norm="inf", tolerances={"b": 0.1}, random_state=0)
    model.fit(frame, y)
    assert model.feature_names_in_.tolist() == list("abc") and model.n_features_in_ == 3
    sets = model.predict_set(frame)
    everywhere = model.set_params(tolerances=0.1).predict_set(frame)
    assert (sets <= everywhere).all() and sets.sum() < everywhere.sum()
    model.fit(X, y)
    assert not hasattr(model, "feature_names_in_")
    with pytest.raises(ValueError, match="tolerances names columns that X does not have"):
        model.set_params(tolerances={"z": 1.0}).fit(frame, y)


@pytest.mark.slow
def test_images_and_rows_of_float32():
    rng = np.random.default_rng(0)
    X = rng.random((120, 4, 4, 1)).astype(np.float32)
    y = np.where(X[:, :2].sum(axis=(1, 2, 3)) > X[:, 2:].sum(axis=(1, 2, 3)), "top", "bottom")
    classifier = LipschitzMLP(**{**SMALL, "backend": "auto", "epochs": 2})
    model = RobustConformalClassifier(classifier, radius=0.1, random_state=0).fit(X, y)
    assert model.n_features_in_ == 16 and model.predict_set(X).shape == (120, 2)
    np.testing.assert_array_equal(model.predict_set(X), model.predict_set(X.reshape(120, 16)))


def test_params_pickles_skops_and_cross_validation():
    X, y = rows(120, 3, seed=0)
    model = RobustConformalClassifier(LipschitzMLP(**SMALL), alpha=0.2, radius=0.1, random_state=0)
    assert model.get_params()["estimator__hidden_layer_sizes"] == (16, 8)
    assert clone(model).get_params()["radius"] == 0.1
    assert cross_val_score(model, X, y, cv=2).mean() > 0.5
    sets = model.fit(X, y).predict_set(X)
    for again in (
        pickle.loads(pickle.dumps(model)),
        skops.io.loads(skops.io.dumps(model), trusted=sklip.TRUSTED_TYPES),
        sklip.load(io.BytesIO(pickle.dumps(model))),
    ):
        np.testing.assert_array_equal(again.predict_set(X), sets)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (make_pipeline(StandardScaler(), LipschitzMLP()), "takes no pipelines.*'standardscaler' \\(StandardScaler\\)"),
        (GridSearchCV(make_pipeline(PCA(2), LipschitzMLP(**SMALL)), {}, cv=2), "takes no pipelines"),
        (CertifiedPipeline(make_pipeline(StandardScaler(), LipschitzMLP())), "takes no pipelines"),
        (FrozenEstimator(make_pipeline(StandardScaler(), LipschitzMLP())), "takes no pipelines"),
        (LogisticRegression(), "needs a classifier of sklip with a constant; LogisticRegression is none"),
        (GridSearchCV(LogisticRegression(), {}, cv=2), "LogisticRegression is none"),
        (sklip.LipschitzRegressor(), "LipschitzRegressor is none"),
    ],
)
def test_estimators_without_bands_are_refused_by_name(estimator, message):
    with pytest.raises(NotLipschitzError, match=message):
        RobustConformalClassifier(estimator).fit(*rows(60, 3, seed=0))


def test_bad_arguments():
    X, y = rows(60, 3, seed=0)
    for parameters, message in (
        ({"alpha": 0.0}, "'alpha' parameter"),
        ({"alpha": 1.0}, "'alpha' parameter"),
        ({"radius": -1.0}, "'radius' parameter"),
        ({"norm": 3}, "norm must be 1, 2, inf"),
        ({"calibration_size": 1.5}, "'calibration_size' parameter"),
        ({"empty_sets": "fill"}, "'empty_sets' parameter"),
    ):
        with pytest.raises(ValueError, match=message):
            RobustConformalClassifier(LipschitzMLP(**SMALL), **parameters).fit(X, y)
    for estimator in (LipschitzMLP, "mlp", None):
        with pytest.raises(TypeError, match="estimator must be an estimator"):
            RobustConformalClassifier(estimator).fit(X, y)
    with pytest.raises(ValueError, match="X must hold rows"):
        RobustConformalClassifier(LipschitzMLP(**SMALL)).fit(1.0, y)
    with pytest.raises(NotFittedError):
        RobustConformalClassifier(LipschitzMLP()).predict_set(X)
    with pytest.raises(NotFittedError):
        RobustConformalClassifier(FrozenEstimator(LipschitzMLP())).fit(X, y)
    model = RobustConformalClassifier(FrozenEstimator(trained(3))).fit(X, y)
    for parameters in ({"radius": -1.0}, {"radius": np.nan}, {"empty_sets": "fill"}, {"norm": 3}):
        with pytest.raises(ValueError, match=next(iter(parameters))):
            clone(model).fit(X, y).set_params(**parameters).predict_set(X)

    class Certain(LipschitzMLP):
        def predict(self, X):
            return super().predict(X)[::-1]

    with pytest.raises(NotLipschitzError, match="defines 'predict' itself"):
        RobustConformalClassifier(Certain(**SMALL)).fit(X, y)


def test_a_failed_fit_leaves_the_model_as_it_was():
    X, y = rows(120, 3, seed=0)
    model = RobustConformalClassifier(LipschitzMLP(**SMALL), random_state=0).fit(X, y)
    sets, before = model.predict_set(X), model.estimator_
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.where(X > 2, np.nan, X), y)
    assert model.estimator_ is before
    np.testing.assert_array_equal(model.predict_set(X), sets)


@pytest.mark.slow
@parametrize_with_checks([RobustConformalClassifier(LipschitzMLP(**SMALL), alpha=0.5, random_state=0)])
def test_scikit_learn_check(estimator, check):
    check(estimator)
