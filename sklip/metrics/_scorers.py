"""Scorers of certified accuracy, for the parameter ``scoring`` of scikit-learn."""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from sklip.metrics._scores import certified_accuracy_score, check_distance, check_distances
from sklip.rows.tolerances import norm_of

Norm = Literal[1, 2, "l1", "l2", "inf"] | float


class _CertifiedAccuracy:
    """Scorer for distances; ``question`` holds the arguments of :func:`sklip.certified_radius`, none for the method."""

    def __init__(self, epsilons, question):
        self.epsilons, self.question = epsilons, question

    def __repr__(self):
        epsilon = self.epsilons if len(self.epsilons) > 1 else self.epsilons[0]
        arguments = [repr(epsilon), *(f"{name}={value!r}" for name, value in self.question.items())]
        return f"certified_accuracy({', '.join(arguments)})"

    def __call__(self, estimator, X, y, sample_weight=None):
        """Return the certified accuracy of a fitted estimator."""
        if self.question:
            from sklip.pipelines import certified_radius
            from sklip.pipelines.trace import as_rows, predictions

            X = as_rows(X, estimator)
            radii = certified_radius(estimator, X, **self.question)
            labels = predictions(estimator, X)
        else:
            labels, radii = _labels_and_radii(estimator, X)
        scores = [
            certified_accuracy_score(y, labels, radii, epsilon, sample_weight=sample_weight)
            for epsilon in self.epsilons
        ]
        return float(np.mean(scores))


def certified_accuracy(
    epsilon: float | ArrayLike,
    *,
    norm: Norm | None = None,
    tolerances: ArrayLike | Mapping | None = None,
    step_lipschitz: Mapping[str, float] | None = None,
) -> Callable[..., float]:
    """Make a scorer of certified accuracy, for the parameter ``scoring`` of scikit-learn.

    Parameters
    ----------
    epsilon : float or array-like of shape (n_epsilons,)
        Distance. For several distances, the score is the mean of the certified accuracies; for 0, it is the accuracy.
        The norm, and the tolerances if there are any, are those for which the classifier was trained, and the units
        those in which it gets its rows: at the end of a ``Pipeline``, those of the output of the earlier steps, and in
        a :class:`sklip.CertifiedPipeline`, raw ones. If any of the parameters below is given, the units are the raw
        units of the columns of ``X``, or tolerances.
    norm : {1, 2, inf} or None, default=None
        Norm of displacements of the raw columns, as in :func:`sklip.certified_radius`, with its meaning of None
        if one of the parameters below is given.
    tolerances : array-like of shape (n_columns,), mapping or None, default=None
        Tolerances of the raw columns, as in :func:`sklip.certified_radius`.
    step_lipschitz : mapping of str to float or None, default=None
        Lipschitz constants of steps, as in :func:`sklip.certified_radius`.

    Returns
    -------
    callable
        ``scorer(estimator, X, y, sample_weight=None)``. Without the last three parameters, it takes a sklip classifier,
        a ``Pipeline`` that ends in one, a ``CertifiedPipeline``, or a fitted search of these, and computes predictions
        and radii in one forward pass. With one of them, it takes any estimator that :func:`sklip.certified_radius`
        takes. Scikit-learn's searches pass no sample weights to a scorer of this kind.

    Raises
    ------
    ValueError
        If ``epsilon`` is below 0, or for another norm.
    TypeError
        If ``epsilon`` is not a number. The scorer raises it for an estimator without certificates.

    See Also
    --------
    certified_accuracy_scorers : A scorer for each of several distances.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklip import LipschitzMLP
    >>> from sklip.metrics import certified_accuracy
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> classifier = LipschitzMLP(hidden_layer_sizes=(16,), epochs=20, random_state=0)
    >>> model = make_pipeline(StandardScaler(), classifier)
    >>> cross_val_score(model, X, y, cv=3, scoring=certified_accuracy(0.1)).shape  # in standard deviations
    (3,)
    >>> in_cm = certified_accuracy(0.1, norm=1, tolerances={"petal length (cm)": 1.0, "petal width (cm)": 1.0})
    >>> cross_val_score(model, X, y, cv=3, scoring=in_cm).shape  # petals that are 1 mm longer or wider
    (3,)
    """
    distances = check_distances(epsilon).tolist() if np.ndim(epsilon) else [check_distance(epsilon)]  # type: ignore[arg-type]
    if not distances:
        raise ValueError("epsilon holds no distance. Give one or more.")
    question = {
        "norm": None if norm is None else norm_of(norm),
        "tolerances": tolerances,
        "step_lipschitz": step_lipschitz,
    }
    return _CertifiedAccuracy(distances, {name: value for name, value in question.items() if value is not None})


