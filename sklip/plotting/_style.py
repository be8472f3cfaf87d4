"""Parts that the displays share: the import of matplotlib, colours, keyword arguments, labels of axes."""

from decimal import Context

import numpy as np

from sklip._requirements import extra

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#555555")
"""Colours that colour-blind readers can distinguish (the palette of Okabe and Ito, and two more)."""

MARKERS = ("o", "^", "s", "D", "v", "P", "*", "X")
LINE_STYLES = ("solid", "dashed", "dashdot", "dotted")
INK, FAINT = "#222222", "#777777"


def require_matplotlib(caller: str) -> None:
    """Raise an ImportError if matplotlib cannot be imported."""
    with extra("plot", "matplotlib", caller):
        import matplotlib  # noqa: F401


def axes_for(ax, caller: str, figsize=None):
    """Return the axes to draw on: the given ones, or those of a new figure without the upper and right spine."""
    require_matplotlib(caller)
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if ax is None:
        _, ax = plt.subplots(figsize=figsize, layout="constrained")
        ax.spines[["top", "right"]].set_visible(False)
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be a matplotlib Axes or None; got {type(ax).__name__}.")
    return ax


def below(ax, inches: float = 0.55) -> dict:
    """Return options that put a legend under the label of the horizontal axis, for axes of any height."""
    from matplotlib.transforms import ScaledTranslation

    place = ax.transAxes + ScaledTranslation(0.0, -inches, ax.figure.dpi_scale_trans)
    return {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "bbox_transform": place, "borderaxespad": 0.0}


def styled(defaults: dict, given: dict | None, artist: type) -> dict:
    """Return keyword arguments of an artist: those of the user, also under their aliases, replace the defaults."""
    from matplotlib.cbook import normalize_kwargs

    return {**defaults, **normalize_kwargs(given or {}, artist)}


def tint(color, strength: float):
    """Mix a colour with white: a strength of 0 gives white, and 1 gives the colour."""
    from matplotlib.colors import to_rgb

    return tuple(1.0 - strength * (1.0 - np.array(to_rgb(color))))


def class_color(class_index: int) -> str:
    """Return the colour of a class."""
    return COLORS[class_index % len(COLORS)]


def class_marker(class_index: int) -> str:
    """Return the marker of a class. Together with the colour it is different for up to 56 classes."""
    return MARKERS[(class_index + class_index // len(COLORS)) % len(MARKERS)]


def distance_label(quantity: str, norm: float | None, unit: str | None) -> str:
    """Return the label of an axis of distances."""
    named = {None: None, 1.0: "L1", 2.0: "L2", np.inf: "L∞"}[norm if norm is None else float(norm)]
    known = ", ".join(filter(None, (named, unit)))
    return f"{quantity} ({known})" if known else quantity


def number(value: float, digits: int = 3) -> str:
    """Write a number with this many digits and a true minus sign."""
    return f"{value:.{digits}g}".replace("-", "−")


def rounded(value: float, direction: str) -> str:
    """Write a number with three digits, rounded in one direction: a label must not claim more than is proven."""
    return number(float(Context(prec=3, rounding=direction).create_decimal(float(value))))
