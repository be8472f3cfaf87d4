"""Networks that are trained for a norm and for tolerances: their constants, certificates, parameters and files."""

import pickle
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklip
from sklip import HKRClassifier, LipschitzMLP, WassersteinEstimator, audit, certified_radius
from sklip.certification import Question, certificate
from sklip.certification._question import EUCLIDEAN
from sklip.exceptions import FarFromTrainingWarning, ModelFileError, UnattainableMarginWarning, UnlikeScalesWarning
from sklip.metrics import certified_accuracy
from sklip.served import Dense, Diagonal
from tests.helpers import random_network

NORMS = [1, 2, np.inf]
DUALS = {1: np.inf, 2: 2, np.inf: 1}
METRICS = {1: "cityblock", 2: "euclidean", np.inf: "chebyshev"}
TOLERANCES = np.array([0.5, 3.0, 1.0, 0.02, 1.0, 40.0])
SMALL = {"hidden_layer_sizes": (16, 8), "epochs": 15, "random_state": 0, "backend": "numpy"}


def table(n_classes=2, n_rows=200, seed=0):
    """Rows of 6 columns in very unlike units, 3 of which say something of the class."""
    X, y = make_classification(
        n_rows, 6, n_informative=3, n_redundant=0, n_classes=n_classes, n_clusters_per_class=1, class_sep=2.0,
        random_state=seed, shift=1.0,
    )  # fmt: skip
    return X * TOLERANCES, y


def few_of_many_columns():
    """Rows of 12 columns, of which the first 3 say something of the class."""
    return make_classification(
        400, 12, n_informative=3, n_redundant=0, n_clusters_per_class=1, class_sep=2.0, shuffle=False, random_state=0
    )


def fitted(norm=np.inf, tolerances=TOLERANCES, n_classes=2, kind=HKRClassifier, **parameters):
    X, y = table(n_classes)
    return kind(norm=norm, tolerances=tolerances, **{**SMALL, **parameters}).fit(X, y), X, y


def sizes(offsets, norm, tolerances=TOLERANCES):
    return np.linalg.norm(offsets / tolerances, norm, axis=-1)


@pytest.mark.parametrize("tolerances", [None, TOLERANCES], ids=["units", "tolerances"])
def test_the_weights_of_columns_bound_their_slopes_and_find_those_that_inform(tolerances):
    X, y = few_of_many_columns()
    units = np.ones(12) if tolerances is None else np.tile(TOLERANCES, 2)
    settings = {**SMALL, "epochs": 40, "norm": "inf", "tolerances": None if tolerances is None else units}
    classifier = HKRClassifier(**settings).fit(X * units, y)
    weights = classifier.feature_weights_
    assert weights.shape == (12,) and np.sum(weights**2) == pytest.approx(1.0, rel=1e-12)
    assert (np.abs(classifier.gradient(X * units)) * units <= weights * (1 + 1e-9)).all()
    assert np.sum(weights[:3] ** 2) > 0.99


def test_only_networks_for_the_largest_change_have_weights_of_columns():
    for norm in (1, 2):
        classifier, *_ = fitted(norm)
        assert not hasattr(classifier, "feature_weights_")
        with pytest.raises(AttributeError, match="only networks that are trained for norm=inf"):
            classifier.feature_weights_  # noqa: B018


# The constant in the question ------------------------------------------------------------------


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("tolerances", [None, TOLERANCES], ids=["units", "tolerances"])
@pytest.mark.parametrize(("n_classes", "widths"), [(2, (16, 8)), (3, (4, 8)), (2, (2,)), (3, (32,))])
def test_the_constant_is_1_and_certificates_hold_against_attacks(norm, tolerances, n_classes, widths):
    X, y = table(n_classes)
    X = X if tolerances is not None else X / TOLERANCES
    classifier = HKRClassifier(norm=norm, tolerances=tolerances, **{**SMALL, "hidden_layer_sizes": widths}).fit(X, y)
    units = np.ones(6) if tolerances is None else tolerances
    slopes = np.linalg.norm(np.reshape(classifier.gradient(X), (-1, 6)) * units, DUALS[norm], axis=1)
    assert slopes.max() * (1 - 1e-12) <= classifier.lipschitz_bound_ <= 1 + 1e-8
    assert slopes.max() > 0.7
    result = audit(classifier, X[:60], y[:60], random_state=0, verbose=False, restarts=2, n_steps=10)
    assert not result.broken.any() and result.norm == norm
    assert np.isfinite(result.attack).mean() > 0.5
    np.testing.assert_array_equal(result.radius, classifier.certified_radius(X[:60]))


