"""What an affine step's arithmetic costs: how far its results lie from the exact ones, and where it may overflow."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.utils import _safe_indexing

from sklip.arithmetic.norms import norm_bound
from sklip.arithmetic.rounding import gamma, round_down, round_up
from sklip.pipelines._places import Place
from sklip.pipelines._precision import can_hold, largest, magnitudes, precision, unit_and_underflow
from sklip.pipelines._run import Batch
from sklip.pipelines._steps import Affine
from sklip.rows.missing import filled_with_zeros


def precision_of_step(before, after, parameters) -> str:
    """The coarsest precision in which a transformer of scikit-learn's may compute."""
    taken, given = precision(before, native=True), precision(after, *parameters)
    # Steps that return something finer than the float16 they take have converted it first, which is exact; so have
    # those that take floats in another byte order, unless they return some.
    return given if taken == "float16" else min(taken, given)  # "float16" < "float32" < "float64"


@dataclass(frozen=True, eq=False)
class Rounding:
    """How an affine step rounds in some precision, behind some place, whatever the rows.

    Each entry is off by ``γ (|A| |z| + offset)`` and underflow, where ``z`` are the computed values before it;
    ``Σ_j ‖a_j‖ |z_j|`` bounds the norm of ``|A| |z|``, with ``‖a_j‖² ≤ ‖a_j‖₁ ‖a_j‖_∞``. A factor that underflows
    is off by as much as a value. At a displacement of 1 they differ by at most ``lipschitz + 2 error + error_lipschitz``.

    Attributes
    ----------
    affine : Affine
    precision : str
    norm : float
        Bound of the norm of the matrix.
    rate : float
        Error per size of the result; infinite where nothing is bounded.
    underflow : float
        Error per size of the values before.
    factors : ndarray of shape (width, 2)
        Bounds of ``‖a_j‖``, and ones.
    total_rate : float
        Error per ``‖z‖``.
    offset : float
        Bound of the norm of the offset.
    underflow_of_sums : float
        Error at ``z = 0`` where there is no offset.
    slope : float
        Bound of the norm of the ``‖a_j‖``.
    error_lipschitz : float
        Bound of the growth of the error after the step per unit of displacement.
    """

    affine: Affine
    precision: str
    norm: float = np.inf
    rate: float = np.inf
    underflow: float = np.inf
    factors: np.ndarray | None = None
    total_rate: float = np.inf
    offset: float = np.inf
    underflow_of_sums: float = np.inf
    slope: float = np.inf
    error_lipschitz: float = np.inf

    @classmethod
    def of(cls, affine: Affine, place: Place, name: str) -> "Rounding":
        """The rounding of a step that computes in a precision."""
        unit, tiny = unit_and_underflow(name)
        if not can_hold(affine.parameters, affine.divisors, name) or affine.operations * unit > 0.1:
            return cls(affine, name)
        with np.errstate(all="ignore"):
            size = affine.stage.size
            rate = gamma(affine.operations) * (unit / 2.0**-53) * (1.0 + 4 * affine.operations * unit)
            underflow = np.sqrt(size.shape[0]) * (1.0 + size.sum(axis=1).max(initial=0.0)) * tiny
            lengths = np.sqrt(size.sum(axis=0)) * np.sqrt(size.max(axis=0).toarray().ravel())
            lengths = round_up(lengths, sum(size.shape) + 4)
            norm, total_rate = affine.stage.loose_norm(), float(norm_bound(round_up(rate * lengths + underflow, 4)))
            growth = norm * place.error_lipschitz + total_rate * place.speed
            return cls(
                affine,
                name,
                norm,
                rate,
                underflow,
                np.stack([lengths, np.ones(place.width)], axis=1),
                total_rate,
                norm_bound(affine.offset),
                (4 * np.diff(affine.stage.matrix.indptr).max(initial=0) + 4) * underflow,
                float(norm_bound(lengths)),
                float(round_up(growth, 8)) if place.lipschitz or place.error_lipschitz else 0.0,
            )

    def bounds(self, batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bounds for rows that come to the step.

        Returns
        -------
        error : ndarray of shape (n_rows,)
            Of ``‖computed − exact‖`` after the step.
        local : ndarray of shape (n_rows,)
            The part of it that this step adds.
        room : ndarray of shape (n_rows,)
            Displacement up to which nothing overflows, here and before.
        """
        if self.rate == np.inf:
            unbounded = np.full(len(batch.error), np.inf)
            return unbounded, unbounded, np.zeros(len(batch.error))
        with np.errstate(all="ignore"):
            # Σ_j rates_j |z_j| is made of the same two sums.
            sums = _sums(batch.values, self.factors)
            within = round_up(self.rate * sums[:, 0] + self.underflow * sums[:, 1], 4)
            within = within + self.rate * self.offset + 2.0 * self.total_rate * batch.error
            local = round_up(within + self.underflow_of_sums, 8)
            # What is not above 0 is not-a-number: then nothing is bounded.
            error = np.where(local >= 0.0, round_up(self.norm * batch.error + local, 4), np.inf)
            if self.precision == "float16" and not sparse.issparse(batch.values):
                extent = _close_extent(self.affine, batch.values)
            else:
                extent = Extent(sums[:, 0] + self.offset, self.slope, sums[:, 1], np.sqrt(max(len(self.factors), 1)))
            return error, local, _room(self.affine, batch, largest(self.precision, self.affine.operations), extent)


def _sums(values, factors):
    """Sums of absolute values times factors, rounded up; missing values are constants, and count as 0."""
    sums = magnitudes(values, factors)
    missing = np.flatnonzero(np.isnan(sums[:, -1]))
    if len(missing) and not sparse.issparse(values):
        sums[missing] = magnitudes(filled_with_zeros(_safe_indexing(values, missing)), factors)
    return round_up(sums, len(factors) + 4)


@dataclass(frozen=True, eq=False)
class Extent:
    """Bounds of the sizes within a step, and of their growth where ``‖z‖`` grows by 1.

    ``sizes`` and ``slope`` are about each entry of ``|A| |z| + offset``, ``peaks`` and ``rise`` about each of ``|z|``.
    """

    sizes: np.ndarray
    slope: float
    peaks: np.ndarray
    rise: float


def _close_extent(affine, values):
    """Entry by entry: the largest float16 is 65504, and sums over all columns would end radii long before."""
    size, values = affine.stage.size, np.abs(filled_with_zeros(values))
    sizes = (size @ values.T).max(axis=0, initial=0.0) + np.max(affine.offset, initial=0.0)
    slope = np.sqrt(size.multiply(size).sum(axis=1)).max(initial=0.0)
    steps = sum(size.shape) + 8
    return Extent(round_up(sizes, steps), float(round_up(slope, steps)), values.max(axis=1, initial=0.0), 1.0)


def _room(affine, batch, limit, extent):
    """Displacement up to which no value, and no part of a sum, of a step overflows.

    Sums are at most ``inner (|A| |z| + offset)``; and ``|z| + |center|`` occurs where the center is subtracted first.
    """
    center = None if affine.center is None else np.abs(np.asarray(affine.center, dtype=np.float64)).max(initial=0.0)
    speed = batch.place.speed

    def room(sizes, peaks, error):
        moves = (limit / affine.inner - sizes) / max(extent.slope, 1e-300)
        if center is not None:
            moves = np.minimum(moves, (limit - peaks - center) / extent.rise)
        moves = moves - 2.0 * error
        farthest = round_down(moves / round_up(speed), 24) if speed else np.inf
        return np.where(moves >= 0.0, farthest, 0.0)  # 0 for not-a-number as well

    bounds = extent.sizes, extent.peaks, batch.error
    worst = room(*(bound.max(initial=0.0) for bound in bounds))
    # Where even the worst row has more room than any ordinary radius, all have as much.
    return np.minimum(batch.room, worst if worst > 2.0**400 else room(*bounds))
