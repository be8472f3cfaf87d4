"""The served network of a Keras model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sklip.served import Center, Dense, Graph, Reshape, ServedNetwork

if TYPE_CHECKING:
    import keras


def network_from_keras(model: keras.Model) -> ServedNetwork:
    """Convert a Keras model to a served network; :func:`sklip.from_keras` makes a classifier from it.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    sklip.served.ServedNetwork
        Its weights are those of the model, without rounding.

    Raises
    ------
    NotLipschitzError, ValueError, TypeError
        In the cases of :func:`sklip.from_keras`.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from sklip.interop import network_from_keras
    >>> from sklip.layers import FrobeniusDense
    >>> model = keras.Sequential([keras.Input((2,)), FrobeniusDense(1)])
    >>> network_from_keras(model).scores(np.eye(2)).shape
    (2, 1)
    """
    from sklip.training import runtime

    runtime.check_surroundings()
    runtime.prepare()
    import keras

    from sklip.layers._operations import operations_of

    if not isinstance(model, keras.Model):
        raise TypeError(f"from_keras takes a keras.Model or a fitted SciKeras classifier; got {type(model).__name__}.")
    network = _network(operations_of(model), model)
    _check_computes(model, network)
    return network


def _network(operations, model):
    """The served network of operations; a centre of 0 is added if they begin with none."""
    if operations and isinstance(operations[-1], Graph) and len(model.outputs[0].shape) == 2:  # a sum of scores
        n_scores = model.outputs[0].shape[1]
        operations = (*operations, Dense(np.eye(n_scores), np.zeros(n_scores)))
    if not any(isinstance(operation, Dense) for operation in operations):
        raise ValueError("The model has no dense layer, and so no scores. Give a model from the rows to the scores.")
    if len(model.outputs[0].shape) != 2:
        raise ValueError(
            f"The model's outputs have the shape {tuple(model.outputs[0].shape)}. Its scores must be one vector per "
            "row: put a Flatten or a global pooling before the last dense layer."
        )
    if not isinstance(operations[-1], Dense):
        raise ValueError(
            f"The model's outputs pass through {operations[-1]!r}. End it with a dense layer without an activation, "
            "whose outputs are the scores."
        )
    if isinstance(operations[0], Center):
        return ServedNetwork(operations)
    if isinstance(operations[0], Reshape) and isinstance(operations[1], Center):  # the same before the rows are images
        image, center, *others = operations
        return ServedNetwork((Center(center.center.ravel()), image, *others))
    return ServedNetwork((Center(np.zeros(math.prod(model.inputs[0].shape[1:]))), *operations))


def _check_computes(model, network):
    """Raise a ValueError if the model's outputs are not those of its layers, for example because it overrides call.

    The rows are at distances from the centre at which biases matter. The tolerance allows the coarsest products of
    16 bits; the error of a layer that was misread is larger.
    """
    from sklip.layers._conversions import as_numpy

    dimensions, dtype = model.inputs[0].shape[1:], model.inputs[0].dtype
    rng, width = np.random.default_rng(0), network.n_features
    shifts = [array for operation in network.operations[1:] for array in operation.arrays if array.ndim in (1, 3)]
    length = max([1.0, *(float(np.linalg.norm(shift)) for shift in shifts)])
    if "int" in str(dtype):
        limits = np.iinfo(dtype)
        rows = rng.integers(limits.min, limits.max, (16, width), dtype=dtype, endpoint=True)
        rows[:2] = [[limits.min], [limits.max]]
    else:
        rows = (network.center + rng.standard_normal((16, width)) * length / math.sqrt(width)).astype(dtype)
    scores = network.scores(np.float64(rows))
    if len(dimensions) > 1:
        rows = rows.reshape(len(rows), *dimensions)
    computed = np.float64(as_numpy(model(rows, training=False)))
    allowed = 0.02 * (np.abs(scores).max() + np.abs(scores - scores.mean(axis=0)).max())
    if computed.shape != scores.shape or not np.abs(computed - scores).max() <= allowed:
        raise ValueError(
            f"The outputs of the model {model.name!r} are not those of its layers: it overrides call, or a layer was "
            "changed. Rebuild it from unchanged layers."
        )
