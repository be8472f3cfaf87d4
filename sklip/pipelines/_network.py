"""The network at the end of whatever steps, for classes and for numbers: its constants, errors and room."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from sklip.arithmetic.rounding import round_down, round_up
from sklip.certification import Certificate, Question, distances_above, score_bounds
from sklip.certification._question import EUCLIDEAN
from sklip.estimators._distance_ratio import distance_ratio
from sklip.pipelines._maps import Place
from sklip.pipelines._run import Batch, Run
from sklip.served import ServedNetwork


class Slopes(NamedTuple):
    """Lipschitz constants from the raw columns: of scores, of their differences, and of their errors."""

    scores: float
    pairs: np.ndarray
    errors: float


class ScoredRows(NamedTuple):
    """A block of rows with its scores, and for each certificate the errors and the room of these."""

    block: slice
    scores: np.ndarray
    distance_ratio: np.ndarray
    errors_and_room: list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class NetworkBehindSteps:
    """An estimator of sklip and the nodes before it.

    Attributes
    ----------
    number : int
        Of the estimator among the parts of the plan.
    nodes : tuple of Step and Branches
    """

    number: int
    nodes: tuple

    def trained_question(self, parts: tuple) -> Question:
        """The question of the training, if it is about the raw columns; the Euclidean one behind steps."""
        return EUCLIDEAN if self.nodes else parts[self.number]._question


def scored_rows(
    estimator: Any, network: ServedNetwork, rows: Any, batch: Batch, proofs: list[Certificate]
) -> Iterator[ScoredRows]:
    """Scores of the network block by block; callers ignore what NumPy says of infinite bounds.

    Parameters
    ----------
    estimator : estimator of sklip
    network : ServedNetwork
        That of the estimator, read once.
    rows : array or UnreadRows
        What it makes of the values of the batch.
    batch : Batch
        Behind all steps.
    proofs : list of Certificate
        Of the network, or of the networks of its single targets.
    """
    for block, units, scores in network.scored_blocks(rows):
        distances, error = distances_above(units), batch.error[block]
        ratio = distance_ratio(estimator, units, distances)
        estimator._finite(scores, rows)
        bounds = []
        for proof in proofs:
            # The network sees rows that are off by ``error``.
            errors = round_up(proof.score_errors(distances) + proof.input_error_slope * error, 4)
            room = np.minimum(batch.room[block], _room(proof, distances, error, batch.place.speed))
            bounds.append((np.where(np.isnan(errors), np.inf, errors), room))
        yield ScoredRows(block, scores, ratio, bounds)


def slopes_of(network: ServedNetwork, proof: Certificate, place: Place, run: Run) -> Slopes:
    """Lipschitz constants of a network behind the steps before a place."""
    if not place.speed:  # nothing that the network sees can move
        return Slopes(0.0, np.zeros_like(proof.pair_lipschitz), 0.0)
    with np.errstate(all="ignore"):
        lipschitz, pairs = score_bounds(network, partial(place.map.norm, run.norm, run.tolerances))
        of_errors = round_up(proof.error_lipschitz * place.speed + proof.input_error_slope * place.error_lipschitz, 6)
    lipschitz, of_errors = (float(bound) if bound >= 0.0 else np.inf for bound in (lipschitz, of_errors))
    return Slopes(lipschitz, np.where(pairs >= 0.0, pairs, np.inf), of_errors)


def moves_fixed(estimator: Any, place: Place, run: Run) -> bool:
    """Whether a column moves that was fixed in the training of the estimator."""
    fixed = estimator._question.fixed
    if fixed is None or not place.speed:
        return False
    with np.errstate(all="ignore"):
        return place.map.norm(run.norm, run.tolerances, fixed.astype(np.float64)) > 2.0**-1000


def _room(proof, distances, error, speed):
    """Displacement up to which nothing overflows in the network."""
    moves = proof.error.farthest - distances - 2.0 * error
    moves = np.where(moves >= 0.0, moves, 0.0)  # not-a-number as well
    return round_down(moves / round_up(speed), 6) if speed else np.where(moves > 0.0, np.inf, 0.0)
