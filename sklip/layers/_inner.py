"""Layers around another layer."""

from typing import Any

import keras

from sklip._tensors import Tensor


class OuterLayer(keras.layers.Layer):
    """A layer with one inner layer, whose inputs are some of its own.

    The list ``inner_layers`` tells training where constrained layers may be.
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(layer, keras.layers.Layer):
            raise ValueError(
                f"{type(self).__name__} needs a Keras layer or a keras.Sequential; got {type(layer).__name__}."
            )
        self.layer = layer

    @property
    def inner_layers(self) -> list[keras.layers.Layer]:
        """The layers within this one."""
        return [self.layer]

    def _build_inner(self, shape):
        """Build the inner layer, and check that its outputs have the shape of its inputs."""
        if not self.layer.built:
            self.layer.build(shape)
        outputs = tuple(self.layer.compute_output_shape(shape))
        if outputs[1:] != shape[1:]:
            raise ValueError(
                f"{type(self).__name__} needs a layer whose outputs have the shape of its inputs, but "
                f"{self.layer.name!r} makes {outputs[1:]} of {shape[1:]} per row."
            )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return tuple(input_shape)

    def compute_output_spec(self, inputs: Tensor) -> keras.KerasTensor:
        """Return the output's shape and dtype without tracing the layer."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        return {**super().get_config(), "layer": keras.saving.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "OuterLayer":
        """Return the layer of a configuration."""
        return cls(**{**config, "layer": keras.saving.deserialize_keras_object(config["layer"])})
