"""From a fitted estimator to the classes it predicts and the radii within which it predicts them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from sklearn.calibration import CalibratedClassifierCV, _CalibratedClassifier, _SigmoidCalibration
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from sklip._frozen import is_free_of_subnormals
from sklip.attacks import network_descent
from sklip.certification import certificate, class_radii, distances_above, score_bounds, threshold_radii
from sklip.certification._floating import TINY, UNIT, round_down, round_up
from sklip.estimators._inference import CertifiedClassifier
from sklip.estimators._remoteness import remoteness
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._overrides import inherits, refuse_overrides
from sklip.pipelines._point import Point, Question
from sklip.pipelines._steps_of_pipelines import predicting_steps
from sklip.pipelines._votes import vote_radii
from sklip.pipelines._walk import walk


@dataclass(frozen=True, eq=False)
class Decision:
    """What an estimator predicts for rows.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    codes : ndarray of shape (n_rows,)
        The predicted classes, as positions in ``classes``.
    radii : ndarray of shape (n_rows,)
        Certified, in the norm and the units of the question.
    lipschitz : float or None
        Bound of the Lipschitz constant of every score, from those units; None where there is no score.
    descend : callable
        From raw rows and codes to the margins of those classes and their gradients with respect to the raw columns,
        of shape (n_rows, n_columns), None behind a step of which only the constant is known. For attackers:
        approximate, and no part of any proof.
    """

    classes: np.ndarray
    codes: np.ndarray
    radii: np.ndarray
    lipschitz: float | None
    descend: Callable


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of the network at the end, their errors and Lipschitz constants from the raw columns.

    ``blocks()`` yields slices of rows, their computed scores and bounds of the distance of these to exact ones. At a
    displacement of ``r`` that distance is at most ``drift · r`` more, as long as ``r`` is at most ``room``: beyond it,
    something may overflow. ``room`` is known once the blocks were read.
    """

    classes: np.ndarray
    n_rows: int
    blocks: Callable
    drift: float
    lipschitz: float
    pair_lipschitz: np.ndarray
    room: np.ndarray
    descend: Callable

    def of_two_classes(self):
        """The scores and the bounds of all rows, of shape (n_rows,)."""
        values, errors = np.empty(self.n_rows), np.empty(self.n_rows)
        for rows, computed, bounds in self.blocks():
            values[rows], errors[rows] = computed[:, 0], bounds
        return values, errors


def decide(estimator, point: Point, path: tuple[str, ...], question: Question) -> Decision:
    """Predictions and radii of a fitted estimator at rows.

    Raises
    ------
    NotLipschitzError
        For an estimator whose predictions sklip cannot bound.
    """
    estimator, point, path = _unwrapped(estimator, point, path, question)
    if type(estimator) in (
        FixedThresholdClassifier,
        TunedThresholdClassifierCV,
        CalibratedClassifierCV,
        VotingClassifier,
    ):
        refuse_overrides(estimator)
    if type(estimator) in (FixedThresholdClassifier, TunedThresholdClassifierCV):
        return _thresholded(estimator, point, path, question)
    if type(estimator) is CalibratedClassifierCV:
        return _calibrated(estimator, point, path, question)
    if type(estimator) is VotingClassifier:
        return _voted(estimator, point, path, question)
    scores = _scores(estimator, point, path, question)
    codes, radii = np.empty(scores.n_rows, dtype=np.intp), np.empty(scores.n_rows)
    for rows, values, errors in scores.blocks():
        if values.shape[1] == 1:
            codes[rows] = values[:, 0] > 0
            radii[rows] = threshold_radii(np.abs(values[:, 0]), errors, scores.lipschitz, scores.drift)
        else:
            codes[rows] = values.argmax(axis=1)
            radii[rows] = class_radii(values, errors, scores.pair_lipschitz, scores.drift)
    return Decision(scores.classes, codes, np.minimum(radii, scores.room), scores.lipschitz, scores.descend)


