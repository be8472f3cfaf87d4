"""Directions in which scores cannot fall, proven from the weights."""

import numpy as np

from sklip.arithmetic.norms import norm_bound
from sklip.arithmetic.rounding import product_above, round_up
from sklip.served import Dense, Diagonal, Operation, ServedNetwork, Tilted


def steepest_slopes(steps: list[Operation] | tuple[Operation, ...]) -> np.ndarray:
    """Bound how much the result of operations changes per unit of each column.

    The first operation maps a unit of column ``i`` to its row ``i`` of the matrix, of norm ``‖vᵢ‖``, and the others are
    ``c``-Lipschitz together, so the bound is ``c ‖vᵢ‖``.

    Parameters
    ----------
    steps : sequence of Operation
        On rows that are vectors.

    Returns
    -------
    ndarray of shape (n_features,), float64

    Raises
    ------
    TypeError
        If the first operation is neither a Dense nor a Diagonal.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.certification import steepest_slopes
    >>> from sklip.served import Dense
    >>> steepest_slopes([Dense(np.array([[0.6, 0.8], [0.0, 0.5]]), np.zeros(2))]).round(6).tolist()
    [1.0, 0.5]
    """
    first, *others = steps
    if not isinstance(first, Dense | Diagonal):
        raise TypeError(f"steepest_slopes needs a Dense or a Diagonal first; got {first!r}.")
    rows = np.abs(first.factors) if isinstance(first, Diagonal) else norm_bound(first.kernel, axis=1)
    rest = product_above(*(bound for step in others if (bound := step.lipschitz()) != 1.0))
    return round_up(rows * rest) * (rows > 0)


def proven_directions(network: ServedNetwork) -> np.ndarray:
    """Return for each column the direction in which the score of a network cannot fall.

    Parameters
    ----------
    network : sklip.served.ServedNetwork
        With one score.

    Returns
    -------
    ndarray of shape (n_features,), int8
        1 where the score cannot fall if the column rises, −1 where it cannot fall if the column falls, 0 where neither
        is proven. It is about exact arithmetic. Computed scores differ from exact ones by at most
        :func:`sklip.certification.error_bound`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.certification import proven_directions
    >>> from sklip.served import Center, Dense, ServedNetwork, Tilted
    >>> tilted = Tilted((Dense(np.array([[0.5], [0.5]]), np.zeros(1)),), np.array([0.6, 0.4]))
    >>> network = ServedNetwork((Center(np.zeros(2)), tilted, Dense(np.ones((1, 1)), np.zeros(1))))
    >>> proven_directions(network).tolist()
    [1, 0]
    """
    directions = np.zeros(network.n_features, np.int8)
    first, *others = network.operations[1:]
    if not isinstance(first, Tilted) or len(others) != 1 or network.n_scores != 1:
        return directions
    try:
        steepest = steepest_slopes(first.steps)
    except TypeError:
        return directions
    proven = (np.abs(first.slopes) >= steepest) & (first.slopes != 0)
    sign = np.sign(network.heads.kernel[0, 0])
    directions[proven] = (sign * np.sign(first.slopes[proven])).astype(np.int8)
    return directions
