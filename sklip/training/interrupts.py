"""Ctrl-C ends a training after the current epoch, and the trained weights are kept."""

import signal
import threading
from contextlib import suppress

import keras

_HOOKS = [name for name in dir(keras.callbacks.Callback) if name.startswith("on_")]


class Interrupts(keras.callbacks.Callback):
    """Delays Ctrl-C until the end of the epoch; the last of a training's callbacks.

    Before the first epoch ends there is nothing to keep, so Ctrl-C acts at once, and so does a second Ctrl-C. The
    handler that the program has set is called later. It ends the training only if it raises a KeyboardInterrupt, as
    Python's handler does.

    Attributes
    ----------
    interrupted : bool
        Whether Ctrl-C has ended the training.
    """

    def __init__(self):
        super().__init__()
        self.interrupted = False
        self._may_keep = self._given_up = False
        self._handler = self._pending = None

    def guarded(self, callback: keras.callbacks.Callback) -> keras.callbacks.Callback:
        """The callback in a wrapper that treats its KeyboardInterrupts as Ctrl-C."""
        return _Guarded(callback, self)

    def may_end_after(self, hook: str) -> bool:
        """Record that a callback was interrupted; return whether the weights so far can be kept."""
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


class _Guarded(keras.callbacks.Callback):
    """A callback of the user: a KeyboardInterrupt in it ends the training after the epoch."""

    def __init__(self, callback, interrupts):
        super().__init__()
        self._callback, self._interrupts = callback, interrupts
        self.async_safe = getattr(callback, "async_safe", False)
        for hook in _HOOKS:
            default = getattr(keras.callbacks.Callback, hook)
            # If no callback has a hook for batches, Keras does not wait for each batch.
            if "batch" not in hook or getattr(getattr(callback, hook, None), "__func__", None) is not default:
                setattr(self, hook, self._guard(hook))

    def set_params(self, params):
        """Pass them on."""
        self._callback.set_params(params)

    def set_model(self, model):
        """Pass it on."""
        self._callback.set_model(model)

    def _guard(self, hook):
        def call(*arguments, **keywords):
            try:
                getattr(self._callback, hook)(*arguments, **keywords)
            except KeyboardInterrupt:
                if not self._interrupts.may_end_after(hook):
                    raise

        return call
