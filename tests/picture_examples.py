"""Examples of the operations on pictures, for the contract: pictures are tiny, as their arithmetic is rational."""

import numpy as np

from sklip.arithmetic import polar_factor
from sklip.served import (
    Abs,
    AveragePool,
    Center,
    Convolution,
    Crop,
    Dense,
    DepthToSpace,
    FullSort,
    GroupSort,
    L2NormPool,
    MaxMin,
    MaxPool,
    Pad,
    Reshape,
    Shift,
    SpaceToDepth,
    window_offsets,
)
from tests.operation_contracts import Example, NormExample
from tests.oracle import networks, pictures

CROSS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))


def reshape(shape, before):
    return Example(Reshape(shape), before, ())


def shift(offsets, padding, shape):
    return Example(Shift(offsets, padding), shape, (pictures.shifted(shape, offsets, padding),))


def space_to_depth(height, width, shape):
    return Example(SpaceToDepth(height, width), shape, (pictures.space_to_depth(shape, height, width),))


def depth_to_space(height, width, shape):
    return Example(DepthToSpace(height, width), shape, (pictures.depth_to_space(shape, height, width),))


def pad(sides, circular, shape):
    return Example(Pad(*sides, circular), shape, (pictures.padded(shape, *sides, circular),))


def crop(sides, shape):
    return Example(Crop(*sides), shape, (pictures.cropped(shape, *sides),))


def max_pool(height, width, shape):
    return Example(MaxPool(height, width), shape, tuple(pictures.largest(shape, height, width)))


def average_pool(height, width, shape):
    operation = AveragePool(height, width)
    return Example(operation, shape, (pictures.sums(shape, height, width, operation.factor),))


def l2_norm_pool(height, width, shape):
    return NormExample(L2NormPool(height, width), shape, tuple(pictures.pools(shape, height, width)))


def convolution(kernel, strides, padding, shape, *, slack, bias=None):
    """The bound of the norm is for pictures of any size, so that it is not close for tiny ones."""
    operation = Convolution(kernel, np.zeros(kernel.shape[3]) if bias is None else bias, strides, padding)
    step = pictures.correlated(shape, operation.kernel, operation.bias, strides, padding)
    return Example(operation, shape, (step,), slack)


def dense(kernel, bias, shape):
    operation = Dense(kernel, bias)
    one = networks.linear(operation.kernel, operation.bias)
    return Example(operation, shape, (networks.repeated(one, shape[0] * shape[1]),))


def center(values):
    operation = Center(values)
    return Example(operation, values.shape, (networks.center(operation.center.ravel()),))


def activation(operation, name, shape):
    steps = networks.at_pixels(networks.activation(name, shape[2]), shape[2], shape[0] * shape[1])
    return Example(operation, shape, tuple(steps))


def partly_folded(share, shape, n_folded):
    n_pixels = int(np.prod(shape[:-1]))
    folds = [networks.Fold(place, -1) for place in range(n_folded)]
    return Example(Abs(share), shape, tuple(networks.at_pixels(folds, shape[-1], n_pixels)))


def normal(*shape):
    return np.random.default_rng(2).standard_normal(shape)


def stride_of_the_window():
    """An orthonormal kernel whose windows have no pixel in common: its operator is orthonormal."""
    return polar_factor(normal(8, 3)).reshape(2, 2, 2, 3)


