"""Index batches that hold every class, and the class factors that undo their repetitions."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BatchPlan:
    """How the rows of a data set are dealt into the batches of an epoch.

    Every epoch deals each class evenly over all batches, in a fresh random order. A class
    with fewer rows than there are batches is repeated until every batch has one of its rows;
    under ``balanced`` every class is repeated until it has as many as the largest share.

    Attributes
    ----------
    members : tuple of ndarray
        Row numbers of each class.
    slots : tuple of int
        How many rows an epoch draws from each class.
    steps : int
        Batches in an epoch, ceil(rows / batch_size).
    class_factor : ndarray of shape (n_classes,)
        Factor of the rows of each class that gives it, in an expectation over all batches,
        its share of the data set's weight.
    """

    members: tuple[np.ndarray, ...]
    slots: tuple[int, ...]
    steps: int
    class_factor: np.ndarray

    @property
    def holds_every_class(self) -> bool:
        """Whether no batch lacks a class."""
        return min(self.slots) >= self.steps

    def epoch(self, rng: np.random.Generator) -> np.ndarray:
        """Deal one epoch.

        Parameters
        ----------
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of shape (steps, batch), int32
            Row numbers; a batch's length is the drawn rows divided by ``steps``, rounded up,
            with random rows where that leaves a place.
        """
        drawn = []
        for rows, count in zip(self.members, self.slots, strict=True):
            rounds = -(-count // len(rows))
            drawn.append(np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:count])
        missing = -sum(self.slots) % self.steps
        drawn.append(rng.choice(np.concatenate(drawn), size=missing))
        # Dealt one by one in the order of the classes: each batch gets its share of each class,
        # to the row.
        batches = np.concatenate(drawn).reshape(-1, self.steps).T
        return batches[rng.permutation(self.steps)].astype(np.int32)


def plan_batches(labels: np.ndarray, weights: np.ndarray, n_classes: int, batch_size: int, balanced: bool) -> BatchPlan:
    """Plan the batches of a data set.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,), int
        Class numbers, 0 to ``n_classes`` − 1; a class may have no rows.
    weights : ndarray of shape (n_rows,), float
        Positive sample weights.
    n_classes : int
    batch_size : int
    balanced : bool
        Whether every class takes an equal share of each batch; natural shares otherwise.

    Returns
    -------
    BatchPlan
    """
    steps = -(-len(labels) // batch_size)
    present = [np.flatnonzero(labels == label) for label in range(n_classes)]
    members = tuple(rows for rows in present if len(rows))
    least = steps if len(members) <= batch_size else 1
    if balanced:
        slots = (max(-(-len(labels) // len(members)), least),) * len(members)
    else:
        slots = tuple(max(len(rows), least) for rows in members)
    mass = np.bincount(labels, weights, n_classes)
    rows = np.bincount(labels, minlength=n_classes)
    drawn = np.zeros(n_classes)
    drawn[rows > 0] = np.array(slots) * mass[rows > 0] / rows[rows > 0]
    factor = np.ones(n_classes)
    factor[rows > 0] = (mass / mass.sum())[rows > 0] / (drawn / drawn.sum())[rows > 0]
    return BatchPlan(members, slots, steps, factor)
