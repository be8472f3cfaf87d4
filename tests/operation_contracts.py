"""What every operation of a served network keeps: its numbers and its bounds, against rational arithmetic."""

import itertools
import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

import numpy as np

from sklip.arithmetic.rounding import LARGEST, TINY, UNIT, normal_above
from sklip.arithmetic.subnormal import without_subnormals
from sklip.served import Bounds, Operation, Pad, Selection
from sklip.served._pictures import empty_rows
from tests.flushing import in_flushing_thread
from tests.oracle.affine import dot, value
from tests.oracle.polyhedra import coordinates_of


@dataclass(frozen=True)
class Example:
    """An operation, the shape of a row, and the steps of exact arithmetic that say what it means, in C order.

    The bound of the Lipschitz constant is at most ``1 / (1 − slack)`` times the largest norm of a Jacobian. Numbers on
    the way to the outputs are at most ``growth`` times the sum of the sizes of the inputs, plus ``growth``.
    """

    operation: Operation
    shape: tuple
    steps: tuple
    slack: float = 1e-9
    growth: float = 0.0

    curvature = Fraction(0)
    """How much Jacobians may differ that count as those of one piece."""

    roundings = 2
    """Roundings of a product of a slope with one entry of the Jacobian."""

    @property
    def width(self) -> int:
        """Number of values per row."""
        return math.prod(self.shape)

    @property
    def lost(self) -> Fraction:
        """What underflow may take from an output."""
        return self.width * Fraction(2.0**-1073)

    def forward(self, rows):
        """The operation on flat rows, as flat rows."""
        result = self.operation.forward(self.shaped(rows))
        return result.reshape(len(rows), math.prod(result.shape[1:]))

    def vjp(self, rows, slopes):
        """The transposed Jacobian times slopes; all of them flat."""
        slopes = slopes.reshape(len(rows), *self.operation.output_shape(self.shape))
        carried = self.operation.vjp(self.shaped(rows), slopes)
        assert carried.shape == (len(rows), *self.shape)
        return carried.reshape(rows.shape)

    def shaped(self, rows):
        """Flat rows in the shape that the operation takes."""
        return rows.reshape(len(rows), *self.shape)

    def exact(self, row) -> list[Fraction]:
        """The values after the operation."""
        return [unit[0] for unit in self._pieces([(Fraction(number),) for number in row], ())[0]]

    def jacobians(self, row) -> list[list]:
        """For each piece that holds the row, the slopes of every output: several at a kink."""
        around = coordinates_of([Fraction(number) for number in row])
        return [[unit[:-1] for unit in units] for units in self._pieces(around, (Fraction(0),) * self.width)]

    def _pieces(self, units, place):
        """The outputs in all pieces that hold a place, as affine functions of it."""
        found = [units]
        for step in self.steps:
            pieces = [piece for before in found for piece in step.pieces(before)]
            found = [after for condition, after in pieces if condition is None or value(condition, place) >= 0]
        return found


@dataclass(frozen=True)
class NormExample(Example):
    """Norms of disjoint pools of values, whose places are the steps; they are curved. Roots are rounded up."""

    curvature = Fraction(1, 2**100)

    @property
    def roundings(self) -> int:
        """Those of the norm, of both quotients and of two products."""
        return self.width + 6

    @property
    def lost(self) -> Fraction:
        """Squares underflow below 2⁻⁵¹¹, where a thread flushes subnormal numbers."""
        return self.width * Fraction(2.0**-510)

    def exact(self, row) -> list[Fraction]:
        """The norms."""
        return [root_above(sum(Fraction(row[place]) ** 2 for place in pool)) for pool in self.steps]

    def jacobians(self, row) -> list[list]:
        """The unit vectors; 0 for a norm of 0."""
        slopes = []
        for pool, norm in zip(self.steps, self.exact(row), strict=True):
            inside = {place: Fraction(row[place]) / norm for place in pool if norm}
            slopes.append(tuple(inside.get(place, Fraction(0)) for place in range(self.width)))
        return [slopes]


