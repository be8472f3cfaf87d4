"""Warn if the distribution named ``sklip``, which belongs to another project, is installed as well.

The distribution of this project is ``scikit-lipschitz``; both are imported as ``sklip``.
"""

import multiprocessing
import warnings
from importlib import metadata  # which scikit-learn has imported already
from pathlib import Path

from sklip._stack_level import users_line
from sklip.exceptions import ConflictingDistributionWarning

AUTHOR = "The sklip developers"  # in pyproject.toml, which formerly named the distribution sklip


def warn_of_another_distribution() -> None:
    """Warn of each distribution ``sklip`` of another project.

    Called when sklip is imported, because a process that serves may call nothing else that could warn. It takes
    a third of a millisecond; the import of scikit-learn takes most of a second.
    """
    if multiprocessing.current_process().name != "MainProcess":
        return  # the parent of a worker has warned
    for name, place, installed in _others():
        warnings.warn(_sentence(name, place, installed), ConflictingDistributionWarning, stacklevel=users_line())


def _others():
    """Name and version, folder and package of each distribution ``sklip`` of another project."""
    try:
        found = [(each, each.metadata) for each in metadata.distributions(name="sklip")]
        return [
            (f"'sklip' {each.version}", each.locate_file(""), Path(str(each.locate_file("sklip"))))
            for each, text in found
            if "Name" in text and not ("Author" in text and text["Author"] == AUTHOR)
        ]
    except Exception:  # files and finders of other packages must not stop the import of sklip
        return []


def _sentence(name, place, installed):
    """Say which files are in danger, and what to do."""
    ours = Path(__file__).parent
    start = f"The distribution {name} in {place} belongs to another project and "
    if installed.resolve() == ours.resolve():
        return (
            f"{start}has files in the folder of scikit-lipschitz, {ours}. An upgrade replaces them, and a removal "
            "deletes them. Run 'pip uninstall sklip', and then install scikit-lipschitz again as you did before, with "
            "--force-reinstall."
        )
    return (
        f"{start}has the same import name as scikit-lipschitz, which is in {ours}: the order of sys.path decides "
        "which of them a program imports. Run 'pip uninstall sklip'."
    )
