"""The Keras network that is built from an architecture."""

import random
from contextlib import contextmanager

import keras
import numpy as np

from sklip import architectures
from sklip._compat import origin
from sklip.layers import FrobeniusDense, Orthonormal, SpectralDense, operations_of, refuse_not_lipschitz
from sklip.layers._front import FrontLayer, Tilt
from sklip.layers.constrained import ConstrainedLayer, all_layers
from sklip.served import Operation
from sklip.training.augmentation import Augmentation, copied
from sklip.training.saving import SavedAsItIs
from sklip.training.task import Architecture


def build_network(architecture: Architecture, model_class: type[SavedAsItIs], seed: int = 0) -> SavedAsItIs:
    """Build the Keras network of an architecture, whose inputs are flat rows.

    After each optimizer step, a short retraction step keeps the largest singular value of a kernel at 1. The layers'
    ``end_epoch`` and ``end_training`` bring the others to 1.

    Raises
    ------
    TypeError
        If the model is no Keras model.
    ValueError
        If it takes other inputs, or has other outputs, than the architecture demands; or if the augmentation changes
        the shape of the images.
    NotLipschitzError
        If the model has a layer that is not 1-Lipschitz, or that trains without a constraint; the message names it.
    """
    with _seeded(seed):
        model = _checked_model(architecture)
    # The names are always the same, as TensorFlow keeps an operation's kernel for every name that a variable ever had.
    features = rows = keras.Input((int(np.prod(architecture.input_shape)),), dtype="float32", name="features")
    front = None if architecture.front is None else FrontLayer(architecture.front, dtype="float32", name="front")
    if front is not None:
        rows = front(features)
    elif len(architecture.input_shape) > 1:
        rows = keras.layers.Reshape(architecture.input_shape, dtype="float32", name="image")(features)
    served = keras.Model(features, _with_tilt(_after(model, rows), front, features), name="network")
    if type(architecture.model) is not architectures.MLP:  # which is 1-Lipschitz by its layers
        refuse_not_lipschitz(served if front is None else model)
    heads_of(model)
    for layer in constrained_layers(served):
        for kernel in layer.constrained_kernels:
            if type(kernel.constraint) is Orthonormal:
                kernel.constraint = Orthonormal(iterate=False)
    if architecture.augmentation is None:
        network = model_class(features, served.outputs[0], name="network")
    else:
        augmented = Augmentation(copied(architecture.augmentation), dtype="float32", name="augmentation")(rows)
        network = model_class(features, _after(model, augmented), name="network")
        network.serves(served)
    if front is not None:
        network.consists_of(front, model)
    return network


def _with_tilt(scores, front, features):
    """The scores, and in front of directed columns what their directions add to it."""
    if front is None or not front.plan.directions:
        return scores
    return keras.layers.Add(name="directed")([scores, Tilt(front, name="tilt")(features)])


def served_operations(network: SavedAsItIs) -> tuple[Operation, ...]:
    """The operations of a trained network, with kernels on their manifolds; without what directions add to scores."""
    if network.front is None:
        return operations_of(network.served, on_manifold=True)
    return network.front.operation(), *operations_of(network.body, on_manifold=True)


@contextmanager
def _seeded(seed):
    """Set the seed from which Keras draws the seeds of initializers and layers that have none; then restore it."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


def _after(model, tensor):
    """The outputs of a model for a symbolic tensor; of a Sequential, callbacks see the layers."""
    if type(model) is not keras.Sequential:
        return keras.Model(model.inputs, model.outputs[0], name=model.name)(tensor)
    for layer in model.layers:
        tensor = layer(tensor)
    return tensor


def _checked_model(architecture):
    """The Keras model of an architecture, checked as far as its inputs and its outputs."""
    shape, n_scores, given = architecture.model_shape, architecture.n_scores, architecture.model
    model = getattr(given, "build", given)(shape, n_scores)
    if not isinstance(model, keras.Model):
        raise TypeError(f"The 'model' parameter must build a keras.Model; it built a {type(model).__name__}.")
    if isinstance(model, keras.Sequential) and not model.built:
        model.build((None, *shape))
    if not model.built or len(model.inputs or ()) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"The 'model' parameter built a {type(model).__name__} that sklip cannot read: give a Sequential model, or "
            "keras.Model(inputs, outputs) with one input and one output."
        )
    if not type(model).call.__module__.startswith("keras."):
        raise ValueError(
            f"The 'model' parameter built a {type(model).__name__}, which overrides call: what it computes is unknown. "
            "Build it from layers, as keras.Sequential(...) or keras.Model(inputs, outputs)."
        )
    _check_shape("input", model.inputs[0], shape, f"rows of X have the shape {shape}")
    classes = "for two classes" if n_scores == 1 else f"for {n_scores} classes"
    _check_shape("output", model.outputs[0], (n_scores,), f"there are {n_scores} scores {classes}")
    return model


def _check_shape(what, tensor, expected, reason):
    if tuple(tensor.shape[1:]) != expected:
        raise ValueError(
            f"The 'model' parameter built a model whose {what} has the shape {tuple(tensor.shape[1:])}, but {reason}. "
            "Use the arguments input_shape and n_scores of the function that builds it."
        )
    if tensor.dtype != "float32":
        raise ValueError(
            f"The 'model' parameter built a model whose {what} is of type {tensor.dtype}. Networks are trained in "
            "float32."
        )


def heads_of(network: keras.Model) -> SpectralDense | FrobeniusDense:
    """Return the last layer of a network, whose outputs are the scores.

    Raises
    ------
    ValueError
        If it is none of the layers that can be the heads.
    """
    layer, model = None, getattr(network, "body", network)
    while layer is None or isinstance(layer, keras.Model):
        layer, _ = origin(model.outputs[0])
        model = layer
    linear = getattr(layer, "activation", None) in (None, keras.activations.linear)
    if type(layer) not in (SpectralDense, FrobeniusDense) or not linear:
        raise ValueError(
            f"The last layer of the model, {layer.name!r} ({type(layer).__name__}), cannot make the scores. End the "
            "model with FrobeniusDense(n_scores), or SpectralDense(n_scores), without an activation."
        )
    return layer


def constrained_layers(network: keras.Model) -> list[ConstrainedLayer]:
    """The layers of a network whose kernels stay on manifolds."""
    return [layer for layer in all_layers(network) if isinstance(layer, ConstrainedLayer)]


def draw_weights(network: keras.Model, fresh: list[np.ndarray], seed: int) -> None:
    """Set all weights to those of a new network: random kernels from a seed, and ``fresh`` values for the others."""
    network.set_weights(fresh)
    rng = np.random.default_rng(seed)
    for layer in constrained_layers(network):
        layer.draw(rng)


def seed_random_layers(network: keras.Model, seed: int) -> None:
    """Restart the random numbers of the dropout and the augmentation of a network from a seed."""
    states = [variable for variable in network.variables if variable.name == "seed_generator_state"]
    for number, state in enumerate(states):
        state.assign(keras.random.SeedGenerator(seed + number).state)
