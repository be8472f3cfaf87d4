"""Histograms of radii, with one lane per class: right predictions upwards, wrong ones downwards."""

import numpy as np

from sklip.plotting._style import INK, class_color, number, styled

_UP, _DOWN = 0.62, 0.28
"""Heights of the largest bins above and below the line of a class. The distance of the lines is 1."""


def draw_lanes(ax, shares, edges, medians, has_wrong, right_kwargs, wrong_kwargs):
    """Draw histograms, medians and the legend.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    shares : ndarray of shape (n_classes, 2, n_bins)
        Heights of the bins of right and of wrong predictions.
    edges : ndarray of shape (n_bins + 1,)
    medians : sequence of n_classes floats
        Medians of the right predictions. Infinite ones and nan are not drawn.
    has_wrong : ndarray of shape (n_classes,), bool
        True for classes that have wrong predictions.
    right_kwargs, wrong_kwargs : dict or None
        Styles of the histograms.

    Returns
    -------
    right, wrong, medians : lists of artists
    magnification : float
        Factor of the heights of wrong predictions.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch, StepPatch

    right_peak, wrong_peak = shares.max(axis=(0, 2))
    scale = min((room / peak for room, peak in ((_UP, right_peak), (_DOWN, wrong_peak)) if peak), default=0.0)
    magnification = _round_factor(_DOWN / (scale * wrong_peak)) if wrong_peak else 1.0
    wrong_style = {"facecolor": "none", "edgecolor": INK, "hatch": "/////", "linewidth": 0.6}
    wrong_style = styled(wrong_style, wrong_kwargs, StepPatch)
    right, wrong, lines = [], [], []
    for class_index, (up, down) in enumerate(scale * shares):
        base, color = len(shares) - 1 - class_index, class_color(class_index)
        style = styled({"facecolor": color, "edgecolor": color, "fill": True}, right_kwargs, StepPatch)
        ax.axhline(base, color=INK, linewidth=0.6, zorder=0.5)
        right.append(ax.stairs(base + up, edges, baseline=base, **style))
        if has_wrong[class_index]:
            wrong.append(ax.stairs(base - magnification * down, edges, baseline=base, **{"fill": True, **wrong_style}))
        if np.isfinite(median := medians[class_index]):
            lines += ax.plot([median, median], [base, base + _UP], color=INK, linewidth=1.6)
    handles = [Patch(facecolor="#999999", label="predicted right")]
    handles.append(Line2D([], [], color=INK, linewidth=1.6, label="median of those"))
    if wrong:
        times = f", {number(magnification)} × higher" if magnification != 1 else ""
        wrong_style.pop("fill", None)
        handles.append(Patch(**wrong_style, label=f"predicted wrong{times}"))
    compact = {"fontsize": "small", "columnspacing": 1.2, "handletextpad": 0.6, "ncols": 3, "frameon": False}
    ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), **compact)
    return right, wrong, lines, magnification


def lane_label(label, n_rows, n_wrong, n_infinite):
    """Return the text next to the line of a class."""
    text = f"{label}\n{n_rows} row{'' if n_rows == 1 else 's'}, {n_wrong} wrong"
    return text + (f",\n{n_infinite} without limit" if n_infinite else "")


def weighted_median(values, weight):
    """Return the weighted median, the lower one of two, or nan if the weights are all 0."""
    if not weight.any():
        return np.nan
    order = np.argsort(values)
    cumulated = np.cumsum(weight[order])
    return values[order][np.searchsorted(cumulated, 0.5 * cumulated[-1])]


def _round_factor(limit):
    """Return the largest of 1, 2, 5, 10, 20, … that is not above a limit of 1 or more."""
    limit *= 1 + 1e-9
    power = 10.0 ** np.floor(np.log10(limit))
    return float(max(step * power for step in (1, 2, 5) if step * power <= limit))
