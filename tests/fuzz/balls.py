"""Whether a row lies strictly inside a ball around another one, decided in exact arithmetic."""

from fractions import Fraction

import numpy as np


def strictly_inside(before, after, radii, *, norm, units):
    """Whether ``‖(after − before) / units‖ < radius``, as real numbers, of shape (n_rows,).

    Columns whose unit is 0 must be equal. Floating point decides where it is clear, rational arithmetic elsewhere.
    """
    moving = units > 0
    held = (after[:, ~moving] == before[:, ~moving]).all(axis=1)
    finite = np.isfinite(after).all(axis=1)
    with np.errstate(all="ignore"):
        ways = np.abs(after[:, moving] - before[:, moving]) / units[moving]
        largest = ways.max(axis=1, initial=0.0)
        sound = np.where(np.isfinite(largest) & (largest > 0), largest, 1.0)
        sizes = sound * np.linalg.norm(ways / sound[:, None], ord=norm, axis=1)
        sure = (largest > 1e-280) & (largest < 1e300) & (radii < 1e300) & (radii > 1e-280)
        inside = sure & (sizes < radii * (1 - 1e-12))
        doubtful = ~inside & ~(sure & (sizes > radii * (1 + 1e-12)))
    inside |= np.isinf(radii)
    for row in np.flatnonzero(held & finite & doubtful & ~inside & (radii > 0)):
        inside[row] = _exactly_inside(before[row, moving], after[row, moving], radii[row], norm, units[moving])
    return inside & held & finite & (radii > 0)


def _exactly_inside(before, after, radius, norm, units):
    ways = [
        abs(Fraction(there) - Fraction(here)) / Fraction(unit)
        for here, there, unit in zip(before.tolist(), after.tolist(), units.tolist(), strict=True)
        if here != there
    ]
    radius = Fraction(float(radius))
    if norm == np.inf:
        return max(ways, default=Fraction(0)) < radius
    if norm == 1:
        return sum(ways, Fraction(0)) < radius
    return sum((way * way for way in ways), Fraction(0)) < radius * radius
