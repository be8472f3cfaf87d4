"""How far the rows to certify lie outside the training data."""

import warnings

import numpy as np

from sklip._stack_level import users_line
from sklip.exceptions import FarFromTrainingWarning

# If n + 1 rows are drawn from one distribution, the last is the farthest with a probability of 1 / (n + 1). It is the
# farthest by this factor only if the tails are very heavy.
FAR = 3.0


def distance_ratio(classifier, centered, distances):
    """Distances to ``center_`` divided by the largest of a training row; 0 if the largest is not known.

    ``centered`` are the rows without the centre, and ``distances`` their Euclidean lengths; with tolerances, lengths
    are measured in the units of the columns in training.
    """
    farthest, units = getattr(classifier, "_farthest", np.inf), getattr(classifier, "_units", None)
    if not 0 < farthest < np.inf:
        return np.zeros(len(distances))
    if units is not None:
        with np.errstate(over="ignore", under="ignore"):
            scaled = centered / units
            distances = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
    return distances / farthest


class FarRows:
    """Count rows far outside the training data, block by block, and warn of them at the end."""

    def __init__(self, n_rows):
        self._n_rows, self._n_far, self._farthest, self._largest = n_rows, 0, 0, 0.0

    def see(self, start, ratios):
        """Count the far rows of a block by their distance ratios; ``start`` is the position of its first row."""
        self._n_far += int(np.count_nonzero(ratios > FAR))
        farthest = int(np.argmax(ratios))
        if ratios[farthest] > self._largest:
            self._farthest, self._largest = start + farthest, float(ratios[farthest])

    def advise(self):
        """Warn if there were far rows."""
        if not self._n_far:
            return
        warnings.warn(
            f"{self._n_far} of {self._n_rows} rows lie far outside the training data: row {self._farthest} is "
            f"{self._largest:.3g} times as far from its mean as any training row. The radii are proven: the prediction "
            "does not change. But so far out the prediction is a guess, and radii grow with the distance. Check that "
            "these rows are in the units of fit.",
            FarFromTrainingWarning,
            stacklevel=users_line(),
        )
