"""Say in one sentence what to install, where a package that training needs is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

_OF_TRAINING = ("tensorflow", "keras", "scikeras")
_OTHER_BACKENDS = ("jax", "torch", "openvino")


@contextmanager
def training_packages() -> Iterator[None]:
    """Name what is missing, and what to do, when an import within the body does not find it."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in _OTHER_BACKENDS:
            raise ModuleNotFoundError(
                f"Keras is told to run on {missing}, which is not installed. Run pip install {missing}, or set the "
                "environment variable KERAS_BACKEND to tensorflow.",
                name=error.name,
            ) from error
        if missing not in _OF_TRAINING:
            raise
        raise ModuleNotFoundError(
            "fit, to_keras, from_keras, sklip.layers, sklip.losses and sklip.manifold need TensorFlow, Keras and "
            f"SciKeras, of which {missing} is not installed. Run pip install {' '.join(_OF_TRAINING)}. Predictions, "
            "certificates and audits of fitted estimators do without.",
            name=error.name,
        ) from error


@contextmanager
def extra(name: str, package: str, caller: str) -> Iterator[None]:
    """Name what is missing, and the extra that has it, when an import within the body does not find it."""
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"{caller} needs {package}, which is not installed: pip install 'scikit-lipschitz[{name}]'."
        ) from error
