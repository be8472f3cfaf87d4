"""Rows through a single transformer: its map, its rounding, or why there is none."""

from dataclasses import replace

import numpy as np
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from sklip.certification import norm_bound
from sklip.certification._floating import gamma, round_up
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._point import Point, moved, nothing_moves, product, refuse
from sklip.pipelines._precision import can_hold, magnitudes, precision, unit_and_underflow
from sklip.pipelines._steps import ENCODERS, is_known, read, why_not


def through_stated(step, point, name, question):
    """A step whose constant the user stated, rounding included."""
    question.stated.add(name)
    if read(step, point.width) is not None:
        raise ValueError(
            f"step_lipschitz states a constant for step {name!r} ({type(step).__name__}), which sklip knows exactly. "
            "Leave it out."
        )
    constant = question.constants[name]
    values, transform = moved(step, point)
    return Point(
        values,
        point.map.then_bounded(constant, values.shape[1]),
        np.full(values.shape[1], -1),
        round_up(constant * point.error),
        product(constant, point.growth),
        product(constant, point.reach),
        transform,
    )


def through(step, point, name):
    """A single transformer."""
    if point.constant and (isinstance(step, ENCODERS) or type(step) is SimpleImputer):
        values, transform = moved(step, point)
        return replace(nothing_moves(point, values.shape[1]), values=values, transform=transform)
    if is_known(step):
        check_is_fitted(step)
    affine = read(step, point.width)
    if affine is None:
        refuse(step, name, why_not(step))
    if type(step) is SimpleImputer:
        _refuse_missing(step, point, name)
    values, transform = moved(step, point)
    if affine.stage.matrix.shape != (values.shape[1], point.width):
        refuse(step, name, "does not put out the columns that sklip expects of it")
    error, growth, local = rounding(affine, point, values)
    _check(step, name, affine, point, values, local)
    after = Point(
        values,
        point.map.then(affine.stage),
        np.full(values.shape[1], -1) if affine.operations else _followed(affine.stage.matrix, point.sources),
        error,
        growth,
        product(affine.stage.loose_norm(), point.reach),
        transform,
    )
    return replace(after, map=after.map.then_bounded(1.0, after.width)) if affine.clips else after


def _followed(selection, sources):
    """The sources of selected columns; −1 for columns that are constant."""
    selected = np.full(selection.shape[0], -1)
    rows, columns = selection.nonzero()
    selected[rows] = sources[columns]
    return selected


def rounding(affine, point, values):
    """Error bounds after an affine step, how they grow, and the part that this step adds.

    Each entry is off by ``γ (|A| |z| + offset)`` and underflow, where ``z`` are the computed values before it;
    ``Σ_j ‖a_j‖ |z_j|`` bounds the norm of ``|A| |z|``, with ``‖a_j‖² ≤ ‖a_j‖₁ ‖a_j‖_∞``. A factor that underflows
    is off by as much as a value. At a displacement of 1 they differ by at most ``reach + 2 error + growth``.
    """
    stage = affine.stage
    spread = stage.loose_norm()
    if not affine.operations:
        return point.error, point.growth, np.zeros(len(point.error))
    taken, given = precision(point.values), precision(values, *affine.parameters)
    # Steps that put out something finer than the float16 they take have converted it first, which is exact.
    name = given if taken == "float16" else min(taken, given)  # "float16" < "float32" < "float64"
    unit, tiny = unit_and_underflow(name)
    if not can_hold(affine.parameters, affine.divisors, name) or affine.operations * unit > 0.1:
        lost = np.full(len(point.error), np.inf)
        return lost, np.inf, lost
    rate = gamma(affine.operations) * (unit / 2.0**-53) * (1.0 + 4 * affine.operations * unit)
    lost = np.sqrt(stage.size.shape[0]) * (1.0 + stage.size.sum(axis=1).max(initial=0.0)) * tiny
    lengths = np.sqrt(stage.size.sum(axis=0)) * np.sqrt(stage.size.max(axis=0).toarray().ravel())
    lengths = round_up(rate * lengths + lost, sum(stage.size.shape) + 4)
    most = np.diff(stage.matrix.indptr).max(initial=0)
    whole = float(norm_bound(lengths))
    size = round_up(magnitudes(point.values, lengths), point.width + 4) + rate * norm_bound(affine.offset)
    local = round_up(size + 2.0 * whole * point.error + (4 * most + 4) * lost, 8)
    growth = spread * point.growth + whole * (point.reach + point.growth)
    growth = round_up(growth, 8) if point.reach or point.growth else 0.0
    return round_up(spread * point.error + local, 4), float(growth), local


def _check(step, name, affine, point, values, local):
    """Raise unless the first rows move as the map says: another version of scikit-learn may compute another thing."""
    if affine.clips or not len(local):
        return
    try:
        before, after = (_first_rows(rows) for rows in (point.values, values))
    except (TypeError, ValueError):  # text among columns that the step hands on
        return
    meant = affine.stage.matrix @ (before - before[:1]).T
    slack = 1e-9 * (affine.stage.size @ (np.abs(before) + np.abs(before[:1])).T).sum(axis=0)
    allowed = local[: len(before)] + local[0] + slack
    distance = np.linalg.norm((after - after[:1]) - meant.T, axis=1)
    if np.isfinite(distance).all() and not (distance <= allowed).all():
        refuse(step, name, "does not compute what sklip expects of it")


def _first_rows(values):
    rows = values[:8] if sparse.issparse(values) else _safe_indexing(values, np.arange(min(8, values.shape[0])))
    return np.asarray(rows.toarray() if sparse.issparse(rows) else rows, dtype=np.float64)


def _refuse_missing(step, point, name):
    """Rows with missing values lie at no distance from others."""
    values = point.values.data if sparse.issparse(point.values) else np.asarray(point.values)
    missing = np.vectorize(_is_missing, otypes=[bool])(values) if values.dtype == object else values != values
    if missing.any():
        where = "" if values.ndim == 1 else f" (row {int(missing.any(axis=1).argmax())} is the first)"
        raise NotLipschitzError(
            f"Step {name!r} ({type(step).__name__}) fills missing values, and rows with missing values lie at no "
            f"distance from others{where}. Certify complete rows only."
        )


def _is_missing(entry):
    """Whether an entry, text or number, differs from itself."""
    try:
        return bool(entry != entry)
    except TypeError:  # pandas.NA does not know
        return True
