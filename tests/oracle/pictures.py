"""What operations on pictures mean: the places of the inputs, in C order, from which each output comes."""

import itertools
from fractions import Fraction

import numpy as np

from tests.oracle.networks import Exchange, Linear, Taken

NOWHERE = -1


def places_of(shape):
    """The places of the values of a row, in its shape."""
    return np.arange(np.prod(shape)).reshape(shape)


def taken(places) -> Taken:
    """The values at some places; 0 where there is none."""
    return Taken(tuple(None if place == NOWHERE else place for place in places.ravel().tolist()))


def surrounded(places, margin):
    """Places amid a border without values."""
    return np.pad(places, ((margin, margin), (margin, margin), (0, 0)), constant_values=NOWHERE)


def shifted(shape, offsets, padding) -> Taken:
    """Groups of channels, each at its offset."""
    height, width, _ = shape
    moved = []
    for (dy, dx), group in zip(offsets, np.array_split(places_of(shape), len(offsets), axis=2), strict=True):
        if padding == "circular":
            moved.append(np.roll(group, (-dy, -dx), axis=(0, 1)))
        else:
            margin = 2 * max(height, width)  # offsets are smaller
            wide = surrounded(group, margin)
            moved.append(wide[margin + dy : margin + dy + height, margin + dx : margin + dx + width])
    if padding == "valid":  # pixels at which all groups are inside; some may lie outside of the picture
        margin = 2 * max(height, width)
        down, right = ([-min(along), -max(along)] for along in zip(*offsets, strict=True))
        rows, columns = range(down[0], height + down[1]), range(right[0], width + right[1])
        groups = np.array_split(surrounded(places_of(shape), margin), len(offsets), axis=2)
        moved = [
            group[np.ix_([margin + row + dy for row in rows], [margin + column + dx for column in columns])]
            for (dy, dx), group in zip(offsets, groups, strict=True)
        ]
    return taken(np.concatenate(moved, axis=2))


def windows(shape, height, width):
    """The places in each window, in C order, by the row and the column of the window."""
    places = places_of(shape)
    rows, columns = range(shape[0] // height), range(shape[1] // width)
    return {
        (row, column): places[row * height : (row + 1) * height, column * width : (column + 1) * width]
        for row, column in itertools.product(rows, columns)
    }


def space_to_depth(shape, height, width) -> Taken:
    """The values of each window in C order."""
    return taken(np.array([window.ravel() for window in windows(shape, height, width).values()]))


def depth_to_space(shape, height, width) -> Taken:
    """The inverse."""
    n_rows, n_columns, n_channels = shape
    larger = (n_rows * height, n_columns * width, n_channels // (height * width))
    return taken(np.argsort(space_to_depth(larger, height, width).places))


def padded(shape, top, bottom, left, right, circular) -> Taken:
    """Zeros around a picture, or its other side."""
    sides = ((top, bottom), (left, right), (0, 0))
    if circular:
        return taken(np.pad(places_of(shape), sides, mode="wrap"))
    return taken(np.pad(places_of(shape), sides, constant_values=NOWHERE))


def cropped(shape, top, bottom, left, right) -> Taken:
    """What is inside of the sides."""
    return taken(places_of(shape)[top : shape[0] - bottom, left : shape[1] - right])


def pools(shape, height, width):
    """The places of the values that are pooled, for each output in C order."""
    found = windows(shape, height, width).values()
    return [window[:, :, channel].ravel().tolist() for window in found for channel in range(shape[2])]


def largest(shape, height, width) -> list:
    """The largest of each window: it is moved to the last place of the window, and taken from there."""
    found = pools(shape, height, width)
    exchanges = [Exchange(low, high) for pool in found for low, high in itertools.pairwise(pool)]
    return [*exchanges, taken(np.array([pool[-1] for pool in found]))]


def sums(shape, height, width, factor) -> Linear:
    """The sum of each window times a float."""
    n, found = int(np.prod(shape)), pools(shape, height, width)
    columns = [tuple(Fraction(factor) * (place in pool) for place in range(n)) for pool in found]
    return Linear(tuple(columns), (Fraction(0),) * len(found))


def zeros_around(length, window, stride):
    """How many zeros Keras puts before and after an axis with ``padding="same"``."""
    missing = max((-(-length // stride) - 1) * stride + window - length, 0)
    return missing // 2, missing - missing // 2


def correlation(shape, kernel, strides, padding):
    """The matrix of a convolution, number by number, of one row per output."""
    height, width, _, n_outputs = kernel.shape
    places = places_of(shape)
    if padding == "same":
        sides = [zeros_around(*of) for of in zip(shape[:2], (height, width), strides, strict=True)]
        places = np.pad(places, (*sides, (0, 0)), constant_values=NOWHERE)
    rows = range(0, places.shape[0] - height + 1, strides[0])
    columns = range(0, places.shape[1] - width + 1, strides[1])
    matrix = np.zeros((len(rows), len(columns), n_outputs, int(np.prod(shape))))
    for (i, row), (j, column) in itertools.product(enumerate(rows), enumerate(columns)):
        window = places[row : row + height, column : column + width]
        inside = window != NOWHERE
        matrix[i, j][:, window[inside]] = kernel[inside].T
    return matrix.reshape(-1, matrix.shape[3])


def correlated(shape, kernel, bias, strides, padding) -> Linear:
    """A convolution."""
    matrix = correlation(shape, kernel, strides, padding)
    offsets = tuple(map(Fraction, bias.tolist())) * (len(matrix) // len(bias))
    return Linear(tuple(tuple(map(Fraction, row)) for row in matrix.tolist()), offsets)


def matrix_of(step, n_inputs):
    """The matrix of an affine step, of one row per output, in float64."""
    if isinstance(step, Linear):
        return np.array(step.columns, dtype=float)
    matrix = np.zeros((len(step.places), n_inputs))
    for output, place in enumerate(step.places):
        if place is not None:
            matrix[output, place] = 1.0
    return matrix
