"""The decision function on a plane, with its margin and certified discs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklip.plotting._discs import draw_discs
from sklip.plotting._section import section
from sklip.plotting._style import INK, axes_for, below, class_color, class_marker, number, require_matplotlib
from sklip.plotting._surface import draw_gaps, draw_regions, draw_two_classes


@dataclass(kw_only=True, eq=False, repr=False)
class DecisionFunctionDisplay:
    """Contours of the decision function on a plane through the rows, with certified discs in their true size.

    For two classes, the display has level lines of the score ``f``, the boundary ``f = 0`` and the margin
    ``f = ± min_margin``. For more classes, it has the region of each class, and level lines of the gap between the best
    two scores. If the scores of a sklip classifier alone do not decide (with a tuned threshold, or a vote), it has the
    regions of the predictions.

    A disc is the part of the certified ball of a row that lies in the plane: every point inside the disc has the same
    prediction as the row. If the distance of the row from the plane is ``d`` and its radius is ``r``, the disc has the
    radius ``√(r² − d²)``. There is no disc if ``d ≥ r``, and none for rows that differ from the plane in a column that
    is held fixed.

    Use :meth:`from_estimator` to make a display. All parameters are stored as attributes.

    Parameters
    ----------
    xx0, xx1 : ndarray of shape (grid_resolution, grid_resolution)
        Coordinates of the points of the plane.
    response : ndarray of shape (grid_resolution, grid_resolution) or (grid_resolution, grid_resolution, n_classes)
        Scores of these points; or predictions, as positions in ``classes``, with an integer dtype.
    classes : ndarray of shape (n_classes,)
        Labels of the classes.
    points : ndarray of shape (n_rows, 2), default=None
        Coordinates of rows, projected on the plane.
    labels : ndarray of shape (n_rows,), default=None
        Labels of these rows, given or predicted.
    disc_rows : ndarray of shape (n_discs,), int, default=()
        Rows whose discs are drawn.
    disc_centers : ndarray of shape (n_discs, 2), default=()
        Centres of the discs.
    disc_radii : ndarray of shape (n_discs,), default=()
        Radii of the discs, in tolerances.
    disc_labels : ndarray of shape (n_discs,), default=()
        Predictions inside the discs.
    tolerances : ndarray of shape (2,), default=(1, 1)
        Tolerances of the two coordinates. A disc has the half-axes ``tolerances · radius`` and looks like a circle.
    min_margin : float, default=None
        Level of the margin, for two classes.
    whole : bool, default=True
        True if the plane is the whole space: rows have no other columns.
    xlabel, ylabel : str, default=""
        Labels of the axes.
    note : str, default=None
        Description of the plane, for the legend.

    Attributes
    ----------
    surface_ : list of matplotlib.contour.QuadContourSet
        Coloured areas.
    levels_, margin_ : matplotlib.contour.QuadContourSet or None
        Level lines, and the lines of the margin.
    boundary_ : list of matplotlib.contour.QuadContourSet
        Lines between the classes.
    points_ : list of matplotlib.collections.PathCollection
        Rows, one collection per class.
    discs_ : list of matplotlib.patches.Ellipse
        Discs, in the order of ``disc_rows``.
    handles_ : list of matplotlib.artist.Artist
        Artists with labels, for another legend.
    ax_ : matplotlib.axes.Axes
        Axes of the picture.
    figure_ : matplotlib.figure.Figure
        Figure of the axes.

    See Also
    --------
    sklip.certified_radius : The radii of the rows.
    sklearn.inspection.DecisionBoundaryDisplay : For any classifier of two columns, without certificates.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.plotting import DecisionFunctionDisplay
    >>> xx0, xx1 = np.meshgrid(np.linspace(-1, 1, 20), np.linspace(-1, 1, 20))
    >>> display = DecisionFunctionDisplay(xx0=xx0, xx1=xx1, response=xx0, classes=np.array(["left", "right"])).plot()
    >>> [lines.levels.tolist() for lines in display.boundary_]
    [[0.0]]
    """

    xx0: np.ndarray
    xx1: np.ndarray
    response: np.ndarray
    classes: np.ndarray
    points: np.ndarray | None = None
    labels: np.ndarray | None = None
    disc_rows: ArrayLike = ()
    disc_centers: ArrayLike = ()
    disc_radii: ArrayLike = ()
    disc_labels: ArrayLike = ()
    tolerances: Sequence[float] | np.ndarray = (1.0, 1.0)
    min_margin: float | None = None
    whole: bool = True
    xlabel: str = ""
    ylabel: str = ""
    note: str | None = None

    def plot(
        self, ax=None, *, legend: bool = True, scatter_kwargs: dict | None = None, disc_kwargs: dict | None = None
    ) -> Self:
        """Draw contours, rows and discs.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None for a new figure.
        legend : bool, default=True
            True puts a legend below the axes.
        scatter_kwargs : dict, default=None
            Style of the rows, for :meth:`matplotlib.axes.Axes.scatter`.
        disc_kwargs : dict, default=None
            Style of the discs, for :class:`matplotlib.patches.Ellipse`.

        Returns
        -------
        DecisionFunctionDisplay
            This display.
        """
        self.ax_ = ax = axes_for(ax, f"{type(self).__name__}.plot", self._figsize())
        self.figure_ = ax.figure
        grid = self.xx0, self.xx1
        if not self._has_scores():
            surface = draw_regions(ax, grid, self.response)
        elif self.response.ndim == 2:
            surface = draw_two_classes(ax, grid, self.response, self.min_margin)
        else:
            surface = draw_gaps(ax, grid, self.response)
        self.surface_, self.levels_, self.boundary_, self.margin_ = surface
        self.points_ = self._draw_points(scatter_kwargs)
        class_indices = [int(np.flatnonzero(self.classes == label)[0]) for label in np.asarray(self.disc_labels)]
        discs = self.disc_centers, self.disc_radii, class_indices
        self.discs_ = draw_discs(ax, *discs, self.tolerances, disc_kwargs)
        self.handles_ = self._legend_handles()
        ax.set(xlim=(self.xx0.min(), self.xx0.max()), ylim=(self.xx1.min(), self.xx1.max()))
        ax.set(xlabel=self.xlabel, ylabel=self.ylabel, aspect=self.tolerances[0] / self.tolerances[1])
        if legend:
            style = {"ncols": 2, "frameon": False, "fontsize": "small", "columnspacing": 1.5}
            ax.legend(handles=self.handles_, title=self.note, title_fontsize="small", **style, **below(ax))
        return self

    def _has_scores(self):
        """Return True for scores, and False for predictions."""
        return not np.issubdtype(self.response.dtype, np.integer)

    def _figsize(self):
        """Return width and height of a new figure, in inches, for axes of this shape and a legend."""
        sides = np.array([np.ptp(self.xx0), np.ptp(self.xx1)]) / self.tolerances
        return 6.4, float(np.clip(5.6 * sides[1] / sides[0], 2.0, 6.5)) + 0.75 + 0.22 * (len(self.classes) // 2 + 3)

    def _draw_points(self, scatter_kwargs):
        """Draw the rows; return one collection per class."""
        drawn = []
        for class_index, label in enumerate(self.classes if self.points is not None else ()):
            style = {"s": 9, "marker": class_marker(class_index), "alpha": 0.55, "zorder": 2.3} | (scatter_kwargs or {})
            if not {"c", "color", "facecolors", "edgecolors", "facecolor", "edgecolor"} & set(style):
                style = {"color": class_color(class_index), "linewidths": 0} | style
            drawn.append(self.ax_.scatter(*self.points[self.labels == label].T, **style))
        return drawn

    def _legend_handles(self):
        """Return an artist with a label for everything that was drawn."""
        from matplotlib.lines import Line2D

        handles = []
        for class_index, label in enumerate(self.classes[: len(self.points_)]):
            sample = {"color": class_color(class_index), "marker": class_marker(class_index), "linestyle": "none"}
            handles.append(Line2D([], [], **sample, label=str(label)))
        one_score = self._has_scores() and self.response.ndim == 2
        if self.boundary_:
            label = "boundary, f = 0" if one_score else "boundary"
            handles.append(Line2D([], [], color="black", linewidth=2.0, label=label))
        if self.margin_ is not None:
            label = f"margin, f = ±{number(self.min_margin)}"
            handles.append(Line2D([], [], color=INK, linewidth=1.1, linestyle="dashed", label=label))
        if self.levels_ is not None:
            label = "level of f" if one_score else "gap of the best two scores"
            handles.append(Line2D([], [], color="#555555", linewidth=0.6, label=label))
        if self.discs_:
            label = "certified disc: the class holds inside" if self.whole else "certified ball, cut by this plane"
            sample = {"markerfacecolor": "white", "markeredgecolor": "#444444", "markersize": 11}
            handles.append(Line2D([], [], color="none", marker="o", **sample, label=label))
        return handles

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        features: Sequence[str | int] | str | None = None,
        row: int | None = None,
        discs: int | ArrayLike = 8,
        tolerances: ArrayLike | Mapping | None = None,
        step_lipschitz: dict | None = None,
        grid_resolution: int = 150,
        ax=None,
        legend: bool = True,
        scatter_kwargs: dict | None = None,
        disc_kwargs: dict | None = None,
    ) -> Self:
        """Draw the decision function of a fitted estimator near rows.

        Parameters
        ----------
        estimator : fitted estimator
            Any estimator that :func:`sklip.certified_radius` takes.
        X : array-like of shape (n_rows, n_columns)
            Rows, as for ``estimator.predict``.
        y : array-like of shape (n_rows,), default=None
            Labels of the rows; None to mark the rows with their predictions.
        features : pair of str or int, or "pca", default=None
            Columns that span the plane, by name or position; or ``"pca"`` for the first two principal components of
            the rows, divided by ``tolerances``. None chooses the two columns that may change, or ``"pca"`` if there are
            more than two.
        row : int, default=None
            Position of a row of X through which the plane goes. None chooses the median of the columns, or the mean for
            ``"pca"``. Columns that cannot change are then as in the nearest row.
        discs : int or array-like of int, default=8
            Largest number of discs, which are chosen so that they are visible and do not overlap; or positions of the
            rows whose discs are drawn. Discs of rows whose balls do not reach the plane are left out.
        tolerances : array-like of shape (n_columns,) or mapping, default=None
            Tolerances, as in :func:`sklip.certified_radius`. They are the units of radii and principal components, and
            the axes are stretched so that a disc looks like a circle. If the columns have different units, give for
            example ``X.std()``.
        step_lipschitz : dict of str to float, default=None
            Constants of pipeline steps, as in :func:`sklip.certified_radius`.
        grid_resolution : int, default=150
            Number of points per side of the grid.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None for a new figure.
        legend : bool, default=True
            See :meth:`plot`.
        scatter_kwargs, disc_kwargs : dict, default=None
            See :meth:`plot`.

        Returns
        -------
        DecisionFunctionDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If columns do not exist or cannot change, if rows do not exist, if the estimator does not know the labels,
            or if tolerances are invalid.
        sklip.exceptions.NotLipschitzError
            If the estimator or a step has no certificate.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from sklearn.datasets import make_moons
        >>> from sklip import HKRClassifier
        >>> from sklip.plotting import DecisionFunctionDisplay
        >>> X, y = make_moons(200, noise=0.05, random_state=0)
        >>> model = HKRClassifier(hidden_layer_sizes=(16, 8), epochs=5, random_state=0).fit(X, y)
        >>> display = DecisionFunctionDisplay.from_estimator(model, X, y, discs=[0, 1], grid_resolution=40)
        >>> bool((display.disc_radii <= model.certified_radius(X[:2])).all())
        True
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        plane: dict[str, Any] = {"features": features, "row": row, "discs": discs, "grid_resolution": grid_resolution}
        question = {"tolerances": tolerances, "step_lipschitz": step_lipschitz}
        display = section(cls, estimator, X, y, **plane, **question)
        return display.plot(ax=ax, legend=legend, scatter_kwargs=scatter_kwargs, disc_kwargs=disc_kwargs)
