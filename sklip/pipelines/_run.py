"""Rows on their way through a plan: values, errors and room, and what was found for rows of any values."""

import copy
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from sklip.pipelines._maps import Place, beginning
from sklip.rows.dtypes import form_of

MOST_QUESTIONS = 16  # norms and tolerances of which a plan keeps what follows from them


@dataclass(frozen=True, eq=False)
class Plan:
    """What an estimator does with rows of certain columns, read from its fitted steps alone.

    It names steps and classifiers by their numbers and refers to none of them, so that it keeps nothing alive.

    Attributes
    ----------
    end : Network or Vote
        What decides, and the nodes before it.
    fixed : frozenset of int
        Raw columns that an encoder takes.
    stated : frozenset of str
        Paths of the steps of which the user stated the constant.
    kept : dict
        By norm and tolerances, what was found for rows of any values.
    """

    end: Any
    fixed: frozenset[int]
    stated: frozenset[str]
    kept: dict = field(default_factory=dict, repr=False)


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows at one place of a pipeline.

    Attributes
    ----------
    values : array, frame or sparse matrix of shape (n_rows, width)
        What the pipeline computes there.
    place : Place
        What holds for rows of any values.
    error : ndarray of shape (n_rows,)
        Bound of ``‖values − exact‖``.
    room : ndarray of shape (n_rows,)
        Displacement up to which nothing overflowed on the way.
    is_shared : bool
        Whether another branch, or another member of a vote, gets the same memory.
    is_imputed : bool
        Whether a step filled missing values on the way.
    """

    values: Any
    place: Place
    error: np.ndarray
    room: np.ndarray
    is_shared: bool = False
    is_imputed: bool = False

    @cached_property
    def form(self) -> tuple:
        """Container, dtypes and width."""
        return form_of(self.values)


@dataclass(frozen=True, eq=False)
class Decision:
    """What an estimator predicts for rows.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    class_indices : ndarray of shape (n_rows,)
        The predicted classes, as positions in ``classes``.
    radii : ndarray of shape (n_rows,)
        Certified, in the norm and the units of the question.
    lipschitz : float or None
        Bound of the Lipschitz constant of every score, from those units; None where there is no score.
    distance_ratio : ndarray of shape (n_rows,)
        How far outside its training data a classifier is asked, as a multiple of the farthest training row.
    is_imputed : bool
        Whether a step filled missing values.
    moves_fixed : bool
        Whether a column moves that was fixed in the training of a classifier.
    margins_and_gradients : callable
        From raw rows and positions of classes to the margins of those classes and their gradients with respect to the
        raw columns, of shape (n_rows, n_columns), None behind a step of which only the constant is known. The margins
        are those over the nearest rival, or over ``rivals``, positions of classes, too. For attackers: approximate,
        and no part of any proof.
    """

    classes: np.ndarray
    class_indices: np.ndarray
    radii: np.ndarray
    lipschitz: float | None
    distance_ratio: np.ndarray
    is_imputed: bool
    moves_fixed: bool
    margins_and_gradients: Callable


@dataclass(frozen=True, eq=False)
class Run:
    """A plan with the parts of the estimator that it names, and what is asked.

    Attributes
    ----------
    plan : Plan
    parts : tuple
        Steps and classifiers.
    norm : {1, 2, inf}
        In which displacements are measured.
    tolerances : ndarray of shape (n_columns,)
        Units in which the displacement of each raw column is measured; 0 for one held fixed.
    kept : dict
        What earlier runs found for rows of any values: by the node of the plan, the place before it, and the form of
        the values (container, dtypes, width), which decides the precision.
    found : dict
        What this run finds, until :meth:`publish` adds it to ``kept``.
    """

    plan: Plan
    parts: tuple
    norm: float
    tolerances: np.ndarray
    kept: dict
    found: dict = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, parts: tuple, norm: float, tolerances: np.ndarray) -> "Run":
        """A run; columns that the plan holds fixed have no tolerance."""
        tolerances = tolerances.copy()
        tolerances[list(plan.fixed)] = 0.0
        tolerances.flags.writeable = False
        key = norm, tolerances.tobytes()
        if key not in plan.kept and len(plan.kept) >= MOST_QUESTIONS:
            plan.kept.clear()
        return cls(plan, parts, norm, tolerances, plan.kept.setdefault(key, {}))

    def keep(self, key: Hashable, find: Callable, of: Any = None) -> Any:
        """What was found for a key, or is found now. It may hold no rows. Another ``of`` makes it new."""
        known = self.found.get(key) or self.kept.get(key)
        if known is None or known[0] is not of:
            known = self.found[key] = of, find()
        return known[1]

    def publish(self, is_unchanged: Callable[[], bool]) -> None:
        """Keep for later runs what this one found, if the estimator did not change meanwhile."""
        if self.found and is_unchanged():
            self.kept.update(self.found)

    def begin(self, X) -> Batch:
        """The raw rows."""
        place, error = self.keep(form_of(X), lambda: beginning(X, self.norm, self.tolerances))
        return Batch(X, place, np.full(X.shape[0], error), np.full(X.shape[0], np.inf))

    def through(self, nodes: tuple, batch: Batch) -> Batch:
        """Take rows through nodes of the plan, one after another.

        Raises
        ------
        NotLipschitzError
            For a step without a known constant, and for one that does not compute what sklip expects.
        """
        for node in nodes:
            batch = node.apply(batch, self)
        return batch

    def transform(self, nodes: tuple, rows):
        """Values behind nodes, and nothing about them; ``rows`` stay as they are."""
        for node in nodes:
            rows = self.parts[node.number].transform(copy.deepcopy(rows) if node.writes else rows)
        return rows
