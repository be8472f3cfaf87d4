"""From an estimator to the one at its end: through pipelines, searches and FrozenEstimator."""

import sys
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklip._compat import base_search_cv
from sklip._overrides import override, refuse_overrides
from sklip.estimators._certified_classifier import CertifiedClassifier
from sklip.estimators._certified_regressor import CertifiedRegressor
from sklip.pipelines._certified_pipeline import CertifiedPipeline
from sklip.pipelines._refusals import refuse


def unwrapped(estimator: BaseEstimator, *, strict: bool = True) -> tuple[list[tuple[str, Any]], Any]:
    """Return the steps in front of the estimator at the end, and that estimator.

    Parameters
    ----------
    estimator : estimator
        Pipelines, searches and FrozenEstimator around another one, or that one itself.
    strict : bool, default=True
        Whether to stop at a subclass that predicts in its own way, and at a CertifiedPipeline, which has a question of
        its own, and to raise as below.

    Returns
    -------
    steps : list of (str, transformer)
        Transformers that act when the estimator predicts, in their order, by their names.
    estimator : estimator
        The first one that is none of these kinds.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        Before ``fit``.
    NotLipschitzError
        For a search that keeps no best estimator, and for an attribute that hides a method of a FrozenEstimator.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklip import HKRClassifier
    >>> from sklip.pipelines.unwrap import unwrapped
    >>> unwrapped(make_pipeline(StandardScaler(), HKRClassifier()), strict=False)
    ([('standardscaler', StandardScaler())], HKRClassifier())
    """
    before: list[tuple[str, Any]] = []
    while True:
        steps = predicting_steps(estimator, strict=strict)
        if steps is not None:
            if strict:
                check_is_fitted(estimator)
            before += steps[:-1]
            estimator = steps[-1][1]
        elif isinstance(estimator, base_search_cv()) and (not strict or override(estimator, base_search_cv()) is None):
            if not hasattr(estimator, "best_estimator_"):
                if not strict:
                    return before, estimator
                check_is_fitted(estimator)
                refuse(estimator, "was fitted with refit=False and has no best estimator. Set refit=True")
            estimator = estimator.best_estimator_
        elif type(estimator) is FrozenEstimator:
            if strict:
                refuse_overrides(estimator)
            estimator = estimator.estimator
        elif not strict and isinstance(estimator, CertifiedPipeline):
            estimator = getattr(estimator, "estimator_", estimator.estimator)
        else:
            return before, estimator


def predicting_steps(estimator, *, strict: bool = True) -> list[tuple[str, Any]] | None:
    """Names and steps that act when a pipeline predicts; None for all else, and for one that predicts in its own way.

    imbalanced-learn's pipelines have samplers, which act in ``fit`` alone.
    """
    if not isinstance(estimator, Pipeline):
        return None
    # Where imbalanced-learn was not imported, nothing is of its kind.
    of_imblearn: Any = getattr(sys.modules.get("imblearn.pipeline"), "Pipeline", ())
    samples = isinstance(estimator, of_imblearn)
    if strict and override(estimator, of_imblearn if samples else Pipeline) is not None:
        return None
    return [(name, step) for name, step in estimator.steps if not (samples and hasattr(step, "fit_resample"))]


def refuse_own_ways(estimator) -> None:
    """Raise for an estimator of sklip, a pipeline or a search that predicts in another way than its class does."""
    for known in (CertifiedClassifier, CertifiedRegressor, CertifiedPipeline, Pipeline, base_search_cv()):
        if isinstance(estimator, known):
            refuse_overrides(estimator, known)


def is_passthrough(step) -> bool:
    """Whether rows stay as they are at a place of a pipeline."""
    return step is None or (isinstance(step, str) and step == "passthrough")
