"""How scores decide for a class: the only module that distinguishes one score from several."""

from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class Heads:
    """The number and the meaning of the scores for a number of classes.

    Two classes have one score, whose sign decides: above 0 it means the second class. Three classes or more have one
    score per class, and the largest score decides.

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
        """Index on the axis of the scores; it drops this axis if there is one score."""
        return 0 if self.n_classes == 2 else slice(None)

    def own(self, class_indices: np.ndarray) -> np.ndarray:
        """Return whether each score stands for the class of each row, of shape (n_rows, n_scores)."""
        return class_indices[:, None] == self.classes

    def class_indices(self, scores: np.ndarray) -> np.ndarray:
        """Return the predicted classes, of shape (n_rows,), for scores of shape (n_rows, n_scores)."""
        return (scores[:, 0] > 0).astype(np.intp) if self.n_classes == 2 else scores.argmax(axis=1)

    def columns(self, scores: np.ndarray) -> np.ndarray:
        """Return one column per class, of shape (n_rows, n_classes): one score f becomes −f and f."""
        return np.concatenate([-scores, scores], axis=1) if self.n_classes == 2 else scores

    def gaps(self, scores: np.ndarray) -> np.ndarray:
        """Return the lead of the predicted class over the next, of shape (n_rows,): ``|f|`` for one score f."""
        if self.n_classes == 2:
            return np.abs(scores[:, 0])
        second, best = np.partition(scores, -2, axis=1)[:, -2:].T
        return best - second
