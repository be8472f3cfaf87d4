"""State that says with which versions it was written, and is checked before anybody relies on it."""

import warnings
from contextlib import suppress
from functools import cache

import numpy as np
import sklearn

from sklip.exceptions import ModelFileError, VersionMismatchWarning
from sklip.network import CondensedNetwork

_STAMP = "_written_with"


@cache
def running_versions() -> dict[str, str | None]:
    """Versions of what a stored estimator depends on, by the packages' names; None for one that is not installed."""
    from importlib import metadata

    import sklip

    try:
        keras = metadata.version("keras")  # without importing it
    except metadata.PackageNotFoundError:
        keras = None
    return {"sklip": sklip.__version__, "scikit-learn": sklearn.__version__, "keras": keras}


def _after_a_silent_start(new, arguments):
    """An estimator whose state, which is read next, holds Keras objects: reading them starts TensorFlow."""
    from sklip.training import backend

    with suppress(ImportError):  # Keras may be here without it
        backend.prepare()
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
    missing = [parameter for parameter in estimator._get_param_names() if parameter not in state]
    if missing:
        raise ModelFileError(f"{name}: the file has no {', '.join(map(repr, missing))}. {advice}")
    if "network_" not in state:
        return
    network, classes = state["network_"], state.get("classes_")
    if not isinstance(network, CondensedNetwork):
        raise ModelFileError(f"{name}: the file has a {type(network).__name__} where its network should be. {advice}")
    n_scores = network.kernels[-1].shape[1]
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or len(classes) != (2 if n_scores == 1 else n_scores):
        raise ModelFileError(
            f"{name}: the file's classes_, {classes!r}, do not fit its network, which has {n_scores} scores. {advice}"
        )
    if state.get("n_features_in_") != len(network.center):
        raise ModelFileError(
            f"{name}: the file says that there are {state.get('n_features_in_')!r} features, but its network takes "
            f"{len(network.center)}. {advice}"
        )
