"""Pickling of estimators whose parameters include Keras objects and callbacks that the user defined."""

import json

from sklip._compat import parameter_names
from sklip.estimators._unpicklable import unpicklable_part


class PortableParameters:
    """Mixin of every sklip estimator that trains; it comes before the class that pickles."""

    def __reduce_ex__(self, protocol):
        self._check_portable()
        return super().__reduce_ex__(protocol)

    def __getstate__(self):
        state = super().__getstate__()
        return {**state, **{name: _with_its_classes(state[name]) for name in parameter_names(self) if name in state}}

    def __sklearn_clone__(self):
        try:
            return super().__sklearn_clone__()
        except Exception:
            self._check_portable()
            raise

    def _check_portable(self):
        """Raise a TypeError that names a parameter whose value can be neither pickled nor copied."""
        for name in parameter_names(self):
            value = getattr(self, name, None)
            for each in value if isinstance(value, (list, tuple)) else [value]:
                part = unpicklable_part(each)
                if part is not None:
                    held = "it" if part is each else f"a {type(part).__name__} that it holds"
                    raise TypeError(
                        f"{type(self).__name__} cannot be pickled, copied or cloned: its parameter {name!r} has a "
                        f"{type(each).__name__}, and {held} cannot be stored. Call set_params({name}=None) first: a "
                        "fitted estimator serves without it. Or omit it in the __getstate__ of its class."
                    )


def _with_its_classes(value):
    """Return a parameter; if it is a Keras object with parts that a script defined, add the classes of these parts."""
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
    return _WithClasses(classes, configuration) if classes else value


class _WithClasses:
    """Pickle of a Keras object with its classes: Keras stores names, which another process does not know."""

    def __init__(self, classes, configuration):
        self._classes, self._configuration = classes, configuration

    def __reduce__(self):
        return _restored, (self._classes, self._configuration)


def _restored(classes, configuration):
    """Register the classes with Keras, and return the Keras object of the configuration."""
    import keras

    for name, kind in classes.items():
        if keras.saving.get_registered_object(name) is not kind:
            package, _, own_name = name.partition(">")
            keras.saving.register_keras_serializable(package, own_name)(kind)
    return keras.saving.deserialize_keras_object(configuration, safe_mode=False)
