"""Padding by the opposite side of the image."""

from typing import Any

import keras
import numpy as np

from sklip._tensors import Tensor
from sklip.layers._images import image_shape, refuse_other_arguments
from sklip.layers._shift import wrapped


@keras.saving.register_keras_serializable(package="sklip")
class CircularPadding2D(keras.layers.Layer):
    """Rows and columns of the opposite side around an image.

    The layer is not 1-Lipschitz: its constant is the square root of the largest number of copies of a pixel, so 2 if
    rows and columns are padded (a pixel at a corner has four copies). Use ``padding="circular"`` of
    :class:`SpectralConv2D` for a convolution of norm 1.

    Shapes: (n, height, width, channels) becomes (n, top + height + bottom, left + width + right, channels).

    Parameters
    ----------
    padding : int, or tuple of two ints, or tuple of two tuples of two ints, default=1
        Number of rows and columns on all sides; ``(rows, columns)``; or ``((top, bottom), (left, right))``, as for
        ``keras.layers.ZeroPadding2D``. They are at most height and width.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Raises
    ------
    ValueError
        If the padding is none of these, or larger than the image, or the inputs are no images.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import CircularPadding2D
    >>> image = np.arange(3.0).reshape(1, 1, 3, 1)
    >>> np.asarray(CircularPadding2D((0, 1))(image)).ravel().tolist()
    [2.0, 0.0, 1.0, 2.0, 0.0]
    """

    def __init__(self, padding: int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]] = 1, **kwargs: Any):
        refuse_other_arguments("CircularPadding2D", kwargs)
        super().__init__(**kwargs)
        self.padding = tuple(_two(side, padding) for side in _two_of_any(padding))

    def call(self, inputs: Tensor) -> Tensor:
        """Copy the sides."""
        self.compute_output_shape(inputs.shape)
        return wrapped(inputs, *self.padding)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the outputs; raise a ValueError if the image is smaller than the padding."""
        rows, columns, channels = image_shape(input_shape, "CircularPadding2D")
        if max(self.padding[0]) > rows or max(self.padding[1]) > columns:
            raise ValueError(
                f"CircularPadding2D copies at most the whole image, which has {rows} x {columns} pixels; got the "
                f"padding {self.padding}."
            )
        return (input_shape[0], rows + sum(self.padding[0]), columns + sum(self.padding[1]), channels)

    def compute_output_spec(self, inputs: Tensor) -> keras.KerasTensor:
        """Return the output's shape and dtype without tracing the layer."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        return {**super().get_config(), "padding": self.padding}


def _two_of_any(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def _two(side, padding):
    """The padding before and after, from one or two integers."""
    values = _two_of_any(side)
    integers = all(isinstance(value, (int, np.integer)) and not isinstance(value, bool) for value in values)
    if len(_two_of_any(padding)) != 2 or len(values) != 2 or not integers or min(values) < 0:
        raise ValueError(
            "CircularPadding2D needs a padding of one integer, (rows, columns) or ((top, bottom), (left, right)), none "
            f"of them negative; got {padding!r}."
        )
    return int(values[0]), int(values[1])
