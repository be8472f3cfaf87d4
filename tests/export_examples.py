"""Operations of every kind on rows that they fit, and networks on images: what exports are compared on."""

import math

import numpy as np

from sklip.served import (
    Abs,
    Add,
    AveragePool,
    Center,
    Concatenate,
    Convolution,
    Crop,
    Dense,
    DepthToSpace,
    Diagonal,
    FullSort,
    Graph,
    GroupSort,
    L2NormPool,
    MaxMin,
    MaxPool,
    Pad,
    Parallel,
    Relu,
    Reshape,
    Residual,
    Scale,
    ServedNetwork,
    Shift,
    SpaceToDepth,
    Tilted,
    window_offsets,
)
from tests.helpers import random_kernel

PICTURE = (5, 6, 4)


def _random(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def dense(n_inputs, n_outputs):
    """A map with orthonormal rows or columns, and a bias."""
    return Dense(random_kernel(np.random.default_rng(n_inputs), n_inputs, n_outputs), 0.3 * _random(n_outputs))


def convolution(kernel_size, strides, padding, n_inputs=4, n_outputs=3):
    """A convolution of somebody else's model."""
    kernel = _random(*kernel_size, n_inputs, n_outputs)
    return Convolution(kernel / np.linalg.norm(kernel), 0.3 * _random(n_outputs), strides, padding)


def orthonormal_convolution(n_inputs, n_outputs, padding="same", window=(3, 3)):
    """The operations of a SpectralConv2D."""
    middle = max(n_inputs, n_outputs, math.prod(window))
    expansion = Dense(random_kernel(np.random.default_rng(0), n_inputs, middle), np.zeros(middle))
    return expansion, Shift(window_offsets(*window), padding), dense(middle, n_outputs)


OPERATIONS = {
    "Center": (Center(_random(4)), (4,)),
    "Center of pictures": (Center(_random(*PICTURE)), PICTURE),
    "Dense": (dense(4, 3), (4,)),
    "Dense on pictures": (dense(4, 6), PICTURE),
    "Dense without a bias": (Dense(np.eye(4), np.zeros(4)), PICTURE),
    "Scale": (Scale(-0.7), PICTURE),
    "Diagonal": (Diagonal(_random(4)), (4,)),
    "Diagonal of pictures": (Diagonal(_random(*PICTURE)), PICTURE),
    "Relu": (Relu(), PICTURE),
    "Abs": (Abs(), PICTURE),
    "Abs of half": (Abs(0.5), PICTURE),
    "Abs of none": (Abs(0.0), PICTURE),
    "Abs of three fifths": (Abs(0.6), (5,)),
    "MaxMin": (MaxMin(), PICTURE),
    "GroupSort(1)": (GroupSort(1), PICTURE),
    "GroupSort(2)": (GroupSort(2), PICTURE),
    "GroupSort(3)": (GroupSort(3), (2, 3, 6)),
    "GroupSort(4)": (GroupSort(4), PICTURE),
    "FullSort": (FullSort(), PICTURE),
    "FullSort of three": (FullSort(), (2, 2, 3)),
    "Reshape": (Reshape((6, 20)), PICTURE),
    "Reshape, flat": (Reshape((120,)), PICTURE),
    "Shift, same": (Shift(window_offsets(3, 3), "same"), (5, 6, 11)),
    "Shift, one offset": (Shift(((0, 2),), "same"), PICTURE),
    "Shift, one way": (Shift(((1, 1), (2, 1)), "same"), PICTURE),
    "Shift beyond the picture": (Shift(((-9, 1), (0, 8), (1, 0)), "same"), PICTURE),
    "Shift, circular": (Shift(window_offsets(3, 3), "circular"), (5, 6, 11)),
    "Shift, around twice": (Shift(((-9, 1), (3, 14), (0, 3)), "circular"), PICTURE),
    "Shift, valid": (Shift(window_offsets(2, 3), "valid"), (5, 6, 7)),
    "Shift, valid, off the middle": (Shift(((2, -1), (3, 2)), "valid"), PICTURE),
    "SpaceToDepth": (SpaceToDepth(1, 3), PICTURE),
    "SpaceToDepth of 2 x 2": (SpaceToDepth(2, 2), (4, 6, 3)),
    "DepthToSpace": (DepthToSpace(2, 1), PICTURE),
    "DepthToSpace of 2 x 3": (DepthToSpace(2, 3), (2, 2, 12)),
    "Pad": (Pad(1, 0, 2, 3, False), PICTURE),
    "Pad with nothing": (Pad(0, 0, 0, 0, False), PICTURE),
    "Pad, circular": (Pad(2, 1, 0, 3, True), PICTURE),
    "Crop": (Crop(1, 0, 0, 2), PICTURE),
    "MaxPool": (MaxPool(1, 2), PICTURE),
    "MaxPool with a rest": (MaxPool(2, 4), PICTURE),
    "AveragePool": (AveragePool(5, 3), PICTURE),
    "AveragePool with a rest": (AveragePool(3, 4), PICTURE),
    "L2NormPool": (L2NormPool(1, 3), PICTURE),
    "L2NormPool with a rest": (L2NormPool(2, 2), PICTURE),
    "Convolution": (convolution((3, 3), (1, 1), "same"), PICTURE),
    "Convolution, even": (convolution((2, 4), (1, 1), "same"), PICTURE),
    "Convolution, strides": (convolution((3, 2), (2, 3), "same"), PICTURE),
    "Convolution, strides larger than the window": (convolution((1, 2), (3, 4), "same"), PICTURE),
    "Convolution, valid": (convolution((3, 2), (1, 2), "valid"), PICTURE),
    "Convolution of one pixel": (convolution((1, 1), (1, 1), "valid"), PICTURE),
    "Residual": (Residual((dense(4, 4),)), (4,)),
    "Residual, wide": (Residual((dense(4, 7),)), PICTURE),
    "Residual with a convolution": (Residual(orthonormal_convolution(4, 4)), PICTURE),
    "Residual with a circular convolution": (
        Residual((dense(4, 9), Center(_random(5, 6, 9)), Shift(window_offsets(3, 3), "circular"), dense(9, 5))),
        PICTURE,
    ),
    "Tilted": (Tilted((dense(4, 6), GroupSort(2), dense(6, 1)), _random(4)), (4,)),
    "Parallel": (Parallel(((), (dense(3, 2), Abs())), (1, 3)), PICTURE),
    "Parallel of flat rows": (Parallel(((Relu(),), (Scale(2.0),), (dense(1, 2),)), (2, 1, 1)), (4,)),
    "Parallel, nested": (Parallel(((Residual((dense(2, 2),)),), (Parallel(((), (Abs(),)), (1, 1)),)), (2, 2)), PICTURE),
    "Graph": (
        Graph(((dense(4, 4), (0,)), (Scale(0.5), (1,)), (Scale(0.5), (0,)), (Add(), (2, 3)), (Relu(), (4,)))),
        PICTURE,
    ),
    "Graph of three branches": (
        Graph(
            (
                (MaxPool(2, 2), (0,)),
                (AveragePool(2, 2), (0,)),
                (L2NormPool(2, 2), (0,)),
                (Add(), (1, 2, 3)),
                (Concatenate(), (4, 1)),
            )
        ),
        PICTURE,
    ),
    "Graph of flat rows": (Graph(((dense(4, 3), (0,)), (Concatenate(), (0, 1)), (Add(), (2, 2)))), (4,)),
    "Graph with joins of one value": (Graph(((Abs(), (0,)), (Add(), (1,)), (Concatenate(), (2,)))), PICTURE),
}
"""Operations and the shape of the rows that they take."""


def network_with(operation, shape, n_scores=3):
    """A network that applies one operation to rows of a shape."""
    rng = np.random.default_rng(0)
    size, after = math.prod(shape), math.prod(operation.output_shape(shape))
    heads = rng.standard_normal((after, n_scores))
    heads /= np.linalg.norm(heads, axis=0)
    before = () if len(shape) == 1 else (Reshape(shape),)
    between = () if len(operation.output_shape(shape)) == 1 else (Reshape((after,)),)
    steps = (Center(rng.standard_normal(size)), *before, operation, *between, Dense(heads, rng.standard_normal(3)))
    return ServedNetwork(steps)


def image_networks():
    """Networks as they are trained on images of 8 x 8 pixels, by name."""
    image = (8, 8, 2)
    center = (Center(0.5 * np.ones(128)), Reshape(image))
    identity = Graph(((dense(18, 18), (0,)), (Scale(0.4), (1,)), (Scale(0.6), (0,)), (Add(), (2, 3))))
    return {
        "convolutions": ServedNetwork(
            (
                *center,
                *orthonormal_convolution(2, 12),
                GroupSort(2),
                SpaceToDepth(2, 2),
                *orthonormal_convolution(48, 16, "circular"),
                MaxMin(),
                L2NormPool(2, 2),
                Reshape((64,)),
                dense(64, 8),
                GroupSort(4),
                dense(8, 3),
            )
        ),
        "residuals": ServedNetwork(
            (
                *center,
                SpaceToDepth(2, 2),
                *orthonormal_convolution(8, 18, "valid", (2, 2)),
                Abs(0.5),
                Residual(orthonormal_convolution(18, 18)),
                Parallel(((), (dense(9, 9), Relu())), (9, 9)),
                identity,
                AveragePool(3, 3),
                Reshape((18,)),
                dense(18, 3),
            )
        ),
        "somebody's": ServedNetwork(
            (
                *center,
                convolution((3, 3), (1, 1), "same", 2, 8),
                Relu(),
                MaxPool(2, 2),
                convolution((3, 3), (2, 2), "same", 8, 8),
                Relu(),
                Reshape((32,)),
                dense(32, 2),
                Relu(),
                dense(2, 1),
            )
        ),
    }
