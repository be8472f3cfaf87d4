"""WassersteinEstimator: a proven lower bound of the distance between two samples, and its potential."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import ClassifierTags

from sklip.certification import transport_bounds
from sklip.estimators._class_training import ClassTraining
from sklip.estimators._keyword_arguments import refuses_unknown_keywords
from sklip.estimators._objectives import HKRObjective
from sklip.estimators._parameters import store_parameters, with_training_parameters
from sklip.estimators._rows import class_targets
from sklip.estimators._sample_distances import sample_distances
from sklip.estimators._units import AUTO_MARGIN
from sklip.served import Dense

if TYPE_CHECKING:
    import keras


@with_training_parameters
class WassersteinEstimator(ClassTraining):
    """Wasserstein-1 distance between two samples, with a proven lower bound.

    The distance is ``sup E[f | second] − E[f | first]`` over all 1-Lipschitz functions f, by a
    theorem of Kantorovich and Rubinstein [1]_. A 1-Lipschitz network is trained to come close to
    the supremum, as in :class:`HKRClassifier` with ``alpha=0`` [2]_. The value that it attains,
    minus all rounding errors, is certainly not above the distance, even if the training went badly.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Number of units of each hidden layer. Rows with many features need more and wider layers;
        the first should have at least as many units as there are features.
    learning_rate_schedule : {"cosine", "constant"}
        ``"cosine"`` lowers the learning rate to 0 over ``epochs``.
    batch_size : int
        Number of rows per batch: an epoch has ``ceil(n_rows / batch_size)`` batches of equal size,
        and half of the rows of each come from either sample. If necessary, rows are repeated; the
        means give repeated rows a smaller weight.
    random_state : int, RandomState instance or None
        Seed of the initial weights and the batches. An int gives the same bits on the same machine
        with the same number of threads.

    Attributes
    ----------
    distance_ : float
        Proven lower bound of the distance between the two training samples, in the units of the
        data, or in tolerances.
    classes_ : ndarray of shape (2,)
        Names of the two samples, sorted; the potential is higher on the second.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if all of them were text.
    network_ : sklip.served.ServedNetwork
        The served network: potentials and distances use it and nothing else.
    lipschitz_bound_ : float
        Proven upper bound of the network's Lipschitz constant, in the norm and the tolerances of
        ``fit``.
    history_ : dict of str to list of float
        ``kr``: an estimate of ``E[f | second] − E[f | first]``, in the units of the data; one number
        per epoch, the mean over its batches.
    n_iter_ : int
        Number of epochs of ``fit``.
    norm_ : {2, 1, inf}
        Norm for which the network was trained.
    tolerances_ : ndarray of shape (n_features,) or None
        Tolerances for which it was trained; None if each column counts in its own unit.
    feature_weights_ : ndarray of shape (n_features,)
        Of a network trained for ``norm=inf``: how much each column counts. Others have none.
    center_ : ndarray of shape (n_features,)
        Mean of the rows of both samples.
    scale_ : float
        Root-mean-square Euclidean distance of these rows to ``center_``, in tolerances if
        there are any: the single number by which data is divided for training. For ``norm=inf``, it
        is divided by the root of ``n_features_in_``.

    See Also
    --------
    HKRClassifier : Adds a hinge, to classify; its ``kr_distance`` is also a bound.
    scipy.stats.wasserstein_distance : The exact distance in one dimension.

    Notes
    -----
    The bound is about the two samples, that is, the weighted rows, not about the populations from
    which they were drawn. Distances between rows are those of ``norm`` and ``tolerances``:
    without these, Euclidean, so features should have comparable units.

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

    _overflow = "the potential overflows"

    # Equal shares of every batch give the two means similar noise.
    _fixed_parameters = {
        "augmentation": None,
        "class_weight": "balanced",
        "dropout": 0.0,
        "early_stopping": False,
        "epsilon": None,
        "input_shape": None,
        "model": None,
        "warm_start": False,
    }

    def __init__(
        self,
        *,
        hidden_layer_sizes: int | Sequence[int] = (128, 128, 128),
        activation: str = "groupsort2",
        norm: 'Literal[1, 2, "l1", "l2", "inf"] | float' = 2,
        tolerances: ArrayLike | Mapping | None = None,
        monotonic_cst: ArrayLike | Mapping | None = None,
        optimizer: "str | keras.optimizers.Optimizer" = "adam",
        learning_rate: float = 0.005,
        learning_rate_schedule: Literal["cosine", "constant"] = "cosine",
        batch_size: int = 512,
        epochs: int = 300,
        callbacks: "Sequence[keras.callbacks.Callback] | None" = None,
        backend: Literal["auto", "keras", "numpy"] = "auto",
        jit_compile: bool | Literal["auto"] = "auto",
        matmul_precision: Literal["tensorfloat32", "float32"] = "tensorfloat32",
        n_devices: int = 1,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        store_parameters(self, locals())

    @refuses_unknown_keywords
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train the potential and prove a lower bound of the distance.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows of both samples.
        y : array-like of shape (n_rows,)
            Name of the sample of each row, with exactly two names: numbers, text or booleans.
        sample_weight : array-like of shape (n_rows,), default=None
            Masses of the rows; the masses of each sample are divided by their sum. A mass of 0 is
            the same as leaving out the row.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If parameters or data cannot be used, for example if ``y`` does not name two samples; the
            estimator is left as it was.
        RuntimeError
            If training with Keras is impossible: in the forked copy of a process that has trained; within
            ``tf.function``, ``tf.Graph`` or the scope of ``tf.distribute``; if the backend of Keras is neither
            TensorFlow nor JAX.
        ModuleNotFoundError
            If Keras or its backend, TensorFlow or JAX, is not installed, and the parameters need it.

        Warns
        -----
        sklip.exceptions.TrainingInterruptedWarning
            After Ctrl-C, or a KeyboardInterrupt of a callback: the training ends after the current epoch. During the
            first epoch, and after a second Ctrl-C, the KeyboardInterrupt is raised instead.
        """
        with self._training() as given:
            rows = self._fit(given, X, y, sample_weight)
            self.history_ = {"kr": self.history_["kr"]}
            del self._state  # training cannot continue
            X, second, weights = np.asarray(rows.X[:], np.float64), rows.targets.values > 0, rows.targets.weights
            self.network_ = _balanced(self.network_, X, second[:, 0], weights)
            self.distance_ = float(transport_bounds(self.network_, X, second, weights, self._question)[0])
        return self

    def _check_columns(self, columns):
        if columns.fixed.any():
            raise ValueError(
                "The 'tolerances' are 0, or missing, for some columns. Rows that differ in these have no distance. "
                "Give each column a positive tolerance, or leave it out of X."
            )

    def _encode_targets(self, y, weights):
        samples = np.unique(y)
        if len(samples) != 2:
            raise ValueError(
                f"{type(self).__name__} compares two samples, named by y; got {len(samples)} "
                f"class{'es' if len(samples) > 1 else ''}: {samples[:10].tolist()} (rows with sample_weight 0 do "
                "not count). Give rows of exactly two samples, or give several samples the same name."
            )
        self.classes_ = samples
        return class_targets(np.searchsorted(samples, y), weights, 2)

    def _objective_of_fit(self, given):
        return HKRObjective(AUTO_MARGIN[self.norm_] * self.scale_, alpha=0.0)  # without a hinge

    def distance(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Proven lower bound of the Wasserstein-1 distance between two samples.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``; they need not be those of ``fit``.
        y : array-like of shape (n_rows,)
            Name of the sample of each row; both names in ``classes_`` must occur.
        sample_weight : array-like of shape (n_rows,), default=None
            Masses of the rows; the masses of each sample are divided by their sum.

        Returns
        -------
        float
            Lower bound, in the units of the data, rounded down; 0 if nothing is proven.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if ``y`` names other samples, or only one.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Notes
        -----
        See :func:`sklip.certification.transport_bounds`. The potential was trained to separate the
        rows of ``fit``. If there were only few of them, the bound for other rows is loose.
        """
        return float(sample_distances(self, self._inference_rows(X).as_float64(), y, sample_weight)[0])

    def potential(self, X: ArrayLike) -> np.ndarray:
        """Kantorovich potential: a 1-Lipschitz function, higher on the second sample.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            Scores of the network divided by ``lipschitz_bound_``, in the units of the data. The means
            over the two training samples have opposite signs and equal sizes, and differ by about
            ``distance_``.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if they have other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Notes
        -----
        In exact arithmetic, the function is proven to be 1-Lipschitz. The returned values differ from it
        by rounding errors, at most by :func:`sklip.certification.error_bound`, around 1e-12 of the
        distance to the data; ``distance`` accounts for them. The optimal transport moves mass along the
        gradient of the potential, where the potential rises at the maximum rate of 1.
        """
        rows = self._inference_rows(X)
        return self._finite(self.network_.scores(rows), rows)[:, 0] / self.lipschitz_bound_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(multi_class=False)  # y names two classes, but nothing is predicted
        return tags


def _balanced(network, X, second, weights):
    """Subtract a constant from the network, so that the mean scores of the two samples have the sum 0."""
    scores = network.scores(X)[:, 0]
    middle = sum(np.average(scores[sample], weights=weights[sample]) for sample in (second, ~second)) / 2
    return network.with_heads(Dense(network.heads.kernel, network.heads.bias - middle))
