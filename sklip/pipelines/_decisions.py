"""From a fitted estimator to the plan of what it predicts, and to the votes of its members."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.utils.validation import check_is_fitted

from sklip._overrides import refuse_overrides
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._read import Origin, Reading, read_steps
from sklip.pipelines._run import Batch, Decision, Plan, Run
from sklip.pipelines._scores import read_network
from sklip.pipelines._thresholds import read_sigmoid, read_threshold
from sklip.pipelines._votes import vote_radii
from sklip.pipelines.unwrap import unwrapped

_LEAST_WEIGHT = 1e-270


@dataclass(frozen=True, eq=False)
class Vote:
    """The majority of members; ``nodes`` are those before all of them, and ``number`` is that of the classifier."""

    number: int
    nodes: tuple
    members: tuple
    weights: np.ndarray

    def decide(self, batch: Batch, run: Run) -> Decision:
        """Decide by the votes of the members."""
        batch, classes = run.through(self.nodes, batch), run.parts[self.number].classes_
        if len(self.members) > 1:  # all of them get the same object
            batch = replace(batch, is_shared=True)
        members = [member.decide(batch, run) for member in self.members]
        # Members were fitted on the positions of the labels.
        votes = [np.asarray(member.classes, dtype=np.intp)[member.class_indices] for member in members]
        radii = [member.radii for member in members]
        class_indices, certified = vote_radii(
            np.stack(votes, axis=1), np.stack(radii, axis=1), self.weights, len(classes)
        )

        def margins_and_gradients(raw, wanted):
            positions = [np.minimum(np.searchsorted(one.classes, wanted), len(one.classes) - 1) for one in members]
            answers = map(lambda member, own: member.margins_and_gradients(raw, own), members, positions)
            margins, gradients = zip(*answers, strict=True)
            return np.median(margins, axis=0), None if run.plan.stated else np.mean(gradients, axis=0)

        ratio = np.maximum.reduce([member.distance_ratio for member in members])
        is_imputed = any(member.is_imputed for member in members)
        return Decision(classes, class_indices, certified, None, ratio, is_imputed, margins_and_gradients)


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
    kept = [position for position, (_, member) in enumerate(estimator.estimators) if member != "drop"]
    if len(estimator.estimators_) != len(kept):
        raise NotLipschitzError(
            "VotingClassifier has members that were dropped or added since it was fitted. Fit it again."
        )
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
