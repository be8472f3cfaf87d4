"""A convolution that is 1-Lipschitz while it trains."""

from collections.abc import Callable
from typing import Any

import keras

from sklip._tensors import Tensor
from sklip.layers._convolution import Convolution


@keras.saving.register_keras_serializable(package="sklip")
class SpectralConv2D(Convolution):
    """Convolution of images by orthonormal factors: of norm 1 with circular padding, at most 1 with zeros.

    ``y = activation(Qᵀ shift(Rᵀ x + p) + b)``. The matrix R widens each pixel from c channels to m. The shift moves
    contiguous groups of these channels, one group by each offset of the window (as [1]_ does). The matrix Q brings m
    channels to ``filters``. R and Q are orthonormal, and the optimizer keeps them so, as in :class:`SpectralDense`.
    In total this is an ordinary convolution whose taps are ``R[:, g] Q[g, :]`` for the groups g. Training makes either
    the two products or one convolution, whichever is faster.

    With circular padding, the shift is a permutation. If m is the larger one of c and ``filters``, the layer is
    orthonormal: all its singular values are 1. If the window needs a larger m (an image with few channels and few
    filters), or zeros are shifted in, then the norm is at most 1.

    The norm of a reshaped kernel, by which deel-lip and others divide, is no bound of the norm of a convolution: an
    input counts in several windows. This layer has no such factor.

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size : int or tuple of two ints
        Height and width of the window in pixels.
    strides : int or tuple of two ints, default=1
        With s > 1, blocks of s × s pixels become one pixel with s · s · channels channels first, as by
        :class:`InvertibleDownSampling`. Then the window has ⌈kernel_size / s⌉ blocks.
    padding : {"same", "valid", "circular"}, default="same"
        What is outside of the image. ``"same"``: zeros; the output has ⌈height / s⌉ rows. ``"valid"``: nothing, the
        window stays inside; rows that do not fill a block are dropped. ``"circular"``: the opposite side; the strides
        must divide the image.
    activation : str, callable, keras.layers.Layer or None, default=None
        As in :class:`SpectralDense`. It acts on the channels of each pixel.
    use_bias : bool, default=True
        Whether to add a bias to each output channel.
    kernel_initializer, bias_initializer : str or keras.initializers.Initializer
        The kernels are brought to the manifold after they are initialised.
    kernel_constraint : keras.constraints.Constraint, optional
        :class:`Orthonormal` unless given.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``, ``trainable``.

    Attributes
    ----------
    window : tuple of two ints
        Height and width of the window in blocks; ``block`` has those of a block in pixels.
    expansion : keras.Variable of shape (c, m), or None
        R, where c is the number of values in a block, and m is the largest one of c, ``filters`` and the number of
        positions of the window. A window of one block has no R: the layer is a product with ``kernel`` of shape (c,
        filters).
    kernel : keras.Variable of shape (m, filters)
        Q.
    position_code : keras.Variable of shape (height, width, m), or None
        p, which is 0 at the start and free. It exists with circular padding alone, where nothing else tells a pixel
        where it is: shifted zeros do.
    bias : keras.Variable of shape (filters,), or None

    Raises
    ------
    ValueError
        If an argument is refused (``data_format="channels_first"``, ``dilation_rate`` and ``groups`` are), the inputs
        are no images of known height and width, or the window does not fit.

    See Also
    --------
    SpectralDense : On images it acts on the channels of each pixel: a convolution with a window of one pixel.

    References
    ----------
    .. [1] Hu, Leino, Wang and Fredrikson, "LipNeXt: scaling up Lipschitz-based certified robustness to
       billion-parameter models", arXiv 2601.18513: channels that are shifted between orthonormal products.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import SpectralConv2D
    >>> layer = SpectralConv2D(16, 3, padding="circular", activation="groupsort2")
    >>> layer(np.zeros((2, 8, 8, 3), dtype="float32")).shape
    TensorShape([2, 8, 8, 16])
    >>> tuple(layer.expansion.shape), tuple(layer.kernel.shape)
    ((3, 16), (16, 16))
    >>> np.linalg.svd(np.asarray(layer.kernel), compute_uv=False).round(4).min()
    np.float32(1.0)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = 1,
        padding: str = "same",
        activation: str | Callable[[Tensor], Tensor] | keras.layers.Layer | None = None,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "orthogonal",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_constraint: keras.constraints.Constraint | None = None,
        **kwargs: Any,
    ):
        if padding not in ("same", "valid", "circular"):
            raise ValueError(f"SpectralConv2D takes a padding of 'same', 'valid' or 'circular'; got {padding!r}.")
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_constraint=kernel_constraint,
            **kwargs,
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the layer."""
        return self._activated(self._product(inputs, *self._factors()))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        return {**super().get_config(), "strides": self.block}
