"""Which steps of a pipeline act when it predicts."""

import sys

from sklearn.pipeline import Pipeline

from sklip._overrides import override
from sklip.exceptions import NotLipschitzError


def predicting_steps(estimator) -> list[tuple] | None:
    """Names and steps that act when a pipeline predicts; None for what is not a pipeline, or walks in its own way.

    imbalanced-learn's pipelines have samplers, which act in ``fit`` alone.
    """
    if not isinstance(estimator, Pipeline):
        return None
    imblearn = sys.modules.get("imblearn.pipeline")  # where it was not imported, nothing is of its kind
    if imblearn is not None and isinstance(estimator, imblearn.Pipeline):
        steps = [(name, step) for name, step in estimator.steps if not hasattr(step, "fit_resample")]
        return steps if override(estimator, imblearn.Pipeline) is None else None
    return list(estimator.steps) if override(estimator, Pipeline) is None else None


def transformed(pipeline: Pipeline, X):
    """The estimator at the end of a fitted pipeline, and the rows as it gets them.

    Raises
    ------
    NotLipschitzError
        For a subclass that walks in its own way.
    """
    steps = predicting_steps(pipeline)
    if steps is None:
        raise NotLipschitzError(f"{type(pipeline).__name__} predicts in its own way, and has no certificate.")
    for _, step in steps[:-1]:
        X = X if step is None or (isinstance(step, str) and step == "passthrough") else step.transform(X)
    return steps[-1][1], X
