"""Lipschitz bounds that are proven, not estimated.

Power iteration and a computed singular value decomposition return estimates from below; a
certificate divided by one of them can be wrong. Everything here is an upper bound of the
exact quantity of the stored float64 arrays, rounding included.
"""

import numpy as np

from sklip.certification._floating import TINY, gamma, round_up


def norm_bound(array: np.ndarray, axis: int | None = None):
    """Upper bound of the Euclidean norm of an array, or of its slices along ``axis``.

    Parameters
    ----------
    array : ndarray, float64
    axis : int or None
        Axis summed over; None for the whole array (the Frobenius norm).

    Returns
    -------
    float or ndarray
    """
    count = array.size if axis is None else array.shape[axis]
    # Dividing by a power of two is exact and keeps the squares from over- and underflow;
    # squares that underflow all the same are below 2⁻¹⁰²² of the largest.
    _, exponent = np.frexp(np.max(np.abs(array), initial=0.0))
    scaled = np.ldexp(array, -exponent)
    squares = np.sum(np.square(scaled), axis=axis) + (count + 1) * 4 * TINY
    return np.nextafter(np.ldexp(round_up(np.sqrt(squares), count + 4), exponent), np.inf)


def spectral_norm_bound(kernel: np.ndarray) -> float:
    """Upper bound of the largest singular value of a kernel.

    With ``S = fl(Wᵀ W)``, ``|S − Wᵀ W| ≤ γₙ |W|ᵀ |W|`` whatever the order of summation
    (Higham 2002, section 3.5), hence ``‖W‖₂² ≤ 1 + ‖S − I‖_F + γₙ ‖W‖_F²``: for an
    orthonormal kernel of width 1024 about ``1 + 1e-10``. The Frobenius norm is the answer
    when it is smaller.

    Parameters
    ----------
    kernel : ndarray of shape (n, p), float64

    Returns
    -------
    float
        Infinite when the products overflow.
    """
    frobenius = norm_bound(kernel)
    if min(kernel.shape) == 1:
        return float(frobenius)
    tall = kernel if kernel.shape[0] >= kernel.shape[1] else kernel.T
    n, p = tall.shape
    with np.errstate(over="ignore", invalid="ignore"):
        deviation = norm_bound(tall.T @ tall - np.eye(p))
        rounding = gamma(n + 1) * frobenius**2 + 4 * n * p * TINY
        bound = round_up(np.sqrt(1.0 + deviation + rounding), 6)
    return float(min(bound, frobenius) if np.isfinite(bound) else frobenius)


def trunk_bound(network) -> float:
    """Upper bound of the Lipschitz constant of all layers before the heads."""
    bound = 1.0
    for kernel in network.kernels[:-1]:
        bound = round_up(bound * spectral_norm_bound(kernel))
    return float(bound)


def lipschitz_bound(network) -> float:
    """Upper bound of the Lipschitz constant of every single score of a network.

    The product of the bounds of the layers before the heads, times the largest norm of a
    head; activations are 1-Lipschitz.

    Parameters
    ----------
    network : sklip.network.CondensedNetwork

    Returns
    -------
    float
    """
    return float(round_up(trunk_bound(network) * np.max(norm_bound(network.kernels[-1], axis=0))))
