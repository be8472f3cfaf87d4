"""Scores over a plane, drawn: fills, level lines, boundary, margin."""

from dataclasses import dataclass, field

import numpy as np

from sklip.plotting._style import INK, class_color, number, tint


@dataclass
class Surface:
    """The artists of a surface; None and empty lists for what is not there."""

    fills: list = field(default_factory=list)
    levels: object = None
    boundary: list = field(default_factory=list)
    margin: object = None


def draw_two_classes(ax, grid, scores: np.ndarray, min_margin: float | None) -> Surface:
    """One score: its level lines, the boundary where it is 0, the margin on both sides of it."""
    from matplotlib.colors import LinearSegmentedColormap

    surface, top = Surface(), np.abs(scores).max() or 1.0
    ends = (tint(class_color(code), 0.65) for code in (0, 1))
    colors = LinearSegmentedColormap.from_list("sklip scores", [next(ends), "#f7f7f5", next(ends)])
    surface.fills.append(ax.contourf(*grid, scores, levels=np.linspace(-top, top, 25), cmap=colors, zorder=-1))
    margins = [] if min_margin is None else [-min_margin, min_margin]
    levels = _round_levels(scores, 9)
    # A level line next to the margin, or on it, would be read as the margin.
    apart = np.abs(np.abs(levels) - min_margin) >= 0.25 * _step(levels) if margins else True
    shown = levels[(levels != 0) & apart]
    surface.levels = _lines(ax, grid, scores, shown, labelled=True, colors="#555555", linewidths=0.6)
    surface.margin = _lines(ax, grid, scores, margins, colors=INK, linewidths=1.1, linestyles="dashed")
    surface.boundary = _boundary(ax, grid, [scores])
    return surface


def draw_gaps(ax, grid, scores: np.ndarray) -> Surface:
    """Several scores: the region of each class, deeper with the gap to the second best score, and lines of that gap."""
    surface, leads = Surface(), _leads(scores)
    gap = leads.max(axis=0)
    levels = _round_levels(gap, 5)
    levels = levels[levels > 0]
    edges = np.concatenate([[0.0], levels, [np.inf]])
    strengths = np.linspace(0.12, 0.5, len(edges) - 1)
    for code, lead in enumerate(leads):
        if (lead > 0).any():
            shades = [tint(class_color(code), strength) for strength in strengths]
            surface.fills.append(
                ax.contourf(*grid, np.minimum(lead, 1e300), levels=np.minimum(edges, 1e300), colors=shades, zorder=-1)
            )
    surface.levels = _lines(ax, grid, gap, levels, labelled=True, colors="#555555", linewidths=0.6)
    surface.boundary = _boundary(ax, grid, leads)
    return surface


def draw_regions(ax, grid, codes: np.ndarray) -> Surface:
    """No score: the region of each class."""
    surface, insides = Surface(), []
    for code in np.unique(codes):
        insides.append((codes == code) - 0.5)
        shade = tint(class_color(code), 0.3)
        surface.fills.append(ax.contourf(*grid, insides[-1], levels=[0.0, 1.0], colors=[shade], zorder=-1))
    surface.boundary = _boundary(ax, grid, insides)
    return surface


def _leads(scores):
    """By how much each score is above the best of the others, of shape (n_classes, rows, columns)."""
    best = np.sort(scores, axis=-1)[..., -2:]
    others = np.where(scores == best[..., 1:], best[..., :1], best[..., 1:])
    return np.moveaxis(scores - others, -1, 0)


def _boundary(ax, grid, leads):
    """Where any lead changes its sign."""
    drawn = (_lines(ax, grid, lead, [0.0], colors="black", linewidths=2.0) for lead in leads)
    return [lines for lines in drawn if lines is not None]


def _lines(ax, grid, values, levels, *, labelled=False, **style):
    """Level lines; None where no level is reached."""
    levels = [level for level in levels if values.min() < level < values.max()]
    if not levels:
        return None
    lines = ax.contour(*grid, values, levels=levels, **{"linestyles": "solid", **style})
    if labelled:
        ax.clabel(lines, fontsize=8, inline_spacing=6, fmt=number)
    return lines


def _round_levels(values, most):
    """Round numbers within the range of values."""
    from matplotlib.ticker import MaxNLocator

    levels = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(values.min(), values.max())
    return np.array([level for level in levels if values.min() < level < values.max()])


def _step(levels):
    return np.diff(levels).min() if len(levels) > 1 else 0.0
