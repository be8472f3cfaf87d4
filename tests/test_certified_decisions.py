"""Certificates of thresholds, calibrations, searches and votes: what else ``predict`` may be."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from sklip import NotLipschitzError, certified_radius
from sklip.pipelines import vote_radii
from sklip.pipelines.trace import trace
from tests.pipeline_fixtures import UNITS, Quick, QuickMLP, assert_withstands, attack, raw_rows

WORDS = np.array(["no", "yes"])


@pytest.fixture(scope="module")
def rows():
    return raw_rows()


def pipeline(seed=0, kind=Quick):
    return make_pipeline(StandardScaler(), kind(random_state=seed))


# Searches and frozen estimators -----------------------------------------------------------------


@pytest.mark.parametrize("search", [GridSearchCV, RandomizedSearchCV])
def test_a_search_has_the_radii_of_its_best(rows, search):
    X, y, several = rows
    for labels in (y, several):
        options = {"n_iter": 2, "random_state": 0} if search is RandomizedSearchCV else {}
        around = search(pipeline(), {"quick__random_state": [0, 1, 2]}, cv=2, **options).fit(X, labels)
        np.testing.assert_array_equal(certified_radius(around, X), certified_radius(around.best_estimator_, X))
        assert_withstands(around, X)
        inside = make_pipeline(MinMaxScaler(), search(Quick(), {"random_state": [0, 1]}, cv=2, **options))
        assert_withstands(inside.fit(X, labels), X)


def test_a_search_without_a_best_estimator_is_refused(rows):
    X, y, _ = rows
    search = GridSearchCV(pipeline(), {"quick__random_state": [0, 1]}, cv=2, refit=False)
    with pytest.raises(NotFittedError):
        certified_radius(search, X)
    with pytest.raises(NotLipschitzError, match="refit=True"):
        certified_radius(search.fit(X, y), X)


def test_constants_are_stated_for_steps_within_searches(rows):
    X, y, _ = rows
    best = make_pipeline(StandardScaler(), FunctionTransformer(np.sin), Quick())
    search = GridSearchCV(best, {"quick__random_state": [0, 1]}, cv=2).fit(X, y)
    assert_withstands(search, X, step_lipschitz={"functiontransformer": 1.0}, reached=0.0)


def test_frozen_estimators_have_the_radii_of_what_they_hold(rows):
    X, y, _ = rows
    fitted = pipeline().fit(X, y)
    expected = certified_radius(fitted, X)
    for frozen in (
        FrozenEstimator(fitted),
        FrozenEstimator(FrozenEstimator(fitted)),
        make_pipeline(FrozenEstimator(fitted[0]), FrozenEstimator(fitted[1])).fit(X, y),
        FixedThresholdClassifier(FrozenEstimator(fitted), response_method="decision_function").fit(X, y),
    ):
        np.testing.assert_allclose(certified_radius(frozen, X), expected, rtol=1e-12)


# Thresholds -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Quick, QuickMLP])
@pytest.mark.parametrize("pos_label", [None, "no", "yes"])
@pytest.mark.parametrize("threshold", ["auto", 0.0, 0.3, -0.7, 1e-9, 1e9])
def test_thresholds_hold(rows, threshold, pos_label, kind):
    X, y, _ = rows
    options = {"threshold": threshold, "pos_label": pos_label, "response_method": "decision_function"}
    fixed = FixedThresholdClassifier(pipeline(kind=kind), **options).fit(X, WORDS[y])
    broken, share = attack(fixed, X)
    assert not broken
    radii = certified_radius(fixed, X)
    assert (radii > 0).all()
    if threshold == 1e9:
        assert len(set(fixed.predict(X))) == 1
        assert radii.min() > 1e6
    else:
        assert share >= 0.1
    if threshold in ("auto", 0.0):
        np.testing.assert_allclose(radii, certified_radius(fixed.estimator_, X), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("pos_label", [None, 0, 1])
def test_the_radius_of_a_threshold_is_the_distance_of_the_score_to_it(rows, pos_label):
    X, y, _ = rows
    X = X / UNITS
    fixed = FixedThresholdClassifier(
        Quick(random_state=0), threshold=0.4, pos_label=pos_label, response_method="decision_function"
    ).fit(X, y)
    scores = fixed.estimator_.decision_function(X) * (-1 if pos_label == 0 else 1)
    np.testing.assert_allclose(certified_radius(fixed, X), np.abs(scores - 0.4), rtol=1e-9, atol=1e-12)


def test_a_score_at_the_threshold_has_no_radius(rows):
    X, y, _ = rows
    classifier = Quick(random_state=0).fit(X / UNITS, y)
    for row in range(3):
        score = classifier.decision_function(X[[row]] / UNITS)[0]
        for threshold in (score, np.nextafter(score, 10), np.nextafter(score, -10)):
            fixed = FixedThresholdClassifier(
                FrozenEstimator(classifier), threshold=threshold, response_method="decision_function"
            ).fit(X / UNITS, y)
            assert certified_radius(fixed, X[[row]] / UNITS)[0] == 0
            np.testing.assert_array_equal(trace(fixed, X / UNITS).decision.class_indices, fixed.predict(X / UNITS))


def test_thresholds_on_probabilities_are_refused(rows):
    X, y, _ = rows
    fixed = FixedThresholdClassifier(QuickMLP(random_state=0)).fit(X, y)  # it has predict_proba
    with pytest.raises(NotLipschitzError, match="response_method='decision_function'"):
        certified_radius(fixed, X)
    fixed = FixedThresholdClassifier(QuickMLP(random_state=0), response_method="predict_proba").fit(X, y)
    with pytest.raises(NotLipschitzError, match="predict_proba"):
        certified_radius(fixed, X)
    assert_withstands(FixedThresholdClassifier(pipeline()).fit(X, y), X)  # without predict_proba, scores are compared


@pytest.mark.parametrize("labels", [np.array([0, 1]), np.array([1, 0]), WORDS])
def test_tuned_thresholds_hold(rows, labels):
    X, y, _ = rows
    options = {} if labels.dtype.kind == "i" else {"scoring": "balanced_accuracy"}
    tuned = TunedThresholdClassifierCV(
        pipeline(), cv=3, response_method="decision_function", thresholds=30, random_state=0, **options
    ).fit(X, labels[y])
    assert tuned.best_threshold_ != 0
    assert_withstands(tuned, X)


def test_unfitted_meta_estimators_are_refused(rows):
    for estimator in (
        FixedThresholdClassifier(Quick()),
        TunedThresholdClassifierCV(Quick()),
        CalibratedClassifierCV(Quick(), ensemble=False),
        VotingClassifier([("a", Quick())]),
        GridSearchCV(Quick(), {}),
    ):
        with pytest.raises(NotFittedError):
            certified_radius(estimator, rows[0])


# Calibrations -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Quick, QuickMLP])
@pytest.mark.parametrize("words", [False, True])
def test_calibrated_classifiers_hold(rows, words, kind):
    X, y, _ = rows
    y = (np.arange(len(y)) % 10 < 2).astype(int) ^ (y & (np.arange(len(y)) % 3 == 0))
    for inner in (pipeline(kind=kind), GridSearchCV(pipeline(kind=kind), {}, cv=2)):
        calibrated = CalibratedClassifierCV(inner, ensemble=False, cv=2).fit(X, WORDS[y] if words else y)
        sigmoid = calibrated.calibrated_classifiers_[0].calibrators[0]
        assert sigmoid.b_ != 0
        broken, _ = attack(calibrated, X)
        assert not broken


def _calibrated(rows, slope, intercept, **options):
    """With a sigmoid of one's own."""
    X, y, _ = rows
    calibrated = CalibratedClassifierCV(pipeline(), ensemble=False, cv=2).fit(X, y)
    sigmoid = calibrated.calibrated_classifiers_[0].calibrators[0]
    sigmoid.a_, sigmoid.b_ = slope, intercept
    return calibrated


