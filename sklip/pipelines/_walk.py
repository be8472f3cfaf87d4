"""Rows through a fitted pipeline: steps after one another, next to each other, and within one another."""

from dataclasses import replace
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import check_is_fitted

from sklip._compat import column_indices, columns_of_branches, safe_indexing
from sklip.arithmetic.norms import norm_bound
from sklip.arithmetic.rounding import product_above, round_up
from sklip.pipelines._in_place import apply
from sklip.pipelines._maps import LipschitzMap
from sklip.pipelines._overrides import refuse_shadows
from sklip.pipelines._point import Point, Question, nothing_moves, refuse
from sklip.pipelines._precision import kinds_of, precision, unit_and_underflow
from sklip.pipelines._steps import ENCODERS
from sklip.pipelines._steps_of_pipelines import predicting_steps
from sklip.pipelines._transformer import first_rows, through, through_stated
from sklip.pipelines._weights import weighted


def walk(step, point: Point, path: tuple[str, ...], question: Question) -> Point:
    """Take rows through a fitted transformer.

    Raises
    ------
    NotLipschitzError
        For a step without a known constant, by its name.
    """
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return point
    name = "__".join(path)
    refuse_shadows(step, name)
    if name in question.constants:
        return through_stated(step, point, name, question)
    if type(step) is FrozenEstimator:
        return walk(step.estimator, point, path, question)
    steps = predicting_steps(step)
    if steps is not None:
        for inner, transformer in steps:
            point = walk(transformer, point, (*path, inner), question)
        return point
    if type(step) is ColumnTransformer:
        check_is_fitted(step)
        return _columns(step, point, path, question)
    if type(step) is FeatureUnion:
        return _union(step, point, path, question)
    return through(step, point, name, question)


def _columns(step, point, path, question):
    """A ColumnTransformer: columns that an encoder takes are held fixed, here and wherever else they go."""
    positions = _positions(step, point.values)
    is_frame = hasattr(point.values, "columns")
    branches = [
        (name, transformer, positions[name], is_frame or isinstance(given, slice | str | Integral))
        for name, transformer, given in step.transformers_
        if not (isinstance(transformer, str) and transformer == "drop") and len(positions[name])
    ]
    for name, transformer, columns, _ in branches:
        if _encodes(transformer, (*path, name), question):
            if (point.sources[columns] < 0).any():
                refuse(transformer, (*path, name), "encodes columns that earlier steps computed. Encode raw columns")
            question.encoded.update(point.sources[columns].tolist())
    results, readers = [], np.bincount(np.concatenate([np.zeros(0, dtype=np.intp), *(taken[2] for taken in branches)]))
    for name, transformer, columns, may_be_view in branches:
        # Of a slice or a single column, scikit-learn takes a view, of a frame perhaps (pandas makes a slice of
        # neighbouring columns): what is written there, branches that read the same columns see.
        branch = _selected(point, columns, shared=may_be_view and (point.shared or readers[columns].max() > 1))
        if np.isin(point.sources[columns], list(question.encoded)).all() and (point.sources[columns] >= 0).all():
            branch = replace(nothing_moves(branch, len(columns)), sources=point.sources[columns])
        result = walk(transformer, branch, (*path, name), question)
        results.append(weighted(result, step, name, path))
    parts = getattr(step, "output_indices_", {}).values()  # there are none of no columns
    widths = [part.stop - part.start for part in parts if part.stop > part.start]
    if widths != [result.width for result in results if result.width]:
        refuse(step, path, "does not return the columns that sklip expects of it")
    return _joined(step, point, results, path)


def _union(step, point, path, question):
    """A FeatureUnion."""
    branches = [
        (name, transformer)
        for name, transformer in step.transformer_list
        if not (isinstance(transformer, str) and transformer == "drop")
    ]
    every, shared = np.arange(point.width), point.shared or len(branches) > 1
    start = replace(_selected(point, every, shared=shared), values=point.values)  # all of them get the same object
    results = [
        weighted(walk(transformer, start, (*path, name), question), step, name, path) for name, transformer in branches
    ]
    return _joined(step, point, results, path)


