"""An estimator as an attack sees it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sklip.served import ServedNetwork, scores_and_gradients


@dataclass(frozen=True, eq=False)
class Target:
    """Rows, their certified radii, and functions of the estimator to attack.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features), float64
        Values of the numeric columns that may move, exactly as the estimator gets them.
    radii : ndarray of shape (n_rows,), float64
        Certified radii, in units of ``tolerances`` and in ``norm``.
    tolerances : ndarray of shape (n_features,), float64, positive
        Tolerances of the columns: the displacement of column ``j`` counts as ``delta_j / tolerances_j``.
    norm : {1, 2, inf}
        Norm of the displacement.
    predict : callable
        ``predict(inputs, index)``: labels that the estimator predicts, of shape (k,), for inputs of
        shape (k, n_features). Each input is a displaced row; ``index``, of shape (k,), holds the
        positions of these rows.
    margins_and_gradients : callable
        ``margins_and_gradients(inputs, index)``: margins, of shape (k,), of the class predicted for the
        row over its nearest rival, and their gradients, of shape (k, n_features), in raw units. They
        only guide the attack: they may be approximate, and prove nothing. With three classes or more,
        it takes a third argument, ``rivals``, of shape (k,): positions of the classes that are the
        rivals. The margin over the class itself is 0.
    representable : callable
        ``representable(inputs)``: the nearest inputs that the columns' dtypes can hold, as float64.
    labels : ndarray of shape (n_rows,) or None, default=None
        Predictions of the unchanged rows; None to compute them by ``predict(rows, index)``.
    held : ndarray of shape (n_rows, n_features), bool, or None, default=None
        True for entries that are held fixed; None if all entries may move.
    n_classes : int, default=2
        Number of classes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.attacks import Target, attack, network_margins
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> margins, class_indices = network_margins(network), np.array([1])
    >>> target = Target(
    ...     rows=np.array([[1.0, 1.0]]),
    ...     radii=np.array([1.399]),
    ...     tolerances=np.ones(2),
    ...     norm=2,
    ...     predict=lambda inputs, index: (network.scores(inputs)[:, 0] > 0).astype(int),
    ...     margins_and_gradients=lambda inputs, index: margins(inputs, class_indices[index]),
    ...     representable=lambda inputs: inputs,
    ... )
    >>> attack(target, restarts=1, n_steps=3).inputs.round(2).tolist()
    [[0.16, -0.12]]
    """

    rows: np.ndarray
    radii: np.ndarray
    tolerances: np.ndarray
    norm: float
    predict: Callable[[np.ndarray, np.ndarray], np.ndarray]
    margins_and_gradients: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    representable: Callable[[np.ndarray], np.ndarray]
    labels: np.ndarray | None = None
    held: np.ndarray | None = None
    n_classes: int = 2


def rival_distances(scores: np.ndarray, class_indices: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return how far each class is from overtaking a class: the gap over the pair norm; infinite for the class itself.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_classes)
    class_indices : ndarray of shape (n_rows,)
        Class of each row that the others may overtake.
    pairs : ndarray of shape (n_classes, n_classes)
        ``‖w_c − w_j‖`` of each pair of heads; see :meth:`sklip.served.Dense.column_distances`.

    Returns
    -------
    ndarray of shape (n_rows, n_classes)
    """
    all_rows = np.arange(len(scores))
    result = (scores[all_rows, class_indices, None] - scores) / pairs[class_indices]
    result[all_rows, class_indices] = np.inf
    return result


def network_margins(network: ServedNetwork) -> Callable:
    """Return a function from inputs and class indices to margins and their gradients.

    Parameters
    ----------
    network : ServedNetwork
        Network whose scores are compared.

    Returns
    -------
    callable
        ``function(inputs, class_indices, rivals=None)``: margins, of shape (k,), of the classes
        over their rivals, and the gradients of the margins, of shape (k, n_features). Without
        ``rivals``, the rival is the class closest to overtaking. With one score, there is only one
        rival, and ``rivals`` is ignored.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> from sklip.attacks import network_margins
    >>> margins, gradients = network_margins(network)(np.array([[1.0, 1.0]]), np.array([1]))
    >>> margins.round(6).tolist(), gradients.round(6).tolist()
    ([1.4], [[0.6, 0.8]])
    """
    pairs = network.heads.column_distances()

    def margins_and_gradients(inputs, class_indices, rivals=None):
        combination = np.zeros((len(inputs), len(pairs)))
        if len(pairs) == 1:
            combination[:, 0] = np.where(class_indices == 1, 1.0, -1.0)
        else:
            combination[np.arange(len(inputs)), class_indices] = 1.0

        def cotangents(scores, rows):
            chosen = combination[rows]
            if len(pairs) > 1:
                own = class_indices[rows]
                nearest = rival_distances(scores, own, pairs).argmin(axis=1) if rivals is None else rivals[rows]
                chosen[np.arange(len(scores)), nearest] -= 1.0  # the class itself has a margin of 0
            return chosen

        scores, gradients = scores_and_gradients(network, inputs, cotangents)
        return np.einsum("ij,ij->i", combination, scores), gradients

    return margins_and_gradients
