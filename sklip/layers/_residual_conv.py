"""A residual convolution that is 1-Lipschitz."""

from typing import Any

import keras
from keras import ops

from sklip._tensors import Tensor
from sklip.layers._convolution import Convolution
from sklip.layers._shift import dense, shifted


@keras.saving.register_keras_serializable(package="sklip")
class ResidualConv2D(Convolution):
    """Residual ``x − 2 Kᵀ relu(K x + b)`` of images, where K is a convolution as in :class:`SpectralConv2D`.

    Its Jacobian is ``I − 2 Kᵀ D K`` with a diagonal D between 0 and 1. So its Lipschitz constant is at most
    ``max(1, 2 ‖K‖² − 1)``, which is 1, as ``‖K‖ ≤ 1``. If the biases are very negative, the layer is the identity.

    Shapes: (n, height, width, channels), for inputs and outputs.

    Parameters
    ----------
    filters : int
        Number of channels of ``K x``.
    kernel_size : int or tuple of two ints
        Height and width of the window in pixels.
    padding : {"same", "circular"}, default="same"
        What is outside of the image: zeros or the opposite side. With ``"circular"``, K has a position code.
    use_bias : bool, default=True
        Whether K has a bias per channel.
    kernel_initializer, bias_initializer : str or keras.initializers.Initializer
        The kernels are brought to the manifold after they are initialised.
    kernel_constraint : keras.constraints.Constraint, optional
        :class:`Orthonormal` unless given.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``, ``trainable``.

    Raises
    ------
    ValueError
        If an argument is refused, the inputs are no images of known height and width, or the window does not fit.

    See Also
    --------
    SpectralConv2D : It describes the attributes ``expansion``, ``kernel``, ``position_code``, ``bias`` and ``window``.

    References
    ----------
    .. [1] Meunier, Delattre, Araujo and Allauzen, "A dynamical system perspective for Lipschitz neural networks",
       ICML 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import ResidualConv2D
    >>> ResidualConv2D(16, 3)(np.zeros((2, 8, 8, 4), dtype="float32")).shape
    TensorShape([2, 8, 8, 4])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        padding: str = "same",
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "orthogonal",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_constraint: keras.constraints.Constraint | None = None,
        **kwargs: Any,
    ):
        if padding not in ("same", "circular"):
            raise ValueError(
                f"ResidualConv2D takes a padding of 'same' or 'circular', with which images keep their size; got "
                f"{padding!r}."
            )
        super().__init__(
            filters,
            kernel_size,
            1,
            padding,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_constraint=kernel_constraint,
            **kwargs,
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the layer."""
        expansion, kernel = self._factors()
        values = ops.relu(self._activated(self._product(inputs, expansion, kernel)))
        values = dense(values, ops.transpose(kernel))
        if expansion is not None:
            values = dense(shifted(self._shift.transposed(), values), ops.transpose(expansion))
        return ops.subtract(inputs, ops.multiply(values, 2))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape; raise a ValueError if the window does not fit."""
        return (*super().compute_output_shape(input_shape)[:3], input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        return {name: value for name, value in super().get_config().items() if name != "activation"}
