"""Find the part of an object that cannot be pickled or copied."""

import copyreg
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

import numpy as np

# Neither group is searched: picklers differ in which objects of the first they take, and those of the second are safe.
_BY_NAME = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType)
_BY_VALUE = (str, bytes, int, float, complex, type(None), np.ndarray, np.generic)


def unpicklable_part(value: object) -> object | None:
    """Return the first part that no pickler takes, such as an open file or a lock; None if there is none."""
    return _search(value, {})


def _search(value, seen):
    if isinstance(value, (*_BY_NAME, *_BY_VALUE)) or id(value) in seen or type(value) in copyreg.dispatch_table:
        return None
    seen[id(value)] = value  # keep the object, so that no other object gets its id
    if isinstance(value, dict):
        parts = [part for item in value.items() for part in item]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = list(value)
    elif _is_of_keras(value):
        return None  # a check would have to write the object to a file
    else:
        try:
            reduced = value.__reduce_ex__(4)
        except Exception:
            return value
        parts = [] if isinstance(reduced, str) else [part for part in reduced[1:3] if part is not None]
    found = (_search(part, seen) for part in parts)
    return next((part for part in found if part is not None), None)


def _is_of_keras(value):
    """Whether Keras defines how an object is pickled."""
    return any(base.__module__.startswith("keras.") and "__reduce__" in vars(base) for base in type(value).__mro__)
