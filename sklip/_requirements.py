"""Say in one sentence what to install if a package is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

_BACKENDS = ("jax", "torch", "openvino")


@contextmanager
def training_packages() -> Iterator[None]:
    """Say what to install if an import in the body does not find Keras or its backend."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in _BACKENDS:
            raise ModuleNotFoundError(
                f"Keras is set to run on {missing}, which is not installed: run pip install 'scikit-lipschitz[jax]' "
                "for JAX, or set the environment variable KERAS_BACKEND to tensorflow.",
                name=error.name,
            ) from error
        if missing not in ("keras", "tensorflow"):
            raise
        raise ModuleNotFoundError(
            f"fit, to_keras, from_keras, sklip.layers, sklip.losses and sklip.manifold need {missing}, which is not "
            "installed: run pip install 'scikit-lipschitz[tensorflow]', or pip install 'scikit-lipschitz[jax]' and set "
            "the environment variable KERAS_BACKEND to jax.",
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
