"""The nearest point found across the boundary: an upper bound of the margin, and a counterfactual."""

import numpy as np

from sklip._heads import Heads
from sklip.attacks._geometry import random_directions
from sklip.attacks._search import Search
from sklip.attacks._target import Target, network_descent, reach
from sklip.certification import certificate, distances_above
from sklip.rows import blocks
from sklip.served import ServedNetwork

_RIVALS = 3
_RESTARTS = 3
_STEPS = 20
_HALVINGS = 10


def closest_adversarial(network: ServedNetwork, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row, the nearest point found that is predicted otherwise, in the Euclidean norm.

    From the row, the transport step ``x − f(x) ∇f(x) / ‖∇f(x)‖²`` leads to the boundary where the
    network is linear in between [1]_. It is repeated from where it leads, always projecting the
    row on the boundary linearised there; with more than two classes towards the three rivals
    nearest to taking over. The best point is bisected down to the boundary, and its ray turned
    towards the projection on the boundary linearised at that point, as long as this helps. Three
    descents from other places, always the same, look for a nearer part of the boundary.

    A point counts only when its scores differ by more than their rounding errors, so that it is
    predicted otherwise by any summation order, in a batch or alone. The result is the same in
    every call.

    Parameters
    ----------
    network : ServedNetwork
    X : ndarray of shape (n_rows, n_features), float64

    Returns
    -------
    adversarial : ndarray of shape (n_rows, n_features), float64
        The points; nan where none was found.
    distance : ndarray of shape (n_rows,), float64
        Rounded up; infinite where none was found.

    References
    ----------
    .. [1] Serrurier, Mamalet, Fel, Béthune and Boissin, "On the explainable properties of
       1-Lipschitz neural networks: an optimal transport perspective", NeurIPS 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> from sklip.attacks import closest_adversarial
    >>> adversarial, distance = closest_adversarial(network, np.array([[1.0, 1.0]]))
    >>> adversarial.round(2).tolist(), distance.round(6).tolist()
    ([[0.16, -0.12]], [1.4])
    """
    adversarial, distance = np.empty(X.shape), np.empty(len(X))
    for block in blocks.slices(len(X), blocks.ATTACK_ROWS):
        search = _search(network, X[block])
        adversarial[block], distance[block] = search.inputs, search.distance
    return adversarial, distance


def _search(network, rows):
    """A finished search of one block."""
    proof, descend = certificate(network), network_descent(network)
    scores = network.scores(rows)
    heads = Heads.of_scores(scores.shape[1])
    codes = heads.class_indices(scores)

    def differs(inputs, which):
        units = inputs - network.center
        with np.errstate(all="ignore"):
            found = network.centered_scores(units)
            other = heads.class_indices(found) != codes[which]
            other[other] = proof.radii(found[other], units[other]) > 0
        return other

    target = Target(
        rows=rows,
        radii=proof.radii(scores, rows - network.center),
        tolerances=np.ones(rows.shape[1]),
        norm=2,
        predict=None,
        descend=lambda inputs, index, rivals=None: descend(inputs, codes[index], rivals),
        representable=lambda inputs: inputs,
    )
    search = Search(target, np.arange(len(rows)), differs)
    with np.errstate(all="ignore"):
        search.slack = 8.0 * proof.score_errors(distances_above(rows - network.center))
        _approach(search, _nearest_rivals(network, scores, codes))
    return search


def _approach(search, rivals):
    """Find successes, and bring them near."""
    for rival in rivals:
        search.project(search.rows, _STEPS, rival)
    search.bisect(_HALVINGS)
    margins, ascent, slopes, _ = search.descend(search.rows)
    strides = np.maximum(search.radii, np.abs(margins) / np.where(slopes > 0, slopes, np.inf))
    search.try_rays(-ascent, strides, _HALVINGS)
    search.refine(_STEPS, _HALVINGS)
    rng = np.random.default_rng(0)
    for _ in range(_RESTARTS):
        noise = random_directions(rng, search.rows.shape, 2)
        search.try_rays(noise, strides, _HALVINGS)
        # As far as the best success: where the descent crosses the boundary, there is a nearer one.
        limits = np.where(np.isfinite(search.distance), search.distance, 2.0 * strides)
        search.try_rays(search.ascend(search.along(noise, 0.5 * limits), limits, _STEPS), strides, _HALVINGS)
        search.refine(_STEPS // 2, _HALVINGS)
    search.bisect(60, tolerance=2.0**-53)


def _nearest_rivals(network, scores, codes):
    """Arrays of shape (n_rows,): the rival nearest to taking over, the second nearest, and so on."""
    if scores.shape[1] == 1:
        return [None]
    order = np.argsort(reach(scores, codes, network.heads.column_distances()), axis=1, kind="stable")
    return list(order[:, : min(_RIVALS, scores.shape[1] - 1)].T)
