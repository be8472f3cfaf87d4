"""What regressors predict of the rows within a radius: ends of plans that answer with bands."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.utils.validation import check_is_fitted

from sklip._overrides import refuse_overrides
from sklip.certification import Question, certificate, score_bands
from sklip.certification._question import EUCLIDEAN
from sklip.estimators._certified_classifier import CertifiedClassifier
from sklip.estimators._certified_regressor import CertifiedRegressor
from sklip.pipelines._certified_pipeline import CertifiedPipeline
from sklip.pipelines._inverses import inverse_of
from sklip.pipelines._network import NetworkBehindSteps, moves_fixed, scored_rows, slopes_of
from sklip.pipelines._read import read_plan, read_steps
from sklip.pipelines._refusals import refuse
from sklip.pipelines._run import Batch, Plan, Run
from sklip.pipelines.unwrap import refuse_own_ways, unwrapped


@dataclass(frozen=True, eq=False)
class Bands:
    """Bands of predictions.

    Attributes
    ----------
    lower, upper : ndarray of shape (n_rows, n_targets)
    distance_ratio : ndarray of shape (n_rows,)
        How far outside its training data the regressor is asked, as a multiple of the farthest training row.
    moves_fixed : bool
        Whether a column moves that was fixed in the training of the regressor.
    """

    lower: np.ndarray
    upper: np.ndarray
    distance_ratio: np.ndarray
    moves_fixed: bool


@dataclass(frozen=True, eq=False)
class Numbers(NetworkBehindSteps):
    """A regressor of sklip and the nodes before it."""

    def bands(self, batch: Batch, run: Run, radii: np.ndarray, on_word: bool) -> Bands:
        """Bands of the scores of each target, which have constants of their own."""
        estimator, batch = run.parts[self.number], run.through(self.nodes, batch)
        rows, place = estimator._inference_rows(batch.values), batch.place
        network, networks = estimator.network_, estimator._network_of_each_target()
        proofs, slopes = [certificate(each) for each in networks], []
        for target, (each, proof) in enumerate(zip(networks, proofs, strict=True)):
            slopes.append(run.keep((self, place, target), partial(slopes_of, each, proof, place, run), of=proof))
        (lower, upper), ratio = np.empty((2, len(rows), len(proofs))), np.empty(len(rows))
        with np.errstate(all="ignore"):
            for block, scores, ratios, bounds in scored_rows(estimator, network, rows, batch, proofs):
                ratio[block] = ratios
                for target, (errors, room) in enumerate(bounds):
                    slope = slopes[target]
                    found = score_bands(scores[:, target], errors, radii[block], slope.scores, slope.errors)
                    # No room at all means that a value overflows, or is not known, at the row itself.
                    holds = (radii[block] <= room) & (room > 0)
                    lower[block, target] = np.where(holds, found[0], -np.inf)
                    upper[block, target] = np.where(holds, found[1], np.inf)
        moves = run.keep((self, place, "fixed"), lambda: moves_fixed(estimator, place, run), of=proofs[0])
        return Bands(lower, upper, ratio, moves)


@dataclass(frozen=True, eq=False)
class Transformed:
    """A TransformedTargetRegressor.

    Attributes
    ----------
    number : int
        Of the TransformedTargetRegressor among the parts of the plan.
    nodes : tuple of Step and Branches
        Before it.
    inner : Numbers or Transformed
        What predicts the transformed targets, with the nodes in it.
    """

    number: int
    nodes: tuple
    inner: "Numbers | Transformed"

    def trained_question(self, parts: tuple) -> Question:
        """The question of the training, if it is about the raw columns; the Euclidean one behind steps."""
        return EUCLIDEAN if self.nodes else self.inner.trained_question(parts)

    def bands(self, batch: Batch, run: Run, radii: np.ndarray, on_word: bool) -> Bands:
        """Bands of the targets as they were before they were transformed."""
        inverse = inverse_of(run.parts[self.number], on_word=on_word)
        inner = self.inner.bands(run.through(self.nodes, batch), run, radii, on_word)
        lower, upper = inverse.band(inner.lower, inner.upper)
        return replace(inner, lower=lower, upper=upper)


def read_numbers(estimator, X, constants: dict[str, float]) -> tuple[Plan, tuple]:
    """Read a fitted regressor into a plan; parameters and results are those of ``_decisions.read``."""
    return read_plan(_read_end, estimator, X, constants)


def _read_end(estimator, origin, path, reading):
    before, estimator = unwrapped(estimator)
    nodes, origin = read_steps(before, origin, path, reading)
    if type(estimator) is TransformedTargetRegressor:
        check_is_fitted(estimator)
        refuse_overrides(estimator)
        number = reading.number(estimator)
        return Transformed(number, nodes, _read_end(estimator.regressor_, origin, path, reading))
    refuse_own_ways(estimator)
    if isinstance(estimator, CertifiedClassifier | CertifiedPipeline):
        refuse(estimator, "predicts classes, which have no band. Use sklip.certified_radius(estimator, X)")
    if not isinstance(estimator, CertifiedRegressor):
        refuse(
            estimator,
            f"{f'at {path!r} ' if path else ''}has no certificate. certified_band takes LipschitzRegressor, at the end "
            "of a Pipeline, in a search, in FrozenEstimator or in TransformedTargetRegressor",
        )
    return Numbers(reading.number(estimator), nodes)
