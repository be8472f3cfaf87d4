"""Pooling over whole images, scaled so that it is 1-Lipschitz."""

import math
from typing import Any

import keras
from keras import ops

from sklip._tensors import Tensor
from sklip.layers._images import image_shape, refuse_other_arguments
from sklip.layers._pooling import in_full_precision, l2_norms


class _GlobalPooling(keras.layers.Layer):
    """Pooling over all pixels; the subclass defines the value of an image."""

    def __init__(self, **kwargs: Any):
        refuse_other_arguments(type(self).__name__, kwargs)
        super().__init__(**kwargs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the outputs."""
        return (input_shape[0], image_shape(input_shape, type(self).__name__)[-1])

    def compute_output_spec(self, inputs: Tensor) -> keras.KerasTensor:
        """Return the output's shape and dtype without tracing the layer."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        return super().get_config()  # the one that Keras makes cannot hold a dtype policy


@keras.saving.register_keras_serializable(package="sklip")
class ScaledGlobalL2NormPooling2D(_GlobalPooling):
    """The Euclidean norm of each channel over all pixels.

    Shapes: (n, height, width, channels) becomes (n, channels). The layer is 1-Lipschitz and keeps the norm. The
    gradient at a channel of zeros is 0.

    Parameters
    ----------
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Raises
    ------
    ValueError
        If the inputs are no images of known height and width.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import ScaledGlobalL2NormPooling2D
    >>> image = np.array([[3.0, 0.0], [0.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> np.asarray(ScaledGlobalL2NormPooling2D()(image)).tolist()
    [[5.0]]
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Take the norms."""
        rows, columns, channels = image_shape(inputs.shape, type(self).__name__)
        norms = in_full_precision(lambda values: l2_norms(values, (rows, columns)), inputs)
        return ops.reshape(norms, (-1, channels))


@keras.saving.register_keras_serializable(package="sklip")
class ScaledGlobalAveragePooling2D(_GlobalPooling):
    """The sum of each channel over all pixels, divided by the square root of their number.

    Shapes: (n, height, width, channels) becomes (n, channels). This is an orthonormal map, so the layer is 1-Lipschitz.

    Parameters
    ----------
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Raises
    ------
    ValueError
        If the inputs are no images of known height and width.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import ScaledGlobalAveragePooling2D
    >>> image = np.array([[3.0, 0.0], [0.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> np.asarray(ScaledGlobalAveragePooling2D()(image)).tolist()
    [[3.5]]
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Take the scaled sums."""
        rows, columns, _ = image_shape(inputs.shape, type(self).__name__)
        return in_full_precision(lambda values: ops.sum(values, axis=(1, 2)) / math.sqrt(rows * columns), inputs)
