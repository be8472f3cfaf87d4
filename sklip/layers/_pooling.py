"""Pooling over windows that do not overlap, scaled so that it is 1-Lipschitz."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from sklip._tensors import Tensor
from sklip.layers._images import image_shape, pair, refuse_other_arguments


class _Pooling(keras.layers.Layer):
    """Pooling over disjoint windows; the subclass defines the value of a window."""

    def __init__(
        self,
        pool_size: int | tuple[int, int] = 2,
        strides: int | tuple[int, int] | None = None,
        padding: str = "valid",
        **kwargs: Any,
    ):
        name = type(self).__name__
        refuse_other_arguments(name, kwargs)
        super().__init__(**kwargs)
        self.pool_size = pair(pool_size, name, "pool_size")
        if strides is not None and pair(strides, name, "strides") != self.pool_size:
            raise ValueError(
                f"{name} takes strides that equal pool_size: an input in several windows would count several times, "
                f"and one in none would count nowhere; got strides={strides!r} with pool_size={pool_size!r}."
            )
        if padding != "valid":
            raise ValueError(f"{name} takes padding='valid' alone: put keras.layers.ZeroPadding2D before it.")

    @property
    def strides(self) -> tuple[int, int]:
        """The distance of the windows, which is their size."""
        return self.pool_size

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Check that there is a window."""
        self.compute_output_shape(input_shape)
        super().build(input_shape)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the outputs; raise a ValueError if there is no window in the image."""
        name, (height, width) = type(self).__name__, self.pool_size
        rows, columns, channels = image_shape(input_shape, name)
        if rows < height or columns < width:
            raise ValueError(
                f"{name} has windows of {height} x {width} pixels, but its input has {rows} x {columns} pixels: use a "
                "smaller pool_size."
            )
        return (input_shape[0], rows // height, columns // width, channels)

    def compute_output_spec(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return the output's shape and dtype without tracing the layer."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        return {**super().get_config(), "pool_size": self.pool_size}


@keras.saving.register_keras_serializable(package="sklip")
class ScaledL2NormPooling2D(_Pooling):
    """The Euclidean norm of each window of each channel.

    Shapes: (n, height, width, channels) becomes (n, height // p, width // q, channels) for windows of p × q pixels.
    Remaining rows and columns are dropped. The windows are disjoint, so the layer is 1-Lipschitz, and it keeps the
    norm of an image whose size is a multiple of the window. The gradient at a window of zeros is 0.

    Parameters
    ----------
    pool_size : int or tuple of two ints, default=2
        Height and width of a window.
    strides : int or tuple of two ints, optional
        It may be given for the sake of code that was written for Keras, and must equal ``pool_size``.
    padding : {"valid"}, default="valid"
        Other paddings are refused.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Raises
    ------
    ValueError
        If windows overlap: an input in several windows would count several times. Also if the inputs are no images, or
        smaller than a window.

    References
    ----------
    .. [1] Boureau, Ponce and LeCun, "A theoretical analysis of feature pooling in visual recognition", ICML 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import ScaledL2NormPooling2D
    >>> image = np.array([[3.0, 0.0], [0.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> np.asarray(ScaledL2NormPooling2D(2)(image)).tolist()
    [[[[5.0]]]]
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Take the norms."""
        return in_full_precision(lambda values: l2_norms(values, self.pool_size), inputs)


@keras.saving.register_keras_serializable(package="sklip")
class ScaledAveragePooling2D(_Pooling):
    """The sum of each window of each channel, divided by the square root of the number of its pixels.

    Shapes: (n, height, width, channels) becomes (n, height // p, width // q, channels) for windows of p × q pixels.
    Remaining rows and columns are dropped. The windows are disjoint, so this is an orthonormal map, and the layer is
    1-Lipschitz. Keras' average, which divides by p · q, would have the constant 1 / √(p · q).

    Parameters
    ----------
    pool_size : int or tuple of two ints, default=2
        Height and width of a window.
    strides : int or tuple of two ints, optional
        It may be given for the sake of code that was written for Keras, and must equal ``pool_size``.
    padding : {"valid"}, default="valid"
        Other paddings are refused.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Raises
    ------
    ValueError
        If windows overlap: an input in several windows would count several times. Also if the inputs are no images, or
        smaller than a window.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import ScaledAveragePooling2D
    >>> image = np.array([[3.0, 0.0], [0.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> np.asarray(ScaledAveragePooling2D(2)(image)).tolist()
    [[[[3.5]]]]
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Take the scaled sums."""
        means = ops.average_pool(inputs, self.pool_size, self.pool_size, "valid", data_format="channels_last")
        return ops.multiply(means, math.sqrt(math.prod(self.pool_size)))


def in_full_precision(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Apply a function in float32 at least: squares in float16 overflow at 256."""
    half = keras.backend.standardize_dtype(inputs.dtype) in ("float16", "bfloat16")
    return ops.cast(function(ops.cast(inputs, "float32")), inputs.dtype) if half else function(inputs)


def l2_norms(values: Tensor, window: tuple[int, int]) -> Tensor:
    """Return the Euclidean norms of the windows; the gradient of the norm of zeros is 0."""
    (height, width), (_, rows, columns, channels) = window, values.shape
    if rows % height or columns % width:
        values = values[:, : rows // height * height, : columns // width * width]

    @ops.custom_gradient
    def norms(values):
        def gradient(*arguments, upstream=None):
            (slope,) = arguments if upstream is None else (upstream,)
            positive = results > 0
            ratios = ops.where(positive, slope, 0.0) / ops.where(positive, results, 1.0)
            windows = ops.reshape(values, (-1, rows // height, height, columns // width, width, channels))
            return ops.reshape(windows * ratios[:, :, None, :, None], ops.shape(values))

        means = ops.average_pool(ops.square(values), window, window, "valid", data_format="channels_last")
        results = ops.sqrt(means * math.prod(window))
        return results, gradient

    return norms(ops.copy(values))  # a copy, as TensorFlow's custom gradients refuse variables
