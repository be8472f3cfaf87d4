"""Rows through a single transformer: its map, its rounding, or why there is none."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.utils import _safe_indexing

from sklip.arithmetic.rounding import product_above, round_up
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._in_place import transformed
from sklip.pipelines._places import Place
from sklip.pipelines._plan import Step
from sklip.pipelines._precision import form_of, is_sparse
from sklip.pipelines._refusals import refuse
from sklip.pipelines._rounding import Rounding, precision_of_step
from sklip.pipelines._run import Batch, Run
from sklip.pipelines._steps import Affine, affine_map, why_not
from sklip.rows.missing import rows_with_missing


@dataclass(frozen=True, eq=False)
class AffineStep:
    """What an affine step does to rows of some form behind some place; no rounding where it copies values."""

    affine: Affine
    place: Place
    rounding: Rounding | None

    @classmethod
    def of(cls, affine: Affine, before: Place, name: str) -> "AffineStep":
        """An affine step that computes in a precision."""
        rounding = Rounding.of(affine, before, name) if affine.operations else None
        after = before.map.then(affine.stage)
        after = after.then_bounded(1.0, after.width) if affine.clips else after
        growth = rounding.error_lipschitz if rounding else before.error_lipschitz
        lipschitz = product_above(affine.stage.loose_norm(), before.lipschitz)
        return cls(affine, Place(after, lipschitz, growth, before.is_fixed and rounding is None), rounding)


def through_step(node: Step, batch: Batch, run: Run) -> Batch:
    """Take rows through a single transformer."""
    step, fixed = run.parts[node.number], batch.place.is_fixed
    if node.constant is not None:
        return _stated(step, node, batch, run)
    if fixed and (not node.has_map or type(step) is SimpleImputer):
        values = transformed(step, node, batch.values, batch.is_shared)
        place = run.keep((node, batch.place, values.shape[1]), lambda: batch.place.fixed(values.shape[1]))
        return batch.fixed(place, values, batch.is_shared and not node.is_new)
    if not node.has_map:
        refuse(step, node.path, why_not(step))
    return _affine(step, node, batch, run)


def _stated(step, node, batch, run):
    """A step whose constant the user stated, rounding included."""
    values, is_shared = transformed(step, node, batch.values, batch.is_shared), batch.is_shared and not node.is_new
    place, constant, width = batch.place, node.constant, values.shape[1]

    def after():
        lipschitz, growth = (product_above(constant, bound) for bound in (place.lipschitz, place.error_lipschitz))
        return Place(place.map.then_bounded(constant, width), lipschitz, growth)

    # What such a step does with missing values, and how it comes to return some, is not known.
    missing = rows_with_missing(batch.values) | rows_with_missing(values)
    room, error = np.where(missing, 0.0, batch.room), round_up(constant * batch.error)
    return Batch(values, run.keep((node, place, width), after), error, room, is_shared, batch.is_imputed)


def _affine(step, node, batch, run):
    is_imputed = batch.is_imputed
    if type(step) is SimpleImputer:
        # A missing value of the raw rows is a constant, as it is missing in all rows that are compared. One that a step
        # before made of an overflow leaves no room to move.
        _refuse_missing_in_sparse(step, node.path, batch.values)
        is_imputed = is_imputed or bool(rows_with_missing(batch.values).any())
    values, is_shared = transformed(step, node, batch.values, batch.is_shared), batch.is_shared and not node.is_new

    def found():
        affine = affine_map(step, batch.place.width, sparse_rows=is_sparse(batch.values))
        if affine.stage.matrix.shape != (values.shape[1], batch.place.width):
            refuse(step, node.path, "does not return the columns that sklip expects of it")
        return AffineStep.of(affine, batch.place, precision_of_step(batch.values, values, affine.parameters))

    known = run.keep((node, batch.place, form_of(batch.values), form_of(values)), found)
    error, local, room = known.rounding.bounds(batch) if known.rounding else (batch.error, None, batch.room)
    _check(step, node.path, known.affine, batch.values, values, local)
    return Batch(values, known.place, error, room, is_shared, is_imputed)


def _check(step, path, affine, before, after, local):
    """Raise unless the first rows move as the map says: another version of scikit-learn may compute another thing."""
    if affine.clips or before.shape[0] < 2:
        return
    try:
        before, after = first_rows(before), first_rows(after)
    except (TypeError, ValueError):  # text among columns that are copied
        return
    complete = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    local = np.zeros(len(before)) if local is None else local[: len(before)]
    before, after, local = before[complete], after[complete], local[complete]
    if len(before) < 2:
        return
    meant = affine.stage.matrix @ (before - before[:1]).T
    slack = 1e-9 * (affine.stage.size @ (np.abs(before) + np.abs(before[:1])).T).sum(axis=0)
    allowed = local + local[0] + slack
    distance = np.linalg.norm((after - after[:1]) - meant.T, axis=1)
    if np.isfinite(distance).all() and not (distance <= allowed).all():
        refuse(step, path, "does not compute what sklip expects of it")


def first_rows(values):
    """The first eight rows of numbers, as float64."""
    if type(values) is np.ndarray:
        return values[:8].astype(np.float64)
    rows = values[:8] if sparse.issparse(values) else _safe_indexing(values, np.arange(min(8, values.shape[0])))
    return np.asarray(rows.toarray() if sparse.issparse(rows) else rows, dtype=np.float64)


def _refuse_missing_in_sparse(step, path, values):
    if sparse.issparse(values) and (values.data != values.data).any():
        raise NotLipschitzError(
            f"Step {path!r} ({type(step).__name__}) fills missing values of sparse rows, and sklip knows this of dense "
            "ones alone. Certify X.toarray()."
        )
