"""Proven bounds of the served network: Lipschitz constants, rounding errors, radii. NumPy only."""

from sklip.arithmetic.norms import norm_bound, operator_norm_bound, spectral_norm_bound
from sklip.certification._bands import gap_bands, score_bands
from sklip.certification._directions import proven_directions, steepest_slopes
from sklip.certification._lipschitz import lipschitz_bound, score_bounds
from sklip.certification._probability_bands import probability_bands
from sklip.certification._question import Question
from sklip.certification._radius import (
    Certificate,
    certificate,
    certified_radius,
    certified_scores,
    class_radii,
    distances_above,
    scores_and_errors,
    threshold_radii,
)
from sklip.certification._rounding import ErrorBound, error_bound
from sklip.certification._transport import transport_bounds, wasserstein_lower_bound

__all__ = [
    "Certificate",
    "ErrorBound",
    "Question",
    "certificate",
    "certified_radius",
    "certified_scores",
    "class_radii",
    "distances_above",
    "error_bound",
    "gap_bands",
    "lipschitz_bound",
    "norm_bound",
    "operator_norm_bound",
    "probability_bands",
    "proven_directions",
    "score_bands",
    "score_bounds",
    "scores_and_errors",
    "spectral_norm_bound",
    "steepest_slopes",
    "threshold_radii",
    "transport_bounds",
    "wasserstein_lower_bound",
]
