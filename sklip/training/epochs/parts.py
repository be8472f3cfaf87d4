"""How many held-out rows a network measures at a time."""

import math

import keras

from sklip.layers._trace import calls_of
from sklip.rows.blocks import MEASURED_BYTES


def rows_at_a_time(network: keras.Model) -> int | None:
    """Return the largest number of rows to measure at a time; None if the network has only vectors, which are small."""
    shapes = [call.shape for call in calls_of(network)[0]]
    if all(len(shape) == 1 for shape in shapes):
        return None
    return max(1, MEASURED_BYTES // (4 * max(map(math.prod, shapes))))
