"""The engines that train: Keras on its backend, or plain NumPy; and which of them a fit uses."""

from types import ModuleType
from typing import Any, Protocol

from sklip._requirements import keras_can_train
from sklip.training import runtime
from sklip.training.devices import devices_of
from sklip.training.in_numpy.limits import refuse_images, refuse_parameters
from sklip.training.task import Training, TrainingTask

NAMES = ("auto", "keras", "numpy")
"""The values of the parameter ``backend``."""


class Engine(Protocol):
    """A way to train."""

    def check_surroundings(self) -> None:
        """Raise a RuntimeError where training is impossible; see :func:`sklip.training.runtime.check_surroundings`."""

    def check_parameters(self, given: Any) -> None:
        """Raise an error that names a parameter with which the engine cannot train."""

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise an error if the engine cannot train on rows of this shape."""

    def losses(self) -> ModuleType:
        """Import what training needs, and return the module of the losses."""

    def train(self, task: TrainingTask) -> Training:
        """Train a network."""


class KerasEngine:
    """Training with Keras, on TensorFlow or JAX."""

    def check_surroundings(self) -> None:
        """Raise a RuntimeError where training is impossible."""
        runtime.check_surroundings()

    def check_parameters(self, given: Any) -> None:
        """Raise a ValueError if the backend sees fewer devices than ``n_devices``."""
        if given.n_devices != 1:
            runtime.prepare_training()
            from sklip.training.epochs import epochs_of_backend

            devices_of(given.n_devices, epochs_of_backend().visible_devices())

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Keras trains on all rows."""

    def losses(self) -> ModuleType:
        """Start Keras, and return the losses."""
        runtime.prepare_training()
        from sklip import losses

        return losses

    def train(self, task: TrainingTask) -> Training:
        """Train a network with Keras."""
        from sklip.training.loop import train

        return train(task)


class NumPyEngine:
    """Training in NumPy, which nothing can disturb, of dense networks on tables.

    Parameters
    ----------
    chosen : bool
        Whether the user chose it; it is what trains without Keras otherwise.
    """

    def __init__(self, chosen: bool):
        self._chosen = chosen

    def check_surroundings(self) -> None:
        """NumPy trains anywhere, also in forked processes."""

    def check_parameters(self, given: Any) -> None:
        """Raise an error that names a parameter for which Keras is needed."""
        refuse_parameters(given, self._chosen)

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise an error for images."""
        refuse_images(shape, self._chosen)

    def losses(self) -> ModuleType:
        """Return the losses in NumPy."""
        from sklip.training.in_numpy import losses

        return losses

    def train(self, task: TrainingTask) -> Training:
        """Train a network in NumPy."""
        from sklip.training.in_numpy.loop import train

        return train(task)


def engine_of(backend: object) -> Engine:
    """Return the engine for a value of the parameter ``backend``.

    Parameters
    ----------
    backend : {"auto", "keras", "numpy"}
        ``"auto"`` is Keras where it can train, and NumPy where Keras or its backend is not installed. The check of the
        parameters refuses other values later.

    Returns
    -------
    Engine
    """
    if backend == "numpy" or (backend == "auto" and not keras_can_train()):
        return NumPyEngine(chosen=backend == "numpy")
    return KerasEngine()
