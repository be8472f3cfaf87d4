"""How much each column counts in a network that was trained for the largest change of any column."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklip.pipelines.unwrap import is_passthrough, unwrapped
from sklip.plotting._estimators import column_name
from sklip.plotting._style import COLORS, axes_for, number, require_matplotlib, styled


@dataclass(kw_only=True, eq=False, repr=False)
class FeatureWeightsDisplay:
    """Weights of the columns, the largest on top.

    Networks that are trained for ``norm="inf"`` have a weight for each column: a change of the column by one tolerance,
    or by one unit without tolerances, moves the score by at most this weight. The squares of all weights add up to 1.

    Use :meth:`from_estimator` to make a display. All parameters are stored as attributes.

    Parameters
    ----------
    feature_weights : ndarray of shape (n_features,)
        Weights, as in ``feature_weights_`` of a fitted classifier.
    feature_names : sequence of str, default=None
        Names of the columns; None for their positions.
    tolerances : ndarray of shape (n_features,), default=None
        Tolerances for which the network was trained. They are written after the names, and the label of the axis says
        that weights are per tolerance.

    Attributes
    ----------
    shown_ : ndarray of shape (n_shown,), int
        Positions of the columns that are shown, from top to bottom.
    bars_ : matplotlib.container.BarContainer
        Bars, from top to bottom.
    ax_ : matplotlib.axes.Axes
        Axes of the picture.
    figure_ : matplotlib.figure.Figure
        Figure of the axes.

    See Also
    --------
    sklip.HKRClassifier : Its attribute ``feature_weights_`` says what is proven of the weights.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.plotting import FeatureWeightsDisplay
    >>> display = FeatureWeightsDisplay(
    ...     feature_weights=np.array([0.6, 0.0, 0.8]), feature_names=["age", "visits", "income"]
    ... ).plot(max_features=2)
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['income', 'age']
    """

    feature_weights: np.ndarray
    feature_names: Sequence[str] | None = None
    tolerances: np.ndarray | None = None

    def plot(self, ax=None, *, max_features: int | None = 20, bar_kwargs: dict | None = None) -> Self:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None for a new figure.
        max_features : int, default=20
            Number of columns with the largest weights that are shown; None for all.
        bar_kwargs : dict, default=None
            Style of the bars, for :meth:`matplotlib.axes.Axes.barh`.

        Returns
        -------
        FeatureWeightsDisplay
            This display.

        Raises
        ------
        ValueError
            If ``max_features`` is no number of 1 or more.
        """
        require_matplotlib(f"{type(self).__name__}.plot")
        from matplotlib.patches import Rectangle

        weights, n_features = np.asarray(self.feature_weights), len(self.feature_weights)
        n_shown = _n_shown(max_features, n_features)
        self.shown_ = shown = np.argsort(-weights, kind="stable")[:n_shown]
        self.ax_ = ax = axes_for(ax, f"{type(self).__name__}.plot", (6.0, 0.9 + 0.27 * n_shown))
        self.figure_ = ax.figure
        style = styled({"height": 0.72, "color": COLORS[0]}, bar_kwargs, Rectangle)
        self.bars_ = ax.barh(np.arange(n_shown), weights[shown], **style)
        ax.set_yticks(np.arange(n_shown), [self._label(column) for column in shown])
        ax.tick_params(axis="y", length=0)
        unit = "unit" if self.tolerances is None else "tolerance"
        ax.set(xlabel=f"largest change of the score per {unit}", ylim=(n_shown - 0.4, -0.6))
        ax.set_xlim(left=0.0)
        if n_shown < n_features:
            ax.set_ylabel(f"{n_shown} of {n_features} columns")
        return self

    def _label(self, column):
        """Name of a column, with its tolerance."""
        name = column_name(int(column) if self.feature_names is None else str(self.feature_names[column]))
        return name if self.tolerances is None else f"{name} ± {number(self.tolerances[column])}"

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        max_features: int | None = 20,
        feature_names: ArrayLike | None = None,
        ax=None,
        bar_kwargs: dict | None = None,
    ) -> Self:
        """Draw the weights of a fitted estimator.

        Parameters
        ----------
        estimator : fitted estimator
            An estimator with ``feature_weights_``; or a pipeline, a search or a FrozenEstimator that ends in one.
            Behind the steps of a pipeline, the columns are those that the steps make.
        max_features : int, default=20
            See :meth:`plot`.
        feature_names : array-like of str of shape (n_features,), default=None
            Names of the columns; None for those of ``fit``, or of ``get_feature_names_out`` of the steps of a pipeline,
            or else for positions.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None for a new figure.
        bar_kwargs : dict, default=None
            See :meth:`plot`.

        Returns
        -------
        FeatureWeightsDisplay
            The display, which has been drawn.

        Raises
        ------
        TypeError
            If the estimator has no ``feature_weights_``.
        ValueError
            If there is not one name for each column; see also :meth:`plot`.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklip import HKRClassifier
        >>> from sklip.plotting import FeatureWeightsDisplay
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> model = HKRClassifier(norm="inf", tolerances=0.1, hidden_layer_sizes=(16, 8), epochs=40, random_state=0)
        >>> display = FeatureWeightsDisplay.from_estimator(model.fit(X, y), max_features=2)
        >>> [label.get_text() for label in display.ax_.get_yticklabels()]
        ['petal length (cm) ± 0.1', 'petal width (cm) ± 0.1']
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        before: list[tuple[str, Any]] = []
        inner: Any = estimator
        if not hasattr(inner, "feature_weights_"):
            before, inner = unwrapped(estimator, strict=False)
        if not hasattr(inner, "feature_weights_"):
            check_is_fitted(inner)
            raise TypeError(
                f"{type(inner).__name__} has no feature_weights_, which only networks that are trained for norm='inf' "
                "have. Give such an estimator, or a pipeline or search that ends in one."
            )
        weights = np.asarray(inner.feature_weights_)
        names: Any = _names(before, inner) if feature_names is None else feature_names
        if names is not None and np.shape(names) != weights.shape:
            if feature_names is not None:
                raise ValueError(
                    f"feature_names must hold one name for each of the {len(weights)} columns; got {feature_names!r}."
                )
            names = None
        tolerances: Any = getattr(inner, "tolerances_", None)
        return cls(
            feature_weights=weights,
            feature_names=names,
            tolerances=tolerances if np.shape(tolerances) == weights.shape else None,
        ).plot(ax=ax, max_features=max_features, bar_kwargs=bar_kwargs)


def _n_shown(max_features, n_features):
    """Number of bars."""
    if max_features is None:
        return n_features
    if isinstance(max_features, bool) or not isinstance(max_features, (int, np.integer)) or max_features < 1:
        raise ValueError(f"max_features must be an integer, 1 or more, or None; got {max_features!r}.")
    return min(int(max_features), n_features)


def _names(before, inner) -> Any:
    """Names of the columns that the estimator at the end gets, or None if a step does not know them."""
    steps = [step for _, step in before if not is_passthrough(step)]
    if not steps:
        return getattr(inner, "feature_names_in_", None)
    names = getattr(steps[0], "feature_names_in_", None)
    try:
        for step in steps:
            names = step.get_feature_names_out(names)
    except (AttributeError, ValueError):
        return getattr(inner, "feature_names_in_", None)
    return names
