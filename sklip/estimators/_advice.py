"""Warnings of fits that the user probably did not intend. They are cheap and do not change a result."""

import warnings
from contextlib import suppress
from numbers import Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklip import exceptions
from sklip._heads import Heads
from sklip._stack_level import users_line
from sklip.certification._question import EUCLIDEAN
from sklip.estimators._units import AUTO_MARGIN, AUTO_TEMPERATURE
from sklip.rows.images import looks_channels_first

# The lower quartile of the ranges of columns, in root-mean-square deviations, is at least 1.1 in data sets with similar
# units, and at most 0.05 in raw tables that need scaling (docs/warnings.md).
SMALL_RANGE = 0.1

# The ratio of the two quantiles is below 1 for rows of one distribution; it is mostly far above 1 for raw rows compared
# with scaled rows (docs/warnings.md).
UNLIKE_DISTANCES = 1.5

# At this logit, the probability is the largest float64 below 1.
SATURATED_LOGIT = 36.7

_METRICS = {1: "cityblock", 2: "euclidean", np.inf: "chebyshev"}
_NAMED = {1: "sums over the columns", 2: "Euclidean", np.inf: "the largest of any column"}

_MAX_SAMPLE = 4096
_MAX_MATCHED = 128
_MIN_ROWS = 10
_MIN_HELD_OUT = 5
_MAX_HEADS = 32  # heads that are compared; with more classes, the margin may be attainable for another one


def _warn(message, kind):
    with suppress(OSError, ValueError):  # if standard error is closed, the training must not be lost
        warnings.warn(message, kind, stacklevel=users_line())