@pytest.mark.parametrize("intercept", [0.0, -0.3, 0.5])
@pytest.mark.parametrize("slope", [-3.0, 1.0, -1e-3, 1e6, -1e-12])
def test_sigmoids_of_any_slope_hold(rows, slope, intercept):
    X = rows[0]
    calibrated = _calibrated(rows, slope, intercept * abs(slope))
    assert_withstands(calibrated, X, reached=0.0 if slope == -1e-12 else 0.1)
    radii = certified_radius(calibrated, X)
    if abs(slope) > 1e-4:
        assert (radii > 0).mean() > 0.95


def test_the_radius_of_a_calibrated_classifier_is_that_of_its_threshold(rows):
    X, y, _ = rows
    calibrated = _calibrated(rows, -2.0, 0.5)
    fixed = FixedThresholdClassifier(
        FrozenEstimator(calibrated.calibrated_classifiers_[0].estimator),
        threshold=0.25,
        response_method="decision_function",
    ).fit(X, y)
    np.testing.assert_array_equal(calibrated.predict(X), fixed.predict(X))
    np.testing.assert_allclose(certified_radius(calibrated, X), certified_radius(fixed, X), rtol=1e-7, atol=1e-12)


def test_a_sigmoid_without_slope_predicts_one_class_everywhere(rows):
    X = rows[0]
    calibrated = _calibrated(rows, 0.0, 0.3)
    assert len(set(calibrated.predict(X))) == 1
    assert (certified_radius(calibrated, X) > 1e100).all()
    tied = _calibrated(rows, 0.0, 0.0)
    assert (certified_radius(tied, X) == 0).all()


