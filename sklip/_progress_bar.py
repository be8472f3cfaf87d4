"""The bar of tqdm: a widget in notebooks that have ipywidgets, text everywhere else."""

import warnings


def progress_bar(**options):
    """A bar of tqdm's; the options are tqdm's."""
    from tqdm import TqdmWarning

    with warnings.catch_warnings():
        # A notebook without ipywidgets gets text, and tqdm's advice on it at the import.
        warnings.simplefilter("ignore", TqdmWarning)
        from tqdm.auto import tqdm

    return tqdm(**options)
