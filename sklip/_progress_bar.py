"""The bar of tqdm: a widget in notebooks that have ipywidgets, text elsewhere, nothing where nothing can be shown."""

import sys
import warnings
from contextlib import suppress


def progress_bar(**options):
    """A bar of tqdm's that stays away where it cannot be shown; the options are tqdm's."""
    return _Bar(options)


class _Bar:
    """A bar of tqdm's that gives up, instead of raising, where nothing can be written: the work goes on."""

    def __init__(self, options):
        self._bar = None
        if sys.stderr is not None:  # as it is in a service, or after 2>&-
            self._attempt(self._show, options)

    def _show(self, options):
        from tqdm import TqdmWarning

        with warnings.catch_warnings():
            # A notebook without ipywidgets gets text, and tqdm's advice on it at the import.
            warnings.simplefilter("ignore", TqdmWarning)
            from tqdm.auto import tqdm

        self._bar = tqdm(**options)

    def _attempt(self, call, *arguments, **keywords):
        try:
            call(*arguments, **keywords)
        except Exception:  # a full device, a broken pipe, no tqdm: nothing that is shown is worth the work
            bar, self._bar = self._bar, None
            if bar is not None:
                bar.disable = True  # or it would write once more when it is deleted

    def update(self, n: int = 1) -> None:
        """Go on by some steps."""
        if self._bar is not None:
            self._attempt(self._bar.update, n)

    def set_description_str(self, text: str, refresh: bool = True) -> None:
        """Set the text beside the bar."""
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
    """Print a line to standard output at once; nothing where that cannot be written to."""
    with suppress(Exception):  # as above
        print(*values, sep=sep, flush=True)
