"""Arrays of a display of the decision function: scores on a plane, rows and discs."""

import numpy as np

from sklip._labels import known_labels
from sklip.pipelines.trace import predictions, trace
from sklip.plotting._discs import choose_discs
from sklip.plotting._estimators import column_name, final_classifier, row_positions
from sklip.plotting._plane import Plane
from sklip.rows.movable import column_of


def section(make_display, estimator, X, y, *, features, row, discs, tolerances, step_lipschitz, grid_resolution):
    """Compute scores on a plane and make a display; see ``DecisionFunctionDisplay.from_estimator``."""
    if not (isinstance(grid_resolution, (int, np.integer)) and grid_resolution > 1):
        raise ValueError(f"grid_resolution must be an integer, 2 or more; got {grid_resolution!r}.")
    traced = trace(estimator, X, norm=2, tolerances=tolerances, step_lipschitz=step_lipschitz)
    X, decision = traced.rows, traced.decision
    classes, predicted = np.asarray(decision.classes), predictions(estimator, X)
    columns = traced.columns()
    plane, base, note = _plane(columns, traced.tolerances[columns.positions], traced.labels, features, row)

    centers, radii = plane.cut(columns.rows, decision.radii)
    radii = np.where(_alike(X, columns.positions, base), radii, 0.0)
    first = 0 if row is None else base
    low, high, chosen = _view(centers / plane.units, radii, decision.class_indices, discs, first)
    ends = zip(low * plane.units, high * plane.units, strict=True)
    xx0, xx1 = np.meshgrid(*(np.linspace(*pair, grid_resolution) for pair in ends))
    points = plane.points(np.column_stack([xx0.ravel(), xx1.ravel()]))
    whole, classifier = len(columns.positions) == X.shape[1] == 2, final_classifier(estimator)
    grid = columns.placed(points, np.full(len(points), base))
    if classifier is None:
        response = np.searchsorted(classes, estimator.predict(grid)).astype(np.intp)
    else:
        response = np.asarray(estimator.decision_function(grid))
    return make_display(
        xx0=xx0,
        xx1=xx1,
        response=response.reshape(*xx0.shape, *response.shape[1:]),
        classes=classes,
        points=centers,
        labels=predicted if y is None else known_labels(y, X.shape[0], classes),
        disc_rows=chosen,
        disc_centers=centers[chosen],
        disc_radii=radii[chosen],
        disc_labels=predicted[chosen],
        tolerances=plane.units,
        min_margin=_margin(classifier),
        whole=whole,
        xlabel=plane.labels[0],
        ylabel=plane.labels[1],
        note=None if whole else note,
    )


def _margin(classifier):
    """Return the margin that a classifier was trained for, in the units of its score."""
    if classifier is None or getattr(classifier, "loss", "hkr") not in ("hkr", "hinge"):
        return None
    return getattr(classifier, "min_margin_", None)


def _plane(columns, tolerances, names, features, row):
    """Return the plane, the row with the values of the columns that cannot change, and a description of the plane."""
    n_rows, n_columns = columns.rows.shape
    if row is not None and not (isinstance(row, (int, np.integer)) and -n_rows <= row < n_rows):
        raise ValueError(f"row must be the position of one of the {n_rows} rows of X; got {row!r}.")
    if n_columns < 2:
        raise ValueError(f"A plane needs two columns that may move, and there is {n_columns}.")
    components = features == "pca" if isinstance(features, str) else features is None and n_columns > 2
    middle = columns.rows.mean(axis=0) if components else np.median(columns.rows, axis=0)
    base = int(np.linalg.norm((columns.rows - middle) / tolerances, axis=1).argmin()) if row is None else row % n_rows
    origin = columns.rows[base]
    if components:
        note = f"plane through {'the mean' if row is None else f'row {row}'}, rows projected on it"
        return Plane.of_components(columns.rows, tolerances, None if row is None else origin), base, note
    pair = (0, 1) if features is None else _pair(features, columns.positions, names)
    titles = [column_name(names[position]) for position in columns.positions]
    note = f"other columns {'at their median' if row is None else f'as in row {row}'}, rows projected"
    return Plane.of_columns(pair, middle if row is None else origin, tolerances, titles), base, note


def _pair(features, positions, names):
    """Return the places of two columns, given by name or position, among the columns that may change."""
    if isinstance(features, str) or np.ndim(features) != 1 or len(features) != 2:
        raise ValueError(f"features must be two columns, by name or position, or 'pca'; got {features!r}.")
    places = []
    for feature in features:
        position = names.index(feature) if feature in names else feature
        if not isinstance(position, (int, np.integer)) or not 0 <= position < len(names):
            raise ValueError(f"features names {feature!r}, and X has the columns {names[:20]}.")
        if position not in positions:
            raise ValueError(f"features names {feature!r}, which is held fixed or holds no numbers.")
        places.append(int(np.flatnonzero(positions == position)[0]))
    if places[0] == places[1]:
        raise ValueError(f"features must be two different columns; got {features!r}.")
    return places


def _alike(X, positions, base):
    """Return which rows have the same values as the row ``base`` in the columns that cannot change."""
    alike = np.ones(X.shape[0], dtype=bool)
    for column in np.setdiff1d(np.arange(X.shape[1]), positions):
        values = np.asarray(column_of(X, column))
        alike &= values == values[base]
    return alike


def _view(points, radii, class_indices, discs, first):
    """Return the corners of the picture and the rows whose discs are drawn, in tolerances."""
    border = 0.1 * max(np.ptp(points, axis=0).max(), np.finfo(float).tiny)
    low, high = points.min(axis=0) - border, points.max(axis=0) + border
    if np.ndim(discs) == 0:
        if isinstance(discs, bool) or not isinstance(discs, (int, np.integer)) or discs < 0:
            raise ValueError(f"discs must be a number of rows, 0 or more, or positions of rows; got {discs!r}.")
        order = np.roll(np.arange(len(points)), -first)
        return low, high, order[choose_discs(points[order], radii[order], class_indices[order], low, high, discs)]
    chosen = row_positions(discs, len(points), "discs")
    chosen = chosen[(radii[chosen] > 0) & np.isfinite(radii[chosen])]
    if len(chosen):
        low = np.minimum(low, (points[chosen] - radii[chosen, None]).min(axis=0) - 0.2 * border)
        high = np.maximum(high, (points[chosen] + radii[chosen, None]).max(axis=0) + 0.2 * border)
    return low, high, chosen
