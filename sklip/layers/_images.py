"""Arguments and shapes of layers on images."""

from typing import Any

import keras
import numpy as np

_ONLY = {
    "data_format": ("channels_last", "Transpose the images to (height, width, channels)."),
    "dilation_rate": (1, "A window with gaps has no orthonormal layer here: use a larger kernel_size."),
    "groups": (1, "Each output depends on all channels: use SplitResidual to keep some of them separate."),
}


def refuse_other_arguments(layer: str, kwargs: dict[str, Any]) -> None:
    """Remove Keras' arguments that have one possible value here; raise a ValueError for another value."""
    for name, (value, advice) in _ONLY.items():
        if name in kwargs and kwargs.pop(name) not in (value, (value, value), [value, value], None):
            raise ValueError(f"{layer} takes {name}={value!r} alone. {advice}")
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            f"{layer} takes images of shape (height, width, channels), but Keras is set to channels first: call "
            "keras.config.set_image_data_format('channels_last')."
        )


def pair(value: object, layer: str, name: str) -> tuple[int, int]:
    """Return an argument for height and width, given as one positive integer or two; or raise a ValueError."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2 or not all(map(is_positive_integer, values)):
        raise ValueError(f"{layer} needs {name} as a positive integer or a pair of them; got {value!r}.")
    return int(values[0]), int(values[1])


def is_positive_integer(number: object) -> bool:
    """Whether an argument is an integer, of Python or NumPy, of at least 1."""
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool) and int(number) >= 1


def image_shape(input_shape: tuple[int | None, ...], layer: str) -> tuple[int, int, int]:
    """Return height, width and number of channels of a batch of images; raise a ValueError if it is none."""
    if len(input_shape) != 4 or None in input_shape[1:]:
        raise ValueError(
            f"{layer} takes images of a known shape (height, width, channels), but each input has the shape "
            f"{tuple(input_shape[1:])}. Give the model keras.Input((height, width, channels)), or put "
            "keras.layers.Reshape((height, width, channels)) first."
        )
    height, width, channels = input_shape[1:]
    return height, width, channels  # type: ignore[return-value]
