"""The interface of architectures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import keras


class Architecture(Protocol):
    """An object that builds a network; scikit-learn clones it, and searches its parameters."""

    def build(self, input_shape: tuple[int, ...], n_scores: int, /) -> keras.Model:
        """Return a new Keras model from rows of a shape to scores."""
