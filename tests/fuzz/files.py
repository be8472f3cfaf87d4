"""Estimators that were stored and loaded again, in every way that keeps them."""

import os
import pickle
from pathlib import Path

import joblib
import numpy as np

from sklip.certification import certificate
from sklip.estimators._certified_classifier import CertifiedClassifier
from tests.fuzz.draws import pick
from tests.helpers import kernels_of


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
    """A mapped file that is written anew, with larger weights of the heads, after somebody asked for certificates."""
    file = Path(folder) / "served.joblib"
    joblib.dump(estimator, file)
    served = joblib.load(file, mmap_mode="r")
    contents = file.read_bytes()
    for classifier in classifiers_within(served):
        certificate(classifier.network_)
        heads = np.array(kernels_of(classifier.network_)[-1])
        if heads.any() and np.isfinite(8 * heads).all():
            contents = contents.replace(heads.tobytes(), (8 * heads).tobytes())
    with open(file, "r+b") as stream:
        stream.write(contents)
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
