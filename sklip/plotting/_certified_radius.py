"""Distribution of the radii, by class, for right and wrong predictions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklip.metrics._scores import check_rows
from sklip.plotting._estimators import labels_and_radii, norm_of, unit_of
from sklip.plotting._radius_lanes import draw_lanes, lane_label, weighted_median
from sklip.plotting._style import axes_for, distance_label, require_matplotlib


@dataclass(kw_only=True, eq=False, repr=False)
class CertifiedRadiusDisplay:
    """Distribution of certified radii, with one line per class: right predictions above it, wrong ones below it.

    Heights are shares of the rows of the class. They have the same scale for all classes, so that classes can be
    compared. Wrong predictions are few: their heights are magnified by a factor, which the legend gives. A threshold on
    the radius cannot filter out wrong predictions whose radii are as large as those of right ones.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make a display. All parameters are stored as attributes.

    Parameters
    ----------
    y_true, y_pred : ndarray of shape (n_rows,)
        Labels, and what was predicted.
    radius : ndarray of shape (n_rows,)
        Certified radii. The number of infinite ones is given next to the label of the class.
    sample_weight : ndarray of shape (n_rows,), default=None
        Weights of the rows in shares and medians. Counts ignore them.
    norm : {1, 2, inf}, default=None
        Norm of the distances, for the label of the axis; None to leave it out.
    unit : str, default=None
        Unit of the distances.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes of ``y_true``, from top to bottom.
    right_ : list of matplotlib.patches.StepPatch
        Histograms of the right predictions, one per class.
    wrong_ : list of matplotlib.patches.StepPatch
        Histograms of the wrong predictions, one per class that has any.
    medians_ : list of matplotlib.lines.Line2D
        Lines at the median radius of the right predictions, one per class that has any.
    magnification_ : float
        Factor of the heights of the wrong predictions.
    ax_ : matplotlib.axes.Axes
        Axes of the picture.
    figure_ : matplotlib.figure.Figure
        Figure of the axes.

    See Also
    --------
    CertifiedAccuracyDisplay : The share of rows that are right and certified, as a function of the radius.

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

    y_true: np.ndarray
    y_pred: np.ndarray
    radius: np.ndarray
    sample_weight: np.ndarray | None = None
    norm: float | None = None
    unit: str | None = None

    def plot(
        self,
        ax=None,
        *,
        bins: int | str | ArrayLike = 30,
        right_kwargs: dict | None = None,
        wrong_kwargs: dict | None = None,
    ) -> Self:
        """Draw the distributions.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None for a new figure.
        bins : int, str or sequence of float, default=30
            Number of bins from 0 to the largest radius, a rule, or edges, as for :func:`numpy.histogram_bin_edges`.
        right_kwargs, wrong_kwargs : dict, default=None
            Style of the histograms, for :meth:`matplotlib.axes.Axes.stairs`.

        Returns
        -------
        CertifiedRadiusDisplay
            This display.
        """
        require_matplotlib(f"{type(self).__name__}.plot")
        self.classes_ = np.unique(self.y_true)
        radius, right = np.asarray(self.radius), self.y_pred == self.y_true
        weight = np.ones(len(radius)) if self.sample_weight is None else self.sample_weight
        finite = np.isfinite(radius)
        edges = np.histogram_bin_edges(radius[finite], bins, (0.0, radius[finite].max(initial=0.0) or 1.0))
        shares, medians, labels = [], [], []
        for label in self.classes_:
            own = self.y_true == label
            groups = own & right & finite, own & ~right & finite
            counts = [np.histogram(radius[rows], edges, weights=weight[rows])[0] for rows in groups]
            shares.append(np.array(counts) / (weight[own].sum() or 1.0))
            medians.append(weighted_median(radius[own & right], weight[own & right]))
            labels.append(lane_label(label, own.sum(), (own & ~right).sum(), np.isinf(radius[own]).sum()))

        self.ax_ = ax = axes_for(ax, f"{type(self).__name__}.plot", (7.0, 1.3 + 0.75 * len(labels)))
        self.figure_ = ax.figure
        has_wrong = np.isin(self.classes_, self.y_true[~right])
        self.right_, self.wrong_, self.medians_, self.magnification_ = draw_lanes(
            ax, np.array(shares), edges, medians, has_wrong, right_kwargs, wrong_kwargs
        )
        ax.set_yticks(np.arange(len(labels))[::-1], labels)
        ax.tick_params(axis="y", length=0)
        ax.set(xlim=(edges[0], edges[-1]), ylim=(-0.45, len(labels) - 0.2))
        ax.set(xlabel=distance_label("certified radius", self.norm, self.unit), ylabel="class")
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        norm: float | None = None,
        tolerances: ArrayLike | Mapping | None = None,
        step_lipschitz: dict | None = None,
        sample_weight: ArrayLike | None = None,
        unit: str | None = None,
        ax=None,
        bins: int | str | ArrayLike = 30,
        right_kwargs: dict | None = None,
        wrong_kwargs: dict | None = None,
    ) -> Self:
        """Draw the radii of a fitted estimator, by :func:`sklip.certified_radius`.

        Parameters
        ----------
        estimator : fitted estimator
            Any estimator that :func:`sklip.certified_radius` takes.
        X : array-like of shape (n_rows, n_columns) or (n_rows, height, width, channels)
            Rows, as for ``estimator.predict``.
        y : array-like of shape (n_rows,)
            Labels of the rows.
        norm : {1, 2, inf} or None, default=None
            Norm of displacements; None as in :func:`sklip.certified_radius`: that of the training, if there are no
            steps before the classifier.
        tolerances : array-like of shape (n_columns,) or mapping, default=None
            Tolerances, as in :func:`sklip.certified_radius`.
        step_lipschitz : dict of str to float, default=None
            Constants of pipeline steps, as in :func:`sklip.certified_radius`.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.
        unit : str, default=None
            Unit of distances, for the label; None for "units of X", or "tolerances" if distances are in these.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None for a new figure.
        bins : int, str or sequence of float, default=30
            See :meth:`plot`.
        right_kwargs, wrong_kwargs : dict, default=None
            See :meth:`plot`.

        Returns
        -------
        CertifiedRadiusDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If labels, norm or tolerances are invalid.
        sklip.exceptions.NotLipschitzError
            If the estimator or a step has no certificate.
        ImportError
            If matplotlib is not installed.

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
        unit = unit_of(unit, radius.in_tolerances)
        drawing: dict[str, Any] = {"bins": bins, "right_kwargs": right_kwargs, "wrong_kwargs": wrong_kwargs}
        return cls.from_predictions(y, y_pred, radius, sample_weight=sample_weight, unit=unit, ax=ax, **drawing)

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
    ) -> Self:
        """Draw the radii of predictions.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_rows,)
            Labels and predictions.
        radius : array-like of shape (n_rows,)
            Certified radii, as ``certified_radius`` returns them.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.
        unit : str, default=None
            Unit of the radii, for the label.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None for a new figure.
        bins : int, str or sequence of float, default=30
            See :meth:`plot`.
        right_kwargs, wrong_kwargs : dict, default=None
            See :meth:`plot`.

        Returns
        -------
        CertifiedRadiusDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If the arrays are empty or have different lengths, or if radii or weights are negative or no numbers.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from sklip.plotting import CertifiedRadiusDisplay
        >>> display = CertifiedRadiusDisplay.from_predictions([0, 1, 1], [0, 1, 0], [0.5, 0.9, 0.1])
        >>> len(display.right_), len(display.wrong_)
        (2, 1)
        """
        require_matplotlib(f"{cls.__name__}.from_predictions")
        true, predicted, radii, weights = check_rows(y_true, y_pred, radius, sample_weight)
        weight = None if sample_weight is None else weights
        norm = norm_of(radius)
        display = cls(y_true=true, y_pred=predicted, radius=radii, sample_weight=weight, norm=norm, unit=unit)
        return display.plot(ax=ax, bins=bins, right_kwargs=right_kwargs, wrong_kwargs=wrong_kwargs)
