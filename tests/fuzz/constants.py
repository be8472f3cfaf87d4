"""The constants that a user would state: those of functions, by the paths of their steps."""

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from tests.fuzz.functions import CONSTANTS, dense


def stated_constants(estimator, path=()):
    """A dict from the paths of steps to their constants."""
    constants = {}
    for name, step in _steps_within(estimator):
        constants |= stated_constants(step, (*path, name) if name else path)
    if type(estimator) is FunctionTransformer and estimator.func is not None:
        constants["__".join(path)] = {**CONSTANTS, dense: 1.0}[estimator.func]
    return constants


def _steps_within(estimator):
    if isinstance(estimator, Pipeline):
        return estimator.steps
    if isinstance(estimator, ColumnTransformer):
        return [(name, step) for name, step, columns in estimator.transformers_ if len(_as_list(columns))]
    if isinstance(estimator, FeatureUnion):
        return estimator.transformer_list
    if isinstance(estimator, VotingClassifier):
        return list(zip([name for name, _ in estimator.estimators], estimator.estimators_, strict=True))
    if hasattr(estimator, "calibrated_classifiers_"):
        return [("", estimator.calibrated_classifiers_[0].estimator)]
    inner = getattr(
        estimator, "best_estimator_", getattr(estimator, "estimator_", getattr(estimator, "estimator", None))
    )
    return [] if inner is None else [("", inner)]


def _as_list(columns):
    return columns if hasattr(columns, "__len__") else [columns]
