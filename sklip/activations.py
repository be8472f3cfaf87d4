"""The activations' names and what they compute, in NumPy.

Each is 1-Lipschitz in the Euclidean norm, positively homogeneous and, as it only selects,
swaps or negates values, exact in floating point. The served network needs all three.
"""

import re

import numpy as np

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
    """
    if name == "relu":
        return np.maximum(units, 0.0)
    if name == "abs":
        return np.abs(units)
    if name == "fullsort":
        return np.sort(units, axis=-1)
    half = units.shape[-1] // 2
    if name == "groupsort2" or name == "maxmin":
        low, high = (0, half) if name == "groupsort2" else (half, 0)
        result = np.empty_like(units)
        np.minimum(units[:, :half], units[:, half:], out=result[:, low : low + half])
        np.maximum(units[:, :half], units[:, half:], out=result[:, high : high + half])
        return result
    size = required_multiple(name)
    groups = units.reshape(len(units), size, units.shape[-1] // size)
    return np.sort(groups, axis=1).reshape(units.shape)


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
    """
    if name == "relu":
        return np.where(before > 0, slopes, 0.0)
    if name == "abs":
        return np.where(before < 0, -slopes, slopes)
    rows, width = before.shape
    half = width // 2
    if name == "groupsort2" or name == "maxmin":
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
