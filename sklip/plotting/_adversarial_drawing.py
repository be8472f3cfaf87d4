"""Rows and adversarial inputs, drawn as images or as bars of the largest changes."""

import numpy as np

from sklip.plotting._style import COLORS, FAINT, INK, number, styled

_GAP = 0.12
"""Between images, in widths of one."""


def draw_images(display, image_kwargs):
    """A column of three images for each row, on the axes of a display; the images and the scale of the differences."""
    from matplotlib.image import AxesImage

    ax, (height, width) = display.ax_, display.image_shape
    differences = display.adversarial - display.rows
    values = np.stack([display.rows, display.adversarial, differences])
    top = np.abs(differences[np.isfinite(differences)]).max(initial=0.0) or 1.0
    shades = values[:2][np.isfinite(values[:2])]
    grey = styled({"cmap": "gray_r", "vmin": shades.min(), "vmax": shades.max()}, image_kwargs, AxesImage)
    signed = {"cmap": "RdBu_r", "vmin": -top, "vmax": top}
    lift, step = height / width, 1.0 + _GAP
    images = np.empty((len(display.rows), 3), dtype=object)
    for column in range(len(display.rows)):
        left = column * step
        for place in range(3):
            bottom = (2 - place) * (lift + _GAP)
            extent = (left, left + 1.0, bottom, bottom + lift)
            picture = np.ma.masked_invalid(values[place, column].reshape(height, width))
            style = signed if place == 2 else grey
            images[column, place] = ax.imshow(picture, extent=extent, interpolation="nearest", **style)
            ax.plot(
                [left, left + 1, left + 1, left, left],
                [bottom, bottom, bottom + lift, bottom + lift, bottom],
                color=FAINT,
                linewidth=0.6,
            )
            if place and picture.mask.all():
                ax.text(left + 0.5, bottom + 0.5 * lift, "none found", ha="center", va="center", color=FAINT)
        ax.text(
            left + 0.5, 3 * lift + 2 * _GAP + 0.06, heading(display, column, "\n"), ha="center", va="bottom", fontsize=9
        )
    ax.set(xlim=(-_GAP / 2, len(images) * step - _GAP / 2), ylim=(-_GAP / 2, 3 * lift + 2.5 * _GAP), aspect="equal")
    ax.set_xticks([])
    ax.set_yticks(
        [(2 - place + 0.5) * lift + (2 - place) * _GAP for place in range(3)],
        ["row", "closest input\npredicted otherwise", "difference"],
    )
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)
    colorbar = ax.figure.colorbar(images[0, 2], ax=ax, shrink=0.3, anchor=(0.0, 0.0), label="difference")
    return images, colorbar


def draw_changes(display, n_features, bar_kwargs):
    """The largest changes of each row as bars, a group for each row, on the axes of a display."""
    from matplotlib.patches import Rectangle

    ax, containers, heads = display.ax_, [], []
    units = np.ones(display.rows.shape[1]) if display.scale is None else np.asarray(display.scale, dtype=np.float64)
    names = display.feature_names or [f"column {column}" for column in range(display.rows.shape[1])]
    changes = np.nan_to_num((display.adversarial - display.rows) / units)
    reach, place, ticks = np.abs(changes).max() or 1.0, 0.0, []
    for row, change in enumerate(changes):
        largest = np.argsort(-np.abs(change), kind="stable")[:n_features]
        heads.append((place, heading(display, row, "   ")))
        places = place + 1.0 + np.arange(len(largest))
        colors = [COLORS[1] if change[column] > 0 else COLORS[0] for column in largest]
        style = styled({"height": 0.7, "color": colors}, bar_kwargs, Rectangle)
        containers.append(ax.barh(places, change[largest], **style))
        for column, where in zip(largest, places, strict=True):
            ticks.append((where, names[column]))
            before, after = (number(values[row, column]) for values in (display.rows, display.adversarial))
            text = f"{before} → {after}" if np.isfinite(display.adversarial[row, column]) else "none found"
            side = 1 if change[column] >= 0 else -1
            ax.annotate(
                text,
                (change[column], where),
                (4 * side, 0),
                textcoords="offset points",
                ha="left" if side > 0 else "right",
                va="center",
                fontsize=8,
                color=INK,
            )
        place += len(largest) + 1.6
    for where, text in heads:
        ax.text(0.0, where, text, transform=ax.get_yaxis_transform(), ha="left", va="center", fontsize=9, weight="bold")
    ax.axvline(0.0, color=INK, linewidth=0.8)
    ax.set_yticks(*zip(*ticks, strict=True))
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(-1.45 * reach, 1.45 * reach), ylim=(place - 0.8, -0.7))
    ax.set_xlabel(f"change ({display.unit})" if display.unit else "change")
    return containers


def heading(display, row: int, separator: str) -> str:
    """What is known of a row: its predictions, its radius, the distance of the input."""
    parts = [f"row {row}" if display.row_names is None else display.row_names[row]]
    if display.y_pred is not None:
        other = None if display.y_adversarial is None else display.y_adversarial[row]
        parts.append(f"{display.y_pred[row]} → {other}" if other is not None else f"{display.y_pred[row]}")
    if display.radius is not None:
        parts.append(f"certified {number(display.radius[row])}")
    if display.distance is not None and np.isfinite(display.distance[row]):
        parts.append(f"found at {number(display.distance[row])}")
    return separator.join(parts)
