"""Where a warning belongs: the user's line."""

import sys


def users_line() -> int:
    """The ``stacklevel`` of ``warnings.warn``, for the function that calls it, of the first line outside sklip."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and f"{frame.f_globals.get('__name__')}.".startswith("sklip."):
        frame, level = frame.f_back, level + 1
    return level
