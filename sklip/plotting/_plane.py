"""Planes through the space of the rows, and their cuts of certified balls."""

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA

from sklip.arithmetic.rounding import gamma, round_down, round_up


@dataclass(frozen=True, eq=False)
class Plane:
    """The plane of the points ``origin + tolerances · (axesᵀ u)``, drawn in coordinates ``offsets + units · u``.

    Attributes
    ----------
    origin : ndarray of shape (n_columns,), float64
    tolerances : ndarray of shape (n_columns,)
        Tolerance of each column. Lengths are norms of ``displacement / tolerances``.
    axes : ndarray of shape (2, n_columns)
        Orthonormal up to rounding.
    offsets, units : ndarray of shape (2,)
        Offset and unit of each drawn coordinate.
    labels : tuple of two str
    """

    origin: np.ndarray
    tolerances: np.ndarray
    axes: np.ndarray
    offsets: np.ndarray
    units: np.ndarray
    labels: tuple[str, str]

    @classmethod
    def of_columns(cls, pair, origin, tolerances, names) -> "Plane":
        """Make the plane of two columns, in their units, through the origin."""
        pair = list(pair)
        axes = np.eye(len(origin))[pair]
        return cls(origin, tolerances, axes, origin[pair], tolerances[pair], tuple(names[column] for column in pair))

    @classmethod
    def of_components(cls, rows, tolerances, origin=None) -> "Plane":
        """Make the plane of the first two principal components of rows in tolerances, through the mean or an origin."""
        pca = PCA(2, svd_solver="full").fit(rows / tolerances)
        origin = pca.mean_ * tolerances if origin is None else origin
        offsets = pca.components_ @ (origin / tolerances - pca.mean_)
        first, second = (
            f"component {place} ({share:.0%} of variance)"
            for place, share in enumerate(pca.explained_variance_ratio_, 1)
        )
        return cls(origin, tolerances, pca.components_, offsets, np.ones(2), (first, second))

    def points(self, coordinates: np.ndarray) -> np.ndarray:
        """Return the points of the plane at drawn coordinates, of shape (n, n_columns)."""
        return self.origin + ((coordinates - self.offsets) / self.units) @ self.axes * self.tolerances

    def project(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the drawn coordinates of the nearest points of the plane, of shape (n, 2), and the distances."""
        displacement = (rows - self.origin) / self.tolerances
        steps = displacement @ self.axes.T
        return self.offsets + self.units * steps, np.linalg.norm(displacement - steps @ self.axes, axis=1)

    def cut(self, rows: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return centres and radii of the discs in which the plane cuts balls around rows.

        By Pythagoras, a ball of radius ``r`` whose centre has the distance ``d`` from the plane cuts it in a disc of
        radius ``√(r² − d²)`` around the projection of the centre.

        Parameters
        ----------
        rows : ndarray of shape (n, n_columns)
        radii : ndarray of shape (n,)
            Radii of the balls, in tolerances.

        Returns
        -------
        centers : ndarray of shape (n, 2)
            Centres, in drawn coordinates.
        discs : ndarray of shape (n,)
            Radii, in tolerances, rounded down. A ball that does not reach the plane has the radius 0.
        """
        centers, distance = self.project(rows)
        # An upper bound for the rounding errors of projections and distances, which are a few sums over the columns.
        size = np.linalg.norm(rows / self.tolerances, axis=1) + np.linalg.norm(self.origin / self.tolerances)
        size = size + np.abs(self.offsets / self.units).sum()
        error = 8 * gamma(4 * rows.shape[1] + 16) * size
        with np.errstate(invalid="ignore"):
            square = round_down(radii**2) - round_up((distance + error) ** 2, 4)
            discs = round_down(np.sqrt(np.maximum(square, 0.0)), 4) - error
        return centers, np.where(np.isinf(radii), np.inf, np.maximum(discs, 0.0))
