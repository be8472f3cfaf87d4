"""What an affine step's arithmetic costs: how far its results lie from the exact ones, and where it may overflow."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from sklip._compat import safe_indexing
from sklip.arithmetic.norms import norm_bound
from sklip.arithmetic.rounding import gamma, round_down, round_up
from sklip.pipelines._missing import filled_with_zeros
from sklip.pipelines._point import Point
from sklip.pipelines._precision import can_hold, largest, magnitudes, precision, unit_and_underflow
from sklip.pipelines._steps import Affine


@dataclass(frozen=True, eq=False)
class Rounding:
    """Bounds after a step.

    Attributes
    ----------
    error : ndarray of shape (n_rows,)
        Of ``‖computed − exact‖``.
    growth : float
        Of the growth of ``error`` per unit of displacement.
    room : ndarray of shape (n_rows,)
        Displacement up to which nothing overflows, here and before.
    local : ndarray of shape (n_rows,)
        The part of ``error`` that this step adds.
    """

    error: np.ndarray
    growth: float
    room: np.ndarray
    local: np.ndarray


def precision_of_step(before, after, parameters) -> str:
    """The coarsest precision in which a transformer of scikit-learn's may compute."""
    taken, given = precision(before, native=True), precision(after, *parameters)
    # Steps that return something finer than the float16 they take have converted it first, which is exact; so have
    # those that take floats in another byte order, unless they return some.
    return given if taken == "float16" else min(taken, given)  # "float16" < "float32" < "float64"


def rounding(affine: Affine, point: Point, name: str) -> Rounding:
    """Bounds after an affine step that computes in a precision.

    Each entry is off by ``γ (|A| |z| + offset)`` and underflow, where ``z`` are the computed values before it;
    ``Σ_j ‖a_j‖ |z_j|`` bounds the norm of ``|A| |z|``, with ``‖a_j‖² ≤ ‖a_j‖₁ ‖a_j‖_∞``. A factor that underflows
    is off by as much as a value. At a displacement of 1 they differ by at most ``reach + 2 error + growth``.
    """
    n_rows = len(point.error)
    if not affine.operations:
        return Rounding(point.error, point.growth, point.room, np.zeros(n_rows))
    if not can_hold(affine.parameters, affine.divisors, name) or affine.operations * unit_and_underflow(name)[0] > 0.1:
        unbounded = np.full(n_rows, np.inf)
        return Rounding(unbounded, np.inf, np.zeros(n_rows), unbounded)
    with np.errstate(all="ignore"):
        return _bounds(affine, point, name)


def _bounds(affine, point, name):
    """The bounds of a step whose parameters the precision holds."""
    stage, (unit, tiny) = affine.stage, unit_and_underflow(name)
    rate = gamma(affine.operations) * (unit / 2.0**-53) * (1.0 + 4 * affine.operations * unit)
    lost = np.sqrt(stage.size.shape[0]) * (1.0 + stage.size.sum(axis=1).max(initial=0.0)) * tiny
    lengths = np.sqrt(stage.size.sum(axis=0)) * np.sqrt(stage.size.max(axis=0).toarray().ravel())
    lengths = round_up(lengths, sum(stage.size.shape) + 4)
    rates = round_up(rate * lengths + lost, 4)
    most = np.diff(stage.matrix.indptr).max(initial=0)
    spread, whole, offset = stage.loose_norm(), float(norm_bound(rates)), norm_bound(affine.offset)
    # Σ_j rates_j |z_j| is made of the same two sums.
    sums = _sums(point, np.stack([lengths, np.ones(point.width)], axis=1))
    within = round_up(rate * sums[:, 0] + lost * sums[:, 1], 4)
    local = round_up(within + rate * offset + 2.0 * whole * point.error + (4 * most + 4) * lost, 8)
    growth = spread * point.growth + whole * (point.reach + point.growth)
    growth = round_up(growth, 8) if point.reach or point.growth else 0.0
    # What is not above 0 is not-a-number: then nothing is bounded.
    error = np.where(local >= 0.0, round_up(spread * point.error + local, 4), np.inf)
    if name == "float16" and not sparse.issparse(point.values):
        extent = _close_extent(affine, point)
    else:
        extent = Extent(sums[:, 0] + offset, float(norm_bound(lengths)), sums[:, 1], np.sqrt(max(point.width, 1)))
    room = _room(affine, point, largest(name, affine.operations), extent)
    return Rounding(error, float(growth), room, local)


def _sums(point, factors):
    """Sums of absolute values times factors, rounded up; missing values are constants, and count as 0."""
    sums = magnitudes(point.values, factors)
    missing = np.flatnonzero(np.isnan(sums[:, -1]))
    if len(missing) and not sparse.issparse(point.values):
        sums[missing] = magnitudes(filled_with_zeros(safe_indexing(point.values, missing)), factors)
    return round_up(sums, point.width + 4)


@dataclass(frozen=True, eq=False)
class Extent:
    """Bounds of the sizes within a step, and of their growth where ``‖z‖`` grows by 1.

    ``sizes`` and ``slope`` are about each entry of ``|A| |z| + offset``, ``peaks`` and ``rise`` about each of ``|z|``.
    """

    sizes: np.ndarray
    slope: float
    peaks: np.ndarray
    rise: float


def _close_extent(affine, point):
    """Entry by entry: the largest float16 is 65504, and sums over all columns would end radii long before."""
    size, values = affine.stage.size, np.abs(filled_with_zeros(point.values))
    sizes = (size @ values.T).max(axis=0, initial=0.0) + np.max(affine.offset, initial=0.0)
    slope = np.sqrt(size.multiply(size).sum(axis=1)).max(initial=0.0)
    steps = sum(size.shape) + 8
    return Extent(round_up(sizes, steps), float(round_up(slope, steps)), values.max(axis=1, initial=0.0), 1.0)


def _room(affine, point, limit, extent):
    """Displacement up to which no value, and no part of a sum, of a step overflows.

    Sums are at most ``inner (|A| |z| + offset)``; and ``|z| + |center|`` occurs where the center is subtracted first.
    """
    center = None if affine.center is None else np.abs(np.asarray(affine.center, dtype=np.float64)).max(initial=0.0)
    speed = point.reach + point.growth

    def room(sizes, peaks, error):
        moves = (limit / affine.inner - sizes) / max(extent.slope, 1e-300)
        if center is not None:
            moves = np.minimum(moves, (limit - peaks - center) / extent.rise)
        moves = moves - 2.0 * error
        farthest = round_down(moves / round_up(speed), 24) if speed else np.inf
        return np.where(moves >= 0.0, farthest, 0.0)  # 0 for not-a-number as well

    bounds = extent.sizes, extent.peaks, point.error
    worst = room(*(bound.max(initial=0.0) for bound in bounds))
    # Where even the worst row has more room than any ordinary radius, all have as much.
    return np.minimum(point.room, worst if worst > 2.0**400 else room(*bounds))
