"""Find the line of the user's code to which a warning belongs."""

import inspect
import re

_IMPORTING = re.compile("importlib.*_bootstrap")  # file names of the frames of an import


def users_line() -> int:
    """Return the ``stacklevel`` that makes a warning of the calling function name the first line outside sklip."""
    frame, level = _caller(inspect.currentframe()), 1
    while frame.f_back is not None and f"{frame.f_globals.get('__name__')}.".startswith("sklip."):
        frame, level = _caller(frame), level + 1
    return level


def _caller(frame):
    """The frame that called this one, skipping those of an import, which ``warnings.warn`` does not count."""
    frame = frame.f_back
    while frame.f_back is not None and _IMPORTING.search(frame.f_code.co_filename):
        frame = frame.f_back
    return frame
