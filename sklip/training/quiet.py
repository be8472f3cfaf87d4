"""Start a Keras backend without its start-up messages."""

import os
import re
import sys
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from tempfile import TemporaryFile

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"

# Information and warnings, in both forms of log lines, and two errors: there is no driver (303), or a library is
# registered twice.
_START_UP_MESSAGE = re.compile(
    rb"WARNING: All log messages before absl"
    rb"|(\d{4}-\d\d-\d\d [\d:.]+: )?([IW]|E(?=.*(\(303\)|Unable to register cu)))(\d{4}| )"
)


@contextmanager
def quiet_start():
    """Start TensorFlow without its messages, unless the user chose a log level that shows them.

    TensorFlow reads the level once, so child processes need not inherit it. If it was imported before, it has already
    logged. CUDA's libraries ignore the level while they load, so standard error is stored during the start; all
    lines that are no start-up messages are written afterwards.
    """
    if _LOG_LEVEL in os.environ:
        with nullcontext() if os.environ[_LOG_LEVEL] in ("0", "1") else _held_back_messages():
            yield
        return
    os.environ[_LOG_LEVEL] = "2"
    try:
        with _held_back_messages():
            yield
    finally:
        os.environ.pop(_LOG_LEVEL, None)


@contextmanager
def _held_back_messages():
    """Hold back standard error, and write all lines afterwards that are no start-up messages."""
    diverted = _divert_standard_error()
    if diverted is None:
        yield
        return
    held_back, screen = diverted
    with held_back:
        try:
            yield
        finally:
            os.dup2(screen, 2)
            os.close(screen)
            held_back.seek(0)
            _write(b"".join(line for line in held_back if not _START_UP_MESSAGE.match(line)))


def _divert_standard_error():
    """Replace standard error by a file; return the file and a copy of the original, or None if that fails."""
    if sys.__stderr__ is None:  # it was closed when the process began: another file may have its number now
        return None
    with suppress(OSError), ExitStack() as unless_both:
        held_back = unless_both.enter_context(TemporaryFile())
        screen = os.dup(2)
        unless_both.pop_all()
        os.dup2(held_back.fileno(), 2)
        return held_back, screen
    return None


def _write(text):
    """Write to standard error, if that is possible; a full device refuses."""
    with suppress(OSError):
        while text:
            text = text[os.write(2, text) :]
