"""Warnings where a fit is unlikely to be what the user meant: all are cheap, and none changes a result."""

import warnings
from contextlib import suppress
from numbers import Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklip import exceptions
from sklip._heads import Heads
from sklip._stack_level import users_line
from sklip.estimators._units import AUTO_MARGIN, AUTO_TEMPERATURE

# Among data sets of like units, no quarter of the columns ranges over less than 1.1 root-mean-square deviations; among
# raw tables that need scaling, over more than 0.05 (docs/warnings.md).
LEAST_RANGE = 0.1

# Of rows that are drawn alike, the ratio of the two quantiles is below 1; of raw rows beside scaled ones, mostly far
# above it (docs/warnings.md).
UNLIKE_DISTANCES = 1.5

# The next float64 below 1 is reached by the logit 36.7.
SATURATED_LOGIT = 36.7

_SAMPLE = 4096
_MATCHED = 128
_FEWEST_ROWS = 10
_FEWEST_HELD_OUT = 5
_MOST_HEADS = 32  # that are compared; of more classes, others might hold the margin


def _warn(message, kind):
    with suppress(OSError, ValueError):  # standard error is closed; the training shall not be lost for that
        warnings.warn(message, kind, stacklevel=users_line())


def _some(X):
    """At most 4096 of the rows, evenly spread, and at most 8 MB of them, in float64."""
    most = min(_SAMPLE, max(_FEWEST_ROWS, (1 << 20) // X.shape[1]))
    return np.asarray(X[:] if len(X) <= most else X[np.linspace(0, len(X) - 1, most).astype(int)], np.float64)


def small_columns(X):
    """Columns of the least and the greatest range, and the ranges, where the scales are unlike; None elsewhere.

    A range, unlike a deviation, takes a pixel that is seldom lit, or a rare category, for what it is.
    """
    ranges, deviations = np.ptp(X, axis=0), X.std(axis=0)
    varying = np.flatnonzero(ranges > 0)
    if len(X) < _FEWEST_ROWS or len(varying) < 2:
        return None
    typical = np.sqrt(np.mean(deviations[varying] ** 2))
    small = np.quantile(ranges[varying], 0.25, method="lower")
    if small >= LEAST_RANGE * typical:
        return None
    least, most = (varying[pick(ranges[varying])] for pick in (np.argmin, np.argmax))
    return least, most, ranges


def advise_on_scales(X, names, scale):
    """Warn of columns next to which others do not count, as one number divides them all."""
    found = small_columns(_some(X))
    if found is None:
        return
    least, most, ranges = found
    called = [f"column {column}" if names is None else f"column {names[column]!r}" for column in (least, most)]
    _warn(
        f"X has columns of wildly unlike scales: {called[0]} ranges over {ranges[least]:.3g}, {called[1]} over "
        f"{ranges[most]:.3g}. Distances are Euclidean and all columns are divided by one number, scale_ = {scale:.3g}: "
        "the small ones will hardly count. Put a scaler before, as in make_pipeline(StandardScaler(), ...); "
        "sklip.certified_radius(pipeline, X) gives radii in the raw units all the same.",
        exceptions.UnlikeScalesWarning,
    )


def advise_on_held_out_rows(X, X_val):
    """Warn of held-out rows that lie elsewhere than the training rows, as where a pipeline scales the latter alone."""
    if len(X_val) < _FEWEST_HELD_OUT or len(X) < _FEWEST_ROWS:
        return
    X, X_val = _some(X), _some(X_val)
    center = X.mean(axis=0)
    distances = [np.sqrt(np.einsum("ij,ij->i", offsets, offsets)) for offsets in (X - center, X_val - center)]
    (near, usual, far), (near_val, usual_val, far_val) = (np.quantile(one, [0.1, 0.5, 0.9]) for one in distances)
    if near_val <= UNLIKE_DISTANCES * far and far_val * UNLIKE_DISTANCES >= near:
        return
    _warn(
        "The rows of X_val lie elsewhere than those of X: their median distance from the mean of X is "
        f"{usual_val:.3g}, that of the rows of X is {usual:.3g}. If they are in other units, what is watched means "
        "nothing. A pipeline hands X_val on as it is. Transform it like X before, or let the pipeline do so: "
        "Pipeline(..., transform_input=['X_val']) with sklearn.set_config(enable_metadata_routing=True).",
        exceptions.UnlikeHeldOutRowsWarning,
    )


def advise_on_margin(given, rows, scale):
    """Warn of a margin that no 1-Lipschitz function can give the average row.

    By Kantorovich and Rubinstein, the means of f over two classes differ by at most their Wasserstein-1 distance:
    ``min_margin`` on either side needs twice as much. Of at most 128 rows a class.
    """
    if not isinstance(given, Real):
        return
    largest = 0.0
    of_heads = rows.targets.values.T > 0
    for own in of_heads[:_MOST_HEADS]:
        largest = max(largest, _distance_between(rows.X, own))
        if 2.0 * given <= largest:
            return
    if len(of_heads) > _MOST_HEADS:
        return
    _warn(
        f"min_margin = {given:.3g} is more than the data can hold: the rows of different classes are {largest:.3g} "
        f"apart on average, matched as closely as may be, which leaves {largest / 2:.3g} for the margin on either "
        f"side. The hinge cannot vanish. Give less, or 'auto': {AUTO_MARGIN * scale:.3g}.",
        exceptions.UnattainableMarginWarning,
    )


def _distance_between(X, own):
    """Wasserstein-1 distance of a sample of the rows of a class and as large a sample of all others."""
    from scipy.optimize import linear_sum_assignment  # which serving does without
    from scipy.spatial.distance import cdist

    sides = np.flatnonzero(own), np.flatnonzero(~own)
    count = min(_MATCHED, max(1, (1 << 21) // X.shape[1]), *map(len, sides))
    if count == 0:
        return np.inf  # nothing is known
    first, second = (X[np.sort(np.random.default_rng(0).choice(side, count, replace=False))] for side in sides)
    distances = cdist(first, second)
    return float(distances[linear_sum_assignment(distances)].mean())


def advise_on_temperature(given, network, X, scale):
    """Warn of a temperature at which most probabilities are 1 to the last bit: cross-entropy has nothing to teach."""
    if not isinstance(given, Real):
        return
    scores = network.scores(_some(X))
    gaps = Heads.of_scores(scores.shape[1]).gaps(scores)
    saturated = float(np.mean(given * gaps > SATURATED_LOGIT))
    if saturated <= 0.5:
        return
    _warn(
        f"temperature = {given:.3g} saturates: {saturated:.0%} of the training rows have a probability of 1 to the "
        "last bit. Probabilities say no more than predict does, and the loss no longer enlarges radii. Give less, "
        f"around {AUTO_TEMPERATURE:g} / scale_ = {AUTO_TEMPERATURE / scale:.3g}, or 'auto'.",
        exceptions.SaturatedTemperatureWarning,
    )


def advise_on_end(patience, epochs):
    """Warn that a training whose early stopping was to find the end ran out of epochs before it."""
    _warn(
        f"Training stopped at epochs = {epochs} before it converged: what early_stopping watches improved within the "
        f"last n_iter_no_change = {patience} epochs. Give more epochs, or learning_rate_schedule='cosine', which "
        "settles within those that there are.",
        ConvergenceWarning,
    )


def advise_on_interrupt(trained, epochs):
    """Warn that the user ended the training."""
    _warn(
        f"Training interrupted by user: it ended after epoch {trained} of {epochs}. The estimator keeps what it "
        "had learned by then.",
        exceptions.TrainingInterruptedWarning,
    )
