"""A linear layer that is 1-Lipschitz from the sum of all changes to the Euclidean norm."""

import keras
import numpy as np
from keras import ops

from sklip import manifold
from sklip._tensors import Tensor
from sklip.layers._constraints import UnitRows
from sklip.layers.constrained import UnitRowsLayer


@keras.saving.register_keras_serializable(package="sklip")
class UnitRowsDense(UnitRowsLayer):
    """Linear layer with a square kernel, each row of which has norm 1: the front of networks trained for L1.

    ``‖Wᵀ δ‖₂ ≤ Σ |δᵢ| ‖rowᵢ‖ = ‖δ‖₁``. In the Euclidean norm it is *not* 1-Lipschitz, so it is no layer for models of
    the user. It starts as the identity, which loses nothing: orthonormal layers after it are random.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the kernel, the identity."""
        width = input_shape[-1]
        start = keras.initializers.Identity()
        self.kernel = self.add_weight(name="kernel", shape=(width, width), initializer=start, constraint=UnitRows())
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Multiply."""
        # A copy, as TensorFlow's custom gradients refuse variables.
        return ops.matmul(inputs, manifold.on_unit_rows(ops.copy(self.kernel)))

    def draw(self, rng: np.random.Generator) -> None:
        """Set the kernel to the identity: nothing is random."""
        self.kernel.assign(np.eye(self.kernel.shape[0]))
