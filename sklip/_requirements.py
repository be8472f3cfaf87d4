"""Say in one sentence what to install if a package is missing."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

_BACKENDS = ("jax", "torch", "openvino")
_VARIABLE = "KERAS_BACKEND"  # Keras reads it when it is imported


def _is_installed(package):
    """Whether a package can be imported; it is not imported."""
    if sys.modules.get(package) is not None:
        return True
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def keras_can_train() -> bool:
    """Whether Keras is installed, and a backend: that which the user named for Keras, or TensorFlow, or JAX.

    A named backend that is not installed counts, as the user should know that it is missing.
    """
    if not _is_installed("keras"):
        return False
    return (
        "keras" in sys.modules or bool(os.environ.get(_VARIABLE)) or _is_installed("tensorflow") or _is_installed("jax")
    )


def choose_jax_if_alone() -> None:
    """Let Keras run on JAX if TensorFlow is not installed, unless the user has named a backend or imported Keras."""
    if "keras" in sys.modules or os.environ.get(_VARIABLE) or _is_installed("tensorflow") or not _is_installed("jax"):
        return
    os.environ[_VARIABLE] = "jax"


@contextmanager
def training_packages() -> Iterator[None]:
    """Choose the backend of Keras, and say what to install if an import in the body does not find one of them."""
    choose_jax_if_alone()
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in _BACKENDS:
            raise ModuleNotFoundError(
                f"The environment variable {_VARIABLE} makes Keras run on {missing}, which is not installed. Set it to "
                "tensorflow or jax, on which sklip trains, and run pip install 'scikit-lipschitz[tensorflow]' or "
                "'scikit-lipschitz[jax]'; or train with backend='numpy', which needs no Keras.",
                name=error.name,
            ) from error
        if missing not in ("keras", "tensorflow"):
            raise
        raise ModuleNotFoundError(
            f"to_keras, from_keras, sklip.layers, sklip.losses, sklip.manifold and fit with backend='keras' need "
            f"{missing}, which is not installed: run pip install 'scikit-lipschitz[tensorflow]' or "
            "'scikit-lipschitz[jax]'.",
            name=error.name,
        ) from error


@contextmanager
def extra(name: str, package: str, caller: str) -> Iterator[None]:
    """Say which extra to install if an import in the body does not find the package."""
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"{caller} needs {package}, which is not installed: pip install 'scikit-lipschitz[{name}]'."
        ) from error
