"""The names of the activations."""

import re
from collections.abc import Callable

from sklip.served._abs import Abs
from sklip.served._activation import Activation
from sklip.served._full_sort import FullSort
from sklip.served._group_sort import GroupSort
from sklip.served._max_min import MaxMin
from sklip.served._relu import Relu

_GROUP_SORT = re.compile(r"groupsort([1-9][0-9]{0,8})")
_NAMES: dict[str, Callable[[], Activation]] = {"fullsort": FullSort, "maxmin": MaxMin, "relu": Relu, "abs": Abs}


def activation(name: str) -> Activation:
    """Return the operation of an activation's name.

    Parameters
    ----------
    name : {"groupsort<n>", "fullsort", "maxmin", "relu", "abs"}
        ``"groupsort2"`` sorts pairs, ``"groupsort4"`` groups of four.

    Returns
    -------
    Activation

    Raises
    ------
    ValueError
        For another name.

    Examples
    --------
    >>> from sklip.served import activation
    >>> activation("groupsort2")
    GroupSort(n=2)
    """
    found = _GROUP_SORT.fullmatch(name) if isinstance(name, str) else None
    if found:
        return GroupSort(int(found[1]))
    if name not in _NAMES:
        raise ValueError(
            f"An activation is 'groupsort2', 'groupsort<n>', 'fullsort', 'maxmin', 'relu' or 'abs'; got {name!r}."
        )
    return _NAMES[name]()
