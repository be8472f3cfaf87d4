"""Say so where the distribution named ``sklip``, which is another project's, is installed as well.

This project's distribution is ``scikit-lipschitz``; both are imported as ``sklip``.
"""

import multiprocessing
import warnings
from importlib import metadata  # which scikit-learn has imported already
from pathlib import Path

from sklip._stack_level import users_line
from sklip.exceptions import ConflictingDistributionWarning

AUTHOR = "The sklip developers"  # of pyproject.toml, which named the distribution sklip before


def warn_of_another_distribution() -> None:
    """Warn of each distribution ``sklip`` of another project.

    Called when sklip is imported, as a process that serves may call nothing else that could warn. It takes
    a third of a millisecond, of most of a second that the import of scikit-learn takes.
    """
    if multiprocessing.current_process().name != "MainProcess":
        return  # the parent of a worker has said it
    for name, place, installed in _others():
        warnings.warn(_sentence(name, place, installed), ConflictingDistributionWarning, stacklevel=users_line())


def _others():
    """Name and version, folder and package of each distribution ``sklip`` that is not this project's."""
    try:
        found = [(each, each.metadata) for each in metadata.distributions(name="sklip")]
        return [
            (f"'sklip' {each.version}", each.locate_file(""), Path(str(each.locate_file("sklip"))))
            for each, text in found
            if "Name" in text and not ("Author" in text and text["Author"] == AUTHOR)
        ]
    except Exception:  # files of others, and finders of others: none of them may stop the import of sklip
        return []


def _sentence(name, place, installed):
    """Which files are in danger, and what to do."""
    ours = Path(__file__).parent
    start = f"The distribution {name} in {place} belongs to another project and "
    if installed.resolve() == ours.resolve():
        return (
            f"{start}has files in the folder of scikit-lipschitz, {ours}, which it replaces when it is upgraded and "
            "deletes when it is removed: run 'pip uninstall sklip', and then install scikit-lipschitz again as you "
            "did before, with --force-reinstall."
        )
    return (
        f"{start}is imported by the same name as scikit-lipschitz, which is in {ours}: the order of sys.path decides "
        "which of them a program gets, so run 'pip uninstall sklip'."
    )
