"""Rows and adversarial inputs, drawn as images or as bars of the largest changes."""

import numpy as np

from sklip.plotting._style import COLORS, FAINT, INK, number, styled

_GAP = 0.12
"""Gap between images, in widths of an image."""


def draw_images(ax, rows, adversarial, image_shape, headings, image_kwargs):
    """Draw a column of three images per row; return the images and the colour scale of the differences."""
    from matplotlib.image import AxesImage

    differences = adversarial - rows
    limit = np.abs(differences[np.isfinite(differences)]).max(initial=0.0) or 1.0
    # Inputs may leave the range of the rows. In a wider range the background would not be white.
    grey = styled({"cmap": "gray_r", "vmin": rows.min(), "vmax": rows.max()}, image_kwargs, AxesImage)
    signed = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    height = image_shape[0] / image_shape[1]  # the width is 1
    bottoms = [(2 - place) * (height + _GAP) for place in range(3)]
    top, step = 3 * height + 2 * _GAP, 1.0 + _GAP
    images = np.empty((len(rows), 3), dtype=object)
    for column, title in enumerate(headings):
        left = column * step
        for place, (array, style) in enumerate(((rows, grey), (adversarial, grey), (differences, signed))):
            bottom = bottoms[place]
            found = np.isfinite(array[column]).all()
            picture = _picture(array[column], image_shape, style, in_colour=array is not differences)
            extent = (left, left + 1.0, bottom, bottom + height)
            images[column, place] = ax.imshow(picture, extent=extent, interpolation="nearest", **style)
            outline = [left, left + 1, left + 1, left, left], [bottom, bottom, *[bottom + height] * 2, bottom]
            ax.plot(*outline, color=FAINT, linewidth=0.6)
            if place and not found:
                ax.text(left + 0.5, bottom + 0.5 * height, "none found", ha="center", va="center", color=FAINT)
        ax.text(left + 0.5, top + 0.06, "\n".join(title), ha="center", va="bottom", fontsize=9)
    ax.set_xticks([])
    middles = [bottom + 0.5 * height for bottom in bottoms]
    ax.set_yticks(middles, ["row", "nearest input\nof another class", "difference"])
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)
    right = len(rows) * step - _GAP
    scale_ax = ax.inset_axes([right + 0.08, 0.0, 0.09, height], transform=ax.transData)
    colorbar = ax.figure.colorbar(images[0, 2], cax=scale_ax, label="difference")
    ax.set(xlim=(-0.01, right + 0.01), ylim=(-0.01, top + 0.01), aspect="equal")
    return images, colorbar


def _picture(values, image_shape, style, *, in_colour):
    """The values of a row as an image: in colours, if it has three or four channels, else the mean of the channels."""
    height, width, *_ = image_shape
    image = np.ma.masked_invalid(values.reshape(height, width, -1))
    if in_colour and image.shape[2] in (3, 4):
        low, high = style["vmin"], style["vmax"]
        return np.clip((image - low) / (high - low or 1.0), 0.0, 1.0).filled(1.0)
    return image.mean(axis=2)


def draw_changes(ax, rows, adversarial, tolerances, names, headings, n_features, bar_kwargs):
    """Draw the largest changes of each row as a group of bars; return the groups."""
    from matplotlib.patches import Rectangle

    units = np.ones(rows.shape[1]) if tolerances is None else np.asarray(tolerances, dtype=np.float64)
    changes = np.nan_to_num((adversarial - rows) / units)
    groups, ticks, top = [], {}, 0.0
    for row, (change, title) in enumerate(zip(changes, headings, strict=True)):
        found = np.isfinite(adversarial[row]).all()
        largest = np.argsort(-np.abs(change), kind="stable")[: n_features if found else 0]
        places = top + 1.0 + np.arange(len(largest))
        colors = [COLORS[1] if change[column] > 0 else COLORS[0] for column in largest]
        style = styled({"height": 0.7, "color": colors}, bar_kwargs, Rectangle)
        groups.append(ax.barh(places, change[largest], **style))
        for column, place in zip(largest, places, strict=True):
            ticks[place] = names[column]
            _label_bar(ax, change[column], place, rows[row, column], adversarial[row, column])
        if found:
            ax.plot([0.0, 0.0], [places[0] - 0.5, places[-1] + 0.5], color=INK, linewidth=0.8)
        style = {"ha": "left", "va": "center", "fontsize": 9, "weight": "bold"}
        ax.text(0.0, top, "  ·  ".join(title), transform=ax.get_yaxis_transform(), **style)
        top += len(largest) + 1.6
    ax.spines[["left", "right", "top"]].set_visible(False)
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.tick_params(axis="y", length=0)
    limit = 1.55 * (np.abs(changes).max() or 1.0)
    ax.set(xlim=(-limit, limit), ylim=(top - 0.8, -0.7))
    return groups


def _label_bar(ax, length, place, before, after):
    """Write the values before and after a change at the end of its bar."""
    side = 1 if length >= 0 else -1
    style = {"ha": "left" if side > 0 else "right", "va": "center", "fontsize": 8, "color": INK}
    text = f"{number(before, 4)} → {number(after, 4)}"
    ax.annotate(text, (length, place), (4 * side, 0), textcoords="offset points", **style)
