"""A trained factor for each column: 1-Lipschitz from the largest change of a column to the Euclidean norm."""

import keras
import numpy as np
from keras import ops

from sklip import manifold
from sklip._tensors import Tensor
from sklip.layers._constraints import UnitRows
from sklip.layers.constrained import UnitRowsLayer


@keras.saving.register_keras_serializable(package="sklip")
class UnitDiagonal(UnitRowsLayer):
    """Multiply each value of the last axis by a trained factor; the factors have the Euclidean norm 1 together.

    ``‖s ∘ δ‖₂ ≤ ‖s‖₂ ‖δ‖∞ = ‖δ‖∞``: no output moves farther, in the Euclidean norm, than the largest change of an
    input. With 1-Lipschitz layers after it, a network is 1-Lipschitz in the norm L∞. Factors start equal. The gradient
    is projected on the tangent space of the sphere, and a constraint brings the factors back to it after every step.

    Parameters
    ----------
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``, ``trainable``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import UnitDiagonal
    >>> layer = UnitDiagonal()
    >>> np.asarray(layer(np.ones((1, 4), dtype="float32"))).tolist()
    [[0.5, 0.5, 0.5, 0.5]]
    """

    @property
    def constrained_kernels(self) -> list[keras.Variable]:
        """The factors."""
        return [self.factors]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the factors, all equal."""
        width = input_shape[-1]
        start = keras.initializers.Constant(_start(width))
        self.factors = self.add_weight(name="factors", shape=(width,), initializer=start, constraint=UnitRows())
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Multiply."""
        # A copy, as TensorFlow's custom gradients refuse variables.
        return ops.multiply(inputs, manifold.on_unit_rows(ops.copy(self.factors)))

    def draw(self, rng: np.random.Generator) -> None:
        """Set all factors to the same number: nothing is random."""
        self.factors.assign(np.full(self.factors.shape, _start(self.factors.shape[0])))


def _start(width):
    """The factor of each of so many columns at the start."""
    return width**-0.5
