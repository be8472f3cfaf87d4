"""The attack on certificates: look for the nearest input with another prediction."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sklip.arithmetic.rounding import UNIT
from sklip.attacks._geometry import lengths, normalized, random_directions
from sklip.attacks._search import START, Search
from sklip.attacks._target import Target
from sklip.rows import blocks

# An infinite radius is tried at this distance.
_FURTHEST = 1e100

# Multiples of the radius at which a ray is tried; a short attack uses the last ones.
_AT_THE_RADIUS = (0.99, 1 + 2.0**-52, 1 - 1e-7, 1 - 1e-12, 1 - 2.0**-52, 1.0)

# A row is projected on the boundaries to so many rivals, which are chosen from at most so many classes.
_RIVALS = 5
_MOST_CANDIDATES = 32

# Ascents start in the directions of rows of other labels: the nearest of so many rows, drawn at random.
_MOST_OTHERS = 256


@dataclass(frozen=True, eq=False)
class Attack:
    """Result of an attack.

    Attributes
    ----------
    labels : ndarray of shape (n_rows,)
        Predictions of the unchanged rows.
    distance : ndarray of shape (n_rows,), float64
        Distance of the nearest input with another prediction, in units of the target's ``tolerances``
        and in its ``norm``, rounded up; infinite if none was found.
    inputs : ndarray of shape (n_rows, n_features), float64
        These inputs; nan if none was found.
    inside : ndarray of shape (n_rows,), bool
        True if an input with another prediction was found strictly inside the radius, in exact arithmetic.
    n_points : int
        Number of inputs that the estimator predicted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.attacks import Attack
    >>> found = Attack(
    ...     labels=np.array([1, 0]),
    ...     distance=np.array([1.4, np.inf]),
    ...     inputs=np.array([[0.16, -0.12], [np.nan, np.nan]]),
    ...     inside=np.array([False, False]),
    ...     n_points=120,
    ... )
    >>> np.isfinite(found.distance).tolist()
    [True, False]
    """

    labels: np.ndarray
    distance: np.ndarray
    inputs: np.ndarray
    inside: np.ndarray
    n_points: int


def attack(
    target: Target,
    *,
    restarts: int = 3,
    n_steps: int = 20,
    random_state: int | np.random.Generator = 0,
    progress: Callable[[int], object] | None = None,
) -> Attack:
    """Try to change the prediction of each row of a target as near to the row as possible.

    For each row, the attack tries: the gradient; projections on the linearised boundaries to the five
    nearest rivals; projected gradient ascents inside the radius, the first from the row, the others
    from random points; ascents that may go as far as the best success, from points on the way to the
    nearest rows with other labels; and random directions. Each ray found in this way is tried at the
    radius, with steps of one unit in the last place, and nearer than the best success. The nearest
    success of each row is moved to the boundary by bisection, and its ray is turned towards the
    boundary linearised there.

    Parameters
    ----------
    target : Target
        Rows, their radii, and the estimator to attack.
    restarts : int, default=3
        Number of ascents, and of random directions, per row; at least 1.
    n_steps : int, default=20
        Number of steps of each ascent; at least 1. Per row, ``restarts=1, n_steps=3`` takes about 60
        predictions and 20 gradients; the default takes about 300 predictions and 170 gradients.
    random_state : int or Generator, default=0
        Seed or generator of the random directions.
    progress : callable, default=None
        Called with the number of rows that were finished since the last call.

    Returns
    -------
    Attack
        The nearest input found for each row.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.attacks import Target, attack
    >>> target = Target(
    ...     rows=np.array([[1.0]]),
    ...     radii=np.array([0.999]),
    ...     tolerances=np.ones(1),
    ...     norm=2,
    ...     predict=lambda inputs, index: (inputs[:, 0] > 0).astype(int),
    ...     margins_and_gradients=lambda inputs, index: (inputs[:, 0], np.ones_like(inputs)),
    ...     representable=lambda inputs: inputs,
    ... )
    >>> found = attack(target, restarts=1, n_steps=3)
    >>> found.labels.tolist(), found.inside.tolist(), found.distance.round(3).tolist()
    ([1], [False], [1.0])
    """
    with np.errstate(all="ignore"):
        rng, nudge = np.random.default_rng(random_state), _outward(target)
        n_rows, n_points, labels = len(target.rows), 0, []
        distance, inside = np.empty(n_rows), np.empty(n_rows, dtype=bool)
        inputs = np.empty(target.rows.shape)
        for block in blocks.slices(n_rows, blocks.ATTACK_ROWS):
            index = np.arange(block.start, block.stop)
            labels.append(_labels(target, index))
            search = Search(target, index, _changes(target, index, labels[-1]))
            _attack_block(search, labels[-1], nudge, restarts, n_steps, rng)
            search.confirm()
            inputs[index], inside[index] = search.inputs, search.inside
            # The distance is rounded up, so for an input just inside it may exceed the radius, which bounds it too.
            distance[index] = np.where(search.inside, np.minimum(search.distance, search.radii), search.distance)
            n_points += search.n_points
            if progress is not None:
                progress(len(index))
        return Attack(np.concatenate(labels), distance, inputs, inside, n_points)


def _labels(target, index):
    """Predictions of the unchanged rows."""
    return np.asarray(target.predict(target.rows[index], index)) if target.labels is None else target.labels[index]


def _changes(target, index, labels):
    """A function: whether the predictions of inputs differ from those of their rows."""
    return lambda inputs, which: np.asarray(target.predict(inputs, index[which])) != labels[which]


def _attack_block(search, labels, nudge, restarts, steps, rng):
    """Try all moves on the rows of a search."""
    rows, norm, halvings = search.rows, search.target.norm, min(max(steps, 3), 8)
    limits = np.minimum(search.radii, _FURTHEST)
    factors = _AT_THE_RADIUS[-min(max(steps // 2, 2), len(_AT_THE_RADIUS)) :]

    margins, ascent, slopes, _ = search.margins_and_steepest(rows)
    strides = np.minimum(np.maximum(limits, np.abs(margins) / np.where(slopes > 0, slopes, np.inf)), _FURTHEST)

    def probe(directions):
        _try_the_radius(search, directions, limits, factors, nudge)
        search.try_rays(directions, strides, halvings)

    search.margin_tolerance = 8 * UNIT * slopes * lengths(rows / search.target.tolerances, norm)
    probe(-ascent)
    rivals = _rivals(search)
    probe(search.project(rows, steps, rivals[0]))
    for rival in rivals[1:]:
        search.try_rays(search.project(rows, max(steps // 4, 1), rival), strides, halvings)
    search.bisect(halvings)
    others = _nearest_others(search, labels, rng) if restarts > 1 else None
    for restart in range(restarts):
        noise = random_directions(rng, rows.shape, norm)
        probe(noise)
        probe(search.ascend(search.along(noise, 0.5 * limits) if restart else rows, limits, steps))
        if restart:
            # As far as the best success: if the ascent crosses the boundary, it finds a nearer one.
            further = np.minimum(np.where(np.isfinite(search.distance), search.distance, 2.0 * strides), _FURTHEST)
            start = _starts(search, others[:, restart - 1 : restart], noise, START * further)
            search.bisect(halvings, np.flatnonzero(search.attempt(start)))
            probe(search.ascend(start, further, steps))
        search.refine(steps // 2 if restart else steps, halvings)
    found = np.isfinite(search.distance)
    probe(normalized(np.where(found[:, None], search.inputs - rows, 0.0) / search.target.tolerances, norm))
    search.bisect(min(3 * steps, 48))


def _rivals(search):
    """The nearest rivals of each row; None, the nearest one at each input, if there are two classes or very many."""
    n_classes = search.target.n_classes
    if not 2 < n_classes <= _MOST_CANDIDATES:
        return [None]
    return search.nearest_rivals(np.tile(np.arange(n_classes), (len(search.rows), 1)), _RIVALS)


def _nearest_others(search, labels, rng):
    """Positions of rows of other labels, the nearest first, of shape (n_rows, n_others); −1 if there are no more."""
    scaled, norm = search.rows / search.target.tolerances, search.target.norm
    chosen = np.sort(rng.permutation(len(scaled))[:_MOST_OTHERS])
    distances = np.stack([lengths(scaled[chosen] - row, norm) for row in scaled])
    distances[labels[:, None] == labels[chosen]] = np.inf
    order = distances.argsort(axis=1)
    return np.where(np.isfinite(np.take_along_axis(distances, order, axis=1)), chosen[order], -1)


def _starts(search, others, noise, sizes):
    """Inputs on the way to rows of other labels, at most there, as they may be on an island; by noise without such."""
    starts = search.along(noise, sizes)
    which, place = np.nonzero(others >= 0)
    offsets = (search.rows[others[which, place]] - search.rows[which]) / search.target.tolerances
    norm = search.target.norm
    starts[which] = search.along(normalized(offsets, norm), np.minimum(sizes[which], lengths(offsets, norm)), which)
    return starts


def _try_the_radius(search, directions, limits, factors, nudge):
    """Try rays at the radius, with steps of one unit in the last place."""
    for factor in factors:
        inputs = search.target.representable(search.along(directions, factor * limits))
        search.attempt(inputs)
        search.attempt(nudge(inputs, directions))


def _outward(target):
    """A function that moves inputs along directions by one unit in the last place of their columns' dtypes."""
    ones, width = np.ones((1, target.rows.shape[1])), None
    for spacing in (2.0**-52, 2.0**-23, 2.0**-10, 1.0):
        holds = target.representable(ones + spacing) != ones
        width = np.where(holds, spacing, 0.0) if width is None else np.where((width == 0) & holds, spacing, width)
    fine = width == 2.0**-52

    def nudge(inputs, directions):
        nearest = np.nextafter(inputs, np.where(directions > 0, np.inf, np.where(directions < 0, -np.inf, inputs)))
        if fine.all():
            return nearest
        # Three quarters of the spacing at 1 is between a half and 1.5 units in the last place.
        coarse = inputs + np.sign(directions) * np.where(width < 1, 0.75 * width * np.abs(inputs), 1.0)
        return np.where(fine, nearest, coarse)

    return nudge