@pytest.mark.parametrize("kind", [HKRClassifier, LipschitzMLP])
def test_corners_of_the_certified_cube_keep_the_class(kind):
    classifier, X, _ = fitted(kind=kind)
    radius, predicted = classifier.certified_radius(X), classifier.predict(X)
    rng = np.random.default_rng(0)
    gradient = classifier.gradient(X)
    for signs in [np.sign(gradient), -np.sign(gradient), *np.where(rng.random((20, *X.shape)) < 0.5, -1.0, 1.0)]:
        moved = X + (1 - 1e-12) * radius[:, None] * signs * TOLERANCES
        assert (classifier.predict(moved) == predicted).all()


@pytest.mark.parametrize("norm", NORMS)
def test_the_scores_of_any_two_rows_differ_by_no_more_than_their_distance(norm):
    classifier, X, _ = fitted(norm)
    scores = classifier.decision_function(X)
    gaps, distances = np.abs(scores[:, None] - scores), sizes(X[:, None] - X, norm)
    assert (gaps <= classifier.lipschitz_bound_ * distances * (1 + 1e-9) + 1e-9).all()


def test_training_for_the_question_is_tighter_and_certifies_more_than_for_the_euclidean_one():
    X, y = few_of_many_columns()
    euclidean, trained = (HKRClassifier(norm=norm, **{**SMALL, "epochs": 40}).fit(X, y) for norm in (2, np.inf))
    share = [float(np.mean(certified_radius(one, X, norm="inf") > 0.5)) for one in (euclidean, trained)]
    assert share[1] > share[0] + 0.1
    medians = [
        np.median(audit(one, X[:50], y[:50], norm="inf", random_state=0, verbose=False).tightness)
        for one in (euclidean, trained)
    ]
    assert medians[1] > 0.8 > 0.65 > medians[0]


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from(NORMS), st.integers(1, 6), st.integers(1, 6), st.booleans())
def test_no_displacement_of_size_1_leaves_the_bound_of_a_question(seed, norm, n, p, diagonal):
    rng = np.random.default_rng(seed)
    kernel = np.diag(rng.standard_normal(n)) if diagonal else rng.standard_normal((n, p))
    tolerances = 10.0 ** rng.uniform(-6, 6, n)
    question = Question(norm, tolerances)
    moves = rng.standard_normal((200, n))
    moves = np.concatenate([moves, np.sign(moves), np.eye(n)])
    moves /= np.linalg.norm(moves, norm, axis=1, keepdims=True)
    for matrix, image in ((kernel, moves * tolerances @ kernel), (None, moves * tolerances)):
        found = np.linalg.norm(image, axis=1).max()
        assert found <= question.norm_after(matrix, n) * (1 + 1e-12)
    if diagonal and norm == np.inf:
        exact = np.linalg.norm(np.diag(kernel) * tolerances)
        assert question.norm_after(kernel, n) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_a_certificate_of_a_question_holds_for_any_network(norm, rng):
    """Of weights that nobody trained for it, far from the centre, too."""
    tolerances = 10.0 ** rng.uniform(-3, 3, 5)
    network = random_network(rng, (5, 8, 3), orthonormal=False, scale=3.0)
    X = network.center + rng.standard_normal((50, 5)) * tolerances * 10.0 ** rng.uniform(-3, 6, (50, 1))
    proof = certificate(network, Question(norm, tolerances))
    scores = network.scores(X)
    radii, best = proof.radii(scores, X - network.center), scores.argmax(axis=1)
    assert (radii > 0).mean() > 0.9
    for _ in range(50):
        moves = rng.standard_normal(X.shape)
        moves = np.sign(moves) if norm == np.inf else moves
        moves *= tolerances / sizes(moves * tolerances, norm, tolerances)[:, None]
        assert (network.scores(X + (1 - 1e-9) * radii[:, None] * moves).argmax(axis=1) == best).all()


