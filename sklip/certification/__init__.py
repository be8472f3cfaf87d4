"""Proven bounds of the served network: Lipschitz constant, rounding error, radius. NumPy only."""

from sklip.certification._lipschitz import lipschitz_bound, norm_bound, spectral_norm_bound
from sklip.certification._radius import Certificate, certificate, certified_radius, certified_scores
from sklip.certification._rounding import ErrorBound, error_bound

__all__ = [
    "Certificate",
    "ErrorBound",
    "certificate",
    "certified_radius",
    "certified_scores",
    "error_bound",
    "lipschitz_bound",
    "norm_bound",
    "spectral_norm_bound",
]
