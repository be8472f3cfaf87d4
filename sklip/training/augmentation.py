"""The augmentation of training batches, in a network whose inputs are centred and divided by a scale."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from sklip._tensors import Tensor


class Augmentation(keras.layers.Layer):
    """A preprocessing layer that acts in training alone, and on the values before they were centred and scaled.

    Parameters
    ----------
    layer : keras.layers.Layer
        Layer that keeps the shape of a batch of images.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Raises
    ------
    ValueError
        If the layer changes the shape of the images.
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any):
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the centre and the scale, which each training sets."""
        self.center = self.add_weight(name="center", shape=input_shape[1:], initializer="zeros", trainable=False)
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones", trainable=False)
        changed = tuple(self.layer.compute_output_shape(input_shape))
        if changed[1:] != tuple(input_shape[1:]):
            raise ValueError(
                f"The 'augmentation' parameter turns images of shape {tuple(input_shape[1:])} into {changed[1:]}. Give "
                "a layer that keeps the shape."
            )
        super().build(input_shape)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Change the images at random in training."""
        if not training:
            return inputs
        images = self.layer(ops.add(ops.multiply(inputs, self.scale), self.center), training=True)
        return ops.divide(ops.subtract(ops.cast(images, inputs.dtype), self.center), self.scale)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the images."""
        return tuple(input_shape)


def copied(layer: keras.layers.Layer) -> keras.layers.Layer:
    """A copy of a layer from its configuration: a layer in a network would keep the network in memory."""
    return type(layer).from_config(layer.get_config())


def set_units(network: keras.Model, center: np.ndarray | float, scale: float) -> None:
    """Give the augmentation of a network, if it has one, the centre and the scale of its inputs.

    Parameters
    ----------
    network : keras.Model
    center : ndarray of shape (n_features,), or a number for all features
    scale : float
    """
    for layer in network.layers:
        if isinstance(layer, Augmentation):
            size = math.prod(layer.center.shape)
            layer.center.assign(np.broadcast_to(center, (size,)).reshape(layer.center.shape))
            layer.scale.assign(scale)
