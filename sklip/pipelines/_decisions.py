"""From a fitted estimator to the plan of what it predicts, and to the votes of its members."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.utils.validation import check_is_fitted

from sklip._overrides import refuse_overrides
from sklip.pipelines._read import Origin, Reading, inside, read_steps
from sklip.pipelines._refusals import refuse
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
        radii = np.stack([member.radii for member in members], axis=1)
        class_indices, certified = vote_radii(np.stack(votes, axis=1), radii, self.weights, len(classes))

        def descend(raw, wanted):
            rows = run.transform(self.nodes, raw)
            answers = [
                member.descend(rows, np.minimum(np.searchsorted(member.classes, wanted), len(member.classes) - 1))
                for member in members
            ]
            margins, gradients = zip(*answers, strict=True)
            return np.median(margins, axis=0), None if run.plan.stated else np.mean(gradients, axis=0)

        ratio = np.maximum.reduce([member.distance_ratio for member in members])
        is_imputed = any(member.is_imputed for member in members)
        return Decision(classes, class_indices, certified, None, ratio, is_imputed, descend)


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
    end = _read_end(estimator, Origin.of(X), "", reading)
    return Plan(end, frozenset(reading.encoded), frozenset(reading.stated)), tuple(reading.parts)


def _read_end(estimator, origin, path, reading):
    before, estimator = unwrapped(estimator)
    nodes, origin = read_steps(before, origin, path, reading)
    if type(estimator) not in _READERS:
        return read_network(estimator, origin, path, reading, nodes)
    refuse_overrides(estimator)
    return _READERS[type(estimator)](estimator, origin, path, reading, nodes)


def _read_vote(estimator, origin, path, reading, nodes):
    """The majority of members with certificates."""
    check_is_fitted(estimator)
    if estimator.voting != "hard":
        refuse(estimator, "with voting='soft' averages probabilities, and sklip certifies votes. Set voting='hard'")
    kept = [position for position, (_, member) in enumerate(estimator.estimators) if member != "drop"]
    if len(estimator.estimators_) != len(kept):
        refuse(estimator, "has members that were dropped or added since it was fitted. Fit it again")
    names = [estimator.estimators[position][0] for position in kept]
    pairs = zip(names, estimator.estimators_, strict=True)
    members = tuple(_read_end(member, origin, inside(path, name), reading) for name, member in pairs)
    weights = np.ones(len(kept)) if estimator.weights is None else np.float64(estimator.weights)[kept]
    # Sums of larger ones differ by nothing, or by more than some threads take for 0.
    small = (weights < _LEAST_WEIGHT) & (weights.view(np.uint64) != 0)
    if not (np.isfinite(weights).all() and (weights >= 0).all()) or small.any():
        needs = f"certificates need weights of 0, or of {_LEAST_WEIGHT} or more"
        refuse(estimator, f"has weights {weights.tolist()}; {needs}")
    return Vote(reading.number(estimator), nodes, members, weights)


_READERS = {
    FixedThresholdClassifier: read_threshold,
    TunedThresholdClassifierCV: read_threshold,
    CalibratedClassifierCV: read_sigmoid,
    VotingClassifier: _read_vote,
}
