"""Data and classifiers that several modules share; a fit builds its graph anew, so each runs once a session.

Nothing returned here may be changed: take a ``copy.deepcopy`` first.
"""

import os
from functools import cache

import numpy as np
from sklearn.datasets import make_blobs, make_moons

from sklip import HKRClassifier, LipschitzMLP

_SMALL = {
    "hidden_layer_sizes": (8, 4),
    "epochs": 3,
    "batch_size": 32,
    "random_state": 0,
    "alpha": 10.0,
    "learning_rate": 0.01,
}


def classifier(**parameters):
    """A classifier that fits in about a second, whatever the defaults are."""
    return HKRClassifier(**{**_SMALL, **parameters})


def mlp(**parameters):
    """A LipschitzMLP that fits in about a second, whatever the defaults are."""
    return LipschitzMLP(**{**_SMALL, **parameters})


def _frozen(*arrays):
    for array in arrays:
        array.flags.writeable = False
    return arrays


@cache
def moons():
    """Two classes, 0 and 1, of 80 rows in all."""
    return _frozen(*make_moons(80, noise=0.05, random_state=0))


@cache
def blobs():
    """Three classes, 0 to 2, of 90 rows in all, four features."""
    return _frozen(*make_blobs(90, n_features=4, centers=3, random_state=1))


@cache
def fitted(kind="binary"):
    """A fitted classifier and its X and y."""
    X, y = {"binary": moons, "multiclass": blobs}[kind]()
    return classifier().fit(X, y), X, y


@cache
def fitted_mlp(kind="binary"):
    """A fitted LipschitzMLP and its X and y."""
    X, y = {"binary": moons, "multiclass": blobs}[kind]()
    return mlp().fit(X, y), X, y


def bits(array):
    """The bytes of an array of floats, so that comparing them tells −0.0 from 0.0."""
    array = np.asarray(array)
    return array.dtype.str, array.shape, array.tobytes()


def threads_after_fit(model):
    """Fit, and return how many threads TensorFlow may then use for one operation: to run in a worker process."""
    model.fit(*moons())
    import tensorflow as tf

    return tf.config.threading.get_intra_op_parallelism_threads() or int(os.environ.get("TF_NUM_INTRAOP_THREADS", 0))


def hkr_loss(classifier, X, y, sample_weight=None, class_weight=None):
    """Loss, KR, hinge and accuracy of the served network, in NumPy and in the units of the data."""
    scores = classifier.decision_function(X)
    weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    cost = np.array([(class_weight or {}).get(label, 1.0) for label in y])
    if scores.ndim == 1:
        scores, own = scores[:, None], (y == classifier.classes_[1])[:, None]
        share = np.ones((len(X), 1))
        right = (scores > 0) == own
    else:
        own = y[:, None] == classifier.classes_
        share = np.where(own, 0.5, 0.5 / (scores.shape[1] - 1))
        right = scores.argmax(axis=1) == own.argmax(axis=1)
    distances = [
        np.average(f, weights=weight * of) - np.average(f, weights=weight * ~of)
        for f, of in zip(scores.T, own.T, strict=True)
    ]
    short = np.maximum(0.0, classifier.min_margin_ - np.where(own, 1.0, -1.0) * scores)
    kr, hinge = np.mean(distances), np.average((share * short).sum(axis=1) * cost, weights=weight)
    accuracy = np.average(right.ravel(), weights=weight)
    return {"loss": classifier.alpha * hinge - kr, "kr": kr, "hinge": hinge, "accuracy": accuracy}
