"""What an attack sees of an estimator."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sklip.served import ServedNetwork, scores_and_gradients


@dataclass(frozen=True, eq=False)
class Target:
    """Rows, their certified radii, and an estimator that can be asked.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features), float64
        The numeric columns that may move, exactly as the estimator sees them.
    radii : ndarray of shape (n_rows,), float64
        Certified radii, in units of ``tolerances`` and ``norm``.
    tolerances : ndarray of shape (n_features,), float64, positive
        The displacement of column ``j`` counts as ``delta_j / tolerances_j``.
    norm : {1, 2, inf}
        Of the displacement.
    predict : callable
        ``predict(inputs, index)``: labels by the estimator itself, of shape (k,), for inputs of
        shape (k, n_features), each a displaced row; ``index``, of shape (k,), says which.
    descend : callable
        ``descend(inputs, index)``: margins of shape (k,) of the class predicted for the row over
        its nearest rival, and their gradients of shape (k, n_features) in raw units. Guidance
        alone: they may be approximate, and prove nothing.
    representable : callable
        ``representable(inputs)``: the nearest inputs that the columns' dtypes hold, as float64.
    labels : ndarray of shape (n_rows,) or None, default=None
        Predictions of the rows as they are; None for those of ``predict(rows, index)``.
    held : ndarray of shape (n_rows, n_features), bool, or None, default=None
        Which entries of the rows cannot move; None for none.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.attacks import Target, attack, network_descent
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> descend, codes = network_descent(network), np.array([1])
    >>> target = Target(
    ...     rows=np.array([[1.0, 1.0]]),
    ...     radii=np.array([1.399]),
    ...     tolerances=np.ones(2),
    ...     norm=2,
    ...     predict=lambda inputs, index: (network.scores(inputs)[:, 0] > 0).astype(int),
    ...     descend=lambda inputs, index: descend(inputs, codes[index]),
    ...     representable=lambda inputs: inputs,
    ... )
    >>> attack(target, restarts=1, steps=3).inputs.round(2).tolist()
    [[0.16, -0.12]]
    """

    rows: np.ndarray
    radii: np.ndarray
    tolerances: np.ndarray
    norm: float
    predict: Callable[[np.ndarray, np.ndarray], np.ndarray]
    descend: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    representable: Callable[[np.ndarray], np.ndarray]
    labels: np.ndarray | None = None
    held: np.ndarray | None = None


def reach(scores: np.ndarray, codes: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """How far each class is from taking over: gap over pair norm, infinite for the class itself.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_classes)
    codes : ndarray of shape (n_rows,)
        The class whose lead is measured.
    pairs : ndarray of shape (n_classes, n_classes)
        ``‖w_c − w_j‖`` of each pair of heads: see :meth:`sklip.served.Dense.column_distances`.

    Returns
    -------
    ndarray of shape (n_rows, n_classes)
    """
    every = np.arange(len(scores))
    result = (scores[every, codes, None] - scores) / pairs[codes]
    result[every, codes] = np.inf
    return result


def network_descent(network: ServedNetwork) -> Callable:
    """Return a function from inputs, codes and, if any, rivals to margins and their gradients.

    Parameters
    ----------
    network : ServedNetwork

    Returns
    -------
    callable
        ``descend(inputs, codes, rivals=None)``: the margin of class ``codes`` over ``rivals``,
        by default over the class nearest to taking over; ignored where there is one score.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> from sklip.attacks import network_descent
    >>> margins, gradients = network_descent(network)(np.array([[1.0, 1.0]]), np.array([1]))
    >>> margins.round(6).tolist(), gradients.round(6).tolist()
    ([1.4], [[0.6, 0.8]])
    """
    pairs = network.heads.column_distances()

    def descend(inputs, codes, rivals=None):
        combination = np.zeros((len(inputs), len(pairs)))
        every = np.arange(len(inputs))
        if len(pairs) == 1:
            combination[:, 0] = np.where(codes == 1, 1.0, -1.0)
        else:
            combination[every, codes] = 1.0

        def cotangents(scores, rows):
            chosen = combination[rows]
            if len(pairs) > 1:
                nearest = reach(scores, codes[rows], pairs).argmin(axis=1) if rivals is None else rivals[rows]
                chosen[np.arange(len(scores)), nearest] = -1.0
            return chosen

        scores, gradients = scores_and_gradients(network, inputs, cotangents)
        return np.einsum("ij,ij->i", combination, scores), gradients

    return descend
