"""State of estimators, stored with the versions that wrote it and checked when it is loaded."""

import warnings
from contextlib import suppress
from functools import cache
from numbers import Real

import numpy as np
import sklearn

from sklip import _version
from sklip._compat import parameter_names
from sklip._overrides import methods_of
from sklip.estimators._trained_question import is_question
from sklip.estimators._validation import check_labels
from sklip.exceptions import ModelFileError, VersionMismatchWarning

_STAMP = "_written_with"


@cache
def running_versions() -> dict[str, str | None]:
    """Versions of the packages on which a stored estimator depends, by name; None if one is not installed."""
    from importlib import metadata

    try:
        keras = metadata.version("keras")  # without importing it
    except metadata.PackageNotFoundError:
        keras = None
    return {"sklip": _version.__version__, "scikit-learn": sklearn.__version__, "keras": keras}


def _after_a_silent_start(new, arguments):
    """Make an estimator whose state holds Keras objects: reading the state, the next step, starts TensorFlow."""
    from sklip.training import runtime

    with suppress(ImportError):  # Keras may be installed without TensorFlow
        runtime.prepare()
    return new(*arguments)


def _is_of_keras(value):
    """Whether a parameter is a Keras object or a list of such objects."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return any(base.__module__.startswith("keras.") for each in values for base in type(each).__mro__)


class StampedState:
    """Mixin of every sklip estimator: ``pickle``, ``joblib``, ``skops`` and ``copy`` use it.

    scikit-learn stores versions only with estimators of its own modules.
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
                f"{name}: the file holds a {type(state).__name__} instead of the attributes of an estimator. It was "
                "not written by sklip, or was changed later: get the original."
            )
        state = dict(state)
        written, running = state.pop(_STAMP, None), running_versions()
        written = written if isinstance(written, dict) else {}
        fault = _fault(self, state)
        if fault is not None:
            origin = f"was written by sklip {written['sklip']}" if written.get("sklip") else "was not written by sklip"
            raise ModelFileError(
                f"{name}: the file {fault}. It {origin}, or was changed later: get the original, or fit again with "
                "this version."
            )
        # An environment without Keras can serve; a missing package has no version that could differ.
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
    """Say why an estimator cannot serve with the attributes in a file; None if it can."""
    missing = [parameter for parameter in parameter_names(estimator) if parameter not in state]
    if missing:
        return f"has no {', '.join(map(repr, missing))}"
    hiding = sorted(methods_of(type(estimator)) & state.keys())
    if hiding:
        return f"has attributes that hide the methods {', '.join(hiding)}"
    if "network_" not in state:
        return None
    network, classes = state["network_"], state.get("classes_")
    reason = estimator._misfit(state.get)
    if reason is not None:
        return f"is inconsistent: {reason}"
    n_features, farthest = state.get("n_features_in_"), state.get("_farthest", 0.0)
    if n_features != network.n_features:
        return f"says that there are {n_features!r} features, but its network takes {network.n_features}"
    if isinstance(farthest, bool) or not isinstance(farthest, Real) or not farthest >= 0:
        return f"has {farthest!r} as the distance of a training row"
    if not is_question(state.get("norm_", 2), state.get("tolerances_"), n_features):
        return "has a norm_ or tolerances_ that no fit can have"
    return None if classes is None else _fault_of_classes(classes)


def _fault_of_classes(classes):
    """Say why no fit can have such classes; None if one can."""
    try:
        distinct = np.unique(check_labels(classes, len(classes), "classes_"))
    except (TypeError, ValueError) as error:
        return f"has classes_ that are not labels: {str(error).rstrip('.')}"
    if len(distinct) != len(classes) or not np.all(distinct == classes):
        return f"has classes_, {classes!r}, that are not sorted, or not distinct"
    return None
