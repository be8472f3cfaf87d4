"""LipschitzMLP: cross-entropy, probabilities and the same proof."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, log_expit, log_softmax, softmax

from sklip.estimators import _validation as validation
from sklip.estimators._base import LipschitzClassifier
from sklip.estimators._objectives import CrossEntropyObjective, HingeObjective, HKRObjective, KerasObjective
from sklip.estimators._parameter_checks import check_loss
from sklip.estimators._units import AUTO_MARGIN, AUTO_OFFSET, AUTO_TEMPERATURE, inverse_length, length

if TYPE_CHECKING:
    import keras


class LipschitzMLP(LipschitzClassifier):
    """Multi-layer perceptron of Lipschitz constant 1: probabilities, and a certificate with each.

    It minimises the cross-entropy of the sigmoid (of two classes) or softmax (of more) of
    ``temperature · f`` over 1-Lipschitz networks f, the score of the true class being lowered by
    ``margin_offset`` first [1]_ [2]_; or another loss. As no score changes faster than the input,
    the gap between the best two proves a distance inside which the prediction stays:
    :meth:`certified_radius` gives it for each row, rounding included.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(128, 64, 32)
        Units of each hidden layer.
    activation : str, default="groupsort2"
        ``"groupsort2"``, ``"groupsort<n>"``, ``"fullsort"``, ``"maxmin"``, ``"relu"`` or ``"abs"``.
        All are 1-Lipschitz; the sorting ones keep gradients of norm 1.
    loss : {"cross_entropy", "hinge", "hkr"} or keras.losses.Loss, default="cross_entropy"
        ``"hinge"`` and ``"hkr"`` are those of :class:`HKRClassifier`. A Keras loss, or a function of
        (y_true, y_pred), is given 0/1 targets (one-hot for three classes or more) and the logits
        ``temperature · f``: construct it with ``from_logits=True``. It must give one value a row, of which
        the weighted mean is taken; ``tol`` and ``history_`` take it as it is. A pickle that holds one
        needs Keras to load, and a class of your own must be registered with Keras
        (``keras.saving.register_keras_serializable``) to be cloned or pickled.
    temperature : float or "auto", default="auto"
        Factor of the scores in every probability, in the inverse units of the data: the
        larger, the more accurate; the smaller, the larger the radii. ``"auto"`` is
        ``20 / scale_``.
    margin_offset : float or "auto", default="auto"
        By how much cross-entropy lowers the score of the true class, in the units of the data:
        larger offsets make larger radii. ``"auto"`` is a twentieth of ``scale_``.
    alpha : float, default=100.0
        Weight of the hinge in ``"hkr"``.
    min_margin : float or "auto", default="auto"
        Margin of the hinge in ``"hinge"`` and ``"hkr"``, in the units of the data; ``"auto"`` is a
        tenth of ``scale_``.
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
    epochs : int, default=30
        Passes over the data.
    dropout : float in [0, 1), default=0.0
        Share of hidden units left out at random while training. The certificate is about the
        network that serves, which has all of them.
    class_weight : None, "balanced" or dict, default=None
        Factors of the cost of the rows of each class by its label; 1 for those not named. With
        ``loss="hkr"`` that of the hinge: the KR term compares two means and has no class mass to
        weigh. ``"balanced"`` gives each class the same share of every batch.
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
        **LipschitzClassifier._parameter_constraints,
        "loss": [validation.StrOptions({"cross_entropy", "hinge", "hkr"}), callable],
        "temperature": [validation.Interval(Real, 0, None, closed="neither"), validation.StrOptions({"auto"})],
        "margin_offset": [validation.Interval(Real, 0, None, closed="left"), validation.StrOptions({"auto"})],
        "alpha": [validation.Interval(Real, 0, 1e9, closed="both")],
        "min_margin": [validation.Interval(Real, 0, None, closed="neither"), validation.StrOptions({"auto"})],
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
        self.loss = loss
        self.temperature = temperature
        self.margin_offset = margin_offset
        self.alpha = alpha
        self.min_margin = min_margin

    def _check_parameters(self):
        given = super()._check_parameters()
        check_loss(self.loss)
        return given

    def _objective_of_fit(self):
        self.temperature_ = inverse_length("temperature", self.temperature, AUTO_TEMPERATURE, self.scale_)
        self.margin_offset_ = length("margin_offset", self.margin_offset, AUTO_OFFSET, self.scale_)
        self.min_margin_ = length("min_margin", self.min_margin, AUTO_MARGIN, self.scale_)
        if self.loss == "cross_entropy":
            return CrossEntropyObjective(self.temperature_, self.margin_offset_)
        if self.loss == "hinge":
            return HingeObjective(self.min_margin_)
        if self.loss == "hkr":
            return HKRObjective(self.min_margin_, float(self.alpha))
        return KerasObjective(self.loss, self.temperature_)

    def _given_margin(self):
        return self.min_margin if self.loss in ("hinge", "hkr") else None

    def _given_temperature(self):
        return None if self.loss in ("hinge", "hkr") else self.temperature

    def _of_logits(self, X, of_one, of_many):
        """A function of ``temperature_`` times the scores, of shape (n_rows, n_classes)."""

        def answer(scores):
            with np.errstate(over="ignore", under="ignore"):
                logits = np.clip(self.temperature_ * scores, -1e300, 1e300)  # differences must not overflow
                if logits.ndim > 1:
                    return of_many(logits, axis=1)
                return np.column_stack([of_one(-logits), of_one(logits)])

        return self._of_scores(self._inference_rows(X), answer, n_columns=len(self.classes_))

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Probabilities of the classes: sigmoid or softmax of ``temperature_`` times the scores.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            In the order of ``classes_``.

        Raises
        ------
        ValueError
            For rows that ``fit`` would not take, or of other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        return self._of_logits(X, expit, softmax)

    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Logarithms of the probabilities, computed from the scores: finite where those saturate.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            In the order of ``classes_``.

        Raises
        ------
        ValueError
            For rows that ``fit`` would not take, or of other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        return self._of_logits(X, log_expit, log_softmax)
