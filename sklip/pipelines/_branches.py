"""Rows through steps after one another and next to each other."""

import numpy as np
from sklearn.utils import _safe_indexing

from sklip.arithmetic.norms import norm_bound
from sklip.arithmetic.rounding import round_up
from sklip.pipelines._in_place import transformed
from sklip.pipelines._maps import LipschitzMap
from sklip.pipelines._places import Place, norm_of_copies
from sklip.pipelines._plan import Branch, Step
from sklip.pipelines._precision import form_of, kinds_of, precision, unit_and_underflow
from sklip.pipelines._read import columns_taken
from sklip.pipelines._refusals import refuse
from sklip.pipelines._run import Batch, Run
from sklip.pipelines._transformers import first_rows, through_step
from sklip.pipelines._weights import weighted


def through(nodes: tuple, batch: Batch, run: Run) -> Batch:
    """Take rows through nodes of a plan, one after another.

    Raises
    ------
    NotLipschitzError
        For a step without a known constant, and for one that does not compute what sklip expects.
    """
    for node in nodes:
        batch = through_step(node, batch, run) if type(node) is Step else _through_branches(node, batch, run)
    return batch


def _through_branches(node, batch, run):
    """A ColumnTransformer or a FeatureUnion."""
    step, values = run.parts[node.number], batch.values
    if node.widths is not None:
        columns = tuple(values.columns) if hasattr(values, "columns") else values.shape[1]
        run.keep((node, type(values), columns), lambda: _refuse_other_columns(step, node, values))
    results = [
        weighted(branch, node, through(branch.steps, _selected(branch, batch, run), run), run)
        for branch in node.branches
    ]
    if node.widths is not None and [width for width in node.widths if width] != [
        result.place.width for result in results if result.place.width
    ]:
        refuse(step, node.path, "does not return the columns that sklip expects of it")
    return _joined(step, node, batch, results, run)


def _refuse_other_columns(step, node, values):
    """Raise unless branches take the columns that were read."""
    taken = {name: columns.tolist() for name, columns in columns_taken(step, values).items()}
    if taken != {branch.name: branch.columns.tolist() for branch in node.branches}:
        refuse(step, node.path, "does not take the columns that sklip expects of it", advice=False)
    return True


def _selected(branch: Branch, batch: Batch, run: Run) -> Batch:
    """The rows as a branch gets them."""
    place, values = batch.place, batch.values
    # Of a slice or a single column, scikit-learn takes a view, of a frame perhaps (pandas makes a slice of
    # neighbouring columns): what is written there, branches that read the same columns see.
    is_view = branch.is_view or hasattr(values, "columns")
    is_shared = is_view and (batch.is_shared or branch.overlaps)
    columns = np.arange(place.width) if branch.columns is None else branch.columns
    if branch.columns is not None:
        values = _safe_indexing(values, columns, axis=1)
    if branch.sources is not None and np.isin(branch.sources, list(run.plan.fixed)).all():
        begin = run.keep((branch, place), lambda: place.selected(columns).fixed(len(columns)))
        return batch.fixed(begin, values, is_shared)
    begin, copies = run.keep((branch, place), lambda: (place.selected(columns), norm_of_copies(columns)))
    error = batch.error if copies == 1.0 else round_up(copies * batch.error)
    return Batch(values, begin, error, batch.room, is_shared, batch.is_imputed)


def _joined(step, node, batch, branches, run):
    """Branches next to each other, after the place where they part."""
    values = transformed(step, node, batch.values, False)  # its branches were looked at one by one
    key = node, batch.place, form_of(values), *((branch.place, form_of(branch.values)) for branch in branches)
    place = run.keep(key, lambda: _place(step, node, batch.place, values, branches))
    _refuse_other_values(step, node, values, branches)
    error = np.zeros(len(batch.error))
    if any(branch.error.any() for branch in branches):
        with np.errstate(all="ignore"):
            squares = sum((branch.error**2 for branch in branches), error)
            error = round_up(np.sqrt(squares) + len(branches) * 2.0**-510, len(branches) + 4)  # squares that underflow
    return Batch(
        values,
        place,
        error,
        np.minimum.reduce([branch.room for branch in branches], initial=np.inf, axis=0) if branches else batch.room,
        # Dense arrays are new ones; a single sparse branch, or a frame, may be the same memory.
        any(branch.is_shared for branch in branches) and type(values) is not np.ndarray,
        batch.is_imputed or any(branch.is_imputed for branch in branches),
    )


def _place(step, node, before, values, branches):
    """The place behind the branches."""
    places = [branch.place for branch in branches]
    if values.shape[1] != sum(place.width for place in places):
        refuse(step, node.path, "does not return the columns that sklip expects of it")
    if type(values) is np.ndarray:
        # Numbers of types unknown to NumPy itself might be rounded where they meet others.
        for branch in branches:
            if "other" in kinds_of(branch.values) and getattr(branch.values, "dtype", None) != values.dtype:
                reason = f"joins {branch.values.dtype} with other types. Convert X to float64"
                refuse(step, node.path, reason, advice=False)
    return Place(
        before.map.then_map(LipschitzMap.side_by_side([place.map for place in places], before.width)),
        _norm([place.lipschitz for place in places]),
        _norm([place.error_lipschitz for place in places]),
        all(place.is_fixed for place in places),
    )


def _refuse_other_values(step, node, values, branches):
    """Raise unless the first rows are those of the branches: another version of scikit-learn may join others."""
    try:
        whole, parts = first_rows(values), [first_rows(branch.values) for branch in branches]
    except (TypeError, ValueError):  # text among columns that are copied
        return
    weights = (1.0 if branch.weight is None else branch.weight for branch in node.branches)
    parts = [float(weight) * part if part.size else part for weight, part in zip(weights, parts, strict=True)]
    expected = np.concatenate(parts, axis=1) if parts else whole
    underflow = 4.0 * unit_and_underflow(precision(values))[1]
    if not np.allclose(whole, expected, rtol=1e-3, atol=underflow, equal_nan=True):
        refuse(step, node.path, "does not return what its transformers return", advice=False)


def _norm(parts):
    return float(norm_bound(np.array(parts))) if any(parts) else 0.0
