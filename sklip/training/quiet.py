"""Start a Keras backend without its start-up messages."""

import os
import re
import sys
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from tempfile import TemporaryFile

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"

# Information and warnings, in either form of log lines; of errors, that there is no driver (303) or that
# a library is registered twice.
_START_UP_MESSAGE = re.compile(
    rb"WARNING: All log messages before absl"
    rb"|(\d{4}-\d\d-\d\d [\d:.]+: )?([IW]|E(?=.*(\(303\)|Unable to register cu)))(\d{4}| )"
)


@contextmanager
def quiet_start():
    """Have TensorFlow start without its messages, unless the user chose a log level that shows them.

    It reads the level once, so that child processes need not inherit it; one that was imported before has logged
    already, and set a level itself. What CUDA's libraries write while they load ignores the level: standard error is
    held back meanwhile, and the rest of it comes after.
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
    """Write to standard error, afterwards, what was written to it that is no start-up message."""
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
    """A file in the place of standard error, and what was there before; None where one of the two cannot be had."""
    if sys.__stderr__ is None:  # closed when the process began: its number may be that of any file since
        return None
    with suppress(OSError), ExitStack() as unless_both:
        held_back = unless_both.enter_context(TemporaryFile())
        screen = os.dup(2)
        unless_both.pop_all()
        os.dup2(held_back.fileno(), 2)
        return held_back, screen
    return None


def _write(text):
    """Write to standard error if it takes anything: a full device refuses even nothing."""
    with suppress(OSError):
        while text:
            text = text[os.write(2, text) :]