def test_certificates_are_kept_by_question(rng):
    network = random_network(rng, (3, 4, 1))
    ones = certificate(network, Question(np.inf)), certificate(network, Question(np.inf, np.full(3, 2.0)))
    assert ones[0] is certificate(network, Question(np.inf)) and ones[1] is not ones[0]
    assert ones[1].lipschitz == pytest.approx(2 * ones[0].lipschitz)
    assert certificate(network) is certificate(network, EUCLIDEAN) is certificate(network, Question())


# What is trained and served ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("norm", "tolerances", "first"),
    [
        (2, TOLERANCES, Dense),
        (1, None, Dense),
        (1, TOLERANCES, Dense),
        (np.inf, None, Dense),
        (np.inf, 2.0, Dense),
    ],
)
def test_the_front_is_part_of_the_first_operation(norm, tolerances, first):
    classifier, _, _ = fitted(norm, tolerances)
    kinds = [type(operation) for operation in classifier.network_.operations[1:]]
    assert kinds[0] is first and kinds.count(Dense) == 3
    assert classifier.network_.widths == (6, 16, 8, 1)


def test_the_factors_of_columns_stay_in_front_of_a_kernel_that_narrows():
    classifier, _, _ = fitted(np.inf, hidden_layer_sizes=(4, 8))
    assert isinstance(classifier.network_.operations[1], Diagonal)
    assert classifier.network_.widths == (6, 4, 8, 1)
    assert classifier.lipschitz_bound_ == pytest.approx(1.0, abs=1e-9)
    assert np.sum(classifier.feature_weights_**2) == pytest.approx(1.0, rel=1e-9)


def test_factors_of_columns_that_say_nothing_become_small():
    X, y = few_of_many_columns()
    classifier = HKRClassifier(norm="inf", **{**SMALL, "epochs": 40}).fit(X, y)
    factors = classifier.feature_weights_
    assert factors[3:].max() < 0.3 * factors[:3].max()
    assert np.linalg.norm(factors) == pytest.approx(1.0)


def test_units_of_columns_do_not_matter_with_tolerances():
    classifier, X, y = fitted()
    other = clone(classifier).set_params(tolerances=TOLERANCES * 1024.0).fit(X * 1024.0, y)
    assert other.scale_ == classifier.scale_
    np.testing.assert_array_equal(other.certified_radius(X * 1024.0), classifier.certified_radius(X))


@pytest.mark.parametrize("norm", NORMS)
def test_tolerances_are_a_division_of_the_rows(norm):
    divided = clone(fitted(norm)[0]).set_params(tolerances=None)
    classifier, X, y = fitted(norm)
    divided.fit(X / TOLERANCES, y)
    np.testing.assert_allclose(
        classifier.decision_function(X), divided.decision_function(X / TOLERANCES), atol=2e-3 * divided.scale_
    )
    assert classifier.scale_ == pytest.approx(divided.scale_)


def test_the_scale_is_the_size_of_what_the_first_layer_gets():
    X, _ = table()
    scales = [fitted(norm, None)[0].scale_ for norm in NORMS]
    assert scales[0] == scales[1] == pytest.approx(np.sqrt(X.var(axis=0).sum()))
    assert scales[2] == pytest.approx(scales[1] / np.sqrt(6))


@pytest.mark.parametrize("norm", [1, np.inf])
def test_a_model_of_the_user_stands_behind_the_front(norm):
    keras = pytest.importorskip("keras")
    from sklip.layers import FrobeniusDense, ResidualDense, SpectralDense

    def model(input_shape, n_scores):
        return keras.Sequential(
            [keras.Input(input_shape), ResidualDense(6), SpectralDense(8, "groupsort2"), FrobeniusDense(n_scores)]
        )

    X, y = table(3)
    classifier = HKRClassifier(model=model, norm=norm, tolerances=TOLERANCES, epochs=3, random_state=0).fit(X, y)
    assert classifier.lipschitz_bound_ <= 1 + 1e-8
    assert not audit(classifier, X[:30], verbose=False, restarts=1, n_steps=5).broken.any()


def test_keras_and_numpy_train_alike():
    pytest.importorskip("keras")
    for norm in (1, np.inf):
        ours, theirs = (fitted(norm, backend=backend, epochs=3)[0] for backend in ("numpy", "keras"))
        np.testing.assert_allclose(ours.history_["loss"], theirs.history_["loss"], rtol=1e-3)