def _unwrapped(estimator, point, path, question):
    """The estimator within pipelines, searches and FrozenEstimator, and the rows as it sees them."""
    while True:
        steps = predicting_steps(estimator)
        if steps is not None:
            check_is_fitted(estimator)
            for name, step in steps[:-1]:
                point = walk(step, point, (*path, name), question)
            estimator = steps[-1][1]
        elif inherits(estimator, BaseSearchCV):
            if not hasattr(estimator, "best_estimator_"):
                check_is_fitted(estimator)
                raise NotLipschitzError(
                    f"{type(estimator).__name__} was fitted with refit=False and has no best estimator. Set refit=True."
                )
            estimator = estimator.best_estimator_
        elif type(estimator) is FrozenEstimator:
            refuse_overrides(estimator)
            estimator = estimator.estimator
        else:
            return estimator, point, path


def _scores(estimator, point, path, question):
    """The scores of a sklip classifier behind whatever steps."""
    estimator, point, path = _unwrapped(estimator, point, path, question)
    for known in (CertifiedClassifier, Pipeline, BaseSearchCV):
        if isinstance(estimator, known):
            refuse_overrides(estimator, known)
    if not isinstance(estimator, CertifiedClassifier):
        raise NotLipschitzError(
            f"{type(estimator).__name__}{' at ' + repr('__'.join(path)) if path else ''} has no certificate. "
            "certified_radius takes HKRClassifier and LipschitzMLP, at the end of a Pipeline, in a search, "
            "FrozenEstimator, FixedThresholdClassifier, TunedThresholdClassifierCV, in a CalibratedClassifierCV of two "
            "classes with method='sigmoid' and ensemble=False, or as the members of a VotingClassifier with "
            "voting='hard'."
        )
    rows = estimator._inference_rows(point.values)
    network = estimator.network_
    proof = certificate(network)
    question.remoteness = question.remoteness + np.zeros(len(rows))  # an entry per row, from the first member on
    lipschitz, pairs, drift = _slopes(network, point, question)
    # The network sees rows that are off by point.error: its exact score is off by this constant times that.
    through, room = proof.lipschitz + 2.0 * proof.drift, np.array(point.room)

    def blocks():
        scored = network.scored_blocks(rows)
        while True:
            with np.errstate(all="ignore"):  # not beyond a yield
                block, units, values = next(scored, (None, None, None))
                if block is None:
                    return
                distances = distances_above(units)
                errors = round_up(proof.score_errors(distances) + through * point.error[block], 4)
                room[block] = np.minimum(room[block], _room(proof, distances, point, block))
                far = remoteness(estimator, distances)
            question.remoteness[block] = np.maximum(question.remoteness[block], far)
            estimator._finite(values, rows)
            yield block, values, np.where(np.isnan(errors), np.inf, errors)

    descent = _descent(estimator, point, question)
    return Scores(estimator.classes_, len(rows), blocks, drift, lipschitz, pairs, room, descent)


def _slopes(network, point, question):
    """Lipschitz constants from the raw columns: of scores, of their differences, and of the growth of their errors."""
    proof = certificate(network)
    if not (point.reach or point.growth):  # nothing that the network sees can move
        return 0.0, np.zeros_like(proof.pair_lipschitz), 0.0
    with np.errstate(all="ignore"):
        lipschitz, pairs = score_bounds(
            network, lambda kernel: point.map.norm(question.norm, question.tolerances, kernel)
        )
        # Its rounding is bounded at rows that lie farther out by point.error; once for this row, once for the other.
        through = proof.lipschitz + 2.0 * proof.drift
        drift = proof.drift * (point.reach + point.growth) + through * point.growth
    known = (bound if bound >= 0.0 else np.inf for bound in (lipschitz, round_up(drift, 6)))
    lipschitz, drift = map(float, known)
    return lipschitz, np.where(pairs >= 0.0, pairs, np.inf), drift


def _room(proof, distances, point, block):
    """Displacement up to which nothing overflows in the network."""
    moves, speed = proof.error.farthest - distances - 2.0 * point.error[block], point.reach + point.growth
    moves = np.where(moves >= 0.0, moves, 0.0)  # not-a-number as well
    return round_down(moves / round_up(speed), 6) if speed else np.where(moves > 0.0, np.inf, 0.0)


def _descent(estimator, point, question):
    """From raw rows and codes to the margins of these classes, and their gradients in the raw columns."""
    descend, slopes = network_descent(estimator.network_), None

    def through(raw, codes):
        nonlocal slopes
        margins, gradients = descend(estimator._inference_rows(point.transform(raw)), codes)
        if question.stated:
            return margins, None
        slopes = point.map.slopes() if slopes is None else slopes
        return margins, gradients @ slopes

    return through


