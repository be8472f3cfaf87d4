"""Dense layers whose kernel is 1-Lipschitz while it trains."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from sklip import manifold
from sklip._tensors import Tensor
from sklip.arithmetic import unit_columns
from sklip.layers._affine import AffineLayer, positive_integer
from sklip.layers._constraints import UnitColumns
from sklip.layers.constrained import StiefelLayer


class _ConstrainedDense(AffineLayer):
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
        super().__init__(activation, use_bias, kernel_initializer, bias_initializer, kernel_constraint, **kwargs)
        self.units = positive_integer(units, self, "units")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the kernel on its manifold, and the bias."""
        self.kernel = self._add_kernel("kernel", (input_shape[-1], self.units))
        self._add_bias(self.units)
        if isinstance(self.activation, keras.layers.Layer):
            self.activation.build((*input_shape[:-1], self.units))
        self._start_on_manifold()
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the layer."""
        # A copy, as TensorFlow's custom gradients refuse variables.
        return self._activated(self._product(inputs, ops.copy(self.kernel)))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape with the last axis replaced."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="sklip")
class SpectralDense(_ConstrainedDense, StiefelLayer):
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
        return unit_columns(kernel)

    @classmethod
    def initial_kernel(cls, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        """Return a random kernel with columns of norm 1, in float32."""
        return cls.on_manifold(super().initial_kernel(rng, shape))

    @classmethod
    def random_kernel(cls, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        """Return a random kernel with columns of norm 1, which are orthogonal if they are not more than its rows."""
        return cls.on_manifold(super().random_kernel(rng, shape))

    def _product(self, inputs, kernel):
        return ops.matmul(inputs, manifold.on_unit_columns(kernel))
