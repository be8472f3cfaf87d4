"""Methods that a class does not have on purpose: who asks for one is told what to use."""

from typing import NoReturn


class AbsentMethod:
    """A method that is not there: ``hasattr`` is False, and asking for it raises an error that says what to use.

    Parameters
    ----------
    advice : str
        What to use instead, in a sentence.
    """

    def __init__(self, advice: str):
        self._advice = advice

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, instance, owner=None) -> NoReturn:
        raise AttributeError(f"{owner.__name__} has no {self._name}: {self._advice}")
