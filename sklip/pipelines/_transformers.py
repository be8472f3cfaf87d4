"""A single transformer: its map, its rounding, or why there is none."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.impute import SimpleImputer

from sklip.arithmetic.rounding import product_above, round_up
from sklip.pipelines._in_place import first_rows, transformed
from sklip.pipelines._maps import Place
from sklip.pipelines._refusals import refuse_step, refuse_unknown
from sklip.pipelines._rounding import precision_of_step, rounding
from sklip.pipelines._run import Batch, Run
from sklip.pipelines._steps import affine_map, is_selector, why_not
from sklip.rows.dtypes import form_of, is_sparse
from sklip.rows.missing import rows_with_missing


@dataclass(frozen=True, eq=False)
class Step:
    """A single transformer.

    Attributes
    ----------
    number : int
        Of the transformer among the parts of the plan.
    path : str
        Its name, from the whole estimator on.
    has_map : bool
        Whether sklip knows what it computes.
    writes : bool
        Whether it may write into its input.
    is_new : bool
        Whether it returns new memory, and not that of its input.
    constant : float or None
        The Lipschitz constant that the user stated.
    """

    number: int
    path: str
    has_map: bool
    writes: bool
    is_new: bool
    constant: float | None = None

    def apply(self, batch: Batch, run: Run) -> Batch:
        """Take rows through."""
        step, place, is_stated = run.parts[self.number], batch.place, self.constant is not None
        is_imputer, is_shared = type(step) is SimpleImputer, batch.is_shared and not self.is_new
        is_copied = place.is_fixed and not is_stated and (is_imputer or not self.has_map)
        if not (is_copied or is_stated or self.has_map):
            refuse_unknown(step, self.path, why_not(step))
        # A missing value of the raw rows is a constant, as it is missing in all rows that are compared. One that a step
        # before made of an overflow leaves no room to move.
        fills = is_imputer and not (is_copied or is_stated) and bool(rows_with_missing(batch.values).any())
        if fills and sparse.issparse(batch.values):
            reason = "fills missing values of sparse rows, and sklip knows this of dense ones alone"
            refuse_step(step, self.path, f"{reason}. Certify X.toarray()")
        values = transformed(step, self, batch.values, batch.is_shared)
        if is_copied:
            after = run.keep((self, place, values.shape[1]), lambda: place.fixed(values.shape[1]))
            return Batch(values, after, np.zeros(len(batch.error)), batch.room, is_shared, batch.is_imputed)
        if is_stated:
            return self._stated(batch, values, is_shared, run)
        # A selector may decide by more than its attributes hold, such as a function.
        selected = step.get_support().tobytes() if is_selector(step) else b""
        key = self, place, batch.form, form_of(values), selected
        affine, after, bounds = run.keep(key, lambda: self._affine(step, batch, values))
        error, local, room = bounds(batch)
        _check(step, self.path, affine, batch.values, values, local)
        return Batch(values, after, error, room, is_shared, batch.is_imputed or fills)

    def _stated(self, batch, values, is_shared, run):
        """Rows after a step whose constant the user stated, rounding included."""
        place, constant, width = batch.place, self.constant, values.shape[1]
        after = run.keep((self, place, width), lambda: place.behind(place.map.then_bounded(constant, width), constant))
        # What such a step does with missing values, and how it comes to return some, is not known.
        missing = rows_with_missing(batch.values) | rows_with_missing(values)
        error, room = round_up(constant * batch.error), np.where(missing, 0.0, batch.room)
        return Batch(values, after, error, room, is_shared, batch.is_imputed)

    def _affine(self, step, batch, values):
        """The affine map of the step, the place after it, and the bounds of its rounding."""
        place = batch.place
        affine = affine_map(step, place.width, sparse_rows=is_sparse(batch.values))
        if affine.stage.matrix.shape != (values.shape[1], place.width):
            refuse_unknown(step, self.path, "does not return the columns that sklip expects of it")
        growth, bounds = rounding(affine, place, precision_of_step(batch.values, values, affine.parameters))
        after = place.map.then(affine.stage)
        after = after.then_clipped() if affine.clips else after
        lipschitz, is_fixed = product_above(affine.stage.loose_norm(), place.lipschitz), place.is_fixed
        return affine, Place(after, lipschitz, growth, is_fixed and not affine.operations), bounds


def _check(step, path, affine, before, after, local):
    """Raise unless the first rows move as the map says: another version of scikit-learn may compute another thing."""
    rows = None if affine.clips or len(local) < 2 else first_rows(before, after)
    if rows is None:
        return
    before, after = rows
    complete = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    before, after, local = before[complete], after[complete], local[: len(before)][complete]
    if not len(before):
        return
    meant = affine.stage.matrix @ (before - before[:1]).T
    slack = 1e-9 * (affine.stage.size @ (np.abs(before) + np.abs(before[:1])).T).sum(axis=0)
    allowed = local + local[0] + slack
    distance = np.linalg.norm((after - after[:1]) - meant.T, axis=1)
    if np.isfinite(distance).all() and not (distance <= allowed).all():
        refuse_unknown(step, path, "does not compute what sklip expects of it")
