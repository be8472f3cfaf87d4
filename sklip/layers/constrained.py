"""Layers whose kernels stay on manifolds while they train."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from sklip import manifold
from sklip.arithmetic import polar_factor
from sklip.layers._constraints import Orthonormal


class ConstrainedLayer(keras.layers.Layer):
    """A layer with kernels on a manifold; the subclass defines the manifold and the projection on it.

    A subclass sets ``kernel``, ``bias`` (None if there is none) and their initializers. If it has more kernels, it
    overrides ``constrained_kernels``.
    """

    _manifold: type[keras.constraints.Constraint]

    @property
    def constrained_kernels(self) -> list[keras.Variable]:
        """The variables that stay on the manifold, in the order in which they are drawn."""
        return [self.kernel]

    def retract(self) -> None:
        """Bring the kernels to their manifold, to the full accuracy of the constraint."""
        for kernel in self.constrained_kernels:
            kernel.assign(self._manifold()(kernel))

    def _initializer(self):
        """The initializer of the kernels; for the default one NumPy, as JAX would compile it for each shape."""
        if not _is_default(self.kernel_initializer):
            return self.kernel_initializer

        def initializer(shape, dtype=None):
            kernel = self.initial_kernel(np.random.default_rng(self.kernel_initializer.seed), tuple(shape))
            return ops.convert_to_tensor(kernel, dtype)

        return initializer

    def _start_on_manifold(self):
        """Bring the kernels of another initializer than the default one to their manifold."""
        if not _is_default(self.kernel_initializer):
            self.retract()

    def end_epoch(self) -> None:
        """Bring the kernels to their manifold if the steps of an epoch have not done so."""

    def end_training(self) -> None:
        """Bring the kernels to their manifold by NumPy, as closely as their dtype allows."""
        for kernel in self.constrained_kernels:
            array = np.asarray(kernel)
            kernel.assign(self.on_manifold(array).astype(array.dtype))

    def draw(self, rng: np.random.Generator) -> None:
        """Draw random kernels from a NumPy generator, and set all other weights to their initial values.

        If the kernel initializer is not the default one, the kernels get its values again instead.
        """
        for kernel in self.constrained_kernels:
            if _is_default(self.kernel_initializer):
                kernel.assign(self.random_kernel(rng, tuple(kernel.shape)).astype(kernel.dtype))
            else:
                kernel.assign(self._manifold()(self.kernel_initializer(kernel.shape, dtype=kernel.dtype)))
        if self.bias is not None:
            self.bias.assign(self.bias_initializer(self.bias.shape, dtype=self.bias.dtype))

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Save the layer; first bring the kernels to their manifold, in case the user has set them."""
        self.retract()
        super().save_own_variables(store)

    @staticmethod
    def on_manifold(kernel: np.ndarray) -> np.ndarray:
        """Return the nearest kernel of the manifold, in float64."""
        raise NotImplementedError

    @staticmethod
    def initial_kernel(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        """Return a random kernel of the manifold, in float32, more quickly than :meth:`random_kernel`."""
        short, long = sorted(shape)
        tall, _ = np.linalg.qr(rng.standard_normal((long, short), dtype=np.float32))
        return tall if shape[0] == long else tall.T

    @staticmethod
    def random_kernel(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        """Return a random kernel of the manifold, in float64."""
        return polar_factor(rng.standard_normal(shape))


class StiefelLayer(ConstrainedLayer):
    """A layer whose kernels are orthonormal: all their singular values are 1."""

    _manifold = Orthonormal
    on_manifold = staticmethod(polar_factor)

    def end_epoch(self) -> None:
        """Make one full retraction step, as the short steps may have left singular values below 1."""
        for kernel in self.constrained_kernels:
            kernel.assign(manifold.retraction_step(ops.convert_to_tensor(kernel))[0])


def _is_default(initializer) -> bool:
    """Whether an initializer is the one that layers have unless another is given."""
    default = keras.initializers.Orthogonal()
    return type(initializer) is type(default) and initializer.get_config() == default.get_config()


def all_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield all layers of a model, each once, with those of the models and layers within it.

    A layer that wraps others names them in a list ``inner_layers``. It comes before them. A model within the model is
    not yielded, only its layers are.
    """
    seen = set()

    def visit(layer):
        if id(layer) in seen:
            return
        seen.add(id(layer))
        if isinstance(layer, keras.Model):
            inner = layer.layers
        else:
            yield layer
            inner = getattr(layer, "inner_layers", [])
        for part in inner:
            yield from visit(part)

    yield from visit(model)
