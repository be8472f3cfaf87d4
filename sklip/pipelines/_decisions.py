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
from sklip.pipelines._branches import through
from sklip.pipelines._decision import Decision
from sklip.pipelines._plan import Network, Plan, Sigmoid, Threshold, Vote
from sklip.pipelines._read import Origin, Reading, read_steps
from sklip.pipelines._run import Batch, Run
from sklip.pipelines._scores import read_network, scores_of
from sklip.pipelines._thresholds import by_sigmoid, by_threshold, read_sigmoid, read_threshold
from sklip.pipelines._votes import vote_radii
from sklip.pipelines.unwrap import unwrapped

_LEAST_WEIGHT = 1e-270


def read(estimator, X, constants: dict[str, float]) -> tuple[Plan, tuple]:
    """Read a fitted estimator into a plan.

    Parameters
    ----------
    estimator : fitted estimator
    X : array, frame or sparse matrix of shape (n_rows, n_columns)
        Of its columns only the names and the number are looked at, and none of its rows.
    constants : dict of str to float
        Lipschitz constants of steps that the user stated, by their paths.

    Returns
    -------
    plan : Plan
    parts : tuple
        The steps and classifiers that the plan names by their numbers.

    Raises
    ------
    NotLipschitzError
        For a step or an estimator without a known constant, by its path.
    sklearn.exceptions.NotFittedError
        Before ``fit``.
    ValueError
        For a constant of a step that sklip knows.
    """
    reading = Reading(constants)
    end = _read_end(estimator, Origin.of(X), (), reading, ())
    return Plan(end, frozenset(reading.encoded), frozenset(reading.stated)), tuple(reading.parts)


def _read_end(estimator, origin, path, reading, outer):
    before, estimator = unwrapped(estimator)
    nodes, origin = read_steps(before, origin, path, reading)
    readers = {
        FixedThresholdClassifier: read_threshold,
        TunedThresholdClassifierCV: read_threshold,
        CalibratedClassifierCV: read_sigmoid,
        VotingClassifier: _read_vote,
    }
    if type(estimator) in readers:
        refuse_overrides(estimator)
    return readers.get(type(estimator), read_network)(estimator, origin, path, reading, nodes, outer)


def _read_vote(estimator, origin, path, reading, nodes, outer):
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
    members = tuple(
        _read_end(member, origin, (*path, estimator.estimators[position][0]), reading, outer + nodes)
        for position, member in zip(kept, estimator.estimators_, strict=True)
    )
    weights = np.ones(len(kept)) if estimator.weights is None else np.float64(estimator.weights)[kept]
    # Sums of larger ones differ by nothing, or by more than some threads take for 0.
    small = (weights < _LEAST_WEIGHT) & (weights.view(np.uint64) != 0)
    if not (np.isfinite(weights).all() and (weights >= 0).all()) or small.any():
        raise NotLipschitzError(
            f"VotingClassifier has weights {weights.tolist()}; certificates need weights of 0, or of 1e-270 or more."
        )
    return Vote(reading.number(estimator), nodes, members, weights)


def decide(node: Network | Threshold | Sigmoid | Vote, batch: Batch, run: Run) -> Decision:
    """Predictions and radii of what stands at the end of a plan, at rows.

    Raises
    ------
    NotLipschitzError
        For a step that does not compute what sklip expects of it.
    """
    if isinstance(node, Vote):
        return _by_vote(node, through(node.steps, batch, run), run)
    if isinstance(node, Threshold):
        return by_threshold(node, scores_of(node.network, batch, run))
    if isinstance(node, Sigmoid):
        return by_sigmoid(node, scores_of(node.network, batch, run))
    scores = scores_of(node, batch, run)
    class_indices, radii = np.empty(len(scores.room), dtype=np.intp), np.empty(len(scores.room))
    for rows, values, errors in scores.blocks():
        if values.shape[1] == 1:
            class_indices[rows] = values[:, 0] > 0
            radii[rows] = threshold_radii(np.abs(values[:, 0]), errors, scores.lipschitz, scores.error_lipschitz)
        else:
            class_indices[rows] = values.argmax(axis=1)
            radii[rows] = class_radii(values, errors, scores.pair_lipschitz, scores.error_lipschitz)
    return Decision.of(scores, class_indices, np.minimum(radii, scores.room), scores.descend)


def _by_vote(node, batch, run):
    if len(node.members) > 1:  # all of them get the same object
        batch = replace(batch, is_shared=True)
    members = [decide(member, batch, run) for member in node.members]
    # Members were fitted on the positions of the labels.
    votes = np.stack([np.asarray(member.classes, dtype=np.intp)[member.class_indices] for member in members], axis=1)
    radii, classes = np.stack([member.radii for member in members], axis=1), run.parts[node.number].classes_
    class_indices, certified = vote_radii(votes, radii, node.weights, len(classes))

    def descend(raw, wanted):
        answers = [
            member.descend(raw, np.minimum(np.searchsorted(member.classes, wanted), len(member.classes) - 1))
            for member in members
        ]
        margins, gradients = zip(*answers, strict=True)
        return np.median(margins, axis=0), None if run.plan.stated else np.mean(gradients, axis=0)

    ratio = np.maximum.reduce([member.distance_ratio for member in members])
    is_imputed = any(member.is_imputed for member in members)
    return Decision(classes, class_indices, certified, None, ratio, is_imputed, descend)
