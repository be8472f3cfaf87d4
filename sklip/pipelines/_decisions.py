"""From a fitted estimator to the classes it predicts and the radii within which it predicts them."""

from dataclasses import replace

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.utils.validation import check_is_fitted

from sklip._overrides import refuse_overrides
from sklip.certification import class_radii, threshold_radii
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._decision import Decision
from sklip.pipelines._point import Point, Question
from sklip.pipelines._scores import scores_of, unwrapped
from sklip.pipelines._thresholds import calibrated, thresholded
from sklip.pipelines._votes import vote_radii

_LEAST_WEIGHT = 1e-270


def decide(estimator, point: Point, path: tuple[str, ...], question: Question) -> Decision:
    """Predictions and radii of a fitted estimator at rows.

    Raises
    ------
    NotLipschitzError
        For an estimator whose predictions sklip cannot bound.
    """
    estimator, point, path = unwrapped(estimator, point, path, question)
    if type(estimator) in (
        FixedThresholdClassifier,
        TunedThresholdClassifierCV,
        CalibratedClassifierCV,
        VotingClassifier,
    ):
        refuse_overrides(estimator)
    if type(estimator) in (FixedThresholdClassifier, TunedThresholdClassifierCV):
        return thresholded(estimator, point, path, question)
    if type(estimator) is CalibratedClassifierCV:
        return calibrated(estimator, point, path, question)
    if type(estimator) is VotingClassifier:
        return _voted(estimator, point, path, question)
    scores = scores_of(estimator, point, path, question)
    codes, radii = np.empty(scores.n_rows, dtype=np.intp), np.empty(scores.n_rows)
    for rows, values, errors in scores.blocks():
        if values.shape[1] == 1:
            codes[rows] = values[:, 0] > 0
            radii[rows] = threshold_radii(np.abs(values[:, 0]), errors, scores.lipschitz, scores.drift)
        else:
            codes[rows] = values.argmax(axis=1)
            radii[rows] = class_radii(values, errors, scores.pair_lipschitz, scores.drift)
    return Decision(scores.classes, codes, np.minimum(radii, scores.room), scores.lipschitz, scores.descend)


def _voted(estimator, point, path, question):
    """The majority of members with certificates."""
    check_is_fitted(estimator)
    if estimator.voting != "hard":
        raise NotLipschitzError(
            "VotingClassifier with voting='soft' averages probabilities, and sklip certifies votes. Set voting='hard'."
        )
    if len(estimator.estimators_) != sum(member != "drop" for _, member in estimator.estimators):
        raise NotLipschitzError(
            "VotingClassifier has members that were dropped or added since it was fitted. Fit it again."
        )
    kept = [position for position, (_, member) in enumerate(estimator.estimators) if member != "drop"]
    if len(kept) > 1:  # all of them get the same object
        point = replace(point, shared=True)
    members = [
        decide(member, point, (*path, estimator.estimators[position][0]), question)
        for position, member in zip(kept, estimator.estimators_, strict=True)
    ]
    weights = np.ones(len(kept)) if estimator.weights is None else np.float64(estimator.weights)[kept]
    # Sums of larger ones differ by nothing, or by more than some threads take for 0.
    small = (weights < _LEAST_WEIGHT) & (weights.view(np.uint64) != 0)
    if not (np.isfinite(weights).all() and (weights >= 0).all()) or small.any():
        raise NotLipschitzError(
            f"VotingClassifier has weights {weights.tolist()}; certificates need weights of 0, or of 1e-270 or more."
        )
    # Members were fitted on the positions of the labels.
    votes = np.stack([np.asarray(member.classes, dtype=np.intp)[member.codes] for member in members], axis=1)
    radii = np.stack([member.radii for member in members], axis=1)
    codes, certified = vote_radii(votes, radii, weights, len(estimator.classes_))

    def descend(raw, wanted):
        answers = [
            member.descend(raw, np.minimum(np.searchsorted(member.classes, wanted), len(member.classes) - 1))
            for member in members
        ]
        margins, gradients = zip(*answers, strict=True)
        return np.median(margins, axis=0), None if question.stated else np.mean(gradients, axis=0)

    return Decision(estimator.classes_, codes, certified, None, descend)
