"""A residual layer that does not increase distances, of any affine layers."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from sklip import served
from sklip._tensors import Tensor
from sklip.layers._center import Center
from sklip.layers._channel_shift import ChannelShift


@keras.saving.register_keras_serializable(package="sklip")
class ResidualStep(keras.layers.Layer):
    """``x − 2 Kᵀ relu(K x + b)``, where affine layers define ``K x + b``: :class:`sklip.served.Residual`.

    Exported networks have it. It is 1-Lipschitz if ``‖K‖ ≤ 1``.

    Parameters
    ----------
    inner_layers : sequence of keras.layers.Layer
        Layers of the affine map in their order: ``keras.layers.Dense``, ``ChannelShift`` and ``Center``.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from sklip.layers._residual_step import ResidualStep
    >>> layer = ResidualStep([keras.layers.Dense(2, kernel_initializer="identity")])
    >>> np.asarray(layer(np.array([[1.0, -1.0]]))).tolist()
    [[-1.0, -1.0]]
    """

    def __init__(self, inner_layers: Sequence[keras.layers.Layer], **kwargs: Any):
        super().__init__(**kwargs)
        self.inner_layers = list(inner_layers)
        for layer in self.inner_layers:
            if type(layer) not in (keras.layers.Dense, ChannelShift, Center) or not _is_affine(layer):
                raise ValueError(
                    f"ResidualStep takes Dense layers without an activation, ChannelShift and Center; got {layer!r}."
                )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build the layers."""
        shape = input_shape
        for layer in self.inner_layers:
            if not layer.built:
                layer.build(shape)
            shape = layer.compute_output_shape(shape)
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Subtract twice the transposed product of the positive parts."""
        values = inputs
        for layer in self.inner_layers:
            values = layer(values)
        values = ops.relu(ops.cast(values, self.compute_dtype))
        for layer in reversed(self.inner_layers):
            values = self._transposed(layer, values)
        return inputs - 2.0 * values

    def _transposed(self, layer, values):
        """The product with the transposed matrix of a layer."""
        if isinstance(layer, keras.layers.Dense):
            return ops.matmul(values, ops.transpose(ops.cast(layer.kernel, self.compute_dtype)))
        return layer.transposed(values) if isinstance(layer, ChannelShift) else values

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return tuple(input_shape)

    def served_steps(self, shape: tuple[int, ...], reader: Any) -> list[served.Operation]:
        """Return the operations of the layer on rows of a shape."""
        steps = []
        for layer in self.inner_layers:
            for step in reader.steps(layer, shape):
                steps.append(step)
                shape = step.output_shape(shape)
        return [served.Residual(tuple(steps))]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        layers = [keras.saving.serialize_keras_object(layer) for layer in self.inner_layers]
        return {**super().get_config(), "inner_layers": layers}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ResidualStep":
        """Rebuild the layer."""
        layers = [keras.saving.deserialize_keras_object(layer) for layer in config["inner_layers"]]
        return cls(**{**config, "inner_layers": layers})


def _is_affine(layer):
    return getattr(layer, "activation", None) in (None, keras.activations.linear)
