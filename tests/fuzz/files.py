"""Estimators that were stored and loaded again, in every way that keeps them."""

import os
import pickle
from pathlib import Path

import joblib
import numpy as np

import sklip
from sklip.estimators._inference import CertifiedClassifier
from sklip.network import CondensedNetwork
from tests.fuzz.draws import pick


def sent_through(rng, estimator, folder):
    """The estimator after a file of some kind, and the kind."""
    kind = pick(rng, *["none"] * 8, "pickle", "joblib", "mapped r", "mapped c", "skops", "rewritten", "rewritten")
    return _WAYS[kind](estimator, folder), kind


def _pickled(estimator, folder):
    return pickle.loads(pickle.dumps(estimator))


def _through_joblib(estimator, folder, **how):
    file = Path(folder) / f"{len(os.listdir(folder))}.joblib"
    joblib.dump(estimator, file)
    return joblib.load(file, **how)


def _through_skops(estimator, folder):
    skops_io = __import__("skops.io").io
    file = skops_io.dumps(estimator)
    return skops_io.loads(file, trusted=skops_io.get_untrusted_types(data=file))


def _rewritten(estimator, folder):
    """A mapped file that a retraining writes anew, with larger weights, after somebody asked for certificates."""
    file, other = Path(folder) / "served.joblib", Path(folder) / "retrained.joblib"
    joblib.dump(estimator, file)
    served = joblib.load(file, mmap_mode="r")
    for classifier in classifiers_within(served):
        sklip.certification.certificate(classifier.network_)
    retrained = pickle.loads(pickle.dumps(estimator))
    for classifier in classifiers_within(retrained):
        network = classifier.network_
        kernels = (*network.kernels[:-1], network.kernels[-1] * 8.0)
        if np.isfinite(kernels[-1]).all():
            vars(classifier)["network_"] = CondensedNetwork(
                network.center, kernels, network.biases, network.activations
            )
    joblib.dump(retrained, other)
    new = other.read_bytes()
    if len(new) == file.stat().st_size:
        with open(file, "r+b") as stream:
            stream.write(new)
    return served


def classifiers_within(estimator):
    """The classifiers of sklip's within an estimator."""
    if isinstance(estimator, CertifiedClassifier):
        return [estimator]
    if hasattr(estimator, "estimators_"):
        inner = estimator.estimators_
    elif hasattr(estimator, "steps"):
        inner = [estimator.steps[-1][1]]
    elif hasattr(estimator, "calibrated_classifiers_"):
        inner = [estimator.calibrated_classifiers_[0].estimator]
    else:
        inner = [getattr(estimator, "best_estimator_", getattr(estimator, "estimator", None))]
    return [classifier for each in inner for classifier in classifiers_within(each)]


_WAYS = {
    "none": lambda estimator, folder: estimator,
    "pickle": _pickled,
    "joblib": _through_joblib,
    "mapped r": lambda estimator, folder: _through_joblib(estimator, folder, mmap_mode="r"),
    "mapped c": lambda estimator, folder: _through_joblib(estimator, folder, mmap_mode="c"),
    "skops": _through_skops,
    "rewritten": _rewritten,
}
