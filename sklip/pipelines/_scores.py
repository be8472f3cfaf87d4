"""How the scores of the network at the end of whatever steps decide for a class, and within which radii."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sklip.attacks import network_margins
from sklip.certification import Question, certificate, class_radii, threshold_radii
from sklip.pipelines._network import NetworkBehindSteps, moves_fixed, scored_rows, slopes_of
from sklip.pipelines._run import Batch, Decision, Run

Gaps = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def by_sign(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The second class where a score is above 0, as classifiers of sklip predict."""
    return scores > 0, np.abs(scores)


@dataclass(frozen=True, eq=False)
class Network(NetworkBehindSteps):
    """A classifier of sklip, the nodes before it, and how one score decides between two classes.

    Attributes
    ----------
    gaps : callable
        From scores to whether they mean the second class, and their distances from the threshold, not rounded up.
    sign, offset : float
        The same for attackers: a score ``f`` means the second class where ``sign · f`` is above ``offset``.
    whole : int or None
        Number of the CertifiedPipeline around the classifier that gets the raw columns, and has the question of the
        training; None if there is none.
    """

    gaps: Gaps = by_sign
    sign: float = 1.0
    offset: float = 0.0
    whole: int | None = None

    def trained_question(self, parts: tuple) -> Question:
        """The question of the training, if it is about the raw columns; the Euclidean one behind steps."""
        if self.whole is not None:
            return parts[self.whole]._question
        return super().trained_question(parts)

    def decide(self, batch: Batch, run: Run) -> Decision:
        """Decide by the scores of rows: by the highest of several, or by the threshold of one."""
        estimator, batch = run.parts[self.number], run.through(self.nodes, batch)
        rows, place = estimator._inference_rows(batch.values), batch.place
        network = estimator.network_
        proof = certificate(network)
        # The classifier may have another network than at the call before.
        slopes = run.keep((self, place), lambda: slopes_of(network, proof, place, run), of=proof)
        class_indices, (radii, ratio) = np.empty(len(rows), dtype=np.intp), np.empty((2, len(rows)))
        with np.errstate(all="ignore"):
            for block, values, ratios, ((errors, room),) in scored_rows(estimator, network, rows, batch, [proof]):
                ratio[block] = ratios
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

        moves = run.keep((self, place, "fixed"), lambda: moves_fixed(estimator, place, run), of=proof)
        facts = slopes.scores, ratio, batch.is_imputed, moves
        return Decision(estimator.classes_, class_indices, radii, *facts, margins_and_gradients)
