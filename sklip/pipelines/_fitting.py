"""A pipeline is fitted step by step up to its classifier, which gets its question before it is trained."""

from typing import Any

from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object

from sklip.estimators._lipschitz_classifier import LipschitzClassifier
from sklip.pipelines.unwrap import is_passthrough, predicting_steps

_NEEDED = "CertifiedPipeline needs a Pipeline that ends in HKRClassifier or LipschitzMLP, or one of these alone"
# What the classifier gets from the pipeline, and the values that leave it to the pipeline.
_OF_THE_WHOLE: dict[str, tuple] = {"norm": (2, "l2"), "tolerances": (), "monotonic_cst": ()}


def classifier_of(estimator: Any) -> LipschitzClassifier:
    """Return the classifier at the end of an unfitted pipeline, or of pipelines in it.

    Raises
    ------
    TypeError
        For a class instead of an object, and for everything that does not end in a classifier that trains.
    ValueError
        For a pipeline that resamples rows.
    """
    inner = estimator
    while isinstance(inner, Pipeline):
        steps = predicting_steps(inner)
        if steps is None:
            raise TypeError(f"{_NEEDED}; {type(inner).__name__} predicts in its own way. Give a Pipeline.")
        if len(steps) != len(inner.steps):
            raise ValueError(
                "CertifiedPipeline fits transformers, and a step of the pipeline resamples rows. Resample the rows "
                "first, or set class_weight='balanced' in the classifier."
            )
        inner = steps[-1][1]
    if isinstance(inner, type):
        raise TypeError(f"{_NEEDED}; got the class {inner.__name__}. Give an object: {inner.__name__}(...).")
    if isinstance(inner, LipschitzClassifier):
        return inner
    advice = ""
    if any(isinstance(value, BaseEstimator) for value in _parameters(inner)):
        advice = f" Put {type(inner).__name__} around it: {type(inner).__name__}(CertifiedPipeline(...))."
    raise TypeError(f"{_NEEDED}; got {inner!r}.{advice}")


def refuse_own_question(classifier: LipschitzClassifier) -> None:
    """Raise a ValueError for a classifier that states a question itself: its columns are not the raw ones."""
    given = classifier.get_params(deep=False)
    for name, defaults in _OF_THE_WHOLE.items():
        value = given.get(name)
        if value is not None and not (isinstance(value, int | float | str) and value in defaults):
            raise ValueError(
                f"The {type(classifier).__name__} in the pipeline has the parameter {name!r}, which would be about the "
                f"columns that the steps make. Give {name} to CertifiedPipeline, for the raw columns, and leave the "
                "default in the classifier."
            )


def fit_steps(estimator: Any, X: Any, y: Any, sample_weight: Any, parameters: dict[str, Any]) -> Any:
    """Fit the transformers of a pipeline in place, one after another, and return the rows that its classifier gets.

    Parameters
    ----------
    estimator : Pipeline or classifier
    X : array, DataFrame or sparse matrix of shape (n_rows, n_columns)
    y : ndarray of shape (n_rows,)
    sample_weight : array-like of shape (n_rows,) or None
        For the steps that request it, if metadata routing is enabled.
    parameters : dict of str to object
        Parameters of the ``fit`` of steps, as ``step__parameter``.

    Raises
    ------
    TypeError
        For parameters of no transformer.
    """
    if not isinstance(estimator, Pipeline):
        return X
    name, last = estimator.steps[-1]
    of_last = {key: value for key, value in parameters.items() if key.startswith(f"{name}__")}
    parameters = {key: value for key, value in parameters.items() if key not in of_last}
    # With a last step that does nothing, a memory keeps all steps before it.
    front = estimator[:]
    front.steps = [*estimator.steps[:-1], (name, "passthrough")]
    _refuse_unknown(parameters, front)
    if of_last and not isinstance(last, Pipeline):
        given = sorted(key.removeprefix(f"{name}__") for key in of_last)
        raise TypeError(f"Give {', '.join(given)} to fit under this name: CertifiedPipeline passes it to {name!r}.")
    if len(front.steps) > 1:
        routed = get_config().get("enable_metadata_routing") and sample_weight is not None
        if routed and get_routing_for_object(front).consumes("fit_transform", ["sample_weight"]):
            parameters["sample_weight"] = sample_weight
        X = front.fit_transform(X, y, **parameters)
        estimator.steps = [*front.steps[:-1], (name, last)]  # the memory of a pipeline has made others of them
    inner = {key.removeprefix(f"{name}__"): value for key, value in of_last.items()}
    return fit_steps(last, X, y, sample_weight, inner)


def transform(estimator: Any, X: Any) -> Any:
    """Return rows as the classifier at the end of a fitted pipeline gets them."""
    while isinstance(estimator, Pipeline):
        if len(estimator.steps) > 1:
            X = estimator[:-1].transform(X)
        estimator = estimator.steps[-1][1]
    return X


def _refuse_unknown(parameters, front):
    """Raise a TypeError for parameters that name no transformer."""
    known = [name for name, step in front.steps if not is_passthrough(step)]
    for parameter in parameters:
        name, found, _ = parameter.partition("__")
        if name not in known or not found:
            advice = f" Parameters of steps are named 'step__parameter', for the steps {known}." if known else ""
            raise TypeError(f"CertifiedPipeline.fit has no argument {parameter!r}.{advice}")


def _parameters(estimator):
    """The values of the parameters of an estimator."""
    return estimator.get_params(deep=False).values() if isinstance(estimator, BaseEstimator) else ()
