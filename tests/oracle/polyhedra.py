"""The point of a polyhedron that is nearest to the origin, in rational arithmetic.

A polyhedron is a list of planes: affine functions that are at least 0 in it. It holds the point of smallest size with
the planes before the last one; where that point violates the last plane, the new one lies on that plane: on the way
from the old one to any other point of the polyhedron, the size does not fall, and the plane is passed.
"""

import itertools
from fractions import Fraction

from tests.oracle.affine import difference, dot, times, value


class Euclidean:
    """The whole space; a point's size is the square of its Euclidean norm."""

    def __init__(self, dimension):
        self.planes = []
        self.origin = (Fraction(0),) * dimension

    def nearest(self, planes):
        """Size and point; None for an empty polyhedron. The nearest point without the last plane violates it."""
        point = _on_plane(self.origin, planes, [plane[:-1] for plane in planes])
        return point and (dot(point, point), point)


def _on_plane(start, planes, directions):
    """The point on the last plane that is nearest to ``start``, within a flat in which the planes have these slopes."""
    (*planes, plane), (*directions, direction) = planes, directions
    square = dot(direction, direction)
    if square == 0:
        return None  # the plane is parallel to the flat
    step = value(plane, start) / square
    point = start = tuple(s - step * d for s, d in zip(start, direction, strict=True))
    within = [difference(each, times(dot(each, direction) / square, direction)) for each in directions]
    for count, violated in enumerate(planes, 1):
        if value(violated, point) < 0:
            point = _on_plane(start, planes[:count], within[:count])
            if point is None:
                return None
    return point


class Sector:
    """A cone with its tip at the origin in which a norm is linear; a point's size is its norm."""

    def __init__(self, planes, size):
        self.planes, self.size = planes, size
        self.origin = (Fraction(0),) * (len(size) - 1)

    def nearest(self, planes):
        """Size and point; None for an empty polyhedron. The nearest point without the last plane violates it."""
        coordinates = coordinates_of(self.origin)
        return _least(*_restricted(planes[-1], [self.size, *coordinates], planes[:-1]))


def coordinates_of(origin, factors=None):
    """The coordinates of a point as affine functions of its displacement from the origin in units of the factors."""
    factors = factors or [Fraction(1)] * len(origin)
    return [
        (*(factor if other == place else Fraction(0) for other in range(len(origin))), start)
        for place, (start, factor) in enumerate(zip(origin, factors, strict=True))
    ]


def _least(answers, planes):
    """The answers (a size and coordinates) where the size is least; the polyhedron holds no line."""
    if answers is None:
        return None
    if len(answers[0]) == 1:
        values = [answer[0] for answer in answers]
        return (values[0], tuple(values[1:])) if all(plane[0] >= 0 for plane in planes) else None
    if len(answers[0]) == 2:
        place = _end(answers[0][0], planes)
        return None if place is None else _least([(value(each, place),) for each in answers], [])
    corners = (_least(*_restricted(plane, answers, planes)) for plane in planes)
    return min((corner for corner in corners if corner is not None), key=lambda corner: corner[0], default=None)


def _end(slope, planes):
    """Where on a line a function of this slope is least, as a point; None where no point is allowed."""
    if any(rise == 0 > start for rise, start in planes):
        return None
    low = max((-start / rise for rise, start in planes if rise > 0), default=None)
    high = min((-start / rise for rise, start in planes if rise < 0), default=None)
    if None not in (low, high) and low > high:
        return None
    ends = (low, high) if slope >= 0 else (high, low)
    return (next(end for end in ends if end is not None),)


def _restricted(plane, answers, planes):
    """Functions where the plane is 0, with one variable fewer; (None, []) where it is 0 nowhere or everywhere."""
    pivot = next((place for place, slope in enumerate(plane[:-1]) if slope), None)
    if pivot is None:
        return None, []
    line = times(1 / plane[pivot], plane)

    def without(function):
        left = difference(function, times(function[pivot], line)) if function[pivot] else function
        return left[:pivot] + left[pivot + 1 :]

    return [without(each) for each in answers], [without(each) for each in planes if each is not plane]


def sectors(norm, dimension):
    """Cones that together are the whole space, in each of which the norm is linear; for L2, its square serves."""
    if norm == 2:
        return [Euclidean(dimension)]
    axes = coordinates_of((Fraction(0),) * dimension)
    if norm == 1:
        signs = itertools.product((1, -1), repeat=dimension)
        orthants = [[times(sign, axis) for sign, axis in zip(each, axes, strict=True)] for each in signs]
        return [Sector(orthant, tuple(map(sum, zip(*orthant, strict=True)))) for orthant in orthants]
    cones = []
    for sign, place in itertools.product((1, -1), range(dimension)):
        size = times(sign, axes[place])
        others = [axis for axis in axes if axis is not axes[place]]
        planes = [difference(size, times(side, axis)) for axis in others for side in (1, -1)]
        cones.append(Sector(planes or [size], size))
    return cones
