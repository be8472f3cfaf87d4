"""Proven bounds of ``max ‖B δ‖₂ + |ℓ · δ|``: of a network after the matrix ``B`` that is added to a linear function."""

import numpy as np

from sklip.arithmetic.norms import _number, norm_bound, operator_norm_bound, spectral_norm_bound
from sklip.arithmetic.rounding import TINY, UNIT, round_down, round_up

_GOLDEN = 0.5 * (np.sqrt(5.0) - 1.0)
_SEARCH_STEPS = 45


def sum_norm_bound(matrix: np.ndarray, linear: np.ndarray, norm: float, inaccuracy: float = 0.0) -> float:
    """Upper bound of ``max ‖B δ‖₂ + |ℓ · δ|`` over the displacements ``δ`` of norm at most 1.

    L1: the convex function is largest at a vertex of the ball, so the bound is the largest ``‖B eᵢ‖ + |ℓᵢ|``. L∞: the
    sum of both bounds, ``‖B‖ + ‖ℓ‖₁``. L2: for every ``α > 0``, ``(a + b)² ≤ (1 + α) a² + (1 + 1/α) b²``, so the norm
    of ``B √(1 + α)`` with the row ``ℓ √(1 + 1/α)`` below it is a bound; the best of some ``α`` is taken.

    Parameters
    ----------
    matrix : ndarray of shape (m, d), float64
        ``B``.
    linear : ndarray of shape (d,), float64
        ``ℓ``.
    norm : {1, 2, inf}
        Norm of the displacement.
    inaccuracy : float, default=0.0
        Bound of the sum of the Frobenius norms of the differences of both from the exact ones.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.arithmetic.norms_of_sums import sum_norm_bound
    >>> matrix, linear = np.diag([0.5, 0.5**0.5]), np.array([0.5, 0.0])
    >>> [round(sum_norm_bound(matrix, linear, norm), 3) for norm in (1, 2, np.inf)]
    [1.0, 1.0, 1.366]
    """
    if norm == 1:
        sums = norm_bound(matrix, axis=0) + np.abs(linear)
        return _number(round_up(sums.max(initial=0.0) + inaccuracy, 3))
    if norm == np.inf:
        apart = operator_norm_bound(matrix, norm) + round_up(np.abs(linear).sum(), linear.size)
        # An error E moves the image by at most ‖E‖_F √d.
        return _number(round_up(apart + np.sqrt(linear.size) * inaccuracy, 4))
    apart = round_up(operator_norm_bound(matrix, norm, inaccuracy) + norm_bound(linear) + inaccuracy, 2)
    if not np.isfinite(apart):
        return np.inf
    share = _best_share(matrix, linear)
    first, second = np.sqrt(1.0 + share), np.sqrt(1.0 + 1.0 / share)
    stacked = np.vstack([first * matrix, second * linear])
    rounding = round_up(4 * UNIT * norm_bound(stacked) + np.sqrt(stacked.size) * TINY, 4)
    together = spectral_norm_bound(stacked, float(round_up(max(first, second) * inaccuracy + rounding, 4)))
    # Both roots are rounded, by less than this factor.
    return _number(np.fmin(apart, round_up(together, 8)))


def _best_share(matrix, linear):
    """The ``α`` of the smallest bound, nearly: the square of the bound is a convex function of its logarithm."""
    m, d = matrix.shape
    largest = max(np.abs(matrix).max(initial=0.0), np.abs(linear).max(initial=0.0))
    if largest > 0:  # so that products do not overflow
        matrix, linear = matrix / largest, linear / largest
    gram = matrix.T @ matrix if d <= m else matrix @ matrix.T
    side = np.outer(linear, linear) if d <= m else matrix @ linear

    def of_square(exponent):
        first, second = 1.0 + np.exp(exponent), 1.0 + np.exp(-exponent)
        if d <= m:
            whole = first * gram + second * side
        else:
            beside, corner = np.sqrt(first * second) * side, second * (linear @ linear)
            whole = np.block([[first * gram, beside[:, None]], [beside[None], np.full((1, 1), corner)]])
        return np.linalg.eigvalsh(whole)[-1] if np.isfinite(whole).all() else np.inf

    exponent, _ = _least(of_square, -8.0, 8.0)
    return float(np.exp(exponent))


