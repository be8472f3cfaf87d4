"""Rows through a single transformer: its map, its rounding, or why there is none."""

from dataclasses import replace

import numpy as np
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from sklip.certification._floating import product_above, round_up
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._in_place import apply
from sklip.pipelines._point import Point, nothing_moves, refuse
from sklip.pipelines._rounding import precision_of_step, rounding
from sklip.pipelines._steps import ENCODERS, is_known, read, why_not


def through_stated(step, point, name, question):
    """A step whose constant the user stated, rounding included."""
    question.stated.add(name)
    if read(step, point.width, sparse_rows=sparse.issparse(point.values)) is not None:
        raise ValueError(
            f"step_lipschitz states a constant for step {name!r} ({type(step).__name__}), which sklip knows exactly. "
            "Leave it out."
        )
    constant = question.constants[name]
    values, transform, shared = apply(step, point, name)
    return replace(
        point,
        values=values,
        map=point.map.then_bounded(constant, values.shape[1]),
        sources=np.full(values.shape[1], -1),
        error=round_up(constant * point.error),
        growth=product_above(constant, point.growth),
        reach=product_above(constant, point.reach),
        shared=shared,
        transform=transform,
    )


def through(step, point, name):
    """A single transformer."""
    if point.constant and (isinstance(step, ENCODERS) or type(step) is SimpleImputer):
        values, transform, shared = apply(step, point, name)
        return replace(nothing_moves(point, values.shape[1]), values=values, shared=shared, transform=transform)
    if is_known(step):
        check_is_fitted(step)
    affine = read(step, point.width, sparse_rows=sparse.issparse(point.values))
    if affine is None:
        refuse(step, name, why_not(step))
    if type(step) is SimpleImputer:
        _refuse_missing(step, point, name)
    values, transform, shared = apply(step, point, name)
    if affine.stage.matrix.shape != (values.shape[1], point.width):
        refuse(step, name, "does not return the columns that sklip expects of it")
    rounded = rounding(affine, point, precision_of_step(point.values, values, affine.parameters))
    _check(step, name, affine, point, values, rounded.local)
    after = Point(
        values,
        point.map.then(affine.stage),
        np.full(values.shape[1], -1) if affine.operations else _followed(affine.stage.matrix, point.sources),
        rounded.error,
        rounded.growth,
        product_above(affine.stage.loose_norm(), point.reach),
        rounded.room,
        shared,
        transform,
    )
    return replace(after, map=after.map.then_bounded(1.0, after.width)) if affine.clips else after


def _followed(selection, sources):
    """The sources of selected columns; −1 for columns that are constant."""
    selected = np.full(selection.shape[0], -1)
    rows, columns = selection.nonzero()
    selected[rows] = sources[columns]
    return selected


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
