"""LipschitzMLP: cross-entropy, probabilities and the same proof."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sklip.estimators import _advice as advice
from sklip.estimators import _validation as validation
from sklip.estimators._lipschitz_classifier import LipschitzClassifier
from sklip.estimators._objectives import CrossEntropyObjective, HingeObjective, HKRObjective, KerasObjective
from sklip.estimators._parameter_checks import check_loss
from sklip.estimators._parameters import store_parameters, with_training_parameters
from sklip.estimators._probabilistic_classifier import ProbabilisticClassifier
from sklip.estimators._units import AUTO_MARGIN, AUTO_OFFSET, AUTO_TEMPERATURE, inverse_length, length

if TYPE_CHECKING:
    import keras


# The objective of each loss, and the attributes that it is made of.
_OBJECTIVES = {
    "cross_entropy": (CrossEntropyObjective, ("temperature_", "margin_offset_")),
    "hinge": (HingeObjective, ("min_margin_",)),
    "hkr": (HKRObjective, ("min_margin_", "alpha")),
}


@with_training_parameters
class LipschitzMLP(LipschitzClassifier, ProbabilisticClassifier):
    """Multi-layer perceptron of Lipschitz constant 1: probabilities, and a certificate with each.

    It minimises the cross-entropy of the sigmoid (of two classes) or softmax (of more) of
    ``temperature · f`` over 1-Lipschitz networks f, the score of the true class being lowered by
    ``margin_offset`` first [1]_ [2]_; or another loss. As no score changes faster than the input,
    the gap between the best two proves a distance inside which the prediction stays:
    :meth:`certified_radius` gives it for each row, rounding included.

    Parameters
    ----------
    loss : {"cross_entropy", "hinge", "hkr"} or keras.losses.Loss
        ``"hinge"`` and ``"hkr"`` are those of :class:`HKRClassifier`. A Keras loss, or a function of
        (y_true, y_pred), is given 0/1 targets (one-hot for three classes or more) and the logits
        ``temperature · f``: construct it with ``from_logits=True``. It must give one value a row, of which
        the weighted mean is taken; ``tol`` and ``history_`` take it as it is. A pickle that holds one
        needs Keras to load, and a class of your own must be registered with Keras
        (``keras.saving.register_keras_serializable``) to be cloned or pickled.
    temperature : float or "auto"
        Factor of the scores in every probability, in the inverse units of the data: the
        larger, the more accurate; the smaller, the larger the radii. ``"auto"`` is
        ``20 / scale_``.
    margin_offset : float or "auto"
        By how much cross-entropy lowers the score of the true class, in the units of the data:
        larger offsets make larger radii. ``"auto"`` is a twentieth of ``scale_``.
    alpha : float
        Weight of the hinge in ``"hkr"``.
    min_margin : float or "auto"
        Margin of the hinge in ``"hinge"`` and ``"hkr"``, in the units of the data; ``"auto"`` is a
        tenth of ``scale_``.
    class_weight : None, "balanced" or dict
        Factors of the cost of the rows of each class by its label; 1 for those not named. With
        ``loss="hkr"`` that of the hinge: the KR term compares two means and has no class mass to
        weigh. ``"balanced"`` gives each class the same share of every batch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels; of two, ``classes_[1]`` is the positive one.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where all were text.
    network_ : sklip.served.ServedNetwork
        The served network: every prediction and certificate reads it and nothing else.
    lipschitz_bound_ : float
        Proven upper bound of the Lipschitz constant of every single score.
    history_ : dict of str to list of float
        ``loss``, its terms (``cross_entropy`` in nats, ``kr``, ``hinge``) and ``accuracy``, one number
        an epoch, the mean over its batches; with held-out rows their ``val_`` twins (nan for
        epochs of ``partial_fit``, which has none). In the units of the data, cross-entropy as a
        loss being divided by ``temperature_``; a Keras loss is what Keras would report.
    n_iter_ : int
        Epochs of the last ``fit``, plus those of ``partial_fit`` since.
    temperature_ : float
        Factor of the scores, in the inverse units of the data.
    margin_offset_ : float
        In the units of the data.
    min_margin_ : float
        In the units of the data.
    center_ : ndarray of shape (n_features,)
        Mean of the training rows.
    scale_ : float
        Root-mean-square distance of the training rows to ``center_``: the one number by which
        data is divided for training.

    See Also
    --------
    sklip.certified_radius : Radii of whole pipelines, in raw units and other norms.
    sklip.audit : An attack on every certificate.
    HKRClassifier : Optimal transport with a hinge; no probabilities.
    sklearn.neural_network.MLPClassifier : Networks without a constraint, or a certificate.

    Notes
    -----
    Distances are Euclidean, so features should have comparable units; put a
    ``StandardScaler`` before the classifier where they do not. The method's radii are then
    in the scaled units, those of :func:`sklip.certified_radius` in the raw ones. ``predict`` compares
    scores, not probabilities, which saturate.

    References
    ----------
    .. [1] Béthune et al., "Pay attention to your loss: understanding misconceptions about
       1-Lipschitz neural networks", NeurIPS 2022.
    .. [2] Prach and Lampert, "Almost-orthogonal layers for efficient general-purpose
       Lipschitz networks", ECCV 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklip import LipschitzMLP
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = LipschitzMLP(hidden_layer_sizes=(32, 16), random_state=0).fit(X, y)
    >>> bool(classifier.score(X, y) > 0.9)
    True
    >>> classifier.predict_proba(X).shape
    (150, 3)
    >>> radius = classifier.certified_radius(X)
    """

    _parameter_constraints = {
        "loss": [validation.StrOptions(set(_OBJECTIVES)), callable],
        "temperature": [validation.Interval(Real, 0, None, closed="neither"), validation.StrOptions({"auto"})],
        "margin_offset": [validation.Interval(Real, 0, None, closed="left"), validation.StrOptions({"auto"})],
    }

    def __init__(
        self,
        *,
        hidden_layer_sizes: int | Sequence[int] = (128, 64, 32),
        activation: str = "groupsort2",
        loss: "str | keras.losses.Loss | Callable" = "cross_entropy",
        temperature: float | Literal["auto"] = "auto",
        margin_offset: float | Literal["auto"] = "auto",
        alpha: float = 100.0,
        min_margin: float | Literal["auto"] = "auto",
        optimizer: "str | keras.optimizers.Optimizer" = "adam",
        learning_rate: float = 0.02,
        learning_rate_schedule: Literal["cosine", "constant"] = "cosine",
        batch_size: int = 32,
        epochs: int = 30,
        dropout: float = 0.0,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        early_stopping: bool = False,
        monitor: Literal["loss", "accuracy", "certified_accuracy"] = "loss",
        epsilon: float | None = None,
        validation_fraction: float | None = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        callbacks: "Sequence[keras.callbacks.Callback] | None" = None,
        jit_compile: bool | Literal["auto"] = "auto",
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        store_parameters(self, locals())

    def _check_parameters(self):
        given = super()._check_parameters()
        check_loss(given.loss)
        return given

    def _objective_of_fit(self, given):
        self.temperature_ = inverse_length("temperature", given.temperature, AUTO_TEMPERATURE, self.scale_)
        self.margin_offset_ = length("margin_offset", given.margin_offset, AUTO_OFFSET, self.scale_)
        self.min_margin_ = length("min_margin", given.min_margin, AUTO_MARGIN, self.scale_)
        make, names = _objective(given.loss)
        return make(*(float(getattr(self, name)) for name in names))

    def _advise(self, given, rows):
        _, names = _objective(given.loss)
        if "min_margin_" in names:
            advice.advise_on_margin(given.min_margin, rows, self.scale_)
        if "temperature_" in names:
            advice.advise_on_temperature(given.temperature, self.network_, rows.X, self.scale_)


def _objective(loss):
    """What makes the objective of a loss, and the attributes of the estimator that it takes."""
    return _OBJECTIVES[loss] if isinstance(loss, str) else (partial(KerasObjective, loss), ("temperature_",))
