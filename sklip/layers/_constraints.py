"""Keras constraints that keep kernels 1-Lipschitz; optimizers apply them after every step."""

import keras
import numpy as np

from sklip import manifold
from sklip._tensors import Tensor


@keras.saving.register_keras_serializable(package="sklip")
class Orthonormal(keras.constraints.Constraint):
    """Bring a kernel back to orthonormal columns (rows if it is wider than tall).

    Every singular value of the result is within 1e-5 of 1 for any finite kernel of full
    rank, however far the optimizer's step took it.

    Parameters
    ----------
    iterate : bool, default=True
        Repeat until that accuracy is reached. False makes a single step, which is cheaper; then
        call :meth:`SpectralDense.retract` when training ends. The largest singular value is
        still at most 1 + 1e-5 (on a GPU, 1 + 5e-4), but small ones may be below 1.

    See Also
    --------
    sklip.manifold.retract, sklip.manifold.short_retraction_step : the formulas.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import Orthonormal
    >>> kernel = Orthonormal()(np.array([[3.0, 1.0], [0.0, 2.0]], dtype="float32"))
    >>> np.linalg.svd(np.asarray(kernel), compute_uv=False).round(4).tolist()
    [1.0, 1.0]
    """

    def __init__(self, iterate: bool = True):
        self.iterate = iterate

    def __call__(self, w: Tensor) -> Tensor:
        kernel = keras.ops.convert_to_tensor(w)
        return manifold.retract(kernel) if self.iterate else manifold.short_retraction_step(kernel)

    def get_config(self) -> dict[str, bool]:
        """Return the arguments from which Keras rebuilds the constraint."""
        return {"iterate": self.iterate}


@keras.saving.register_keras_serializable(package="sklip")
class UnitColumns(keras.constraints.Constraint):
    """Divide each column of a kernel by its Euclidean norm.

    See Also
    --------
    sklip.manifold.unit_columns : the formula.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import UnitColumns
    >>> np.asarray(UnitColumns()(np.array([[3.0], [4.0]], dtype="float32"))).ravel().round(4)
    array([0.6, 0.8], dtype=float32)
    """

    def __call__(self, w: Tensor) -> Tensor:
        return manifold.unit_columns(keras.ops.convert_to_tensor(w))


class UnitRows(keras.constraints.Constraint):
    """Divide each row of a kernel by its Euclidean norm; a vector is one row. Only sklip's own layers set it."""

    def __call__(self, w: Tensor) -> Tensor:
        return manifold.unit_rows(keras.ops.convert_to_tensor(w))


class SharedBudget(keras.constraints.Constraint):
    """Divide factors by ``‖w‖₂ + Σ |wᵢ|`` over directed columns. Only the front of a network sets it."""

    def __init__(self, directed: np.ndarray):
        self.directed = directed

    def __call__(self, w: Tensor) -> Tensor:
        return manifold.shared_budget(keras.ops.convert_to_tensor(w), self.directed)


class WithinBall(keras.constraints.Constraint):
    """Shorten a kernel whose Frobenius norm is above a radius. Only the front of a network sets it."""

    def __init__(self, radius: float):
        self.radius = radius

    def __call__(self, w: Tensor) -> Tensor:
        return manifold.within_ball(keras.ops.convert_to_tensor(w), self.radius)
