"""The devices among which a training divides its batches."""

from collections.abc import Sequence
from typing import Any


def devices_of(n_devices: int, visible: Sequence[Any]) -> tuple[Any, ...]:
    """Return the first of the visible devices; none of them if one is enough, which the backend then chooses.

    Parameters
    ----------
    n_devices : int
        Number of devices; −1 means all.
    visible : sequence
        Devices that the backend of Keras can use.

    Returns
    -------
    tuple
        Two or more devices, or none.

    Raises
    ------
    ValueError
        If fewer devices are visible.

    Examples
    --------
    >>> from sklip.training.devices import devices_of
    >>> devices_of(2, ["gpu:0", "gpu:1", "gpu:2"]), devices_of(1, ["gpu:0", "gpu:1"])
    (('gpu:0', 'gpu:1'), ())
    """
    count = len(visible) if n_devices == -1 else n_devices
    if count > len(visible):
        raise ValueError(
            f"n_devices={n_devices}, but the backend of Keras sees {len(visible)} device"
            f"{'' if len(visible) == 1 else 's'}: {', '.join(map(str, visible))}. Set n_devices to a number "
            f"from 1 to {len(visible)}, or to -1 for all devices."
        )
    return tuple(visible[:count]) if count > 1 else ()
