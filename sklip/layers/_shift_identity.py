"""The initializer with which a shift convolution starts as a shift and nothing else."""

from typing import Any

import keras
from keras import ops

from sklip._tensors import Tensor


@keras.saving.register_keras_serializable(package="sklip")
class ShiftIdentity(keras.initializers.Initializer):
    """Identity start of :class:`SpectralConv2D`: at first, the convolution only shifts groups of channels.

    In a deep network of convolutions of equal width, give every second one ``reverse=True``. It shifts each channel in
    the opposite direction, so that pairs of convolutions are the identity at first, except at the border (and, if the
    number of offsets does not divide the width, for a few channels).

    Parameters
    ----------
    reverse : bool, default=False
        Whether to reverse the order of the channels before the shift, and again after it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import ShiftIdentity, SpectralConv2D
    >>> there = SpectralConv2D(9, 3, padding="circular", kernel_initializer=ShiftIdentity())
    >>> back = SpectralConv2D(9, 3, padding="circular", kernel_initializer=ShiftIdentity(reverse=True))
    >>> images = np.random.default_rng(0).standard_normal((2, 5, 5, 9)).astype("float32")
    >>> bool(np.abs(back(there(images)) - images).max() < 1e-5)
    True
    """

    def __init__(self, reverse: bool = False):
        self.reverse = reverse

    def __call__(self, shape: tuple[int, int], dtype: Any = None) -> Tensor:
        kernel = ops.eye(*shape, dtype=dtype or keras.config.floatx())
        # The longer side is that of the channels that are shifted.
        return ops.flip(kernel, axis=0 if shape[0] >= shape[1] else 1) if self.reverse else kernel

    def get_config(self) -> dict[str, bool]:
        """Return the arguments from which Keras rebuilds the initializer."""
        return {"reverse": self.reverse}
