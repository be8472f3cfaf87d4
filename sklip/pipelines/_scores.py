"""The scores of the network at the end of whatever steps: their errors, Lipschitz constants and radii."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sklip.arithmetic.rounding import round_down, round_up
from sklip.attacks import network_descent
from sklip.certification import certificate, class_radii, distances_above, score_bounds, threshold_radii
from sklip.estimators._certified_classifier import CertifiedClassifier
from sklip.estimators._remoteness import remoteness
from sklip.pipelines._read import Origin, Reading, read_steps
from sklip.pipelines._refusals import refuse
from sklip.pipelines._run import Batch, Decision, Run
from sklip.pipelines.unwrap import refuse_own_ways, unwrapped


class Slopes(NamedTuple):
    """Lipschitz constants from the raw columns: of scores, of their differences, and of their errors."""

    scores: float
    pairs: np.ndarray
    errors: float


Gaps = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def by_sign(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether scores mean the second of two classes, and how far they are from their threshold, not rounded up."""
    return scores > 0, np.abs(scores)


@dataclass(frozen=True, eq=False)
class Network:
    """A classifier of sklip, by its number, and the nodes before it."""

    number: int
    nodes: tuple

    def decide(self, batch: Batch, run: Run, gaps: Gaps = by_sign) -> Decision:
        """Decide by the scores of rows: by the highest of several, by the sign of one, or as ``gaps`` says of it."""
        estimator, batch = run.parts[self.number], run.through(self.nodes, batch)
        rows, place = estimator._inference_rows(batch.values), batch.place
        network = estimator.network_
        proof = certificate(network)
        # Another network may have been set since.
        slopes = run.keep((self, place), lambda: _slopes(network, proof, place, run), of=proof)
        class_indices, (radii, ratio) = np.empty(len(rows), dtype=np.intp), np.empty((2, len(rows)))
        of_input = proof.slope_of_input_errors
        with np.errstate(all="ignore"):
            for block, units, values in network.scored_blocks(rows):
                distances, error = distances_above(units), batch.error[block]
                # The network sees rows that are off by ``error``.
                errors = round_up(proof.score_errors(distances) + of_input * error, 4)
                room = np.minimum(batch.room[block], _room(proof, distances, error, place.speed))
                ratio[block] = remoteness(estimator, distances)
                estimator._finite(values, rows)
                errors = np.where(np.isnan(errors), np.inf, errors)
                if values.shape[1] == 1:
                    class_indices[block], sizes = gaps(values[:, 0])
                    found = threshold_radii(sizes, errors, slopes.scores, slopes.errors)
                else:
                    class_indices[block] = values.argmax(axis=1)
                    found = class_radii(values, errors, slopes.pairs, slopes.errors)
                radii[block] = np.minimum(found, room)

        def descend(raw, class_indices):
            rows = estimator._inference_rows(run.transform(self.nodes, raw))
            margins, gradients = network_descent(estimator.network_)(rows, class_indices)
            if run.plan.stated:
                return margins, None
            return margins, gradients @ run.keep((self, place, "slopes"), place.map.slopes)

        return Decision(estimator.classes_, class_indices, radii, slopes.scores, ratio, batch.is_imputed, descend)


def _slopes(network, proof, place, run):
    if not place.speed:  # nothing that the network sees can move
        return Slopes(0.0, np.zeros_like(proof.pair_lipschitz), 0.0)
    with np.errstate(all="ignore"):
        lipschitz, pairs = score_bounds(network, lambda kernel: place.map.norm(run.norm, run.tolerances, kernel))
        of_errors = round_up(proof.drift * place.speed + proof.slope_of_input_errors * place.error_lipschitz, 6)
    lipschitz, of_errors = (float(bound) if bound >= 0.0 else np.inf for bound in (lipschitz, of_errors))
    return Slopes(lipschitz, np.where(pairs >= 0.0, pairs, np.inf), of_errors)


def _room(proof, distances, error, speed):
    """Displacement up to which nothing overflows in the network."""
    moves = proof.error.farthest - distances - 2.0 * error
    moves = np.where(moves >= 0.0, moves, 0.0)  # not-a-number as well
    return round_down(moves / round_up(speed), 6) if speed else np.where(moves > 0.0, np.inf, 0.0)


def read_network(estimator, origin: Origin, path: str, reading: Reading, nodes: tuple) -> Network:
    """Read a classifier of sklip behind whatever steps; ``nodes`` are those that were read before it.

    Raises
    ------
    NotLipschitzError
        For another estimator, and for one that predicts in its own way.
    """
    before, estimator = unwrapped(estimator)
    inner, _ = read_steps(before, origin, path, reading)
    refuse_own_ways(estimator)
    if not isinstance(estimator, CertifiedClassifier):
        refuse(
            estimator,
            f"{f'at {path!r} ' if path else ''}has no certificate. certified_radius takes HKRClassifier and "
            "LipschitzMLP, at the end of a Pipeline, in a search, FrozenEstimator, FixedThresholdClassifier, "
            "TunedThresholdClassifierCV, in a CalibratedClassifierCV of two classes with method='sigmoid' and "
            "ensemble=False, or as the members of a VotingClassifier with voting='hard'",
        )
    return Network(reading.number(estimator), nodes + inner)
