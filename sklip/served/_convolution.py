"""Convolution: the product of each window of a picture with a matrix, plus a bias."""

import math
from dataclasses import dataclass

import numpy as np

from sklip.arithmetic.convolution import convolution_norm_bound
from sklip.arithmetic.norms import norm_bound
from sklip.arithmetic.rounding import TINY, gamma, round_up
from sklip.served._bounds import Bounds
from sklip.served._operation import Operation
from sklip.served._pictures import channels_first, channels_of, empty_rows, is_count, picture


@dataclass(frozen=True, eq=False, repr=False)
class Convolution(Operation):
    """A convolution as in Keras: a sum of products of the pixels in a window with matrices, plus a bias.

    Parameters
    ----------
    kernel : ndarray of shape (height, width, n_inputs, n_outputs), float64
        One matrix per pixel of the window.
    bias : ndarray of shape (n_outputs,), float64
    strides : tuple of (int, int)
        Vertical and horizontal distance of windows.
    padding : {"same", "valid"}
        ``"same"``: zeros surround the picture, as Keras places them. ``"valid"``: windows lie inside the picture.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Convolution
    >>> convolution = Convolution(np.ones((1, 3, 1, 1)), np.zeros(1), (1, 1), "same")
    >>> convolution.forward(np.array([[[[1.0], [2.0], [3.0]]]])).ravel().tolist()
    [3.0, 6.0, 5.0]
    """

    kernel: np.ndarray
    bias: np.ndarray
    strides: tuple[int, int]
    padding: str

    def _check(self):
        if self.kernel.ndim != 4 or 0 in self.kernel.shape or self.bias.shape != self.kernel.shape[3:]:
            raise ValueError(f"Kernel and bias do not fit together: {self.kernel.shape}, {self.bias.shape}.")
        if type(self.strides) is not tuple or len(self.strides) != 2 or not all(map(is_count, self.strides)):
            raise ValueError(f"The strides of Convolution must be two positive ints; got {self.strides!r}.")
        if type(self.padding) is not str or self.padding not in ("same", "valid"):
            raise ValueError(f"The padding of Convolution must be 'same' or 'valid'; got {self.padding!r}.")

    def __repr__(self):
        return f"Convolution({self.kernel.shape}, strides={self.strides}, padding={self.padding!r})"

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the number of windows along both axes, and ``n_outputs``."""
        *size, channels = picture(shape, self)
        if channels != self.kernel.shape[2]:
            raise ValueError(f"{self!r} takes {self.kernel.shape[2]} channels; got shape {shape}.")
        counts = [self._along(axis, length)[0] for axis, length in enumerate(size)]
        if min(counts) < 1:
            raise ValueError(f"{self!r} needs larger pictures: no window is inside of shape {shape}.")
        return (*counts, *self.bias.shape)

    def _along(self, axis, length):
        """Along an axis, the number of windows, the zeros before the picture, and the length with all zeros."""
        window, stride = self.kernel.shape[axis], self.strides[axis]
        if self.padding == "valid":
            return (length - window) // stride + 1, 0, length
        count = -(-length // stride)
        zeros = max((count - 1) * stride + window - length, 0)
        return count, zeros // 2, length + zeros

    def _padded(self, z):
        """The pictures amid the zeros."""
        (_, top, height), (_, left, width) = (self._along(axis, z.shape[axis + 1]) for axis in (0, 1))
        if (height, width) == z.shape[1:3]:
            return z
        padded = empty_rows(len(z), (height, width, z.shape[3]))
        padded[...] = 0.0
        padded[:, top : top + z.shape[1], left : left + z.shape[2]] = z
        return padded

    def _of_row(self, padded, row, shape):
        """One row of pixels of all windows, a view of shape (n_rows, rows, columns, width of a window, channels)."""
        n_rows, n_columns, _ = shape
        (down, right), width = self.strides, self.kernel.shape[1]
        whole, *steps, channel = padded.strides
        strides = (whole, steps[0] * down, steps[1] * right, steps[1], channel)
        sizes = (len(padded), n_rows, n_columns, width, padded.shape[3])
        return np.lib.stride_tricks.as_strided(padded[:, row:], sizes, strides)

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Multiply the rows of all windows, one after the other, then add the bias."""
        shape, (height, width, n_inputs, n_outputs) = self.output_shape(z.shape[1:]), self.kernel.shape
        result = self._memory(z, out)
        padded, flat = self._padded(z), channels_of(result)
        pixels = np.empty((width, n_inputs, len(z), *shape[:2]))
        products = np.empty(flat.shape) if height > 1 else flat
        for row in range(height):
            np.copyto(pixels, self._of_row(padded, row, shape).transpose(3, 4, 0, 1, 2))
            kernel = self.kernel[row].reshape(width * n_inputs, n_outputs)
            np.matmul(kernel.T, pixels.reshape(width * n_inputs, -1), out=products if row else flat)
            if row:
                flat += products
        flat += self.bias[:, None]
        return result

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Multiply by the transposed matrices, and add what falls on the same pixel."""
        shape, (height, width, n_inputs, n_outputs) = slopes.shape[1:], self.kernel.shape
        (_, top, padded_height), (_, left, padded_width) = (self._along(axis, z.shape[axis + 1]) for axis in (0, 1))
        padded = empty_rows(len(z), (padded_height, padded_width, n_inputs))
        padded[...] = 0.0
        flat = channels_first(slopes)
        for row in range(height):
            pixels = self.kernel[row].reshape(width * n_inputs, n_outputs) @ flat
            pixels = pixels.reshape(width, n_inputs, len(z), *shape[:2]).transpose(2, 3, 4, 0, 1)
            places = self._of_row(padded, row, shape)
            for column in range(width):
                places[:, :, :, column] += pixels[:, :, :, column]
        return padded[:, top : top + z.shape[1], left : left + z.shape[2]]

    def lipschitz(self) -> float:
        """Return a proven bound of the operator norm, for pictures of any size."""
        return convolution_norm_bound(self.kernel, self.strides)

    @property
    def _copies(self):
        """In how many windows a pixel is at most."""
        return math.prod(-(-size // stride) for size, stride in zip(self.kernel.shape, self.strides, strict=False))

    def carry(self, bounds: Bounds) -> Bounds:
        """Return the bounds after the operation.

        For one window ``p``, ``|fl(Wᵀ p + b) − (Wᵀ p + b)| ≤ γₙ₊₂ (|W|ᵀ |p| + |b|)`` for any order of summation, with
        or without fused multiply-add, where ``W`` has ``n`` rows (Higham 2002, section 3.1). No pixel is in more than
        ``c`` windows, so the norm of all windows together is at most ``√c ‖z‖``.
        """
        shape = self.output_shape(bounds.shape)
        n_places, n = math.prod(shape[:2]), math.prod(self.kernel.shape[:3])
        lipschitz, rounding, spread = self.lipschitz(), gamma(n + 2), np.sqrt(math.prod(shape))
        frobenius, bias = float(norm_bound(self.kernel)), float(norm_bound(self.bias))
        offset, copies = float(round_up(np.sqrt(n_places) * bias, 2)), np.sqrt(self._copies)
        # Where subnormal numbers are flushed, each product, sum, weight and input may lose up to TINY.
        flush_slope, flush = copies * spread * n * TINY, spread * (4 * n + 4) * (1.0 + frobenius) * TINY
        slope = rounding * copies * frobenius + flush_slope
        local = slope * bounds.norm + np.array([0.0, rounding * offset + flush])
        # Any partial sum is at most ‖w‖ ‖p‖ + |b|, and its roundings.
        partial_sums = round_up(2.0 * frobenius * bounds.norm + 2.0 * np.array([0.0, bias]), 4)
        return Bounds(
            norm=round_up(lipschitz * bounds.norm + local + np.array([0.0, offset]), 14),
            error=round_up(lipschitz * bounds.error + local, 14),
            farthest=bounds.farthest_with(partial_sums),
            shape=shape,
        )

    def rescaled(self, scale: float) -> "Convolution":
        """Return the operation with its bias times ``scale``."""
        return Convolution(self.kernel, self.bias * scale, self.strides, self.padding)
