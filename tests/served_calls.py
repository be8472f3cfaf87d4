"""All that serves, as calls that return numbers, and rows to ask about."""

import numpy as np

import sklip
from sklip.metrics import (
    average_certified_radius,
    certified_accuracy,
    certified_accuracy_curve,
    certified_accuracy_score,
)

# Numbers that every float and integer type holds.
X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, -1.0], [-1.0, 0.0]])
QUARTERS = X / 2 + 0.25
Y = np.array([0, 1, 1, 0, 1, 0])


def audited(model, X, y=None):
    """A short audit."""
    return sklip.audit(model, X, y, restarts=1, n_steps=1, random_state=0, verbose=False)


def _bracket(result):
    return result.radius, result.attack


METHODS = {
    name: lambda model, X, name=name: getattr(model, name)(X)
    for name in ("predict", "decision_function", "predict_proba", "predict_log_proba", "certified_radius", "gradient")
}
METHODS["closest_adversarial"] = lambda model, X: np.column_stack(model.closest_adversarial(X))

FUNCTIONS = {
    "certified_radius": lambda model, X: np.asarray(sklip.certified_radius(model, X)),
    "certified_radius, other norm": lambda model, X: np.asarray(
        sklip.certified_radius(model, X, norm=np.inf, tolerances=[0.5, 1.0])
    ),
    "audit": lambda model, X: np.column_stack(_bracket(audited(model, X))),
}

WITH_LABELS = {
    "audit": lambda model, X, y: audited(model, X, y).correct,
    "score": lambda model, X, y: model.score(X, y),
    "loss_terms": lambda model, X, y: np.concatenate([np.ravel(term) for term in model.loss_terms(X, y).values()]),
    "kr_distance": lambda model, X, y: model.kr_distance(X, y),
    "scorer": lambda model, X, y: certified_accuracy(0.05)(model, X, y),
    "scorer, raw units": lambda model, X, y: certified_accuracy(0.05, norm=1)(model, X, y),
    "certified_accuracy_score": lambda model, X, y: certified_accuracy_score(
        y, model.predict(X), model.certified_radius(X), 0.05
    ),
    "certified_accuracy_curve": lambda model, X, y: np.column_stack(
        certified_accuracy_curve(y, model.predict(X), model.certified_radius(X))
    ),
    "average_certified_radius": lambda model, X, y: average_certified_radius(
        y, model.predict(X), model.certified_radius(X)
    ),
}
