"""The exact distance from a row to the nearest point where another class may be predicted."""

import heapq
import itertools
from dataclasses import dataclass
from fractions import Fraction

from tests.oracle.affine import difference, times, value
from tests.oracle.networks import scores
from tests.oracle.polyhedra import coordinates_of, sectors


@dataclass(frozen=True)
class Nearest:
    """The nearest point of the boundary: its distance, squared for L2, and the point itself, all rational."""

    size: Fraction
    point: tuple[Fraction, ...]

    def is_beyond(self, radius, norm) -> bool:
        """Whether the boundary is at least as far away as a radius, without any rounding."""
        return self.size >= (Fraction(radius) ** 2 if norm == 2 else Fraction(radius))


def nearest_change(steps, row, norm=2, tolerances=None) -> Nearest | None:
    """Find the nearest point where the decision changes, or is about to.

    Parameters
    ----------
    steps : list
        Of :mod:`tests.oracle.networks`: the scaler, if there is one, then the network.
    row : sequence of float
    norm : {1, 2, inf}
    tolerances : sequence of float or None
        The unit in which the displacement of each coordinate is measured; 0 holds it fixed.

    Returns
    -------
    Nearest or None
        None where the decision is the same everywhere. A point that ties counts, whoever wins the tie: no certificate
        reaches beyond one, as the scores of its other side are as near as one likes.
    """
    row = [Fraction(float(coordinate)) for coordinate in row]
    units = [Fraction(1)] * len(row) if tolerances is None else [Fraction(float(t)) for t in tolerances]
    moving = [place for place, unit in enumerate(units) if unit]
    moved = coordinates_of([row[place] for place in moving], [units[place] for place in moving])
    fixed = (Fraction(0),) * len(moving)
    inputs = [moved[moving.index(place)] if unit else (*fixed, row[place]) for place, unit in enumerate(units)]
    found = _search([*steps, Decision(scores(steps, row))], inputs, sectors(norm, len(moving)))
    return found and Nearest(found[0], tuple(value(each, found[1]) for each in inputs))


class Decision:
    """The last step: its pieces are those where the scores decide otherwise than they do at a row."""

    def __init__(self, at_row):
        self.positive = at_row[0] > 0
        self.winner = at_row.index(max(at_row))

    def pieces(self, units):
        if len(units) == 1:
            return [(times(-1 if self.positive else 1, units[0]), [])]
        others = [unit for place, unit in enumerate(units) if place != self.winner]
        return [(difference(unit, units[self.winner]), []) for unit in others]


def _search(steps, inputs, cones):
    """Size and displacement of the nearest point at the end of all steps: the nearest of what is left goes first."""
    numbers = itertools.count()
    heap = [(Fraction(0), next(numbers), cone.origin, 0, inputs, cone.planes, cone) for cone in cones]
    heapq.heapify(heap)
    while heap:
        size, _, point, count, units, planes, cone = heapq.heappop(heap)
        if count == len(steps):
            return size, point
        for condition, after in steps[count].pieces(units):
            found, kept = (size, point), planes
            if condition is not None and any(condition[:-1]):
                kept = [*planes, condition]
                if value(condition, point) < 0:
                    found = cone.nearest(kept)
            elif condition is not None and condition[-1] < 0:
                found = None
            if found is not None:
                heapq.heappush(heap, (found[0], next(numbers), found[1], count + 1, after, kept, cone))
    return None
