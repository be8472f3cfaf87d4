"""How far the scores that floating point returns may lie from the real-arithmetic network's."""

from dataclasses import dataclass

import numpy as np

from sklip.arithmetic.norms import norm_bound, spectral_norm_bound
from sklip.arithmetic.rounding import TINY, UNIT, gamma, round_down, round_up
from sklip.network import CondensedNetwork


@dataclass(frozen=True)
class ErrorBound:
    """``|fl(f_c(x)) − f_c(x)| ≤ slope · t + intercept`` for every class and every ``x`` with ``t ≤ farthest``.

    ``t`` is any upper bound of both ``‖x − center‖`` and ``‖fl(x − center)‖``. Up to ``farthest`` nothing overflows: no
    score, no difference of two, no hidden value and no part of a sum. Beyond, an infinite hidden value may vanish
    again (ReLU makes 0 of −∞), and a finite score says nothing. No score is above ``size · t + constant``.

    Examples
    --------
    >>> from sklip.certification import ErrorBound
    >>> bound = ErrorBound(slope=1e-15, intercept=1e-16, farthest=1e300, size=1.0, constant=0.5)
    >>> bound.slope * 2.0 + bound.intercept < 1e-14  # of rows at a distance of 2 from the centre
    True
    """

    slope: float
    intercept: float
    farthest: float
    size: float
    constant: float


# Scores of up to an eighth of the largest number have differences that are finite, and room for roundings.
_LARGEST_SUM = 2.0**1020


def _layer(kernel, bias, lipschitz, norm, error):
    """Carry norm and error bounds, affine in t as (slope, intercept), through a layer; and the t of the largest sum."""
    n, p = kernel.shape
    rounding = gamma(n + 2)
    frobenius, offset = float(norm_bound(kernel)), float(norm_bound(bias))
    # Where denormals are flushed, each product, sum, weight and input may lose up to TINY.
    flush_slope = np.sqrt(p) * n * TINY
    flush = np.sqrt(p) * (4 * n + 4) * (1.0 + frobenius) * TINY
    local = (rounding * frobenius + flush_slope) * norm + np.array([0.0, rounding * offset + flush])
    # Any part of a sum is at most ‖w‖ ‖z‖ + |b| with its roundings.
    slope, intercept = round_up(2.0 * frobenius * norm + 2.0 * np.array([0.0, offset]), 4)
    farthest = round_down((_LARGEST_SUM - intercept) / slope, 4)
    error = round_up(lipschitz * error + local, 12)
    norm = round_up(lipschitz * norm + local + np.array([0.0, offset]), 12)
    return norm, error, farthest


def error_bound(network: CondensedNetwork) -> ErrorBound:
    """Bound the rounding error of a network's scores, before it sees any input.

    A dot product of length ``n`` followed by the addition of a bias satisfies
    ``|fl(Wᵀ z + b) − (Wᵀ z + b)| ≤ γₙ₊₂ (|W|ᵀ |z| + |b|)`` whatever the order of summation,
    with fused multiply-add or without (Higham 2002, section 3.1). With ``‖|W|‖₂ ≤ ‖W‖_F``,
    activations exact and 1-Lipschitz, and ``Lₗ ≥ ‖Wₗ‖₂``, layer by layer::

        errorₗ ≤ Lₗ errorₗ₋₁ + γₙ₊₂ (‖Wₗ‖_F normₗ₋₁ + ‖bₗ‖) + flushed denormals
        normₗ  ≤ Lₗ normₗ₋₁ + ‖bₗ‖ + the same rounding

    starting from ``norm₀ = t`` and ``error₀ = u t`` (the subtraction of the centre). Both
    recursions are affine in ``t``, so their four coefficients are computed once per network. So is the ``t`` up to
    which no part of a sum overflows, as each is at most ``‖Wₗ‖_F normₗ₋₁ + ‖bₗ‖`` and its roundings.

    Parameters
    ----------
    network : sklip.network.CondensedNetwork

    Returns
    -------
    ErrorBound

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.network import CondensedNetwork
    >>> network = CondensedNetwork(np.zeros(2), (np.array([[0.6], [0.8]]),), (np.zeros(1),), ())
    >>> from sklip.certification import error_bound
    >>> bound = error_bound(network)
    >>> 0 < bound.slope < 1e-14, 0 <= bound.intercept < 1e-14
    (True, True)
    """
    with np.errstate(all="ignore"):
        norm = np.array([1.0, 0.0])
        error = np.array([2 * UNIT, 4 * np.sqrt(len(network.center)) * TINY])
        farthest = _LARGEST_SUM
        *hidden, (heads, bias) = zip(network.kernels, network.biases, strict=True)
        for kernel, offset in hidden:
            norm, error, limit = _layer(kernel, offset, spectral_norm_bound(kernel), norm, error)
            farthest = np.minimum(farthest, limit)  # not-a-number stays
        # A score alone: the bound of one column is that of the largest.
        widest = float(np.max(norm_bound(heads, axis=0)))
        norm, error, limit = _layer(heads, bias, widest, norm, error)
        farthest = round_down(np.minimum(farthest, limit), 16)
    slope, intercept, size, constant = (float(v) if np.isfinite(v) else np.inf for v in (*error, *norm))
    return ErrorBound(slope, intercept, float(farthest) if np.isfinite(farthest) else 0.0, size, constant)
