"""How far outside the training data a certificate is asked for."""

import warnings

import numpy as np

from sklip._stack_level import users_line
from sklip.exceptions import FarFromTrainingWarning

# Of n rows drawn alike, the next is farther out than all with a chance of 1 / (n + 1); by this factor, only where tails
# are very heavy.
FAR = 3.0


def farthest_distance(X, center):
    """The largest distance of rows to the centre."""
    largest = 0.0
    for start in range(0, len(X), 512):
        offsets = X[start : start + 512] - center
        largest = max(largest, float(np.einsum("ij,ij->i", offsets, offsets).max()))
    return float(np.sqrt(largest))


def remoteness(classifier, X):
    """Distances of rows to ``center_`` as multiples of the largest of a training row; 0 where that is not known."""
    farthest = getattr(classifier, "_farthest", np.inf)
    if not 0 < farthest < np.inf:
        return np.zeros(len(X))
    distances = np.empty(len(X))
    with np.errstate(over="ignore"):
        for start in range(0, len(X), 512):
            distances[start : start + 512] = np.linalg.norm(X[start : start + 512] - classifier.center_, axis=1)
        return distances / farthest


def advise_on_far_rows(multiples):
    """Warn of rows far outside the training data, of which ``multiples`` tell the remoteness."""
    far = int(np.count_nonzero(multiples > FAR))
    if not far:
        return
    worst = int(np.argmax(multiples))
    warnings.warn(
        f"{far} of {len(multiples)} rows lie far outside the training data: row {worst} is {multiples[worst]:.3g} "
        "times as far from its mean as any training row. The radii are proven all the same: the prediction does not "
        "change. But it is a guess so far out, and radii grow with the distance. Check that these rows are in the "
        "units of fit.",
        FarFromTrainingWarning,
        stacklevel=users_line(),
    )
