"""The scores of the network at the end of whatever steps: their errors, Lipschitz constants and radii."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from sklip.arithmetic.rounding import round_down, round_up
from sklip.attacks import network_margins
from sklip.certification import (
    Question,
    certificate,
    class_radii,
    distances_above,
    score_bounds,
    threshold_radii,
)
from sklip.certification._question import EUCLIDEAN
from sklip.estimators._distance_ratio import distance_ratio
from sklip.pipelines._run import Batch, Decision, Run


class Slopes(NamedTuple):
    """Lipschitz constants from the raw columns: of scores, of their differences, and of their errors."""

    scores: float
    pairs: np.ndarray
    errors: float


Gaps = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def by_sign(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The second class where a score is above 0, as classifiers of sklip predict."""
    return scores > 0, np.abs(scores)


@dataclass(frozen=True, eq=False)
class Network:
    """A classifier of sklip, the nodes before it, and how one score decides between two classes.

    Attributes
    ----------
    number : int
        Of the classifier among the parts of the plan.
    nodes : tuple of Step and Branches
    gaps : callable
        From scores to whether they mean the second class, and their distances from the threshold, not rounded up.
    sign, offset : float
        The same for attackers: a score ``f`` means the second class where ``sign · f`` is above ``offset``.
    whole : int or None
        Number of the CertifiedPipeline around the classifier that gets the raw columns, and has the question of the
        training; None if there is none.
    """

    number: int
    nodes: tuple
    gaps: Gaps = by_sign
    sign: float = 1.0
    offset: float = 0.0
    whole: int | None = None

    def trained_question(self, parts: tuple) -> Question:
        """The question of the training, if it is about the raw columns; the Euclidean one behind steps."""
        if self.whole is not None:
            return parts[self.whole]._question
        return EUCLIDEAN if self.nodes else parts[self.number]._question

    def decide(self, batch: Batch, run: Run) -> Decision:
        """Decide by the scores of rows: by the highest of several, or by the threshold of one."""
        estimator, batch = run.parts[self.number], run.through(self.nodes, batch)
        rows, place = estimator._inference_rows(batch.values), batch.place
        network = estimator.network_
        proof = certificate(network)
        # The classifier may have another network than at the call before.
        slopes = run.keep((self, place), lambda: _slopes(network, proof, place, run), of=proof)
        class_indices, (radii, ratio) = np.empty(len(rows), dtype=np.intp), np.empty((2, len(rows)))
        with np.errstate(all="ignore"):
            for block, units, values in network.scored_blocks(rows):
                distances, error = distances_above(units), batch.error[block]
                # The network sees rows that are off by ``error``.
                errors = round_up(proof.score_errors(distances) + proof.input_error_slope * error, 4)
                room = np.minimum(batch.room[block], _room(proof, distances, error, place.speed))
                ratio[block] = distance_ratio(estimator, units, distances)
                estimator._finite(values, rows)
                errors = np.where(np.isnan(errors), np.inf, errors)
                if values.shape[1] == 1:
                    class_indices[block], sizes = self.gaps(values[:, 0])
                    found = threshold_radii(sizes, errors, slopes.scores, slopes.errors)
                else:
                    class_indices[block] = values.argmax(axis=1)
                    found = class_radii(values, errors, slopes.pairs, slopes.errors)
                radii[block] = np.minimum(found, room)

        def margins_and_gradients(raw, class_indices, rivals=None):
            rows = estimator._inference_rows(run.transform(self.nodes, raw))
            wanted = class_indices if self.sign > 0 else 1 - class_indices
            margins, gradients = network_margins(estimator.network_)(rows, wanted, rivals)
            margins = margins - np.where(class_indices > 0, self.offset, -self.offset)
            if run.plan.stated:
                return margins, None
            return margins, gradients @ run.keep((self, place, "slopes"), place.map.slopes)

        moves_fixed = run.keep((self, place, "fixed"), lambda: _moves_fixed(estimator, place, run), of=proof)
        facts = slopes.scores, ratio, batch.is_imputed, moves_fixed
        return Decision(estimator.classes_, class_indices, radii, *facts, margins_and_gradients)


def _moves_fixed(estimator, place, run):
    """Whether a column moves that was fixed in the training of the classifier."""
    fixed = estimator._question.fixed
    if fixed is None or not place.speed:
        return False
    with np.errstate(all="ignore"):
        return place.map.norm(run.norm, run.tolerances, fixed.astype(np.float64)) > 2.0**-1000


def _slopes(network, proof, place, run):
    if not place.speed:  # nothing that the network sees can move
        return Slopes(0.0, np.zeros_like(proof.pair_lipschitz), 0.0)
    with np.errstate(all="ignore"):
        lipschitz, pairs = score_bounds(network, partial(place.map.norm, run.norm, run.tolerances))
        of_errors = round_up(proof.error_lipschitz * place.speed + proof.input_error_slope * place.error_lipschitz, 6)
    lipschitz, of_errors = (float(bound) if bound >= 0.0 else np.inf for bound in (lipschitz, of_errors))
    return Slopes(lipschitz, np.where(pairs >= 0.0, pairs, np.inf), of_errors)


def _room(proof, distances, error, speed):
    """Displacement up to which nothing overflows in the network."""
    moves = proof.error.farthest - distances - 2.0 * error
    moves = np.where(moves >= 0.0, moves, 0.0)  # not-a-number as well
    return round_down(moves / round_up(speed), 6) if speed else np.where(moves > 0.0, np.inf, 0.0)