# Answers in the question of the training --------------------------------------------------------


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_closest_adversarial_measures_in_the_question(norm, n_classes):
    classifier, X, _ = fitted(norm, n_classes=n_classes)
    inputs, distance = classifier.closest_adversarial(X)
    found = np.isfinite(distance)
    assert found.mean() > 0.9
    np.testing.assert_allclose(sizes(inputs - X, norm)[found], distance[found], rtol=1e-9)
    assert (classifier.predict(inputs[found]) != classifier.predict(X)[found]).all()
    radius = classifier.certified_radius(X)
    assert (radius <= distance).all() and np.median((radius / distance)[found]) > 0.6


def test_functions_answer_in_the_trained_question_unless_they_are_asked_another():
    classifier, X, _ = fitted()
    asked = certified_radius(classifier, X, norm="inf", tolerances=TOLERANCES)
    default = certified_radius(classifier, X)
    np.testing.assert_array_equal(default, asked)
    np.testing.assert_allclose(default, classifier.certified_radius(X), rtol=1e-9)
    assert default.norm == np.inf and default.in_tolerances and asked.in_tolerances
    in_units = certified_radius(classifier, X, norm=2, tolerances=1.0)
    assert in_units.norm == 2 and in_units.in_tolerances
    np.testing.assert_array_equal(certified_radius(classifier, X, norm=2), certified_radius(classifier, X, norm=2,
                                  tolerances=TOLERANCES))  # fmt: skip
    assert (in_units < default).all()
    plain = certified_radius(fitted(2, None)[0], X)
    assert plain.norm == 2 and not plain.in_tolerances


def test_behind_steps_a_question_is_about_the_raw_columns_and_euclidean_unless_it_is_stated():
    X, y = table()
    pipeline = make_pipeline(StandardScaler(), HKRClassifier(norm="inf", **SMALL)).fit(X, y)
    default = certified_radius(pipeline, X)
    assert default.norm == 2 and not default.in_tolerances
    np.testing.assert_array_equal(default, certified_radius(pipeline, X, norm=2, tolerances=1.0))
    # In standard deviations, the pipeline is its last step.
    deviations = pipeline[0].scale_
    stated = certified_radius(pipeline, X, norm="inf", tolerances=deviations)
    np.testing.assert_allclose(stated, pipeline[1].certified_radius(pipeline[0].transform(X)), rtol=1e-6)
    assert stated.lipschitz_bound <= 1 + 1e-8
    assert not audit(pipeline, X[:40], norm="inf", tolerances=deviations, verbose=False).broken.any()
    assert not audit(pipeline, X[:40], verbose=False).broken.any()


def wrapped(X, y):
    classifier = HKRClassifier(norm="inf", tolerances=TOLERANCES, **SMALL)
    fit = clone(classifier).fit(X, y)
    yield GridSearchCV(classifier, {"alpha": [10.0, 100.0]}, cv=2).fit(X, y)
    yield FrozenEstimator(fit)
    yield make_pipeline("passthrough", classifier).fit(X, y)
    yield FixedThresholdClassifier(FrozenEstimator(fit), threshold=0.2, response_method="decision_function").fit(X, y)
    yield CalibratedClassifierCV(FrozenEstimator(fit), method="sigmoid", ensemble=False).fit(X, y)
    yield VotingClassifier([("one", classifier), ("other", clone(classifier).set_params(random_state=1))]).fit(X, y)


def test_without_steps_every_estimator_around_it_answers_in_the_trained_question():
    X, y = table()
    for estimator in wrapped(X, y):
        default = certified_radius(estimator, X)
        assert default.norm == np.inf and default.in_tolerances, estimator
        np.testing.assert_array_equal(default, certified_radius(estimator, X, norm="inf", tolerances=TOLERANCES))
        result = audit(estimator, X[:20], verbose=False, restarts=1, n_steps=5)
        assert result.norm == np.inf and not result.broken.any()


