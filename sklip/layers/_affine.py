"""What layers with constrained kernels, a bias and an activation have in common."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from sklip._tensors import Tensor
from sklip.layers._activations import activation_layer, is_activation
from sklip.layers._images import is_positive_integer
from sklip.layers.constrained import ConstrainedLayer


class AffineLayer(ConstrainedLayer):
    """A layer with constrained kernels, perhaps a bias, and perhaps an activation; the subclass has ``call``."""

    def __init__(
        self,
        activation: str | Callable[[Tensor], Tensor] | keras.layers.Layer | None = None,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "orthogonal",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_constraint: keras.constraints.Constraint | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if isinstance(activation, str) and is_activation(activation):
            self.activation = activation_layer(activation, dtype=self.dtype_policy.name)
        else:
            self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint) or self._manifold()
        self.bias = None

    def _add_kernel(self, name, shape, **keywords):
        return self.add_weight(
            name=name, shape=shape, initializer=self._initializer(), constraint=self.kernel_constraint, **keywords
        )

    def _add_bias(self, size):
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(size,), initializer=self.bias_initializer)

    def _activated(self, outputs):
        """The outputs after the bias and the activation."""
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def compute_output_spec(self, inputs: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """Return the output's shape and dtype without tracing the layer."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        layer = isinstance(self.activation, keras.layers.Layer)
        serialize = keras.saving.serialize_keras_object if layer else keras.activations.serialize
        return {
            **super().get_config(),
            "activation": serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
        }


def positive_integer(value: object, layer: keras.layers.Layer, name: str) -> int:
    """Return the value of an argument, or raise a ValueError."""
    if not is_positive_integer(value):
        raise ValueError(f"{type(layer).__name__} needs {name} as a positive integer; got {value!r}.")
    return int(value)  # type: ignore[call-overload]
