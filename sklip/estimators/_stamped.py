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
        _check_state(self, state, written)
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


def _check_state(estimator, state, written):
    """Raise a ModelFileError for attributes with which the estimator cannot serve."""
    name = type(estimator).__name__
    origin = f"It was written by sklip {written['sklip']}" if written.get("sklip") else "It was not written by sklip"
    advice = f"{origin}, or was changed since: get the original, or fit again with this version."
    missing = [parameter for parameter in parameter_names(estimator) if parameter not in state]
    if missing:
        raise ModelFileError(f"{name}: the file has no {', '.join(map(repr, missing))}. {advice}")
    hiding = sorted(methods_of(type(estimator)) & state.keys())
    if hiding:
        raise ModelFileError(f"{name}: the file has attributes that hide the methods {', '.join(hiding)}. {advice}")
    if "network_" not in state:
        return
    network, classes = state["network_"], state.get("classes_")
    reason = misfit(network, classes)
    if reason is not None:
        raise ModelFileError(f"{name}: the file is not sound: {reason}. {advice}")
    _check_classes(name, classes, advice)
    if state.get("n_features_in_") != network.n_features:
        raise ModelFileError(
            f"{name}: the file says that there are {state.get('n_features_in_')!r} features, but its network takes "
            f"{network.n_features}. {advice}"
        )
    farthest = state.get("_farthest", 0.0)
    if isinstance(farthest, bool) or not isinstance(farthest, Real) or not farthest >= 0:
        raise ModelFileError(f"{name}: the file has {farthest!r} as the distance of a training row. {advice}")


def _check_classes(name, classes, advice):
    """Raise a ModelFileError for classes that no fit has."""
    try:
        distinct = np.unique(check_labels(classes, len(classes), "classes_"))
        sound = len(distinct) == len(classes) and bool(np.all(distinct == classes))
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"{name}: the file's classes_ are no labels: {error} {advice}") from error
    if not sound:
        raise ModelFileError(f"{name}: the file's classes_, {classes!r}, are not sorted, or repeat. {advice}")
