"""Rows and adversarial inputs, drawn as images or as bars of the largest changes."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context

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
    # Inputs may leave the range of the rows; in a wider one the background would not be white.
    grey = {"cmap": "gray_r", "vmin": display.rows.min(), "vmax": display.rows.max()}
    grey = styled(grey, image_kwargs, AxesImage)
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
    ax.set_xticks([])
    ax.set_yticks(
        [(2 - place + 0.5) * lift + (2 - place) * _GAP for place in range(3)],
        ["row", "nearest input\nof another class", "difference"],
    )
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)
    right, high = len(images) * step - _GAP, 3 * lift + 2 * _GAP
    beside = ax.inset_axes([right + 0.08, 0.0, 0.09, lift], transform=ax.transData)
    colorbar = ax.figure.colorbar(images[0, 2], cax=beside, label="difference")
    ax.set(xlim=(-0.01, right + 0.01), ylim=(-0.01, high + 0.01), aspect="equal")
    return images, colorbar


def draw_changes(display, n_features, bar_kwargs):
    """The largest changes of each row as bars, a group for each row, on the axes of a display."""
    from matplotlib.patches import Rectangle

    ax, containers, heads = display.ax_, [], []
    units = (
        np.ones(display.rows.shape[1])
        if display.tolerances is None
        else np.asarray(display.tolerances, dtype=np.float64)
    )
    names = display.feature_names or [f"column {column}" for column in range(display.rows.shape[1])]
    changes = np.nan_to_num((display.adversarial - display.rows) / units)
    reach, place, ticks = np.abs(changes).max() or 1.0, 0.0, []
    for row, change in enumerate(changes):
        found = np.isfinite(display.adversarial[row]).all()
        largest = np.argsort(-np.abs(change), kind="stable")[: n_features if found else 0]
        heads.append((place, heading(display, row, "  ·  ")))
        places = place + 1.0 + np.arange(len(largest))
        colors = [COLORS[1] if change[column] > 0 else COLORS[0] for column in largest]
        style = styled({"height": 0.7, "color": colors}, bar_kwargs, Rectangle)
        containers.append(ax.barh(places, change[largest], **style))
        for column, where in zip(largest, places, strict=True):
            ticks.append((where, names[column]))
            before, after = (number(values[row, column], 4) for values in (display.rows, display.adversarial))
            side = 1 if change[column] >= 0 else -1
            ax.annotate(
                f"{before} → {after}",
                (change[column], where),
                (4 * side, 0),
                textcoords="offset points",
                ha="left" if side > 0 else "right",
                va="center",
                fontsize=8,
                color=INK,
            )
        if found:
            ax.plot([0.0, 0.0], [places[0] - 0.5, places[-1] + 0.5], color=INK, linewidth=0.8)
        place += len(largest) + 1.6
    for where, text in heads:
        ax.text(0.0, where, text, transform=ax.get_yaxis_transform(), ha="left", va="center", fontsize=9, weight="bold")
    ax.spines[["left", "right", "top"]].set_visible(False)
    ax.set_yticks([where for where, _ in ticks], [name for _, name in ticks])
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(-1.55 * reach, 1.55 * reach), ylim=(place - 0.8, -0.7))
    ax.set_xlabel(f"change ({display.unit})" if display.unit else "change")
    return containers


def heading(display, row: int, separator: str) -> str:
    """What is known of a row: its predictions, its radius, the distance of the input."""
    parts = [f"row {row}" if display.row_names is None else display.row_names[row]]
    if display.y_pred is not None:
        other = None if display.y_adversarial is None else display.y_adversarial[row]
        parts.append(f"{display.y_pred[row]} → {other}" if other is not None else f"{display.y_pred[row]}")
    if display.radius is not None:
        parts.append(f"certified {rounded(display.radius[row], ROUND_FLOOR)}")
    if display.distance is not None and np.isfinite(display.distance[row]):
        parts.append(f"found at {rounded(display.distance[row], ROUND_CEILING)}")
    elif not np.isfinite(display.adversarial[row]).all():
        parts.append("none found")
    return separator.join(parts)


def rounded(value: float, direction: str) -> str:
    """A number in three digits, rounded in one direction: what is said to be proven must stay so."""
    return number(float(Context(prec=3, rounding=direction).create_decimal(float(value))))
