"""Rows in blocks that stay in the cache, and the dtypes that are converted block by block."""

from collections.abc import Iterator

import numpy as np

BLOCK_ROWS = 1024

SERVED_DTYPES = frozenset(
    np.dtype(kind).newbyteorder(order) for kind in (*np.typecodes["AllInteger"], *"?efd") for order in "<>"
)
"""Of rows that a network takes: it converts them to float64 block by block, as ``astype`` does."""


def row_blocks(n_rows: int) -> Iterator[slice]:
    """Yield slices of rows that stay in the cache."""
    for start in range(0, n_rows, BLOCK_ROWS):
        yield slice(start, min(start + BLOCK_ROWS, n_rows))