def test_a_vote_of_members_with_other_questions_answers_in_the_euclidean_one():
    X, y = table()
    members = [(str(norm), HKRClassifier(norm=norm, **SMALL)) for norm in (1, np.inf)]
    radii = certified_radius(VotingClassifier(members).fit(X / TOLERANCES, y), X / TOLERANCES)
    assert radii.norm == 2


def test_scorers_take_the_question_of_the_training():
    classifier, X, y = fitted()
    radius, right = classifier.certified_radius(X), classifier.predict(X) == y
    for scorer in (certified_accuracy(0.5), certified_accuracy(0.5, norm="inf", tolerances=TOLERANCES)):
        assert scorer(classifier, X, y) == np.mean(right & (radius > 0.5))
    for norm in (1, 2):
        stated = certified_radius(classifier, X, norm=norm)
        assert certified_accuracy(1.0, norm=norm)(classifier, X, y) == np.mean(right & (stated > 1.0))


def test_early_stopping_watches_the_certified_accuracy_of_the_question():
    X, y = table()
    parameters = {"early_stopping": True, "monitor": "certified_accuracy", "epsilon": 0.4}
    classifier, _, _ = fitted(epochs=8, n_iter_no_change=8, **parameters)
    again = clone(classifier).fit(X, y, X_val=X[:50], y_val=y[:50])
    best = max(again.history_["val_certified_accuracy"])
    found = np.mean((again.predict(X[:50]) == y[:50]) & (again.certified_radius(X[:50]) > 0.4))
    assert found == pytest.approx(best, abs=0.021)


@pytest.mark.parametrize("norm", NORMS)
def test_distances_of_samples_are_bounded_in_the_norm(norm):
    X, y = table()
    first, second = X[y == 0][:70], X[y == 1][:70]
    rows, names = np.concatenate([first, second]), np.repeat([0, 1], 70)
    costs = cdist(first / TOLERANCES, second / TOLERANCES, METRICS[norm])
    exact = costs[linear_sum_assignment(costs)].mean()
    transport = WassersteinEstimator(
        norm=norm, tolerances=TOLERANCES, hidden_layer_sizes=(32, 16), epochs=100, batch_size=70, random_state=0,
        backend="numpy",
    ).fit(rows, names)  # fmt: skip
    # A linear map in front leaves each region one pattern of signs, and many columns differ here: L1 is loose.
    assert {1: 0.6, 2: 0.85, np.inf: 0.85}[norm] * exact < transport.distance_ <= exact
    assert transport.distance(rows, names) == pytest.approx(transport.distance_)
    classifier, _, _ = fitted(norm)
    assert 0.3 * exact < classifier.kr_distance(rows, names) <= exact


def test_far_rows_are_measured_in_tolerances():
    classifier, X, _ = fitted()
    far = X[:1].copy()
    far[0, 3] += 1000 * TOLERANCES[3]  # 20 units of a column; another one has units of 40
    with pytest.warns(FarFromTrainingWarning):
        classifier.certified_radius(far)
    with pytest.warns(FarFromTrainingWarning):
        certified_radius(classifier, far)


def test_advice_uses_distances_of_the_question():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnlikeScalesWarning)  # tolerances say that the scales are known
        warnings.simplefilter("error", UnattainableMarginWarning)
        fitted(1, min_margin=2.5, epochs=1)
    with pytest.warns(UnattainableMarginWarning):
        fitted(np.inf, min_margin=2.5, epochs=1)
    with pytest.warns(UnlikeScalesWarning, match="the largest of any column"):
        fitted(np.inf, None, epochs=1)


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_rows_of_other_dtypes(dtype):
    X, y = table()
    X = np.rint(100 * X).astype(dtype)
    classifier = HKRClassifier(norm="inf", tolerances=100 * TOLERANCES, **SMALL).fit(X, y)
    assert not audit(classifier, X[:40], verbose=False).broken.any()


