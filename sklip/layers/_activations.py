"""Sorting activations: they are 1-Lipschitz, preserve the norm of gradients, and are exact in floating point."""

from typing import Any

import keras
from keras import ops

from sklip import served
from sklip._tensors import Tensor


class _Sorting(keras.layers.Layer):
    """An activation that permutes the last axis and so keeps its shape."""

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config()  # the one that Keras makes cannot hold a dtype policy


def _check_divisible(layer, width, size):
    if width is None or width % size:
        raise ValueError(
            f"{layer} sorts groups of {size} values, but its input has {width} per row. Give the layer before "
            f"it a width that is a multiple of {size}, or use FullSort, which takes any width."
        )


def _halves(z):
    """The first and the second half of the last axis."""
    half = z.shape[-1] // 2
    return z[..., :half], z[..., half:]


@ops.custom_gradient
def _sort_pairs(z):
    """Sort the pairs ``(i, i + width / 2)``; its own gradient saves two thirds of the backward pass."""
    first, second = _halves(z)

    def gradient(*arguments, upstream=None):
        (slope,) = arguments if upstream is None else (upstream,)
        low, high = _halves(slope)
        ordered = first <= second
        return ops.concatenate([ops.where(ordered, low, high), ops.where(ordered, high, low)], axis=-1)

    return ops.concatenate([ops.minimum(first, second), ops.maximum(first, second)], axis=-1), gradient


def _sort(values, axis):
    """Sort in ascending order along an axis of known length."""
    if keras.backend.backend() != "tensorflow" or keras.backend.standardize_dtype(values.dtype) != "float32":
        return ops.sort(values, axis=axis)
    from sklip.layers._sorting_network import sort_columns

    first = ops.moveaxis(values, axis, 0)
    columns = ops.reshape(first, (values.shape[axis], -1))
    return ops.moveaxis(ops.reshape(sort_columns(columns), ops.shape(first)), 0, axis)


def _sort_groups(z, size):
    """Sort in ascending order within groups; value ``i`` belongs to group ``i mod (width / size)``."""
    if size == 2:
        return _sort_pairs(z)
    groups = ops.reshape(z, (-1, size, z.shape[-1] // size))
    return ops.reshape(_sort(groups, 1), ops.shape(z))


@keras.saving.register_keras_serializable(package="sklip")
class GroupSort(_Sorting):
    """Sort the values of each group in ascending order (Anil, Lucas and Grosse 2019).

    The groups are strided: value ``i`` of ``width`` belongs to group ``i mod (width / n)``. So
    ``GroupSort(2)`` compares the first half of the values with the second half, at the speed of memory.

    Parameters
    ----------
    n : int, default=2
        Number of values in a group. It must divide the width of the input.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Raises
    ------
    ValueError
        If the layer is built on a width that ``n`` does not divide.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import GroupSort
    >>> np.asarray(GroupSort(2)(np.array([[4.0, 1.0, 3.0, 2.0]]))).tolist()
    [[3.0, 1.0, 4.0, 2.0]]
    """

    def __init__(self, n: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(n, int) or n < 1:
            raise ValueError(f"GroupSort needs n, the number of values in a group, as a positive integer; got {n!r}.")
        self.n = n

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Check that the groups fit."""
        _check_divisible(f"GroupSort({self.n})", input_shape[-1], self.n)
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Sort within groups."""
        return _sort_groups(inputs, self.n)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        return {**super().get_config(), "n": self.n}


@keras.saving.register_keras_serializable(package="sklip")
class FullSort(_Sorting):
    """Sort all values of a row in ascending order; any width.

    Parameters
    ----------
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import FullSort
    >>> np.asarray(FullSort()(np.array([[4.0, 1.0, 3.0]]))).tolist()
    [[1.0, 3.0, 4.0]]
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Sort the last axis."""
        rows = ops.reshape(inputs, (-1, inputs.shape[-1]))
        return ops.reshape(_sort(rows, 1), ops.shape(inputs))


@keras.saving.register_keras_serializable(package="sklip")
class MaxMin(_Sorting):
    """The maxima of the pairs ``(i, i + width / 2)``, then their minima: GroupSort(2) in descending order.

    Parameters
    ----------
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Raises
    ------
    ValueError
        If the layer is built on an odd width.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.layers import MaxMin
    >>> np.asarray(MaxMin()(np.array([[4.0, 1.0, 3.0, 2.0]]))).tolist()
    [[4.0, 2.0, 3.0, 1.0]]
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Check that the pairs fit."""
        _check_divisible("MaxMin", input_shape[-1], 2)
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Compare the two halves."""
        minima, maxima = _halves(_sort_pairs(inputs))
        return ops.concatenate([maxima, minima], axis=-1)


@keras.saving.register_keras_serializable(package="sklip")
def _absolute(inputs):
    """Return the absolute values."""
    return ops.abs(inputs)


def activation_layer(name: str, **kwargs: Any) -> keras.layers.Layer:
    """Return the Keras layer of one of the estimators' activations.

    Parameters
    ----------
    name : str
        ``"groupsort<n>"``, ``"fullsort"``, ``"maxmin"``, ``"relu"`` or ``"abs"``.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``: ``name``, ``dtype``.

    Returns
    -------
    keras.layers.Layer

    Examples
    --------
    >>> from sklip.layers import activation_layer
    >>> activation_layer("groupsort4").n
    4
    """
    return layer_of(served.activation(name), **kwargs)


def layer_of(operation: served.Activation, **kwargs: Any) -> keras.layers.Layer:
    """The Keras layer of a served activation."""
    if isinstance(operation, served.GroupSort):
        return GroupSort(operation.n, **kwargs)
    if isinstance(operation, served.Abs):
        return keras.layers.Activation(_absolute, **kwargs)
    return {served.FullSort: FullSort, served.MaxMin: MaxMin, served.Relu: keras.layers.ReLU}[type(operation)](**kwargs)


def is_activation(value: object) -> bool:
    """Whether a value is the name of one of sklip's activations."""
    try:
        served.activation(value)  # type: ignore[arg-type]
    except ValueError:
        return False
    return True
