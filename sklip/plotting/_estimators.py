"""What displays ask of estimators: predictions with radii, the classifier at the end, names and units."""

import numpy as np

from sklip._labels import known_labels
from sklip.estimators._certified_classifier import CertifiedClassifier
from sklip.pipelines import CertifiedRadii, certified_radius
from sklip.pipelines.trace import predictions
from sklip.pipelines.unwrap import unwrapped


def final_classifier(estimator) -> CertifiedClassifier | None:
    """The sklip classifier whose scores decide; None where a threshold, a calibration or a vote does."""
    _, inner = unwrapped(estimator, strict=False)
    return inner if isinstance(inner, CertifiedClassifier) else None


def labels_and_radii(estimator, X, y, norm, tolerances, step_lipschitz) -> tuple[np.ndarray, CertifiedRadii]:
    """Predictions of rows and their radii, in raw units; labels are checked against the classes."""
    radii = certified_radius(estimator, X, norm=norm, tolerances=tolerances, step_lipschitz=step_lipschitz)
    known_labels(y, len(radii), estimator.classes_)
    return predictions(estimator, X), radii


def unit_of(unit: str | None, tolerances) -> str:
    """The unit of distances, for a label."""
    return unit or ("units of X" if tolerances is None else "tolerances")


def norm_of(radius) -> float | None:
    """The norm of radii, where they know it."""
    return getattr(radius, "norm", None)


def column_name(label) -> str:
    """What a column is called: by its name, or the position that it has instead."""
    return label if isinstance(label, str) else f"column {label}"
