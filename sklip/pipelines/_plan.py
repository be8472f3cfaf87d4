"""What a fitted estimator does, read from its steps alone: frozen, and without a reference to any of them.

A plan names steps by their numbers. So it can be kept while the estimator lives, and keeps nothing alive itself.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Step:
    """A single transformer.

    Attributes
    ----------
    number : int
        Of the transformer among those of the plan.
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


@dataclass(frozen=True, eq=False)
class Branch:
    """Steps next to others.

    Attributes
    ----------
    name : str
        In the ColumnTransformer or FeatureUnion.
    path : str
        From the whole estimator on.
    steps : tuple of Step and Branches
    weight : object
        By which its result is multiplied, as the user gave it; None for none.
    columns : ndarray of shape (n_taken,) or None
        Positions of the columns that a ColumnTransformer takes; None in a FeatureUnion, where all branches get the same.
    sources : ndarray of shape (n_taken,) or None
        The raw column that each of these is a copy of, −1 for others; None where that is not known.
    is_view : bool
        Whether it gets a view of an array.
    overlaps : bool
        Whether another branch reads one of its columns.
    """

    name: str
    path: str
    steps: tuple
    weight: Any
    columns: np.ndarray | None
    sources: np.ndarray | None
    is_view: bool
    overlaps: bool


@dataclass(frozen=True, eq=False)
class Branches:
    """A ColumnTransformer or a FeatureUnion; ``widths`` are those of the branches' results, where it knows them."""

    number: int
    path: str
    writes: bool
    branches: tuple[Branch, ...]
    widths: list[int] | None


@dataclass(frozen=True, eq=False)
class Network:
    """A classifier of sklip, by its number, and the steps before it; ``outer`` are those before the whole estimator."""

    number: int
    steps: tuple
    outer: tuple


@dataclass(frozen=True, eq=False)
class Threshold:
    """The second class where ``sign · score`` is at least ``threshold`` (−1: the first class; scikit-learn negates)."""

    network: Network
    threshold: float
    sign: float


@dataclass(frozen=True, eq=False)
class Sigmoid:
    """The second class where ``slope · score + intercept`` is below 0."""

    network: Network
    slope: float
    intercept: float


@dataclass(frozen=True, eq=False)
class Vote:
    """A majority of members, the steps before all of them, and the VotingClassifier by its number."""

    number: int
    steps: tuple
    members: tuple
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class Plan:
    """What an estimator does with rows of certain columns.

    Attributes
    ----------
    end : Network, Threshold, Sigmoid or Vote
        What decides.
    fixed : frozenset of int
        Raw columns that an encoder takes.
    stated : frozenset of str
        Paths of the steps of which the user stated the constant.
    kept : dict
        By norm and tolerances, what follows for rows of any values: see :class:`sklip.pipelines._run.Run`.
    """

    end: Network | Threshold | Sigmoid | Vote
    fixed: frozenset[int]
    stated: frozenset[str]
    kept: dict = field(default_factory=dict, repr=False)
