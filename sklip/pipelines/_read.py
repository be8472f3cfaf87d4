"""Transformers are read into the nodes of a plan: which columns they take, where these come from, what is stated."""

from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils._indexing import _get_column_indices
from sklearn.utils.validation import check_is_fitted

from sklip.pipelines._in_place import may_write
from sklip.pipelines._plan import Branch, Branches, Step
from sklip.pipelines._refusals import refuse, refuse_shadows
from sklip.pipelines._steps import ENCODERS, affine_map, has_map, is_encoder, is_identity, is_known, why_not
from sklip.pipelines.unwrap import is_passthrough, predicting_steps


@dataclass
class Reading:
    """What is collected while an estimator is read: its acting parts, encoded columns, and stated constants met."""

    constants: dict[str, float]
    parts: list = field(default_factory=list)
    encoded: set[int] = field(default_factory=set)
    stated: set[str] = field(default_factory=set)

    def number(self, part) -> int:
        """The number of a part of the estimator."""
        self.parts.append(part)
        return len(self.parts) - 1


@dataclass(frozen=True, eq=False)
class Origin:
    """Where the columns at a place come from.

    Attributes
    ----------
    header : array, frame or sparse matrix without rows, or None
        The columns, as far as they are known.
    sources : ndarray of shape (n_columns,) or None
        The raw column that each is a copy of; −1 for those that are computed. None where all are.
    """

    header: Any = None
    sources: np.ndarray | None = None

    @classmethod
    def of(cls, X) -> "Origin":
        """The raw columns of rows."""
        return cls(X.iloc[:0] if hasattr(X, "iloc") else X[:0], np.arange(X.shape[1]))

    @classmethod
    def joined(cls, parts: list["Origin"], widths: list[int | None]) -> "Origin":
        """Columns next to each other; nothing is known where a width is not."""
        if all(part.sources is None for part in parts) or None in widths:
            return cls()
        sources = [
            np.full(width, -1) if part.sources is None else part.sources
            for part, width in zip(parts, widths, strict=True)
        ]
        return cls(np.empty((0, sum(map(len, sources)))), np.concatenate(sources))


def read_steps(steps, origin: Origin, path: tuple[str, ...], reading: Reading) -> tuple[tuple, Origin]:
    """Read steps after one another, given with their names.

    Returns
    -------
    nodes : tuple of Step and Branches
    origin : Origin
        Of what the last of them returns.

    Raises
    ------
    NotLipschitzError
        For a step without a known constant, by its path.
    """
    nodes: tuple = ()
    for name, step in steps:
        found, origin = _read_step(step, origin, (*path, name), reading)
        nodes += found
    return nodes, origin


def _read_step(step, origin, path, reading):
    if is_passthrough(step):
        return (), origin
    name = "__".join(path)
    refuse_shadows(step, name)
    if name in reading.constants:
        return _stated(step, name, reading), Origin()
    if type(step) is FrozenEstimator:
        return _read_step(step.estimator, origin, path, reading)
    steps = predicting_steps(step)
    if steps is not None:
        return read_steps(steps, origin, path, reading)
    if type(step) is ColumnTransformer:
        check_is_fitted(step)
        return _columns(step, origin, path, reading)
    if type(step) is FeatureUnion:
        return _union(step, origin, path, reading)
    return _single(step, origin, name, reading)


def _stated(step, name, reading):
    """A step whose constant the user stated."""
    reading.stated.add(name)
    if has_map(step):
        raise ValueError(
            f"step_lipschitz states a constant for step {name!r} ({type(step).__name__}), which sklip knows exactly. "
            "Leave it out."
        )
    return (_node(step, name, reading, reading.constants[name]),)


def _node(step, name, reading, constant=None):
    writes = may_write(step)
    is_new = not writes and (is_known(step) or is_encoder(step))
    return Step(reading.number(step), name, has_map(step), writes, is_new, constant)


def _single(step, origin, name, reading):
    """A single transformer; an encoder or an imputer is refused later, unless its columns are held fixed."""
    if is_known(step):
        check_is_fitted(step)
    known = has_map(step)
    if not (known or isinstance(step, ENCODERS) or type(step) is SimpleImputer):
        refuse(step, name, why_not(step))
    node = _node(step, name, reading)
    if origin.sources is None or not known:
        return (node,), Origin()
    affine = affine_map(step, len(origin.sources))
    if affine.operations:
        return (node,), Origin()
    sources = np.full(affine.stage.matrix.shape[0], -1)
    rows, columns = affine.stage.matrix.nonzero()
    sources[rows] = origin.sources[columns]
    return (node,), Origin(origin.header if is_identity(step) else np.empty((0, len(sources))), sources)


