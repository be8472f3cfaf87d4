"""The scores of the network at the end of whatever steps, with their errors and Lipschitz constants."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklip._compat import base_search_cv
from sklip._overrides import refuse_overrides
from sklip.arithmetic.rounding import round_down, round_up
from sklip.attacks import network_descent
from sklip.certification import certificate, distances_above, score_bounds
from sklip.estimators._certified_classifier import CertifiedClassifier
from sklip.estimators._remoteness import remoteness
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._overrides import inherits
from sklip.pipelines._steps_of_pipelines import predicting_steps
from sklip.pipelines._walk import walk


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


def unwrapped(estimator, point, path, question):
    """The estimator within pipelines, searches and FrozenEstimator, and the rows as it sees them."""
    while True:
        steps = predicting_steps(estimator)
        if steps is not None:
            check_is_fitted(estimator)
            for name, step in steps[:-1]:
                point = walk(step, point, (*path, name), question)
            estimator = steps[-1][1]
        elif inherits(estimator, base_search_cv()):
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


def scores_of(estimator, point, path, question):
    """The scores of a sklip classifier behind whatever steps."""
    estimator, point, path = unwrapped(estimator, point, path, question)
    for known in (CertifiedClassifier, Pipeline, base_search_cv()):
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
    through, room = proof.slope_of_input_errors, np.array(point.room)  # the network sees rows off by point.error

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
        drift = proof.drift * (point.reach + point.growth) + proof.slope_of_input_errors * point.growth
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
