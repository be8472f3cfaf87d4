"""The scores of the network at the end of whatever steps, with their errors and Lipschitz constants."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sklip.arithmetic.rounding import round_down, round_up
from sklip.attacks import network_descent
from sklip.certification import certificate, distances_above, score_bounds
from sklip.estimators._inference import CertifiedClassifier
from sklip.estimators._remoteness import remoteness
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._branches import through
from sklip.pipelines._plan import Network
from sklip.pipelines._read import Origin, Reading, read_steps
from sklip.pipelines._run import Batch, Run
from sklip.pipelines.unwrap import refuse_own_ways, unwrapped


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of the network at the end, their errors and Lipschitz constants from the raw columns.

    ``blocks()`` yields slices of rows, their computed scores and bounds of the distance of these to exact ones. At a
    displacement of ``r`` that distance is at most ``error_lipschitz · r`` more, as long as ``r`` is at most ``room``:
    beyond it, something may overflow. ``room`` and ``distance_ratio`` are known once the blocks were read: how far each
    row is from the center of the training rows, as a multiple of the farthest of these.
    """

    classes: np.ndarray
    blocks: Callable
    error_lipschitz: float
    lipschitz: float
    pair_lipschitz: np.ndarray
    room: np.ndarray
    distance_ratio: np.ndarray
    is_imputed: bool
    descend: Callable

    def of_two_classes(self):
        """The scores and the bounds of all rows, of shape (n_rows,)."""
        values, errors = np.empty(len(self.room)), np.empty(len(self.room))
        for rows, computed, bounds in self.blocks():
            values[rows], errors[rows] = computed[:, 0], bounds
        return values, errors


def read_network(
    estimator, origin: Origin, path: tuple[str, ...], reading: Reading, steps: tuple, outer: tuple
) -> Network:
    """Read a classifier of sklip behind whatever steps.

    ``steps`` are the nodes that were read before it, ``outer`` those before the vote of which it is a member.

    Raises
    ------
    NotLipschitzError
        For another estimator, and for one that predicts in its own way.
    """
    before, estimator = unwrapped(estimator)
    nodes, _ = read_steps(before, origin, path, reading)
    refuse_own_ways(estimator)
    if not isinstance(estimator, CertifiedClassifier):
        raise NotLipschitzError(
            f"{type(estimator).__name__}{' at ' + repr('__'.join(path)) if path else ''} has no certificate. "
            "certified_radius takes HKRClassifier and LipschitzMLP, at the end of a Pipeline, in a search, "
            "FrozenEstimator, FixedThresholdClassifier, TunedThresholdClassifierCV, in a CalibratedClassifierCV of two "
            "classes with method='sigmoid' and ensemble=False, or as the members of a VotingClassifier with "
            "voting='hard'."
        )
    return Network(reading.number(estimator), (*steps, *nodes), outer)


def scores_of(node: Network, batch: Batch, run: Run) -> Scores:
    """The scores of a classifier of sklip behind its steps."""
    estimator, batch = run.parts[node.number], through(node.steps, batch, run)
    rows = estimator._inference_rows(batch.values)
    network = estimator.network_
    proof = certificate(network)
    lipschitz, pairs, error_lipschitz = _slopes(node, network, proof, batch.place, run)
    room, ratio = np.array(batch.room), np.zeros(len(rows))

    def blocks():
        scored = network.scored_blocks(rows)
        while True:
            with np.errstate(all="ignore"):  # not beyond a yield
                block, units, values = next(scored, (None, None, None))
                if block is None:
                    return
                distances, error = distances_above(units), batch.error[block]
                # The network sees rows that are off by ``error``.
                errors = round_up(proof.score_errors(distances) + proof.slope_of_input_errors * error, 4)
                room[block] = np.minimum(room[block], _room(proof, distances, error, batch.place.speed))
                ratio[block] = remoteness(estimator, distances)
            estimator._finite(values, rows)
            yield block, values, np.where(np.isnan(errors), np.inf, errors)

    descend = _descent(node, estimator, batch.place, run)
    return Scores(estimator.classes_, blocks, error_lipschitz, lipschitz, pairs, room, ratio, batch.is_imputed, descend)


def _slopes(node, network, proof, place, run):
    """Lipschitz constants from the raw columns: of scores, of their differences, and of their errors."""
    known = run.kept.get((node, place))
    if known is None or known[0] is not proof:  # the network was replaced
        known = run.kept[node, place] = proof, _bounds(network, proof, place, run.question)
    return known[1]


def _bounds(network, proof, place, question):
    if not (place.lipschitz or place.error_lipschitz):  # nothing that the network sees can move
        return 0.0, np.zeros_like(proof.pair_lipschitz), 0.0
    with np.errstate(all="ignore"):
        lipschitz, pairs = score_bounds(
            network, lambda kernel: place.map.norm(question.norm, question.tolerances, kernel)
        )
        of_errors = proof.drift * place.speed + proof.slope_of_input_errors * place.error_lipschitz
    known = (bound if bound >= 0.0 else np.inf for bound in (lipschitz, round_up(of_errors, 6)))
    lipschitz, of_errors = map(float, known)
    return lipschitz, np.where(pairs >= 0.0, pairs, np.inf), of_errors


def _room(proof, distances, error, speed):
    """Displacement up to which nothing overflows in the network."""
    moves = proof.error.farthest - distances - 2.0 * error
    moves = np.where(moves >= 0.0, moves, 0.0)  # not-a-number as well
    return round_down(moves / round_up(speed), 6) if speed else np.where(moves > 0.0, np.inf, 0.0)


def _descent(node, estimator, place, run):
    """From raw rows and positions of classes to the margins of these, and their gradients in the raw columns."""

    def descend(raw, class_indices):
        rows = estimator._inference_rows(run.transform(node.outer + node.steps, raw))
        margins, gradients = network_descent(estimator.network_)(rows, class_indices)
        if run.plan.stated:
            return margins, None
        return margins, gradients @ run.keep((node, place, "slopes"), place.map.slopes)

    return descend
