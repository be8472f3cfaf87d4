"""What the scores of a network say about classes: the one place that tells one score from several."""

from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class Heads:
    """The scores for a number of classes.

    Two classes have one score, whose sign decides: above 0 it means the second class. More classes have one score
    each, and the largest decides.

    Attributes
    ----------
    n_classes : int
    """

    n_classes: int

    @classmethod
    @cache  # every prediction asks
    def of_scores(cls, n_scores: int) -> "Heads":
        """Return the heads of a network that has this number of scores."""
        return cls(max(2, n_scores))

    @property
    def n_scores(self) -> int:
        """Number of scores."""
        return 1 if self.n_classes == 2 else self.n_classes

    @property
    def classes(self) -> np.ndarray:
        """The class that each score stands for, of shape (n_scores,)."""
        return np.arange(self.n_classes)[-self.n_scores :]

    @property
    def index(self) -> int | slice:
        """Index on the axis of the scores that leaves this axis out where there is one score."""
        return 0 if self.n_classes == 2 else slice(None)

    def own(self, class_indices: np.ndarray) -> np.ndarray:
        """Whether each score stands for the class of each row, of shape (n_rows, n_scores)."""
        return class_indices[:, None] == self.classes

    def class_indices(self, scores: np.ndarray) -> np.ndarray:
        """Classes that scores of shape (n_rows, n_scores) decide for, of shape (n_rows,)."""
        return (scores[:, 0] > 0).astype(np.intp) if self.n_classes == 2 else scores.argmax(axis=1)

    def columns(self, scores: np.ndarray) -> np.ndarray:
        """Return one column per class, of shape (n_rows, n_classes): one score f becomes −f and f."""
        return np.concatenate([-scores, scores], axis=1) if self.n_classes == 2 else scores

    def gaps(self, scores: np.ndarray) -> np.ndarray:
        """Return the lead of the class that is decided for, of shape (n_rows,): the size of one score."""
        if self.n_classes == 2:
            return np.abs(scores[:, 0])
        second, best = np.partition(scores, -2, axis=1)[:, -2:].T
        return best - second
