"""What the displays share: matplotlib once it is needed, colours, keyword arguments, labels of axes."""

import numpy as np

from sklip._requirements import extra

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#555555")
"""Told apart by colour-blind readers too (Okabe and Ito, and two more)."""

MARKERS = ("o", "^", "s", "D", "v", "P", "*", "X")
LINE_STYLES = ("solid", "dashed", "dashdot", "dotted")
INK, FAINT = "#222222", "#777777"


def require_matplotlib(caller: str) -> None:
    """Raise unless matplotlib can be imported."""
    with extra("plot", "matplotlib", caller):
        import matplotlib  # noqa: F401


def axes_for(ax, caller: str, figsize=None):
    """The axes to draw on: those given, or those of a new figure without the upper and right spine."""
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
    """Where to put a legend: under the label of the horizontal axis, however high the axes are."""
    from matplotlib.transforms import ScaledTranslation

    place = ax.transAxes + ScaledTranslation(0.0, -inches, ax.figure.dpi_scale_trans)
    return {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "bbox_transform": place, "borderaxespad": 0.0}


def styled(defaults: dict, given: dict | None, artist: type) -> dict:
    """Keyword arguments of an artist: the user's, whatever alias they go by, before the defaults."""
    from matplotlib.cbook import normalize_kwargs

    return {**defaults, **normalize_kwargs(given or {}, artist)}


def tint(color, strength: float):
    """A colour mixed with white: 0 gives white, 1 the colour."""
    from matplotlib.colors import to_rgb

    return tuple(1.0 - strength * (1.0 - np.array(to_rgb(color))))


def class_color(code: int) -> str:
    """The colour of a class by its position."""
    return COLORS[code % len(COLORS)]


def class_marker(code: int) -> str:
    """The marker of a class by its position; with the colour, different up to 56 classes."""
    return MARKERS[(code + code // len(COLORS)) % len(MARKERS)]


def distance_label(quantity: str, norm: float | None, unit: str | None) -> str:
    """Label of an axis of distances."""
    named = {None: None, 1.0: "L1", 2.0: "L2", np.inf: "L∞"}[norm if norm is None else float(norm)]
    known = ", ".join(filter(None, (named, unit)))
    return f"{quantity} ({known})" if known else quantity


def number(value: float, digits: int = 3) -> str:
    """A number in so many digits, with a true minus."""
    return f"{value:.{digits}g}".replace("-", "−")
