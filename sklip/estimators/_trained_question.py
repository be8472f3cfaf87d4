"""The question for which a network is trained, and its network in the units of that question."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np

from sklip._compat import check_monotonic_cst
from sklip.certification import Question, steepest_slopes
from sklip.certification._question import EUCLIDEAN
from sklip.front_formulas import Front
from sklip.rows.tolerances import tolerances_of
from sklip.served import Dense, Diagonal, Operation, Tilted

_SMALLEST, _LARGEST = 1e-150, 1e150

# So much steeper than proven is what directions add to a score: other processors round the products of the proof in
# another way, and must find it proven, too.
_RESERVE = 2.0**-36


def question_of_fit(given: Any, shape: tuple[int, ...], names: np.ndarray | None) -> Question:
    """Return the question of the parameters ``norm`` and ``tolerances``.

    Parameters
    ----------
    given : namespace
        The parameters; ``norm`` is a number.
    shape : tuple of int
        Shape of a row.
    names : ndarray of shape (n_features,) or None
        Names of the columns.

    Returns
    -------
    sklip.certification.Question

    Raises
    ------
    ValueError
        For rows that are images, if the question is not the Euclidean one; for tolerances that are not one number of
        0 or more for each column, or all 0.
    """
    if given.norm == 2 and given.tolerances is None:
        return EUCLIDEAN
    if len(shape) > 1:
        name, value = ("norm", given.norm) if given.norm != 2 else ("tolerances", "given")
        raise ValueError(
            f"The {name!r} parameter is {value}, and rows are images of shape {shape}: networks on images are trained "
            "for norm=2 without tolerances. Set these, and ask sklip.certified_radius in another norm."
        )
    if given.tolerances is None:
        return Question(given.norm)
    labels = list(range(shape[0])) if names is None else names.tolist()
    return Question(given.norm, _checked(given.tolerances, labels, names is None))


def _checked(given, labels, is_nameless):
    """Tolerances of all columns, 0 for those that are fixed."""
    if is_nameless and hasattr(given, "items") and any(isinstance(name, str) for name in dict(given.items())):
        raise ValueError("The 'tolerances' name columns, but X has no column names. Give X as a DataFrame.")
    tolerances = tolerances_of(given, labels)
    positive = tolerances[tolerances > 0]
    if positive.min() < _SMALLEST or positive.max() > _LARGEST:
        raise ValueError(f"The 'tolerances' must be 0, or lie between {_SMALLEST:g} and {_LARGEST:g}.")
    return tolerances


def directions_of_fit(given: Any, estimator: Any, shape: tuple[int, ...], n_scores: int) -> np.ndarray:
    """Return the direction of each column in which the score must not fall: −1, 0 or 1.

    Parameters
    ----------
    given : namespace
        The parameters.
    estimator : estimator
        It knows the columns.
    shape : tuple of int
        Shape of a row.
    n_scores : int

    Returns
    -------
    ndarray of shape (n_features,), int8

    Raises
    ------
    ValueError
        In the words of scikit-learn, for directions that do not fit the columns, and for several scores.
    """
    if given.monotonic_cst is None:
        return np.zeros(int(np.prod(shape)), np.int8)
    if len(shape) > 1:
        raise ValueError(f"The 'monotonic_cst' parameter is for tables, but rows are images of shape {shape}.")
    constraints = given.monotonic_cst
    if hasattr(constraints, "items") and (isinstance(constraints, Mapping) or hasattr(estimator, "feature_names_in_")):
        # A Series, too, is by name where the columns have names.
        constraints = dict(constraints.items())
    elif np.ndim(constraints) != 1:
        raise ValueError(
            f"monotonic_cst has shape {np.shape(constraints)} but the input data X has {shape[0]} features."
        )
    directions = check_monotonic_cst(estimator, constraints)
    if n_scores > 1 and directions.any():
        of_classes = hasattr(estimator, "classes_")
        kind = "multiclass classification" if of_classes else "several targets"
        raise ValueError(f"monotonic constraints are not supported for {kind}.")
    return directions


@dataclass(frozen=True, eq=False)
class TrainingColumns:
    """How the columns of X become those of the training.

    Attributes
    ----------
    question : sklip.certification.Question
    directions : ndarray of shape (n_features,), int8
    """

    question: Question
    directions: np.ndarray

    @cached_property
    def fixed(self) -> np.ndarray:
        """Which columns have the tolerance 0, of shape (n_features,)."""
        tolerances = self.question.tolerances
        return np.zeros(len(self.directions), dtype=bool) if tolerances is None else tolerances == 0

    @cached_property
    def order(self) -> np.ndarray | None:
        """Positions of the columns of the training, those that may change first; None if nothing is fixed."""
        return np.argsort(self.fixed, kind="stable") if self.fixed.any() else None

    @property
    def front(self) -> Front | None:
        """What stands before the model; None for nothing."""
        directions = self.directions if self.order is None else self.directions[self.order]
        n_fixed = int(self.fixed.sum())
        given = tuple(directions.tolist()) if directions.any() else ()
        front = Front(self.question.norm, len(directions) - n_fixed, n_fixed, given)
        return front if front.is_needed else None


def is_question(norm: Any, tolerances: Any, n_features: int) -> bool:
    """Whether a fit can have set such a norm and such tolerances, for rows of so many columns."""
    if isinstance(norm, bool) or not isinstance(norm, Real) or norm not in (1, 2, np.inf):
        return False
    if tolerances is None:
        return True
    of_fit = isinstance(tolerances, np.ndarray) and tolerances.dtype == np.float64 and tolerances.shape == (n_features,)
    if not of_fit or not tolerances.any():
        return False
    return bool(((tolerances == 0) | ((tolerances >= _SMALLEST) & (tolerances <= _LARGEST))).all())


def in_units_of_data(
    operations: Iterable[Operation], scale: float, units: np.ndarray | None, columns: TrainingColumns
) -> list[Operation]:
    """Return trained operations in the units and the order of the columns of the data, for centred rows.

    The divisions by the units, and the linear front, are multiplied into the kernel after them: so prediction costs
    nothing more. Only where the first kernel narrows, the front of a network for the norm inf stays in front of it:
    its constant in that norm is proven from it.

    Parameters
    ----------
    operations : iterable of Operation
        They take rows divided by ``units`` and by ``scale``, the front first if there is one.
    scale : float
    units : ndarray of shape (n_features,) or None
    columns : TrainingColumns

    Returns
    -------
    list of Operation
    """
    first, *others = (operation.rescaled(scale) for operation in operations)
    if columns.front is not None and _may_be_multiplied(others, columns.question.norm):
        first, others = _product(first, others[0]), others[1:]
    steps = [*_of_data(first, units, columns.order), *others]
    if not columns.directions.any():
        return steps
    slopes = columns.directions * steepest_slopes(steps) * (1.0 + _RESERVE)
    return [Tilted(tuple(steps), slopes), Dense(np.ones((1, 1)), np.zeros(1))]


def _may_be_multiplied(others, norm):
    """Whether a front may become one with the operation after it, and its constant is proven from the product."""
    if not isinstance(others[0], Dense):
        return False
    n_inputs, n_outputs = others[0].kernel.shape
    return norm != np.inf or (len(others) > 1 and n_inputs <= n_outputs)


def _product(front, dense):
    """A front, which has no bias, and a Dense after it as one Dense."""
    is_diagonal = isinstance(front, Diagonal)
    return Dense(front.factors[:, None] * dense.kernel if is_diagonal else front.kernel @ dense.kernel, dense.bias)


def _of_data(first, units, order):
    """The first operation, on rows in the units and the order of the data."""
    if units is None:
        return [first]
    if isinstance(first, Diagonal):  # the columns are in their order
        return [Diagonal(first.factors / units)]
    if not isinstance(first, Dense):
        return [Diagonal(1.0 / units), first]
    kernel = np.empty(first.kernel.shape)
    kernel[slice(None) if order is None else order] = first.kernel
    return [Dense(kernel / units[:, None], first.bias)]
