"""Moves that every attack is made of: try inputs, project on the linearised boundary, bisect."""

from collections.abc import Callable

import numpy as np

from sklip.attacks._geometry import confine, lengths_above, steepest, strictly_inside, unit
from sklip.attacks._target import Target

# A step to the linearised boundary goes this much further, to be across it if that is right.
_OVERSHOOT = 1e-6

# Where a ray is tried, in strides, when no success is known for its row.
_BEYOND = (1.01, 1.1, 1.5, 2.0, 4.0, 8.0, 64.0)


class Search:
    """Some rows of a target, and the nearest success for each so far.

    Parameters
    ----------
    target : Target
    index : ndarray of shape (n_rows,)
        Which of its rows.
    differs : callable
        ``differs(inputs, which)``: whether inputs of shape (k, n_features), displacements of
        the rows that ``which`` numbers among these, are a success; of shape (k,).
    """

    def __init__(self, target: Target, index: np.ndarray, differs: Callable[[np.ndarray, np.ndarray], np.ndarray]):
        self.target, self.index, self.differs = target, index, differs
        self.rows, self.radii = target.rows[index], target.radii[index]
        self.every = np.arange(len(index))
        self.distance = np.full(len(index), np.inf)
        self.inputs = np.full(self.rows.shape, np.nan)
        self.inside = np.zeros(len(index), dtype=bool)
        self.slack = np.zeros(len(index))  # of margins: how far beyond zero they show for sure
        self.n_points = 0

    def attempt(self, inputs: np.ndarray, which: np.ndarray | None = None) -> np.ndarray:
        """Hand inputs to the estimator, remember the nearest successes, and say which are some."""
        which = self.every if which is None else which
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
        """Ask for all nearest successes once more; one that is none then, at the last digit, is moved outwards.

        Scores differ in their last bits with the rows next to them.
        """
        doubted = np.flatnonzero(np.isfinite(self.distance))
        found, self.distance[doubted] = self.inputs[doubted], np.inf
        self.inputs[doubted] = np.nan
        for stretch in (0.0, 1e-14, 1e-12, 1e-9, 1e-6):
            rows = self.rows[doubted]
            confirmed = self.attempt(found + stretch * (found - rows), doubted)
            found, doubted = found[~confirmed], doubted[~confirmed]

    def descend(self, inputs, which=None, rivals=None):
        """Margins, the direction of norm 1 in scaled units in which they grow fastest, and how fast."""
        which = self.every if which is None else which
        given = {} if rivals is None else {"rivals": rivals}
        margins, gradients = self.target.descend(inputs, self.index[which], **given)
        return margins, *steepest(gradients * self.target.tolerances, self.target.norm), gradients

    def along(self, directions, sizes, which=None):
        """Inputs that lie ``sizes`` from their rows along directions of norm 1 in scaled units."""
        rows = self.rows if which is None else self.rows[which]
        return rows + sizes[:, None] * directions * self.target.tolerances

    def project(self, start: np.ndarray, steps: int, rivals: np.ndarray | None = None) -> np.ndarray:
        """Cross the boundary, and from beyond it try the point nearest to the row of its linearisation.

        At ``x'`` the margin is ``m(x') + ∇m(x') · (· − x')``. Before the boundary, the least step to
        where that is zero: ``m(x') / ‖∇m(x')‖`` (dual norm) down the steepest direction, from the
        row itself the transport step ``x − f(x) ∇f(x) / ‖∇f(x)‖²``. Beyond it, the zero nearest to
        the row ``x``, ``(m(x') + ∇m(x') · (x − x')) / ‖∇m(x')‖`` down that direction from ``x``.

        Returns the unit directions of the last points.
        """
        current = start
        for _ in range(steps):
            margins, ascent, slopes, gradients = self.descend(current, rivals=rivals)
            beyond = margins <= 0
            base = np.where(beyond[:, None], self.rows, current)
            level = margins + np.einsum("ij,ij->i", gradients, base - current)
            level = (1 + _OVERSHOOT) * np.maximum(level, 0.0) + self.slack
            sizes = level / np.where(slopes > 0, slopes, np.inf)
            current = base - sizes[:, None] * ascent * self.target.tolerances
            self.attempt(current)
        return unit((current - self.rows) / self.target.tolerances, self.target.norm)

    def ascend(self, start: np.ndarray, limits: np.ndarray, steps: int) -> np.ndarray:
        """Projected gradient ascent of the rival in the balls of ``limits``; returns unit directions."""
        norm, offsets = self.target.norm, (start - self.rows) / self.target.tolerances
        for _ in range(steps):
            _, ascent, _, _ = self.descend(self.rows + offsets * self.target.tolerances)
            offsets = confine(offsets - (2.5 / steps) * limits[:, None] * ascent, limits, norm)
        return unit(offsets, norm)

    def refine(self, steps: int, halvings: int) -> None:
        """Turn each success's ray towards the projection on the boundary linearised there.

        A turn is kept, and the new ray bisected, where it brings the success nearer to its row;
        elsewhere the next turn is half as large.
        """
        which = np.flatnonzero(np.isfinite(self.distance) & (self.distance > self.radii))
        turn = np.ones(len(which))
        for _ in range(steps if len(which) else 0):
            ascent = self.descend(self.inputs[which], which)[1]
            here = unit((self.inputs[which] - self.rows[which]) / self.target.tolerances, self.target.norm)
            rays = unit((1.0 - turn[:, None]) * here - turn[:, None] * ascent, self.target.norm)
            nearer = self.nearer(rays, which, 0.999)
            self.bisect(halvings, which[nearer])
            turn = np.where(nearer, np.minimum(1.0, 2.0 * turn), 0.5 * turn)

    def nearer(self, rays: np.ndarray, which: np.ndarray, share: float) -> np.ndarray:
        """Try rays nearer than the best success: at a share of what lies between it and the radius."""
        room = np.maximum(self.distance[which] - self.radii[which], 0.0)
        return self.attempt(self.along(rays, self.radii[which] + share * room, which), which)

    def try_rays(self, rays: np.ndarray, strides: np.ndarray, halvings: int) -> None:
        """Try a ray for each row: nearer than its best success, or further and further while it has none."""
        missing = np.flatnonzero(np.isinf(self.distance) & (strides > 0))
        for factor in _BEYOND:
            hit = self.attempt(self.along(rays[missing], factor * strides[missing], missing), missing)
            self.bisect(halvings, missing[hit])
            missing = missing[~hit]
        closer = np.flatnonzero(np.isfinite(self.distance) & (self.distance > self.radii))
        self.bisect(halvings, closer[self.nearer(rays[closer], closer, 0.98)])

    def bisect(self, steps: int, which: np.ndarray | None = None, tolerance: float = 1e-14) -> None:
        """Pull successes towards their rows along the segments, to where they cease to be some."""
        which = self.every if which is None else which
        which = which[np.isfinite(self.distance[which])]
        low, high = np.zeros(len(which)), np.ones(len(which))
        ends = self.inputs[which].copy()
        for step in range(steps):
            if not len(which):
                return
            middle = 0.5 * (low + high)
            if step == 0:  # the radius is where a success is least expected
                share = self.radii[which] / self.distance[which]
                middle = np.where((share > 0.25) & (share < 1), share, middle)
            differs = self.attempt(self.rows[which] + middle[:, None] * (ends - self.rows[which]), which)
            low, high = np.where(differs, low, middle), np.where(differs, middle, high)
            going = high - low > tolerance * high
            which, low, high, ends = which[going], low[going], high[going], ends[going]
