"""Checks of parameters that the table of constraints cannot express."""

from inspect import signature
from numbers import Integral

import numpy as np

from sklip.estimators._numpy_numbers import python_number
from sklip.served import activation

OPTIMIZERS = (
    "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lion", "nadam", "rmsprop", "sgd",
)  # fmt: skip


def check_parameters_of_training(given):
    """Raise an error for parameters with which training is impossible; make ``hidden_layer_sizes`` a tuple of ints."""
    check_activation(given.activation)
    given.hidden_layer_sizes = check_hidden_layer_sizes(given.hidden_layer_sizes, given.activation)
    check_optimizer(given.optimizer)
    check_callbacks(given.callbacks)


def check_activation(name):
    """Raise a ValueError unless sklip has the activation."""
    try:
        activation(name)
    except ValueError as error:
        raise ValueError(f"The 'activation' parameter is not an activation of sklip. {error}") from error


def check_hidden_layer_sizes(sizes, name):
    """Return the widths as a tuple of ints; raise a ValueError if one is not possible."""
    single = isinstance(sizes, Integral) or np.ndim(sizes) == 0
    multiple = activation(name).multiple
    widths = [python_number(width) for width in ([sizes] if single else sizes)]
    for width in widths:
        if isinstance(width, bool) or not isinstance(width, int) or width < 1:
            raise ValueError(
                f"The 'hidden_layer_sizes' parameter must hold positive integers, one per hidden layer; got {sizes!r}."
            )
        if width % multiple:
            raise ValueError(
                f"The 'hidden_layer_sizes' parameter holds {width}, which activation={name!r} cannot split into "
                f"groups of {multiple}. Choose a multiple, or activation='fullsort'."
            )
    return tuple(widths)


def check_callbacks(callbacks):
    """Raise a TypeError unless the callbacks are Keras callbacks."""
    for callback in callbacks or ():
        if isinstance(callback, type) or not hasattr(callback, "on_epoch_end"):
            raise TypeError(
                f"The 'callbacks' parameter must hold instances of keras.callbacks.Callback; got {callback!r}."
            )


def check_loss(loss):
    """Raise an error if the loss is a class, or if it evidently expects probabilities or class numbers."""
    if isinstance(loss, type):
        raise TypeError(f"The 'loss' parameter must be an instance, not a class: give {loss.__name__}(...).")
    if isinstance(loss, str):
        return
    name = getattr(loss, "__name__", type(loss).__name__)
    if "sparse" in name.lower():
        raise ValueError(f"The loss {name} needs class numbers; it gets one-hot targets. Use CategoricalCrossentropy.")
    if name in ("KLDivergence", "Poisson"):
        raise ValueError(f"The 'loss' parameter gets logits; {name} expects probabilities or counts.")
    argument = signature(loss).parameters.get("from_logits")
    if not getattr(loss, "from_logits", True) or (argument is not None and argument.default is False):
        raise ValueError(
            f"The 'loss' parameter gets logits; {name} as given expects probabilities. Set from_logits=True in its "
            "constructor, or with functools.partial."
        )


def check_optimizer(optimizer):
    """Raise an error unless the optimizer is a known name or an instance of a Keras optimizer."""
    if isinstance(optimizer, str):
        if optimizer not in OPTIMIZERS:
            raise ValueError(
                f"The 'optimizer' parameter must be one of {', '.join(map(repr, OPTIMIZERS))} or a Keras optimizer "
                f"instance; got {optimizer!r}."
            )
    elif isinstance(optimizer, type) or not hasattr(optimizer, "apply_gradients"):
        raise TypeError(
            f"The 'optimizer' parameter must be a name such as 'adam' or a Keras optimizer instance; got {optimizer!r}."
        )