def test_other_calibrations_are_refused(rows):
    X, y, several = rows
    for calibrated in (
        CalibratedClassifierCV(pipeline(), method="isotonic", ensemble=False, cv=2).fit(X, y),
        CalibratedClassifierCV(pipeline(), ensemble=True, cv=2).fit(X, y),
        CalibratedClassifierCV(pipeline(), ensemble=False, cv=2).fit(X, several),
        CalibratedClassifierCV(pipeline(), method="temperature", ensemble=False, cv=2).fit(X, y),
    ):
        with pytest.raises(NotLipschitzError, match="method='sigmoid' and ensemble=False with two classes"):
            certified_radius(calibrated, X)


# Votes ------------------------------------------------------------------------------------------


def _winner(votes, weights, n_classes):
    """As scikit-learn counts."""
    return int(np.argmax(np.bincount(votes, weights=weights, minlength=n_classes)))


def _radius_by_brute_force(votes, radii, weights, n_classes, slack=None):
    """The smallest radius at which the members that may change their votes by then can change the winner.

    With a slack, or come as near to that as this share of all votes, in rational arithmetic.
    """
    winner = _winner(votes, weights, n_classes)
    exact = [Fraction(weight) for weight in weights.tolist()]

    def holds(other):
        if slack is None:
            return _winner(other, weights, n_classes) == winner
        tallies = [
            sum(weight for weight, vote in zip(exact, other, strict=True) if vote == c) for c in range(n_classes)
        ]
        rivals = [tally for c, tally in enumerate(tallies) if c != winner]
        return tallies[winner] - max(rivals) > Fraction(slack) * sum(exact)

    for distance in sorted({0.0, *radii}):
        free = [member for member, radius in enumerate(radii) if radius <= distance]
        for choice in itertools.product(range(n_classes), repeat=len(free)):
            other = np.array(votes)
            other[free] = choice
            if not holds(other):
                return distance
    return np.inf


WEIGHTS = {
    "ones": st.just(1.0),
    "integers": st.integers(0, 4).map(float),
    "halves": st.integers(0, 6).map(lambda n: n / 2),
    "tenths": st.integers(0, 5).map(lambda n: n / 10),
    "any": st.floats(0, 10),
}


@pytest.mark.parametrize("kind", WEIGHTS)
@given(data=st.data())
def test_the_radius_of_a_vote_is_that_of_brute_force(kind, data):
    n_members, n_classes = data.draw(st.integers(1, 4)), data.draw(st.integers(2, 4))
    of_members = {"min_size": n_members, "max_size": n_members}
    votes = np.array(data.draw(st.lists(st.integers(0, n_classes - 1), **of_members)))
    radii = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0, np.inf]), **of_members)))
    weights = np.array(data.draw(st.lists(WEIGHTS[kind], **of_members)))
    winners, certified = vote_radii(votes[None], radii[None], weights, n_classes)
    assert winners[0] == _winner(votes, weights, n_classes)
    exact = _radius_by_brute_force(votes, radii, weights, n_classes)
    if kind in ("ones", "integers", "halves"):
        assert certified[0] == exact
    else:  # ties up to rounding count as lost, and no more than those
        assert _radius_by_brute_force(votes, radii, weights, n_classes, slack=1e-13) <= certified[0] <= exact


