"""The scores of the network at the end of whatever steps: their errors, Lipschitz constants and radii."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sklip.arithmetic.rounding import round_down, round_up
from sklip.attacks import network_margins
from sklip.certification import certificate, class_radii, distances_above, score_bounds, threshold_radii
from sklip.estimators._certified_classifier import CertifiedClassifier
from sklip.estimators._distance_ratio import distance_ratio
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._read import Origin, Reading, read_steps
from sklip.pipelines._run import Batch, Decision, Run
from sklip.pipelines.unwrap import refuse_own_ways, unwrapped


class Slopes(NamedTuple):
    """Lipschitz constants from the raw columns: of scores, of their differences, and of their errors."""

    scores: float
    pairs: np.ndarray
    errors: float


Judge = Callable[[np.ndarray, np.ndarray, Slopes], tuple[np.ndarray, np.ndarray]]


def by_highest(values: np.ndarray, errors: np.ndarray, slopes: Slopes) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the predicted classes, and radii, by the sign of one score or the highest of several."""
    if values.shape[1] == 1:
        return values[:, 0] > 0, threshold_radii(np.abs(values[:, 0]), errors, slopes.scores, slopes.errors)
    return values.argmax(axis=1), class_radii(values, errors, slopes.pairs, slopes.errors)


@dataclass(frozen=True, eq=False)
class Network:
    """A classifier of sklip, by its number, and the nodes before it; ``outer`` are those before a vote around it."""

    number: int
    nodes: tuple
    outer: tuple

    def decide(self, batch: Batch, run: Run, judge: Judge = by_highest) -> Decision:
        """Decide by the scores of rows: by the sign of one, by the highest of several, or as ``judge`` says."""
        estimator, batch = run.parts[self.number], run.through(self.nodes, batch)
        rows, place = estimator._inference_rows(batch.values), batch.place
        network = estimator.network_
        proof = certificate(network)
        slopes = self._slopes(network, proof, place, run)
        class_indices, (radii, ratio) = np.empty(len(rows), dtype=np.intp), np.empty((2, len(rows)))
        of_input = proof.input_error_slope
        with np.errstate(all="ignore"):
            for block, units, values in network.scored_blocks(rows):
                distances, error = distances_above(units), batch.error[block]
                # The network sees rows that are off by ``error``.
                errors = round_up(proof.score_errors(distances) + of_input * error, 4)
                room = np.minimum(batch.room[block], _room(proof, distances, error, place.speed))
                ratio[block] = distance_ratio(estimator, distances)
                estimator._finite(values, rows)
                class_indices[block], found = judge(values, np.where(np.isnan(errors), np.inf, errors), slopes)
                radii[block] = np.minimum(found, room)
        margins = self._margins(estimator, place, run)
        return Decision(estimator.classes_, class_indices, radii, slopes.scores, ratio, batch.is_imputed, margins)

    def _slopes(self, network, proof, place, run):
        known = run.kept.get((self, place))
        if known is None or known[0] is not proof:  # the network was replaced
            known = run.found[self, place] = proof, _slopes(network, proof, place, run.question)
        return known[1]

    def _margins(self, estimator, place, run):
        """From raw rows and positions of classes to the margins of these, and their gradients in the raw columns."""

        def margins_and_gradients(raw, class_indices):
            rows = estimator._inference_rows(run.transform(self.outer + self.nodes, raw))
            margins, gradients = network_margins(estimator.network_)(rows, class_indices)
            if run.plan.stated:
                return margins, None
            return margins, gradients @ run.keep((self, place, "slopes"), place.map.slopes)

        return margins_and_gradients


def _slopes(network, proof, place, question):
    if not place.speed:  # nothing that the network sees can move
        return Slopes(0.0, np.zeros_like(proof.pair_lipschitz), 0.0)
    with np.errstate(all="ignore"):
        lipschitz, pairs = score_bounds(
            network, lambda kernel: place.map.norm(question.norm, question.tolerances, kernel)
        )
        of_errors = round_up(proof.error_lipschitz * place.speed + proof.input_error_slope * place.error_lipschitz, 6)
    lipschitz, of_errors = (float(bound) if bound >= 0.0 else np.inf for bound in (lipschitz, of_errors))
    return Slopes(lipschitz, np.where(pairs >= 0.0, pairs, np.inf), of_errors)


def _room(proof, distances, error, speed):
    """Displacement up to which nothing overflows in the network."""
    moves = proof.error.farthest - distances - 2.0 * error
    moves = np.where(moves >= 0.0, moves, 0.0)  # not-a-number as well
    return round_down(moves / round_up(speed), 6) if speed else np.where(moves > 0.0, np.inf, 0.0)


def read_network(estimator, origin: Origin, path: tuple[str, ...], reading: Reading, nodes: tuple, outer: tuple):
    """Read a classifier of sklip behind whatever steps.

    ``nodes`` are those that were read before it, ``outer`` those before the vote of which it is a member.

    Raises
    ------
    NotLipschitzError
        For another estimator, and for one that predicts in its own way.
    """
    before, estimator = unwrapped(estimator)
    inner, _ = read_steps(before, origin, path, reading)
    refuse_own_ways(estimator)
    if not isinstance(estimator, CertifiedClassifier):
        raise NotLipschitzError(
            f"{type(estimator).__name__}{' at ' + repr('__'.join(path)) if path else ''} has no certificate. "
            "certified_radius takes HKRClassifier and LipschitzMLP, at the end of a Pipeline, in a search, "
            "FrozenEstimator, FixedThresholdClassifier, TunedThresholdClassifierCV, in a CalibratedClassifierCV of two "
            "classes with method='sigmoid' and ensemble=False, or as the members of a VotingClassifier with "
            "voting='hard'."
        )
    return Network(reading.number(estimator), nodes + inner, outer)
