"""Dense layers whose kernel is 1-Lipschitz while it trains."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from sklip import manifold
from sklip._tensors import Tensor
from sklip.arithmetic import polar_factor
from sklip.layers._activations import activation_layer, is_activation
from sklip.layers._constraints import Orthonormal, UnitColumns
from sklip.layers.constrained import ConstrainedLayer


class _ConstrainedDense(ConstrainedLayer):
    """``activation(x W + b)``; the subclass defines the manifold of ``W`` and its tangent space."""

    def __init__(
        self,
        units: int,
        activation: str | Callable[[Tensor], Tensor] | keras.layers.Layer | None = None,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "orthogonal",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_constraint: keras.constraints.Constraint | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not isinstance(units, (int, np.integer)) or units < 1:
            raise ValueError(f"{type(self).__name__} needs units as a positive integer; got {units!r}.")
        self.units = int(units)
        if isinstance(activation, str) and is_activation(activation):
            self.activation = activation_layer(activation, dtype=self.dtype_policy.name)
        else:
            self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint) or self._manifold()

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the kernel on its manifold, and the bias."""
        shape = (input_shape[-1], self.units)
        self.kernel = self.add_weight(
            name="kernel", shape=shape, initializer=self.kernel_initializer, constraint=self.kernel_constraint
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.units,), initializer=self.bias_initializer)
        if isinstance(self.activation, keras.layers.Layer):
            self.activation.build((*input_shape[:-1], self.units))
        self.retract()
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the layer."""
        # A copy, as TensorFlow's custom gradients refuse variables.
        outputs = self._product(inputs, ops.copy(self.kernel))
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape with the last axis replaced."""
        return (*input_shape[:-1], self.units)

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Save the layer; first bring the kernel to its manifold, in case the user has set it."""
        self.retract()
        super().save_own_variables(store)

    def compute_output_spec(self, inputs: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """Return the output's shape and dtype without tracing the layer."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        layer = isinstance(self.activation, keras.layers.Layer)
        serialize = keras.saving.serialize_keras_object if layer else keras.activations.serialize
        return {
            **super().get_config(),
            "units": self.units,
            "activation": serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
        }


@keras.saving.register_keras_serializable(package="sklip")
class SpectralDense(_ConstrainedDense):
    """Dense layer with an orthonormal kernel: every singular value is 1.

    The Keras variable is the kernel itself: nothing is normalised in the forward pass. Its
    gradient is projected on the tangent space of the Stiefel manifold. The constraint
    :class:`Orthonormal` brings the kernel back to the manifold after every optimizer step.

    Parameters
    ----------
    units : int
        Number of outputs.
    activation : str, callable, keras.layers.Layer or None, default=None
        One of sklip's names (``"groupsort2"``, ``"groupsort<n>"``, ``"fullsort"``,
        ``"maxmin"``, ``"relu"``, ``"abs"``) or anything that Keras accepts. The layer is
        1-Lipschitz only if the activation is.
    use_bias : bool, default=True
        Whether to add a bias.
    kernel_initializer, bias_initializer : str or keras.initializers.Initializer
        The kernel is brought to the manifold after it is initialised.
    kernel_constraint : keras.constraints.Constraint, optional
        :class:`Orthonormal` unless given.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``, ``trainable``.

    Raises
    ------
    ValueError
        If ``units`` is not a positive integer.

    References
    ----------
    .. [1] Anil, Lucas and Grosse, "Sorting out Lipschitz function approximation", ICML 2019.
    .. [2] "POGO", arXiv 2602.14656: an orthonormal step for any base optimizer.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import SpectralDense
    >>> layer = SpectralDense(4, activation="groupsort2")
    >>> layer(np.zeros((2, 3), dtype="float32")).shape
    TensorShape([2, 4])
    >>> np.linalg.svd(np.asarray(layer.kernel), compute_uv=False).round(4).tolist()
    [1.0, 1.0, 1.0]
    """

    _manifold = Orthonormal
    on_manifold = staticmethod(polar_factor)

    def end_epoch(self) -> None:
        """Make one full retraction step, as the short steps may have left singular values below 1."""
        self.kernel.assign(manifold.retraction_step(ops.convert_to_tensor(self.kernel))[0])

    def _product(self, inputs, kernel):
        rows = ops.reshape(inputs, (-1, kernel.shape[0]))
        outputs = manifold.stiefel_product(rows, kernel)
        return ops.reshape(outputs, (*ops.shape(inputs)[:-1], self.units))


@keras.saving.register_keras_serializable(package="sklip")
class FrobeniusDense(_ConstrainedDense):
    """Dense layer with separately normalised outputs: every column of the kernel has norm 1.

    Each single output is a 1-Lipschitz function of the input. The vector of all outputs is
    not, in general. Use this layer for heads.

    Parameters
    ----------
    units : int
        Number of outputs.
    activation : str, callable, keras.layers.Layer or None, default=None
        As in :class:`SpectralDense`.
    use_bias : bool, default=True
        Whether to add a bias.
    kernel_initializer, bias_initializer : str or keras.initializers.Initializer
        The columns are normalised after they are initialised.
    kernel_constraint : keras.constraints.Constraint, optional
        :class:`UnitColumns` unless given.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``, ``trainable``.

    Raises
    ------
    ValueError
        If ``units`` is not a positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import FrobeniusDense
    >>> layer = FrobeniusDense(2)
    >>> layer(np.zeros((2, 3), dtype="float32")).shape
    TensorShape([2, 2])
    >>> np.linalg.norm(np.asarray(layer.kernel), axis=0).round(4).tolist()
    [1.0, 1.0]
    """

    _manifold = UnitColumns

    @staticmethod
    def on_manifold(kernel: np.ndarray) -> np.ndarray:
        """Return the kernel with columns of norm 1; columns of 0 stay."""
        norms = np.linalg.norm(kernel, axis=0)
        return kernel / np.where(norms > 0, norms, 1.0)

    def _product(self, inputs, kernel):
        return ops.matmul(inputs, manifold.on_unit_columns(kernel))
