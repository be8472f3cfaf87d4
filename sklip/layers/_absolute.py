"""Absolute values of some channels."""

from typing import Any

import keras
from keras import ops

from sklip._tensors import Tensor


@keras.saving.register_keras_serializable(package="sklip")
class Abs(keras.layers.Layer):
    """The absolute value of a share of the channels; the others pass unchanged (LipNeXt, arXiv 2601.18513).

    Between two orthonormal layers nothing is lost against sorting: MaxMin is a rotation of each pair, the absolute
    value of half of the channels, and a rotation back.

    Parameters
    ----------
    share : float, default=1.0
        The layer acts on the first ``round(share * width)`` values of the last axis.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Raises
    ------
    ValueError
        If ``share`` is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import Abs
    >>> np.asarray(Abs(0.5)(np.array([[-1.0, -2.0]]))).tolist()
    [[1.0, -2.0]]
    """

    def __init__(self, share: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
            raise ValueError(f"Abs needs share as a number between 0 and 1; got {share!r}.")
        self.share = float(share)

    def call(self, inputs: Tensor) -> Tensor:
        """Take absolute values."""
        width = inputs.shape[-1]
        count = round(self.share * width)
        if count == width:
            return ops.abs(inputs)
        return ops.concatenate([ops.abs(inputs[..., :count]), inputs[..., count:]], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        return {**super().get_config(), "share": self.share}
