"""Anyone's Keras model of sklip's layers as a classifier with certificates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sklip.estimators import NetworkClassifier
from sklip.served import Center, Dense, ServedNetwork

if TYPE_CHECKING:
    import keras
    from numpy.typing import ArrayLike


def from_keras(
    model: keras.Model, *, classes: ArrayLike | None = None, temperature: float | None = None
) -> NetworkClassifier:
    """Make a fitted classifier, with certificates, of a Keras model.

    The weights are copied as they are, without rounding; the classifier's certificates are about its own float64
    arithmetic and the Lipschitz constant proven of these weights, whatever they were trained with.

    Parameters
    ----------
    model : keras.Model
        A ``Sequential`` model or a functional one in which each layer feeds the next, from rows to scores. Its
        layers may be ``SpectralDense``, ``FrobeniusDense``, ``keras.layers.Dense``, the activations of
        :mod:`sklip.layers`, ReLU, the absolute value, ``Center`` and ``Flatten`` (rows are then those flattened in C
        order), in any order that ends with a dense one; those that act in training alone, such as ``Dropout``, are
        left out.
    classes : array-like of shape (n_classes,), default=None
        Labels in the order of the model's outputs; a single output is positive for the second. None for 0, 1, ….
    temperature : float, default=None
        Factor of the scores in ``predict_proba``, in the inverse units of the data: 1 where the model was
        trained with a cross-entropy of logits. None for a classifier without probabilities.

    Returns
    -------
    NetworkClassifier
        Fitted; for :func:`sklip.certified_radius` and :func:`sklip.audit` as well. Its ``decision_function`` is the
        model's output up to the rounding of the latter; of two outputs, the second less the first.

    Raises
    ------
    NotLipschitzError
        For a layer that is not understood, by its name.
    ValueError
        For a model that has no weights yet or more than one input or output, that is not a chain, whose dense layers
        get inputs that are not vectors, whose outputs pass through an activation, or which computes something else
        than its layers say; and for ``classes`` that do not fit.
    TypeError
        For anything but a Keras model.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> import sklip
    >>> from sklip.layers import FrobeniusDense, SpectralDense
    >>> model = keras.Sequential(
    ...     [keras.Input((2,)), SpectralDense(16, activation="groupsort2"), FrobeniusDense(1)]
    ... )
    >>> classifier = sklip.from_keras(model, classes=["no", "yes"])
    >>> radius = classifier.certified_radius(np.zeros((1, 2)))
    >>> bool(classifier.lipschitz_bound_ < 1 + 1e-5)
    True
    """
    from sklip.training import backend

    backend.check_surroundings()
    backend.prepare()
    import keras

    from sklip.layers._operations import operations_of

    if not isinstance(model, keras.Model):
        raise TypeError(f"from_keras takes a keras.Model; got {type(model).__name__}.")
    network = _network(operations_of(model), math.prod(model.inputs[0].shape[1:]))
    _check_computes(model, network)
    return NetworkClassifier(network=network, classes=classes, temperature=temperature).serve()


def _network(operations, n_features):
    """The served network of operations; one that does not begin with a centre begins with 0."""
    if not any(isinstance(operation, Dense) for operation in operations):
        raise ValueError("The model has no dense layer, and so no scores. Give the model from the rows to the scores.")
    if not isinstance(operations[-1], Dense):
        raise ValueError(
            f"The model's outputs pass through {operations[-1]!r}. End it with a dense layer without an activation, "
            "whose outputs are the scores."
        )
    centered = isinstance(operations[0], Center)
    return ServedNetwork(operations if centered else (Center(np.zeros(n_features)), *operations))


def _check_computes(model, network):
    """Raise a ValueError where the model's outputs are not those of its layers, as with a call of its own.

    Rows at the distances from the centre at which biases count. The tolerance is that of the coarsest products of
    16 bits; a layer that was misread is off by more.
    """
    from sklip.layers._operations import as_numpy

    dimensions, dtype = model.inputs[0].shape[1:], model.inputs[0].dtype
    rng, width = np.random.default_rng(0), network.n_features
    shifts = [operation.bias for operation in network.operations if isinstance(operation, Dense)]
    length = max([1.0, *(float(np.linalg.norm(shift)) for shift in shifts)])
    rows = (network.center + rng.standard_normal((16, width)) * length / math.sqrt(width)).astype(dtype)
    scores = network.scores(np.float64(rows))
    if len(dimensions) > 1:
        rows = rows.reshape(len(rows), *dimensions)
    computed = np.float64(as_numpy(model(rows, training=False)))
    allowed = 0.02 * (np.abs(scores).max() + np.abs(scores - scores.mean(axis=0)).max())
    if computed.shape != scores.shape or not np.abs(computed - scores).max() <= allowed:
        raise ValueError(
            f"The model {model.name!r} computes something else than its layers say: it has a call of its own, or a "
            "layer that was changed. Rebuild it from unchanged layers."
        )
