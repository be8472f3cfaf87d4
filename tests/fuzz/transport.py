"""Samples on the line whose exact Wasserstein-1 distance is a fraction."""

import itertools
from fractions import Fraction

import numpy as np

from tests.fuzz.draws import chance, pick, power


def draw_samples(rng):
    """Points, which of them make up the first sample, weights, and a slope that multiplies points without rounding."""
    count = int(rng.integers(2, 30))
    size = power(rng, *pick(rng, (-3, 3), (-3, 3), (-300, -280), (300, 308)))
    points = rng.uniform(-1, 1, count) * size
    if chance(rng, 0.4):
        points = np.clip(size * (1 + rng.standard_normal(count) * power(rng, -12, -1)), -1.7e308, 1.7e308)
    if chance(rng, 0.3):
        points = np.sign(points) * np.abs(points).max()
    positive = np.arange(count) % 2 == 0
    weights = pick(rng, np.ones(count), rng.random(count), 10.0 ** rng.uniform(-300, 0, count))
    return points, positive, weights / weights.max(), _slope(rng, points)


def _slope(rng, points):
    """A power of 2 by which points are multiplied without rounding; with some, sums of them overflow."""
    highest = min(1000, 1022 - int(np.frexp(np.abs(points).max())[1]))
    slope = 2.0 ** pick(rng, 0, highest, highest, int(rng.integers(min(-900, highest), highest + 1)))
    with np.errstate(all="ignore"):
        scores = points * slope
        return slope if np.array_equal(scores / slope, points) and np.isfinite(scores).all() else 1.0


def exact_distance(points, positive, weights):
    """The Wasserstein-1 distance of two weighted samples on the line: the area between their distribution functions."""
    masses = [Fraction(weight) for weight in weights.tolist()]
    totals = [
        sum((mass for mass, own in zip(masses, positive, strict=True) if own == side), Fraction(0)) for side in (1, 0)
    ]
    distance, gap = Fraction(0), Fraction(0)
    order = np.argsort(points, kind="stable")
    for here, following in itertools.pairwise(order):
        gap += masses[here] / totals[0] if positive[here] else -masses[here] / totals[1]
        distance += abs(gap) * (Fraction(float(points[following])) - Fraction(float(points[here])))
    return distance
