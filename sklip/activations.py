"""The activations' names and what they compute, in NumPy.

Each is 1-Lipschitz in the Euclidean norm, positively homogeneous and, as it only selects,
swaps or negates values, exact in floating point. The served network needs all three.
"""

import re

import numpy as np

__all__ = ["activate", "activation_gradient"]

_GROUPSORT = re.compile(r"groupsort([1-9][0-9]*)")
_NAMES = ("fullsort", "maxmin", "relu", "abs")


def group_size(name: str) -> int | None:
    """The units in a group of ``"groupsort<n>"``, None for every other name."""
    match = _GROUPSORT.fullmatch(name)
    return int(match[1]) if match else None


def is_activation(name: object) -> bool:
    """Whether a value names one of sklip's activations."""
    return isinstance(name, str) and (name in _NAMES or group_size(name) is not None)


def required_multiple(name: str) -> int:
    """The number that must divide the width of a layer with this activation."""
    return 2 if name == "maxmin" else group_size(name) or 1


def _in_pairs(name: str) -> bool:
    """Whether an activation compares the two halves of the units."""
    return name in ("groupsort2", "maxmin")


def activate(name: str, units: np.ndarray) -> np.ndarray:
    """Apply an activation along the last axis.

    Parameters
    ----------
    name : str
        ``"groupsort<n>"`` (ascending in groups of ``n``; unit ``i`` of ``width`` belongs to
        group ``i mod (width / n)``), ``"fullsort"``, ``"maxmin"``, ``"relu"`` or ``"abs"``.
    units : ndarray of shape (n_rows, width)

    Returns
    -------
    ndarray of shape (n_rows, width)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.activations import activate
    >>> activate("groupsort2", np.array([[3.0, 5.0, 1.0, 7.0]])).tolist()
    [[1.0, 5.0, 3.0, 7.0]]
    """
    return activate_in_place(name, units if _in_pairs(name) else np.array(units))


def activate_in_place(name: str, units: np.ndarray, spare: np.ndarray | None = None) -> np.ndarray:
    """Apply an activation without a copy: the numbers of :func:`activate`, to the bit.

    Parameters
    ----------
    name : str
        As in :func:`activate`.
    units : ndarray of shape (n_rows, width)
        Overwritten, or left as they are by activations that compare halves.
    spare : ndarray of shape (n_rows, width) or None, default=None
        Where those put their result; None for a new array.

    Returns
    -------
    ndarray of shape (n_rows, width)
        In the memory of ``units`` or of ``spare``.
    """
    if _in_pairs(name):
        half = units.shape[-1] // 2
        low, high = (0, half) if name == "groupsort2" else (half, 0)
        result = np.empty_like(units) if spare is None else spare
        np.minimum(units[:, :half], units[:, half:], out=result[:, low : low + half])
        np.maximum(units[:, :half], units[:, half:], out=result[:, high : high + half])
        return result
    if name == "relu":
        return np.maximum(units, 0.0, out=units)
    if name == "abs":
        return np.abs(units, out=units)
    if name == "fullsort":
        units.sort(axis=-1)
        return units
    size = required_multiple(name)
    groups = units.reshape(len(units), size, units.shape[-1] // size)
    groups.sort(axis=1)
    return groups.reshape(units.shape)


def activation_gradient(name: str, before: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Carry slopes back through an activation.

    Parameters
    ----------
    name : str
        As in :func:`activate`.
    before : ndarray of shape (n_rows, width)
        What the activation was given.
    slopes : ndarray of shape (n_rows, width)
        Derivatives with respect to what it returned.

    Returns
    -------
    ndarray of shape (n_rows, width)
        Derivatives with respect to ``before``: the same numbers, permuted, negated or zeroed.
        At a kink, those of one of the pieces that meet there.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.activations import activation_gradient
    >>> activation_gradient("groupsort2", np.array([[3.0, 5.0, 1.0, 7.0]]), np.array([[1.0, 2.0, 3.0, 4.0]])).tolist()
    [[3.0, 2.0, 1.0, 4.0]]
    """
    if name == "relu":
        return np.where(before > 0, slopes, 0.0)
    if name == "abs":
        return np.where(before < 0, -slopes, slopes)
    rows, width = before.shape
    half = width // 2
    if _in_pairs(name):
        low, high = (0, half) if name == "groupsort2" else (half, 0)
        minima, maxima = slopes[:, low : low + half], slopes[:, high : high + half]
        swapped = before[:, :half] > before[:, half:]
        result = np.empty_like(slopes)
        result[:, :half] = np.where(swapped, maxima, minima)
        result[:, half:] = np.where(swapped, minima, maxima)
        return result
    size = group_size(name) or width
    groups = (rows, size, width // size)
    order = np.argsort(before.reshape(groups), axis=1, kind="stable")
    result = np.empty(groups)
    np.put_along_axis(result, order, slopes.reshape(groups), axis=1)
    return result.reshape(rows, width)
