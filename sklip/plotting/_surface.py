"""Drawings of scores on a plane: coloured areas, level lines, boundary, margin."""

from typing import NamedTuple

import numpy as np

from sklip.plotting._style import INK, class_color, number, tint


class Surface(NamedTuple):
    """Artists of a surface. Missing ones are None, or are missing in the lists."""

    fills: list
    levels: object
    boundary: list
    margin: object = None


def draw_two_classes(ax, grid, scores: np.ndarray, min_margin: float | None) -> Surface:
    """Draw one score: its level lines, the boundary where it is 0, and the margin on both sides of it."""
    from matplotlib.colors import LinearSegmentedColormap

    limit = np.abs(scores).max() or 1.0
    shades = [tint(class_color(0), 0.65), "#f7f7f5", tint(class_color(1), 0.65)]
    colors = LinearSegmentedColormap.from_list("sklip scores", shades)
    fill = ax.contourf(*grid, scores, levels=np.linspace(-limit, limit, 25), cmap=colors, zorder=-1)
    levels = _round_levels(scores, 9)
    shown, margins = levels != 0, []
    if min_margin is not None:
        margins = [-min_margin, min_margin]
        # A reader would take a level line on the margin, or next to it, for the margin.
        step = np.diff(levels).min() if len(levels) > 1 else 0.0
        shown &= np.abs(np.abs(levels) - min_margin) >= 0.25 * step
    lines = _level_lines(ax, grid, scores, levels[shown])
    margin = _lines(ax, grid, scores, margins, colors=INK, linewidths=1.1, linestyles="dashed")
    return Surface([fill], lines, _boundary(ax, grid, [scores]), margin)


def draw_gaps(ax, grid, scores: np.ndarray) -> Surface:
    """Draw several scores: the region of each class, darker for a larger gap of the best two, and lines of the gap."""
    leads, fills = _leads(scores), []
    gap = leads.max(axis=0)
    levels = _round_levels(gap, 5)
    levels = levels[levels > 0]
    edges = np.array([0.0, *levels, 1e300])
    strengths = np.linspace(0.12, 0.5, len(edges) - 1)
    for class_index, lead in enumerate(leads):
        if (lead > 0).any():
            shades = [tint(class_color(class_index), strength) for strength in strengths]
            fills.append(ax.contourf(*grid, np.minimum(lead, 1e300), levels=edges, colors=shades, zorder=-1))
    return Surface(fills, _level_lines(ax, grid, gap, levels), _boundary(ax, grid, leads))


def draw_regions(ax, grid, class_indices: np.ndarray) -> Surface:
    """Draw predictions: the region of each class."""
    insides = {class_index: (class_indices == class_index) - 0.5 for class_index in np.unique(class_indices)}
    fills = [
        ax.contourf(*grid, inside, levels=[0.0, 1.0], colors=[tint(class_color(class_index), 0.3)], zorder=-1)
        for class_index, inside in insides.items()
    ]
    return Surface(fills, None, _boundary(ax, grid, insides.values()))


def _leads(scores):
    """Return each score minus the best of the others, of shape (n_classes, rows, columns)."""
    best = np.sort(scores, axis=-1)[..., -2:]
    others = np.where(scores == best[..., 1:], best[..., :1], best[..., 1:])
    return np.moveaxis(scores - others, -1, 0)


def _boundary(ax, grid, leads):
    """Draw a line where any lead changes its sign."""
    drawn = (_lines(ax, grid, lead, [0.0], colors="black", linewidths=2.0) for lead in leads)
    return [lines for lines in drawn if lines is not None]


def _level_lines(ax, grid, values, levels):
    """Draw thin level lines with their numbers; return None if no level is reached."""
    lines = _lines(ax, grid, values, levels, colors="#555555", linewidths=0.6)
    if lines is not None:
        ax.clabel(lines, fontsize=8, inline_spacing=6, fmt=number)
    return lines


def _lines(ax, grid, values, levels, **style):
    """Draw lines at levels; return None if no level is reached."""
    levels = [level for level in levels if values.min() < level < values.max()]
    return ax.contour(*grid, values, levels=levels, **{"linestyles": "solid", **style}) if levels else None


def _round_levels(values, max_levels):
    """Return round numbers within the range of values."""
    from matplotlib.ticker import MaxNLocator

    levels = MaxNLocator(max_levels, steps=[1, 2, 2.5, 5, 10]).tick_values(values.min(), values.max())
    return np.array([level for level in levels if values.min() < level < values.max()])