def _sample(X):
    """At most 4096 rows, evenly spread, and at most 8 MB of them, in float64."""
    size = min(_MAX_SAMPLE, max(_MIN_ROWS, (1 << 20) // X.shape[1]))
    return np.asarray(X[:] if len(X) <= size else X[np.linspace(0, len(X) - 1, size).astype(int)], np.float64)


def small_columns(X):
    """Columns of the smallest and the largest range, and the ranges, if the scales differ much; None otherwise.

    A standard deviation would mistake a pixel that is rarely lit, or a rare category, for a small unit; a range does
    not.
    """
    ranges, deviations = np.ptp(X, axis=0), X.std(axis=0)
    varying = np.flatnonzero(ranges > 0)
    if len(X) < _MIN_ROWS or len(varying) < 2:
        return None
    typical = np.sqrt(np.mean(deviations[varying] ** 2))
    small = np.quantile(ranges[varying], 0.25, method="lower")
    if small >= SMALL_RANGE * typical:
        return None
    smallest, largest = (varying[pick(ranges[varying])] for pick in (np.argmin, np.argmax))
    return smallest, largest, ranges


def advise_on_scales(X, names, scale, question=EUCLIDEAN):
    """Warn of columns so large that others hardly matter, since one number divides all of them; not with tolerances."""
    if question.tolerances is not None:
        return
    found = small_columns(_sample(X))
    if found is None:
        return
    *columns, ranges = found
    small, large = (f"column {column}" if names is None else f"column {names[column]!r}" for column in columns)
    _warn(
        f"X has columns with very different scales: {small} has a range of {ranges[columns[0]]:.3g}, {large} of "
        f"{ranges[columns[1]]:.3g}. Distances are {_NAMED[question.norm]}, and all columns are divided by one number, "
        f"scale_ = {scale:.3g}, so small columns hardly matter. Put a scaler before the estimator, as in "
        "make_pipeline(StandardScaler(), ...); sklip.certified_radius(pipeline, X) still gives radii in the raw units.",
        exceptions.UnlikeScalesWarning,
    )


def advise_on_channels(shape):
    """Warn of images whose first axis looks like that of the channels: convolutions would run over the colours."""
    if looks_channels_first(shape):
        _warn(
            f"Images of shape {shape} look as if their channels came first: sklip reads an image as (height, width, "
            "channels). Move the channels to the last axis, with numpy.moveaxis(X, 1, -1).",
            exceptions.ChannelsFirstWarning,
        )


def advise_on_held_out_rows(X, X_val, tolerances=None):
    """Warn of held-out rows far from the training rows: for example, a pipeline may scale only the training rows."""
    if len(X_val) < _MIN_HELD_OUT or len(X) < _MIN_ROWS:
        return
    units = 1.0 if tolerances is None else np.where(tolerances > 0, tolerances, np.inf)  # fixed columns do not count
    X, X_val = _sample(X) / units, _sample(X_val) / units
    center = X.mean(axis=0)
    distances = [np.sqrt(np.einsum("ij,ij->i", offsets, offsets)) for offsets in (X - center, X_val - center)]
    (near, usual, far), (near_val, usual_val, far_val) = (np.quantile(one, [0.1, 0.5, 0.9]) for one in distances)
    if near_val <= UNLIKE_DISTANCES * far and far_val * UNLIKE_DISTANCES >= near:
        return
    _warn(
        "The rows of X_val do not lie where those of X lie: their median distance from the mean of X is "
        f"{usual_val:.3g}; that of the rows of X is {usual:.3g}. If they are in other units, the numbers on held-out "
        "rows mean nothing. A pipeline passes X_val on unchanged. Transform it like X first, or let the pipeline do "
        "so: Pipeline(..., transform_input=['X_val']) with sklearn.set_config(enable_metadata_routing=True).",
        exceptions.UnlikeHeldOutRowsWarning,
    )


def advise_on_margin(given, rows, scale, question):
    """Warn of a margin that no 1-Lipschitz function can give the average row.

    By Kantorovich and Rubinstein, the means of f over two classes differ by at most the Wasserstein-1 distance W of
    the classes. A margin of ``min_margin`` for both needs a difference of ``2 min_margin``. W is computed for at most
    128 rows per class.
    """
    if not isinstance(given, Real) or question.fixed is not None:  # fixed columns alone may separate the classes
        return
    largest = 0.0
    of_heads = rows.targets.values.T > 0
    for own in of_heads[:_MAX_HEADS]:
        largest = max(largest, _distance_between(rows.X, own, question))
        if 2.0 * given <= largest:
            return
    if len(of_heads) > _MAX_HEADS:
        return
    _warn(
        f"min_margin = {given:.3g} is too large for the data: the mean distance of optimally matched rows of different "
        f"classes is {largest:.3g}, so a margin of at most {largest / 2:.3g} is possible. The hinge cannot vanish. "
        f"Give a smaller number, or 'auto', which is {AUTO_MARGIN[question.norm] * scale:.3g} here.",
        exceptions.UnattainableMarginWarning,
    )


def _distance_between(X, own, question):
    """Wasserstein-1 distance between samples of equal size of the rows of a class and of all other rows."""
    from scipy.optimize import linear_sum_assignment  # serving does not need it
    from scipy.spatial.distance import cdist

    sides = np.flatnonzero(own), np.flatnonzero(~own)
    count = min(_MAX_MATCHED, max(1, (1 << 21) // X.shape[1]), *map(len, sides))
    if count == 0:
        return np.inf  # nothing is known
    first, second = (X[np.sort(np.random.default_rng(0).choice(side, count, replace=False))] for side in sides)
    if question.tolerances is not None:
        first, second = first / question.tolerances, second / question.tolerances
    distances = cdist(first, second, _METRICS[question.norm])
    return float(distances[linear_sum_assignment(distances)].mean())


def advise_on_temperature(given, network, X, scale, norm):
    """Warn of a temperature at which most probabilities round to 1, so that cross-entropy has no gradient."""
    if not isinstance(given, Real):
        return
    scores = network.scores(_sample(X))
    gaps = Heads.of_scores(scores.shape[1]).gaps(scores)
    factor = AUTO_TEMPERATURE[norm]
    saturated = float(np.mean(given * gaps > SATURATED_LOGIT))
    if saturated <= 0.5:
        return
    _warn(
        f"temperature = {given:.3g} is too large: for {saturated:.0%} of the training rows, a probability rounds to 1. "
        "Probabilities then say no more than predict does, and the loss no longer enlarges radii. Give a smaller "
        f"number, around {factor:g} / scale_ = {factor / scale:.3g}, or 'auto'.",
        exceptions.SaturatedTemperatureWarning,
    )


def advise_on_constant(constants, spreads, scale):
    """Warn of a stated Lipschitz constant that is far from the spread of a target over that of the rows."""
    typical = spreads / scale
    small, large = constants < 0.1 * typical, constants > 100.0 * typical
    if not (small | large).any():
        return
    target = int(np.flatnonzero(small | large)[0])
    consequence = (
        "Predictions can hardly change between rows. Give a larger number"
        if small[target]
        else "It limits nothing, and bands are wide. Give a smaller number"
    )
    _warn(
        f"lipschitz = {constants[target]:.3g} is probably not in the units of the data: the target has a standard "
        f"deviation of {spreads[target]:.3g}, and the rows lie about {scale:.3g} from their mean. {consequence}, "
        f"around {typical[target]:.3g}, or 'auto'.",
        exceptions.UnlikeConstantWarning,
    )


def advise_on_end(patience, epochs):
    """Warn that training ran out of epochs before early stopping ended it."""
    _warn(
        f"Training stopped at epochs = {epochs} before it converged: the number that early_stopping monitors improved "
        f"within the last n_iter_no_change = {patience} epochs. Give more epochs, or learning_rate_schedule='cosine', "
        "which settles within the given epochs.",
        ConvergenceWarning,
    )


def advise_on_interrupt(trained, epochs):
    """Warn that the user ended the training."""
    _warn(
        f"Training interrupted by user: it ended after epoch {trained} of {epochs}. The estimator keeps what it "
        "learned until then.",
        exceptions.TrainingInterruptedWarning,
    )
