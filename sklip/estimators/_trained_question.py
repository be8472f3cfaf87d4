"""The question for which a network is trained, and its network in the units of that question."""

from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

from sklip.certification import Question
from sklip.certification._question import EUCLIDEAN
from sklip.rows.tolerances import tolerances_of
from sklip.served import Dense, Diagonal, Operation

_SMALLEST, _LARGEST = 1e-150, 1e150


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
        For rows that are images, if the question is not the Euclidean one; for tolerances that are not one positive
        number for each column.
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
    return Question(given.norm, _positive(given.tolerances, labels, names is None))


def _positive(given, labels, is_nameless):
    """Tolerances of all columns, all of them positive."""
    if is_nameless and hasattr(given, "items") and any(isinstance(name, str) for name in dict(given.items())):
        raise ValueError("The 'tolerances' name columns, but X has no column names. Give X as a DataFrame.")
    tolerances = tolerances_of(given, labels)
    fixed = [labels[column] for column in np.flatnonzero(tolerances == 0)]
    if fixed:
        raise ValueError(
            f"The 'tolerances' are 0, or missing, for {fixed[:5]}{' and others' if len(fixed) > 5 else ''}: a network "
            "is trained for changes of all columns. Give each a positive tolerance, or train without "
            "tolerances and ask sklip.certified_radius, which can hold columns fixed."
        )
    if tolerances.min() < _SMALLEST or tolerances.max() > _LARGEST:
        raise ValueError(f"The 'tolerances' must lie between {_SMALLEST:g} and {_LARGEST:g}.")
    return tolerances


def is_question(norm: Any, tolerances: Any, n_features: int) -> bool:
    """Whether a fit can have set such a norm and such tolerances, for rows of so many columns."""
    if isinstance(norm, bool) or not isinstance(norm, Real) or norm not in (1, 2, np.inf):
        return False
    if tolerances is None:
        return True
    of_fit = isinstance(tolerances, np.ndarray) and tolerances.dtype == np.float64 and tolerances.shape == (n_features,)
    return of_fit and bool(((tolerances >= _SMALLEST) & (tolerances <= _LARGEST)).all())


def in_units_of_data(operations: Iterable[Operation], scale: float, question: Question) -> list[Operation]:
    """Return trained operations in the units of the data, for centred rows.

    The division by the tolerances, and the linear front of a network for the norm 1, are multiplied into the kernel
    after them: so prediction costs nothing more. The factors of a network for the norm inf stay as they are, as its
    constant in that norm is proven from them.

    Parameters
    ----------
    operations : iterable of Operation
        They take rows divided by the tolerances and by ``scale``.
    scale : float
    question : sklip.certification.Question

    Returns
    -------
    list of Operation
    """
    first, *others = (operation.rescaled(scale) for operation in operations)
    second = others[0] if others else None
    if question.norm == 1 and isinstance(first, Dense) and isinstance(second, Dense):  # the front has no bias
        first, others = Dense(first.kernel @ second.kernel, second.bias), others[1:]
    if question.tolerances is None:
        return [first, *others]
    units = question.tolerances
    if isinstance(first, Dense):
        return [Dense(first.kernel / units[:, None], first.bias), *others]
    if isinstance(first, Diagonal):
        return [Diagonal(first.factors / units), *others]
    return [Diagonal(1.0 / units), first, *others]
