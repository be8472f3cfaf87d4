"""From a fitted estimator to the plan of what it predicts: by scores, by a threshold on them, or by votes."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from sklip._compat import platt_types, positive_label, response_methods
from sklip._overrides import refuse_overrides
from sklip.arithmetic.rounding import TINY, UNIT, round_down
from sklip.certification import Question
from sklip.certification._question import EUCLIDEAN
from sklip.estimators._certified_classifier import CertifiedClassifier
from sklip.estimators._certified_regressor import CertifiedRegressor
from sklip.pipelines._certified_pipeline import CertifiedPipeline
from sklip.pipelines._read import inside, read_plan, read_steps
from sklip.pipelines._refusals import refuse
from sklip.pipelines._run import Batch, Decision, Plan, Run
from sklip.pipelines._scores import Network
from sklip.pipelines._votes import vote_radii
from sklip.pipelines.unwrap import refuse_own_ways, unwrapped

_LEAST_WEIGHT = 1e-270


@dataclass(frozen=True, eq=False)
class Vote:
    """The majority of members; ``nodes`` are those before all of them, and ``number`` is that of the classifier."""

    number: int
    nodes: tuple
    members: tuple
    weights: np.ndarray

    def trained_question(self, parts: tuple) -> Question:
        """The question for which all members were trained on the raw columns; the Euclidean one if there is none."""
        first, *others = [member.trained_question(parts) for member in self.members]
        same = not self.nodes and all(other.key == first.key for other in others)
        return first if same else EUCLIDEAN

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

        def margins_and_gradients(raw, wanted, rivals=None):
            rows, answers = run.transform(self.nodes, raw), []
            for member in members:
                positions = (None if each is None else _positions(member.classes, each) for each in (wanted, rivals))
                answers.append(member.margins_and_gradients(rows, *positions))
            margins, gradients = zip(*answers, strict=True)
            return np.median(margins, axis=0), None if run.plan.stated else np.mean(gradients, axis=0)

        ratio = np.maximum.reduce([member.distance_ratio for member in members])
        is_imputed = any(member.is_imputed for member in members)
        moves_fixed = any(member.moves_fixed for member in members)
        facts = None, ratio, is_imputed, moves_fixed
        return Decision(classes, class_indices, certified, *facts, margins_and_gradients)


def _positions(classes, codes):
    """Positions of codes among the classes of a member."""
    return np.minimum(np.searchsorted(classes, codes), len(classes) - 1)


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
    return read_plan(_read_end, estimator, X, constants)


def _read_end(estimator, origin, path, reading):
    before, estimator = unwrapped(estimator)
    nodes, origin = read_steps(before, origin, path, reading)
    if type(estimator) not in _READERS:
        return _read_network(estimator, origin, path, reading, nodes)
    refuse_overrides(estimator)
    return _READERS[type(estimator)](estimator, origin, path, reading, nodes)


def _read_network(estimator, origin, path, reading, nodes) -> Network:
    """A classifier of sklip behind whatever steps; ``nodes`` are those that were read before it."""
    before, estimator = unwrapped(estimator)
    inner, origin = read_steps(before, origin, path, reading)
    refuse_own_ways(estimator)
    if isinstance(estimator, CertifiedPipeline):
        check_is_fitted(estimator)
        network = _read_network(estimator.estimator_, origin, path, reading, nodes + inner)
        return network if nodes or inner else replace(network, whole=reading.number(estimator))
    if isinstance(estimator, CertifiedRegressor | TransformedTargetRegressor):
        refuse(
            estimator,
            f"{f'at {path!r} ' if path else ''}predicts numbers, which certified_radius does not certify. Use "
            "sklip.certified_band(estimator, X, radius) for the band of its predictions, or the method of "
            "LipschitzRegressor, certified_radius(X, max_change=...), for radii of a largest change",
        )
    if not isinstance(estimator, CertifiedClassifier):
        refuse(
            estimator,
            f"{f'at {path!r} ' if path else ''}has no certificate. certified_radius takes HKRClassifier and "
            "LipschitzMLP, at the end of a Pipeline, in a CertifiedPipeline, in a search, FrozenEstimator, "
            "FixedThresholdClassifier, TunedThresholdClassifierCV, in a CalibratedClassifierCV of two classes with "
            "method='sigmoid' and ensemble=False, or as the members of a VotingClassifier with voting='hard'",
        )
    return Network(reading.number(estimator), nodes + inner)


def _read_threshold(estimator, origin, path, reading, nodes) -> Network:
    """A threshold on the score of two classes."""
    check_is_fitted(estimator)
    inner = getattr(estimator, "estimator_", estimator.estimator)
    method = response_methods(estimator)
    method = method if isinstance(method, str) else next((name for name in method if hasattr(inner, name)), None)
    if method != "decision_function":
        refuse(estimator, f"compares {method} with its threshold. Set response_method='decision_function'")
    if isinstance(estimator, TunedThresholdClassifierCV):
        threshold, positive = estimator.best_threshold_, positive_label(estimator)
    else:
        threshold, positive = 0.0 if estimator.threshold == "auto" else estimator.threshold, estimator.pos_label
    network = _read_network(inner, origin, path, reading, nodes)
    check_is_fitted(reading.parts[network.number], "classes_")
    classes = reading.parts[network.number].classes_
    if type_of_target(classes) != "binary":
        refuse(
            estimator,
            f"has classes {classes.tolist()}, of which scikit-learn takes none as the positive one. Use whole numbers, "
            "text or booleans as labels",
        )
    # With the first class as the positive one, scikit-learn negates the score, which is exact.
    sign, threshold = -1.0 if positive is not None and positive == classes[0] else 1.0, float(threshold)

    def gaps(scores):
        computed = sign * scores  # the comparison itself does not round
        return (computed >= threshold) == (sign > 0), round_down(np.abs(computed - threshold))

    return replace(network, gaps=gaps, offset=sign * threshold)


def _read_sigmoid(estimator, origin, path, reading, nodes) -> Network:
    """Platt's sigmoid of the score of two classes."""
    check_is_fitted(estimator)
    fitted = estimator.calibrated_classifiers_
    calibrators = [calibrator for part in fitted for calibrator in part.calibrators]
    for part in (*fitted, *calibrators):
        refuse_overrides(part)
    kinds = [type(part) for part in (*fitted, *calibrators)]
    if kinds != platt_types() or len(estimator.classes_) != 2:
        refuse(
            estimator,
            f"with method={estimator.method!r}, {len(fitted)} calibrated classifiers and {len(estimator.classes_)} "
            "classes does not predict by a threshold on one score. Use method='sigmoid' and ensemble=False with two "
            "classes",
        )
    network = _read_network(fitted[0].estimator, origin, path, reading, nodes)
    slope, intercept = float(calibrators[0].a_), float(calibrators[0].b_)
    if 0.0 < abs(slope) < TINY:
        refuse(estimator, f"has the slope {slope}, which some threads take for 0")

    def gaps(scores):
        computed = -(slope * scores + intercept)
        # Three roundings; the probabilities p and 1 − p, of a few ulps each, compare as the sign says from 1e-14 on.
        unsure = 16 * UNIT * (np.abs(slope * scores) + abs(intercept)) + 2e-14
        return computed > 0, round_down(round_down(np.abs(computed) - unsure, 2) / abs(slope), 24)

    return replace(network, gaps=gaps, sign=-np.sign(slope), offset=intercept / abs(slope or 1.0))


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
    if not (np.isfinite(weights) & ((weights >= _LEAST_WEIGHT) | (weights.view(np.uint64) == 0))).all():
        needs = f"certificates need weights of 0, or of {_LEAST_WEIGHT} or more"
        refuse(estimator, f"has weights {weights.tolist()}; {needs}")
    return Vote(reading.number(estimator), nodes, members, weights)


_READERS = {
    FixedThresholdClassifier: _read_threshold,
    TunedThresholdClassifierCV: _read_threshold,
    CalibratedClassifierCV: _read_sigmoid,
    VotingClassifier: _read_vote,
}
