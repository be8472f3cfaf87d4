"""A progress bar of tqdm: a widget in notebooks that have ipywidgets, text elsewhere, nothing if it cannot be shown."""

import sys
import warnings
from contextlib import suppress


def progress_bar(**options):
    """Return a progress bar that shows nothing if it cannot be shown; the options are those of tqdm."""
    return _Bar(options)


class _Bar:
    """A bar of tqdm that stops showing, instead of raising an error, if it cannot write: the work goes on."""

    def __init__(self, options):
        self._bar = None
        if sys.stderr is not None:  # it is None in a service, or after 2>&-
            self._attempt(self._show, options)

    def _show(self, options):
        from tqdm import TqdmWarning

        with warnings.catch_warnings():
            # In a notebook without ipywidgets, tqdm shows text and warns of it when it is imported.
            warnings.simplefilter("ignore", TqdmWarning)
            from tqdm.auto import tqdm

        self._bar = tqdm(**options)

    def _attempt(self, call, *arguments, **keywords):
        try:
            call(*arguments, **keywords)
        except Exception:  # a full device, a broken pipe, no tqdm: the display must not stop the work
            bar, self._bar = self._bar, None
            if bar is not None:
                bar.disable = True  # otherwise it writes once more when it is deleted

    def update(self, n: int = 1) -> None:
        """Advance by some steps."""
        if self._bar is not None:
            self._attempt(self._bar.update, n)

    def set_description_str(self, text: str, refresh: bool = True) -> None:
        """Set the text next to the bar."""
        if self._bar is not None:
            self._attempt(self._bar.set_description_str, text, refresh=refresh)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._attempt(self._bar.close)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def print_if_possible(*values: object, sep: str = " ") -> None:
    """Print a line to standard output at once; do nothing if it cannot be written to."""
    with suppress(Exception):  # as above
        print(*values, sep=sep, flush=True)
