"""The nearest point found beyond the boundary: an upper bound of the margin, and a counterfactual."""

import numpy as np

from sklip._heads import Heads
from sklip.attacks._geometry import random_directions
from sklip.attacks._search import START, Search
from sklip.attacks._target import Target, network_margins, rival_distances
from sklip.certification import Question, certificate, distances_above
from sklip.certification._question import EUCLIDEAN
from sklip.rows import blocks
from sklip.served import ServedNetwork

_RIVALS = 5
_CANDIDATES = 32
_RESTARTS = 3
_STEPS = 20
_HALVINGS = 10


def closest_adversarial(
    network: ServedNetwork, X: np.ndarray, question: Question = EUCLIDEAN
) -> tuple[np.ndarray, np.ndarray]:
    """For each row, find the nearest point with another prediction.

    From the row, the transport step ``x − f(x) ∇f(x) / ‖∇f(x)‖²`` leads to the boundary if the
    network is linear in between [1]_. The step is repeated from the new point: it projects the
    row on the boundary linearised at that point. With three classes or more, there is one such
    search for each of the five rivals whose linearised boundaries are nearest to the row. The
    best point is then moved to the boundary by bisection, and its ray is turned towards the
    projection on the boundary linearised at that point, as long as this helps. Three descents
    from other starting points look for a nearer part of the boundary. These points are the same
    in every call.

    A point counts only if its scores differ by more than their rounding errors, so that its
    prediction differs for any order of summation, in a batch or alone. The result is the same in
    every call.

    Parameters
    ----------
    network : ServedNetwork
        Network whose predictions are attacked.
    X : ndarray of shape (n_rows, n_features), float64
        Rows, in the units of the data.
    question : sklip.certification.Question, optional
        In which norm and in which units distances are measured; by default, the Euclidean norm.

    Returns
    -------
    adversarial : ndarray of shape (n_rows, n_features), float64
        The points found; nan if none was found for a row.
    distance : ndarray of shape (n_rows,), float64
        Distances of the points from their rows, rounded up; infinite if none was found.

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
        moving = _moving(question, X.shape[1])
        search = _search(network, X[block], question, moving)
        found = np.isfinite(search.distance)[:, None]
        adversarial[block], distance[block] = np.where(found, X[block], np.nan), search.distance
        adversarial[block, moving] = search.inputs
    return adversarial, distance


def _moving(question, n_features):
    """Positions of the columns that may move: all of them, as a slice that copies nothing, unless some are fixed."""
    return slice(n_features) if question.fixed is None else np.flatnonzero(~question.fixed)


def _search(network, rows, question, moving):
    """Search one block of rows among changes of the columns that may move; return the finished search."""

    def placed(inputs, which):
        if isinstance(moving, slice):
            return inputs
        whole = rows[which]
        whole[:, moving] = inputs
        return whole

    proof, margins = certificate(network, question), network_margins(network)
    scores = network.scores(rows)
    heads = Heads.of_scores(scores.shape[1])
    class_indices = heads.class_indices(scores)

    def differs(inputs, which):
        centered = placed(inputs, which) - network.center
        with np.errstate(all="ignore"):
            found = network.centered_scores(centered)
            other = heads.class_indices(found) != class_indices[which]
            other[other] = proof.radii(found[other], centered[other]) > 0
        return other

    def margins_and_gradients(inputs, index, rivals=None):
        of_rows, gradients = margins(placed(inputs, index), class_indices[index], rivals)
        return of_rows, gradients[:, moving]

    tolerances = np.ones(rows.shape[1]) if question.tolerances is None else question.tolerances
    target = Target(
        rows=rows[:, moving],
        radii=proof.radii(scores, rows - network.center),
        tolerances=tolerances[moving],
        norm=question.norm,
        predict=None,
        margins_and_gradients=margins_and_gradients,
        representable=lambda inputs: inputs,
    )
    search = Search(target, np.arange(len(rows)), differs)
    with np.errstate(all="ignore"):
        search.margin_tolerance = 8.0 * proof.score_errors(distances_above(rows - network.center))
        _approach(search, _nearest_rivals(search, network, scores, class_indices))
    return search


def _approach(search, rivals):
    """Find successes and move them closer to their rows."""
    for number, rival in enumerate(rivals):
        search.project(search.rows, _STEPS // 4 if number else _STEPS, rival)
    search.bisect(_HALVINGS)
    margins, ascent, slopes, _ = search.margins_and_steepest(search.rows)
    strides = np.maximum(search.radii, np.abs(margins) / np.where(slopes > 0, slopes, np.inf))
    search.try_rays(-ascent, strides, _HALVINGS)
    search.refine(_STEPS, _HALVINGS)
    rng = np.random.default_rng(0)
    for _ in range(_RESTARTS):
        noise = random_directions(rng, search.rows.shape, search.target.norm)
        search.try_rays(noise, strides, _HALVINGS)
        # As far as the best success: if the descent crosses the boundary, it finds a nearer one.
        limits = np.where(np.isfinite(search.distance), search.distance, 2.0 * strides)
        search.try_rays(search.ascend(search.along(noise, START * limits), limits, _STEPS), strides, _HALVINGS)
        search.refine(_STEPS // 2, _HALVINGS)
    search.bisect(60, tolerance=2.0**-53)


def _nearest_rivals(search, network, scores, class_indices):
    """Arrays of shape (n_rows,): the nearest rival, the second nearest, and so on; of those that are near by scores."""
    if scores.shape[1] == 1:
        return [None]
    order = np.argsort(rival_distances(scores, class_indices, network.heads.column_distances()), axis=1, kind="stable")
    return search.nearest_rivals(order[:, :_CANDIDATES], _RIVALS)
