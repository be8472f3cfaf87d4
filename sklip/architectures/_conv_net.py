"""ConvNet: convolutions of images that become smaller from one to the next, and dense layers."""

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


class ConvNet(BaseEstimator):
    """Convolutional network: orthonormal convolutions of images that become smaller, then orthonormal dense layers.

    For each entry of ``filters`` there is a convolution with its activation, and a step that makes the image smaller.
    The values are then flattened for the dense layers.

    Parameters
    ----------
    filters : int or sequence of int, default=(32, 64)
        Number of channels after each convolution.
    kernel_size : int, default=3
        Height and width of the window of the convolutions, in the pixels that they get.
    pooling : {"downsampling", "l2", "average", "max"} or None, default="downsampling"
        How images become smaller, in windows of ``pool_size``. ``"downsampling"`` loses nothing: before a convolution,
        the pixels of each window become the channels of one pixel, so the window of the convolution has ``kernel_size``
        such pixels. The others come after a convolution, and drop rows and columns that do not fill a window. ``"l2"``
        is the Euclidean norm of the values of a window: it keeps norms and loses signs. ``"average"`` is the mean times
        ``pool_size``. The Lipschitz constant of each is 1.
    pool_size : int, default=2
        Height and width of these windows.
    hidden_layer_sizes : int or sequence of int, default=(128,)
        Number of units of each dense layer before the scores.
    activation : str, default="groupsort2"
        Activation of the convolutions and of the dense layers, as in :class:`MLP`. On images it acts on the channels of
        each position.
    padding : {"same", "valid", "circular"}, default="same"
        Padding of the convolutions. Zeros around the image, ``"same"``, and ``"valid"`` lose what leaves it.
        ``"circular"`` loses nothing if ``filters`` are at least the channels and the pixels of the window before.
    dropout : float, default=0.0
        Share of the units of each dense layer that are left out at random during training.

    See Also
    --------
    ResidualConvNet : More convolutions, all of the same width.
    sklip.layers.SpectralConv2D : The convolution.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklip import LipschitzMLP
    >>> from sklip.architectures import ConvNet
    >>> X, y = load_digits(return_X_y=True)
    >>> images = X.reshape(-1, 8, 8, 1)
    >>> model = ConvNet(filters=(8, 16), hidden_layer_sizes=(32,))
    >>> classifier = LipschitzMLP(model=model, epochs=5, random_state=0).fit(images, y)
    >>> bool(classifier.score(images, y) > 0.9)
    True
    """

    def __init__(
        self,
        *,
        filters: int | Sequence[int] = (32, 64),
        kernel_size: int = 3,
        pooling: Literal["downsampling", "l2", "average", "max"] | None = "downsampling",
        pool_size: int = 2,
        hidden_layer_sizes: int | Sequence[int] = (128,),
        activation: str = "groupsort2",
        padding: Literal["same", "valid", "circular"] = "same",
        dropout: float = 0.0,
    ):
        self.filters = filters
        self.kernel_size = kernel_size
        self.pooling = pooling
        self.pool_size = pool_size
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
        check_choice(self.pooling, ("downsampling", "l2", "average", "max", None), "pooling")
        check_choice(self.padding, ("same", "valid", "circular"), "padding")
        check_dropout(self.dropout)
        filters = check_widths(self.filters, self.activation, "filters", "convolution")
        widths = check_widths(self.hidden_layer_sizes, self.activation, "hidden_layer_sizes", "hidden layer")
        window, pool = check_count(self.kernel_size, "kernel_size"), check_count(self.pool_size, "pool_size")

        import keras

        from sklip.architectures._neck import add_neck
        from sklip.architectures._pooling import pooling_layer
        from sklip.layers import SpectralConv2D

        model = keras.Sequential([keras.Input(input_shape)], name="conv_net")
        stride = pool if self.pooling == "downsampling" else 1
        for number, channels in enumerate(filters):
            model.add(
                SpectralConv2D(
                    channels,
                    stride * window,
                    strides=stride,
                    padding=self.padding,
                    activation=self.activation,
                    dtype="float32",
                    name=f"convolution_{number}",
                )
            )
            if self.pooling not in ("downsampling", None) and pool > 1:
                model.add(pooling_layer(self.pooling, pool, name=f"pooling_{number}"))
        model.add(keras.layers.Flatten(dtype="float32", name="flatten"))
        add_neck(model, widths, self.activation, float(self.dropout), n_scores)
        return model
