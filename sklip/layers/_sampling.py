"""Images with fewer pixels and more channels, and back: nothing is lost."""

from typing import Any

import keras
from keras import ops

from sklip._tensors import Tensor
from sklip.layers._images import image_shape, pair, refuse_other_arguments


class _Sampling(keras.layers.Layer):
    """A layer that only moves values."""

    def __init__(self, pool_size: int | tuple[int, int], **kwargs: Any):
        name = type(self).__name__
        refuse_other_arguments(name, kwargs)
        super().__init__(**kwargs)
        self.pool_size = pair(pool_size, name, "pool_size")

    def compute_output_spec(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return the output's shape and dtype without tracing the layer."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        return {**super().get_config(), "pool_size": self.pool_size}


@keras.saving.register_keras_serializable(package="sklip")
class InvertibleDownSampling(_Sampling):
    """Each block of pixels becomes one pixel: space to depth.

    Shapes: (n, height, width, channels) becomes (n, height / p, width / q, p · q · channels) for blocks of p × q
    pixels. The channels of a new pixel are ordered by row of the block, then by column, then by old channel, as those
    of TensorFlow's ``space_to_depth``. The layer is a permutation, so it keeps all distances.

    Parameters
    ----------
    pool_size : int or tuple of two ints
        Height and width of a block. They must divide those of the image.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Raises
    ------
    ValueError
        If the blocks do not fit, or the inputs are no images.

    See Also
    --------
    InvertibleUpSampling : The inverse.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import InvertibleDownSampling
    >>> image = np.arange(4.0).reshape(1, 2, 2, 1)
    >>> np.asarray(InvertibleDownSampling(2)(image)).tolist()
    [[[[0.0, 1.0, 2.0, 3.0]]]]
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Move the values."""
        (height, width), shape = self.pool_size, self.compute_output_shape(inputs.shape)
        blocks = ops.reshape(inputs, (-1, shape[1], height, shape[2], width, inputs.shape[-1]))
        return ops.reshape(ops.transpose(blocks, (0, 1, 3, 2, 4, 5)), (-1, *shape[1:]))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the outputs; raise a ValueError if the blocks do not fit."""
        rows, columns, channels = image_shape(input_shape, "InvertibleDownSampling")
        height, width = self.pool_size
        if rows % height or columns % width:
            raise ValueError(
                f"InvertibleDownSampling needs blocks of {height} x {width} pixels that divide the image, but it has "
                f"{rows} x {columns} pixels. Put keras.layers.ZeroPadding2D or keras.layers.Cropping2D before it."
            )
        return (input_shape[0], rows // height, columns // width, height * width * channels)


@keras.saving.register_keras_serializable(package="sklip")
class InvertibleUpSampling(_Sampling):
    """Each pixel becomes a block of pixels: depth to space, the inverse of :class:`InvertibleDownSampling`.

    Shapes: (n, height, width, p · q · channels) becomes (n, p · height, q · width, channels) for blocks of p × q
    pixels. The layer is a permutation, so it keeps all distances.

    Parameters
    ----------
    pool_size : int or tuple of two ints
        Height and width of a block. Their product must divide the number of channels.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Raises
    ------
    ValueError
        If the channels do not make blocks, or the inputs are no images.

    See Also
    --------
    InvertibleDownSampling : The inverse.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import InvertibleUpSampling
    >>> pixel = np.arange(4.0).reshape(1, 1, 1, 4)
    >>> np.asarray(InvertibleUpSampling(2)(pixel))[0, :, :, 0].tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Move the values."""
        (rows, columns), (height, width) = inputs.shape[1:3], self.pool_size
        shape = self.compute_output_shape(inputs.shape)
        blocks = ops.reshape(inputs, (-1, rows, columns, height, width, shape[-1]))
        return ops.reshape(ops.transpose(blocks, (0, 1, 3, 2, 4, 5)), (-1, *shape[1:]))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the outputs; raise a ValueError if the channels do not make blocks."""
        rows, columns, channels = image_shape(input_shape, "InvertibleUpSampling")
        height, width = self.pool_size
        if channels % (height * width):
            raise ValueError(
                f"InvertibleUpSampling needs a multiple of {height * width} channels for blocks of {height} x {width} "
                f"pixels, but its input has {channels}. Give the layer before it another number of filters."
            )
        return (input_shape[0], rows * height, columns * width, channels // (height * width))
