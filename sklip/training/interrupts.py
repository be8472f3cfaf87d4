"""Ctrl-C ends a training after the current epoch, and the trained weights are kept."""

import signal
import threading
from contextlib import suppress

from sklip.training.observer import Observer


class Interrupts(Observer):
    """Delays Ctrl-C until the end of the epoch; it observes the end of an epoch after all callbacks.

    Before the first epoch ends there is nothing to keep, so Ctrl-C acts at once, and so does a second Ctrl-C. The
    handler that the program has set is called later. It ends the training only if it raises a KeyboardInterrupt, as
    Python's handler does.

    Attributes
    ----------
    interrupted : bool
        Whether Ctrl-C has ended the training.
    """

    def __init__(self):
        self.interrupted = False
        self._may_keep = self._given_up = False
        self._handler = self._pending = None

    def may_end_after(self, hook: str) -> bool:
        """Record that a callback was interrupted; return whether the weights so far can be kept."""
        self.interrupted = (self._may_keep or hook == "on_epoch_end") and not self._given_up
        return self.interrupted

    def on_epoch_end(self, epoch, logs):
        """End the training, if there was an interrupt."""
        self._may_keep = True
        if self._handler is None:
            self._take_over()
        self._deliver()
        if self.interrupted:
            self.model.stop_training = True

    def close(self) -> None:
        """Restore the handler, and call it for a Ctrl-C that was delayed."""
        if self._handler is not None:
            if signal.getsignal(signal.SIGINT) == self._delay:
                signal.signal(signal.SIGINT, self._handler)
            self._deliver()

    def _take_over(self):
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler) and threading.current_thread() is threading.main_thread():
            with suppress(ValueError):  # in a subinterpreter
                signal.signal(signal.SIGINT, self._delay)
                self._handler = handler

    def _delay(self, *arguments):
        if self._pending is None:
            self._pending = arguments
            return
        self._given_up = True
        self._handler(*arguments)

    def _deliver(self):
        pending, self._pending = self._pending, None
        if pending is not None:
            try:
                self._handler(*pending)
            except KeyboardInterrupt:
                self.interrupted = True
