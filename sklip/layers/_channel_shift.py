"""The shift of groups of channels, between the two matrices of a convolution."""

from collections.abc import Sequence
from typing import Any

import keras

from sklip import served
from sklip._tensors import Tensor
from sklip.layers._images import image_shape
from sklip.layers._shift import shifted


@keras.saving.register_keras_serializable(package="sklip")
class ChannelShift(keras.layers.Layer):
    """Each group of channels of an image at the pixels that lie an offset away: :class:`sklip.served.Shift`.

    Exported networks have it between the two orthonormal matrices of a convolution. The layer only moves values.

    Parameters
    ----------
    offsets : sequence of (int, int)
        Vertical and horizontal offset of each group. The channels are split into as many groups of neighbours.
    padding : {"same", "circular", "valid"}, default="same"
        What lies outside of an image: zeros, its other side, or nothing.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers._channel_shift import ChannelShift
    >>> image = np.array([[[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]]])
    >>> np.asarray(ChannelShift([(0, 0), (0, 1)])(image)).tolist()
    [[[[1.0, 20.0], [2.0, 30.0], [3.0, 0.0]]]]
    """

    def __init__(self, offsets: Sequence[tuple[int, int]], padding: str = "same", **kwargs: Any):
        super().__init__(**kwargs)
        self.operation = served.Shift(tuple((int(dy), int(dx)) for dy, dx in offsets), padding)

    def call(self, inputs: Tensor) -> Tensor:
        """Move the groups."""
        return shifted(self.operation, inputs)

    def transposed(self, inputs: Tensor) -> Tensor:
        """Move the groups back: the product with the transposed matrix."""
        return shifted(self.operation.transposed(), inputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the outputs; raise a ValueError if the inputs do not fit."""
        return (input_shape[0], *self.operation.output_shape(image_shape(input_shape, "ChannelShift")))

    def compute_output_spec(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return the output's shape and dtype without tracing the layer."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    def served_steps(self, shape: tuple[int, ...], reader: Any) -> list[served.Operation]:
        """Return the operations of the layer on rows of a shape."""
        return [self.operation]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        return {**super().get_config(), "offsets": self.operation.offsets, "padding": self.operation.padding}
