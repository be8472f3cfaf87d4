"""A ColumnTransformer or a FeatureUnion: steps next to each other, with their weights."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer

from sklip._compat import column_indices, columns_of_branches, safe_indexing
from sklip.arithmetic.norms import norm_bound
from sklip.arithmetic.rounding import product_above, round_up
from sklip.pipelines._in_place import first_rows, head, transformed
from sklip.pipelines._maps import LipschitzMap, Place, norm_of_copies
from sklip.pipelines._refusals import refuse_step, refuse_unknown
from sklip.pipelines._rounding import UNITS, precision, rounding
from sklip.pipelines._run import Batch, Run
from sklip.pipelines._steps import Affine
from sklip.rows.dtypes import dtypes_of, form_of, kinds_of


@dataclass(frozen=True, eq=False)
class Branch:
    """Steps next to others.

    Attributes
    ----------
    name : str
        In the ColumnTransformer or FeatureUnion.
    nodes : tuple of Step and Branches
    weight : object
        By which its result is multiplied, as the user gave it; None for none.
    columns : ndarray of shape (n_taken,) or None
        Positions of the columns that a ColumnTransformer takes; None in a FeatureUnion, whose branches get all.
    sources : ndarray of shape (n_taken,) or None
        The raw column that each of these is a copy of, −1 for others; None where that is not known.
    is_view : bool
        Whether it gets a view of an array.
    overlaps : bool
        Whether another branch reads one of its columns.
    """

    name: str
    nodes: tuple
    weight: Any
    columns: np.ndarray | None
    sources: np.ndarray | None
    is_view: bool
    overlaps: bool

    def begin(self, batch: Batch, run: Run) -> Batch:
        """Take from rows what the branch gets."""
        values, fixed = batch.values, run.plan.fixed
        # Of a slice or a single column, scikit-learn takes a view, of a frame perhaps (pandas makes a slice of
        # neighbouring columns): what is written there, branches that read the same columns see.
        is_shared = (self.is_view or hasattr(values, "columns")) and (batch.is_shared or self.overlaps)
        if self.columns is not None:
            values = safe_indexing(values, self.columns, axis=1)
        place, copies = run.keep((self, batch.place), lambda: self._place(batch.place, fixed))
        error = batch.error if copies == 1.0 else round_up(copies * batch.error)
        error = np.zeros(len(error)) if place.is_fixed else error
        return Batch(values, place, error, batch.room, is_shared, batch.is_imputed)

    def _place(self, place, fixed):
        """The place where the branch begins, and how often it takes a column, as a factor of errors."""
        columns = np.arange(place.width) if self.columns is None else self.columns
        copies = norm_of_copies(columns)
        taken = place.behind(LipschitzMap.selection(columns, place.width), copies, place.is_fixed)
        is_fixed = self.sources is not None and fixed.issuperset(self.sources.tolist())
        return (taken.fixed(len(columns)) if is_fixed else taken), copies


@dataclass(frozen=True, eq=False)
class Branches:
    """A ColumnTransformer or a FeatureUnion, as a :class:`sklip.pipelines._transformers.Step` with branches."""

    number: int
    path: str
    writes: bool
    branches: tuple[Branch, ...]

    def apply(self, batch: Batch, run: Run) -> Batch:
        """Take rows through."""
        step, rows, error = run.parts[self.number], batch.values, np.zeros(len(batch.error))
        if type(step) is ColumnTransformer:
            columns = tuple(rows.columns) if hasattr(rows, "columns") else rows.shape[1]
            run.keep((self, type(rows), columns), lambda: self._refuse_other_columns(step, rows))
        begun = [(branch, run.through(branch.nodes, branch.begin(batch, run))) for branch in self.branches]
        results = [self._weighted(step, branch, result, run) for branch, result in begun]
        values = transformed(step, self, rows, is_shared=False)  # its branches were looked at one by one
        key = self, batch.place, form_of(values), *((result.place, result.form) for result in results)
        place = run.keep(key, lambda: self._place(step, batch.place, values, results))
        self._refuse_other_values(step, values, results)
        if any(result.error.any() for result in results):
            with np.errstate(all="ignore"):
                squares = sum((result.error**2 for result in results), error)
                error = round_up(np.sqrt(squares) + len(results) * 2.0**-510, len(results) + 4)  # underflow of squares
        room = np.minimum.reduce([batch.room, *(result.room for result in results)])
        # Dense arrays are new ones; a single sparse branch, or a frame, may be the same memory.
        is_shared = any(result.is_shared for result in results) and type(values) is not np.ndarray
        is_imputed = batch.is_imputed or any(result.is_imputed for result in results)
        return Batch(values, place, error, room, is_shared, is_imputed)

    def _refuse_other_columns(self, step, rows):
        """Raise unless branches take the columns that were read."""
        taken = {name: columns.tolist() for name, columns in columns_taken(step, rows).items()}
        if taken != {branch.name: branch.columns.tolist() for branch in self.branches}:
            refuse_step(step, self.path, "does not take the columns that sklip expects of it")

    def _place(self, step, before, values, results):
        """The place behind the branches."""
        places = [result.place for result in results]
        widths, indices = [place.width for place in places if place.width], getattr(step, "output_indices_", None)
        known = widths if indices is None else [part.stop - part.start for part in indices.values()]
        if widths != [width for width in known if width] or sum(widths) != values.shape[1]:
            refuse_unknown(step, self.path, "does not return the columns that sklip expects of it")
        for result in results if type(values) is np.ndarray else ():
            # Numbers of types unknown to NumPy itself might be rounded where they meet others.
            if "other" in kinds_of(result.values) and getattr(result.values, "dtype", None) != values.dtype:
                refuse_step(step, self.path, f"joins {result.values.dtype} with other types. Convert X to float64")
        maps = LipschitzMap.side_by_side([place.map for place in places], before.width)
        norms = (float(norm_bound([getattr(place, of) for place in places])) for of in ("lipschitz", "error_lipschitz"))
        return Place(before.map.then_map(maps), *norms, all(place.is_fixed for place in places))

    def _refuse_other_values(self, step, values, results):
        """Raise unless the first rows are those of the branches: another version of scikit-learn may join others."""
        rows = first_rows(values, *(result.values for result in results))
        if rows is None:
            return
        whole, *parts = rows
        weights = [1.0 if branch.weight is None else branch.weight for branch in self.branches]
        parts = [float(weight) * part if part.size else part for weight, part in zip(weights, parts, strict=True)]
        expected = np.concatenate(parts, axis=1) if parts else whole
        underflow = 4.0 * UNITS[precision(values)][1]
        with np.errstate(all="ignore"):
            is_close = np.isfinite(expected) & (np.abs(whole - expected) <= underflow + 1e-3 * np.abs(expected))
        if not (is_close | (whole == expected) | (np.isnan(whole) & np.isnan(expected))).all():
            refuse_step(step, self.path, "does not return what its transformers return")

    def _weighted(self, step, branch, batch, run):
        """A branch times its weight, in the arithmetic of the branch's own types; its values are left as they are."""
        if branch.weight is None or not batch.place.width:
            return batch
        place, bounds = run.keep((branch, batch.place, batch.form), lambda: self._product(step, branch, batch))
        error, _, room = bounds(batch)
        return replace(batch, place=place, error=error, room=room, is_shared=False)  # a product is a new array

    def _product(self, step, branch, batch):
        """The place behind a product with a weight, and the bounds of its rounding."""
        weight, place, number = branch.weight, batch.place, np.asarray(branch.weight)
        refuse_weight = partial(refuse_step, step, self.path)
        if number.ndim or number.dtype.kind not in "biuf" or float(number[()]) != number[()]:
            refuse_weight(f"has the transformer_weights[{branch.name!r}] {weight!r}, which is not a number of "
                          "float64. Make it a float")  # fmt: skip
        factor, given = float(number[()]), kinds_of(batch.values)
        affine = Affine.scaling(np.full(place.width, factor), np.zeros(place.width), (factor,))
        scaled, lipschitz = place.map.then(affine.stage), product_above(abs(factor), place.lipschitz)
        if place.is_fixed:
            return Place(scaled, lipschitz, 0.0, True), lambda batch: (batch.error, None, batch.room)
        if "object" in given:
            refuse_weight(f"multiplies objects by {weight}, each in its own type. Convert X to numbers")
        if "other" in given:
            types = ", ".join(sorted({str(dtype) for dtype in dtypes_of(batch.values)}))
            refuse_weight(f"multiplies {types} by {weight}. Convert X to float64")
        with np.errstate(all="ignore"):
            product = head(batch.values) * weight
        if "integer" in given & kinds_of(product) and factor not in (0.0, 1.0):
            refuse_weight(f"multiplies integers by {weight}, which may wrap around. Make it a float")
        growth, bounds = rounding(affine, place, precision(product, batch.values, number))
        return Place(scaled, lipschitz, growth), bounds


def columns_taken(step: ColumnTransformer, rows, *, by_name: bool = True) -> dict[str, np.ndarray]:
    """The columns of each branch that takes some, as positions in ``rows``, where scikit-learn takes them from.

    Without ``by_name``, an array may stand for a frame whose names are those of ``fit``.
    """
    names, is_frame = getattr(step, "feature_names_in_", None), hasattr(rows, "columns")
    if names is None or (by_name and not is_frame):
        positions = {name: column_indices(rows, given) for name, _, given in step.transformers_}
    else:
        positions = columns_of_branches(step)
    if names is not None and is_frame:
        # Fitted and called with frames, it looks columns up by name, whatever their order.
        order = {label: position for position, label in enumerate(rows.columns)}
        positions = {name: [order[names[column]] for column in taken] for name, taken in positions.items()}
    kept = [name for name, transformer, _ in step.transformers_ if transformer != "drop" and len(positions[name])]
    return {name: np.array(positions[name], dtype=np.intp) for name in kept}
