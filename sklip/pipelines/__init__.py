"""Certificates of whole scikit-learn pipelines and meta-estimators, in the units of the raw columns."""

from sklip.pipelines._band import certified_band
from sklip.pipelines._certified_pipeline import CertifiedPipeline
from sklip.pipelines._certified_radii import CertifiedRadii
from sklip.pipelines._radius import certified_radius
from sklip.pipelines._votes import vote_radii

__all__ = ["CertifiedPipeline", "CertifiedRadii", "certified_band", "certified_radius", "vote_radii"]
