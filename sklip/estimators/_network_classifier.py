"""NetworkClassifier: predictions and certificates of sklip for a network that was trained elsewhere."""

from numbers import Real
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.metaestimators import available_if

from sklip._heads import Heads
from sklip.estimators import _validation as validation
from sklip.estimators._absent_methods import AbsentMethod
from sklip.estimators._keyword_arguments import refuses_unknown_keywords
from sklip.estimators._probabilistic_classifier import ProbabilisticClassifier
from sklip.rows.containers import as_column_container, as_rows_container
from sklip.rows.images import check_image_shape, image_shape
from sklip.served import Dense, ServedNetwork


def _has_temperature(classifier):
    if classifier.temperature is None:
        raise AttributeError("NetworkClassifier has no probabilities without a temperature: set temperature.")
    return True


class NetworkClassifier(ProbabilisticClassifier):
    """Classifier that serves a given network without training.

    :func:`sklip.from_keras` returns a fitted one. Predictions, gradients and certificates are computed from the
    weights as in the other classifiers. Kernels need not be orthonormal: the certificate divides by the Lipschitz
    constant that is proven for them.

    Parameters
    ----------
    network : sklip.served.ServedNetwork
        Network with one score for two classes, or one score per class. If it has two scores, their difference is
        served.
    classes : array-like of shape (n_classes,) or None, default=None
        Labels in the order of the scores; a single score is positive for the second label. None
        means 0, 1, and so on.
    temperature : float or None, default=None
        Factor of the scores in probabilities, in the inverse units of the data. None for a classifier without
        ``predict_proba`` and ``predict_proba_band``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels; with two classes, ``classes_[1]`` is the positive one.
    n_features_in_ : int
        Number of columns that the network takes.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns in ``fit``, if all of them were text.
    network_ : sklip.served.ServedNetwork
        The served network, its scores in the order of ``classes_``.
    lipschitz_bound_ : float
        Proven upper bound of the Lipschitz constant of every single score.
    temperature_ : float or None
        Factor of the scores in probabilities.

    See Also
    --------
    sklip.from_keras : Makes such a classifier from a Keras model.
    HKRClassifier, LipschitzMLP : Train a network.

    Notes
    -----
    ``fit`` checks rows and labels and changes no weight, so the classifier may be the last step of a ``Pipeline``
    whose other steps need fitting.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import NetworkClassifier
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[2.0], [0.0]]), np.array([-2.0]))))
    >>> X, y = [[0.0, 0.0], [4.0, 0.0]], ["left", "right"]
    >>> classifier = NetworkClassifier(network=network, classes=["left", "right"]).fit(X, y)
    >>> classifier.decision_function(X), classifier.certified_radius(X).round(6)
    (array([-2.,  6.]), array([1., 3.]))
    """

    _parameter_constraints = {
        "network": [ServedNetwork],
        "classes": ["array-like", None],
        "temperature": [validation.Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(self, *, network: ServedNetwork, classes: ArrayLike | None = None, temperature: float | None = None):
        self.network = network
        self.classes = classes
        self.temperature = temperature

    @refuses_unknown_keywords
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Check that rows and labels fit the network; do not change its weights.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of the network.
        y : array-like of shape (n_rows,)
            Labels of the rows, all of them among ``classes``.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows; they are checked, but have no effect.

        Returns
        -------
        self
            The fitted classifier.

        Raises
        ------
        ValueError, TypeError
            If parameters, rows or labels do not fit; the classifier is left as it was.
        """
        with validation.unchanged_on_error(self):
            self.serve()
            X = as_rows_container(X)
            check_image_shape(image_shape(X), self.network.input_shape, "the network")
            rows, width = validation.check_features(self, X, reset=True, training=False), self.network_.n_features
            if rows.shape[1] != width:
                raise ValueError(
                    f"X has {rows.shape[1]} features, but the network takes {width}. Give the columns on which it was "
                    "trained."
                )
            validation.encode_labels(validation.check_labels(y, len(rows)), self.classes_)
            validation.check_weights(sample_weight, rows)
        return self

    def serve(self) -> Self:
        """Fit without rows.

        Returns
        -------
        self
            The fitted classifier.

        Raises
        ------
        ValueError, TypeError
            If the parameters do not fit together.
        """
        given = validation.check_parameters(self)
        kernel, bias = self.network.heads.arrays
        n_scores = self.network.n_scores
        n_classes = Heads.of_scores(n_scores).n_classes
        classes = np.arange(n_classes) if self.classes is None else as_column_container(self.classes, "classes")
        if classes.ndim != 1 or len(classes) != n_classes or len(set(classes.tolist())) != n_classes:
            raise ValueError(
                f"The 'classes' parameter must hold {n_classes} different labels, in the order of the scores of the "
                f"network, which has {n_scores}; got {self.classes!r}."
            )
        classes = validation.check_labels(classes, n_classes, "classes")
        order = np.argsort(classes)
        if n_classes == 2:
            sign = 1.0 if order[0] == 0 else -1.0
            if n_scores == 2:
                kernel, bias = kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]
            kernel, bias = sign * kernel, sign * bias
        else:
            kernel, bias = kernel[:, order], bias[order]
        self.network_ = self.network.with_heads(Dense(kernel, bias))
        self.classes_, self.temperature_ = classes[order], given.temperature
        self.n_features_in_ = self.network_.n_features
        return self

    predict_proba = available_if(_has_temperature)(ProbabilisticClassifier.predict_proba)
    predict_log_proba = available_if(_has_temperature)(ProbabilisticClassifier.predict_log_proba)
    predict_proba_band = available_if(_has_temperature)(ProbabilisticClassifier.predict_proba_band)
    loss_terms = AbsentMethod("its network was trained elsewhere, and the loss is not known.")
