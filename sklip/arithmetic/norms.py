"""Norms that are proven, not estimated.

Power iteration and a computed singular value decomposition may return less than the norm. A
radius computed with such an estimate can be wrong. Every function here returns an upper
bound of the exact quantity of the stored float64 arrays, rounding included.
"""

from typing import Any

import numpy as np

from sklip.arithmetic.rounding import TINY, UNIT, gamma, round_up
from sklip.arithmetic.subnormal import is_zero


def norm_bound(array: np.ndarray, axis: int | None = None) -> Any:
    """Upper bound of the Euclidean norm of an array, or of its slices along ``axis``.

    Parameters
    ----------
    array : ndarray, float64
    axis : int or None
        Axis of the sum of squares; None for all entries (the Frobenius norm).

    Returns
    -------
    float or ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.certification import norm_bound
    >>> bound = norm_bound(np.array([3.0, 4.0]))
    >>> bool(5 <= bound < 5 + 1e-13)
    True
    """
    array = np.asarray(array, dtype=np.float64)
    count = array.size if axis is None else array.shape[axis]
    if is_zero(array):
        return np.zeros(np.sum(array, axis=axis).shape)[()]
    # Dividing by a power of two is exact and keeps the squares from over- and underflow;
    # squares that still underflow are below 2⁻¹⁰²² of the largest. Subnormal numbers may count as 0.
    _, exponent = np.frexp(np.max(np.abs(array), initial=0.0))
    scaled = np.ldexp(array, -exponent)
    squares = np.sum(np.square(scaled), axis=axis) + (count + 1) * 4 * TINY
    return round_up(np.ldexp(round_up(np.sqrt(squares), count + 4), exponent) + np.sqrt(count) * TINY)


def spectral_norm_bound(matrix: np.ndarray, inaccuracy: float = 0.0) -> float:
    """Upper bound of the largest singular value of a matrix.

    With ``S = fl(Wᵀ W)``, ``|S − Wᵀ W| ≤ γₙ |W|ᵀ |W|`` for any order of summation
    (Higham 2002, section 3.5), hence ``‖W‖₂² ≤ ‖S‖₂ + γₙ ‖W‖_F²``. Near an orthonormal ``W``,
    ``‖S‖₂ ≤ 1 + ‖S − I‖_F``: at width 1024 about ``1 + 1e-10``. Elsewhere a computed eigenvalue
    decomposition is verified: ``‖S‖₂ ≤ max λ · ‖V‖₂² + ‖S − V Λ Vᵀ‖_F`` holds for any ``V``
    and ``Λ ≥ 0``. The Frobenius norm is returned if it is smaller.

    Parameters
    ----------
    matrix : ndarray of shape (n, p), float64
    inaccuracy : float, default=0.0
        Bound of the Frobenius norm of the difference between ``matrix`` and the exact matrix.

    Returns
    -------
    float
        Infinite if entries are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.certification import spectral_norm_bound
    >>> bound = spectral_norm_bound(np.diag([2.0, 1.0]))
    >>> 2 <= bound < 2 + 1e-12
    True
    """
    frobenius = norm_bound(matrix)
    if not np.isfinite(frobenius):
        return np.inf
    if min(matrix.shape) <= 1 or frobenius == 0:
        return _number(round_up(frobenius + inaccuracy) if inaccuracy else frobenius)
    if _entries_apart(matrix):
        return _number(round_up(np.abs(matrix).max() + inaccuracy + np.sqrt(matrix.size) * TINY, 2))
    # Scaling by a power of two is exact and keeps the products from over- and underflow.
    _, exponent = np.frexp(frobenius)
    exponent = 0 if 2.0**-200 < frobenius < 2.0**200 else int(exponent)
    tall = np.ldexp(matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T, -exponent)
    n, p = tall.shape
    gram, square = tall.T @ tall, norm_bound(tall) ** 2
    rounding = gamma(n + 1) * square + 4 * n * p * TINY
    deviation = norm_bound(gram - np.eye(p))
    if deviation < 1e-9:
        bound = round_up(np.sqrt(1.0 + deviation + rounding), 6)
    else:
        bound = round_up(np.sqrt(_eigenvalue_bound(gram) + rounding), 6)
    bound = round_up(np.ldexp(bound, exponent) + np.sqrt(tall.size) * TINY) if exponent else bound
    bound = np.fmin(bound, frobenius)
    return _number(round_up(bound + inaccuracy) if inaccuracy else bound)


