"""Refuse keyword arguments that a method does not have; the error names the class and what to use instead."""

from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from typing import TypeVar, cast

Method = TypeVar("Method", bound=Callable)

_HELD_OUT = ("validation_data", "eval_set", "validation_set")


def refuses_unknown_keywords(method: Method) -> Method:
    """Make a method of an estimator raise a TypeError, with advice, for an unknown keyword argument.

    Parameters
    ----------
    method : callable
        Method without ``**kwargs``.

    Returns
    -------
    callable
        A method with the same signature.
    """
    known = list(signature(method).parameters)[1:]

    @wraps(method)
    def checked(self, *arguments, **keywords):
        for name in keywords:
            if name not in known:
                message = f"{type(self).__name__}.{method.__name__} has no argument {name!r}."
                raise TypeError(f"{message} {_advice(self, name, known)}")
        return method(self, *arguments, **keywords)

    return cast(Method, checked)


def _advice(estimator, name, known):
    """Say what to do instead."""
    if name in _HELD_OUT and "X_val" in known:
        return "Give the held-out rows as X_val, and their labels as y_val."
    if name == "validation_split" and "X_val" in known:
        return "Set the parameters early_stopping=True and validation_fraction, or give X_val and y_val."
    if name in estimator.get_params(deep=False):
        return f"It is a parameter of the estimator: {type(estimator).__name__}({name}=...)."
    as_known = {each.lower(): each for each in known}
    meant = get_close_matches(name.lower(), as_known, n=1)
    return f"Did you mean {as_known[meant[0]]!r}?" if meant else f"It takes {', '.join(known)}."
