"""Methods that a class deliberately lacks; an error says what to use instead."""

from typing import NoReturn


class AbsentMethod:
    """A method that a class lacks: ``hasattr`` is False, and access raises an error that says what to use instead.

    Parameters
    ----------
    advice : str
        A sentence that says what to use instead.
    """

    def __init__(self, advice: str):
        self._advice = advice

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, instance, owner=None) -> NoReturn:
        raise AttributeError(f"{owner.__name__} has no {self._name}: {self._advice}")
