"""Transformers are read into the nodes of a plan: which columns they take, where these come from, what is stated."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import check_is_fitted

from sklip._compat import safe_indexing
from sklip.pipelines._branches import Branch, Branches, columns_taken
from sklip.pipelines._in_place import may_write
from sklip.pipelines._refusals import refuse_shadows, refuse_unknown
from sklip.pipelines._run import Plan
from sklip.pipelines._steps import ENCODERS, affine_map, has_map, is_encoder, is_identity, is_known, why_not
from sklip.pipelines._transformers import Step
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


def read_plan(read_end: Callable, estimator, X, constants: dict[str, float]) -> tuple[Plan, tuple]:
    """Read a fitted estimator into a plan, and the parts that it names."""
    reading = Reading(constants)
    end = read_end(estimator, Origin.of(X), "", reading)
    return Plan(end, frozenset(reading.encoded), frozenset(reading.stated)), tuple(reading.parts)


def read_steps(steps, origin: Origin, path: str, reading: Reading) -> tuple[tuple, Origin]:
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
        found, origin = _read_step(step, origin, inside(path, name), reading)
        nodes += found
    return nodes, origin


def inside(path: str, name: str) -> str:
    """The path of a step within the step of another path; ``""`` is the path of the whole estimator."""
    return f"{path}__{name}" if path else name


def _read_step(step, origin, path, reading):
    if is_passthrough(step):
        return (), origin
    refuse_shadows(step, path)
    if path in reading.constants:
        reading.stated.add(path)
        if has_map(step):
            known = f"step {path!r} ({type(step).__name__}), which sklip knows exactly"
            raise ValueError(f"step_lipschitz states a constant for {known}. Leave it out.")
        return (_single(step, path, reading),), Origin()
    if type(step) is FrozenEstimator:
        return _read_step(step.estimator, origin, path, reading)
    steps = predicting_steps(step)
    if steps is not None:
        return read_steps(steps, origin, path, reading)
    if type(step) in (ColumnTransformer, FeatureUnion):
        return _read_branches(step, origin, path, reading)
    # An encoder or an imputer is refused later, unless its columns are held fixed.
    if not (has_map(step) or isinstance(step, ENCODERS) or type(step) is SimpleImputer):
        refuse_unknown(step, path, why_not(step))
    if is_known(step):
        check_is_fitted(step)
    return (_single(step, path, reading),), _origin_after(step, origin)


def _single(step, path, reading):
    writes = may_write(step)
    is_new = not writes and (is_known(step) or is_encoder(step))
    return Step(reading.number(step), path, has_map(step), writes, is_new, reading.constants.get(path))


def _origin_after(step, origin):
    """Where the columns come from that a single transformer returns: most compute them."""
    if origin.sources is None or not has_map(step):
        return Origin()
    affine = affine_map(step, len(origin.sources))
    if affine.operations:
        return Origin()
    sources = np.full(affine.stage.matrix.shape[0], -1)
    rows, columns = affine.stage.matrix.nonzero()
    sources[rows] = origin.sources[columns]
    return Origin(origin.header if is_identity(step) else np.empty((0, len(sources))), sources)


def _read_branches(step, origin, path, reading):
    """A ColumnTransformer or a FeatureUnion; columns that an encoder takes are held fixed, there and elsewhere."""
    branches, ends, header = [], [], origin.header
    if type(step) is ColumnTransformer:
        check_is_fitted(step)
        header = np.empty((0, step.n_features_in_)) if header is None else header
    for name, transformer, columns, is_view, overlaps in _parts(step, header):
        at, begin, sources = inside(path, name), origin, None
        if columns is not None:
            sources = None if origin.sources is None else origin.sources[columns]
            begin = Origin(safe_indexing(header, columns, axis=1), sources)
            if _encodes(transformer, at, reading.constants):
                if sources is None or (sources < 0).any():
                    refuse_unknown(transformer, at, "encodes columns that earlier steps computed. Encode raw columns")
                reading.encoded.update(sources.tolist())
        nodes, end = _read_step(transformer, begin, at, reading)
        weight = (step.transformer_weights or {}).get(name)
        branches.append(Branch(name, nodes, weight, columns, sources, is_view, overlaps))
        kept = end.sources if weight is None else None
        ends.append((kept, _width(step, name, transformer) if kept is None else len(kept)))
    return (Branches(reading.number(step), path, may_write(step), tuple(branches)),), _origin_behind(ends)


def _parts(step, header):
    """Names, transformers and columns of branches; whether they get views, and share columns with others."""
    if type(step) is FeatureUnion:
        acting = [part for part in step.transformer_list if part[1] != "drop"]
        return [(name, transformer, None, True, len(acting) > 1) for name, transformer in acting]
    columns = columns_taken(step, header, by_name=False)
    readers = np.bincount(np.concatenate([np.zeros(0, dtype=np.intp), *columns.values()]))
    overlaps = {name: bool(readers[taken].max() > 1) for name, taken in columns.items()}
    return [
        (name, transformer, columns[name], isinstance(given, slice | str | Integral), overlaps[name])
        for name, transformer, given in step.transformers_
        if name in columns
    ]


def _width(step, name, transformer):
    """How many columns a branch returns; None where that is not known."""
    if type(step) is ColumnTransformer:
        return step.output_indices_[name].stop - step.output_indices_[name].start
    with suppress(Exception):  # it has no names, or needs those of the rows
        return len(transformer.get_feature_names_out())


def _origin_behind(ends):
    """Where columns next to each other come from, given as sources and widths; unknown where a width is."""
    if all(sources is None for sources, _ in ends) or any(width is None for _, width in ends):
        return Origin()
    sources = np.concatenate([np.full(width, -1) if sources is None else sources for sources, width in ends])
    return Origin(np.empty((0, len(sources))), sources)


def _encodes(transformer, path, constants):
    """Whether a branch turns categories into numbers, by no constant that the user stated."""
    if isinstance(transformer, FrozenEstimator):
        return _encodes(transformer.estimator, path, constants)
    if isinstance(transformer, Pipeline | FeatureUnion):
        inner = transformer.steps if isinstance(transformer, Pipeline) else transformer.transformer_list
        return any(_encodes(step, inside(path, name), constants) for name, step in inner)
    return isinstance(transformer, ENCODERS) and path not in constants
