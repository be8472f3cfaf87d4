"""Rows on their way through a plan: values, errors and room, and what was found for rows of any values."""

import copy
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sklip.pipelines._arguments import Question
from sklip.pipelines._places import Place, beginning, conversion_error
from sklip.pipelines._plan import Plan
from sklip.pipelines._precision import form_of

MOST_QUESTIONS = 16
"""Of how many norms and tolerances a plan keeps what follows from them."""


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

    def fixed(self, place: Place, values, is_shared: bool) -> "Batch":
        """The same rows at a place whose columns do not move."""
        return replace(self, values=values, place=place, error=np.zeros(len(self.error)), is_shared=is_shared)


@dataclass(frozen=True, eq=False)
class Run:
    """A plan with the parts of the estimator that it names, and the question that is asked.

    ``kept`` holds what was found for rows of any values, by the node of the plan, the place before it, and the form of
    the values (container, dtypes, width), which decides the precision: computed once, and used for all rows since.
    """

    plan: Plan
    parts: tuple
    question: Question
    kept: dict

    @classmethod
    def of(cls, plan: Plan, parts: tuple, question: Question) -> "Run":
        """A run; columns that the plan holds fixed have no tolerance."""
        question, memos = question.holding(plan.fixed), plan.kept
        key = question.norm, question.tolerances.tobytes()
        if key not in memos and len(memos) >= MOST_QUESTIONS:
            memos.clear()
        return cls(plan, parts, question, memos.setdefault(key, {}))

    def keep(self, key: Hashable, find: Callable) -> Any:
        """What was found for a key, or is found now; it may hold no rows."""
        found = self.kept.get(key)
        if found is None:
            found = self.kept[key] = find()
        return found

    def begin(self, X) -> Batch:
        """The raw rows."""
        norm, tolerances = self.question.norm, self.question.tolerances
        place, error = self.keep(form_of(X), lambda: (beginning(X, norm, tolerances), conversion_error(X)))
        return Batch(X, place, np.full(X.shape[0], error), np.full(X.shape[0], np.inf))

    def transform(self, nodes: tuple, rows):
        """Values behind some nodes, and nothing about them; ``rows`` stay as they are."""
        for node in nodes:
            rows = self.parts[node.number].transform(copy.deepcopy(rows) if node.writes else rows)
        return rows
