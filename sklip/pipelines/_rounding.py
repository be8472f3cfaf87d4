"""What an affine step's arithmetic costs: how far its results lie from the exact ones, and where it may overflow."""

from collections.abc import Callable

import numpy as np
from scipy import sparse

from sklip._compat import safe_indexing
from sklip.arithmetic.norms import norm_bound
from sklip.arithmetic.rounding import gamma, round_down, round_up
from sklip.pipelines._places import Place
from sklip.pipelines._precision import can_hold, largest, magnitudes, precision, unit_and_underflow
from sklip.pipelines._run import Batch
from sklip.pipelines._steps import Affine
from sklip.rows.missing import filled_with_zeros

Bounds = Callable[[Batch], tuple[np.ndarray, np.ndarray, np.ndarray]]


def precision_of_step(before, after, parameters) -> str:
    """The coarsest precision in which a transformer of scikit-learn's may compute."""
    taken, given = precision(before, native=True), precision(after, *parameters)
    # Steps that return something finer than the float16 they take have converted it first, which is exact; so have
    # those that take floats in another byte order, unless they return some.
    return given if taken == "float16" else min(taken, given)  # "float16" < "float32" < "float64"


def rounding(affine: Affine, place: Place, name: str) -> tuple[float, Bounds]:
    """How an affine step behind a place rounds, if it computes in a precision.

    Each entry is off by ``γ (|A| |z| + offset)`` and underflow, where ``z`` are the computed values before it;
    ``Σ_j ‖a_j‖ |z_j|`` bounds the norm of ``|A| |z|``, with ``‖a_j‖² ≤ ‖a_j‖₁ ‖a_j‖_∞``. A factor that underflows
    is off by as much as a value. At a displacement of 1 they differ by at most the speed of the place and 2 errors.

    Returns
    -------
    error_lipschitz : float
        Bound of the growth of the error after the step per unit of displacement.
    bounds : callable
        From rows before the step to three arrays of shape (n_rows,): bounds of the error after the step, of the part
        that the step adds, and of the displacement up to which nothing overflows, here and before.
    """
    if not affine.operations:
        return place.error_lipschitz, lambda batch: (batch.error, np.zeros(len(batch.error)), batch.room)
    unit, tiny = unit_and_underflow(name)
    if not can_hold(affine.parameters, affine.divisors, name) or affine.operations * unit > 0.1:
        return np.inf, _unbounded
    with np.errstate(all="ignore"):
        size = affine.stage.size
        rate = gamma(affine.operations) * (unit / 2.0**-53) * (1.0 + 4 * affine.operations * unit)
        underflow = np.sqrt(size.shape[0]) * (1.0 + size.sum(axis=1).max(initial=0.0)) * tiny
        lengths = np.sqrt(size.sum(axis=0)) * np.sqrt(size.max(axis=0).toarray().ravel())
        lengths = round_up(lengths, sum(size.shape) + 4)
        norm, whole = affine.stage.loose_norm(), float(norm_bound(round_up(rate * lengths + underflow, 4)))
        growth = round_up(norm * place.error_lipschitz + whole * place.speed, 8) if place.speed else 0.0
        offset, slope, rise = norm_bound(affine.offset), float(norm_bound(lengths)), np.sqrt(max(place.width, 1))
    factors, terms = np.stack([lengths, np.ones(place.width)], axis=1), np.diff(affine.stage.matrix.indptr)
    of_sums = (4 * terms.max(initial=0) + 4) * underflow
    limit = largest(name, affine.operations)
    center = None if affine.center is None else np.abs(np.asarray(affine.center, dtype=np.float64)).max(initial=0.0)

    def bounds(batch):
        with np.errstate(all="ignore"):
            # The norm of the errors of the factors times |z| is made of the same two sums.
            sums = _sums(batch.values, factors)
            within = round_up(rate * sums[:, 0] + underflow * sums[:, 1], 4)
            local = round_up(within + rate * offset + 2.0 * whole * batch.error + of_sums, 8)
            # What is not above 0 is not-a-number: then nothing is bounded.
            error = np.where(local >= 0.0, round_up(norm * batch.error + local, 4), np.inf)
            extent = sums[:, 0] + offset, slope, sums[:, 1], rise
            if name == "float16" and not sparse.issparse(batch.values):
                extent = _close_extent(affine, batch.values)
            return error, local, _room(batch, limit, limit / affine.inner, center, *extent)

    return float(growth), bounds


def _unbounded(batch):
    unbounded = np.full(len(batch.error), np.inf)
    return unbounded, unbounded, np.zeros(len(batch.error))


def _sums(values, factors):
    """Sums of absolute values times factors, rounded up; missing values are constants, and count as 0."""
    sums = magnitudes(values, factors)
    missing = np.flatnonzero(np.isnan(sums[:, -1]))
    if len(missing) and not sparse.issparse(values):
        sums[missing] = magnitudes(filled_with_zeros(safe_indexing(values, missing)), factors)
    return round_up(sums, len(factors) + 4)


def _close_extent(affine, values):
    """Entry by entry: the largest float16 is 65504, and sums over all columns would end radii long before."""
    size, values = affine.stage.size, np.abs(filled_with_zeros(values))
    sizes = (size @ values.T).max(axis=0, initial=0.0) + np.max(affine.offset, initial=0.0)
    slope = np.sqrt(size.multiply(size).sum(axis=1)).max(initial=0.0)
    steps = sum(size.shape) + 8
    return round_up(sizes, steps), float(round_up(slope, steps)), values.max(axis=1, initial=0.0), 1.0


def _room(batch, limit, limit_of_sums, center, sizes, slope, peaks, rise):
    """Displacement up to which no value, and no part of a sum, of a step overflows.

    ``sizes`` bound each entry of ``|A| |z| + offset``, ``peaks`` those of ``|z|``. They grow by ``slope`` and ``rise``
    where ``‖z‖`` grows by 1. Where a center is subtracted first, ``|z| + |center|`` occurs.
    """
    speed = batch.place.speed

    def room(sizes, peaks, error):
        moves = (limit_of_sums - sizes) / max(slope, 1e-300)
        if center is not None:
            moves = np.minimum(moves, (limit - peaks - center) / rise)
        moves = moves - 2.0 * error
        farthest = round_down(moves / round_up(speed), 24) if speed else np.inf
        return np.where(moves >= 0.0, farthest, 0.0)  # 0 for not-a-number as well

    bounds = sizes, peaks, batch.error
    # Where even the worst row has more room than any ordinary radius, all have as much.
    worst = room(*(bound.max(initial=0.0) for bound in bounds)) if len(sizes) > 1 else 0.0
    return np.minimum(batch.room, worst if worst > 2.0**400 else room(*bounds))
