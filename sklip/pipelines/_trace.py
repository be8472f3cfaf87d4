"""Rows on their way through a pipeline: what was computed, the exact map, and how far the two may be apart."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from sklip.certification import norm_bound
from sklip.certification._floating import gamma, round_up
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._maps import LipschitzMap, Stage
from sklip.pipelines._precision import holds, holds_small_integers, magnitudes, precision, unit_and_underflow
from sklip.pipelines._steps import ENCODERS, Affine, is_known, read, why_not


@dataclass
class Question:
    """What is asked of a pipeline: in which norm and units columns move, which are fixed, which constants are given.

    Attributes
    ----------
    norm : {1, 2, inf}
    scale : ndarray of shape (n_columns,)
        Units in which the displacement of each raw column is measured; 0 for one held fixed.
    constants : dict of str to float
        Lipschitz constants that the user stated, by the path of the step.
    stated, encoded : set
        Paths of those that were met, and raw columns that an encoder takes: filled on the way.
    """

    norm: float
    scale: np.ndarray
    constants: dict[str, float] = field(default_factory=dict)
    stated: set[str] = field(default_factory=set)
    encoded: set[int] = field(default_factory=set)


@dataclass(frozen=True, eq=False)
class Point:
    """Rows at one place of a pipeline.

    Attributes
    ----------
    values : array, frame or sparse matrix of shape (n_rows, width)
        What the pipeline computes there.
    map : LipschitzMap
        The exact map, from where the walk began.
    sources : ndarray of shape (width,)
        The raw column that each column is a copy of; −1 for those that are computed.
    error : ndarray of shape (n_rows,)
        Bound of ``‖values − exact‖``.
    growth : float
        Bound of the growth of ``error`` per unit of displacement.
    reach : float
        Bound of the Lipschitz constant from the raw columns to here.
    transform : callable
        From raw rows to values here, as the pipeline computes them.
    """

    values: object
    map: LipschitzMap
    sources: np.ndarray
    error: np.ndarray
    growth: float
    reach: float
    transform: Callable

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.values.shape[1]

    @property
    def constant(self) -> bool:
        """Whether nothing here moves when the raw columns do."""
        return self.reach == 0.0 and self.growth == 0.0 and not self.error.any()


def start(X, question: Question) -> Point:
    """The raw rows."""
    width = X.shape[1]
    columns = np.arange(width)
    identity = LipschitzMap.selection(columns, width)
    reach = identity.norm(question.norm, question.scale) if question.scale.any() else 0.0
    return Point(X, identity, columns, np.zeros(X.shape[0]), 0.0, reach, lambda rows: rows)


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
    if isinstance(step, FrozenEstimator):
        return walk(step.estimator, point, path, question)
    if isinstance(step, Pipeline):
        for inner, transformer in step.steps:
            point = walk(transformer, point, (*path, inner), question)
        return point
    if name in question.constants:
        return _stated(step, point, name, question)
    if type(step) is ColumnTransformer:
        check_is_fitted(step)
        return _columns(step, point, path, question)
    if type(step) is FeatureUnion:
        return _union(step, point, path, question)
    return _elementary(step, point, name)


def _transformed(step, values):
    """What a step computes; its input stays as it is."""
    in_place = any(value is False for name, value in step.get_params().items() if name.split("__")[-1] == "copy")
    return step.transform(copy.deepcopy(values) if in_place else values)


def _product(constant, value):
    """``constant · value`` rounded up; what holds still holds still."""
    return float(round_up(constant * value)) if constant and value else 0.0


def _moved(step, point):
    """Values after a step, and the way there."""
    before = point.transform
    return _transformed(step, point.values), lambda rows: _transformed(step, before(rows))


def _refuse(step, name, reason, advice=True):
    path = "__".join(name) if isinstance(name, tuple) else name
    hint = f". If you know a constant that holds for your rows, state it: lipschitz={{{path!r}: ...}}" if advice else ""
    raise NotLipschitzError(f"Step {path!r} ({type(step).__name__}) {reason}{hint}.")


def _stated(step, point, name, question):
    """A step whose constant the user stated, rounding included."""
    question.stated.add(name)
    if read(step, point.width) is not None:
        raise ValueError(
            f"lipschitz states a constant for step {name!r} ({type(step).__name__}), which sklip knows exactly. "
            "Leave it out."
        )
    constant = question.constants[name]
    values, transform = _moved(step, point)
    return Point(
        values,
        point.map.then_bounded(constant, values.shape[1]),
        np.full(values.shape[1], -1),
        round_up(constant * point.error),
        _product(constant, point.growth),
        _product(constant, point.reach),
        transform,
    )


def _elementary(step, point, name):
    """A single transformer."""
    if point.constant and (isinstance(step, ENCODERS) or type(step) is SimpleImputer):
        values, transform = _moved(step, point)
        return replace(_nothing_moves(point, values.shape[1]), values=values, transform=transform)
    if is_known(step):
        check_is_fitted(step)
    affine = read(step, point.width)
    if affine is None:
        _refuse(step, name, why_not(step))
    if type(step) is SimpleImputer:
        _refuse_missing(step, point, name)
    values, transform = _moved(step, point)
    if affine.stage.matrix.shape != (values.shape[1], point.width):
        _refuse(step, name, "does not put out the columns that sklip expects of it")
    error, growth, local = _rounding(affine, point, values)
    _check(step, name, affine, point, values, local)
    moved = Point(
        values,
        point.map.then(affine.stage),
        np.full(values.shape[1], -1) if affine.operations else _followed(affine.stage.matrix, point.sources),
        error,
        growth,
        _product(affine.stage.loose_norm(), point.reach),
        transform,
    )
    return replace(moved, map=moved.map.then_bounded(1.0, moved.width)) if affine.clips else moved


def _followed(selection, sources):
    """The sources of selected columns; −1 for columns that are constant."""
    selected = np.full(selection.shape[0], -1)
    rows, columns = selection.nonzero()
    selected[rows] = sources[columns]
    return selected


def _rounding(affine, point, values):
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
    if not holds(affine.parameters, affine.divisors, name) or affine.operations * unit > 0.1:
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
    growth = round_up(spread * point.growth + whole * (point.reach + point.growth), 8)
    return round_up(spread * point.error + local, 4), float(growth), local


def _check(step, name, affine, point, values, local):
    """Raise unless the first rows move as the map says: another version of scikit-learn may compute another thing."""
    if affine.clips or not len(local):
        return
    try:
        before, after = (_first_rows(rows) for rows in (point.values, values))
    except (TypeError, ValueError):  # text among columns that the step hands on
        return
    moved = affine.stage.matrix @ (before - before[:1]).T
    slack = 1e-9 * (affine.stage.size @ (np.abs(before) + np.abs(before[:1])).T).sum(axis=0)
    allowed = local[: len(before)] + local[0] + slack
    distance = np.linalg.norm((after - after[:1]) - moved.T, axis=1)
    if np.isfinite(distance).all() and not (distance <= allowed).all():
        _refuse(step, name, "does not compute what sklip expects of it")


def _first_rows(values):
    rows = values[:8] if sparse.issparse(values) else _safe_indexing(values, np.arange(min(8, values.shape[0])))
    return np.asarray(rows.toarray() if sparse.issparse(rows) else rows, dtype=np.float64)


def _refuse_missing(step, point, name):
    """Rows with missing values lie at no distance from others."""
    values = point.values.data if sparse.issparse(point.values) else np.asarray(point.values)
    missing = values != values  # of text as well as of numbers
    if missing.any():
        where = "" if values.ndim == 1 else f" (row {int(missing.any(axis=1).argmax())} is the first)"
        raise NotLipschitzError(
            f"Step {name!r} ({type(step).__name__}) fills missing values, and rows with missing values lie at no "
            f"distance from others{where}. Certify complete rows only."
        )


def _nothing_moves(point, width):
    """A place of ``width`` columns that hold still."""
    still = LipschitzMap((Stage.of(sparse.csr_array((width, point.map.stages[0].matrix.shape[1]))),))
    return replace(
        point, map=still, sources=np.full(width, -1), error=np.zeros(len(point.error)), growth=0.0, reach=0.0
    )


def _columns(step, point, path, question):
    """A ColumnTransformer: columns that an encoder takes are held fixed, here and wherever else they go."""
    positions = _positions(step, point.values)
    branches = [
        (name, transformer, positions[name])
        for name, transformer, _ in step.transformers_
        if not (isinstance(transformer, str) and transformer == "drop") and len(positions[name])
    ]
    for name, transformer, columns in branches:
        if _encodes(transformer, (*path, name), question):
            if (point.sources[columns] < 0).any():
                _refuse(transformer, (*path, name), "encodes columns that earlier steps computed. Encode raw columns")
            question.encoded.update(point.sources[columns].tolist())
    results = []
    for name, transformer, columns in branches:
        branch = _selected(point, columns)
        if np.isin(point.sources[columns], list(question.encoded)).all() and (point.sources[columns] >= 0).all():
            branch = replace(_nothing_moves(branch, len(columns)), sources=point.sources[columns])
        result = walk(transformer, branch, (*path, name), question)
        results.append(_weighted(result, step, name, path))
    widths = [stop.stop - stop.start for stop in step.output_indices_.values() if stop.stop > stop.start]
    if widths != [result.width for result in results if result.width]:
        _refuse(step, path, "does not put out the columns that sklip expects of it")
    return _joined(step, point, results, path)


def _union(step, point, path, question):
    """A FeatureUnion."""
    results = [
        _weighted(
            walk(transformer, _selected(point, np.arange(point.width)), (*path, name), question), step, name, path
        )
        for name, transformer in step.transformer_list
        if not (isinstance(transformer, str) and transformer == "drop")
    ]
    return _joined(step, point, results, path)


def _selected(point, columns):
    """Columns of a place, as the beginning of a branch."""
    return replace(
        point,
        values=_safe_indexing(point.values, columns, axis=1),
        map=LipschitzMap.selection(columns, point.width),
        sources=point.sources[columns],
        transform=lambda rows: rows,
    )


def _weighted(point, step, name, path):
    """A branch times its weight in the union."""
    weight = (step.transformer_weights or {}).get(name)
    if weight is None:
        return point
    if (
        isinstance(weight, Integral)
        and weight not in (0, 1)
        and not point.constant
        and holds_small_integers(point.values)
    ):
        _refuse(step, path, f"multiplies integers by {weight}, which wraps around. Make the weight a float", False)
    affine = Affine.scaling(np.full(point.width, float(weight)), np.zeros(point.width), (weight,))
    error, growth, _ = _rounding(affine, point, point.values)
    reach = _product(abs(weight), point.reach)
    sources = np.full(point.width, -1)
    return replace(point, map=point.map.then(affine.stage), sources=sources, error=error, growth=growth, reach=reach)


def _joined(step, point, branches, path):
    """Branches next to each other, after the place where they part."""
    values, transform = _moved(step, point)
    if values.shape[1] != sum(branch.width for branch in branches):
        _refuse(step, path, "does not put out the columns that sklip expects of it")
    squares = sum((branch.error**2 for branch in branches), np.zeros(len(point.error)))
    return Point(
        values,
        point.map.then_map(LipschitzMap.side_by_side([branch.map for branch in branches], point.width)),
        np.concatenate([branch.sources for branch in branches]) if branches else np.zeros(0, dtype=int),
        round_up(np.sqrt(squares), len(branches) + 4),
        _norm([branch.growth for branch in branches]),
        _norm([branch.reach for branch in branches]),
        transform,
    )


def _norm(parts):
    return float(norm_bound(np.array(parts))) if any(parts) else 0.0


def _encodes(transformer, path, question):
    """Whether a branch turns categories into numbers, by no constant that the user stated."""
    if isinstance(transformer, FrozenEstimator):
        return _encodes(transformer.estimator, path, question)
    if isinstance(transformer, Pipeline):
        return any(_encodes(inner, (*path, name), question) for name, inner in transformer.steps)
    return isinstance(transformer, ENCODERS) and "__".join(path) not in question.constants


def _positions(step: BaseEstimator, values) -> dict[str, np.ndarray]:
    """The columns of each branch, as positions in ``values``."""
    # Fitted and called with frames, scikit-learn looks columns up by name, whatever their order.
    taken = {name: np.asarray(columns, dtype=np.intp) for name, columns in step._transformer_to_input_indices.items()}
    if not (hasattr(values, "columns") and hasattr(step, "feature_names_in_")):
        return taken
    order = {label: position for position, label in enumerate(values.columns)}
    names = step.feature_names_in_
    return {
        branch: np.array([order[names[column]] for column in columns], dtype=np.intp)
        for branch, columns in taken.items()
    }
