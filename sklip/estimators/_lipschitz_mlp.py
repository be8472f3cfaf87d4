"""LipschitzMLP: cross-entropy, probabilities and the same proof."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

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

    from sklip.architectures._architecture import Architecture


# The objective of each loss, and the attributes of the estimator that are its arguments.
_OBJECTIVES = {
    "cross_entropy": (CrossEntropyObjective, ("temperature_", "margin_offset_")),
    "hinge": (HingeObjective, ("min_margin_",)),
    "hkr": (HKRObjective, ("min_margin_", "alpha")),
}


@with_training_parameters
class LipschitzMLP(LipschitzClassifier, ProbabilisticClassifier):
    """Multi-layer perceptron with Lipschitz constant 1: probabilities, each with a certificate.

    It minimises a loss over 1-Lipschitz networks f. By default, the loss is the cross-entropy of
    the sigmoid (two classes) or the softmax (three classes or more) of ``temperature · f``, where
    the score of the true class is first lowered by ``margin_offset`` [1]_ [2]_. Since no score
    changes faster than the input, the gap between the two highest scores proves a distance inside
    which the prediction does not change. :meth:`certified_radius` gives this distance for each row
    and accounts for rounding.

    Parameters
    ----------
    loss : {"cross_entropy", "hinge", "hkr"} or keras.losses.Loss
        ``"hinge"`` and ``"hkr"`` are the losses of :class:`HKRClassifier`. A Keras loss, or a function
        of (y_true, y_pred), gets 0/1 targets (one-hot for three classes or more) and the logits
        ``temperature · f``, so construct it with ``from_logits=True``. It must return one value per row;
        the estimator takes the weighted mean, and ``tol`` and ``history_`` use this number unchanged.
        A pickle of an estimator with a Keras loss needs Keras to load. To be cloned or pickled, a
        user-defined class must be registered with Keras (``keras.saving.register_keras_serializable``).
    temperature : float or "auto"
        Factor of the scores in every probability, in the inverse units of the data. A larger
        factor makes the classifier more accurate; a smaller one makes the radii larger.
        ``"auto"`` is ``20 / scale_``, with the norms 1 and inf ``10 / scale_``.
    margin_offset : float or "auto"
        Offset by which cross-entropy lowers the score of the true class, in the units of the data:
        larger offsets make larger radii. ``"auto"`` is a twentieth of ``scale_``, with the
        norms 1 and inf a tenth.
    alpha : float
        Weight of the hinge in ``"hkr"``.
    min_margin : float or "auto"
        Margin of the hinge in ``"hinge"`` and ``"hkr"``, in the units of the data; ``"auto"`` is a
        tenth of ``scale_``, with the norms 1 and inf 0.2 and 0.3 of it.
    class_weight : None, "balanced" or dict
        Factors of the loss for the rows of each class, by its label; 1 for classes not named. With
        ``loss="hkr"`` they apply to the hinge: the KR term compares two means and does not depend on
        the mass of the classes. ``"balanced"`` gives each class the same share of every batch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels; with two classes, ``classes_[1]`` is the positive one.
    n_features_in_ : int
        Number of columns seen in ``fit``; of images, the number of values of one.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if all of them were text.
    network_ : sklip.served.ServedNetwork
        The served network: predictions and certificates use it and nothing else.
    lipschitz_bound_ : float
        Proven upper bound of the Lipschitz constant of every single score, in the norm and the
        tolerances of ``fit``.
    history_ : dict of str to list of float
        ``loss``, its terms (``cross_entropy`` in nats, ``kr``, ``hinge``) and ``accuracy``: one number
        per epoch, the mean over its batches. With held-out rows, also the same names with ``val_``
        before them (nan for epochs of ``partial_fit``, which has no held-out rows). Numbers are in
        the units of the data; as a ``loss``, cross-entropy is divided by ``temperature_``. A Keras
        loss is the number that Keras would report.
    n_iter_ : int
        Number of epochs of the last ``fit``, plus those of ``partial_fit`` since then.
    temperature_ : float
        Factor of the scores, in the inverse units of the data.
    margin_offset_ : float
        Offset of cross-entropy, in the units of the data.
    min_margin_ : float
        Margin of the hinge, in the units of the data.
    norm_ : {2, 1, inf}
        Norm for which the network was trained.
    tolerances_ : ndarray of shape (n_features,) or None
        Tolerances for which it was trained, 0 for fixed columns; None if each column counts in its own unit.
    feature_weights_ : ndarray of shape (n_features,)
        Of a network trained for ``norm=inf``: how much each column counts. Others have none.
    center_ : ndarray of shape (n_features,)
        Mean of the training rows; of images, flattened in C order.
    scale_ : float
        Root-mean-square Euclidean distance of the training rows to ``center_``, in tolerances if
        there are any: the single number by which data is divided for training. For ``norm=inf``, it
        is divided by the root of the number of columns that may change; fixed columns do not count.

    See Also
    --------
    sklip.certified_radius : Radii of pipelines, in raw units and other norms.
    sklip.audit : An attack on every certificate.
    HKRClassifier : Optimal transport with a hinge; no probabilities.
    sklearn.neural_network.MLPClassifier : Networks without a constraint and without certificates.

    Notes
    -----
    Unless ``norm`` says otherwise, distances are Euclidean, so features should have comparable
    units. If they do not, give ``tolerances``, for radii in these, or put a ``StandardScaler``
    before the classifier. The radii of the method are then in the scaled
    units; those of :func:`sklip.certified_radius` are in the raw units. ``predict`` compares
    scores, not probabilities, because probabilities saturate.

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
        model: "Architecture | Callable[[tuple[int, ...], int], keras.Model] | None" = None,
        input_shape: tuple[int, int, int] | None = None,
        augmentation: "keras.layers.Layer | None" = None,
        norm: 'Literal[1, 2, "l1", "l2", "inf"] | float' = 2,
        tolerances: ArrayLike | Mapping | None = None,
        monotonic_cst: ArrayLike | Mapping | None = None,
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
        backend: Literal["auto", "keras", "numpy"] = "auto",
        jit_compile: bool | Literal["auto"] = "auto",
        matmul_precision: Literal["tensorfloat32", "float32"] = "tensorfloat32",
        n_devices: int = 1,
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
        self.temperature_ = inverse_length("temperature", given.temperature, AUTO_TEMPERATURE[self.norm_], self.scale_)
        self.margin_offset_ = length("margin_offset", given.margin_offset, AUTO_OFFSET[self.norm_], self.scale_)
        self.min_margin_ = length("min_margin", given.min_margin, AUTO_MARGIN[self.norm_], self.scale_)
        make, names = _objective(given.loss)
        return make(*(float(getattr(self, name)) for name in names))

    def _advise(self, given, rows):
        _, names = _objective(given.loss)
        if "min_margin_" in names:
            advice.advise_on_margin(given.min_margin, rows, self.scale_, self._question)
        if "temperature_" in names:
            advice.advise_on_temperature(given.temperature, self.network_, rows.X, self.scale_, self.norm_)


def _objective(loss):
    """A function that makes the objective of a loss, and the attributes of the estimator that are its arguments."""
    return _OBJECTIVES[loss] if isinstance(loss, str) else (partial(KerasObjective, loss), ("temperature_",))
