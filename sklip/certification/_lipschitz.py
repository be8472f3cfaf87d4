"""Lipschitz bounds of a network that are proven from its weights."""

from collections.abc import Callable

import numpy as np

from sklip.arithmetic.norms import spectral_norm_bound
from sklip.arithmetic.norms_of_sums import diagonal_norm_bound, sum_norm_bound
from sklip.arithmetic.rounding import product_above
from sklip.served import Reshape, ServedNetwork

Source = Callable[..., float]
"""What bounds a map ``T`` before a network; see :meth:`sklip.served.Operation.lipschitz_after`."""


def no_map(kernel: np.ndarray | None, linear: np.ndarray | None = None) -> float:
    """The source of a network with no map before it."""
    if kernel is None:
        return 1.0 if linear is None else diagonal_norm_bound(np.ones(len(linear)), 2, linear)
    if kernel.ndim == 1:
        return diagonal_norm_bound(kernel, 2, linear)
    return spectral_norm_bound(kernel) if linear is None else sum_norm_bound(kernel.T, linear, 2)


def score_bounds(network: ServedNetwork, source: Source = no_map) -> tuple[float, np.ndarray]:
    """Upper bounds of the Lipschitz constants of the scores and of their differences.

    Each is the product of the bounds of the operations before the heads, times the norm of a head or of the difference
    of two heads.

    Parameters
    ----------
    network : sklip.served.ServedNetwork
    source : callable
        Function of a matrix ``W`` that returns a bound of the Lipschitz constant of ``Wᵀ T(x)``, for a map ``T`` before
        the network; see :meth:`sklip.served.Operation.lipschitz_after`. By default there is no map.

    Returns
    -------
    lipschitz : float
        Bound for every single score.
    pair_lipschitz : ndarray of shape (n_scores, n_scores)
        Bounds for ``f_c − f_j``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> heads = Dense(np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), np.zeros(3))
    >>> network = ServedNetwork((Center(np.zeros(2)), heads))
    >>> from sklip.certification import score_bounds
    >>> lipschitz, pairs = score_bounds(network)
    >>> round(lipschitz, 6), pairs.round(6)[0].tolist()
    (1.0, [0.0, 1.414214, 2.0])
    """
    # The subtraction of the centre keeps all distances.
    hidden = list(network.hidden)
    shape: tuple[int, ...] = (network.n_features,)
    while hidden and isinstance(hidden[0], Reshape):
        shape = hidden.pop(0).output_shape(shape)
    if not hidden and len(shape) == 1:
        return network.heads.score_bounds_after(source)
    # On the last axis of an image, a kernel multiplies a part of the row only, so no product with the map is known.
    known = [hidden.pop(0).lipschitz_after(source)] if len(shape) == 1 else [source(None)]
    bounds = [*known, *(operation.lipschitz() for operation in hidden)]
    return network.heads.score_bounds(product_above(*(bound for bound in bounds if bound != 1.0)))


def lipschitz_bound(network: ServedNetwork) -> float:
    """Upper bound of the Lipschitz constant of every single score of a network.

    Parameters
    ----------
    network : sklip.served.ServedNetwork

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> from sklip.certification import lipschitz_bound
    >>> 1 <= lipschitz_bound(network) < 1 + 1e-12
    True
    """
    return score_bounds(network)[0]
