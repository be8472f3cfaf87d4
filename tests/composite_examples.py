"""Examples of operations that are made of others, for the contract."""

from fractions import Fraction

import numpy as np

from sklip.arithmetic import polar_factor
from sklip.served import (
    Abs,
    Add,
    Center,
    Concatenate,
    Dense,
    Graph,
    GroupSort,
    MaxPool,
    Parallel,
    Relu,
    Residual,
    Scale,
    Shift,
    Tilted,
)
from tests.operation_contracts import Example
from tests.oracle import networks, pictures
from tests.oracle.networks import Fold, Linear


def normal(*shape):
    return np.random.default_rng(3).standard_normal(shape)


def rows_of(matrix):
    """A rational matrix, of an array of floats."""
    return [tuple(map(Fraction, row)) for row in np.asarray(matrix).tolist()]


def above(*matrices):
    """Matrices above each other, without offsets."""
    rows = tuple(row for matrix in matrices for row in matrix)
    return Linear(rows, (Fraction(0),) * len(rows))


def identity(n):
    return rows_of(np.eye(n))


def residual(steps, matrix, offsets, shape, growth):
    """``x − 2 Kᵀ relu(K x + b)``: the row and its image, the positive part, and the difference."""
    n, image = int(np.prod(shape)), rows_of(matrix)
    first = Linear((*identity(n), *image), (Fraction(0),) * n + tuple(map(Fraction, offsets)))
    folds = [Fold(n + place, 0) for place in range(len(image))]
    back = [
        tuple(unit) + tuple(-2 * row[place] for row in image) for place, unit in enumerate(identity(n))
    ]  # the columns of K, without a rounding
    return Example(Residual(steps), shape, (first, *folds, above(back)), growth=growth)


def residual_dense(kernel, bias, growth=20.0):
    return residual((Dense(kernel, bias),), kernel.T, bias.tolist(), (len(kernel),), growth)


def residual_shift(padding, shape):
    """A product, a shift of both channels by unlike offsets, a centre and another product."""
    offsets, kernel, n = ((0, 0), (0, 1)), polar_factor(normal(2, 2)), int(np.prod(shape))
    steps = (Shift(offsets, padding), Dense(np.eye(2), np.zeros(2)), Center(normal(*shape)), Dense(kernel, normal(2)))
    moved = pictures.matrix_of(pictures.shifted(shape, offsets, padding), n)
    image = np.kron(np.eye(n // 2), kernel.T) @ moved  # a product with one number per entry: exact
    center, bias = map(rows_of, (steps[2].center.reshape(-1, 2), steps[3].bias[None]))
    at = [
        b - sum(Fraction(float(w)) * c for w, c in zip(column, pixel, strict=True))
        for pixel in center
        for b, column in zip(bias[0], kernel.T.tolist(), strict=True)
    ]
    return residual(steps, image, at, shape, 20.0)


def parallel():
    kernel, bias = normal(2, 3), normal(3)
    image = np.zeros((5, 4))
    image[:3, :2], image[3:, 2:] = kernel.T, np.eye(2)
    first = Linear(tuple(rows_of(image)), (*map(Fraction, bias.tolist()), Fraction(0), Fraction(0)))
    return Example(Parallel(((Dense(kernel, bias),), (Abs(),)), (2, 2)), (4,), (first, Fold(3, -1), Fold(4, -1)))


def parallel_pictures():
    """A part of the channels is pooled, as is the other one after a sort; the pools are lines."""
    operation = Parallel(((MaxPool(1, 2),), (GroupSort(2), MaxPool(1, 2))), (1, 2))
    sort = networks.at_pixels([networks.Exchange(1, 2)], 3, 2)
    return Example(operation, (1, 2, 3), (*sort, *pictures.largest((1, 2, 3), 1, 2)))


def sum_with_absolute_values():
    """``x + |x|``, each scaled by a number."""
    nodes = ((Abs(), (0,)), (Scale(0.3), (1,)), (Scale(0.7), (0,)), (Add(), (2, 3)))
    halves = [[factor * entry for entry in row] for factor in map(Fraction, (0.3, 0.7)) for row in identity(2)]
    back = [tuple(halves[place] + halves[place + 2]) for place in range(2)]
    twice = above(identity(2), identity(2))
    return Example(Graph(nodes), (2,), (twice, Fold(0, -1), Fold(1, -1), above(back)), growth=2.0)


def joined_channels():
    """A picture, its positive part and the picture again, at each pixel."""
    nodes = ((Relu(), (0,)), (Concatenate(), (0, 1, 0)))
    folds = networks.at_pixels([Fold(1, 0)], 3, 2)
    one = rows_of(np.ones((3, 1)))
    return Example(Graph(nodes), (2, 1, 1), (networks.repeated(above(one), 2), *folds))


def tilted(kernel, heads, slopes):
    """A product, its positive part and a head; the row itself is kept for the linear function."""
    n, width = kernel.shape
    steps = (Dense(kernel, normal(width)), Relu(), Dense(heads[:, None], normal(1)))
    image = rows_of(kernel.T)
    first = Linear((*identity(n), *image), (Fraction(0),) * n + tuple(map(Fraction, steps[0].bias.tolist())))
    folds = [Fold(n + place, 0) for place in range(width)]
    last = tuple(map(Fraction, (*slopes.tolist(), *heads.tolist())))
    end = Linear((last,), tuple(map(Fraction, steps[2].bias.tolist())))
    return Example(Tilted(steps, slopes), (n,), (first, *folds, end), slack=0.9, growth=20.0)


COMPOSITES = {
    "Tilted": tilted(polar_factor(normal(3, 2)), normal(2), normal(3)),
    "Tilted by nothing": tilted(polar_factor(normal(2, 3)), normal(3), np.zeros(2)),
    "Parallel": parallel(),
    "Parallel of pictures": parallel_pictures(),
    "Residual": residual_dense(polar_factor(normal(3, 2)), normal(2)),
    "Residual, wide": residual_dense(polar_factor(normal(2, 3)), normal(3)),
    "Residual, too long": residual_dense(normal(3, 1), normal(1)),
    "Residual of a shift": residual_shift("same", (1, 2, 2)),
    "Residual of a circular shift": residual_shift("circular", (1, 3, 2)),
    "Graph with a sum": sum_with_absolute_values(),
    "Graph that joins channels": joined_channels(),
}
