"""The first layer of exported networks."""

import keras
from keras import ops

from sklip._tensors import Tensor


@keras.saving.register_keras_serializable(package="sklip")
class Center(keras.layers.Layer):
    """Subtract a fixed centre from each row, in the layer's dtype.

    The centre has the shape of a row: for images, (height, width, channels). It is a weight, so that files store all
    of its bits.

    Parameters
    ----------
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import Center
    >>> layer = Center(dtype="float64")
    >>> layer.build((None, 2))
    >>> layer.set_weights([np.array([1.0, 2.0])])
    >>> np.asarray(layer(np.array([[1.5, 2.0]]))).tolist()
    [[0.5, 0.0]]
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the centre, at 0."""
        self.center = self.add_weight(
            name="center",
            shape=tuple(input_shape[1:]),
            dtype=self.variable_dtype,
            initializer="zeros",
            trainable=False,
        )
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Subtract the centre."""
        return ops.subtract(inputs, self.center)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return tuple(input_shape)