def certified_accuracy_scorers(
    epsilons: ArrayLike,
    *,
    norm: Norm | None = None,
    tolerances: ArrayLike | Mapping | None = None,
    step_lipschitz: Mapping[str, float] | None = None,
) -> dict[str, Callable[..., float]]:
    """Make a dict of scorers of certified accuracy, one for each distance.

    Parameters
    ----------
    epsilons : array-like of shape (n_epsilons,)
        Distances, each as ``epsilon`` in :func:`certified_accuracy`.
    norm : {1, 2, inf} or None, default=None
        Norm of displacements of the raw columns, as in :func:`certified_accuracy`.
    tolerances : array-like of shape (n_columns,), mapping or None, default=None
        Tolerances of the raw columns, as in :func:`certified_accuracy`.
    step_lipschitz : mapping of str to float or None, default=None
        Lipschitz constants of steps, as in :func:`certified_accuracy`.

    Returns
    -------
    dict of str to callable
        Scorers :func:`certified_accuracy` by name, ``certified_accuracy_<epsilon>``. Pass the dict as ``scoring``,
        alone or together with other scorers, and one of the names as ``refit``.

    Raises
    ------
    ValueError
        If there are no distances, if one is below 0, or for another norm.
    TypeError
        If ``epsilons`` is not a sequence of numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import cross_validate
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklip import HKRClassifier
    >>> from sklip.metrics import certified_accuracy_scorers
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), HKRClassifier(hidden_layer_sizes=(16,), epochs=5, random_state=0))
    >>> scoring = {**certified_accuracy_scorers([0, 0.5]), "auc": "roc_auc"}
    >>> sorted(name for name in cross_validate(model, X, y, cv=3, scoring=scoring) if name.startswith("test"))
    ['test_auc', 'test_certified_accuracy_0', 'test_certified_accuracy_0.5']
    """
    distances = check_distances(epsilons).tolist()
    if not distances:
        raise ValueError("epsilons holds no distance. Give one or more.")
    return {
        f"certified_accuracy_{_shortest(epsilon)}": certified_accuracy(
            epsilon, norm=norm, tolerances=tolerances, step_lipschitz=step_lipschitz
        )
        for epsilon in distances
    }


def _shortest(number):
    """The number in its shortest form, 0.1 or 0 or 1e-05."""
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)


def _labels_and_radii(estimator, X):
    """Labels and radii of a sklip classifier, also inside pipelines and searches, from one forward pass."""
    from sklip.pipelines.unwrap import is_passthrough, refuse_own_ways, unwrapped

    steps, estimator = unwrapped(estimator)
    refuse_own_ways(estimator)
    if not hasattr(estimator, "_labels_and_radii"):
        raise TypeError(
            f"certified_accuracy needs a sklip classifier, or a Pipeline that ends in one; got "
            f"{type(estimator).__name__}. For other estimators that sklip.certified_radius takes, give norm=2; epsilon "
            "is then in the units of the raw columns."
        )
    for _, step in steps:
        X = X if is_passthrough(step) else step.transform(X)
    return estimator._labels_and_radii(X)