def test_many_rows_of_votes_are_counted_each_by_itself(rng):
    votes, radii = rng.integers(0, 3, (200, 4)), rng.uniform(size=(200, 4)).round(1)
    for weights in (np.ones(4), np.array([2.0, 1.0, 1.0, 0.0]), np.array([0.3, 0.1, 0.2, 0.1])):
        winners, certified = vote_radii(votes, radii, weights, 3)
        assert winners.shape == certified.shape == (200,)
        for row in range(200):
            alone = vote_radii(votes[[row]], radii[[row]], weights, 3)
            assert (alone[0][0], alone[1][0]) == (winners[row], certified[row])
            assert winners[row] == _winner(votes[row], weights, 3)
            assert certified[row] <= _radius_by_brute_force(votes[row], radii[row], weights, 3)


def test_sums_of_tenths_are_not_trusted():
    """0.1 + 0.2 against 0.3: which wins depends on rounding, so neither is certified."""
    votes, radii = np.array([[0, 0, 1]]), np.array([[5.0, 5.0, 5.0]])
    assert 0.1 + 0.2 > 0.3
    assert vote_radii(votes, radii, np.array([0.1, 0.2, 0.3]), 2)[1] == [0.0]
    assert vote_radii(votes, radii, np.array([0.25, 0.5, 0.75]), 2)[1] == [5.0]  # exact: a tie that 0 wins
    assert vote_radii(1 - votes, radii, np.array([0.25, 0.5, 0.75]), 2)[0] == [0]


def test_ties_go_to_the_lowest_class():
    radii = np.array([[0.3, 0.7]])
    # Class 0 wins a tie: the member with 0.3 leaves and 1 has both votes; the other alone is no loss.
    assert vote_radii(np.array([[0, 1]]), radii, np.ones(2), 2) == (np.array([0]), np.array([0.3]))
    # Class 1 would lose a tie, so the first that leaves decides.
    assert vote_radii(np.array([[1, 1]]), radii, np.ones(2), 2) == (np.array([1]), np.array([0.3]))
    # Class 0 keeps a tie of one against one.
    assert vote_radii(np.array([[0, 0]]), radii, np.ones(2), 2) == (np.array([0]), np.array([0.7]))


def test_members_without_weight_decide_nothing():
    votes, radii = np.array([[1, 0, 0]]), np.array([[0.5, 0.1, 0.2]])
    winners, certified = vote_radii(votes, radii, np.array([1.0, 0.0, 0.0]), 2)
    assert (winners[0], certified[0]) == (1, 0.5)
    winners, certified = vote_radii(votes, radii, np.zeros(3), 2)
    assert (winners[0], certified[0]) == (0, np.inf)


def _ensemble(weights=None, n=3, drop=()):
    scalers = itertools.cycle([StandardScaler(), RobustScaler(), MinMaxScaler(clip=True)])
    members = [
        (f"m{seed}", "drop" if seed in drop else make_pipeline(clone(next(scalers)), Quick(random_state=seed)))
        for seed in range(n)
    ]
    return VotingClassifier(members, weights=weights)


@pytest.mark.parametrize("weights", [None, [1, 2, 1], [0.1, 0.2, 0.3], [3, 1, 1], [0, 1, 1]], ids=str)
@pytest.mark.parametrize("words", [False, True])
def test_majorities_hold(rows, words, weights):
    X, y, several = rows
    names = np.array(["a", "b", "c", "d"]) if words else np.array([7, 3, 9, -1])
    for labels in (y, several):
        ensemble = _ensemble(weights).fit(X, names[labels])
        broken, _ = attack(ensemble, X)
        assert not broken
        radii = certified_radius(ensemble, X)
        assert radii.lipschitz_bound is None
        members = np.stack([certified_radius(member, X) for member in ensemble.estimators_], axis=1)
        assert np.isin(np.asarray(radii), np.concatenate([members, np.zeros((len(X), 1))], axis=1)).all()
        if weights == [3, 1, 1]:
            np.testing.assert_array_equal(radii, members[:, 0])
        if weights is None and labels is y:
            votes = np.stack([member.predict(X) for member in ensemble.estimators_], axis=1)
            agreed = (votes == votes[:, :1]).all(axis=1)
            np.testing.assert_array_equal(radii[agreed], np.sort(members, axis=1)[agreed, 1])


