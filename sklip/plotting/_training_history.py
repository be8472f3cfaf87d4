"""The record of a training, epoch by epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator

from sklip.pipelines.unwrap import unwrapped
from sklip.plotting._style import COLORS, axes_for, require_matplotlib, styled

_LABELS = {
    "loss": "loss",
    "kr": "KR (units of the data)",
    "hinge": "hinge (units of the data)",
    "cross_entropy": "cross-entropy (nats)",
    "accuracy": "accuracy",
    "certified_accuracy": "certified accuracy",
}
_TRAINING = "sklip training"
_STYLES: dict[str, dict[str, Any]] = {
    "": {"linestyle": "solid", "label": "training", "gid": _TRAINING},
    "val_": {"linestyle": "dashed", "label": "validation"},
}
"""Style and label of a line, by the prefix of its name."""


@dataclass(kw_only=True, eq=False, repr=False)
class TrainingHistoryDisplay:
    """Loss, its terms and accuracy by epoch: one panel each, with solid lines for training, dashed ones for validation.

    Use :meth:`from_estimator` to make a display. All parameters are stored as attributes. To compare trainings, draw
    each on the panels of the previous one: ``ax=display.ax_``.

    Parameters
    ----------
    history : dict of str to sequence of float
        One number per epoch for each name, as in ``history_`` of a fitted classifier. Names with ``val_`` are of
        validation rows. Epochs without a number hold nan.
    name : str, default=None
        Name of the training, for the legend.

    Attributes
    ----------
    lines_ : dict of str to matplotlib.lines.Line2D
        Lines, by the names of ``history``.
    ax_ : ndarray of shape (n_panels,) of matplotlib.axes.Axes
        Panels, in the order of ``history``.
    figure_ : matplotlib.figure.Figure
        Figure of the panels.

    See Also
    --------
    sklip.HKRClassifier.loss_terms : The same terms for any rows, from the fitted network.

    Examples
    --------
    >>> from sklip.plotting import TrainingHistoryDisplay
    >>> display = TrainingHistoryDisplay(history={"loss": [2.0, 1.0], "val_loss": [2.5, 1.5], "accuracy": [0.8, 0.9]})
    >>> len(display.plot().ax_), sorted(display.lines_)
    (2, ['accuracy', 'loss', 'val_loss'])
    """

    history: Mapping[str, Sequence[float]]
    name: str | None = None

    def plot(
        self, ax=None, *, terms: Sequence[str] | None = None, name: str | None = None, line_kwargs: dict | None = None
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or array-like of them, default=None
            One panel per term, or Axes that the panels replace; None for a new figure.
        terms : sequence of str, default=None
            Names of the terms to draw, without ``val_``; None for all.
        name : str, default=None
            Name for the legend; None for the ``name`` of the display.
        line_kwargs : dict, default=None
            Style of all lines, for :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        TrainingHistoryDisplay
            This display.

        Raises
        ------
        ValueError
            If a term was not recorded, or if there are not as many panels as terms.
        """
        require_matplotlib(f"{type(self).__name__}.plot")
        from matplotlib.lines import Line2D

        terms = _terms(self.history, terms)
        self.ax_ = panels = _panels(ax, len(terms), f"{type(self).__name__}.plot")
        self.figure_, self.lines_ = panels[0].figure, {}
        name = self.name if name is None else name
        color = COLORS[sum(line.get_gid() == _TRAINING for line in panels[0].lines) % len(COLORS)]
        for panel, term in zip(panels, terms, strict=True):
            for prefix, style in _STYLES.items():
                values = np.asarray(self.history.get(prefix + term, []), dtype=np.float64)
                if np.isnan(values).all():
                    continue
                # Without a marker, a single point and a point between gaps are invisible.
                marker = "o" if np.isfinite(values).sum() < 12 else "none"
                defaults = style | {"color": color, "linewidth": 1.8, "marker": marker, "markersize": 4}
                if name:
                    defaults["label"] = f"{name}, {style['label']}"
                (line,) = panel.plot(np.arange(1, len(values) + 1), values, **styled(defaults, line_kwargs, Line2D))
                self.lines_[prefix + term] = line
            panel.set(xlabel="epoch", title=_LABELS.get(term, term.replace("_", " ")))
            panel.xaxis.get_major_locator().set_params(integer=True)
        if panels[0].get_legend_handles_labels()[0]:
            panels[0].legend(loc="best", frameon=False, fontsize="small")
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        terms: Sequence[str] | None = None,
        name: str | None = None,
        ax=None,
        line_kwargs: dict | None = None,
    ) -> Self:
        """Draw the training of a fitted estimator.

        Parameters
        ----------
        estimator : fitted estimator
            A sklip estimator; or a pipeline, a search or a FrozenEstimator that ends in one.
        terms : sequence of str, default=None
            See :meth:`plot`.
        name : str, default=None
            Name for the legend.
        ax : matplotlib.axes.Axes or array-like of them, default=None
            See :meth:`plot`.
        line_kwargs : dict, default=None
            See :meth:`plot`.

        Returns
        -------
        TrainingHistoryDisplay
            The display, which has been drawn.

        Raises
        ------
        TypeError
            If the estimator has no ``history_``.
        ValueError
            See :meth:`plot`.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from sklearn.datasets import make_moons
        >>> from sklip import HKRClassifier
        >>> from sklip.plotting import TrainingHistoryDisplay
        >>> X, y = make_moons(200, noise=0.05, random_state=0)
        >>> model = HKRClassifier(hidden_layer_sizes=(16, 8), epochs=5, random_state=0)
        >>> model = model.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
        >>> display = TrainingHistoryDisplay.from_estimator(model, terms=["loss", "accuracy"])
        >>> sorted(display.lines_)
        ['accuracy', 'loss', 'val_accuracy', 'val_loss']
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        _, inner = unwrapped(estimator, strict=False)
        if not hasattr(inner, "history_"):
            raise TypeError(
                f"{type(inner).__name__} has no history_. Give a fitted sklip estimator, or a pipeline or search that "
                "ends in one."
            )
        return cls(history=inner.history_, name=name).plot(ax=ax, terms=terms, line_kwargs=line_kwargs)


def _terms(history, terms):
    """Return the terms to draw, all of which must be in the history."""
    recorded = list(dict.fromkeys(name.removeprefix("val_") for name in history))
    terms = recorded if terms is None else terms
    if isinstance(terms, str) or not len(terms) or not all(term in recorded for term in terms):
        raise ValueError(f"terms must be a list of some of {recorded}, which history holds; got {terms!r}.")
    return list(terms)


def _panels(ax, count, caller):
    """Return panels side by side: the given ones, or new ones that replace a given one or are in a new figure."""
    from matplotlib.axes import Axes

    if ax is None:
        ax = axes_for(None, caller, (3.1 * count, 3.0))
    elif not isinstance(ax, Axes):
        panels = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(panels) != count:
            raise ValueError(
                f"ax holds {len(panels)} Axes, and there are {count} terms. Give as many, or choose terms."
            )
        return np.array([axes_for(panel, caller) for panel in panels], dtype=object)
    place = ax.get_subplotspec()
    if place is None or not ax.axison:
        raise ValueError(
            "ax must be an Axes in a grid of subplots, not yet drawn on; to draw on panels: ax=display.ax_."
        )
    ax.set_axis_off()
    panels = np.array([ax.figure.add_subplot(spec) for spec in place.subgridspec(1, count)], dtype=object)
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
    return panels
