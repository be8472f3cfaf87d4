"""Estimators with Keras objects and callbacks of the user's among their parameters, on their way to other processes."""

import json
from typing import Any

from sklip.estimators._unpicklable import unpicklable_part


class PortableParameters:
    """Part of every sklip estimator that trains; comes before what pickles it."""

    _get_param_names: Any

    def __reduce_ex__(self, protocol):
        self._check_portable()
        return super().__reduce_ex__(protocol)

    def __getstate__(self):
        state = super().__getstate__()
        return {**state, **{name: _with_its_classes(state[name]) for name in self._get_param_names() if name in state}}

    def __sklearn_clone__(self):
        try:
            return super().__sklearn_clone__()
        except Exception:
            self._check_portable()
            raise

    def _check_portable(self):
        """Raise a TypeError that names the parameter whose value can be neither pickled nor copied."""
        for name in self._get_param_names():
            value = getattr(self, name, None)
            for each in value if isinstance(value, (list, tuple)) else [value]:
                part = unpicklable_part(each)
                if part is not None:
                    held = "it" if part is each else f"a {type(part).__name__} that it holds"
                    raise TypeError(
                        f"{type(self).__name__} cannot be pickled, copied or cloned: its parameter {name!r} has a "
                        f"{type(each).__name__}, and {held} cannot be stored. Call set_params({name}=None) before, "
                        "which a fitted estimator serves without; or let the class leave it out in a __getstate__."
                    )


def _with_its_classes(value):
    """A parameter; one of Keras with parts that a script has defined goes with their classes."""
    if not hasattr(value, "get_config"):
        return value
    import keras

    configuration = keras.saving.serialize_keras_object(value)
    text = json.dumps(configuration, default=str)
    classes = {
        name: kind
        for name, kind in keras.saving.get_custom_objects().items()
        if getattr(kind, "__module__", None) == "__main__" and json.dumps(name) in text
    }
    return _OfAScript(classes, configuration) if classes else value


class _OfAScript:
    """Pickles to a Keras object, which Keras itself would look up by names that another process does not know."""

    def __init__(self, classes, configuration):
        self._classes, self._configuration = classes, configuration

    def __reduce__(self):
        return _restored, (self._classes, self._configuration)


def _restored(classes, configuration):
    """The Keras object of a configuration, once its classes are registered with Keras here."""
    import keras

    for name, kind in classes.items():
        if keras.saving.get_registered_object(name) is not kind:
            package, _, own_name = name.partition(">")
            keras.saving.register_keras_serializable(package, own_name)(kind)
    return keras.saving.deserialize_keras_object(configuration, safe_mode=False)
