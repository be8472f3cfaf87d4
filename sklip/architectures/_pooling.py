"""The pooling layers of networks, by their names."""

import keras

from sklip.layers import (
    ScaledAveragePooling2D,
    ScaledGlobalAveragePooling2D,
    ScaledGlobalL2NormPooling2D,
    ScaledL2NormPooling2D,
)

_OF_WINDOWS = {
    "l2": ScaledL2NormPooling2D,
    "average": ScaledAveragePooling2D,
    "max": keras.layers.MaxPooling2D,
}
_GLOBAL = {
    "l2": ScaledGlobalL2NormPooling2D,
    "average": ScaledGlobalAveragePooling2D,
    "max": keras.layers.GlobalMaxPooling2D,
}


def pooling_layer(kind: str, size: int, *, name: str) -> keras.layers.Layer:
    """Return the layer that pools disjoint windows of ``size`` by ``size`` pixels."""
    return _OF_WINDOWS[kind](size, dtype="float32", name=name)


def global_pooling_layer(kind: str, *, name: str) -> keras.layers.Layer:
    """Return the layer that pools all pixels of an image."""
    return _GLOBAL[kind](dtype="float32", name=name)