def _least(function, low, high):
    """Where a convex function of a number is least, nearly, and its value: the golden section."""
    inner = [low + (1.0 - _GOLDEN) * (high - low), low + _GOLDEN * (high - low)]
    values = [function(place) for place in inner]
    for _ in range(_SEARCH_STEPS):
        if values[0] <= values[1]:
            high, inner[1], values[1] = inner[1], inner[0], values[0]
            inner[0] = low + (1.0 - _GOLDEN) * (high - low)
            values[0] = function(inner[0])
        else:
            low, inner[0], values[0] = inner[0], inner[1], values[1]
            inner[1] = low + _GOLDEN * (high - low)
            values[1] = function(inner[1])
    return min(zip(inner, values, strict=True), key=lambda pair: pair[1])


def diagonal_norm_bound(entries: np.ndarray, norm: float, linear: np.ndarray | None = None) -> float:
    """Upper bound of ``max ‖e ∘ δ‖₂ + |ℓ · δ|`` over the displacements ``δ`` of norm at most 1.

    As :func:`sum_norm_bound` for a diagonal matrix, which needs no memory for one. L2: with ``‖u‖ ≤ 1``, the maximum
    is that of ``‖e ∘ u + ℓ‖``. ``eᵢ² uᵢ² + 2 eᵢ ℓᵢ uᵢ ≤ ρ uᵢ² + eᵢ² ℓᵢ² / (ρ − eᵢ²)`` for every ``ρ`` above all
    ``eᵢ²``, so its square is at most ``ρ + Σ ℓᵢ² ρ / (ρ − eᵢ²)``. Where ``ℓᵢ`` is 0, ``ρ = eᵢ²`` is allowed.

    Parameters
    ----------
    entries : ndarray of shape (d,), float64
    norm : {1, 2, inf}
    linear : ndarray of shape (d,), float64, or None
        None for 0.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.arithmetic.norms_of_sums import diagonal_norm_bound
    >>> entries, linear = np.array([0.5, 0.5**0.5]), np.array([0.5, 0.0])
    >>> [round(diagonal_norm_bound(entries, norm, linear), 3) for norm in (1, 2, np.inf)]
    [1.0, 1.0, 1.366]
    """
    entries = np.abs(entries)
    if linear is None:
        return _number(norm_bound(entries) if norm == np.inf else entries.max(initial=0.0))
    linear = np.abs(linear)
    if norm == 1:
        return _number(round_up((entries + linear).max(initial=0.0), 2))
    if norm == np.inf:
        return _number(round_up(norm_bound(entries) + round_up(linear.sum(), linear.size)))
    # A power of two is exact, and keeps the products below from under- and overflow.
    _, exponent = np.frexp(max(entries.max(initial=0.0), linear.max(initial=0.0)))
    tilted = linear > 0
    entries, linear = (round_up(np.ldexp(each, -exponent)) for each in (entries, linear))
    bound = _bound_of_tilted_diagonal(entries, linear, tilted)
    # Where subnormal numbers are flushed, those among the numbers count as 0.
    return _number(round_up(np.ldexp(bound, exponent) + 2.0 * np.sqrt(linear.size) * TINY, 2))


def _bound_of_tilted_diagonal(entries, linear, tilted):
    """:func:`diagonal_norm_bound` in L2, for entries of which the largest is near 1."""
    apart = round_up(entries.max(initial=0.0) + norm_bound(linear))
    squares = round_up(entries * entries, 2)
    if not tilted.any() or not np.isfinite(apart):
        return apart

    def bound_of_square(rho):
        ratios = round_up(rho / round_down(rho - squares[tilted]))
        return rho + round_up((round_up(linear[tilted] ** 2 * ratios, 4)).sum(), linear.size + 4)

    with np.errstate(all="ignore"):
        _, best = _least(bound_of_square, float(squares.max()), float(apart * apart))
        best = np.fmin(best, bound_of_square(float(squares.max())))
    return np.fmin(apart, round_up(np.sqrt(round_up(best, 4)), 2))
