"""Anyone's Keras model of sklip's layers as a classifier with certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklip.estimators._network_classifier import NetworkClassifier
from sklip.interop import network_from_keras

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
    network = network_from_keras(model)
    return NetworkClassifier(network=network, classes=classes, temperature=temperature).serve()