def test_dropped_members_do_not_vote(rows):
    X, y, _ = rows
    four = _ensemble([5, 1, 2, 1], n=4, drop=[0]).fit(X, y)
    broken, _ = attack(four, X)
    assert not broken
    three = VotingClassifier(four.estimators[1:], weights=[1, 2, 1]).fit(X, y)
    np.testing.assert_array_equal(certified_radius(four, X), certified_radius(three, X))


def test_votes_of_thresholds_calibrations_and_votes_hold(rows):
    X, y, _ = rows
    ensemble = VotingClassifier(
        [
            ("t", FixedThresholdClassifier(pipeline(1), threshold=0.2, response_method="decision_function")),
            ("c", CalibratedClassifierCV(pipeline(2), ensemble=False, cv=2)),
            ("s", GridSearchCV(pipeline(3), {}, cv=2)),
            ("v", _ensemble()),
        ],
        weights=[2, 2, 2, 1],
    ).fit(X, y)
    for scale, norm in ((None, 2), (UNITS, np.inf)):
        broken, _ = attack(make_pipeline(ensemble), X, norm=norm, tolerances=scale)
        assert not broken


def test_constants_are_stated_for_steps_of_members(rows):
    X, y, _ = rows
    member = make_pipeline(StandardScaler(), FunctionTransformer(np.tanh), Quick(random_state=0))
    ensemble = VotingClassifier([("a", member), ("b", pipeline(1))]).fit(X, y)
    with pytest.raises(NotLipschitzError, match="'a__functiontransformer'"):
        certified_radius(ensemble, X)
    broken, _ = attack(ensemble, X, step_lipschitz={"a__functiontransformer": 1.0})
    assert not broken


def test_votes_that_are_not_counted_are_refused(rows):
    X, y, _ = rows
    with pytest.raises(NotLipschitzError, match="voting='hard'"):
        certified_radius(VotingClassifier([("a", QuickMLP())], voting="soft").fit(X, y), X)
    ensemble = _ensemble().fit(X, y)
    for weights in ([1, -1, 1], [1, np.nan, 1], [np.inf, 1, 1]):
        ensemble.weights = weights
        with pytest.raises(NotLipschitzError, match="weights of 0, or of 1e-270 or more"):
            certified_radius(ensemble, X)
    mixed = VotingClassifier([("a", pipeline()), ("b", LogisticRegression())]).fit(X / UNITS, y)
    with pytest.raises(NotLipschitzError, match="LogisticRegression at 'b'"):
        certified_radius(mixed, X)


# Everything else --------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        BaggingClassifier(Quick(), n_estimators=2),
        AdaBoostClassifier(Quick(), n_estimators=2),
        OneVsRestClassifier(Quick()),
        OneVsOneClassifier(Quick()),
        OutputCodeClassifier(Quick(), random_state=0),
        StackingClassifier([("a", Quick())], final_estimator=Quick(), cv=2),
        SelfTrainingClassifier(QuickMLP()),
        FixedThresholdClassifier(LogisticRegression(), response_method="decision_function"),
        CalibratedClassifierCV(LogisticRegression(), ensemble=False, cv=2),
        FrozenEstimator(LogisticRegression().fit(np.eye(5), [0, 1, 0, 1, 0])),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_other_estimators_are_refused_by_name(rows, estimator):
    X, y, _ = rows
    for model in (estimator, make_pipeline(StandardScaler(), estimator)):
        try:
            model.fit(X, y)
        except ValueError:  # sample weights, or probabilities, that a member does not know
            pytest.skip("cannot be fitted with sklip's classifiers")
        with pytest.raises(NotLipschitzError, match=r"\w+(Classifier|Regression|CV).* has no certificate"):
            certified_radius(model, X)


def test_multioutput_is_refused(rows):
    X, y, _ = rows
    with pytest.raises(NotLipschitzError, match="MultiOutputClassifier"):
        certified_radius(MultiOutputClassifier(Quick()).fit(X, np.stack([y, 1 - y], axis=1)), X)
