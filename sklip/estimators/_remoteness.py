"""How far outside the training data a certificate is asked for."""

import warnings

import numpy as np

from sklip._stack_level import users_line
from sklip.exceptions import FarFromTrainingWarning

# Of n rows drawn alike, the next is farther out than all with a chance of 1 / (n + 1); by this factor, only where tails
# are very heavy.
FAR = 3.0


def remoteness(classifier, distances):
    """Distances to ``center_`` as multiples of the largest of a training row; 0 where that is not known."""
    farthest = getattr(classifier, "_farthest", np.inf)
    return distances / farthest if 0 < farthest < np.inf else np.zeros(len(distances))


class FarRows:
    """Counts rows far outside the training data, block by block, and warns of them in the end."""

    def __init__(self, n_rows):
        self._n_rows, self._far, self._worst, self._most = n_rows, 0, 0, 0.0

    def see(self, start, multiples):
        """Take note of the remoteness of a block of rows, of which the first has the number ``start``."""
        self._far += int(np.count_nonzero(multiples > FAR))
        farthest = int(np.argmax(multiples))
        if multiples[farthest] > self._most:
            self._worst, self._most = start + farthest, float(multiples[farthest])

    def advise(self):
        """Warn if there were any."""
        if not self._far:
            return
        warnings.warn(
            f"{self._far} of {self._n_rows} rows lie far outside the training data: row {self._worst} is "
            f"{self._most:.3g} times as far from its mean as any training row. The radii are proven all the same: the "
            "prediction does not change. But it is a guess so far out, and radii grow with the distance. Check that "
            "these rows are in the units of fit.",
            FarFromTrainingWarning,
            stacklevel=users_line(),
        )