def test_displays_know_norm_and_unit():
    plotting = pytest.importorskip("sklip.plotting")
    pytest.importorskip("matplotlib").use("agg")
    classifier, X, y = fitted()
    shown = plotting.CertifiedAccuracyDisplay.from_estimator(classifier, X, y)
    assert shown.ax_.get_xlabel() == "radius (L∞, tolerances)"
    assert plotting.CertifiedRadiusDisplay.from_estimator(classifier, X, y).norm == np.inf
    closest = plotting.AdversarialDisplay.from_estimator(classifier, X[:3])
    np.testing.assert_array_equal(closest.distance, classifier.closest_adversarial(X[:3])[1])
    np.testing.assert_array_equal(closest.tolerances, TOLERANCES)
    discs = plotting.DecisionFunctionDisplay.from_estimator(classifier, X, y, discs=[0, 1])  # discs are Euclidean
    euclidean = certified_radius(classifier, X[:2], norm=2)
    assert (euclidean > classifier.certified_radius(X[:2])).all()
    assert len(discs.disc_radii) and discs.disc_radii.max() <= euclidean.max()


# Parameters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "norm"), [("inf", np.inf), (np.inf, np.inf), (np.float64(1), 1), ("l1", 1), (2, 2), ("l2", 2)]
)
def test_names_of_norms(given, norm):
    assert fitted(given, epochs=1)[0].norm_ == norm


@pytest.mark.parametrize("norm", [0, 3, -1, "max", None, np.nan, True, [2]])
def test_unknown_norms_are_refused(norm):
    with pytest.raises(ValueError, match="norm must be 1, 2, inf"):
        fitted(norm)


@pytest.mark.parametrize(
    ("tolerances", "message"),
    [
        (-1.0, "must be a finite number of 0 or more; got -1.0"),
        ([1, 1, 1, -2, 1, 1], r"tolerances\[3\] must be a finite number"),
        ([1, 1, 1, np.nan, 1, 1], r"tolerances\[3\] must be a finite number"),
        ([1, 1, 1, np.inf, 1, 1], r"tolerances\[3\] must be a finite number"),
        (0.0, "all 0"),
        (np.ones(5), "one number for each of the 6 columns"),
        ({"a": 1.0}, "X has no column names"),
        ({0: 1.0, 9: 1.0}, r"columns that X does not have: \[9\]"),
        (["wide"] * 6, "must be a finite number"),
        (1e-200, "must be 0, or lie between 1e-150 and 1e"),
    ],
)
def test_bad_tolerances_are_refused(tolerances, message):
    with pytest.raises(ValueError, match=message):
        fitted(tolerances=tolerances)


def test_tolerances_by_name():
    X, y = table()
    frame = pd.DataFrame(X, columns=list("abcdef"))
    by_name = dict(zip("fabcde", np.roll(TOLERANCES, 1), strict=True))
    classifier = HKRClassifier(norm="inf", tolerances=by_name, **SMALL).fit(frame, y)
    np.testing.assert_array_equal(classifier.tolerances_, TOLERANCES)
    np.testing.assert_array_equal(classifier.certified_radius(frame), fitted()[0].certified_radius(X))
    assert certified_radius(classifier, frame).norm == np.inf
    with pytest.raises(ValueError, match=r"columns that X does not have: \['z'\]"):
        clone(classifier).set_params(tolerances={"z": 1.0}).fit(frame, y)


def test_images_are_refused_by_the_name_of_the_parameter():
    X, y = np.random.default_rng(0).random((20, 4, 4, 1)), np.repeat([0, 1], 10)
    for question, name in (({"norm": 1}, "norm"), ({"tolerances": 1.0}, "tolerances")):
        with pytest.raises(ValueError, match=f"The '{name}' parameter is .* images of shape"):
            HKRClassifier(**question).fit(X, y)
        with pytest.raises(ValueError, match=f"The '{name}' parameter is .* images of shape"):
            HKRClassifier(input_shape=(4, 4, 1), **question).fit(X.reshape(20, 16), y)


def test_an_error_leaves_the_classifier_as_it_was():
    classifier, X, y = fitted()
    before = classifier.certified_radius(X)
    with pytest.raises(ValueError, match="norm"):
        classifier.set_params(norm=7).fit(X, y)
    assert classifier.norm_ == np.inf
    np.testing.assert_array_equal(classifier.certified_radius(X), before)


def test_the_network_keeps_its_question_when_parameters_change_without_a_fit():
    classifier, X, _ = fitted()
    before = classifier.certified_radius(X)
    classifier.set_params(norm=2, tolerances=None)
    np.testing.assert_array_equal(classifier.certified_radius(X), before)
    np.testing.assert_allclose(certified_radius(classifier, X), before, rtol=1e-12)


