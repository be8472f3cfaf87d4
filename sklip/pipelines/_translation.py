"""A question about raw columns, translated into one about the columns that fitted steps make of them."""

import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from sklip._compat import check_monotonic_cst
from sklip._stack_level import users_line
from sklip.estimators._advice import small_columns
from sklip.exceptions import NotLipschitzError, UnlikeScalesWarning
from sklip.pipelines._arguments import check_fixed, column_labels
from sklip.pipelines._branches import Branches
from sklip.pipelines._in_place import head
from sklip.pipelines._read import Origin, Reading, read_steps
from sklip.pipelines._refusals import refuse_step
from sklip.pipelines._run import Plan, Run
from sklip.pipelines.unwrap import unwrapped
from sklip.rows.tolerances import tolerances_of

# How many copies of a column count in each norm: k changes by δ have the norms k δ, √k δ and δ.
_OF_COPIES = {1: np.float64, 2: np.sqrt, np.inf: np.ones_like}

_MOST_ROWS = 4096  # that are looked at for advice


@dataclass(frozen=True, eq=False)
class Translation:
    """A question about raw columns, and what it is about the columns behind the steps.

    Attributes
    ----------
    raw_tolerances : ndarray of shape (n_raw,)
        0 for columns that are held fixed, by the user or by an encoder.
    labels : list
        Names of the raw columns; positions, for an array.
    tolerances, directions : ndarray of shape (n_columns,)
        For the columns behind the steps. Changes that have a size in the raw question are no larger in this one.
    sources : ndarray of shape (n_columns,), intp
        The raw column that moves each column; −1 for those that do not move.
    """

    raw_tolerances: np.ndarray
    labels: list
    tolerances: np.ndarray
    directions: np.ndarray
    sources: np.ndarray


def translation(
    estimator: Any, X: Any, norm: float, tolerances: ArrayLike | Mapping | None, directions: np.ndarray
) -> Translation:
    """Translate a question through the fitted steps of a pipeline.

    A column behind the steps is ``a x + c``, for a raw column ``x`` that may move: its tolerance is ``|a|`` times that
    of ``x``, and its direction that of ``x`` times the sign of ``a``. If ``k`` columns come from ``x``, their
    tolerances are ``√k`` times as large in the norm 2, and ``k`` times in the norm 1.

    Parameters
    ----------
    estimator : Pipeline or classifier
        Its transformers are fitted.
    X : array, DataFrame or sparse matrix of shape (n_rows, n_columns)
        The rows of the fit.
    norm : {1, 2, inf}
    tolerances : float, array-like, mapping or None
        Of the raw columns.
    directions : ndarray of shape (n_columns,)
        1 or −1 for raw columns in which the scores are monotonic.

    Returns
    -------
    Translation

    Raises
    ------
    NotLipschitzError
        For a step that sklip does not know, or that mixes columns which may move.
    ValueError
        For tolerances that make no sense, or hold everything fixed, and for directions of categories.
    """
    labels = column_labels(X)
    raw = tolerances_of(tolerances, labels)
    with _advice_of_fits():
        run, nodes = _read(estimator, X, norm, raw)
        begin = run.begin(head(X))
        slopes = run.through(nodes, begin).place.map.slopes()
    check_fixed(tolerances, raw, labels, run.plan.fixed)
    _refuse_directions_of_categories(labels, directions, run.plan.fixed)
    counted = (run.tolerances > 0) | (directions != 0)
    if _mixes(slopes, counted):
        step, path = _mixing_step(nodes, begin, counted, run)
        refuse_step(
            step,
            path,
            "makes columns of several raw columns that may move, and CertifiedPipeline needs columns that each come "
            "from one. Leave the step out: the network mixes columns itself. Or train without CertifiedPipeline; "
            "sklip.certified_radius certifies this step as well",
        )
    return _translated(slopes, counted, run, labels, directions)


