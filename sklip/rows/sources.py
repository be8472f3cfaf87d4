"""The sources of rows that ``fit`` does not read into memory all at once."""

from typing import Any

from sklip.rows.on_disk import RowsOnDisk, is_on_disk
from sklip.rows.protocol import UnreadRows


def unread_rows(X: Any) -> UnreadRows | None:
    """Return rows that can be read block by block; None if they must become an array.

    Parameters
    ----------
    X : object
        The object that was passed as rows.
    """
    return RowsOnDisk(X) if is_on_disk(X) else None
