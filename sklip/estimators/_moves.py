"""What bounds how far scores move: the question, the radii, and the errors of each block of rows."""

from typing import Any

import numpy as np

from sklip.certification import Question, distances_above
from sklip.estimators._distance_ratio import FarRows, distance_ratio
from sklip.rows.tolerances import norm_of, tolerances_of


def asked_question(estimator, norm, tolerances) -> Question:
    """The question of a call: what it does not say is that of ``fit``."""
    trained = estimator._question
    if norm is None and tolerances is None:
        return trained
    names = getattr(estimator, "feature_names_in_", None)
    labels: list[Any] = list(range(estimator.n_features_in_)) if names is None else names.tolist()
    units = trained.tolerances if tolerances is None else tolerances_of(tolerances, labels)
    return Question(trained.norm if norm is None else norm_of(norm), units)


def radii_of(radius, n_rows):
    """A radius for each row, not negative."""
    radii = numbers(radius, n_rows, "radius")
    if not (radii >= 0).all():
        raise ValueError("radius must be 0 or more.")
    return radii


def numbers(given, n_rows, name):
    """A number for each row, float64."""
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number, or one number for each row; got {given!r}.") from None
    if np.isnan(array).any():
        raise ValueError(f"{name} holds NaN. Give numbers.")
    if array.shape not in ((), (n_rows,)):
        raise ValueError(f"{name} must be a number, or one for each of the {n_rows} rows; got shape {array.shape}.")
    return np.broadcast_to(array, n_rows)


def bounded_blocks(estimator, rows, proofs):
    """Yield slices of rows, their scores, and for each certificate the bounds of their errors and their room.

    The room of a row is the displacement up to which nothing overflows. At the end, rows far away are warned of.
    """
    far = FarRows(len(rows))
    for block, centered, scores in estimator.network_.scored_blocks(rows):
        estimator._finite(scores, rows)
        distances = distances_above(centered)
        far.see(block.start, distance_ratio(estimator, centered, distances))
        yield block, scores, [_errors_and_room(proof, distances, rows.conversion_error) for proof in proofs]
    far.advise()


def _errors_and_room(proof, distances, converted):
    with np.errstate(all="ignore"):
        errors = proof.score_errors(distances, converted)
        errors = np.where((distances <= proof.error.farthest) & ~np.isnan(errors), errors, np.inf)
        return errors, np.maximum(proof.room(distances), 0.0)