def advise_on_units(rows: Any, question: Translation) -> None:
    """Warn of raw columns in very different units, for a question without tolerances.

    Parameters
    ----------
    rows : array-like of shape (n_rows, n_columns)
        Those of the classifier.
    question : Translation
    """
    moves = question.sources >= 0
    sample = np.asarray(rows)[:_MOST_ROWS, moves].astype(np.float64) / question.tolerances[moves]
    found = small_columns(sample)
    if found is None:
        return
    *columns, ranges = found
    small, large = (repr(question.labels[question.sources[moves][column]]) for column in columns)
    warnings.warn(
        f"Each raw column counts in its own unit, and these are very different: column {small} has a range of "
        f"{ranges[columns[0]]:.3g}, column {large} of {ranges[columns[1]]:.3g}. So small columns hardly matter. Say "
        "how much each may change: CertifiedPipeline(..., tolerances=...).",
        UnlikeScalesWarning,
        stacklevel=users_line(),
    )


def directions_of(estimator: Any) -> np.ndarray:
    """Return the parameter ``monotonic_cst`` of an estimator that knows its columns, as 1, 0 or −1 for each.

    It takes what scikit-learn's estimators take, and raises their errors.
    """
    given = estimator.monotonic_cst
    given = dict(given) if isinstance(given, Mapping) else given
    return check_monotonic_cst(estimator, given)


def _read(estimator, X, norm, tolerances):
    """A run through the steps of the estimator, and their nodes."""
    before, _ = unwrapped(estimator, strict=False)
    reading = Reading({})
    nodes, _ = read_steps(before, Origin.of(X), "", reading)
    plan = Plan(None, frozenset(reading.encoded), frozenset())
    return Run.of(plan, tuple(reading.parts), norm, tolerances), nodes


@contextmanager
def _advice_of_fits():
    """Let errors of steps advise what helps a fit, which takes no stated constants: it needs those of columns."""
    try:
        yield
    except NotLipschitzError as error:
        reason = str(error).partition(" If you know a constant")[0]
        known = "scalers, selectors, SimpleImputer, and encoders in a ColumnTransformer"
        raise NotLipschitzError(f"{reason} CertifiedPipeline trains behind {known}.") from None


def _refuse_directions_of_categories(labels, directions, encoded):
    named = [labels[column] for column in sorted(encoded) if directions[column]]
    if named:
        raise ValueError(
            f"monotonic_cst constrains column {named[0]!r}, which an encoder takes: its columns are categories, "
            "without a direction. Leave it out, or pass the column on as numbers."
        )


def _entries(slopes, counted):
    """The entries that are not 0, in the columns that count."""
    entries = sparse.csr_array(slopes[:, counted])
    entries.eliminate_zeros()
    return entries


def _mixes(slopes, counted):
    """Whether a row has entries in several of the columns that count."""
    return bool(np.diff(_entries(slopes, counted).indptr).max(initial=0) > 1)


def _mixing_step(nodes, batch, counted, run):
    """The first step that mixes columns, and its path; None if none of the nodes does."""
    for node in nodes:
        slopes = batch.place.map.slopes()
        moving = np.diff(_entries(slopes, counted).indptr) > 0
        for branch in node.branches if isinstance(node, Branches) else ():
            begun = branch.begin(batch, run)
            found = _mixing_step(branch.nodes, begun, moving, run)
            if found is not None:
                return found
        batch = node.apply(batch, run)
        if _mixes(batch.place.map.slopes(), counted):
            return run.parts[node.number], node.path
    return None


def _translated(slopes, counted, run, labels, directions):
    entries, columns = _entries(slopes, counted), np.flatnonzero(counted)
    rows, raw, factors = np.flatnonzero(np.diff(entries.indptr)), columns[entries.indices], entries.data
    moves = run.tolerances[raw] > 0
    if not moves.any():
        raise ValueError(
            "No column that the classifier gets may move: the tolerances are 0, or missing, for all columns of numbers "
            "that the steps keep. Give at least one of them a tolerance above 0."
        )
    copies = np.bincount(raw, minlength=len(labels))[raw]
    width = slopes.shape[0]
    tolerances, signs, sources = np.zeros(width), np.zeros(width, dtype=np.int8), np.full(width, -1)
    tolerances[rows] = np.abs(factors) * run.tolerances[raw] * _OF_COPIES[run.norm](copies)
    signs[rows] = np.sign(factors) * directions[raw]
    sources[rows[moves]] = raw[moves]
    return Translation(run.tolerances, labels, tolerances, signs, sources)
