"""The architecture of a network, and the Keras network that is built from it."""

from dataclasses import dataclass
from itertools import pairwise

import keras
import numpy as np

from sklip.arithmetic import polar_factor
from sklip.layers import FrobeniusDense, Orthonormal, SpectralDense
from sklip.layers.constrained import ConstrainedLayer

HEADS = "heads"
"""Name of the last layer, whose outputs are the scores."""


@dataclass(frozen=True)
class Architecture:
    """Everything that the layers of a network depend on.

    Attributes
    ----------
    n_features : int
    hidden_layer_sizes : tuple of int
    n_scores : int
        1 for two classes, the number of classes otherwise.
    activation : str
        Name of the activation of the hidden layers; see :func:`sklip.served.activation`.
    dropout : float
        Share of the units of each hidden layer that are dropped at random while training.
    """

    n_features: int
    hidden_layer_sizes: tuple[int, ...]
    n_scores: int
    activation: str
    dropout: float

    def initial_weights(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Random orthonormal kernels, heads of norm 1 and biases of 0, in Keras' order and float32."""
        shapes = pairwise((self.n_features, *self.hidden_layer_sizes, self.n_scores))
        *hidden, heads = (polar_factor(rng.standard_normal(shape)) for shape in shapes)
        kernels = [*hidden, heads / np.linalg.norm(heads, axis=0)]
        return [array.astype(np.float32) for kernel in kernels for array in (kernel, np.zeros(kernel.shape[1]))]


def build_network(architecture: Architecture, model_class: type) -> keras.Model:
    """Build the Keras network of an architecture.

    After each optimizer step, a short retraction step keeps the largest singular value of a kernel at 1. The layers'
    ``end_epoch`` and ``end_training`` bring the others to 1. All networks use the same names, as
    TensorFlow keeps an operation's kernel for every name that a variable ever had.
    """
    inputs = outputs = keras.Input((architecture.n_features,), name="features")
    for number, width in enumerate(architecture.hidden_layer_sizes):
        short_step = Orthonormal(iterate=False)
        name = f"hidden_{number}"
        layer = SpectralDense(width, architecture.activation, kernel_constraint=short_step, dtype="float32", name=name)
        outputs = layer(outputs)
        if architecture.dropout:
            dropout = keras.layers.Dropout(architecture.dropout, seed=number, dtype="float32", name=f"dropout_{number}")
            outputs = dropout(outputs)
    heads = FrobeniusDense(architecture.n_scores, dtype="float32", name=HEADS)
    return model_class(inputs, heads(outputs), name="network")


def constrained_layers(network: keras.Model) -> list[ConstrainedLayer]:
    """The layers of a network whose kernels stay on manifolds."""
    return [layer for layer in network.layers if isinstance(layer, ConstrainedLayer)]


def seed_dropout(network: keras.Model, seed: int) -> None:
    """Restart the random numbers of the dropout of a network from a seed."""
    layers = [layer for layer in network.layers if isinstance(layer, keras.layers.Dropout)]
    for number, layer in enumerate(layers):
        layer.seed_generator.state.assign(keras.random.SeedGenerator(seed + number).state)
