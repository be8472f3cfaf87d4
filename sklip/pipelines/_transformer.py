"""Rows through a single transformer: its map, its rounding, or why there is none."""

from dataclasses import replace

import numpy as np
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.utils.validation import check_is_fitted

from sklip._compat import safe_indexing
from sklip.arithmetic.rounding import product_above, round_up
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._in_place import apply
from sklip.pipelines._missing import rows_with_missing
from sklip.pipelines._point import Point, nothing_moves, refuse
from sklip.pipelines._precision import is_sparse
from sklip.pipelines._rounding import precision_of_step, rounding
from sklip.pipelines._steps import ENCODERS, is_known, read, why_not


def through_stated(step, point, name, question):
    """A step whose constant the user stated, rounding included."""
    question.stated.add(name)
    if read(step, point.width, sparse_rows=is_sparse(point.values)) is not None:
        raise ValueError(
            f"step_lipschitz states a constant for step {name!r} ({type(step).__name__}), which sklip knows exactly. "
            "Leave it out."
        )
    constant = question.constants[name]
    values, transform, shared = apply(step, point, name)
    # What such a step does with missing values, and how it comes to return some, is not known.
    missing = rows_with_missing(point.values) | rows_with_missing(values)
    return replace(
        point,
        values=values,
        map=point.map.then_bounded(constant, values.shape[1]),
        sources=np.full(values.shape[1], -1),
        error=round_up(constant * point.error),
        growth=product_above(constant, point.growth),
        reach=product_above(constant, point.reach),
        room=np.where(missing, 0.0, point.room),
        shared=shared,
        transform=transform,
    )


def through(step, point, name, question):
    """A single transformer."""
    if point.constant and (isinstance(step, ENCODERS) or type(step) is SimpleImputer):
        values, transform, shared = apply(step, point, name)
        return replace(nothing_moves(point, values.shape[1]), values=values, shared=shared, transform=transform)
    if is_known(step):
        check_is_fitted(step)
    affine = read(step, point.width, sparse_rows=is_sparse(point.values))
    if affine is None:
        refuse(step, name, why_not(step))
    if type(step) is SimpleImputer:
        # A missing value of the raw rows is a constant, as it is missing in all rows that are compared. One that a step
        # before made of an overflow leaves no room to move.
        _refuse_missing_in_sparse(step, point, name)
        question.imputed |= bool(rows_with_missing(point.values).any())
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
        before, after = (first_rows(rows) for rows in (point.values, values))
    except (TypeError, ValueError):  # text among columns that the step hands on
        return
    complete = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    before, after, local = before[complete], after[complete], local[: len(before)][complete]
    if not len(before):
        return
    meant = affine.stage.matrix @ (before - before[:1]).T
    slack = 1e-9 * (affine.stage.size @ (np.abs(before) + np.abs(before[:1])).T).sum(axis=0)
    allowed = local + local[0] + slack
    distance = np.linalg.norm((after - after[:1]) - meant.T, axis=1)
    if np.isfinite(distance).all() and not (distance <= allowed).all():
        refuse(step, name, "does not compute what sklip expects of it")


def first_rows(values):
    """The first eight rows of numbers, as float64."""
    rows = values[:8] if sparse.issparse(values) else safe_indexing(values, np.arange(min(8, values.shape[0])))
    return np.asarray(rows.toarray() if sparse.issparse(rows) else rows, dtype=np.float64)


def _refuse_missing_in_sparse(step, point, name):
    if sparse.issparse(point.values) and (point.values.data != point.values.data).any():
        raise NotLipschitzError(
            f"Step {name!r} ({type(step).__name__}) fills missing values of sparse rows, and sklip knows this of dense "
            "ones alone. Certify X.toarray()."
        )