def _columns(step, origin, path, reading):
    """A ColumnTransformer: columns that an encoder takes are held fixed, here and wherever else they go."""
    header = np.empty((0, step.n_features_in_)) if origin.header is None else origin.header
    taken = columns_taken(step, header, by_name=False)
    readers = np.bincount(np.concatenate([np.zeros(0, dtype=np.intp), *taken.values()]))
    kinds = {name: (transformer, given) for name, transformer, given in step.transformers_}
    branches, ends = [], []
    for name, columns in taken.items():
        transformer, given = kinds[name]
        sources = None if origin.sources is None else origin.sources[columns]
        if _encodes(transformer, (*path, name), reading.constants):
            if sources is None or (sources < 0).any():
                refuse(transformer, (*path, name), "encodes columns that earlier steps computed. Encode raw columns")
            reading.encoded.update(sources.tolist())
        begin = Origin(_safe_indexing(header, columns, axis=1), sources)
        is_view = isinstance(given, slice | str | Integral)
        branch, end = _branch(
            step, name, transformer, begin, path, reading, columns, is_view, readers[columns].max() > 1
        )
        branches.append(branch)
        ends.append(end)
    # Where no column is taken, there are no indices.
    slices = [getattr(step, "output_indices_", {}).get(branch.name, slice(0, 0)) for branch in branches]
    widths = [part.stop - part.start for part in slices]
    node = Branches(reading.number(step), "__".join(path), may_write(step), tuple(branches), widths)
    return (node,), Origin.joined(ends, widths)


def _union(step, origin, path, reading):
    """A FeatureUnion: all of its branches get the same rows."""
    parts = [part for part in step.transformer_list if not _is_drop(part[1])]
    read = [
        _branch(step, name, transformer, origin, path, reading, None, True, len(parts) > 1)
        for name, transformer in parts
    ]
    ends = [end for _, end in read]
    widths = [
        _width(transformer) if end.sources is None else len(end.sources)
        for (_, transformer), end in zip(parts, ends, strict=True)
    ]
    node = Branches(reading.number(step), "__".join(path), may_write(step), tuple(branch for branch, _ in read), None)
    return (node,), Origin.joined(ends, widths)


def _branch(step, name, transformer, begin, path, reading, columns, is_view, overlaps):
    nodes, end = _read_step(transformer, begin, (*path, name), reading)
    weight, sources = (step.transformer_weights or {}).get(name), None if columns is None else begin.sources
    branch = Branch(name, "__".join((*path, name)), nodes, weight, columns, sources, is_view, bool(overlaps))
    return branch, end if weight is None else Origin()


def _width(transformer):
    """How many columns a transformer returns; None where it does not say so."""
    try:
        return len(transformer.get_feature_names_out())
    except Exception:
        return None


def _is_drop(transformer):
    return isinstance(transformer, str) and transformer == "drop"


def _encodes(transformer, path, constants):
    """Whether a branch turns categories into numbers, by no constant that the user stated."""
    if isinstance(transformer, FrozenEstimator):
        return _encodes(transformer.estimator, path, constants)
    if isinstance(transformer, Pipeline):
        return any(_encodes(inner, (*path, name), constants) for name, inner in transformer.steps)
    if isinstance(transformer, FeatureUnion):
        return any(_encodes(inner, (*path, name), constants) for name, inner in transformer.transformer_list)
    return isinstance(transformer, ENCODERS) and "__".join(path) not in constants


def columns_taken(step: ColumnTransformer, rows, *, by_name: bool = True) -> dict[str, np.ndarray]:
    """The columns of each branch that takes some, as positions in ``rows``, where scikit-learn takes them from.

    Without ``by_name``, ``rows`` may stand for a frame whose names are those of ``fit``.
    """
    positions = _positions(step, rows, by_name)
    return {
        name: positions[name]
        for name, transformer, _ in step.transformers_
        if not _is_drop(transformer) and len(positions[name])
    }


def _positions(step, rows, by_name):
    names = getattr(step, "feature_names_in_", None)
    if names is None or (by_name and not hasattr(rows, "columns")):
        taken = {name: _get_column_indices(rows, given) for name, _, given in step.transformers_}
    elif not hasattr(rows, "columns"):
        taken = step._transformer_to_input_indices
    else:
        # Fitted and called with frames, it looks columns up by name, whatever their order.
        order = {label: position for position, label in enumerate(rows.columns)}
        taken = {
            name: [order[names[column]] for column in columns]
            for name, columns in step._transformer_to_input_indices.items()
        }
    return {name: np.array(columns, dtype=np.intp) for name, columns in taken.items()}
