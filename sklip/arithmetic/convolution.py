"""Proven bounds of the norm of a convolution, for pictures of any size."""

import math
from itertools import product

import numpy as np

from sklip.arithmetic.norms import norm_bound, spectral_norm_bound
from sklip.arithmetic.rounding import TINY, gamma, product_above, round_up


def convolution_norm_bound(kernel: np.ndarray, strides: tuple[int, int] = (1, 1)) -> float:
    """Upper bound of the norm of a convolution with zeros around the picture, or without, for pictures of any size.

    The matrix of the convolution of a finite picture is a part of the matrix ``C`` for the infinite picture. The block
    of ``C Cᵀ`` for two windows depends on their distance alone: it is ``B[d] = Σ_a K[a]ᵀ K[a + d]``, where ``d`` is
    the distance in pixels, a multiple of the strides. So ``‖C‖² = max_ω ‖Σ_d B[d] exp(i ⟨d, ω⟩)‖``, which is at most

    1. ``Σ_d ‖B[d]‖₂``; ``B[0] = Wᵀ W``, where ``W`` has the matrices of all pixels above each other, and
       ``B[−d] = B[d]ᵀ``;
    2. the largest sum of a row of ``Σ_d |B[d]|`` (Gershgorin; Prach and Lampert 2022).

    Both hold for ``Cᵀ`` as well, which is a convolution with the transposed matrices, where strides leave out inputs.
    And ``‖C‖ ≤ √c ‖W‖₂``, if no pixel is in more than ``c`` windows. The least of the five bounds is returned.

    Parameters
    ----------
    kernel : ndarray of shape (height, width, n_inputs, n_outputs), float64
    strides : (int, int), default=(1, 1)

    Returns
    -------
    float
        Infinite if entries are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.arithmetic.convolution import convolution_norm_bound
    >>> convolution_norm_bound(np.ones((2, 2, 1, 1)) / 2) < 2 + 1e-12
    True
    """
    height, width, _, n_outputs = kernel.shape
    size = norm_bound(kernel)
    if not np.isfinite(size):
        return math.inf
    if size == 0.0:
        return 0.0
    # Scaling by a power of two is exact, but for what becomes subnormal, and keeps products from over- and underflow.
    _, exponent = np.frexp(size)
    scaled = np.ldexp(kernel, -int(exponent))
    lost = np.sqrt(kernel.size * height * width) * TINY
    copies = math.prod(-(-length // stride) for length, stride in zip((height, width), strides, strict=True))
    reshaped = spectral_norm_bound(scaled.reshape(-1, n_outputs))
    transposed = np.ascontiguousarray(np.swapaxes(scaled, 2, 3))
    bound = min(
        float(round_up(np.sqrt(copies) * reshaped, 3)),
        _symbol_bound(scaled, strides, reshaped),
        _symbol_bound(transposed, (1, 1), spectral_norm_bound(transposed.reshape(-1, kernel.shape[2]))),
    )
    with np.errstate(over="ignore"):
        return product_above(float(round_up(bound + 2 * lost, 2)), float(np.ldexp(1.0, int(exponent))))


def _symbol_bound(kernel, strides, reshaped):
    """The bounds of the norm from the matrices ``B[d]``, the least of both; ``reshaped`` is a bound of ``‖W‖₂``."""
    height, width, _, n_outputs = kernel.shape
    lags = [
        lag
        for lag in product(range(0, height, strides[0]), range(-(width - 1), width))
        if lag > (0, 0) and lag[1] % strides[1] == 0
    ]
    parts = [_overlap(kernel, *lag) for lag in lags]
    products = [(first.T @ second, _inaccuracy(first, second)) for first, second in parts]
    norms = [round_up(norm_bound(matrix) + inaccuracy) for matrix, inaccuracy in products]
    square = reshaped**2
    if sum(norms) > 1e-6 * square:  # not nearly orthonormal: spectral norms are smaller
        norms = [spectral_norm_bound(matrix, inaccuracy) for matrix, inaccuracy in products]
    by_norms = round_up(square + 2.0 * sum(norms), len(norms) + 4)
    whole = kernel.reshape(-1, n_outputs)
    products.append((whole.T @ whole / 2.0, _inaccuracy(whole, whole)))
    sums = sum(np.abs(matrix).sum(axis=0) + np.abs(matrix).sum(axis=1) for matrix, _ in products)
    # The sum of the sizes in a row of an error E is at most √n ‖E‖_F.
    inaccuracy = 2.0 * np.sqrt(n_outputs) * sum(inaccuracy for _, inaccuracy in products)
    by_sums = round_up(sums.max() + inaccuracy, 2 * n_outputs + 2 * len(products) + 4)
    return float(round_up(np.sqrt(min(by_norms, by_sums)), 2))


def _overlap(kernel, down, right):
    """The matrices of all pixels that have a matrix at the lag, and those matrices, above each other."""
    height, width, _, n_outputs = kernel.shape
    first = kernel[: height - down, max(0, -right) : width - max(0, right)]
    second = kernel[down:, max(0, right) : width - max(0, -right)]
    return first.reshape(-1, n_outputs), second.reshape(-1, n_outputs)


def _inaccuracy(first, second):
    """Bound of the Frobenius norm of the error of a computed product (Higham 2002, section 3.5)."""
    n, p = first.shape
    return round_up(gamma(n + 1) * norm_bound(first) * norm_bound(second) + 4 * n * p * TINY, 4)