def test_training_goes_on_in_the_same_question_alone():
    classifier, X, y = fitted(warm_start=True)
    first = classifier.history_["loss"][0]
    assert classifier.fit(X, y).history_["loss"][0] < first and classifier.lipschitz_bound_ <= 1 + 1e-8
    for other in ({"norm": 1}, {"tolerances": 2 * TOLERANCES}, {"tolerances": None}):
        with pytest.raises(ValueError, match="need the norm, the tolerances and the monotonic_cst of the last fit"):
            clone(classifier).set_params().fit(X, y).set_params(**other).fit(X, y)
    streamed = clone(classifier).set_params(warm_start=False)
    for part, labels in zip(np.split(X, 4), np.split(y, 4), strict=True):
        streamed.partial_fit(part, labels, classes=[0, 1])
    assert streamed.lipschitz_bound_ <= 1 + 1e-8 and streamed.norm_ == np.inf
    with pytest.raises(ValueError, match="need the norm, the tolerances and the monotonic_cst of the last fit"):
        streamed.set_params(norm=2).partial_fit(X, y)


def test_a_search_over_norms():
    X, y = table()
    search = GridSearchCV(
        HKRClassifier(**SMALL),
        {"norm": [2, "inf", 1]},
        cv=2,
        scoring=certified_accuracy(0.5, norm="inf", tolerances=1.0),
    ).fit(X / TOLERANCES, y)
    scores = dict(zip(map(str, search.cv_results_["param_norm"]), search.cv_results_["mean_test_score"], strict=True))
    assert scores["inf"] >= max(scores.values())
    assert search.best_estimator_.norm_ == np.inf


def test_an_infinite_question_overflows_nowhere():
    X, y = table()
    with pytest.raises(ValueError, match="tolerances"):
        HKRClassifier(tolerances=1e-140, **SMALL).fit(1e17 * X / np.abs(X).max(), y)


# Files and exports --------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", NORMS)
def test_files_keep_the_question(norm):
    classifier, X, _ = fitted(norm)
    radius = classifier.certified_radius(X)
    loaded = pickle.loads(pickle.dumps(classifier))
    skops = pytest.importorskip("skops.io")
    skopsed = skops.loads(skops.dumps(classifier), trusted=sklip.TRUSTED_TYPES)
    for one in (loaded, skopsed):
        np.testing.assert_array_equal(one.certified_radius(X), radius)
        np.testing.assert_array_equal(certified_radius(one, X), certified_radius(classifier, X))


@pytest.mark.parametrize(
    "other", [{"norm_": 3}, {"norm_": "inf"}, {"tolerances_": np.ones(2)}, {"tolerances_": -np.ones(6)}]
)
def test_a_file_with_an_impossible_question_is_refused(other):
    classifier, _, _ = fitted()
    state = classifier.__getstate__() | other
    with pytest.raises(ModelFileError, match="norm_ or tolerances_ that no fit can have"):
        HKRClassifier.__new__(HKRClassifier).__setstate__(state)


@pytest.mark.parametrize("norm", NORMS)
def test_exports_have_the_same_scores(norm):
    classifier, X, _ = fitted(norm)
    expected = classifier.decision_function(X)
    keras = pytest.importorskip("keras")
    model = classifier.to_keras()
    found = np.asarray(keras.ops.convert_to_numpy(model(X)))[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5 * classifier.scale_)
    again = sklip.from_keras(model)
    np.testing.assert_allclose(again.decision_function(X), expected, atol=1e-5 * classifier.scale_)
    asked = certified_radius(again, X, norm=norm, tolerances=TOLERANCES)
    np.testing.assert_allclose(asked, classifier.certified_radius(X), atol=1e-4)
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(classifier.to_onnx().SerializeToString())
    np.testing.assert_allclose(session.run(["decision_function"], {"X": X})[0].ravel(), expected, atol=1e-9)


def test_wider_networks_in_a_deeper_chain_keep_the_constant():
    for widths in ((40, 4, 40), (3, 3, 3)):
        classifier, _, _ = fitted(hidden_layer_sizes=widths, epochs=4, activation="fullsort")
        assert classifier.lipschitz_bound_ <= 1 + 1e-8
        assert all(a >= 1 for a, _ in pairwise(classifier.network_.widths))
