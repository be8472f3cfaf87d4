"""What NumPy does not train: each is refused by its name, before the training."""

from typing import Any

from sklip.architectures import MLP
from sklip.training.in_numpy.losses import is_known
from sklip.training.in_numpy.optimizers import OPTIMIZERS


def refuse_parameters(given: Any, chosen: bool) -> None:
    """Raise an error for the first parameter with a value for which Keras is needed.

    Parameters
    ----------
    given : namespace
        The parameters of an estimator.
    chosen : bool
        Whether the user chose NumPy. Otherwise Keras is not installed.

    Raises
    ------
    ValueError
        If the user chose NumPy.
    ModuleNotFoundError
        If Keras is missing.
    """
    optimizers = " or ".join(map(repr, OPTIMIZERS))
    loss = getattr(given, "loss", "hkr")
    limits = {
        "model": (given.model is None or type(given.model) is MLP, "None or an MLP"),
        "augmentation": (given.augmentation is None, "None"),
        "loss": (isinstance(loss, str) or is_known(loss), "a name or a loss of sklip.losses for classes"),
        "optimizer": (isinstance(given.optimizer, str) and given.optimizer in OPTIMIZERS, optimizers),
        "callbacks": (not given.callbacks, "None"),
        "jit_compile": (given.jit_compile == "auto" or not given.jit_compile, "'auto' or False"),
        "n_devices": (given.n_devices == 1, "1"),
    }
    for name, (possible, values) in limits.items():
        if not possible:
            _refuse(f"{name}={getattr(given, name)!r}", f"set {name} to {values}", chosen)


def refuse_images(shape: tuple[int, ...], chosen: bool) -> None:
    """Raise an error, as :func:`refuse_parameters` does, if rows are images."""
    if len(shape) > 1:
        _refuse(f"rows that are images, of shape {shape}", "give the images as rows of a table", chosen)


def _refuse(what, change, chosen):
    if chosen:
        raise ValueError(f"backend='numpy' cannot train with {what}: {change}, or set backend='auto'.")
    raise ModuleNotFoundError(
        f"Training with {what} needs Keras and TensorFlow or JAX, which are not installed: run pip install "
        f"'scikit-lipschitz[tensorflow]' or 'scikit-lipschitz[jax]'. Or {change}: NumPy trains then.",
        name="keras",
    )
