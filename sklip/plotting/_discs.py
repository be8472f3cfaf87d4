"""Certified discs: of which rows, and how they are drawn."""

import numpy as np

from sklip.plotting._style import class_color, class_marker, styled


def choose_discs(
    centers: np.ndarray, radii: np.ndarray, codes: np.ndarray, low: np.ndarray, high: np.ndarray, most: int
) -> np.ndarray:
    """A few rows of each class whose discs can be seen, fit between two corners and keep clear of each other.

    Parameters
    ----------
    centers : ndarray of shape (n_rows, 2)
    radii : ndarray of shape (n_rows,)
        In the units of the centres.
    codes : ndarray of shape (n_rows,), int
        Classes.
    low, high : ndarray of shape (2,)
        Corners.
    most : int
        Rows at most, shared out evenly among the classes that have any.

    Returns
    -------
    ndarray of int
        Positions, the first rows first.
    """
    fits = np.all((centers - radii[:, None] > low) & (centers + radii[:, None] < high), axis=1)
    candidates = np.flatnonzero(fits & (radii > 0.02 * (high - low).min()))
    share = -(-most // max(1, len(np.unique(codes[candidates]))))
    chosen: list[int] = []
    for row in candidates:
        apart = np.linalg.norm(centers[row] - centers[chosen], axis=1)
        if (apart > radii[row] + radii[chosen]).all() and (codes[chosen] == codes[row]).sum() < share:
            chosen.append(int(row))
        if len(chosen) == most:
            break
    return np.array(chosen, dtype=np.intp)


def draw_discs(display, disc_kwargs):
    """Draw the discs of a display, and the rows in their middle."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Ellipse

    display.discs_ = []
    for center, radius, label in zip(display.disc_centers, display.disc_radii, display.disc_labels, strict=True):
        code = int(np.flatnonzero(display.classes == label)[0])
        style = {
            "facecolor": (1.0, 1.0, 1.0, 0.35),
            "edgecolor": class_color(code),
            "linewidth": 1.6,
            "zorder": 2.1,
        }
        width, height = 2.0 * radius * np.asarray(display.tolerances)
        disc = Ellipse(center, width, height, **styled(style, disc_kwargs, Ellipse))
        display.discs_.append(display.ax_.add_patch(disc))
        sample = {"marker": class_marker(code), "color": class_color(code), "markeredgecolor": "white"}
        display.ax_.plot(*center, **sample, markersize=6, linestyle="none", zorder=2.6)
    if display.discs_:
        label = "certified disc: the class holds inside" if display.whole else "certified ball, cut by this plane"
        sample = {"markerfacecolor": "white", "markeredgecolor": "#444444", "markersize": 11}
        display.handles_.append(Line2D([], [], color="none", marker="o", **sample, label=label))
