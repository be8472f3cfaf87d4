"""Find what keeps an object from being pickled or copied, where it is hidden in something larger."""

import copyreg
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

import numpy as np

# The latter need not be looked into; picklers differ in which of the former they take.
_BY_NAME = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType)
_BY_VALUE = (str, bytes, int, float, complex, type(None), np.ndarray, np.generic)


def unpicklable_part(value: object) -> object | None:
    """The first part of an object that no pickler takes, such as an open file or a lock; None where there is none."""
    return _search(value, {})


def _search(value, seen):
    if isinstance(value, (*_BY_NAME, *_BY_VALUE)) or id(value) in seen or type(value) in copyreg.dispatch_table:
        return None
    seen[id(value)] = value  # kept, so that no other object gets its number
    if isinstance(value, dict):
        parts = [part for item in value.items() for part in item]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = list(value)
    elif _is_of_keras(value):
        return None  # which would be written to a file to see
    else:
        try:
            reduced = value.__reduce_ex__(4)
        except Exception:
            return value
        parts = [] if isinstance(reduced, str) else [part for part in reduced[1:3] if part is not None]
    found = (_search(part, seen) for part in parts)
    return next((part for part in found if part is not None), None)


def _is_of_keras(value):
    """Whether Keras pickles an object by its own means."""
    return any(base.__module__.startswith("keras.") and "__reduce__" in vars(base) for base in type(value).__mro__)
