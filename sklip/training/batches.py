"""Batches of row numbers that hold every class, and class factors that correct for repeated rows."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BatchPlan:
    """How the rows of a data set are distributed over the batches of an epoch.

    Every epoch distributes the rows of each class evenly over all batches, in a new random order. A
    class with fewer rows than there are batches is repeated until every batch has one of its rows.
    If ``balanced``, an epoch has the same number of rows of every class.

    Attributes
    ----------
    members : tuple of ndarray
        Row numbers of each class.
    slots : tuple of int
        Number of rows that an epoch draws from each class.
    steps : int
        Number of batches in an epoch, ceil(rows / batch_size).
    class_factor : ndarray of shape (n_classes,)
        Factor of the weights of the rows of each class. With it, the class has the same share of
        the weight in an expectation over all batches as in the data set.
    """

    members: tuple[np.ndarray, ...]
    slots: tuple[int, ...]
    steps: int
    class_factor: np.ndarray

    @property
    def holds_every_class(self) -> bool:
        """True if every batch has rows of every class."""
        return min(self.slots) >= self.steps

    def epoch(self, rng: np.random.Generator) -> np.ndarray:
        """Draw the batches of one epoch.

        Parameters
        ----------
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of shape (steps, batch), int32
            Row numbers. The length of a batch is the number of drawn rows divided by ``steps``,
            rounded up; random rows fill the batches.
        """
        drawn = []
        for rows, count in zip(self.members, self.slots, strict=True):
            rounds = -(-count // len(rows))
            drawn.append(np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:count])
        missing = -sum(self.slots) % self.steps
        drawn.append(rng.choice(np.concatenate(drawn), size=missing))
        # The rows go to the batches in turn, class after class, so each batch gets its share of each
        # class to within one row.
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
        Whether all classes have equal shares of each batch; they keep their shares of the data otherwise.

    Returns
    -------
    BatchPlan
    """
    steps = -(-len(labels) // batch_size)
    present = [np.flatnonzero(labels == label) for label in range(n_classes)]
    members = tuple(rows for rows in present if len(rows))
    min_slots = steps if len(members) <= batch_size else 1
    if balanced:
        slots = (max(-(-len(labels) // len(members)), min_slots),) * len(members)
    else:
        slots = tuple(max(len(rows), min_slots) for rows in members)
    mass = np.bincount(labels, weights, n_classes)
    rows = np.bincount(labels, minlength=n_classes)
    drawn = np.zeros(n_classes)
    drawn[rows > 0] = np.array(slots) * mass[rows > 0] / rows[rows > 0]
    factor = np.ones(n_classes)
    factor[rows > 0] = (mass / mass.sum())[rows > 0] / (drawn / drawn.sum())[rows > 0]
    return BatchPlan(members, slots, steps, factor)
