"""What layers with a convolution that is 1-Lipschitz while it trains have in common."""

from typing import Any

import keras
import numpy as np
from keras import ops

from sklip import manifold
from sklip.layers._affine import AffineLayer, positive_integer
from sklip.layers._images import image_shape, pair, refuse_other_arguments
from sklip.layers._shift import composed_taps, dense, margins, shifted, wrapped
from sklip.layers.constrained import StiefelLayer
from sklip.served import Shift, window_offsets

# An ordinary convolution makes more multiplications than the two matrices. From 3 times as many on, the matrices are
# faster on a processor, up to 4 times; below, the shift costs more than they save (benchmarks/bench_convolution.py).
_MULTIPLICATIONS = 3


class Convolution(AffineLayer, StiefelLayer):
    """A layer with a convolution ``Qᵀ shift(Rᵀ x + p)`` on blocks of pixels; the subclass says what is made of it."""

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int],
        padding: str,
        **kwargs: Any,
    ):
        name = type(self).__name__
        refuse_other_arguments(name, kwargs)
        super().__init__(**kwargs)
        self.filters = positive_integer(filters, self, "filters")
        self.kernel_size = pair(kernel_size, name, "kernel_size")
        self.block = pair(strides, name, "strides")
        self.padding = padding
        self.window = tuple(-(-size // step) for size, step in zip(self.kernel_size, self.block, strict=True))
        self.expansion = self.position_code = None

    @property
    def constrained_kernels(self) -> list[keras.Variable]:
        """The two factors of the convolution, or its only one."""
        return [self.kernel] if self.expansion is None else [self.expansion, self.kernel]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the kernels on their manifold, the position code and the bias."""
        *_, channels = image_shape(input_shape, type(self).__name__)
        output_shape = self.compute_output_shape(input_shape)
        inputs, places = channels * self.block[0] * self.block[1], self.window[0] * self.window[1]
        # In their own precision also if the policy is mixed: they are projected, and taps are products of them.
        self._by_taps = False
        if places == 1:
            self.kernel = self._add_kernel("kernel", (inputs, self.filters), autocast=False)
        else:
            middle = max(inputs, self.filters, places)
            self._by_taps = places * inputs * self.filters < _MULTIPLICATIONS * middle * (inputs + self.filters)
            self.expansion = self._add_kernel("expansion", (inputs, middle), autocast=False)
            self.kernel = self._add_kernel("kernel", (middle, self.filters), autocast=False)
            if self.padding == "circular":
                shape = (*output_shape[1:3], middle)
                self.position_code = self.add_weight(
                    name="position_code", shape=shape, initializer="zeros", autocast=False
                )
        self._add_bias(self.filters)
        if isinstance(self.activation, keras.layers.Layer):
            self.activation.build(output_shape)
        self._start_on_manifold()
        super().build(input_shape)

    def draw(self, rng: np.random.Generator) -> None:
        """Draw random kernels, and set the position code and the bias to their initial values."""
        super().draw(rng)
        if self.position_code is not None:
            self.position_code.assign(ops.zeros(self.position_code.shape))

    def _factors(self):
        """The matrices R and Q, whose gradients are projected on the tangent space; R is None for a window of 1."""
        # Copies, as TensorFlow's custom gradients refuse variables.
        kernels = [manifold.on_stiefel(ops.copy(kernel)) for kernel in self.constrained_kernels]
        return kernels if len(kernels) == 2 else (None, *kernels)

    def _product(self, inputs, expansion, kernel):
        """``Qᵀ shift(Rᵀ x + p)``."""
        if self._by_taps:
            return self._with_taps(inputs, expansion, kernel)
        values = self._blocks(inputs)
        if expansion is not None:
            values = dense(values, expansion)
            if self.position_code is not None:
                values = ops.add(values, ops.cast(self.position_code, values.dtype))
            values = shifted(self._shift, values)
        return dense(values, kernel)

    @property
    def _shift(self):
        return Shift(window_offsets(*self.window), self.padding)

    def _blocks(self, inputs):
        """The blocks of pixels as pixels with more channels."""
        if self.block == (1, 1):
            return inputs
        (height, width), (rows, columns, channels) = self.block, inputs.shape[1:]
        if self.padding == "valid":
            inputs = inputs[:, : rows // height * height, : columns // width * width]
        elif rows % height or columns % width:
            inputs = ops.pad(inputs, ((0, 0), (0, -rows % height), (0, -columns % width), (0, 0)))
        rows, columns = inputs.shape[1] // height, inputs.shape[2] // width
        values = ops.reshape(inputs, (-1, rows, height, columns, width, channels))
        return ops.reshape(ops.transpose(values, (0, 1, 3, 2, 4, 5)), (-1, rows, columns, height * width * channels))

    def _with_taps(self, inputs, expansion, kernel):
        """The product as one ordinary convolution."""
        taps = self._on_pixels(composed_taps(expansion, kernel, self.window))
        outputs = self._convolved(inputs, ops.cast(taps, self.compute_dtype))
        if self.position_code is None:
            return outputs
        moved = shifted(self._shift, ops.copy(self.position_code)[None])
        return ops.add(outputs, ops.cast(ops.matmul(moved, kernel), self.compute_dtype))

    def _on_pixels(self, taps):
        """The taps on blocks as taps on pixels."""
        if self.block == (1, 1):
            return taps
        (rows, columns), (height, width) = self.window, self.block
        taps = ops.reshape(taps, (rows, columns, height, width, -1, self.filters))
        return ops.reshape(ops.transpose(taps, (0, 2, 1, 3, 4, 5)), (rows * height, columns * width, -1, self.filters))

    def _convolved(self, inputs, taps):
        if self.padding == "same" and self.block == (1, 1):
            return ops.conv(inputs, taps, padding="same", data_format="channels_last")
        if self.padding != "valid":
            rows, columns = margins(self.window, self.block)
            if self.padding == "circular":
                inputs = wrapped(inputs, rows, columns)
            else:
                missing = [-size % step for size, step in zip(inputs.shape[1:3], self.block, strict=True)]
                rows, columns = (rows[0], rows[1] + missing[0]), (columns[0], columns[1] + missing[1])
                if any((*rows, *columns)):
                    inputs = ops.pad(inputs, ((0, 0), rows, columns, (0, 0)))
        return ops.conv(inputs, taps, strides=self.block, padding="valid", data_format="channels_last")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the outputs; raise a ValueError if the window does not fit."""
        sizes = image_shape(input_shape, type(self).__name__)[:2]
        return (input_shape[0], *(self._output_size(axis, size) for axis, size in enumerate(sizes)), self.filters)

    def _output_size(self, axis, size):
        """Number of outputs along an axis of the image."""
        step, places, side = self.block[axis], self.window[axis], ("height", "width")[axis]
        name = type(self).__name__
        if self.padding == "same":
            return -(-size // step)
        if self.padding == "circular" and size % step:
            raise ValueError(
                f"With padding='circular', the strides of {name} must divide the image, but its {side} is "
                f"{size} and the stride is {step}. Use padding='same', or crop the image."
            )
        if size // step < places:
            raise ValueError(
                f"With padding={self.padding!r}, the window of {name} must fit into the image: it needs a "
                f"{side} of {places * step} or more, but got {size}. Use padding='same', or a smaller kernel_size."
            )
        return size // step if self.padding == "circular" else size // step - places + 1

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "padding": self.padding,
        }
