"""Certified discs: the choice of rows, and the drawing."""

import numpy as np

from sklip.plotting._style import class_color, class_marker, styled


def choose_discs(
    centers: np.ndarray, radii: np.ndarray, class_indices: np.ndarray, low: np.ndarray, high: np.ndarray, max_discs: int
) -> np.ndarray:
    """Choose rows of each class whose discs are visible, fit between two corners and do not overlap.

    Parameters
    ----------
    centers : ndarray of shape (n_rows, 2)
    radii : ndarray of shape (n_rows,)
        Radii, in the units of the centres.
    class_indices : ndarray of shape (n_rows,), int
        Class of each row.
    low, high : ndarray of shape (2,)
        Corners.
    max_discs : int
        Largest number of rows. Each class has the same share of it.

    Returns
    -------
    ndarray of int
        Positions of the rows, in increasing order.
    """
    fits = np.all((centers - radii[:, None] > low) & (centers + radii[:, None] < high), axis=1)
    candidates = np.flatnonzero(fits & (radii > 0.02 * (high - low).min()))
    share = -(-max_discs // max(1, len(np.unique(class_indices[candidates]))))
    chosen: list[int] = []
    for row in candidates:
        distances = np.linalg.norm(centers[row] - centers[chosen], axis=1)
        n_of_class = (class_indices[chosen] == class_indices[row]).sum()
        if (distances > radii[row] + radii[chosen]).all() and n_of_class < share:
            chosen.append(int(row))
        if len(chosen) == max_discs:
            break
    return np.array(chosen, dtype=np.intp)


def draw_discs(ax, centers, radii, class_indices, tolerances, disc_kwargs):
    """Draw discs and the rows at their centres; return the discs."""
    from matplotlib.patches import Ellipse

    discs = []
    for center, radius, class_index in zip(centers, radii, class_indices, strict=True):
        color = class_color(class_index)
        style = {"facecolor": (1.0, 1.0, 1.0, 0.35), "edgecolor": color, "linewidth": 1.6, "zorder": 2.1}
        width, height = 2.0 * radius * np.asarray(tolerances)
        discs.append(ax.add_patch(Ellipse(center, width, height, **styled(style, disc_kwargs, Ellipse))))
        sample = {"marker": class_marker(class_index), "color": color, "markeredgecolor": "white"}
        ax.plot(*center, **sample, markersize=6, linestyle="none", zorder=2.6)
    return discs
