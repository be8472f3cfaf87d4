"""Layers whose kernel stays on a manifold while it trains."""

import keras
import numpy as np


class ConstrainedLayer(keras.layers.Layer):
    """A layer with a ``kernel`` on a manifold; the subclass defines the manifold and the projection on it."""

    _manifold: type[keras.constraints.Constraint]

    def retract(self) -> None:
        """Bring the kernel to its manifold, to the full accuracy of the constraint."""
        self.kernel.assign(self._manifold()(self.kernel))

    def end_epoch(self) -> None:
        """Bring the kernel to its manifold if the steps of an epoch have not done so."""

    def end_training(self) -> None:
        """Bring the kernel to its manifold by NumPy, as closely as its dtype allows."""
        kernel = np.asarray(self.kernel)
        self.kernel.assign(self.on_manifold(kernel).astype(kernel.dtype))

    @staticmethod
    def on_manifold(kernel: np.ndarray) -> np.ndarray:
        """Return the nearest kernel of the manifold, in float64."""
        raise NotImplementedError
