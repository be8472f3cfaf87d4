"""Networks that were compiled once, for later trainings of the same shape in the process."""

import gc
from collections import OrderedDict
from threading import Lock

CAPACITY = 8
"""Number of compiled networks that a process keeps, of some 20 MB each."""

_idle: OrderedDict = OrderedDict()
_lock = Lock()


def borrow(key):
    """A compiled network of this key that is not in use, or None; return it by :func:`put_back`."""
    with _lock:
        networks = _idle.get(key)
        network = networks.pop() if networks else None
        if not networks:
            _idle.pop(key, None)
        return network


def kept() -> list:
    """The networks that are not in use, the least recently used key first."""
    return [network for networks in _idle.values() for network in networks]


def put_back(key, network) -> None:
    """Keep a network for the next training; drop the least recently used one if there are too many.

    A network whose key is None is not kept: no other training may use it.
    """
    if key is None:
        return
    with _lock:
        _idle.setdefault(key, []).append(network)
        _idle.move_to_end(key)
        excess = len(kept()) - CAPACITY
        for _ in range(excess):
            oldest = next(iter(_idle))
            _idle[oldest].pop(0)
            if not _idle[oldest]:
                del _idle[oldest]
    if excess > 0:
        gc.collect()  # Keras' models have cycles of references


def clear_compiled_networks() -> None:
    """Drop the compiled networks that are kept for later calls of ``fit`` in this process.

    Fits of the same shape share one compiled network: the same numbers of features, units and classes, activation,
    optimizer, kind of loss, precision and devices. The same holds for a ``model`` of :mod:`sklip.architectures` with
    the same parameters. At most 8 networks are kept, some 20 MB each. The next ``fit`` compiles again.

    Examples
    --------
    >>> import sklip
    >>> sklip.clear_compiled_networks()
    """
    with _lock:
        _idle.clear()
    gc.collect()