PICTURES = {
    "Dense of pixels": dense(normal(2, 3), normal(3), (2, 3, 2)),
    "Dense of pixels, one channel": dense(normal(1, 2), normal(2), (3, 2, 1)),
    "Dense of pixels, no bias": dense(normal(2, 2), np.zeros(2), (2, 2, 2)),
    "Dense of pixels, of 1e150": dense(1e150 * normal(2, 2), 1e150 * normal(2), (2, 1, 2)),
    "Center of a picture": center(normal(2, 2, 3)),
    "GroupSort(2) of pixels": activation(GroupSort(2), "groupsort2", (2, 1, 4)),
    "GroupSort(3) of pixels": activation(GroupSort(3), "groupsort3", (1, 2, 3)),
    "FullSort of pixels": activation(FullSort(), "fullsort", (1, 2, 3)),
    "MaxMin of pixels": activation(MaxMin(), "maxmin", (1, 2, 4)),
    "Abs of pixels": activation(Abs(), "abs", (2, 1, 2)),
    "Abs, half": partly_folded(0.5, (4,), 2),
    "Abs, a third of five": partly_folded(1 / 3, (5,), 2),
    "Abs, none": partly_folded(0.0, (3,), 0),
    "Abs, a share of channels": partly_folded(0.5, (2, 1, 3), 2),
    "Reshape to a picture": reshape((2, 3, 1), (6,)),
    "Reshape to a row": reshape((12,), (2, 3, 2)),
    "Reshape to itself": reshape((2, 2), (2, 2)),
    "Shift": shift(CROSS, "same", (2, 2, 5)),
    "Shift, uneven groups": shift(window_offsets(1, 3), "same", (2, 3, 4)),
    "Shift, even groups of two": shift(((0, 1), (-1, 0)), "same", (2, 2, 4)),
    "Shift, one channel": shift(((0, -1),), "same", (2, 3, 1)),
    "Shift, out of the picture": shift(((0, 0), (2, 0), (0, -7), (-1, 1)), "same", (2, 2, 4)),
    "Shift, circular": shift(CROSS, "circular", (3, 1, 5)),
    "Shift, circular, uneven groups": shift(((0, 1), (-1, 0), (5, -4)), "circular", (2, 2, 4)),
    "Shift, circular, one pixel": shift(((0, 1), (1, 0)), "circular", (1, 1, 3)),
    "Shift, valid": shift(window_offsets(2, 2), "valid", (2, 3, 4)),
    "Shift, valid, uneven groups": shift(((0, 0), (0, 2)), "valid", (2, 4, 3)),
    "Shift, valid, all to one side": shift(((1, 0), (2, 1)), "valid", (3, 3, 2)),
    "SpaceToDepth": space_to_depth(2, 2, (4, 4, 1)),
    "SpaceToDepth, unlike sides": space_to_depth(1, 3, (2, 3, 2)),
    "SpaceToDepth, one window": space_to_depth(3, 2, (3, 2, 2)),
    "DepthToSpace": depth_to_space(2, 2, (2, 1, 8)),
    "DepthToSpace, unlike sides": depth_to_space(3, 1, (1, 2, 6)),
    "Pad": pad((1, 1, 1, 1), False, (2, 2, 1)),
    "Pad, uneven": pad((0, 2, 1, 0), False, (2, 1, 2)),
    "Pad by nothing": pad((0, 0, 0, 0), False, (2, 2, 2)),
    "Pad, circular": pad((1, 1, 1, 1), True, (2, 2, 2)),
    "Pad, circular, one axis": pad((0, 0, 1, 2), True, (2, 3, 1)),
    "Pad, circular, one side": pad((1, 0, 0, 2), True, (2, 3, 1)),
    "Pad by nothing, circular": pad((0, 0, 0, 0), True, (2, 2, 1)),
    "Crop": crop((1, 1, 1, 1), (3, 3, 2)),
    "Crop, uneven": crop((0, 1, 2, 0), (2, 3, 2)),
    "Crop of nothing": crop((0, 0, 0, 0), (2, 2, 1)),
    "MaxPool": max_pool(2, 2, (2, 3, 1)),
    "MaxPool, lines": max_pool(1, 2, (2, 2, 2)),
    "MaxPool, columns": max_pool(3, 1, (4, 2, 1)),
    "MaxPool, one pixel": max_pool(1, 1, (2, 2, 2)),
    "AveragePool": average_pool(2, 2, (3, 3, 2)),
    "AveragePool, lines": average_pool(1, 3, (2, 3, 2)),
    "AveragePool, columns": average_pool(3, 1, (4, 2, 1)),
    "AveragePool, long": average_pool(1, 12, (1, 12, 1)),
    "AveragePool, one pixel": average_pool(1, 1, (2, 1, 2)),
    "L2NormPool": l2_norm_pool(2, 2, (3, 3, 2)),
    "L2NormPool, lines": l2_norm_pool(1, 3, (2, 4, 1)),
    "L2NormPool, columns": l2_norm_pool(3, 1, (4, 2, 1)),
    "L2NormPool, long": l2_norm_pool(1, 12, (1, 12, 1)),
    "L2NormPool, one pixel": l2_norm_pool(1, 1, (2, 1, 2)),
    "Convolution": convolution(normal(2, 3, 1, 2), (1, 1), "same", (3, 3, 1), slack=0.8, bias=normal(2)),
    "Convolution, inside": convolution(normal(2, 2, 2, 2), (1, 1), "valid", (3, 2, 2), slack=0.8, bias=normal(2)),
    "Convolution, strides": convolution(normal(3, 2, 1, 2), (2, 2), "same", (4, 3, 1), slack=0.8, bias=normal(2)),
    "Convolution, unlike strides": convolution(normal(2, 1, 2, 1), (1, 2), "same", (3, 3, 2), slack=0.8),
    "Convolution, strides inside": convolution(normal(2, 2, 1, 2), (2, 1), "valid", (3, 4, 1), slack=0.8),
    "Convolution, wide strides": convolution(normal(1, 2, 2, 2), (2, 3), "same", (3, 4, 2), slack=0.8),
    "Convolution of pixels": convolution(normal(1, 1, 3, 2), (1, 1), "same", (2, 1, 3), slack=1e-9, bias=normal(2)),
    "Convolution, orthonormal": convolution(stride_of_the_window(), (2, 2), "valid", (2, 4, 2), slack=1e-9),
    "Convolution that shifts": convolution(
        np.eye(4)[:, :2].reshape(2, 1, 2, 2)[:, :, ::-1], (1, 1), "same", (3, 1, 2), slack=0.5
    ),
    "Convolution of 1e150": convolution(
        1e150 * normal(1, 2, 1, 1), (1, 1), "same", (2, 2, 1), slack=0.8, bias=1e150 * normal(1)
    ),
    "Convolution of 1e-150": convolution(1e-150 * normal(2, 1, 1, 2), (1, 1), "valid", (3, 2, 1), slack=0.8),
    "Convolution of zeros": convolution(np.zeros((2, 2, 1, 1)), (1, 1), "same", (2, 2, 1), slack=1e-9, bias=normal(1)),
}
