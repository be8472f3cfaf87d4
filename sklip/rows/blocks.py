"""The sizes of blocks of rows, each with its reason, and the slices that follow from them."""

from collections.abc import Iterator

from sklip.rows.protocol import Rows

BLOCK_ROWS = 1024
"""Rows that a network serves at a time: their values in all layers stay in the cache, and products are still large."""

IMAGE_BYTES = 1 << 22
"""Bytes in float64 of the largest layer for the images that a network serves at a time: they stay in the cache."""

ATTACK_ROWS = 2048
"""Rows that are attacked at a time. Random numbers are drawn per block: what is found depends on this number."""

SUM_BYTES = 1 << 18
"""Bytes in float64 of the rows that are summed or checked at a time: they stay in the cache.

The last bits of ``center_`` and ``scale_`` depend on this number, as it sets the order of their sums.
"""

MEASURED_BYTES = 1 << 25
"""Bytes in float32 of the largest layer for the held-out images that are measured at a time.

Activations and convolutions need a few times as much.
"""

CHUNK_BYTES = 1 << 26
"""Bytes of memory for rows that stay in a file: for the pages of the mapping, and for a chunk of batches.

Larger chunks need fewer calls of the compiled steps. Rows that take less than this are read once, for all epochs.
"""


def slices(length: int, size: int) -> Iterator[slice]:
    """Yield slices of ``size`` rows that cover ``length`` rows; the last may be shorter."""
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))


def row_blocks(n_rows: int) -> Iterator[slice]:
    """Return slices of rows to serve."""
    return slices(n_rows, BLOCK_ROWS)


def sum_blocks(X: Rows) -> Iterator[slice]:
    """Return slices of rows to sum or check."""
    return slices(len(X), max(1, SUM_BYTES // (8 * X.shape[1])))


def chunks(steps: int, batch_bytes: int) -> Iterator[slice]:
    """Return slices of the batches of an epoch: as few as :data:`CHUNK_BYTES` allows, of nearly the same length.

    Parameters
    ----------
    steps : int
        Number of batches in the epoch.
    batch_bytes : int
        Bytes of the inputs of a batch.

    Returns
    -------
    iterator of slice
    """
    max_batches = max(1, CHUNK_BYTES // batch_bytes)
    return slices(steps, -(-steps // -(-steps // max_batches)))
