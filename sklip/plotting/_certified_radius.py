"""How large the radii are: by class, and where the prediction is right or wrong."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import unique_labels

from sklip.plotting._estimators import labels_and_radii, norm_of, unit_of
from sklip.plotting._radius_lanes import draw_lanes, lane_label
from sklip.plotting._style import axes_for, distance_label, require_matplotlib


class CertifiedRadiusDisplay:
    """Distribution of certified radii, a line for each class: rows predicted right above it, wrong ones below.

    Heights are shares of the rows of the class, all classes alike, so that they compare; those of wrong predictions,
    which are few, are magnified by a factor that the legend tells. Wrong predictions with radii as large as right
    ones are what no threshold on the radius can filter out.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one. All parameters are stored as attributes.

    Parameters
    ----------
    y_true, y_pred : ndarray of shape (n_rows,)
        Labels, and what was predicted.
    radius : ndarray of shape (n_rows,)
        Certified radii; infinite ones are counted beside the label of the class.
    sample_weight : ndarray of shape (n_rows,), default=None
        Weights of the rows in shares and medians. Counts are of rows.
    norm : {1, 2, inf}, default=None
        Of the distances, for the label of the axis; None not to say.
    unit : str, default=None
        Of the distances.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes of ``y_true``, from top to bottom.
    right_ : list of matplotlib.patches.StepPatch
        Histogram of the rows predicted right, one a class.
    wrong_ : list of matplotlib.patches.StepPatch
        Of those predicted wrong, one a class that has any.
    medians_ : list of matplotlib.lines.Line2D
        At the median radius of the rows predicted right, one a class that has any.
    magnification_ : float
        Of the heights of the wrong ones.
    ax_ : matplotlib.axes.Axes
        What it was drawn on.
    figure_ : matplotlib.figure.Figure
        Its figure.

    See Also
    --------
    CertifiedAccuracyDisplay : The share of rows that are right and certified, against the radius.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.plotting import CertifiedRadiusDisplay
    >>> display = CertifiedRadiusDisplay(
    ...     y_true=np.array(["a", "b", "b"]), y_pred=np.array(["a", "b", "a"]), radius=np.array([0.5, 0.9, 0.1])
    ... ).plot(bins=4)
    >>> [label.get_text().splitlines() for label in display.ax_.get_yticklabels()]
    [['a', '1 row, 0 wrong'], ['b', '2 rows, 1 wrong']]
    """

    def __init__(
        self,
        *,
        y_true: np.ndarray,
        y_pred: np.ndarray,
        radius: np.ndarray,
        sample_weight: np.ndarray | None = None,
        norm: float | None = None,
        unit: str | None = None,
    ):
        self.y_true = y_true
        self.y_pred = y_pred
        self.radius = radius
        self.sample_weight = sample_weight
        self.norm = norm
        self.unit = unit

    def plot(
        self,
        ax=None,
        *,
        bins: int | str | ArrayLike = 30,
        right_kwargs: dict | None = None,
        wrong_kwargs: dict | None = None,
    ) -> "CertifiedRadiusDisplay":
        """Draw the distributions.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None for a new figure.
        bins : int, str or sequence of float, default=30
            Number of bins from 0 to the largest radius, a rule, or edges, as for :func:`numpy.histogram_bin_edges`.
        right_kwargs, wrong_kwargs : dict, default=None
            Of the histograms, for :meth:`matplotlib.axes.Axes.stairs`.

        Returns
        -------
        CertifiedRadiusDisplay
            This display.
        """
        require_matplotlib(f"{type(self).__name__}.plot")
        self.classes_ = np.unique(self.y_true)
        weight = np.ones(len(self.radius)) if self.sample_weight is None else self.sample_weight
        finite, radius = np.isfinite(self.radius), np.asarray(self.radius)
        edges = np.histogram_bin_edges(radius[finite], bins, (0.0, radius[finite].max(initial=0.0) or 1.0))
        groups = [[self.y_true == label, right] for label in self.classes_ for right in (True, False)]
        groups = [own & ((self.y_pred == self.y_true) == right) for own, right in groups]
        shares = np.array(
            [np.histogram(radius[rows & finite], edges, weights=weight[rows & finite])[0] for rows in groups]
        )
        shares = shares.reshape(len(self.classes_), 2, -1)
        masses = np.array([weight[self.y_true == label].sum() for label in self.classes_])
        shares = shares / np.where(masses > 0, masses, 1.0)[:, None, None]

        self.ax_ = ax = axes_for(ax, f"{type(self).__name__}.plot", (7.0, 1.3 + 0.75 * len(self.classes_)))
        self.figure_ = ax.figure
        draw_lanes(self, shares, edges, groups, weight, right_kwargs, wrong_kwargs)
        base = np.arange(len(self.classes_))[::-1]
        ax.set_yticks(base, [lane_label(self, label) for label in self.classes_])
        ax.tick_params(axis="y", length=0)
        ax.set(xlim=(edges[0], edges[-1]), ylim=(-0.45, len(base) - 0.2))
        ax.set(xlabel=distance_label("certified radius", self.norm, self.unit), ylabel="class")
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        norm: float = 2,
        tolerances: ArrayLike | Mapping | None = None,
        step_lipschitz: dict | None = None,
        sample_weight: ArrayLike | None = None,
        unit: str | None = None,
        ax=None,
        bins: int | str | ArrayLike = 30,
        right_kwargs: dict | None = None,
        wrong_kwargs: dict | None = None,
    ) -> "CertifiedRadiusDisplay":
        """Draw the radii of a fitted estimator, by :func:`sklip.certified_radius`.

        Parameters
        ----------
        estimator : fitted estimator
            Anything that :func:`sklip.certified_radius` takes.
        X : array-like of shape (n_rows, n_columns)
            Rows, as for ``estimator.predict``.
        y : array-like of shape (n_rows,)
            Their labels.
        norm : {1, 2, inf}, default=2
            Of displacements.
        tolerances : array-like of shape (n_columns,) or mapping, default=None
            Tolerances, as in :func:`sklip.certified_radius`.
        step_lipschitz : dict of str to float, default=None
            Constants of pipeline steps, as in :func:`sklip.certified_radius`.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.
        unit : str, default=None
            Of distances, for the label; None for "units of X", or "tolerances" where ``tolerances`` are given.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None for a new figure.
        bins : int, str or sequence of float, default=30
            As for :meth:`plot`.
        right_kwargs, wrong_kwargs : dict, default=None
            As for :meth:`plot`.

        Returns
        -------
        CertifiedRadiusDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            For labels, norms and tolerances that make no sense.
        sklip.exceptions.NotLipschitzError
            For an estimator, or a step, without a certificate.
        ImportError
            Without matplotlib.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklip import LipschitzMLP
        >>> from sklip.plotting import CertifiedRadiusDisplay
        >>> iris = load_iris()
        >>> X, y = iris.data, iris.target_names[iris.target]
        >>> model = LipschitzMLP(hidden_layer_sizes=(16, 8), epochs=10, random_state=0).fit(X, y)
        >>> CertifiedRadiusDisplay.from_estimator(model, X, y, unit="cm").ax_.get_xlabel()
        'certified radius (L2, cm)'
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        y_pred, radius = labels_and_radii(estimator, X, y, norm, tolerances, step_lipschitz)
        return cls.from_predictions(
            y,
            y_pred,
            radius,
            sample_weight=sample_weight,
            unit=unit_of(unit, tolerances),
            ax=ax,
            bins=bins,
            right_kwargs=right_kwargs,
            wrong_kwargs=wrong_kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        radius: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        unit: str | None = None,
        ax=None,
        bins: int | str | ArrayLike = 30,
        right_kwargs: dict | None = None,
        wrong_kwargs: dict | None = None,
    ) -> "CertifiedRadiusDisplay":
        """Draw given radii.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_rows,)
            Labels, and what was predicted.
        radius : array-like of shape (n_rows,)
            Certified radii, as ``certified_radius`` returns them.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.
        unit : str, default=None
            Of the radii, for the label.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None for a new figure.
        bins : int, str or sequence of float, default=30
            As for :meth:`plot`.
        right_kwargs, wrong_kwargs : dict, default=None
            As for :meth:`plot`.

        Returns
        -------
        CertifiedRadiusDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            For arrays of unlike length or none, and radii or weights that are negative or not numbers.
        ImportError
            Without matplotlib.

        Examples
        --------
        >>> from sklip.plotting import CertifiedRadiusDisplay
        >>> display = CertifiedRadiusDisplay.from_predictions([0, 1, 1], [0, 1, 0], [0.5, 0.9, 0.1])
        >>> len(display.right_), len(display.wrong_)
        (2, 1)
        """
        require_matplotlib(f"{cls.__name__}.from_predictions")
        norm = norm_of(radius)
        true, predicted = column_or_1d(y_true), column_or_1d(y_pred)
        radii = column_or_1d(np.asarray(radius), dtype=np.float64)
        weight = None if sample_weight is None else column_or_1d(sample_weight, dtype=np.float64)
        check_consistent_length(true, predicted, radii, weight)
        unique_labels(true, predicted)  # raises for labels of which some are text and some numbers
        if not len(radii):
            raise ValueError("There are no rows to draw.")
        if not (radii >= 0).all():
            raise ValueError("radius holds negative values or NaN. Give what certified_radius returns.")
        if weight is not None and not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
            raise ValueError("sample_weight must hold finite weights of 0 or more, not all 0.")
        display = cls(y_true=true, y_pred=predicted, radius=radii, sample_weight=weight, norm=norm, unit=unit)
        return display.plot(ax=ax, bins=bins, right_kwargs=right_kwargs, wrong_kwargs=wrong_kwargs)
