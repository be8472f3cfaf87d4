"""HKRClassifier: hinge-regularised Kantorovich–Rubinstein classification."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from sklip.estimators import _advice as advice
from sklip.estimators._absent_methods import AbsentMethod
from sklip.estimators._lipschitz_classifier import LipschitzClassifier
from sklip.estimators._objectives import HKRObjective
from sklip.estimators._parameters import store_parameters, with_training_parameters
from sklip.estimators._units import AUTO_MARGIN, length

if TYPE_CHECKING:
    import keras

    from sklip.architectures._architecture import Architecture


_NO_PROBABILITIES = (
    "its scores are distances, not probabilities. Use LipschitzMLP, or turn the scores into probabilities with "
    "sklearn.calibration.CalibratedClassifierCV."
)


@with_training_parameters
class HKRClassifier(LipschitzClassifier):
    """Robust classifier with a certificate: a 1-Lipschitz network trained with the HKR loss.

    It minimises ``−(E[f | +1] − E[f | −1]) + alpha · E[max(0, min_margin − y f)]`` over
    1-Lipschitz networks f [1]_. The first term drives the scores of the two classes as far apart
    as the distance between the classes allows; the hinge keeps the signs of the scores right.
    Since f cannot change faster than its input, a score of 0.3 proves that no input at a distance
    below 0.3 gets another class. :meth:`certified_radius` gives that number for each row and
    accounts for rounding.

    Parameters
    ----------
    alpha : float
        Weight of the hinge. A larger weight makes the classifier more accurate; a smaller one
        makes the radii larger.
    min_margin : float or "auto"
        Margin of the hinge, in the units of the data; ``"auto"`` is 0.1 of ``scale_``, with the
        norms 1 and inf 0.2 and 0.3.
    class_weight : None, "balanced" or dict
        Factors of the hinge for each class, by its label; 1 for classes not named. The KR term
        compares two means and does not depend on the mass of the classes. ``"balanced"`` gives
        each class the same share of every batch.

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
        ``loss``, ``kr``, ``hinge`` and ``accuracy``: one number per epoch, the mean over its
        batches, in the units of the data. With held-out rows, also the same names with ``val_``
        before them (nan for epochs of ``partial_fit``, which has no held-out rows).
    n_iter_ : int
        Number of epochs of the last ``fit``, plus those of ``partial_fit`` since then.
    min_margin_ : float
        Margin, in the units of the data.
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
    sklearn.neural_network.MLPClassifier : Networks without a constraint and without certificates.
    sklearn.calibration.CalibratedClassifierCV : Turns the scores into probabilities.

    Notes
    -----
    Unless ``norm`` says otherwise, distances are Euclidean, so features should have comparable
    units. If they do not, give ``tolerances``, for radii in these, or put a ``StandardScaler``
    before the classifier. The radii of the method are then in the scaled
    units; those of :func:`sklip.certified_radius` are in the raw units.

    References
    ----------
    .. [1] Serrurier, Mamalet, González-Sanz, Boissin, Loubes and del Barrio, "Achieving
       robustness in classification using optimal transport with hinge regularization",
       CVPR 2021.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklip import HKRClassifier
    >>> X, y = make_moons(500, noise=0.05, random_state=0)
    >>> classifier = HKRClassifier(hidden_layer_sizes=(32, 16), random_state=0).fit(X, y)
    >>> bool(classifier.score(X, y) > 0.95)
    True
    >>> radius = classifier.certified_radius(X)
    >>> bool(abs(classifier.lipschitz_bound_ - 1) < 1e-9)
    True
    """

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
        alpha: float = 100.0,
        min_margin: float | Literal["auto"] = "auto",
        optimizer: "str | keras.optimizers.Optimizer" = "adam",
        learning_rate: float = 0.02,
        learning_rate_schedule: Literal["cosine", "constant"] = "cosine",
        batch_size: int = 32,
        epochs: int = 60,
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

    predict_proba = AbsentMethod(_NO_PROBABILITIES)
    predict_log_proba = AbsentMethod(_NO_PROBABILITIES)

    def _objective_of_fit(self, given):
        self.min_margin_ = length("min_margin", given.min_margin, AUTO_MARGIN[self.norm_], self.scale_)
        return HKRObjective(self.min_margin_, float(given.alpha))

    def _advise(self, given, rows):
        if given.alpha > 0:
            advice.advise_on_margin(given.min_margin, rows, self.scale_, self._question)
