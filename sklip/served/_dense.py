"""Dense: the product of the last axis with a matrix, plus a bias."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sklip.arithmetic.norms import norm_bound, spectral_norm_bound
from sklip.arithmetic.rounding import TINY, gamma, product_above, round_up
from sklip.served._bounds import Bounds
from sklip.served._operation import Operation
from sklip.served._pictures import channels_first, channels_of, empty_rows


@dataclass(frozen=True, eq=False, repr=False)
class Dense(Operation):
    """``Wᵀ z + b`` for the last axis of a row: for a picture, at each pixel (a convolution with a 1 × 1 kernel).

    Parameters
    ----------
    kernel : ndarray of shape (n_inputs, n_outputs), float64
        ``W``.
    bias : ndarray of shape (n_outputs,), float64
        ``b``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Dense
    >>> Dense(np.array([[0.6], [0.8]]), np.array([1.0])).forward(np.array([[1.0, 1.0]])).round(6).tolist()
    [[2.4]]
    """

    kernel: np.ndarray
    bias: np.ndarray

    def _check(self):
        if self.kernel.ndim != 2 or 0 in self.kernel.shape or self.bias.shape != self.kernel.shape[1:]:
            raise ValueError(f"Kernel and bias do not fit together: {self.kernel.shape}, {self.bias.shape}.")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape with ``n_outputs`` in place of the last axis."""
        if shape[-1:] != self.kernel.shape[:1]:
            raise ValueError(f"Dense takes {self.kernel.shape[0]} values along the last axis; got shape {shape}.")
        return (*shape[:-1], *self.bias.shape)

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Multiply, then add the bias."""
        if z.ndim > 2:
            return self._at_pixels(z, out)
        result = np.matmul(z, self.kernel, out=out)
        result += self.bias
        return result

    def _at_pixels(self, z, out):
        result = _product_at_pixels(self.kernel.T, z, out)
        if self.bias.any():
            pixels = channels_of(result)
            pixels += self.bias[:, None]
        return result

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Multiply by the kernel."""
        return slopes @ self.kernel.T if z.ndim == 2 else _product_at_pixels(self.kernel, slopes, None)

    def linear(self, z: np.ndarray) -> np.ndarray:
        """Multiply, without the bias: the Jacobian times ``z``."""
        return z @ self.kernel if z.ndim == 2 else _product_at_pixels(self.kernel.T, z, None)

    def transposed(self) -> "Dense":
        """Return the product with the transposed kernel, without a bias: the forward pass that :meth:`vjp` makes."""
        return Dense(np.ascontiguousarray(self.kernel.T), np.zeros(len(self.kernel)))

    def lipschitz(self) -> float:
        """Return a proven bound of the spectral norm."""
        return spectral_norm_bound(self.kernel)

    def lipschitz_after(self, source: Callable[..., float]) -> float:
        """Return the bound for the map followed by the matrix: that of ``Wᵀ T(x)``."""
        return source(self.kernel)

    def score_bounds(self, lipschitz: float) -> tuple[float, np.ndarray]:
        """Return bounds of the Lipschitz constants of single outputs and of their differences.

        Parameters
        ----------
        lipschitz : float
            Bound of the Lipschitz constant of all operations before this one.

        Returns
        -------
        single : float
            Bound for every output: ``lipschitz · max ‖w_c‖``.
        pairs : ndarray of shape (n_outputs, n_outputs)
            Bounds for ``f_c − f_j``: ``lipschitz · ‖w_c − w_j‖``.
        """
        kernel, underflow = self.kernel, self._underflow
        pairs = [round_up(norm_bound(kernel - kernel[:, [c]], axis=0) + underflow) for c in range(kernel.shape[1])]
        return product_above(lipschitz, np.max(norm_bound(kernel, axis=0))), round_up(lipschitz * np.array(pairs))

    def score_bounds_after(self, source: Callable[..., float]) -> tuple[float, np.ndarray]:
        """Return :meth:`score_bounds` for a map followed by the operation; ``source`` as in ``lipschitz_after``."""
        kernel, outputs, underflow = self.kernel, range(len(self.bias)), self._underflow
        pairs = [[round_up(source(kernel[:, [j]] - kernel[:, [c]]) + underflow) for j in outputs] for c in outputs]
        return float(max(source(kernel[:, [c]]) for c in outputs)), np.array(pairs, dtype=np.float64)

    @property
    def _underflow(self):
        """Bound of what the difference of two columns loses by underflow."""
        return np.sqrt(len(self.kernel)) * TINY

    def column_distances(self) -> np.ndarray:
        """Return ``‖w_c − w_j‖`` as computed (no bound), with 1 in place of 0, of shape (n_outputs, n_outputs)."""
        distances = np.array([np.linalg.norm(self.kernel - column[:, None], axis=0) for column in self.kernel.T])
        return np.where(distances > 0, distances, 1.0)

    def carry(self, bounds: Bounds) -> Bounds:
        """Return the bounds after the operation.

        ``|fl(Wᵀ z + b) − (Wᵀ z + b)| ≤ γₙ₊₂ (|W|ᵀ |z| + |b|)`` for any order of summation, with or without fused
        multiply-add (Higham 2002, section 3.1), and ``‖|W|‖₂ ≤ ‖W‖_F``.
        """
        return self._carried(bounds, self.lipschitz())

    def carry_single(self, bounds: Bounds) -> Bounds:
        """Return bounds that hold for each single output: no column is longer than the longest."""
        return self._carried(bounds, float(np.max(norm_bound(self.kernel, axis=0))))

    def _carried(self, bounds, lipschitz):
        n, p = self.kernel.shape
        n_places = math.prod(bounds.shape[:-1])
        rounding, spread = gamma(n + 2), np.sqrt(n_places * p)
        frobenius, offset = float(norm_bound(self.kernel)), float(norm_bound(self.bias))
        # All places together: the norm of their inputs is that of the row, that of their biases √n_places ‖b‖.
        offset = offset if n_places == 1 else float(round_up(np.sqrt(n_places) * offset, 2))
        # Where subnormal numbers are flushed, each product, sum, weight and input may lose up to TINY.
        flush_slope = spread * n * TINY
        flush = spread * (4 * n + 4) * (1.0 + frobenius) * TINY
        local = (rounding * frobenius + flush_slope) * bounds.norm + np.array([0.0, rounding * offset + flush])
        # Any partial sum is at most ‖w‖ ‖z‖ + |b|, and its roundings.
        partial_sums = round_up(2.0 * frobenius * bounds.norm + 2.0 * np.array([0.0, offset]), 4)
        return Bounds(
            norm=round_up(lipschitz * bounds.norm + local + np.array([0.0, offset]), 12),
            error=round_up(lipschitz * bounds.error + local, 12),
            farthest=bounds.farthest_with(partial_sums),
            shape=(*bounds.shape[:-1], p),
        )

    def rescaled(self, scale: float) -> "Dense":
        """Return the operation with its bias times ``scale``."""
        return Dense(self.kernel, self.bias * scale)


def _product_at_pixels(matrix, z, out):
    """The product of a matrix with the channels of all pixels as one: NumPy would multiply one matrix per picture."""
    result = empty_rows(len(z), (*z.shape[1:-1], len(matrix))) if out is None else out
    multiply = np.multiply if matrix.shape[1] == 1 else np.matmul  # a product without a sum is faster
    multiply(matrix, channels_first(z), out=channels_of(result))
    return result
