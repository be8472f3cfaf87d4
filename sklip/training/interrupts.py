"""Ctrl-C ends a training after the epoch that runs: what it has learned so far is kept."""

import signal
import threading
from contextlib import suppress

import keras

_HOOKS = [name for name in dir(keras.callbacks.Callback) if name.startswith("on_")]


class Interrupts(keras.callbacks.Callback):
    """Holds Ctrl-C back until an epoch is whole; the last of a training's callbacks.

    Until the first epoch is whole there is nothing to keep, and Ctrl-C does what it always does. A second Ctrl-C
    does not wait either. Whatever handler the program has set is called, later; only one that raises a
    KeyboardInterrupt, as Python's does, ends the training.

    Attributes
    ----------
    interrupted : bool
        Whether the training was ended so.
    """

    def __init__(self):
        super().__init__()
        self.interrupted = False
        self._may_keep = self._given_up = False
        self._handler = self._pending = None

    def guarded(self, callback: keras.callbacks.Callback) -> keras.callbacks.Callback:
        """The callback, whose KeyboardInterrupts count as a Ctrl-C."""
        return _Guarded(callback, self)

    def may_end_after(self, hook: str) -> bool:
        """Take note that a callback was interrupted; return whether the training may end with what it has."""
        self.interrupted = (self._may_keep or hook == "on_epoch_end") and not self._given_up
        return self.interrupted

    def on_epoch_end(self, epoch, logs=None):
        """End the training, if there was an interrupt."""
        self._may_keep = True
        if self._handler is None:
            self._take_over()
        self._deliver()
        if self.interrupted:
            self.model.stop_training = True

    def close(self) -> None:
        """Put the handler back; what it has missed comes to it."""
        if self._handler is not None:
            if signal.getsignal(signal.SIGINT) == self._hold_back:
                signal.signal(signal.SIGINT, self._handler)
            self._deliver()

    def _take_over(self):
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler) and threading.current_thread() is threading.main_thread():
            with suppress(ValueError):  # in an interpreter within the interpreter
                signal.signal(signal.SIGINT, self._hold_back)
                self._handler = handler

    def _hold_back(self, *arguments):
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


class _Guarded(keras.callbacks.Callback):
    """A callback of the user's whose KeyboardInterrupts end the training after the epoch."""

    def __init__(self, callback, interrupts):
        super().__init__()
        self._callback, self._interrupts = callback, interrupts
        self.async_safe = getattr(callback, "async_safe", False)
        for hook in _HOOKS:
            default = getattr(keras.callbacks.Callback, hook)
            # Where no callback looks at batches, Keras does not wait for any.
            if "batch" not in hook or getattr(getattr(callback, hook, None), "__func__", None) is not default:
                setattr(self, hook, self._guard(hook))

    def set_params(self, params):
        """Hand them on."""
        self._callback.set_params(params)

    def set_model(self, model):
        """Hand it on."""
        self._callback.set_model(model)

    def _guard(self, hook):
        def call(*arguments, **keywords):
            try:
                getattr(self._callback, hook)(*arguments, **keywords)
            except KeyboardInterrupt:
                if not self._interrupts.may_end_after(hook):
                    raise

        return call
