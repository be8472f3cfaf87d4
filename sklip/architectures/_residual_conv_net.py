"""ResidualConvNet: many convolutions of one width, which start at the identity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from sklearn.base import BaseEstimator

from sklip.architectures._checks import (
    check_activation,
    check_choice,
    check_count,
    check_dropout,
    check_image,
    check_widths,
)

if TYPE_CHECKING:
    import keras


class ResidualConvNet(BaseEstimator):
    """Deep convolutional network: patches, many orthonormal convolutions of one width, pooling over the image.

    The blocks are those of LipNeXt [1]_: an orthonormal product over the channels, shifts of groups of channels,
    another orthonormal product, and an activation. Ordinary residual networks add the input of a block to its output,
    so that a deep network begins near the identity. That would double the Lipschitz constant. Here the two products of
    each convolution start at the identity instead: at first, every second block shifts groups of channels by a pixel,
    and the next block shifts them back.

    Parameters
    ----------
    width : int, default=64
        Number of channels of all convolutions.
    depth : int, default=4
        Number of convolutions after that of the patches.
    patch_size : int, default=2
        Height and width of the patches: the first convolution turns each patch into ``width`` channels. It keeps all
        information if ``width`` is at least the number of values in a patch. Images that patches do not fill get zeros
        at the bottom and the right.
    kernel_size : int, default=3
        Height and width of the window of the other convolutions.
    pooling : {"l2", "average", "max"} or None, default="l2"
        Pooling of each channel over the whole image before the dense layers, with a Lipschitz constant of 1; see
        :class:`ConvNet`. None flattens the image.
    hidden_layer_sizes : int or sequence of int, default=()
        Number of units of each dense layer before the scores.
    activation : str, default="groupsort2"
        Activation of all layers, as in :class:`MLP`. LipNeXt uses ``"abs"``.
    padding : {"same", "circular"}, default="same"
        Padding of the convolutions; see :class:`ConvNet`.
    dropout : float, default=0.0
        Share of the units of each dense layer that are left out at random during training.

    See Also
    --------
    ConvNet : Fewer convolutions, with pooling after each.
    sklip.layers.SpectralConv2D, sklip.layers.ShiftIdentity : The convolution, and its start.
    sklip.layers.ResidualConv2D : A residual block with a Lipschitz constant of 1.

    References
    ----------
    .. [1] "LipNeXt: scaling up Lipschitz-based certified robustness to billion-parameter models", ICLR 2026.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklip import LipschitzMLP
    >>> from sklip.architectures import ResidualConvNet
    >>> X, y = load_digits(return_X_y=True)
    >>> images = X.reshape(-1, 8, 8, 1)
    >>> model = ResidualConvNet(width=18, depth=2, pooling=None)
    >>> classifier = LipschitzMLP(model=model, epochs=5, random_state=0).fit(images, y)
    >>> bool(classifier.score(images, y) > 0.9)
    True
    """

    def __init__(
        self,
        *,
        width: int = 64,
        depth: int = 4,
        patch_size: int = 2,
        kernel_size: int = 3,
        pooling: Literal["l2", "average", "max"] | None = "l2",
        hidden_layer_sizes: int | Sequence[int] = (),
        activation: str = "groupsort2",
        padding: Literal["same", "circular"] = "same",
        dropout: float = 0.0,
    ):
        self.width = width
        self.depth = depth
        self.patch_size = patch_size
        self.kernel_size = kernel_size
        self.pooling = pooling
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.padding = padding
        self.dropout = dropout

    def build(self, input_shape: tuple[int, ...], n_scores: int) -> keras.Model:
        """Build the Keras model, with random weights.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of an image: (height, width, channels).
        n_scores : int
            1 for two classes, the number of classes otherwise.

        Returns
        -------
        keras.Model

        Raises
        ------
        ValueError
            If a parameter has no possible value, if the rows are not images, or if the images are too small.
        """
        check_image(input_shape, self)
        check_activation(self.activation)
        check_choice(self.pooling, ("l2", "average", "max", None), "pooling")
        check_choice(self.padding, ("same", "circular"), "padding")
        check_dropout(self.dropout)
        (width,) = check_widths(check_count(self.width, "width"), self.activation, "width", "convolution")
        widths = check_widths(self.hidden_layer_sizes, self.activation, "hidden_layer_sizes", "hidden layer")
        depth, window = check_count(self.depth, "depth"), check_count(self.kernel_size, "kernel_size")
        patch = check_count(self.patch_size, "patch_size")

        import keras

        from sklip.architectures._neck import add_neck
        from sklip.architectures._pooling import global_pooling_layer
        from sklip.layers import ShiftIdentity, SpectralConv2D

        def convolution(size, **settings):
            return SpectralConv2D(width, size, activation=self.activation, dtype="float32", **settings)

        model = keras.Sequential([keras.Input(input_shape)], name="residual_conv_net")
        model.add(convolution(patch, strides=patch, name="patches"))
        for number in range(depth):
            start = ShiftIdentity(reverse=number % 2 == 1)
            model.add(convolution(window, padding=self.padding, kernel_initializer=start, name=f"convolution_{number}"))
        if self.pooling is None:
            model.add(keras.layers.Flatten(dtype="float32", name="flatten"))
        else:
            model.add(global_pooling_layer(self.pooling, name="pooling"))
        add_neck(model, widths, self.activation, float(self.dropout), n_scores)
        return model
