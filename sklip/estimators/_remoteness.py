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


def _blocks(classifier, X):
    """Slices of rows, and their distances to ``center_`` as multiples of the largest of a training row, where known."""
    farthest = getattr(classifier, "_farthest", np.inf)
    if not 0 < farthest < np.inf:
        return
    for start in range(0, len(X), 512):
        with np.errstate(over="ignore"):
            distances = np.linalg.norm(X[start : start + 512] - classifier.network_.center, axis=1)
            yield slice(start, start + len(distances)), distances / farthest


def remoteness(classifier, X):
    """Distances of rows to ``center_`` as multiples of the largest of a training row; 0 where that is not known."""
    multiples = np.zeros(len(X))
    for rows, found in _blocks(classifier, X):
        multiples[rows] = found
    return multiples


def advise_on_far_rows(multiples):
    """Warn of rows far outside the training data, of which ``multiples`` tell the remoteness."""
    multiples = np.atleast_1d(multiples)
    _advise([(slice(0, len(multiples)), multiples)], len(multiples))


def advise_on_rows(classifier, X):
    """Warn of rows far outside the training data of a classifier, without an array of their remoteness."""
    _advise(_blocks(classifier, X), len(X))


def _advise(blocks, n_rows):
    far, worst, most = 0, 0, 0.0
    for rows, multiples in blocks:
        far += int(np.count_nonzero(multiples > FAR))
        farthest = int(np.argmax(multiples)) if len(multiples) else 0
        if len(multiples) and multiples[farthest] > most:
            worst, most = rows.start + farthest, float(multiples[farthest])
    if not far:
        return
    warnings.warn(
        f"{far} of {n_rows} rows lie far outside the training data: row {worst} is {most:.3g} "
        "times as far from its mean as any training row. The radii are proven all the same: the prediction does not "
        "change. But it is a guess so far out, and radii grow with the distance. Check that these rows are in the "
        "units of fit.",
        FarFromTrainingWarning,
        stacklevel=users_line(),
    )
