"""What a network is made of, and the Keras network of it."""

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
    """Shape of a network: everything that its layers depend on.

    Attributes
    ----------
    n_features : int
    hidden_layer_sizes : tuple of int
    n_scores : int
        1 for two classes, else the number of classes.
    activation : str
        Of the hidden layers; see :func:`sklip.served.activation`.
    dropout : float
        Share of the units of each hidden layer left out at random while training.
    """

    n_features: int
    hidden_layer_sizes: tuple[int, ...]
    n_scores: int
    activation: str
    dropout: float

    def initial_weights(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Random orthonormal kernels, heads of norm 1, biases of zero: in Keras' order, float32."""
        shapes = pairwise((self.n_features, *self.hidden_layer_sizes, self.n_scores))
        *hidden, heads = (polar_factor(rng.standard_normal(shape)) for shape in shapes)
        kernels = [*hidden, heads / np.linalg.norm(heads, axis=0)]
        return [array.astype(np.float32) for kernel in kernels for array in (kernel, np.zeros(kernel.shape[1]))]


def build_network(architecture: Architecture, model_class: type) -> keras.Model:
    """Build the Keras network of an architecture.

    Its kernels take short retraction steps, which hold the largest singular value at 1. The layers' ``end_epoch``
    and ``end_training`` bring the others to 1. All names are the same in every network, as
    TensorFlow keeps a kernel for each name that a variable ever had.
    """
    inputs = units = keras.Input((architecture.n_features,), name="features")
    for number, width in enumerate(architecture.hidden_layer_sizes):
        short_step = Orthonormal(iterate=False)
        name = f"hidden_{number}"
        layer = SpectralDense(width, architecture.activation, kernel_constraint=short_step, dtype="float32", name=name)
        units = layer(units)
        if architecture.dropout:
            dropout = keras.layers.Dropout(architecture.dropout, seed=number, dtype="float32", name=f"dropout_{number}")
            units = dropout(units)
    heads = FrobeniusDense(architecture.n_scores, dtype="float32", name=HEADS)
    return model_class(inputs, heads(units), name="network")


def constrained_layers(network: keras.Model) -> list[ConstrainedLayer]:
    """The layers of a network whose kernels live on manifolds."""
    return [layer for layer in network.layers if isinstance(layer, ConstrainedLayer)]


def seed_dropout(network: keras.Model, seed: int) -> None:
    """Let the dropout of a network start from a seed, whatever it has drawn before."""
    layers = [layer for layer in network.layers if isinstance(layer, keras.layers.Dropout)]
    for number, layer in enumerate(layers):
        layer.seed_generator.state.assign(keras.random.SeedGenerator(seed + number).state)
