"""Estimators that somebody changed after ``fit``: in their files, by their attributes, in what is kept of a proof."""

import pickle

import numpy as np

from sklip.certification import certificate
from sklip.served import Dense
from tests.fuzz import impostors
from tests.fuzz.draws import pick
from tests.fuzz.files import classifiers_within


def tampered(rng, estimator):
    """The estimator after a change that is refused or certified as what it is, and the name of the change."""
    name = pick(rng, *_CHANGES)
    changed = pickle.loads(pickle.dumps(estimator))
    try:
        changed = _CHANGES[name](rng, changed) or changed
        return (changed if name in _IN_PLACE else pickle.loads(pickle.dumps(changed))), name
    except (ValueError, TypeError, AttributeError):  # refused at once
        return estimator, f"{name} refused"


def _state(rng, estimator):
    return vars(pick(rng, *classifiers_within(estimator)))


def _two_scores(rng, estimator):
    state = _state(rng, estimator)
    network = state["network_"]
    heads, last = network.heads.arrays
    if heads.shape[1] == 1:
        two = np.hstack([heads, -3 * heads + rng.standard_normal(heads.shape)])
        state["network_"] = network.with_heads(Dense(two, np.concatenate([last, -2 * last + 0.1])))


def _odd_classes(rng, estimator):
    state = _state(rng, estimator)
    n_classes = len(state["classes_"])
    state["classes_"] = pick(
        rng,
        np.arange(n_classes, dtype=float)[::-1].copy(),
        np.zeros(n_classes),
        np.array([np.nan, *range(n_classes - 1)]),
        np.array([0.0, -0.0, *range(n_classes - 2)]),
    )


def _method(name, function):
    def change(rng, estimator):
        _state(rng, estimator)[name] = function

    return change


def _method_of_a_step(rng, estimator):
    steps = [step for _, step in getattr(estimator, "steps", [])[:-1] if hasattr(step, "__dict__")]
    if steps:
        vars(pick(rng, *steps))["transform"] = impostors.transform_on_a_grid


def _method_of_all(rng, estimator):
    vars(estimator)["predict"] = impostors.predict_by_rank


def _subclass(rng, estimator):
    kind = type(estimator)
    if kind in impostors.SUBCLASSES:
        estimator.__class__ = impostors.SUBCLASSES[kind]


def _subclass_within(rng, estimator):
    classifier = pick(rng, *classifiers_within(estimator))
    classifier.__class__ = impostors.SUBCLASSES[type(classifier)]


def _network_subclass(rng, estimator):
    state = _state(rng, estimator)
    state["network_"] = impostors.ForgedNetwork(state["network_"].operations)


def _kept_proof(rng, estimator):
    for classifier in classifiers_within(estimator):
        certificate(classifier.network_).pair_lipschitz[:] /= 4


def _network_method(rng, estimator):
    vars(_state(rng, estimator)["network_"])["centered_scores"] = impostors.scores_on_a_grid


_CHANGES = {
    "two scores": _two_scores,
    "odd classes": _odd_classes,
    "_labels": _method("_labels", impostors.labels_by_size),
    "predict": _method("predict", impostors.predict_by_rank),
    "decision_function": _method("decision_function", impostors.scores_on_a_grid),
    "predict of all": _method_of_all,
    "transform": _method_of_a_step,
    "centered_scores": _network_method,
    "subclass": _subclass,
    "subclass within": _subclass_within,
    "network subclass": _network_subclass,
    "kept proof": _kept_proof,
}
_IN_PLACE = ("kept proof",)
