"""Histograms of radii, a lane for each class: right predictions upwards, wrong ones downwards."""

import numpy as np

from sklip.plotting._style import INK, class_color, number, styled

_TIGHT = {"fontsize": "small", "columnspacing": 1.2, "handletextpad": 0.6}
_UP, _DOWN = 0.62, 0.28
"""Heights of the largest bins above and below the line of a class; lines are 1 apart."""


def draw_lanes(display, shares, edges, groups, weight, right_kwargs, wrong_kwargs):
    """Draw histograms, medians and the legend on the axes of a display."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch, StepPatch

    ax, (right_peak, wrong_peak) = display.ax_, shares.max(axis=(0, 2))
    height = min((room / peak for room, peak in ((_UP, right_peak), (_DOWN, wrong_peak)) if peak), default=0.0)
    display.magnification_ = _round_factor(_DOWN / (height * wrong_peak)) if wrong_peak else 1.0
    display.right_, display.wrong_, display.medians_ = [], [], []
    wrong_style = {"facecolor": "none", "edgecolor": INK, "hatch": "/////", "linewidth": 0.6, "fill": True}
    wrong_style = styled(wrong_style, wrong_kwargs, StepPatch)
    for code, line in enumerate(range(len(display.classes_) - 1, -1, -1)):
        color = class_color(code)
        style = styled({"facecolor": color, "edgecolor": color, "fill": True}, right_kwargs, StepPatch)
        right, wrong = height * shares[code]
        ax.axhline(line, color=INK, linewidth=0.6, zorder=0.5)
        display.right_.append(ax.stairs(line + right, edges, baseline=line, **style))
        if groups[2 * code + 1].any():
            lower = line - display.magnification_ * wrong
            display.wrong_.append(ax.stairs(lower, edges, baseline=line, **wrong_style))
        median = _median(np.asarray(display.radius)[groups[2 * code]], weight[groups[2 * code]])
        if np.isfinite(median):
            (drawn,) = ax.plot([median, median], [line, line + _UP], color=INK, linewidth=1.6)
            display.medians_.append(drawn)
    times = f", {number(display.magnification_)} × higher" if display.magnification_ != 1 else ""
    handles = [
        Patch(facecolor="#999999", label="predicted right"),
        Line2D([], [], color=INK, linewidth=1.6, label="median of those"),
    ]
    if display.wrong_:
        sample = {key: value for key, value in wrong_style.items() if key != "fill"}
        handles.append(Patch(**sample, label=f"predicted wrong{times}"))
    ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False, **_TIGHT)


def lane_label(display, label):
    """What stands beside the line of a class."""
    own = display.y_true == label
    rows, wrong = int(own.sum()), int((own & (display.y_pred != display.y_true)).sum())
    infinite = int(np.isinf(display.radius[own]).sum())
    text = f"{label}\n{rows} row{'' if rows == 1 else 's'}, {wrong} wrong"
    return text + (f",\n{infinite} without limit" if infinite else "")


def _median(values, weight):
    """The weighted median, the lower one of two; nan without rows that weigh anything."""
    if not weight.any():
        return np.nan
    order = np.argsort(values)
    below = np.cumsum(weight[order])
    return values[order][np.searchsorted(below, 0.5 * below[-1])]


def _round_factor(largest):
    """The largest of 1, 2, 5, 10, 20, … up to a number that is 1 or more."""
    power = 10.0 ** np.floor(np.log10(largest * (1 + 1e-9)))
    return float(max(step * power for step in (1, 2, 5) if step * power <= largest * (1 + 1e-9)))