def _entries_apart(matrix):
    """Whether each row and each column holds one entry at most, as in a diagonal matrix."""
    present = matrix != 0
    return present.sum(axis=0).max() <= 1 and present.sum(axis=1).max() <= 1


def _eigenvalue_bound(gram):
    """Upper bound of the norm of a symmetric matrix, from an eigenvalue decomposition that is verified."""
    p = len(gram)
    values, vectors = np.linalg.eigh(gram)
    values = np.maximum(values, 0.0)
    largest, square = values[-1], norm_bound(vectors) ** 2
    rounding, underflow = gamma(p + 3) * square, 4 * p * p * TINY
    skew = norm_bound(vectors.T @ vectors - np.eye(p)) + rounding + underflow
    residual = norm_bound(gram - (vectors * values) @ vectors.T) + largest * rounding + (1.0 + largest) * underflow
    return round_up(largest * (1.0 + skew) + residual, 8)


def operator_norm_bound(matrix: np.ndarray, norm: float, inaccuracy: float = 0.0) -> float:
    """Upper bound of ``max ‖B δ‖₂`` over the displacements ``δ`` of norm at most 1.

    L1: the largest norm of a column. L∞: for any positive ``v``, ``‖B δ‖₂ ≤ ‖B diag(1/v)‖₂ ‖v‖₂``, as
    ``‖v ∘ δ‖₂ ≤ ‖v‖₂``. The smallest of four bounds is returned: this one for three choices of ``v`` (``v = 1`` gives
    the usual ``√d ‖B‖₂``), and the sum of the norms of the columns. For a diagonal matrix, it is the norm of its
    diagonal.

    Parameters
    ----------
    matrix : ndarray of shape (m, d), float64
    norm : {1, 2, inf}
        Norm of the displacement. The norm of the image is the Euclidean one.
    inaccuracy : float, default=0.0
        Bound of the Frobenius norm of the difference between ``matrix`` and the exact matrix.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.certification import operator_norm_bound
    >>> matrix = np.array([[3.0, 0.0], [4.0, 1.0]])
    >>> [round(operator_norm_bound(matrix, norm), 3) for norm in (1, 2, np.inf)]
    [5.0, 5.064, 5.839]
    """
    if norm == 2:
        return spectral_norm_bound(matrix, inaccuracy)
    columns = norm_bound(matrix, axis=0)
    if norm == 1:
        return _number(round_up(columns.max(initial=0.0) + inaccuracy))
    moving = matrix.any(axis=0)
    matrix, columns = matrix[:, moving], columns[moving]
    if not columns.size or not np.isfinite(columns).all():
        return _number(round_up(columns.sum() + np.sqrt(moving.size) * inaccuracy, moving.size + 2))
    if _entries_apart(matrix):
        return _number(round_up(norm_bound(columns) + np.sqrt(moving.size) * (inaccuracy + matrix.size * TINY), 4))
    bounds = [round_up(columns.sum(), len(columns))]
    for power in (0.0, 0.5, 1.0):
        lengths = (columns / columns.max()) ** power
        if lengths.min() > 1e-100:
            divided = matrix / lengths
            bounds.append(spectral_norm_bound(divided, 2 * UNIT * norm_bound(divided)) * norm_bound(lengths))
    # An error E of the matrix moves the image by at most ‖E‖_F ‖δ‖₂ ≤ ‖E‖_F √d.
    return _number(round_up(np.fmin.reduce(bounds) + np.sqrt(moving.size) * inaccuracy, 4))


def _number(bound):
    """A bound as a float; infinite if it is NaN, which bounds nothing."""
    return float(bound) if bound >= 0.0 else np.inf
