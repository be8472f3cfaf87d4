"""The inputs that a display of adversarial inputs shows: which rows, the search, and whether arrays fit together."""

from dataclasses import dataclass

import numpy as np

from sklip._compat import safe_indexing
from sklip.auditing import audit
from sklip.pipelines.trace import as_rows, trace
from sklip.plotting._estimators import column_name, final_classifier


@dataclass(frozen=True, eq=False)
class Found:
    """Parameters of :class:`sklip.plotting.AdversarialDisplay`, which explains them."""

    rows: np.ndarray
    adversarial: np.ndarray
    y_pred: np.ndarray
    y_adversarial: np.ndarray
    radius: np.ndarray
    distance: np.ndarray
    row_names: list[str]
    feature_names: list[str]
    tolerances: np.ndarray | None


def search(estimator, X, rows, random_state, *, norm, tolerances, step_lipschitz) -> Found:
    """Search for the closest inputs; parameters are those of ``AdversarialDisplay.from_estimator``."""
    X = as_rows(X, estimator)
    chosen = _positions(rows, X.shape[0])
    shown = safe_indexing(X, chosen)
    options = {"norm": norm, "tolerances": tolerances, "step_lipschitz": step_lipschitz}
    traced = trace(estimator, shown, **options)
    columns = traced.columns()
    bare = final_classifier(estimator)
    if bare is not None and bare is estimator and norm == 2 and tolerances is None:
        adversarial, distance = bare.closest_adversarial(shown)
    else:
        found = audit(estimator, shown, **options, random_state=random_state, verbose=False)
        adversarial, distance = found.inputs, found.attack
    return Found(
        rows=columns.rows,
        adversarial=adversarial,
        y_pred=np.asarray(estimator.predict(shown)),
        y_adversarial=_predictions(estimator, columns, adversarial),
        radius=np.asarray(traced.decision.radii),
        distance=distance,
        row_names=[f"row {position}" for position in chosen],
        feature_names=[column_name(traced.labels[position]) for position in columns.positions],
        tolerances=None if tolerances is None else traced.tolerances[columns.positions],
    )


def _positions(rows, n_rows):
    """Positions of the rows to show."""
    chosen = np.arange(min(4, n_rows)) if rows is None else np.atleast_1d(np.asarray(rows))
    if (
        chosen.ndim != 1
        or not len(chosen)
        or chosen.dtype.kind not in "iu"
        or not ((-n_rows <= chosen) & (chosen < n_rows)).all()
    ):
        raise ValueError(f"rows must hold positions of the {n_rows} rows of X; got {rows!r}.")
    return chosen % n_rows


def _predictions(estimator, columns, adversarial):
    """Predictions of inputs; None where there is no input."""
    found = np.flatnonzero(np.isfinite(adversarial).all(axis=1))
    labels = np.full(len(adversarial), None, dtype=object)
    if len(found):
        labels[found] = np.asarray(estimator.predict(columns.placed(adversarial[found], found)))
    return labels


def check_shapes(display):
    """Raise unless the arrays of a display fit together."""
    rows, adversarial, shape = display.rows, display.adversarial, display.image_shape
    if np.ndim(rows) != 2 or np.shape(rows) != np.shape(adversarial):
        raise ValueError(
            "rows and adversarial must be tables of the same shape (n_rows, n_columns); got shapes "
            f"{np.shape(rows)} and {np.shape(adversarial)}."
        )
    if not len(rows):
        raise ValueError("There are no rows to draw.")
    for name in ("y_pred", "y_adversarial", "radius", "distance", "row_names"):
        values = getattr(display, name)
        if values is not None and len(values) != len(rows):
            raise ValueError(f"{name} must hold one entry for each of the {len(rows)} rows; got {len(values)}.")
    for name in ("feature_names", "tolerances"):
        values = getattr(display, name)
        if values is not None and len(values) != rows.shape[1]:
            raise ValueError(f"{name} must hold one entry for each of the {rows.shape[1]} columns; got {len(values)}.")
    if display.tolerances is not None and not (
        np.isfinite(display.tolerances).all() and (np.asarray(display.tolerances) > 0).all()
    ):
        raise ValueError("tolerances must hold finite tolerances above 0. Leave out the columns that are held fixed.")
    if shape is not None and (len(shape) != 2 or shape[0] * shape[1] != rows.shape[1]):
        raise ValueError(
            f"image_shape must be (height, width) with height · width = {rows.shape[1]}, the number of columns; got "
            f"{shape!r}."
        )
