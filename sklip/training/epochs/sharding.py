"""How JAX divides the batches of a training among devices, and keeps the weights of all devices equal."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


class Sharding:
    """Values that every device has, and batches of which each device has some rows.

    JAX compiles one program for all devices, as if there were one. A sum over the rows of a batch becomes the sum of
    the sums of the devices. So the terms of a loss are those of the whole batch, and the gradients are added up before
    the optimizer uses them. The optimizer and the retraction then do the same with the same numbers on each device.

    Parameters
    ----------
    devices : sequence of jax.Device
        Two or more; with none, no method changes or moves anything.
    """

    def __init__(self, devices: Sequence[Any]):
        self.multiple = max(len(devices), 1)  # of this number of rows, each device has an equal share
        self._everywhere = self._by_rows = None
        if devices:
            mesh = Mesh(np.array(devices), ("rows",))
            self._everywhere = NamedSharding(mesh, PartitionSpec())
            self._by_rows = NamedSharding(mesh, PartitionSpec("rows"))

    def copied(self, values):
        """Arrays, or a tree of them, with a copy on each device."""
        return values if self._everywhere is None else jax.device_put(values, self._everywhere)

    def equal(self, values):
        """In compiled code: the same arrays on each device."""
        return values if self._everywhere is None else jax.lax.with_sharding_constraint(values, self._everywhere)

    def divided(self, rows):
        """In compiled code: an array whose rows are divided among the devices."""
        return rows if self._by_rows is None else jax.lax.with_sharding_constraint(rows, self._by_rows)

    def of_one_device(self, value):
        """The copy of an array on the first device; later code may use it with any other array."""
        return value if self._everywhere is None else value.addressable_data(0)
