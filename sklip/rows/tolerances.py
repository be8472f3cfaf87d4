"""Norms and tolerances as users give them, checked."""

from numbers import Real

import numpy as np

from sklip.arithmetic.rounding import LARGEST

_NORMS = {"l1": 1, "l2": 2, "inf": np.inf}


def norm_of(norm) -> float:
    """1, 2 or infinity, as a number."""
    norm = _NORMS.get(norm, norm) if isinstance(norm, str) else norm
    if not isinstance(norm, Real) or isinstance(norm, bool | np.bool_) or norm not in (1, 2, np.inf):
        raise ValueError(f"norm must be 1, 2, inf, 'l1', 'l2' or 'inf'; got {norm!r}.")
    return norm if isinstance(norm, int) else float(norm)


def tolerances_of(tolerances, labels: list) -> np.ndarray:
    """Tolerances of all columns, of shape (n_columns,)."""
    if tolerances is None:
        return np.ones(len(labels))
    if is_one_number(tolerances):
        units = np.full(len(labels), _number(tolerances, "tolerances"))
    else:
        given = _of_columns(tolerances, labels)
        units = np.array([_number(value, f"tolerances[{label!r}]") for label, value in zip(labels, given, strict=True)])
    if not units.any():
        raise ValueError("tolerances are all 0, so that no column may move. Give at least one above 0.")
    return units


def is_one_number(tolerances):
    """Whether the same is meant for all columns."""
    return not hasattr(tolerances, "items") and np.ndim(tolerances) == 0


def _of_columns(tolerances, labels):
    """A tolerance for each column, as the user gave it; 0 for one that a mapping does not name."""
    if hasattr(tolerances, "items"):  # a mapping, a pandas Series
        given = dict(tolerances.items())
        unknown = [name for name in given if name not in labels]
        if unknown:
            raise ValueError(f"tolerances names columns that X does not have: {unknown}.")
        return [given.get(label, 0.0) for label in labels]
    if np.ndim(tolerances) == 3:  # in the shape of an image
        tolerances = np.ravel(tolerances)
    if np.shape(tolerances) != (len(labels),):
        expected = f"one number for each of the {len(labels)} columns of X"
        raise ValueError(f"tolerances must hold {expected}; got shape {np.shape(tolerances)}.")
    return np.asarray(tolerances, dtype=object)


def _number(value, name):
    """A tolerance as a float."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, Real) or isinstance(value, bool | np.bool_) or not 0 <= value <= LARGEST:
        raise ValueError(f"{name} must be a finite number of 0 or more; got {value!r}.")
    return float(value)