def _selected(point, columns, *, shared):
    """Columns of a place, as the beginning of a branch."""
    # A column taken k times is √k times as long as itself.
    copies = float(round_up(np.sqrt(np.bincount(columns).max(initial=1)))) if len(set(columns)) < len(columns) else 1.0
    return replace(
        point,
        values=safe_indexing(point.values, columns, axis=1),
        map=LipschitzMap.selection(columns, point.width),
        sources=point.sources[columns],
        error=point.error if copies == 1.0 else round_up(copies * point.error),
        growth=product_above(copies, point.growth),
        reach=product_above(copies, point.reach),
        shared=shared,
        transform=lambda rows: rows,
    )


def _joined(step, point, branches, path):
    """Branches next to each other, after the place where they part."""
    values, transform, _ = apply(step, replace(point, shared=False), path)  # its branches were looked at one by one
    if values.shape[1] != sum(branch.width for branch in branches):
        refuse(step, path, "does not return the columns that sklip expects of it")
    _refuse_mixed_types(step, values, branches, path)
    _refuse_other_values(step, values, branches, path)
    with np.errstate(all="ignore"):
        squares = sum((branch.error**2 for branch in branches), np.zeros(len(point.error)))
        error = round_up(np.sqrt(squares) + len(branches) * 2.0**-510, len(branches) + 4)  # squares that underflow
    return Point(
        values,
        point.map.then_map(LipschitzMap.side_by_side([branch.map for branch in branches], point.width)),
        np.concatenate([branch.sources for branch in branches]) if branches else np.zeros(0, dtype=int),
        error if any(branch.error.any() for branch in branches) else np.zeros(len(point.error)),
        _norm([branch.growth for branch in branches]),
        _norm([branch.reach for branch in branches]),
        np.minimum.reduce([branch.room for branch in branches], initial=np.inf, axis=0) if branches else point.room,
        # Dense arrays are new ones; a single sparse branch, or a frame, may be handed on.
        any(branch.shared for branch in branches) and type(values) is not np.ndarray,
        transform,
    )


def _refuse_mixed_types(step, values, branches, path):
    """Numbers of types unknown to NumPy itself might be rounded where they meet others."""
    if type(values) is np.ndarray:
        for branch in branches:
            if "other" in kinds_of(branch.values) and getattr(branch.values, "dtype", None) != values.dtype:
                refuse(step, path, f"joins {branch.values.dtype} with other types. Convert X to float64", advice=False)


def _refuse_other_values(step, values, branches, path):
    """Raise unless the first rows are those of the branches: attributes may have been changed after the fit."""
    try:
        whole, parts = first_rows(values), [branch.weight * first_rows(branch.values) for branch in branches]
    except (TypeError, ValueError):  # text among columns that are handed on
        return
    expected = np.concatenate(parts, axis=1) if parts else whole
    underflow = 4.0 * unit_and_underflow(precision(values))[1]
    if not np.allclose(whole, expected, rtol=1e-3, atol=underflow, equal_nan=True):
        refuse(step, path, "does not return what its transformers return", advice=False)


def _norm(parts):
    return float(norm_bound(np.array(parts))) if any(parts) else 0.0


def _encodes(transformer, path, question):
    """Whether a branch turns categories into numbers, by no constant that the user stated."""
    if isinstance(transformer, FrozenEstimator):
        return _encodes(transformer.estimator, path, question)
    if isinstance(transformer, Pipeline):
        return any(_encodes(inner, (*path, name), question) for name, inner in transformer.steps)
    if isinstance(transformer, FeatureUnion):
        return any(_encodes(inner, (*path, name), question) for name, inner in transformer.transformer_list)
    return isinstance(transformer, ENCODERS) and "__".join(path) not in question.constants


def _positions(step: BaseEstimator, values) -> dict[str, np.ndarray]:
    """The columns of each branch, as positions in ``values``, where scikit-learn takes them from."""
    if not (hasattr(values, "columns") and hasattr(step, "feature_names_in_")):
        return {name: np.array(column_indices(values, taken), dtype=np.intp) for name, _, taken in step.transformers_}
    # Fitted and called with frames, it looks columns up by name, whatever their order.
    order = {label: position for position, label in enumerate(values.columns)}
    names = step.feature_names_in_
    return {
        branch: np.array([order[names[column]] for column in columns], dtype=np.intp)
        for branch, columns in columns_of_branches(step).items()
    }