def _two_classes(scores, second, gaps, errors, sign, offset):
    """Decision of rows by the side of a threshold: ``sign · f`` above ``offset`` means the second class."""
    radii = np.minimum(threshold_radii(gaps, errors, scores.lipschitz, scores.drift), scores.room)

    def descend(raw, codes):
        margins, gradients = scores.descend(raw, codes if sign > 0 else 1 - codes)
        return margins - np.where(codes > 0, offset, -offset), gradients

    return Decision(scores.classes, second.astype(int), radii, scores.lipschitz, descend)


def _thresholded(estimator, point, path, question):
    """A threshold other than 0 on the scores of two classes; the comparison itself does not round."""
    check_is_fitted(estimator)
    inner = getattr(estimator, "estimator_", estimator.estimator)
    method = estimator._get_response_method()
    method = method if isinstance(method, str) else next((name for name in method if hasattr(inner, name)), None)
    if method != "decision_function":
        raise NotLipschitzError(
            f"{type(estimator).__name__} compares {method} with its threshold. Set response_method='decision_function'."
        )
    if isinstance(estimator, TunedThresholdClassifierCV):
        threshold, positive = estimator.best_threshold_, estimator._curve_scorer._get_pos_label()
    else:
        threshold, positive = estimator.threshold, estimator.pos_label
        threshold = 0.0 if threshold == "auto" else threshold
    scores = _scores(inner, point, path, question)
    if type_of_target(scores.classes) != "binary":
        raise NotLipschitzError(
            f"{type(estimator).__name__} has classes {scores.classes.tolist()}, of which scikit-learn takes none as "
            "the positive one. Use whole numbers, text or booleans as labels."
        )
    values, errors = scores.of_two_classes()
    # With the first class as the positive one, scikit-learn negates the score, which is exact.
    sign = -1.0 if positive is not None and positive == scores.classes[0] else 1.0
    computed, threshold = sign * values, float(threshold)
    gaps = round_down(np.abs(computed - threshold))
    return _two_classes(scores, (computed >= threshold) == (sign > 0), gaps, errors, 1.0, sign * threshold)


def _calibrated(estimator, point, path, question):
    """Platt's sigmoid on the scores of two classes: the class changes where ``a f + b`` does its sign."""
    check_is_fitted(estimator)
    fitted = estimator.calibrated_classifiers_
    calibrators = [calibrator for part in fitted for calibrator in part.calibrators]
    for part in (*fitted, *calibrators):
        refuse_overrides(part)
    kinds = [type(part) for part in (*fitted, *calibrators)]
    if kinds != [_CalibratedClassifier, _SigmoidCalibration] or len(estimator.classes_) != 2:
        raise NotLipschitzError(
            f"CalibratedClassifierCV with method={estimator.method!r}, {len(fitted)} calibrated classifiers and "
            f"{len(estimator.classes_)} classes does not predict by a threshold on one score. Use method='sigmoid' and "
            "ensemble=False with two classes."
        )
    scores = _scores(fitted[0].estimator, point, path, question)
    slope, intercept = float(calibrators[0].a_), float(calibrators[0].b_)
    if 0.0 < abs(slope) < TINY:
        raise NotLipschitzError(f"CalibratedClassifierCV has the slope {slope}, which some threads take for 0.")
    values, errors = scores.of_two_classes()
    computed = -(slope * values + intercept)
    # Three roundings; and the probabilities p and 1 − p, of a few ulps each, compare as the sign says from 1e-14 on.
    unsure = 16 * UNIT * (np.abs(slope * values) + abs(intercept)) + 2e-14
    with np.errstate(all="ignore"):
        gaps = round_down(round_down(np.abs(computed) - unsure, 2) / abs(slope), 24)
    return _two_classes(scores, computed > 0, gaps, errors, -np.sign(slope), intercept / abs(slope or 1.0))


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
    if not (np.isfinite(weights).all() and (weights >= 0).all() and is_free_of_subnormals(weights)):
        raise NotLipschitzError(
            f"VotingClassifier has weights {weights.tolist()}; certificates need weights of 0 or more, "
            "none below 2.3e-308 but 0."
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
