"""The decision function over a plane, with its margin and certified discs."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklip.plotting._discs import draw_discs
from sklip.plotting._section import section
from sklip.plotting._style import INK, axes_for, below, class_color, class_marker, number, require_matplotlib
from sklip.plotting._surface import draw_gaps, draw_regions, draw_two_classes


class DecisionFunctionDisplay:
    """Contours of the decision function over a plane through the rows, with certified discs that are drawn true.

    Two classes: level lines of the score ``f``, the boundary ``f = 0`` and the margin ``f = ± min_margin``. More: the
    region of each class, and level lines of the gap between the best two scores. An estimator whose class is no
    matter of one sklip classifier's scores (a tuned threshold, a vote) is drawn by its predictions.

    A disc is where the certified ball of a row cuts the plane: every point of the plane inside is predicted as the
    row is. With a row a length ``d`` off the plane and a radius ``r`` it is ``√(r² − d²)`` wide, and there is none
    where ``d ≥ r``, nor for rows that differ from those of the plane in a column that is held fixed.

    Use :meth:`from_estimator` to make one. All parameters are stored as attributes.

    Parameters
    ----------
    xx0, xx1 : ndarray of shape (grid_resolution, grid_resolution)
        Coordinates of the points of the plane.
    response : ndarray of shape (grid_resolution, grid_resolution) or (grid_resolution, grid_resolution, n_classes)
        Scores there; or predictions, as positions in ``classes``, of an integer dtype.
    classes : ndarray of shape (n_classes,)
        The labels.
    points : ndarray of shape (n_rows, 2), default=None
        Coordinates of rows, projected on the plane.
    labels : ndarray of shape (n_rows,), default=None
        Of these rows: their own, or those predicted.
    disc_rows : ndarray of shape (n_discs,), int, default=()
        Rows whose discs are drawn.
    disc_centers : ndarray of shape (n_discs, 2), default=()
        Their centres.
    disc_radii : ndarray of shape (n_discs,), default=()
        Their radii, in tolerances.
    disc_labels : ndarray of shape (n_discs,), default=()
        The predictions that hold inside.
    tolerances : ndarray of shape (2,), default=(1, 1)
        Of the two coordinates: a disc is ``tolerances · radius`` wide and high, and looks like a circle.
    min_margin : float, default=None
        Level of the margin, for two classes.
    whole : bool, default=True
        Whether the plane is all there is: rows have no other columns.
    xlabel, ylabel : str, default=""
        Labels of the axes.
    note : str, default=None
        What plane it is, for the legend.

    Attributes
    ----------
    surface_ : list of matplotlib.contour.QuadContourSet
        Fills.
    levels_, margin_ : matplotlib.contour.QuadContourSet or None
        Thin lines, and those of the margin.
    boundary_ : list of matplotlib.contour.QuadContourSet
        Lines between the classes.
    points_ : list of matplotlib.collections.PathCollection
        Rows, one collection a class.
    discs_ : list of matplotlib.patches.Ellipse
        In the order of ``disc_rows``.
    handles_ : list of matplotlib.artist.Artist
        With labels, for a legend of your own.
    ax_ : matplotlib.axes.Axes
        What it was drawn on.
    figure_ : matplotlib.figure.Figure
        Its figure.

    See Also
    --------
    sklip.certified_radius : The radii.
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

    def __init__(
        self,
        *,
        xx0: np.ndarray,
        xx1: np.ndarray,
        response: np.ndarray,
        classes: np.ndarray,
        points: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        disc_rows: ArrayLike = (),
        disc_centers: ArrayLike = (),
        disc_radii: ArrayLike = (),
        disc_labels: ArrayLike = (),
        tolerances: Sequence[float] | np.ndarray = (1.0, 1.0),
        min_margin: float | None = None,
        whole: bool = True,
        xlabel: str = "",
        ylabel: str = "",
        note: str | None = None,
    ):
        self.xx0 = xx0
        self.xx1 = xx1
        self.response = response
        self.classes = classes
        self.points = points
        self.labels = labels
        self.disc_rows = disc_rows
        self.disc_centers = disc_centers
        self.disc_radii = disc_radii
        self.disc_labels = disc_labels
        self.tolerances = tolerances
        self.min_margin = min_margin
        self.whole = whole
        self.xlabel = xlabel
        self.ylabel = ylabel
        self.note = note

    def plot(
        self, ax=None, *, legend: bool = True, scatter_kwargs: dict | None = None, disc_kwargs: dict | None = None
    ) -> "DecisionFunctionDisplay":
        """Draw contours, rows and discs.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None for a new figure.
        legend : bool, default=True
            Whether to put a legend below.
        scatter_kwargs : dict, default=None
            Of the rows, for :meth:`matplotlib.axes.Axes.scatter`.
        disc_kwargs : dict, default=None
            Of the discs, for :class:`matplotlib.patches.Ellipse`.

        Returns
        -------
        DecisionFunctionDisplay
            This display.
        """
        self.ax_ = ax = axes_for(ax, f"{type(self).__name__}.plot", self._figsize())
        self.figure_ = ax.figure
        grid = self.xx0, self.xx1
        self.handles_: list = []
        if np.issubdtype(self.response.dtype, np.integer):
            surface = draw_regions(ax, grid, self.response)
        elif self.response.ndim == 2:
            surface = draw_two_classes(ax, grid, self.response, self.min_margin)
        else:
            surface = draw_gaps(ax, grid, self.response)
        self.surface_, self.levels_, self.boundary_ = surface.fills, surface.levels, surface.boundary
        self.margin_ = surface.margin
        self._draw_points(scatter_kwargs)
        self._label_lines()
        draw_discs(self, disc_kwargs)
        ax.set(xlim=(self.xx0.min(), self.xx0.max()), ylim=(self.xx1.min(), self.xx1.max()))
        ax.set(xlabel=self.xlabel, ylabel=self.ylabel, aspect=self.tolerances[0] / self.tolerances[1])
        if legend:
            style = {"ncols": 2, "frameon": False, "fontsize": "small", "columnspacing": 1.5}
            ax.legend(handles=self.handles_, title=self.note, title_fontsize="small", **style, **below(ax))
        return self

    def _figsize(self):
        """Inches of a figure that leaves little empty beside axes of this shape."""
        sides = np.array([np.ptp(self.xx0), np.ptp(self.xx1)]) / self.tolerances
        return 6.4, float(np.clip(5.6 * sides[1] / sides[0], 2.0, 6.5)) + 0.75 + 0.22 * (len(self.classes) // 2 + 3)

    def _draw_points(self, scatter_kwargs):
        """Scatter the rows, class by class."""
        from matplotlib.lines import Line2D

        self.points_ = []
        for code, label in enumerate(self.classes if self.points is not None else ()):
            color = {"color": class_color(code), "linewidths": 0}
            style = {"s": 9, "marker": class_marker(code), "alpha": 0.55, "zorder": 2.3, **(scatter_kwargs or {})}
            if not {"c", "color", "facecolors", "edgecolors", "facecolor", "edgecolor"} & set(style):
                style = {**color, **style}
            self.points_.append(self.ax_.scatter(*self.points[self.labels == label].T, **style))
            sample = {"color": class_color(code), "marker": class_marker(code), "linestyle": "none"}
            self.handles_.append(Line2D([], [], **sample, label=str(label)))

    def _label_lines(self):
        """Remember what the lines mean."""
        from matplotlib.lines import Line2D

        scored = not np.issubdtype(self.response.dtype, np.integer)
        if self.boundary_:
            label = "boundary, f = 0" if scored and self.response.ndim == 2 else "boundary"
            self.handles_.append(Line2D([], [], color="black", linewidth=2.0, label=label))
        if self.margin_ is not None:
            label = f"margin, f = ±{number(self.min_margin)}"
            self.handles_.append(Line2D([], [], color=INK, linewidth=1.1, linestyle="dashed", label=label))
        if self.levels_ is not None:
            label = "level of f" if self.response.ndim == 2 else "gap of the best two scores"
            self.handles_.append(Line2D([], [], color="#555555", linewidth=0.6, label=label))

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
    ) -> "DecisionFunctionDisplay":
        """Draw the decision function of a fitted estimator around rows.

        Parameters
        ----------
        estimator : fitted estimator
            Anything that :func:`sklip.certified_radius` takes.
        X : array-like of shape (n_rows, n_columns)
            Rows, as for ``estimator.predict``.
        y : array-like of shape (n_rows,), default=None
            Their labels; None to mark rows by what is predicted.
        features : pair of str or int, or "pca", default=None
            The columns that span the plane, by name or position; ``"pca"`` for the first two principal components
            of the rows, divided by ``tolerances``. None: the two columns if there are just two that may move, or
            ``"pca"``.
        row : int, default=None
            A row of X through which the plane goes. None: through the median of the columns, or the mean for
            ``"pca"``, with columns that cannot move as in the row nearest to it.
        discs : int or array-like of int, default=8
            How many rows' discs to draw at most, chosen so that they can be seen and do not overlap; or which rows.
            Those whose balls do not come to the plane are left out.
        tolerances : array-like of shape (n_columns,) or mapping, default=None
            Tolerances, as in :func:`sklip.certified_radius`: radii and principal components are in them, and axes are
            stretched so that a disc looks like a circle. For columns of unlike units give, say, ``X.std()``.
        step_lipschitz : dict of str to float, default=None
            Constants of pipeline steps, as in :func:`sklip.certified_radius`.
        grid_resolution : int, default=150
            Points a side.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None for a new figure.
        legend : bool, default=True
            As for :meth:`plot`.
        scatter_kwargs, disc_kwargs : dict, default=None
            As for :meth:`plot`.

        Returns
        -------
        DecisionFunctionDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            For columns that are not there or cannot move, rows that are not there, labels that the estimator does not
            know, and tolerances that make no sense.
        sklip.exceptions.NotLipschitzError
            For an estimator, or a step, without a certificate.
        ImportError
            Without matplotlib.

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
        found = section(
            estimator,
            X,
            y,
            features=features,
            row=row,
            discs=discs,
            tolerances=tolerances,
            step_lipschitz=step_lipschitz,
            grid_resolution=grid_resolution,
        )
        display = cls(**vars(found))
        return display.plot(ax=ax, legend=legend, scatter_kwargs=scatter_kwargs, disc_kwargs=disc_kwargs)
