"""Turn a Keras model of 1-Lipschitz layers into a classifier with certificates."""

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
    """Make a fitted classifier, with certificates, from a Keras model.

    The weights are copied without rounding. The certificates hold for the float64 arithmetic of the classifier. They
    use the Lipschitz constant that is proven for these weights, however they were trained.

    Parameters
    ----------
    model : keras.Model or fitted scikeras.wrappers.KerasClassifier
        A ``Sequential`` or functional model from rows or images to scores; branches may meet again, and models may be
        nested. It may contain all layers of :mod:`sklip.layers`, and of Keras: ``Dense``, ``Conv2D``, ReLU, the
        absolute value, ``Flatten``, ``Reshape``, ``Rescaling``, ``ZeroPadding2D``, ``Cropping2D``, pooling with
        disjoint windows, ``Add``, ``Subtract``, ``Average``, ``Concatenate`` along the last axis, and products with
        numbers. The last layer must be dense. Layers that act only in training, such as ``Dropout``, are left out.
        Of a fitted SciKeras classifier, the model and the classes are taken.
    classes : array-like of shape (n_classes,), default=None
        Labels in the order of the model's outputs; a single output is positive for the second label. None means
        0, 1, …, or those of the SciKeras classifier.
    temperature : float, default=None
        Factor of the scores in ``predict_proba``, in the inverse units of the data: 1 if the model was trained with
        a cross-entropy of logits. None for a classifier without probabilities.

    Returns
    -------
    NetworkClassifier
        A fitted classifier, which :func:`sklip.certified_radius` and :func:`sklip.audit` also take. Its
        ``decision_function`` is the model's output, except for the rounding errors of the model. If the model has two
        outputs, it is the second minus the first.

    Raises
    ------
    NotLipschitzError
        If the model has a layer that sklip does not support; the message names the layer.
    ValueError
        If the model has no weights yet, or more than one input or output; if its outputs are not one vector per row,
        or pass through an activation; if it does not compute what its layers compute; or if ``classes`` do not fit.
    TypeError
        If ``model`` is neither a Keras model nor a fitted SciKeras classifier.

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
    if hasattr(model, "model_") and hasattr(model, "classes_"):
        classes, model = model.classes_ if classes is None else classes, model.model_
    network = network_from_keras(model)
    return NetworkClassifier(network=network, classes=classes, temperature=temperature).serve()
