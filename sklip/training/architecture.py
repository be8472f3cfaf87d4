"""What a network is made of, and the Keras network of it."""

from dataclasses import dataclass

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

    @property
    def widths(self) -> tuple[int, ...]:
        """The numbers of units from the input to the scores."""
        return (self.n_features, *self.hidden_layer_sizes, self.n_scores)

    def initial_weights(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Random orthonormal kernels, heads of norm 1, biases of zero: in Keras' order, float32."""
        weights = []
        for n_inputs, n_outputs in zip(self.widths[:-1], self.widths[1:], strict=True):
            kernel = polar_factor(rng.standard_normal((n_inputs, n_outputs)))
            weights += [kernel, np.zeros(n_outputs)]
        weights[-2] = weights[-2] / np.linalg.norm(weights[-2], axis=0)
        return [weight.astype(np.float32) for weight in weights]


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
