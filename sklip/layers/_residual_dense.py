"""A dense residual that is 1-Lipschitz."""

from typing import Any

import keras
from keras import ops

from sklip import manifold
from sklip._tensors import Tensor
from sklip.layers._affine import AffineLayer, positive_integer
from sklip.layers.constrained import StiefelLayer


@keras.saving.register_keras_serializable(package="sklip")
class ResidualDense(AffineLayer, StiefelLayer):
    """Residual ``x − 2 Kᵀ relu(K x + b)`` with an orthonormal matrix K.

    Its Jacobian is ``I − 2 Kᵀ D K`` with a diagonal D between 0 and 1. So its Lipschitz constant is at most
    ``max(1, 2 ‖K‖² − 1)``, which is 1. If the biases are very negative, the layer is the identity.

    Shapes: (n, ..., width), for inputs and outputs. The layer acts on the last axis.

    Parameters
    ----------
    units : int
        Number of values of ``K x``.
    use_bias : bool, default=True
        Whether to add a bias.
    kernel_initializer, bias_initializer : str or keras.initializers.Initializer
        The kernel is brought to the manifold after it is initialised.
    kernel_constraint : keras.constraints.Constraint, optional
        :class:`Orthonormal` unless given.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``, ``trainable``.

    Attributes
    ----------
    kernel : keras.Variable of shape (width, units)
        The transpose of K.
    bias : keras.Variable of shape (units,), or None

    Raises
    ------
    ValueError
        If ``units`` is not a positive integer.

    References
    ----------
    .. [1] Meunier, Delattre, Araujo and Allauzen, "A dynamical system perspective for Lipschitz neural networks",
       ICML 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import ResidualDense
    >>> layer = ResidualDense(1, kernel_initializer="ones")
    >>> np.asarray(layer(np.array([[1.0, 0.0], [-1.0, 0.0]]))).round(4).tolist()
    [[0.0, -1.0], [-1.0, 0.0]]
    """

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "orthogonal",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_constraint: keras.constraints.Constraint | None = None,
        **kwargs: Any,
    ):
        super().__init__(None, use_bias, kernel_initializer, bias_initializer, kernel_constraint, **kwargs)
        self.units = positive_integer(units, self, "units")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the kernel on its manifold, and the bias."""
        self.kernel = self._add_kernel("kernel", (input_shape[-1], self.units))
        self._add_bias(self.units)
        self._start_on_manifold()
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the layer."""
        kernel = manifold.on_stiefel(ops.copy(self.kernel))  # a copy, as custom gradients refuse variables
        hidden = ops.relu(self._activated(ops.matmul(inputs, kernel)))
        return ops.subtract(inputs, ops.multiply(ops.matmul(hidden, ops.transpose(kernel)), 2))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        config = {name: value for name, value in super().get_config().items() if name != "activation"}
        return {**config, "units": self.units}
