"""Lipschitz bounds of a network that are proven from its weights."""

from collections.abc import Callable

import numpy as np

from sklip.arithmetic.norms import norm_bound, spectral_norm_bound
from sklip.arithmetic.rounding import TINY, product_above, round_up
from sklip.network import CondensedNetwork


def trunk_bound(network, first_layer: Callable[[np.ndarray], float] = spectral_norm_bound) -> float:
    """Upper bound of the Lipschitz constant of all layers before the heads."""
    hidden = network.kernels[:-1]
    return product_above(*((spectral_norm_bound if layer else first_layer)(W) for layer, W in enumerate(hidden)))


def score_bounds(
    network: CondensedNetwork, first_layer: Callable[[np.ndarray], float] = spectral_norm_bound
) -> tuple[float, np.ndarray]:
    """Upper bounds of the Lipschitz constants of the scores and of their differences.

    The product of the bounds of the layers before the heads, times the norm of a head, or of the
    difference of two; activations are 1-Lipschitz.

    Parameters
    ----------
    network : sklip.network.CondensedNetwork
    first_layer : callable, default=spectral_norm_bound
        From a kernel ``W`` of the first layer to a bound of the Lipschitz constant of ``Wᵀ T(x)``, for a map
        ``T`` before the network; by default there is none.

    Returns
    -------
    lipschitz : float
        Of every single score.
    pair_lipschitz : ndarray of shape (n_scores, n_scores)
        Of ``f_c − f_j``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.network import CondensedNetwork
    >>> network = CondensedNetwork(np.zeros(2), (np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]),), (np.zeros(3),), ())
    >>> from sklip.certification import score_bounds
    >>> lipschitz, pairs = score_bounds(network)
    >>> round(lipschitz, 6), pairs.round(6)[0].tolist()
    (1.0, [0.0, 1.414214, 2.0])
    """
    heads = network.kernels[-1]
    lost = np.sqrt(len(heads)) * TINY  # by differences that underflow
    if len(network.kernels) == 1:
        single = [first_layer(heads[:, [c]]) for c in range(heads.shape[1])]
        pairs = [
            [round_up(first_layer(heads[:, [j]] - heads[:, [c]]) + lost) for j in range(len(single))]
            for c in range(len(single))
        ]
        return float(max(single)), np.array(pairs, dtype=np.float64)
    trunk = trunk_bound(network, first_layer)
    pairs = [round_up(norm_bound(heads - heads[:, [c]], axis=0) + lost) for c in range(heads.shape[1])]
    return product_above(trunk, np.max(norm_bound(heads, axis=0))), round_up(trunk * np.array(pairs))


def lipschitz_bound(network: CondensedNetwork) -> float:
    """Upper bound of the Lipschitz constant of every single score of a network.

    Parameters
    ----------
    network : sklip.network.CondensedNetwork

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.network import CondensedNetwork
    >>> network = CondensedNetwork(np.zeros(2), (np.array([[0.6], [0.8]]),), (np.zeros(1),), ())
    >>> from sklip.certification import lipschitz_bound
    >>> 1 <= lipschitz_bound(network) < 1 + 1e-12
    True
    """
    return score_bounds(network)[0]
