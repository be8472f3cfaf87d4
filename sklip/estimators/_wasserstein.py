"""WassersteinEstimator: a proven lower bound of the distance between two samples, and its potential."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import ClassifierTags

from sklip.certification import transport_bounds
from sklip.estimators._keyword_arguments import refuses_unknown_keywords
from sklip.estimators._objectives import HKRObjective
from sklip.estimators._parameters import store_parameters, with_training_parameters
from sklip.estimators._rows import class_targets
from sklip.estimators._sample_distances import sample_distances
from sklip.estimators._trained_estimator import TrainedEstimator
from sklip.estimators._units import AUTO_MARGIN
from sklip.rows.entries import all_finite
from sklip.served import Dense

if TYPE_CHECKING:
    import keras


@with_training_parameters
class WassersteinEstimator(TrainedEstimator):
    """Wasserstein-1 distance between two samples, bounded from below by a proof.

    The distance is ``sup E[f | second] − E[f | first]`` over all 1-Lipschitz functions f, as
    Kantorovich and Rubinstein found [1]_. A 1-Lipschitz network is trained to come close to
    the supremum, as in :class:`HKRClassifier` with ``alpha=0`` [2]_; what it attains, less all
    rounding, is below the distance for certain, whether or not the training went well.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer. Rows in many dimensions ask for more and wider layers, the
        first as wide as there are features.
    learning_rate_schedule : {"cosine", "constant"}
        ``"cosine"`` brings the learning rate to 0 over ``epochs``.
    batch_size : int
        An epoch is ``ceil(n_rows / batch_size)`` batches of equal size, half of each from
        either sample, if need be by repeating rows, which the means make up for.
    random_state : int, RandomState instance or None
        Seed of the initial weights and the batches. An int gives the same bits on the same machine
        at the same number of threads.

    Attributes
    ----------
    distance_ : float
        Proven lower bound of the distance between the two training samples, in the units of the
        data.
    classes_ : ndarray of shape (2,)
        Names of the two samples, sorted; the potential is higher on the second.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where all were text.
    network_ : sklip.served.ServedNetwork
        The served network: potentials and distances read it and nothing else.
    lipschitz_bound_ : float
        Proven upper bound of the network's Lipschitz constant.
    history_ : dict of str to list of float
        ``kr``: ``E[f | second] − E[f | first]``, one number an epoch, the mean over its batches.
        In the units of the data, an estimate.
    n_iter_ : int
        Epochs of ``fit``.
    center_ : ndarray of shape (n_features,)
        Mean of the rows of both samples.
    scale_ : float
        Root-mean-square distance of these rows to ``center_``: the one number by which data is divided for training.

    See Also
    --------
    HKRClassifier : Adds a hinge, to classify; its ``kr_distance`` is a bound too.
    scipy.stats.wasserstein_distance : The exact distance in one dimension.

    Notes
    -----
    The bound is about the two samples, that is the weighted rows as they are, not about the
    populations that they were drawn from. The distance is Euclidean, so features should have
    comparable units.

    References
    ----------
    .. [1] Villani, "Optimal Transport, Old and New", Springer 2009, remark 6.5.
    .. [2] Serrurier, Mamalet, González-Sanz, Boissin, Loubes and del Barrio, "Achieving
       robustness in classification using optimal transport with hinge regularization",
       CVPR 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import WassersteinEstimator
    >>> first = np.random.default_rng(0).standard_normal((100, 2))
    >>> X, y = np.concatenate([first, first + [3.0, 4.0]]), np.repeat(["here", "there"], 100)
    >>> transport = WassersteinEstimator(hidden_layer_sizes=(16, 8), random_state=0).fit(X, y)
    >>> bool(4.9 < transport.distance_ <= 5.0)  # every point moves by 5
    True
    >>> transport.potential(X).shape
    (200,)
    """

    # Equal shares of every batch make the noise of the two means alike.
    _fixed_parameters = {
        "class_weight": "balanced",
        "dropout": 0.0,
        "early_stopping": False,
        "epsilon": None,
        "warm_start": False,
    }

    def __init__(
        self,
        *,
        hidden_layer_sizes: int | Sequence[int] = (128, 128, 128),
        activation: str = "groupsort2",
        optimizer: "str | keras.optimizers.Optimizer" = "adam",
        learning_rate: float = 0.005,
        learning_rate_schedule: Literal["cosine", "constant"] = "cosine",
        batch_size: int = 512,
        epochs: int = 300,
        callbacks: "Sequence[keras.callbacks.Callback] | None" = None,
        jit_compile: bool | Literal["auto"] = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        store_parameters(self, locals())

    @refuses_unknown_keywords
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train the potential and prove the distance that it attains.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            The rows of both samples.
        y : array-like of shape (n_rows,)
            The sample of each row, of exactly two: numbers, text or booleans.
        sample_weight : array-like of shape (n_rows,), default=None
            Masses of the rows; those of each sample are divided by their sum. 0 is the same as
            leaving the row out.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For parameters or data that cannot be used, as when ``y`` does not name two samples;
            the estimator is left as it was.
        RuntimeError
            Where nothing can train: in the forked copy of a process that has trained, within ``tf.function``,
            ``tf.Graph`` or the scope of ``tf.distribute``, on another backend of Keras than TensorFlow and JAX.
        ModuleNotFoundError
            When Keras or its backend, TensorFlow or JAX, is not installed.

        Warns
        -----
        sklip.exceptions.TrainingInterruptedWarning
            After Ctrl-C, or a KeyboardInterrupt of a callback: the training ends with the epoch that runs. Within
            the first epoch, and at a second Ctrl-C, the KeyboardInterrupt is raised.
        """
        with self._training() as given:
            rows = self._fit(given, X, y, sample_weight)
            self.history_ = {"kr": self.history_["kr"]}
            del self._state  # no training goes on from here
            X, second, weights = np.asarray(rows.X[:], np.float64), rows.targets.values > 0, rows.targets.weights
            self.network_ = _balanced(self.network_, X, second[:, 0], weights)
            self.distance_ = float(transport_bounds(self.network_, X, second, weights)[0])
        return self

    def _encode_targets(self, y, weights):
        samples = np.unique(y)
        if len(samples) != 2:
            raise ValueError(
                f"{type(self).__name__} compares two samples, named by y; got {len(samples)} "
                f"class{'es' if len(samples) > 1 else ''}: {samples[:10].tolist()} (rows with sample_weight 0 do "
                "not count). Give the rows of two, or one name to all but one of them."
            )
        self.classes_ = samples
        return class_targets(np.searchsorted(samples, y), weights, 2)

    def _objective_of_fit(self, given):
        return HKRObjective(AUTO_MARGIN * self.scale_, alpha=0.0)  # without a hinge

    def distance(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Proven lower bound of the Wasserstein-1 distance between two samples.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in the units of ``fit``; any, not only those of ``fit``.
        y : array-like of shape (n_rows,)
            The sample of each row: both of ``classes_``.
        sample_weight : array-like of shape (n_rows,), default=None
            Masses of the rows; those of each sample are divided by their sum.

        Returns
        -------
        float
            In the units of the data, rounded down; 0 where nothing is proven.

        Raises
        ------
        ValueError
            For rows that ``fit`` would not take, and for ``y`` of other samples or of one alone.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Notes
        -----
        See :func:`sklip.certification.transport_bounds`. The potential was trained to tell the
        rows of ``fit`` apart; the fewer they were, the looser is the bound for others.
        """
        return float(sample_distances(self, self._inference_rows(X).as_float64(), y, sample_weight)[0])

    def potential(self, X: ArrayLike) -> np.ndarray:
        """Kantorovich potential: a 1-Lipschitz function, higher on the second sample.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            The network's score divided by ``lipschitz_bound_``, in the units of the data. Its
            means over the two training samples are opposite, and about ``distance_`` apart.

        Raises
        ------
        ValueError
            For rows that ``fit`` would not take, or of other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Notes
        -----
        The function in exact arithmetic is proven to be 1-Lipschitz. The values returned differ
        from it by rounding, at most by :func:`sklip.certification.error_bound`, around 1e-12 of the
        distance to the data; ``distance`` accounts for it. Mass is moved where the potential rises
        as fast as it may: along its gradient.
        """
        rows = self._inference_rows(X)
        scores = self.network_.scores(rows)[:, 0]
        if not all_finite(scores):
            raise ValueError("X holds values so large that the potential overflows. Scale the features.")
        return scores / self.lipschitz_bound_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(multi_class=False)  # y names two classes, though nothing is predicted
        return tags


def _balanced(network, X, second, weights):
    """The network less a constant, so that the means of its scores over the two samples are opposite."""
    scores = network.scores(X)[:, 0]
    middle = sum(np.average(scores[sample], weights=weights[sample]) for sample in (second, ~second)) / 2
    return network.with_heads(Dense(network.heads.kernel, network.heads.bias - middle))
