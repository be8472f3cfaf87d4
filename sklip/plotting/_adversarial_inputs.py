"""Arrays of a display of adversarial inputs: the search for them, and the check of their shapes."""

import math

import numpy as np

from sklip._compat import safe_indexing
from sklip.auditing import audit
from sklip.pipelines.trace import as_rows, trace
from sklip.plotting._estimators import column_name, final_classifier, row_positions, unit_of
from sklip.rows.containers import as_rows_container
from sklip.rows.images import image_shape


def search(make_display, estimator, X, rows, random_state, shape, unit, *, norm, tolerances, step_lipschitz):
    """Search for the closest inputs and make a display; see ``AdversarialDisplay.from_estimator``."""
    shape_of_images = image_shape(as_rows_container(X, widen=False))
    X = as_rows(X, estimator)
    chosen = row_positions(range(min(4, X.shape[0])) if rows is None else rows, X.shape[0], "rows", least=1)
    shown = safe_indexing(X, chosen)
    options = {"norm": norm, "tolerances": tolerances, "step_lipschitz": step_lipschitz}
    traced = trace(estimator, shown, **options)
    columns = traced.columns()
    bare = final_classifier(estimator)
    if bare is not None and bare is estimator and traced.is_trained:
        adversarial, distance = bare.closest_adversarial(shown)
    else:
        found = audit(estimator, shown, **options, random_state=random_state, verbose=False)
        adversarial, distance = found.inputs, found.attack
    if shape is None and shape_of_images is not None and columns.rows.shape[1] == X.shape[1]:
        shape = shape_of_images
    before = np.asarray(estimator.predict(shown))
    units = traced.tolerances[columns.positions]
    in_tolerances = tolerances is not None or bool((units != 1.0).any())
    return make_display(
        rows=columns.rows,
        image_shape=shape,
        adversarial=adversarial,
        y_pred=before,
        y_adversarial=_predictions(estimator, columns, adversarial, before),
        radius=np.asarray(traced.decision.radii),
        distance=distance,
        row_names=[f"row {position}" for position in chosen],
        feature_names=[column_name(traced.labels[position]) for position in columns.positions],
        tolerances=units if in_tolerances else None,
        unit=unit_of(unit, in_tolerances),
    )


def _predictions(estimator, columns, adversarial, before):
    """Return the predictions for inputs, and None where there is no input.

    Some inputs change the prediction as float64 alone: rounded to the dtype of the rows, they are back where they were.
    """
    left = np.flatnonzero(np.isfinite(adversarial).all(axis=1))
    labels = np.full(len(adversarial), None, dtype=object)
    for placed in (columns, columns.as_plain_float64()):
        if len(left):
            labels[left] = np.asarray(estimator.predict(placed.placed(adversarial[left], left)))
            left = left[labels[left] == before[left]]
    return labels


def check_shapes(display):
    """Raise a ValueError if the arrays of a display do not fit together."""
    rows, adversarial, shape = display.rows, display.adversarial, display.image_shape
    if np.ndim(rows) != 2 or np.shape(rows) != np.shape(adversarial):
        raise ValueError(
            "rows and adversarial must be tables of the same shape (n_rows, n_columns); got shapes "
            f"{np.shape(rows)} and {np.shape(adversarial)}."
        )
    if not len(rows):
        raise ValueError("There are no rows to draw.")
    per_row = "y_pred", "y_adversarial", "radius", "distance", "row_names"
    per_column = "feature_names", "tolerances"
    for names, count, what in ((per_row, len(rows), "rows"), (per_column, rows.shape[1], "columns")):
        for name in names:
            values = getattr(display, name)
            if values is not None and len(values) != count:
                raise ValueError(f"{name} must hold one entry for each of the {count} {what}; got {len(values)}.")
    tolerances = np.array(1.0 if display.tolerances is None else display.tolerances)
    if not (np.isfinite(tolerances) & (tolerances > 0)).all():
        raise ValueError("tolerances must hold finite tolerances above 0. Leave out the columns that are held fixed.")
    if shape is not None and (len(shape) not in (2, 3) or math.prod(shape) != rows.shape[1]):
        raise ValueError(
            f"image_shape must be (height, width) or (height, width, channels) with a product of {rows.shape[1]}, the "
            f"number of columns; got {shape!r}."
        )
