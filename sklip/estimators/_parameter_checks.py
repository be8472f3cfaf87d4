"""Checks of parameters that the table of constraints cannot express."""

from inspect import signature

from sklip.architectures._checks import check_activation, check_widths, is_count

OPTIMIZERS = (
    "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lion", "nadam", "rmsprop", "sgd",
)  # fmt: skip


def check_parameters_of_training(given):
    """Raise an error for parameters with which training is impossible; make widths and shapes tuples of ints."""
    if given.model is None:
        check_activation(given.activation)
        sizes = given.hidden_layer_sizes
        given.hidden_layer_sizes = check_widths(sizes, given.activation, "hidden_layer_sizes", "hidden layer")
    else:
        check_model(given.model)
    given.input_shape = check_input_shape(given.input_shape)
    check_augmentation(given.augmentation)
    check_optimizer(given.optimizer)
    check_callbacks(given.callbacks)


def check_model(model):
    """Raise a TypeError unless the model is an architecture or a function that builds one."""
    advice = "Give an architecture, such as sklip.architectures.ConvNet(), or a function build(input_shape, n_scores)"
    if isinstance(model, type):
        raise TypeError(f"The 'model' parameter must be an object, not a class: give {model.__name__}(...).")
    if _is_of_keras(model):
        raise TypeError(
            f"The 'model' parameter is a Keras {type(model).__name__}, which all fits would train. {advice} that "
            "returns a new one."
        )
    if not callable(getattr(model, "build", model)):
        raise TypeError(f"The 'model' parameter cannot build a network; got {model!r}. {advice}.")


def check_input_shape(shape):
    """Return the shape of an image as a tuple of ints; raise a ValueError if it is none."""
    if shape is None:
        return None
    if len(shape) != 3 or not all(map(is_count, shape)):
        raise ValueError(
            f"The 'input_shape' parameter must be (height, width, channels), three positive integers; got {shape!r}. "
            "Grey images have one channel."
        )
    return tuple(map(int, shape))


def check_augmentation(layer):
    """Raise a TypeError unless the augmentation is a layer of Keras."""
    if layer is not None and (isinstance(layer, type) or not _is_of_keras(layer) or not hasattr(layer, "call")):
        raise TypeError(
            "The 'augmentation' parameter must be a preprocessing layer of Keras, such as "
            f"keras.layers.RandomTranslation(0.1, 0.1), or a Sequential of them; got {layer!r}."
        )


def _is_of_keras(value):
    """Whether a class of Keras is among the classes of an object; Keras need not be imported for that."""
    return any(kind.__module__.startswith("keras.") for kind in type(value).__mro__)


def check_callbacks(callbacks):
    """Raise a TypeError unless the callbacks are Keras callbacks."""
    for callback in callbacks:
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
