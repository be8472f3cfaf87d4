"""Certified accuracy against the radius, and what an audit leaves undecided."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklip.auditing import AuditResult
from sklip.metrics import certified_accuracy_curve
from sklip.plotting._estimators import labels_and_radii, norm_of, unit_of
from sklip.plotting._step_curves import check_audit, up_to, values_at
from sklip.plotting._style import COLORS, LINE_STYLES, axes_for, distance_label, require_matplotlib, styled

_CURVE = "sklip certified accuracy"


class CertifiedAccuracyDisplay:
    """Curve of certified accuracy: the share of rows predicted right, and proven to stay so, against the distance.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one. All parameters are stored as attributes. To
    compare models, draw each on the axes of the one before: ``ax=display.ax_``.

    Parameters
    ----------
    epsilons : ndarray of shape (n_steps,)
        Distances at which the curve falls, 0 first.
    certified_accuracy : ndarray of shape (n_steps,)
        From each of them up to the next.
    attack_epsilons, attack_accuracy : ndarray of shape (n_attack_steps,), default=None
        The same of an attack: the share of rows predicted right that no attack changed. The accuracy under the worst
        displacement lies between the two curves.
    name : str, default=None
        Of the model, for the legend.
    norm : {1, 2, inf}, default=None
        Of the distances, for the label of the axis; None not to say.
    unit : str, default=None
        Of the distances.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The proven curve, a step function.
    attack_line_ : matplotlib.lines.Line2D or None
        The upper curve; None without an audit.
    bracket_ : matplotlib.collections.PolyCollection or None
        The shade between the two.
    ax_ : matplotlib.axes.Axes
        What it was drawn on.
    figure_ : matplotlib.figure.Figure
        Its figure.

    See Also
    --------
    sklip.metrics.certified_accuracy_curve : The numbers.
    CertifiedRadiusDisplay : Which rows have which radii.
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

    def __init__(
        self,
        *,
        epsilons: np.ndarray,
        certified_accuracy: np.ndarray,
        attack_epsilons: np.ndarray | None = None,
        attack_accuracy: np.ndarray | None = None,
        name: str | None = None,
        norm: float | None = None,
        unit: str | None = None,
    ):
        self.epsilons = epsilons
        self.certified_accuracy = certified_accuracy
        self.attack_epsilons = attack_epsilons
        self.attack_accuracy = attack_accuracy
        self.name = name
        self.norm = norm
        self.unit = unit

    def plot(
        self, ax=None, *, name: str | None = None, curve_kwargs: dict | None = None, bracket_kwargs: dict | None = None
    ) -> "CertifiedAccuracyDisplay":
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None for a new figure. Each curve on the same axes gets its own colour and style.
        name : str, default=None
            For the legend; None for the ``name`` of the display.
        curve_kwargs : dict, default=None
            Of the proven curve, for :meth:`matplotlib.axes.Axes.plot`.
        bracket_kwargs : dict, default=None
            Of the shade, for :meth:`matplotlib.axes.Axes.fill_between`.

        Returns
        -------
        CertifiedAccuracyDisplay
            This display.
        """
        self.ax_ = ax = axes_for(ax, f"{type(self).__name__}.plot")
        self.figure_ = ax.figure
        from matplotlib.collections import PolyCollection
        from matplotlib.lines import Line2D

        place = sum(line.get_gid() == _CURVE for line in ax.lines)
        name = self.name if name is None else name
        attack = self.attack_epsilons
        attacked = attack is not None
        defaults = {
            "color": COLORS[place % len(COLORS)],
            "linestyle": LINE_STYLES[place % len(LINE_STYLES)],
            "linewidth": 2,
            "drawstyle": "steps-post",
            "gid": _CURVE,
            "label": f"{name or 'certified'}: proven" if attacked else name,
        }
        # A curve that ends above 0, as rows have infinite radii, goes on as far as there is something to see.
        ends = [self.epsilons[-1], *([] if attack is None else [attack[-1]])]
        end = 1.1 * max(ends) or 1.0
        epsilons, accuracies = up_to(self.epsilons, self.certified_accuracy, end)
        (self.line_,) = ax.plot(epsilons, accuracies, **styled(defaults, curve_kwargs, Line2D))
        lines = [self.line_]
        self.attack_line_ = self.bracket_ = None
        if attacked:
            upper = up_to(self.attack_epsilons, self.attack_accuracy, end)
            style = {"color": self.line_.get_color(), "linewidth": 1, "drawstyle": "steps-post"}
            (self.attack_line_,) = ax.plot(*upper, **style, label=f"{name or 'certified'}: upper bound by attack")
            lines.append(self.attack_line_)
            steps = np.union1d(epsilons, upper[0])
            shade = {"color": self.line_.get_color(), "alpha": 0.2, "linewidth": 0}
            self.bracket_ = ax.fill_between(
                steps,
                *(values_at(steps, *curve) for curve in ((epsilons, accuracies), upper)),
                step="post",
                **styled(shade, bracket_kwargs, PolyCollection),
            )
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
        norm: float = 2,
        tolerances: ArrayLike | Mapping | None = None,
        step_lipschitz: dict | None = None,
        sample_weight: ArrayLike | None = None,
        unit: str | None = None,
        name: str | None = None,
        ax=None,
        curve_kwargs: dict | None = None,
        bracket_kwargs: dict | None = None,
    ) -> "CertifiedAccuracyDisplay":
        """Draw the curve of a fitted estimator, by :func:`sklip.certified_radius`.

        Parameters
        ----------
        estimator : fitted estimator
            Anything that :func:`sklip.certified_radius` takes.
        X : array-like of shape (n_rows, n_columns)
            Rows, as for ``estimator.predict``.
        y : array-like of shape (n_rows,)
            Their labels.
        audit : sklip.AuditResult, default=None
            What :func:`sklip.audit` found for these rows, with the same ``norm`` and ``tolerances``.
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
        name : str, default=None
            For the legend; None for the name of the estimator's class.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None for a new figure.
        curve_kwargs, bracket_kwargs : dict, default=None
            As for :meth:`plot`.

        Returns
        -------
        CertifiedAccuracyDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            For labels, norms and tolerances that make no sense, and for an audit of other rows.
        sklip.exceptions.NotLipschitzError
            For an estimator, or a step, without a certificate.
        ImportError
            Without matplotlib.

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
        return cls.from_predictions(
            y,
            y_pred,
            radius,
            audit=audit,
            sample_weight=sample_weight,
            unit=unit_of(unit, tolerances),
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            curve_kwargs=curve_kwargs,
            bracket_kwargs=bracket_kwargs,
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
    ) -> "CertifiedAccuracyDisplay":
        """Draw the curve of predictions and their radii.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_rows,)
            Labels, and what was predicted.
        radius : array-like of shape (n_rows,)
            Certified radii, as ``certified_radius`` returns them.
        audit : sklip.AuditResult, default=None
            What :func:`sklip.audit` found for these rows.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.
        unit : str, default=None
            Of the radii, for the label.
        name : str, default=None
            For the legend.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None for a new figure.
        curve_kwargs, bracket_kwargs : dict, default=None
            As for :meth:`plot`.

        Returns
        -------
        CertifiedAccuracyDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            For arrays of unlike length, radii or weights that are negative or not numbers, and for an audit of other
            rows.
        ImportError
            Without matplotlib.

        Examples
        --------
        >>> from sklip.plotting import CertifiedAccuracyDisplay
        >>> display = CertifiedAccuracyDisplay.from_predictions([0, 1, 1, 0], [0, 1, 0, 0], [0.5, 0.1, 0.9, 0.3])
        >>> display.epsilons.tolist()
        [0.0, 0.1, 0.3, 0.5]
        """
        require_matplotlib(f"{cls.__name__}.from_predictions")
        curve = certified_accuracy_curve(y_true, y_pred, radius, sample_weight=sample_weight)
        attacked: tuple[np.ndarray, np.ndarray] | tuple[None, None] = (None, None)
        norm = norm_of(radius)
        if audit is not None:
            check_audit(audit, y_pred, radius)
            attacked = certified_accuracy_curve(y_true, y_pred, audit.attack, sample_weight=sample_weight)
            norm = audit.norm
        display = cls(
            epsilons=curve[0],
            certified_accuracy=curve[1],
            attack_epsilons=attacked[0],
            attack_accuracy=attacked[1],
            name=name,
            norm=norm,
            unit=unit,
        )
        return display.plot(ax=ax, curve_kwargs=curve_kwargs, bracket_kwargs=bracket_kwargs)
