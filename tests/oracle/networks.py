"""Tiny networks as steps of exact arithmetic, each of which is affine in every one of its pieces."""

import re
from dataclasses import dataclass
from fractions import Fraction

from tests.oracle.affine import Affine, combined, difference, times


@dataclass(frozen=True)
class Linear:
    """``Wᵀ z + b``, one column per output."""

    columns: tuple
    offsets: tuple

    def pieces(self, units):
        """Pairs of a condition, at least 0 in the piece, and the units there; a condition of None always holds."""
        outputs = [combined(column, units, b) for column, b in zip(self.columns, self.offsets, strict=True)]
        return [(None, outputs)]


@dataclass(frozen=True)
class Exchange:
    """Puts the smaller of two units in one place and the larger in the other."""

    low: int
    high: int

    def at(self, start) -> "Exchange":
        """The same between later units."""
        return Exchange(self.low + start, self.high + start)

    def pieces(self, units):
        kept, swapped = list(units), list(units)
        swapped[self.low], swapped[self.high] = units[self.high], units[self.low]
        rise = difference(units[self.high], units[self.low])
        return [(rise, kept), (times(-1, rise), swapped)]


@dataclass(frozen=True)
class Fold:
    """Leaves a unit that is not negative alone, and multiplies one that is by a factor."""

    place: int
    factor: int

    def at(self, start) -> "Fold":
        """The same for a later unit."""
        return Fold(self.place + start, self.factor)

    def pieces(self, units):
        kept, folded = list(units), list(units)
        folded[self.place] = times(self.factor, units[self.place])
        return [(units[self.place], kept), (times(-1, units[self.place]), folded)]


@dataclass(frozen=True)
class Taken:
    """The units at some places, and 0 where the place is None."""

    places: tuple

    def pieces(self, units):
        zero = (Fraction(0),) * len(units[0])
        return [(None, [zero if place is None else units[place] for place in self.places])]


def linear(kernel, bias) -> Linear:
    """A dense layer, from arrays of floats."""
    columns = [tuple(map(Fraction, column)) for column in zip(*kernel.tolist(), strict=True)]
    return Linear(tuple(columns), tuple(map(Fraction, bias.tolist())))


def diagonal(factors, offsets) -> Linear:
    """``factors · z + offsets``, number by number."""
    n = len(factors)
    columns = [tuple(factors[place] if row == place else Fraction(0) for row in range(n)) for place in range(n)]
    return Linear(tuple(columns), tuple(offsets))


def repeated(step, n_places) -> Linear:
    """A dense layer at each of so many pixels."""
    n_inputs, zero = len(step.columns[0]), (Fraction(0),)
    columns = [
        zero * (n_inputs * pixel) + column + zero * (n_inputs * (n_places - 1 - pixel))
        for pixel in range(n_places)
        for column in step.columns
    ]
    return Linear(tuple(columns), step.offsets * n_places)


def at_pixels(steps, width, n_places) -> list:
    """Exchanges and folds of so many units at each of so many pixels."""
    return [step.at(width * pixel) for pixel in range(n_places) for step in steps]


def activation(name, width) -> list:
    """An activation of so many units, by its definition: a sort of ``n`` numbers is ``n (n − 1) / 2`` exchanges."""
    if name in ("relu", "abs"):
        return [Fold(place, 0 if name == "relu" else -1) for place in range(width)]
    if name == "maxmin":
        return [Exchange(place + width // 2, place) for place in range(width // 2)]
    n_groups = 1 if name == "fullsort" else width // int(re.fullmatch("groupsort([0-9]+)", name)[1])
    groups = [range(first, width, n_groups) for first in range(n_groups)]
    return [
        Exchange(group[place], group[place + 1])
        for group in groups
        for last in range(len(group) - 1, 0, -1)
        for place in range(last)
    ]


def center(values) -> Linear:
    """The subtraction of a centre, from an array of floats."""
    return diagonal([Fraction(1)] * len(values), [-Fraction(value) for value in values.tolist()])


def scale(factor, width) -> Linear:
    """So many numbers times a float."""
    return diagonal([Fraction(factor)] * width, [Fraction(0)] * width)


def standardised(scaler) -> Linear:
    """What a fitted StandardScaler means: its stored numbers in exact arithmetic."""
    factors = [1 / Fraction(each) for each in scaler.scale_.tolist()]
    offsets = [-Fraction(mean) * factor for mean, factor in zip(scaler.mean_.tolist(), factors, strict=True)]
    return diagonal(factors, offsets)


def scores(steps, point) -> list[Fraction]:
    """The scores at a point with rational coordinates."""
    units: list[Affine] = [(Fraction(coordinate),) for coordinate in point]
    for step in steps:
        units = next(after for condition, after in step.pieces(units) if condition is None or condition[0] >= 0)
    return [unit[0] for unit in units]
