"""HKRClassifier: hinge-regularised Kantorovich–Rubinstein classification."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sklip.estimators import _validation as validation
from sklip.estimators._absent_methods import AbsentMethod
from sklip.estimators._base import LipschitzClassifier
from sklip.estimators._objectives import HKRObjective
from sklip.estimators._units import AUTO_MARGIN, length

if TYPE_CHECKING:
    import keras


_NO_PROBABILITIES = (
    "its scores are distances, not probabilities. Use LipschitzMLP, or turn the scores into probabilities with "
    "sklearn.calibration.CalibratedClassifierCV."
)


class HKRClassifier(LipschitzClassifier):
    """Robust classifier with a certificate: a 1-Lipschitz network trained with the HKR loss.

    It minimises ``−(E[f | +1] − E[f | −1]) + alpha · E[max(0, min_margin − y f)]`` over
    1-Lipschitz networks f [1]_: the two classes' scores are pushed apart as far as their
    distance allows, and the sign of the score is kept right. As f cannot change faster than
    its input, a score of 0.3 proves that no input within a distance of 0.3 is classified
    otherwise; :meth:`certified_radius` gives that number for each row, rounding included.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(128, 64, 32)
        Units of each hidden layer.
    activation : str, default="groupsort2"
        ``"groupsort2"``, ``"groupsort<n>"``, ``"fullsort"``, ``"maxmin"``, ``"relu"`` or ``"abs"``.
        All are 1-Lipschitz; the sorting ones keep gradients of norm 1.
    alpha : float, default=100.0
        Weight of the hinge: the larger, the more accurate; the smaller, the larger the radii.
    min_margin : float or "auto", default="auto"
        Margin of the hinge, in the units of the data; ``"auto"`` is a tenth of ``scale_``.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        Name, or an instance, which is copied from its configuration and brings its own
        learning rate. A pickle that holds an instance needs Keras to load; one that holds a
        name does not.
    learning_rate : float, default=0.02
        Of an optimizer given by its name.
    learning_rate_schedule : {"cosine", "constant"}, default="cosine"
        ``"cosine"`` brings the learning rate to 0 over ``epochs``, also where early stopping
        ends sooner; a warm start begins it anew. ``partial_fit`` is always constant.
    batch_size : int, default=32
        An epoch is ``ceil(n_rows / batch_size)`` batches of equal size. Every batch holds every
        class, if need be by repeating rows, which the loss makes up for.
    epochs : int, default=60
        Passes over the data.
    dropout : float in [0, 1), default=0.0
        Share of hidden units left out at random while training. The certificate is about the
        network that serves, which has all of them.
    class_weight : None, "balanced" or dict, default=None
        Factors of the hinge of each class by its label; 1 for those not named. The KR term
        compares two means and has no class mass to weigh. ``"balanced"`` gives each class the
        same share of every batch.
    early_stopping : bool, default=False
        Stop when the loss on held-out rows has not improved by ``tol`` for
        ``n_iter_no_change`` epochs, and go back to the best epoch.
    monitor : {"loss", "accuracy", "certified_accuracy"}, default="loss"
        What early stopping watches on the held-out rows.
    epsilon : float or None, default=None
        Radius, in the units of the data, at which ``history_`` records the share of rows that are
        right and certified, as ``certified_accuracy``; needed to monitor it.
    validation_fraction : float or None, default=0.1
        Share of the rows held out for early stopping when ``X_val`` is not given; None to
        watch the training loss.
    n_iter_no_change : int, default=10
        Patience of early stopping, in epochs.
    tol : float, default=1e-4
        Least improvement: of the loss as a fraction of ``scale_``, of an accuracy as it is.
    callbacks : list of keras.callbacks.Callback or None, default=None
        Keras callbacks. A batch, for them, is an epoch, and what they see is in the units of
        the training, that is divided by ``scale_``. Those that set the learning rate need
        ``learning_rate_schedule="constant"``.
    jit_compile : "auto" or bool, default="auto"
        Whether XLA compiles the training step, which takes a few seconds once for each shape of network in a
        process and then about halves the time of a step. ``"auto"``: where it pays within this one training, from
        3,000 steps. True pays in searches, whose fits share the compilation. It changes the last bits of
        the result.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last one.
    random_state : int, RandomState instance or None, default=None
        Of the initial weights, the batches, the dropout and the held-out rows. An int gives
        the same bits on the same machine at the same number of threads.
    verbose : int, default=0
        1 for one live line, with the time left, on standard error; 2 for a table on standard output, a row an epoch.
        Numbers are those of ``history_``.

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
        ``loss``, ``kr``, ``hinge`` and ``accuracy``, one number an epoch, the mean over its
        batches; with held-out rows their ``val_`` twins (nan for epochs of ``partial_fit``,
        which has none). In the units of the data.
    n_iter_ : int
        Epochs of the last ``fit``, plus those of ``partial_fit`` since.
    min_margin_ : float
        Margin, in the units of the data.
    center_ : ndarray of shape (n_features,)
        Mean of the training rows.
    scale_ : float
        Root-mean-square distance of the training rows to ``center_``: the one number by which
        data is divided for training.

    See Also
    --------
    sklip.certified_radius : Radii of whole pipelines, in raw units and other norms.
    sklip.audit : An attack on every certificate.
    sklearn.neural_network.MLPClassifier : Networks without a constraint, or a certificate.
    sklearn.calibration.CalibratedClassifierCV : Turns the scores into probabilities.

    Notes
    -----
    Distances are Euclidean, so features should have comparable units; put a
    ``StandardScaler`` before the classifier where they do not. The method's radii are then
    in the scaled units, those of :func:`sklip.certified_radius` in the raw ones.

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

    _parameter_constraints = {
        **LipschitzClassifier._parameter_constraints,
        "alpha": [validation.Interval(Real, 0, 1e9, closed="both")],
        "min_margin": [validation.Interval(Real, 0, None, closed="neither"), validation.StrOptions({"auto"})],
    }

    def __init__(
        self,
        *,
        hidden_layer_sizes: int | Sequence[int] = (128, 64, 32),
        activation: str = "groupsort2",
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
        jit_compile: bool | Literal["auto"] = "auto",
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            optimizer=optimizer,
            learning_rate=learning_rate,
            learning_rate_schedule=learning_rate_schedule,
            batch_size=batch_size,
            epochs=epochs,
            dropout=dropout,
            class_weight=class_weight,
            early_stopping=early_stopping,
            monitor=monitor,
            epsilon=epsilon,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            callbacks=callbacks,
            jit_compile=jit_compile,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.alpha = alpha
        self.min_margin = min_margin

    predict_proba = AbsentMethod(_NO_PROBABILITIES)
    predict_log_proba = AbsentMethod(_NO_PROBABILITIES)

    def _objective_of_fit(self):
        self.min_margin_ = length("min_margin", self.min_margin, AUTO_MARGIN, self.scale_)
        return HKRObjective(self.min_margin_, float(self.alpha))

    def _given_margin(self):
        return self.min_margin if self.alpha > 0 else None
