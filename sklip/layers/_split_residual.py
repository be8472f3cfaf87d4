"""A residual that keeps half of the channels."""

import keras
from keras import ops

from sklip._tensors import Tensor
from sklip.layers._inner import OuterLayer


@keras.saving.register_keras_serializable(package="sklip")
class SplitResidual(OuterLayer):
    """Residual ``concat [x₁, f(x₂)]``: the first half of the channels stays, a layer acts on the second.

    The halves are disjoint, so the Lipschitz constant is the larger one of 1 and that of ``f``. If ``f`` keeps norms,
    then so does this layer.

    Shapes: (n, ..., channels), for inputs and outputs.

    Parameters
    ----------
    layer : keras.layers.Layer
        ``f``: a layer, a ``keras.Sequential`` or another model, whose outputs have the shape of its inputs.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Raises
    ------
    ValueError
        If the number of channels is odd, or ``layer`` changes the shape or is none.

    Examples
    --------
    >>> import keras, numpy as np
    >>> from sklip.layers import SplitResidual
    >>> np.asarray(SplitResidual(keras.layers.ReLU())(np.array([[-1.0, -2.0]]))).tolist()
    [[-1.0, 0.0]]
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build the inner layer for half of the channels."""
        channels = input_shape[-1]
        if channels is None or channels % 2:
            raise ValueError(
                f"SplitResidual needs an even number of channels, but its input has {channels}. Give the layer before "
                "it another number of filters or units."
            )
        self._build_inner((*input_shape[:-1], channels // 2))
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the inner layer to the second half of the channels."""
        half = inputs.shape[-1] // 2
        return ops.concatenate([inputs[..., :half], self.layer(inputs[..., half:])], axis=-1)
