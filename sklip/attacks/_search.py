"""The moves of every attack: try inputs, project on the linearised boundary, bisect."""

from collections.abc import Callable

import numpy as np

from sklip.attacks._geometry import confine, lengths_above, normalized, steepest, strictly_inside
from sklip.attacks._target import Target

# A step to the linearised boundary is longer by this factor, so that it crosses the boundary if that is linear.
_OVERSHOOT = 1e-6

# Distances at which a ray is tried, in strides, if no success is known for its row.
_BEYOND = (1.01, 1.1, 1.5, 2.0, 4.0, 8.0, 64.0)

# Where ascents start, as a share of how far they may go.
START = 0.75

# Length of the first step of an ascent, in radii, times the number of steps.
_FIRST_STEP = 8.0


class Search:
    """Some rows of a target, and the nearest success found for each.

    A success is an input whose prediction differs from that of its row.

    Parameters
    ----------
    target : Target
    index : ndarray of shape (n_rows,)
        Positions of the rows in the target.
    differs : callable
        ``differs(inputs, which)``: whether each of the inputs, of shape (k, n_features), is a
        success, of shape (k,); ``which``, of shape (k,), holds the positions of their rows in
        ``index``.
    """

    def __init__(self, target: Target, index: np.ndarray, differs: Callable[[np.ndarray, np.ndarray], np.ndarray]):
        self.target, self.index, self.differs = target, index, differs
        self.rows, self.radii = target.rows[index], target.radii[index]
        self.all_rows = np.arange(len(index))
        self.distance = np.full(len(index), np.inf)
        self.inputs = np.full(self.rows.shape, np.nan)
        self.inside = np.zeros(len(index), dtype=bool)
        self.margin_tolerance = np.zeros(len(index))  # a margin below minus this is certainly negative
        self.n_points = 0

    def attempt(self, inputs: np.ndarray, which: np.ndarray | None = None) -> np.ndarray:
        """Predict inputs, keep the nearest successes, and return which inputs are successes."""
        which = self.all_rows if which is None else which
        if not len(which):
            return np.zeros(0, dtype=bool)
        inputs = self.target.representable(inputs)
        if self.target.held is not None:
            inputs = np.where(self.target.held[self.index[which]], self.rows[which], inputs)
        finite = np.isfinite(inputs).all(axis=1)
        if not finite.all():
            inputs = np.where(finite[:, None], inputs, self.rows[which])
        differs = self.differs(inputs, which)
        self.n_points += len(inputs)
        if differs.any():
            self._remember(inputs[differs], which[differs])
        return differs

    def _remember(self, inputs, which):
        rows, tolerances, norm = self.rows[which], self.target.tolerances, self.target.norm
        distance = lengths_above(rows, inputs, tolerances, norm)
        new = ~self.inside[which]
        self.inside[which[new]] = strictly_inside(rows[new], inputs[new], self.radii[which[new]], tolerances, norm)
        better = distance < self.distance[which]
        self.distance[which[better]] = distance[better]
        self.inputs[which[better]] = inputs[better]

    def confirm(self) -> None:
        """Predict all nearest successes again; move outwards those that are no success this time.

        The last bits of a score depend on the other rows of its batch.
        """
        doubted = np.flatnonzero(np.isfinite(self.distance))
        found, self.distance[doubted] = self.inputs[doubted], np.inf
        self.inputs[doubted] = np.nan
        for stretch in (0.0, 1e-14, 1e-12, 1e-9, 1e-6):
            rows = self.rows[doubted]
            confirmed = self.attempt(found + stretch * (found - rows), doubted)
            found, doubted = found[~confirmed], doubted[~confirmed]

    def margins_and_steepest(self, inputs, which=None, rivals=None):
        """Return margins, their steepest directions and slopes in scaled units, and their gradients in raw units."""
        which = self.all_rows if which is None else which
        given = {} if rivals is None else {"rivals": rivals}
        margins, gradients = self.target.margins_and_gradients(inputs, self.index[which], **given)
        return margins, *steepest(gradients * self.target.tolerances, self.target.norm), gradients

    def along(self, directions, sizes, which=None):
        """Return inputs at distances ``sizes`` from their rows along directions of norm 1, both in scaled units."""
        rows = self.rows if which is None else self.rows[which]
        return rows + sizes[:, None] * directions * self.target.tolerances

    def nearest_rivals(self, candidates: np.ndarray, most: int) -> list[np.ndarray]:
        """Return the rival whose linearised boundary is nearest to each row, the second nearest, and so on.

        Parameters
        ----------
        candidates : ndarray of shape (n_rows, n_candidates), int
            Positions of classes; the class of the row itself may be among them.
        most : int
            Number of rivals.

        Returns
        -------
        list of ndarray of shape (n_rows,)
        """
        distances = np.empty(candidates.shape)
        for column, rivals in enumerate(candidates.T):
            margins, _, slopes, _ = self.margins_and_steepest(self.rows, rivals=rivals)
            distances[:, column] = np.where(slopes > 0, margins / np.where(slopes > 0, slopes, 1.0), np.inf)
        nearest = distances.argsort(axis=1, kind="stable")[:, : min(most, candidates.shape[1] - 1)]
        return list(np.take_along_axis(candidates, nearest, axis=1).T)

    def project(self, start: np.ndarray, steps: int, rivals: np.ndarray | None = None) -> np.ndarray:
        """Cross the boundary; from beyond it, try the point of the linearised boundary that is nearest to the row.

        Near ``x'`` the margin is linearised as ``m(x') + ∇m(x') · (· − x')``. If ``x'`` lies before the
        boundary, the shortest step to a zero of this function has the length ``m(x') / ‖∇m(x')‖``
        (dual norm) and the direction of steepest descent; from the row itself it is the transport step
        ``x − f(x) ∇f(x) / ‖∇f(x)‖²``. If ``x'`` lies beyond the boundary, the zero that is nearest to the
        row ``x`` lies ``(m(x') + ∇m(x') · (x − x')) / ‖∇m(x')‖`` from ``x`` in that direction.

        Return the unit directions of the last points.
        """
        current = start
        for _ in range(steps):
            margins, ascent, slopes, gradients = self.margins_and_steepest(current, rivals=rivals)
            beyond = margins <= 0
            base = np.where(beyond[:, None], self.rows, current)
            level = margins + np.einsum("ij,ij->i", gradients, base - current)
            level = (1 + _OVERSHOOT) * np.maximum(level, 0.0) + self.margin_tolerance
            sizes = level / np.where(slopes > 0, slopes, np.inf)
            current = base - sizes[:, None] * ascent * self.target.tolerances
            self.attempt(current)
        return normalized((current - self.rows) / self.target.tolerances, self.target.norm)

    def ascend(self, start: np.ndarray, limits: np.ndarray, steps: int) -> np.ndarray:
        """Do a projected gradient ascent of the rival in balls of radius ``limits``; return unit directions.

        The steps are steepest ones of the norm: signs of the gradient for ``inf``; its largest entry for 1, as steps
        along several entries find no nearer inputs. They become shorter.
        """
        norm, offsets = self.target.norm, (start - self.rows) / self.target.tolerances
        for step in range(steps):
            _, ascent, _, _ = self.margins_and_steepest(self.rows + offsets * self.target.tolerances)
            sizes = _FIRST_STEP * (1.0 - step / steps) / steps * limits
            offsets = confine(offsets - sizes[:, None] * ascent, limits, norm)
        return normalized(offsets, norm)

    def refine(self, steps: int, halvings: int) -> None:
        """Turn the ray of each success towards the projection on the boundary linearised there.

        If a turn brings the success nearer to its row, it is kept and the new ray is bisected;
        otherwise the next turn is half as large.
        """
        which = np.flatnonzero(np.isfinite(self.distance) & (self.distance > self.radii))
        turn = np.ones(len(which))
        for _ in range(steps if len(which) else 0):
            ascent = self.margins_and_steepest(self.inputs[which], which)[1]
            here = normalized((self.inputs[which] - self.rows[which]) / self.target.tolerances, self.target.norm)
            rays = normalized((1.0 - turn[:, None]) * here - turn[:, None] * ascent, self.target.norm)
            nearer = self.nearer(rays, which, 0.999)
            self.bisect(halvings, which[nearer])
            turn = np.where(nearer, np.minimum(1.0, 2.0 * turn), 0.5 * turn)

    def nearer(self, rays: np.ndarray, which: np.ndarray, share: float) -> np.ndarray:
        """Try rays nearer than the best success: at a share of the way from the radius to that success."""
        room = np.maximum(self.distance[which] - self.radii[which], 0.0)
        return self.attempt(self.along(rays, self.radii[which] + share * room, which), which)

    def try_rays(self, rays: np.ndarray, strides: np.ndarray, halvings: int) -> None:
        """Try a ray for each row: nearer than its best success; without a success, at increasing distances."""
        missing = np.flatnonzero(np.isinf(self.distance) & (strides > 0))
        for factor in _BEYOND:
            hit = self.attempt(self.along(rays[missing], factor * strides[missing], missing), missing)
            self.bisect(halvings, missing[hit])
            missing = missing[~hit]
        closer = np.flatnonzero(np.isfinite(self.distance) & (self.distance > self.radii))
        self.bisect(halvings, closer[self.nearer(rays[closer], closer, 0.98)])

    def bisect(self, steps: int, which: np.ndarray | None = None, tolerance: float = 1e-14) -> None:
        """Move successes along the segments towards their rows, up to the point where they stop being successes."""
        which = self.all_rows if which is None else which
        which = which[np.isfinite(self.distance[which])]
        low, high = np.zeros(len(which)), np.ones(len(which))
        ends = self.inputs[which].copy()
        for step in range(steps):
            if not len(which):
                return
            middle = 0.5 * (low + high)
            if step == 0:  # a success is least likely at the radius
                share = self.radii[which] / self.distance[which]
                middle = np.where((share > 0.25) & (share < 1), share, middle)
            differs = self.attempt(self.rows[which] + middle[:, None] * (ends - self.rows[which]), which)
            low, high = np.where(differs, low, middle), np.where(differs, middle, high)
            going = high - low > tolerance * high
            which, low, high, ends = which[going], low[going], high[going], ends[going]
