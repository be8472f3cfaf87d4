"""State that says with which versions it was written, and is checked before anybody relies on it."""

import warnings
from contextlib import suppress
from functools import cache
from numbers import Real

import numpy as np
import sklearn

from sklip import _version
from sklip._compat import parameter_names
from sklip._overrides import methods_of
from sklip.estimators._served_network import misfit
from sklip.estimators._validation import check_labels
from sklip.exceptions import ModelFileError, VersionMismatchWarning

_STAMP = "_written_with"


@cache
def running_versions() -> dict[str, str | None]:
    """Versions of what a stored estimator depends on, by the packages' names; None for one that is not installed."""
    from importlib import metadata

    try:
        keras = metadata.version("keras")  # without importing it
    except metadata.PackageNotFoundError:
        keras = None
    return {"sklip": _version.__version__, "scikit-learn": sklearn.__version__, "keras": keras}


def _after_a_silent_start(new, arguments):
    """An estimator whose state, which is read next, holds Keras objects: reading them starts TensorFlow."""
    from sklip.training import runtime

    with suppress(ImportError):  # Keras may be here without it
        runtime.prepare()
    return new(*arguments)


def _is_of_keras(value):
    """Whether a parameter is a Keras object, or holds some."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return any(base.__module__.startswith("keras.") for each in values for base in type(each).__mro__)


class StampedState:
    """Part of every sklip estimator: ``pickle``, ``joblib``, ``skops`` and ``copy`` go through it.

    scikit-learn stamps its own estimators alone.
    """

    def __reduce_ex__(self, protocol):
        new, arguments, *state = super().__reduce_ex__(protocol)
        if any(map(_is_of_keras, vars(self).values())):
            new, arguments = _after_a_silent_start, (new, arguments)
        return new, arguments, *state

    def __getstate__(self):
        return {**super().__getstate__(), _STAMP: dict(running_versions())}

    def __setstate__(self, state):
        name = type(self).__name__
        if not isinstance(state, dict):
            raise ModelFileError(
                f"{name}: the file holds a {type(state).__name__} where the attributes of an estimator should be. It "
                "was not written by sklip, or was changed since: get the original."
            )
        state = dict(state)
        written, running = state.pop(_STAMP, None), running_versions()
        written = written if isinstance(written, dict) else {}
        fault = _fault(self, state)
        if fault is not None:
            origin = f"was written by sklip {written['sklip']}" if written.get("sklip") else "was not written by sklip"
            raise ModelFileError(
                f"{name}: the file {fault}. It {origin}, or was changed since: get the original, or fit again with "
                "this version."
            )
        # An environment without Keras serves; what it lacks cannot differ.
        differing = [
            package
            for package in running
            if written.get(package) != running[package]
            and not (package == "keras" and None in (written.get(package), running[package]))
        ]
        if differing:
            warnings.warn(VersionMismatchWarning(name, written, running, differing), stacklevel=2)
        super().__setstate__(state)


def _fault(estimator, state):
    """Why an estimator cannot serve with the attributes that a file has; None where it can."""
    missing = [parameter for parameter in parameter_names(estimator) if parameter not in state]
    if missing:
        return f"has no {', '.join(map(repr, missing))}"
    hiding = sorted(methods_of(type(estimator)) & state.keys())
    if hiding:
        return f"has attributes that hide the methods {', '.join(hiding)}"
    if "network_" not in state:
        return None
    network, classes = state["network_"], state.get("classes_")
    reason = misfit(network, classes)
    if reason is not None:
        return f"is not sound: {reason}"
    n_features, farthest = state.get("n_features_in_"), state.get("_farthest", 0.0)
    if n_features != network.n_features:
        return f"says that there are {n_features!r} features, but its network takes {network.n_features}"
    if isinstance(farthest, bool) or not isinstance(farthest, Real) or not farthest >= 0:
        return f"has {farthest!r} as the distance of a training row"
    return _fault_of_classes(classes)


def _fault_of_classes(classes):
    """Why no fit has such classes; None where one may."""
    try:
        distinct = np.unique(check_labels(classes, len(classes), "classes_"))
    except (TypeError, ValueError) as error:
        return f"has classes_ that are no labels: {str(error).rstrip('.')}"
    if len(distinct) != len(classes) or not np.all(distinct == classes):
        return f"has classes_, {classes!r}, that are not sorted, or repeat"
    return None
