"""A residual with weights that add up to 1."""

from typing import Any

import keras
import numpy as np
from keras import ops

from sklip._tensors import Tensor
from sklip.layers._inner import OuterLayer


@keras.saving.register_keras_serializable(package="sklip")
class MixResidual(OuterLayer):
    """Residual ``σ(α) x + (1 − σ(α)) f(x)`` with a trained number α and the logistic function σ.

    Its Lipschitz constant is at most ``σ(α) + (1 − σ(α)) L`` where L is that of ``f``, so at most the larger one of 1
    and L. Where x and ``f(x)`` point in different directions, norms shrink; :class:`SplitResidual` keeps them.

    Shapes: (n, ..., channels), for inputs and outputs.

    Parameters
    ----------
    layer : keras.layers.Layer
        ``f``: a layer, a ``keras.Sequential`` or another model, whose outputs have the shape of its inputs.
    alpha_initializer : str or keras.initializers.Initializer, default="zeros"
        With α = 0, both parts have the weight ½.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``, ``trainable``.

    Attributes
    ----------
    alpha : keras.Variable of shape ()

    Raises
    ------
    ValueError
        If ``layer`` changes the shape or is none.

    Examples
    --------
    >>> import keras, numpy as np
    >>> from sklip.layers import MixResidual
    >>> np.asarray(MixResidual(keras.layers.ReLU())(np.array([[-1.0, 2.0]]))).tolist()
    [[-0.5, 2.0]]
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        alpha_initializer: str | keras.initializers.Initializer = "zeros",
        **kwargs: Any,
    ):
        super().__init__(layer, **kwargs)
        self.alpha_initializer = keras.initializers.get(alpha_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create α, and build the inner layer."""
        self.alpha = self.add_weight(name="alpha", shape=(), initializer=self.alpha_initializer)
        self._build_inner(tuple(input_shape))
        super().build(input_shape)

    def draw(self, rng: np.random.Generator) -> None:
        """Set α to its initial value."""
        self.alpha.assign(self.alpha_initializer((), dtype=self.alpha.dtype))

    def call(self, inputs: Tensor) -> Tensor:
        """Mix the inputs with the outputs of the inner layer."""
        share = ops.sigmoid(self.alpha)
        return ops.add(ops.multiply(share, inputs), ops.multiply(1 - share, self.layer(inputs)))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        return {**super().get_config(), "alpha_initializer": keras.initializers.serialize(self.alpha_initializer)}
