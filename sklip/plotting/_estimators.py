"""Questions of the displays to estimators and rows: predictions with radii, classifiers, positions, names, units."""

import numpy as np

from sklip._labels import known_labels
from sklip.estimators._certified_classifier import CertifiedClassifier
from sklip.pipelines import CertifiedRadii, certified_radius
from sklip.pipelines.trace import predictions
from sklip.pipelines.unwrap import unwrapped


def final_classifier(estimator) -> CertifiedClassifier | None:
    """Return the sklip classifier whose scores decide, or None if a threshold, a calibration or a vote decides."""
    _, inner = unwrapped(estimator, strict=False)
    return inner if isinstance(inner, CertifiedClassifier) else None


def labels_and_radii(estimator, X, y, norm, tolerances, step_lipschitz) -> tuple[np.ndarray, CertifiedRadii]:
    """Return predictions of rows and their radii, in raw units. Check the labels against the classes."""
    radii = certified_radius(estimator, X, norm=norm, tolerances=tolerances, step_lipschitz=step_lipschitz)
    known_labels(y, len(radii), estimator.classes_)
    return predictions(estimator, X), radii


def unit_of(unit: str | None, in_tolerances: bool) -> str:
    """Return the unit of distances, for a label."""
    return unit or ("tolerances" if in_tolerances else "units of X")


def norm_of(radius) -> float | None:
    """Return the norm of radii, or None if they do not store it."""
    return getattr(radius, "norm", None)


def column_name(label) -> str:
    """Return the name of a column; the label is its name or its position."""
    return label if isinstance(label, str) else f"column {label}"


def row_positions(positions, n_rows: int, name: str, least: int = 0) -> np.ndarray:
    """Return positions of rows, all of 0 or more; raise a ValueError that names the argument if they are invalid."""
    array = np.atleast_1d(positions)
    integers = array.ndim == 1 and (array.dtype.kind in "iu" or not len(array))
    if not integers or len(array) < least or not ((-n_rows <= array) & (array < n_rows)).all():
        raise ValueError(f"{name} must hold positions of the {n_rows} rows of X; got {positions!r}.")
    return array.astype(np.intp) % n_rows
