"""A shift as slices of a larger picture: what exports make of it."""

import numpy as np

from sklip.served._shift import Shift

Sides = tuple[int, int]


def shift_windows(operation: Shift, shape: tuple[int, ...]) -> tuple[tuple[Sides, Sides], list[tuple[int, ...]]]:
    """Return how much larger the picture is, and where the groups are in it.

    Parameters
    ----------
    operation : Shift
    shape : tuple of int
        Shape (height, width, channels) of a row.

    Returns
    -------
    margins : tuple of two pairs of int
        Numbers of rows above and below, and of columns left and right. For ``padding="circular"``, they are at most
        half of the picture.
    places : list of tuple of int
        For each group, its first row and column, its first channel, and the channel after its last.
    """
    groups = np.array_split(np.arange(shape[2]), len(operation.offsets))
    margins, starts = [], []
    for size, moves in zip(shape, zip(*operation.offsets, strict=True), strict=False):
        circular = operation.padding == "circular"  # then the shortest way around
        offsets = [(by + size // 2) % size - size // 2 if circular else by for by in moves]
        before = -min(offsets) if operation.padding == "valid" else max(0, -min(offsets))
        margins.append((0, 0) if operation.padding == "valid" else (before, max(0, *offsets)))
        starts.append([before + by for by in offsets])
    rows, columns = margins
    ends = np.cumsum([0, *map(len, groups)]).tolist()
    return (rows, columns), list(zip(*starts, ends[:-1], ends[1:], strict=True))
