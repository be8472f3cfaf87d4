"""Channels in disjoint parts, each with a layer for itself."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import keras
from keras import ops

from sklip import served
from sklip._tensors import Tensor


@keras.saving.register_keras_serializable(package="sklip")
class Parallel(keras.layers.Layer):
    """Split the last axis into disjoint parts, apply a layer to each, and concatenate the results.

    It is :class:`sklip.served.Parallel` in exported networks. If all layers are 1-Lipschitz, it is 1-Lipschitz.

    Parameters
    ----------
    inner_layers : sequence of keras.layers.Layer
        One layer or model for each part.
    sizes : sequence of int
        Number of values of each part along the last axis.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from sklip.layers._parallel import Parallel
    >>> layer = Parallel([keras.layers.ReLU(), keras.layers.Identity()], (1, 2))
    >>> np.asarray(layer(np.array([[-1.0, -2.0, -3.0]]))).tolist()
    [[0.0, -2.0, -3.0]]
    """

    def __init__(self, inner_layers: Sequence[keras.layers.Layer], sizes: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.inner_layers = list(inner_layers)
        self.sizes = tuple(int(size) for size in sizes)
        if not self.sizes or len(self.inner_layers) != len(self.sizes) or min(self.sizes) < 1:
            raise ValueError(
                f"Parallel needs a positive size for each of its {len(self.inner_layers)} layers; got {sizes!r}."
            )

    def _parts(self, shape):
        """Each layer with the shape of its input."""
        return [(layer, (*shape[:-1], size)) for layer, size in zip(self.inner_layers, self.sizes, strict=True)]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build the layers."""
        if input_shape[-1] != sum(self.sizes):
            raise ValueError(f"Parallel takes {sum(self.sizes)} values along the last axis; got {input_shape[-1]}.")
        for layer, shape in self._parts(input_shape):
            if not layer.built:
                layer.build(shape)
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the layer of each part to its values."""
        limits = pairwise(accumulate(self.sizes, initial=0))
        parts = [layer(inputs[..., start:stop]) for layer, (start, stop) in zip(self.inner_layers, limits, strict=True)]
        return ops.concatenate([ops.cast(part, self.compute_dtype) for part in parts], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the concatenated results."""
        shapes = [layer.compute_output_shape(shape) for layer, shape in self._parts(input_shape)]
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    def served_steps(self, shape: tuple[int, ...], reader: Any) -> list[served.Operation]:
        """Return the operations of the layer on rows of a shape."""
        parts = tuple(tuple(reader.steps(layer, part)) for layer, part in self._parts(shape))
        return [served.Parallel(parts, self.sizes)]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        layers = [keras.saving.serialize_keras_object(layer) for layer in self.inner_layers]
        return {**super().get_config(), "inner_layers": layers, "sizes": self.sizes}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Parallel":
        """Rebuild the layer."""
        layers = [keras.saving.deserialize_keras_object(layer) for layer in config["inner_layers"]]
        return cls(**{**config, "inner_layers": layers})
