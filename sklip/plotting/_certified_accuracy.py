"""Certified accuracy as a function of the radius, and the gap to an audit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklip.auditing import AuditResult
from sklip.metrics import certified_accuracy_curve
from sklip.plotting._estimators import labels_and_radii, norm_of, unit_of
from sklip.plotting._step_curves import check_audit, up_to, values_at
from sklip.plotting._style import COLORS, LINE_STYLES, axes_for, distance_label, require_matplotlib, styled

_CURVE = "sklip certified accuracy"


@dataclass(kw_only=True, eq=False, repr=False)
class CertifiedAccuracyDisplay:
    """Curve of certified accuracy: the share of rows that are predicted right, provably up to a distance.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make a display. All parameters are stored as attributes.
    To compare models, draw each on the axes of the previous one: ``ax=display.ax_``.

    Parameters
    ----------
    epsilons : ndarray of shape (n_steps,)
        Distances at which the curve falls. The first is 0.
    certified_accuracy : ndarray of shape (n_steps,)
        Certified accuracy from each distance up to the next.
    attack_epsilons, attack_accuracy : ndarray of shape (n_attack_steps,), default=None
        Curve of an attack: the share of rows that are predicted right and that no attack changed. The accuracy under
        the worst displacement lies between the two curves.
    name : str, default=None
        Name of the model, for the legend.
    norm : {1, 2, inf}, default=None
        Norm of the distances, for the label of the axis; None to leave it out.
    unit : str, default=None
        Unit of the distances.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The proven curve, a step function.
    attack_line_ : matplotlib.lines.Line2D or None
        The curve of the attack; None without an audit.
    bracket_ : matplotlib.collections.PolyCollection or None
        The shade between the two curves.
    ax_ : matplotlib.axes.Axes
        Axes of the picture.
    figure_ : matplotlib.figure.Figure
        Figure of the axes.

    See Also
    --------
    sklip.metrics.certified_accuracy_curve : The numbers of the curve.
    CertifiedRadiusDisplay : The distribution of the radii.
    sklip.audit : The attack.

    Examples
    --------
    >>> from sklip.metrics import certified_accuracy_curve
    >>> from sklip.plotting import CertifiedAccuracyDisplay
    >>> epsilons, accuracies = certified_accuracy_curve([0, 1, 1, 0], [0, 1, 0, 0], [0.5, 0.1, 0.9, 0.3])
    >>> display = CertifiedAccuracyDisplay(epsilons=epsilons, certified_accuracy=accuracies, name="four rows")
    >>> display.plot().line_.get_ydata().tolist()
    [0.75, 0.5, 0.25, 0.0]
    """

    epsilons: np.ndarray
    certified_accuracy: np.ndarray
    attack_epsilons: np.ndarray | None = None
    attack_accuracy: np.ndarray | None = None
    name: str | None = None
    norm: float | None = None
    unit: str | None = None

    def plot(
        self, ax=None, *, name: str | None = None, curve_kwargs: dict | None = None, bracket_kwargs: dict | None = None
    ) -> Self:
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None for a new figure. Each curve on the same axes gets another colour and style.
        name : str, default=None
            Name for the legend; None for the ``name`` of the display.
        curve_kwargs : dict, default=None
            Style of the proven curve, for :meth:`matplotlib.axes.Axes.plot`.
        bracket_kwargs : dict, default=None
            Style of the shade, for :meth:`matplotlib.axes.Axes.fill_between`.

        Returns
        -------
        CertifiedAccuracyDisplay
            This display.
        """
        self.ax_ = ax = axes_for(ax, f"{type(self).__name__}.plot")
        self.figure_ = ax.figure
        from matplotlib.collections import PolyCollection
        from matplotlib.lines import Line2D

        n_curves = sum(line.get_gid() == _CURVE for line in ax.lines)
        name = self.name if name is None else name
        steps: dict[str, Any] = {"drawstyle": "steps-post"}
        defaults = steps | {"linewidth": 2, "gid": _CURVE, "label": name}
        defaults["color"] = COLORS[n_curves % len(COLORS)]
        defaults["linestyle"] = LINE_STYLES[n_curves % len(LINE_STYLES)]
        end = self.epsilons[-1]
        if self.attack_epsilons is not None:
            defaults["label"] = f"{name or 'certified'}: proven"
            end = max(end, self.attack_epsilons[-1])
        # Infinite radii keep a curve above 0. It is drawn a little further than the last step of both curves.
        end = 1.1 * end or 1.0
        lower = up_to(self.epsilons, self.certified_accuracy, end)
        (self.line_,) = lines = ax.plot(*lower, **styled(defaults, curve_kwargs, Line2D))
        self.attack_line_ = self.bracket_ = None
        if self.attack_epsilons is not None:
            upper = up_to(self.attack_epsilons, self.attack_accuracy, end)
            color, label = self.line_.get_color(), f"{name or 'certified'}: upper bound by attack"
            (self.attack_line_,) = ax.plot(*upper, color=color, linewidth=1, label=label, **steps)
            lines = [self.line_, self.attack_line_]
            distances = np.union1d(lower[0], upper[0])
            heights = (values_at(distances, *curve) for curve in (lower, upper))
            shade = styled({"color": color, "alpha": 0.2, "linewidth": 0}, bracket_kwargs, PolyCollection)
            self.bracket_ = ax.fill_between(distances, *heights, step="post", **shade)
        for line in lines:
            line.sticky_edges.x.append(0.0)
            line.sticky_edges.y.append(0.0)
        ax.update_datalim([(0.0, 0.0), (0.0, 1.0)])
        ax.autoscale_view()
        ax.set(xlabel=distance_label("radius", self.norm, self.unit), ylabel="certified accuracy")
        if ax.get_legend_handles_labels()[0]:
            ax.legend(loc="best", frameon=False)
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        audit: AuditResult | None = None,
        norm: float | None = None,
        tolerances: ArrayLike | Mapping | None = None,
        step_lipschitz: dict | None = None,
        sample_weight: ArrayLike | None = None,
        unit: str | None = None,
        name: str | None = None,
        ax=None,
        curve_kwargs: dict | None = None,
        bracket_kwargs: dict | None = None,
    ) -> Self:
        """Draw the curve of a fitted estimator, by :func:`sklip.certified_radius`.

        Parameters
        ----------
        estimator : fitted estimator
            Any estimator that :func:`sklip.certified_radius` takes.
        X : array-like of shape (n_rows, n_columns) or (n_rows, height, width, channels)
            Rows, as for ``estimator.predict``.
        y : array-like of shape (n_rows,)
            Labels of the rows.
        audit : sklip.AuditResult, default=None
            Result of :func:`sklip.audit` for these rows, with the same ``norm`` and ``tolerances``.
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
        name : str, default=None
            Name for the legend; None for the name of the class of the estimator.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None for a new figure.
        curve_kwargs, bracket_kwargs : dict, default=None
            See :meth:`plot`.

        Returns
        -------
        CertifiedAccuracyDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If labels, norm or tolerances are invalid, or if the audit is of other rows.
        sklip.exceptions.NotLipschitzError
            If the estimator or a step has no certificate.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from sklearn.datasets import make_moons
        >>> from sklip import HKRClassifier
        >>> from sklip.plotting import CertifiedAccuracyDisplay
        >>> X, y = make_moons(200, noise=0.05, random_state=0)
        >>> display = None
        >>> for alpha in (10, 100):
        ...     model = HKRClassifier(hidden_layer_sizes=(16, 8), alpha=alpha, epochs=5, random_state=0).fit(X, y)
        ...     display = CertifiedAccuracyDisplay.from_estimator(
        ...         model, X, y, name=f"alpha={alpha}", ax=display and display.ax_
        ...     )
        >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
        ['alpha=10', 'alpha=100']
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        y_pred, radius = labels_and_radii(estimator, X, y, norm, tolerances, step_lipschitz)
        unit, name = unit_of(unit, radius.in_tolerances), type(estimator).__name__ if name is None else name
        drawing: dict[str, Any] = {"ax": ax, "curve_kwargs": curve_kwargs, "bracket_kwargs": bracket_kwargs}
        return cls.from_predictions(
            y, y_pred, radius, audit=audit, sample_weight=sample_weight, unit=unit, name=name, **drawing
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        radius: ArrayLike,
        *,
        audit: AuditResult | None = None,
        sample_weight: ArrayLike | None = None,
        unit: str | None = None,
        name: str | None = None,
        ax=None,
        curve_kwargs: dict | None = None,
        bracket_kwargs: dict | None = None,
    ) -> Self:
        """Draw the curve of predictions and their radii.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_rows,)
            Labels and predictions.
        radius : array-like of shape (n_rows,)
            Certified radii, as ``certified_radius`` returns them.
        audit : sklip.AuditResult, default=None
            Result of :func:`sklip.audit` for these rows.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.
        unit : str, default=None
            Unit of the radii, for the label.
        name : str, default=None
            Name for the legend.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None for a new figure.
        curve_kwargs, bracket_kwargs : dict, default=None
            See :meth:`plot`.

        Returns
        -------
        CertifiedAccuracyDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If the arrays have different lengths, if radii or weights are negative or no numbers, or if the audit is of
            other rows.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from sklip.plotting import CertifiedAccuracyDisplay
        >>> display = CertifiedAccuracyDisplay.from_predictions([0, 1, 1, 0], [0, 1, 0, 0], [0.5, 0.1, 0.9, 0.3])
        >>> display.epsilons.tolist()
        [0.0, 0.1, 0.3, 0.5]
        """
        require_matplotlib(f"{cls.__name__}.from_predictions")
        epsilons, accuracies = certified_accuracy_curve(y_true, y_pred, radius, sample_weight=sample_weight)
        others: dict[str, Any] = {"name": name, "norm": norm_of(radius), "unit": unit}
        if audit is not None:
            check_audit(audit, y_pred, radius)
            curve = certified_accuracy_curve(y_true, y_pred, audit.attack, sample_weight=sample_weight)
            others |= {"norm": audit.norm, "attack_epsilons": curve[0], "attack_accuracy": curve[1]}
        display = cls(epsilons=epsilons, certified_accuracy=accuracies, **others)
        return display.plot(ax=ax, curve_kwargs=curve_kwargs, bracket_kwargs=bracket_kwargs)
