"""Raw values of every size: subnormal, ordinary, huge, cancelling, on a grid, at the edges of their dtype."""

import numpy as np

from tests.fuzz.draws import chance, pick, power


def draw_values(rng, n_rows, width, container):
    """Raw values, float64 of shape (n_rows, width), that a container can hold up to rounding."""
    if container.integer:
        return _integers(rng, n_rows, width, *container.limits)
    low, high = np.log10(container.limits)
    kind = pick(rng, *["ordinary"] * 5, "mixed", "mixed", "alike", "offset", "offset", "tiny", "huge", "brink", "vast")
    values = rng.standard_normal((n_rows, width))
    if kind == "ordinary":
        values *= power(rng, *np.clip((-3, 2), low, high))
    elif kind == "mixed":
        values *= 10.0 ** rng.uniform(max(low / 4, -8), min(high / 4, 8), width)
        values += chance(rng, 0.5) * 10.0 ** rng.uniform(-2, min(high / 4, 8), width)
    elif kind == "offset":  # differences of such numbers cancel
        values = values * power(rng, -6, 0) + power(rng, 0, min(high / 2, 12)) * rng.standard_normal(width)
    elif kind == "alike":  # and so do sums of such
        values = (1 + values * power(rng, -12, -1)) * power(rng, -3, high * pick(rng, 0.03, 0.6))
    elif kind == "tiny":
        values *= power(rng, low - 1, low + 4)
    elif kind == "huge":
        values *= power(rng, high * 0.4, high - 2)
    elif kind == "vast":
        values *= power(rng, high - 10, high - 1)
    else:
        values *= power(rng, high * 0.3, high * 0.55)
    if chance(rng, 0.1):
        values[:, rng.integers(width)] = values[0, 0]  # a constant column
    if chance(rng, 0.1):
        values = np.where(rng.random(values.shape) < 0.5, 0.0, values)
    return np.clip(values, -container.limits[1], container.limits[1])


def _integers(rng, n_rows, width, low, high):
    kind = pick(rng, "small", "wide", "wide", "edges")
    if kind == "small":
        values = rng.integers(-20, 21, (n_rows, width)).astype(np.float64)
    else:
        share = rng.uniform(0, 1, (n_rows, width)) ** (6 if kind == "edges" else 1)
        share = np.where(rng.random(share.shape) < 0.5, share, 1 - share)
        values = low + (high - low) * share
        if kind == "edges":
            values = np.where(rng.random(values.shape) < 0.2, low, values)
    return np.clip(np.rint(values), low, high)