def root_above(square: Fraction, bits: int = 600) -> Fraction:
    """The square root of a rational number, rounded up: above it by less than a part of ``2 ** (bits / 2)``."""
    if not square:
        return Fraction(0)
    shift = max(0, (bits - square.numerator.bit_length() + square.denominator.bit_length() + 1) // 2)
    return Fraction(math.isqrt((square.numerator << 2 * shift) // square.denominator) + 1, 1 << shift)


def rows_for(example, rng):
    """Rows that are hard for an operation: ties, cancellation, numbers of every size, the smallest ones included."""
    n = example.width
    normal = rng.standard_normal((2, n))
    slopes = np.array(example.jacobians(normal[0].tolist())[0], dtype=float)
    size = np.abs(slopes).max() or 1.0
    with np.errstate(all="ignore"):
        # Products of like size and unlike sign; outputs next to 0.
        alternating = np.where(np.arange(n) % 2, -1.0, 1.0) * size / np.where(slopes, slopes, size)
        outputs = np.array(example.exact(normal[1].tolist()), dtype=float)
        root = normal[1] - np.linalg.lstsq(slopes / size, outputs / size, rcond=None)[0]
    made = [
        *normal,
        *alternating[:3],
        root,
        np.arange(n, 0.0, -1.0),
        np.round(2 * normal[0]),
        np.zeros(n),
        np.full(n, -0.0),
        np.full(n, 0.1),
        1.0 + 2.0**-52 * np.arange(n),
        1e150 * normal[0],
        1e-150 * normal[0],
        1e-310 * normal[0],
        2.0**-1074 * np.round(4 * normal[1]),
        normal[0] * 10.0 ** rng.uniform(-300, 150, n),
    ]
    return np.array([row for row in made if np.isfinite(row).all()])


# Numbers ----------------------------------------------------------------------------------------


def assert_forward_is_exact(example, row):
    """Selections return the numbers themselves; other operations round, by at most a few units."""
    computed, exact = quietly(example.forward, row[None])[0], example.exact(row.tolist())
    if not np.isfinite(computed).all():
        return
    assert len(computed) == math.prod(example.operation.output_shape(example.shape)) == len(exact)
    if isinstance(example.operation, Selection | Pad):
        assert [Fraction(number) for number in computed.tolist()] == exact
        return
    slopes = example.jacobians(row.tolist())[0]
    for number, meant, slope in zip(computed.tolist(), exact, slopes, strict=True):
        parts = sum(abs(s * Fraction(x)) for s, x in zip(slope, row.tolist(), strict=True))
        parts += Fraction(example.growth) * (1 + sum(map(Fraction, map(abs, row.tolist()))))
        offset = meant - dot(slope, list(map(Fraction, row.tolist())))
        rounding = (example.width + 3) * Fraction(UNIT) * (parts + abs(offset)) + example.lost
        assert abs(Fraction(number) - meant) <= rounding


def assert_vjp_is_the_transposed_jacobian(example, row, slopes):
    """At a kink, that of one of the pieces that meet there."""
    carried = example.vjp(np.array([row]), np.array([slopes]))
    given = list(map(Fraction, slopes.tolist()))
    fits = []
    for jacobian in example.jacobians(row.tolist()):
        columns = list(zip(*jacobian, strict=True))
        fits.append(
            all(
                abs(Fraction(number) - dot(column, given)) <= _rounding(example, column, given)
                for number, column in zip(carried[0].tolist(), columns, strict=True)
            )
        )
    assert any(fits)


def _rounding(example, column, slopes):
    if isinstance(example.operation, Selection):
        return 0
    parts = sum(abs(a * b) for a, b in zip(column, slopes, strict=True))
    parts += Fraction(example.growth) * sum(map(abs, slopes))
    return (len(slopes) + example.roundings) * Fraction(UNIT) * parts + len(slopes) * Fraction(2.0**-1073)


def assert_vjp_is_the_exact_difference(example, row, slopes, direction):
    """Away from kinks, the slopes times the change of the outputs are the vjp times the change of the row."""
    z, given, direction = ([Fraction(x) for x in each.tolist()] for each in (row, slopes, direction))
    pieces, step, moved = example.jacobians(z), Fraction(1), None
    assert len(pieces) == 1
    while moved is None or _difference(example.jacobians(moved), pieces) > example.curvature:  # no kink in between
        step /= 1024
        moved = [x + step * d for x, d in zip(z, direction, strict=True)]
    change = dot(given, [b - a for a, b in zip(example.exact(z), example.exact(moved), strict=True)]) / step
    carried = map(Fraction, example.vjp(np.array([row]), np.array([slopes]))[0].tolist())
    columns = zip(*pieces[0], strict=True)
    rounding = sum(abs(d) * _rounding(example, column, given) for d, column in zip(direction, columns, strict=True))
    curved = 2 * example.curvature * sum(map(abs, given)) * sum(map(abs, direction))
    assert abs(dot(direction, carried) - change) <= rounding + curved


def _difference(pieces, others):
    """The largest difference of two Jacobians; infinite next to a kink, where there are more."""
    if len(pieces) != len(others):
        return math.inf
    pairs = zip(itertools.chain(*pieces[0]), itertools.chain(*others[0]), strict=True)
    return max(abs(a - b) for a, b in pairs)


def assert_buffers_change_nothing(example, rows):
    """The same bits with memory to work in and without; in place, where the operation allows it."""
    for ordered in in_both_orders(example.shaped(rows)):
        _assert_buffers_change_nothing(example.operation, ordered)


def _assert_buffers_change_nothing(operation, rows):
    before = rows.tobytes()
    plain = quietly(operation.forward, rows)
    assert not np.shares_memory(plain, rows)
    larger = empty_rows(len(plain) + 1, plain.shape[1:])  # the last block of rows is shorter than the others
    for buffer in (empty_rows(len(plain), plain.shape[1:]), larger[: len(plain)]):
        buffer[...] = np.nan
        assert np.shares_memory(quietly(operation.forward, rows, buffer), buffer) or not len(rows)
        assert buffer.tobytes() == plain.tobytes()
        assert rows.tobytes() == before
    if operation.in_place:
        ours = rows.copy(order="K")
        assert quietly(operation.forward, ours, ours).tobytes() == plain.tobytes()


def in_both_orders(rows):
    """The rows in C order; and pictures with channels first in memory, vectors with columns first."""
    yield rows
    if rows.ndim == 2:
        yield np.asfortranarray(rows)
    if rows.ndim == 4:
        ordered = empty_rows(len(rows), rows.shape[1:])
        ordered[...] = rows
        yield ordered


def assert_order_in_memory_changes_nothing(example, rows, slopes):
    """Products may be rounded in another way; what moves values gives the same bits."""
    results = [quietly(example.operation.forward, each) for each in in_both_orders(example.shaped(rows))]
    slopes = slopes.reshape(results[0].shape)
    carried = [
        quietly(example.operation.vjp, each, given)
        for each in in_both_orders(example.shaped(rows))
        for given in in_both_orders(slopes)
    ]
    for first, *others in (results, carried):
        for other in others:
            np.testing.assert_allclose(other, first, rtol=1e-12, atol=1e-12 * np.abs(first).max(initial=0.0))
            assert not isinstance(example.operation, Selection) or (other == first).all()


def assert_rescaled_is_the_same_in_other_units(example, rows, scale):
    """For powers of two, to the last bit."""
    other = example.operation.rescaled(scale)
    assert type(other) is type(example.operation)
    in_other_units = replace(example, operation=other).forward(rows)
    assert in_other_units.tobytes() == (scale * example.forward(rows / scale)).tobytes()


# Bounds -----------------------------------------------------------------------------------------


def is_at_most(jacobian, bound) -> bool:
    """Whether the spectral norm of a rational matrix is at most a bound: ``L² I − J Jᵀ`` has no eigenvalue below 0."""
    rows = jacobian if len(jacobian) <= len(jacobian[0]) else list(zip(*jacobian, strict=True))
    matrix = [[-dot(first, second) for second in rows] for first in rows]
    for place in range(len(rows)):
        matrix[place][place] += Fraction(bound) ** 2
    while matrix:  # symmetric elimination: all pivots are at least 0, and a pivot of 0 stands in a row of zeros
        (pivot, *first), *rest = matrix
        if pivot < 0 or (pivot == 0 and any(first)):
            return False
        factors = [row[0] / pivot if pivot else Fraction(0) for row in rest]
        matrix = [
            [a - factor * b for a, b in zip(row[1:], first, strict=True)]
            for row, factor in zip(rest, factors, strict=True)
        ]
    return True


def assert_lipschitz_is_proven_and_close(example, rows):
    """At least the exact norm of the Jacobian of every piece, and above the largest by a billionth or the slack."""
    bound = example.operation.lipschitz()
    pieces = [jacobian for row in rows for jacobian in example.jacobians(row.tolist())]
    assert all(is_at_most(jacobian, bound) for jacobian in pieces)
    assert bound == 0 or not all(is_at_most(jacobian, bound * (1 - example.slack)) for jacobian in pieces)


def assert_lipschitz_after_a_map_is_proven(example, rows, source, matrix):
    """``source`` bounds ``Wᵀ T(x)``, where ``T(x) = matrixᵀ x`` has products with kernels that are exact."""
    operation = example.operation
    bound = operation.lipschitz_after(source)
    assert bound <= source(None) * operation.lipschitz() * (1 + 1e-9)
    columns = [list(map(Fraction, row)) for row in matrix.tolist()]
    for row in rows:
        for jacobian in example.jacobians(row.tolist()):
            assert is_at_most([[dot(output, column) for column in columns] for output in jacobian], bound)


def norm_above(numbers) -> float:
    """The least float that is not below a Euclidean norm, or a float next to it; no subnormal number."""
    square = dot(numbers, numbers)
    _, exponent = math.frexp(float(max(map(abs, numbers), default=0)))
    bound = math.ldexp(math.sqrt(square / Fraction(2) ** (2 * exponent)), exponent)
    while Fraction(bound) ** 2 < square:
        bound = math.nextafter(bound, math.inf)
    return normal_above(bound)


def bounds_before(computed, exact, shape):
    """Bounds that hold for computed values and exact ones, at a ``t``: growing with it alone, and half of each."""
    error = norm_above([Fraction(c) - e for c, e in zip(computed.tolist(), exact, strict=True)])
    norm = max(norm_above(list(map(Fraction, computed.tolist()))), norm_above(exact))
    if norm:
        share = normal_above(math.nextafter(error / norm, math.inf)) if error else 0.0
        yield norm, Bounds(np.array([1.0, 0.0]), np.array([share, 0.0]), LARGEST, shape)
    halves = [max(half / 2, TINY if half else 0.0) for half in (norm, error)]
    yield 1.0, Bounds(np.full(2, halves[0]), np.full(2, halves[1]), LARGEST, shape)


def assert_carry_is_at_least_the_exact_error(example, row, change, flushed) -> int:
    """Carry the bounds of a computed row, and of the exact one that lies ``change`` away from it.

    In a thread that flushes subnormal numbers, they count as 0, before the operation and after it. Returns how many
    bounds claimed something.
    """
    seen = without_subnormals if flushed else np.array
    ask = partial(in_flushing_thread, quietly) if flushed else quietly
    exact = [Fraction(x) + Fraction(d) for x, d in zip(row.tolist(), change.tolist(), strict=True)]
    computed = seen(ask(example.forward, row[None])[0])
    meant, claimed = example.exact(exact), 0
    for t, before in bounds_before(seen(row), exact, example.shape):
        after = ask(example.operation.carry, before)
        if not (t <= after.farthest and np.isfinite([*after.norm, *after.error]).all()):
            continue
        claimed += 1
        assert np.isfinite(computed).all()
        error, norm = (Fraction(slope) * Fraction(t) + Fraction(offset) for slope, offset in (after.error, after.norm))
        missed = [Fraction(c) - e for c, e in zip(computed.tolist(), meant, strict=True)]
        assert dot(missed, missed) <= error**2
        assert dot(meant, meant) <= norm**2
        computed_exactly = list(map(Fraction, computed.tolist()))
        assert dot(computed_exactly, computed_exactly) <= norm**2
        assert after.shape == example.operation.output_shape(example.shape)
    return claimed


def quietly(function, *arguments):
    """What a function returns; infinite numbers and those that are none are looked at afterwards."""
    with np.errstate(all="ignore"):
        return function(*arguments)


def assert_nothing_overflows_up_to_the_farthest(example, directions):
    """Up to there, no product, no part of a sum in any order, no output and no difference of two outputs overflows."""
    before = Bounds.after_center(example.shape)
    t = float(quietly(example.operation.carry, before).farthest)
    assert 0 <= t <= before.farthest
    outputs = []
    for direction in directions:
        row = direction / np.linalg.norm(direction) * t * (1 - 1e-9)
        for jacobian in example.jacobians(row.tolist()):
            for slope, number in zip(jacobian, example.exact(row.tolist()), strict=True):
                products = [abs(s * Fraction(x)) for s, x in zip(slope, row.tolist(), strict=True)]
                offset = number - dot(slope, list(map(Fraction, row.tolist())))
                assert sum(products) + abs(offset) <= Fraction(LARGEST) / 2
        outputs.append(example.forward(row[None])[0])
    outputs = np.array(outputs)
    assert np.isfinite(outputs).all()
    assert np.isfinite(outputs[:, None] - outputs[None]).all()
