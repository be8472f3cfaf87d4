"""The served operations of each kind of Keras layer."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from sklip import served
from sklip.exceptions import NotLipschitzError
from sklip.layers import _activations as activations
from sklip.layers._absolute import Abs
from sklip.layers._assembly import Assembly
from sklip.layers._center import Center
from sklip.layers._channel_shift import ChannelShift
from sklip.layers._circular_padding import CircularPadding2D
from sklip.layers._constants import constant_of_row, plus, times
from sklip.layers._dense import FrobeniusDense, SpectralDense
from sklip.layers._front import FrontLayer, Tilt
from sklip.layers._global_pooling import ScaledGlobalAveragePooling2D, ScaledGlobalL2NormPooling2D
from sklip.layers._mix_residual import MixResidual
from sklip.layers._parallel import Parallel
from sklip.layers._pooling import ScaledAveragePooling2D, ScaledL2NormPooling2D
from sklip.layers._residual_conv import ResidualConv2D
from sklip.layers._residual_dense import ResidualDense
from sklip.layers._residual_step import ResidualStep
from sklip.layers._sampling import InvertibleDownSampling, InvertibleUpSampling
from sklip.layers._spectral_conv import SpectralConv2D
from sklip.layers._split_residual import SplitResidual
from sklip.layers._trace import AUGMENTATIONS

Steps = list[served.Operation]

FUNCTIONS = {
    keras.activations.relu: served.Relu(),
    keras.ops.relu: served.Relu(),
    keras.ops.abs: served.Abs(),
    activations._absolute: served.Abs(),
}
_IN_TRAINING_ALONE = tuple(
    getattr(keras.layers, name)
    for name in ("Dropout", "SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise",
                 "ActivityRegularization", "Identity")
)  # fmt: skip


class Reader:
    """Reads layers: the weights as float64 arrays, and the operations of layers within layers.

    Parameters
    ----------
    on_manifold : bool
        Whether to bring kernels of sklip's layers to their manifold in float64. They are copied unchanged otherwise.
    """

    def __init__(self, on_manifold: bool):
        self.on_manifold = on_manifold

    def array(self, variable: Any) -> np.ndarray:
        """The numbers of a variable in float64, without rounding."""
        array = as_numpy(variable)
        if array.dtype.kind in "iub":  # quantised: the numbers mean something else
            raise NotLipschitzError(
                f"A weight is of type {array.dtype}. from_keras takes weights of floating point numbers."
            )
        return np.array(array, dtype=np.float64)

    def kernel(self, layer: Any, variable: Any) -> np.ndarray:
        """The kernel of a constrained layer."""
        kernel = self.array(variable)
        return layer.on_manifold(kernel) if self.on_manifold else kernel

    def bias(self, layer: Any, size: int) -> np.ndarray:
        """The bias of a layer; zeros if it has none."""
        return np.zeros(size) if layer.bias is None else self.array(layer.bias)

    def steps(self, layer: Any, shape: tuple[int, ...]) -> Steps:
        """The operations of a layer, or of a model within a layer, on rows of a shape. Types are compared exactly."""
        convert = _CONVERSIONS.get(type(layer))
        if convert is not None:
            return convert(layer, shape, self)
        if isinstance(layer, keras.Model):
            from sklip.layers._operations import steps_of_model

            return steps_of_model(layer, self)
        return activation_steps(layer, layer)


def as_numpy(tensor: Any) -> np.ndarray:
    """The numbers of a tensor or a variable."""
    return np.asarray(tensor)  # Keras would call numpy.array, of which TensorFlow and JAX make a DeprecationWarning


# Dense layers and convolutions -------------------------------------------------------------------


def _dense(layer, shape, reader):
    kernel = reader.array(layer.kernel) if type(layer) is keras.layers.Dense else reader.kernel(layer, layer.kernel)
    return [served.Dense(kernel, reader.bias(layer, kernel.shape[1])), *activation_steps(layer.activation, layer)]


def _spectral_conv2d(layer, shape, reader):
    return [*shifted_products(layer, shape, reader), *activation_steps(layer.activation, layer)]


def shifted_products(layer: Any, shape: tuple[int, ...], reader: Reader) -> Steps:
    """The operations of ``Qᵀ S(Rᵀ x + p) + b``; see :class:`SpectralConv2D`."""
    steps = _blocks_to_channels(layer, shape)
    kernel = reader.kernel(layer, layer.kernel)
    if layer.expansion is not None:
        expansion = reader.kernel(layer, layer.expansion)
        steps.append(served.Dense(expansion, np.zeros(expansion.shape[1])))
        if layer.position_code is not None:
            steps.append(served.Center(-reader.array(layer.position_code)))
        steps.append(served.Shift(served.window_offsets(*layer.window), layer.padding))
    return [*steps, served.Dense(kernel, reader.bias(layer, kernel.shape[1]))]


def _blocks_to_channels(layer, shape):
    """The operations that move the blocks of a strided layer to channels."""
    block = layer.block
    if block == (1, 1):
        return []
    rest = [size % length for size, length in zip(shape, block, strict=False)]
    missing = [(length - more) % length for length, more in zip(block, rest, strict=True)]
    if layer.padding == "valid" and any(rest):
        steps = [served.Crop(0, rest[0], 0, rest[1])]
    elif any(missing):
        steps = [served.Pad(0, missing[0], 0, missing[1], False)]
    else:
        steps = []
    return [*steps, served.SpaceToDepth(*block)]


def _conv2d(layer, shape, reader):
    if layer.data_format != "channels_last" or set(layer.dilation_rate) != {1} or layer.groups != 1:
        raise NotLipschitzError(
            f"The layer {layer.name!r} (Conv2D) has channels first, a dilation or groups. sklip takes none of them."
        )
    convolution = served.Convolution(
        reader.array(layer.kernel), reader.bias(layer, layer.filters), tuple(layer.strides), layer.padding
    )
    return [convolution, *activation_steps(layer.activation, layer)]


# Pooling and rearranging -------------------------------------------------------------------------


def _pooling(operation: Callable[[int, int], served.Operation], mean: bool = False):
    """The conversion of a pooling layer with disjoint windows."""

    def convert(layer, shape, reader):
        window, strides = tuple(layer.pool_size), tuple(layer.strides or layer.pool_size)
        if strides != window:
            overlap = any(stride < size for stride, size in zip(strides, window, strict=True))
            reason = "Where windows overlap, a value counts more than once." if overlap else "sklip leaves no gaps."
            raise NotLipschitzError(
                f"The layer {layer.name!r} ({type(layer).__name__}) has windows of {window} and strides of {strides}. "
                f"{reason} Give strides=None."
            )
        _check_channels_last(layer)
        rest = [size % length for size, length in zip(shape, window, strict=False)]
        if getattr(layer, "padding", "valid") != "valid" and any(rest):
            raise NotLipschitzError(
                f"The layer {layer.name!r} ({type(layer).__name__}) pads pictures of {shape[:2]} for windows of "
                f"{window}. Give padding='valid', or a ZeroPadding2D before it."
            )
        return [operation(*window), *_mean(window, mean)]

    return convert


def _global_pooling(operation: Callable[[int, int], served.Operation], mean: bool = False):
    """The conversion of a pooling layer whose window is the whole picture."""

    def convert(layer, shape, reader):
        _check_channels_last(layer)
        flat = [] if getattr(layer, "keepdims", False) else [served.Reshape(shape[2:])]
        return [operation(*shape[:2]), *_mean(shape[:2], mean), *flat]

    return convert


def _mean(window, mean):
    """What makes means of sums that are divided by the root of their number."""
    return [served.Scale(1.0 / math.sqrt(math.prod(window)))] if mean else []


def _check_channels_last(layer):
    if getattr(layer, "data_format", "channels_last") != "channels_last":  # sklip's own layers take no other
        raise NotLipschitzError(
            f"The layer {layer.name!r} ({type(layer).__name__}) has channels first. sklip takes channels last."
        )


def _down_sampling(layer, shape, reader):
    return [served.SpaceToDepth(*layer.pool_size)]


def _up_sampling(layer, shape, reader):
    return [served.DepthToSpace(*layer.pool_size)]


def _flatten(layer, shape, reader):
    if layer.data_format != "channels_last" and len(shape) > 1:
        _check_channels_last(layer)
    return [] if len(shape) == 1 else [served.Reshape((math.prod(shape),))]


def _reshape(layer, shape, reader):
    target = tuple(layer.compute_output_shape((None, *shape))[1:])
    return [served.Reshape(target)]


def _padding(circular):
    def convert(layer, shape, reader):
        (top, bottom), (left, right) = layer.padding
        if not circular:
            _check_channels_last(layer)
        return [served.Pad(top, bottom, left, right, circular)]

    return convert


def _cropping(layer, shape, reader):
    _check_channels_last(layer)
    (top, bottom), (left, right) = layer.cropping
    return [served.Crop(top, bottom, left, right)]


# Numbers -----------------------------------------------------------------------------------------


def _center(layer, shape, reader):
    return [served.Center(np.broadcast_to(reader.array(layer.center), shape))]


def _front(layer, shape, reader):
    return [layer.operation(on_manifold=reader.on_manifold)]


def _tilt(layer, shape, reader):
    slopes = reader.array(layer.front.slopes())
    return [served.Dense(slopes[:, None], np.zeros(1))]


def _rescaling(layer, shape, reader):
    factors, offsets = (constant_of_row(layer, as_numpy(each), shape) for each in (layer.scale, layer.offset))
    return [*times(factors), *plus(offsets)]


# Layers that contain layers ----------------------------------------------------------------------


def _residual_dense(layer, shape, reader):
    kernel = reader.kernel(layer, layer.kernel)
    return [served.Residual((served.Dense(kernel, reader.bias(layer, kernel.shape[1])),))]


def _residual_conv2d(layer, shape, reader):
    return [served.Residual(tuple(shifted_products(layer, shape, reader)))]


def _split_residual(layer, shape, reader):
    first = shape[-1] // 2
    part = (*shape[:-1], shape[-1] - first)
    return [served.Parallel(((), tuple(reader.steps(layer.layer, part))), (first, shape[-1] - first))]


def _mix_residual(layer, shape, reader):
    share = 0.5 + 0.5 * math.tanh(0.5 * float(reader.array(layer.alpha)))  # σ(α), without an overflow
    graph = Assembly()
    value = graph.add(served.Scale(1.0 - share), graph.chain(reader.steps(layer.layer, shape), 0))
    return graph.operations(graph.add(served.Add(), value, graph.add(served.Scale(share), 0)))


def _own_steps(layer, shape, reader):
    return layer.served_steps(shape, reader)


# Activations -------------------------------------------------------------------------------------


def activation_steps(activation: Any, layer: Any) -> Steps:
    """The operation of an activation, a function or a layer; none for the identity."""
    kind = type(activation)
    if kind is keras.layers.Activation:
        return activation_steps(activation.activation, layer)
    if kind is activations.GroupSort:
        return [served.GroupSort(activation.n)]
    if kind is activations.FullSort:
        return [served.FullSort()]
    if kind is activations.MaxMin:
        return [served.MaxMin()]
    if kind is Abs:
        return [served.Abs(activation.share)]
    if kind is keras.layers.ReLU and [activation.max_value, activation.negative_slope, activation.threshold] == [
        None,
        0,
        0,
    ]:
        return [served.Relu()]
    if activation is None or activation is keras.activations.linear:
        return []
    if callable(activation) and not isinstance(activation, keras.layers.Layer) and activation in FUNCTIONS:
        return [FUNCTIONS[activation]]
    if activation in (keras.activations.softmax, keras.activations.sigmoid) or kind is keras.layers.Softmax:
        raise NotLipschitzError(
            f"The layer {layer.name!r} ({type(layer).__name__}) turns scores into probabilities. End the model "
            "with the scores, and set temperature=1.0 for predict_proba."
        )
    raise not_understood(layer, activation)


def not_understood(layer: Any, activation: Any = None) -> NotLipschitzError:
    """The error for a layer without a conversion."""
    inner = activation is not None and activation is not layer
    name = getattr(activation, "__name__", type(activation).__name__)
    what = f" with the activation {name}" if inner else ""
    return NotLipschitzError(
        f"The layer {layer.name!r} ({type(layer).__name__}{what}) is not one that from_keras understands. It takes "
        "the layers of sklip.layers, and of Keras: Dense, Conv2D, ReLU, Flatten, Reshape, Rescaling, ZeroPadding2D, "
        "Cropping2D, pooling with disjoint windows, Add, Subtract, Average, Concatenate along the last axis, and "
        "layers that act in training alone."
    )


_CONVERSIONS: dict[type, Callable[[Any, tuple[int, ...], Reader], Steps]] = {
    keras.layers.Dense: _dense,
    SpectralDense: _dense,
    FrobeniusDense: _dense,
    SpectralConv2D: _spectral_conv2d,
    keras.layers.Conv2D: _conv2d,
    ScaledL2NormPooling2D: _pooling(served.L2NormPool),
    ScaledAveragePooling2D: _pooling(served.AveragePool),
    keras.layers.MaxPooling2D: _pooling(served.MaxPool),
    keras.layers.AveragePooling2D: _pooling(served.AveragePool, mean=True),
    keras.layers.GlobalMaxPooling2D: _global_pooling(served.MaxPool),
    keras.layers.GlobalAveragePooling2D: _global_pooling(served.AveragePool, mean=True),
    InvertibleDownSampling: _down_sampling,
    InvertibleUpSampling: _up_sampling,
    keras.layers.Flatten: _flatten,
    keras.layers.Reshape: _reshape,
    keras.layers.ZeroPadding2D: _padding(circular=False),
    CircularPadding2D: _padding(circular=True),
    keras.layers.Cropping2D: _cropping,
    Center: _center,
    FrontLayer: _front,
    Tilt: _tilt,
    keras.layers.Rescaling: _rescaling,
    ScaledGlobalL2NormPooling2D: _global_pooling(served.L2NormPool),
    ScaledGlobalAveragePooling2D: _global_pooling(served.AveragePool),
    Abs: lambda layer, shape, reader: [served.Abs(layer.share)],
    ResidualDense: _residual_dense,
    ResidualConv2D: _residual_conv2d,
    SplitResidual: _split_residual,
    MixResidual: _mix_residual,
    **dict.fromkeys((ChannelShift, Parallel, ResidualStep), _own_steps),
    **dict.fromkeys((*_IN_TRAINING_ALONE, *AUGMENTATIONS), lambda layer, shape, reader: []),
}
