"""Notes in the text of an audit: reasons why radii are small compared with the attacks."""

import numpy as np

from sklip.estimators._advice import small_columns


def question_notes(rows, estimator, in_units):
    """Return sentences about columns that are held fixed, and about columns with very different scales.

    ``rows`` holds the columns that may move. ``in_units`` says whether each column counts in its own unit.
    """
    notes = []
    n_columns = getattr(estimator, "n_features_in_", rows.shape[1])
    n_fixed = n_columns - rows.shape[1]
    if n_fixed > _fixed_in_training(estimator):
        are = "is" if n_fixed == 1 else "are"
        notes.append(
            f"{n_fixed} of {n_columns} columns {are} held fixed: this restricts the attack but hardly changes the "
            "proven bound, so radius / attack is smaller"
        )
    with np.errstate(all="ignore"):
        unlike = in_units and small_columns(rows) is not None
    if unlike:
        notes.append(
            "radii are in raw units, and the columns have very different scales: the columns of the smallest scale "
            "determine every radius; set tolerances= to choose a unit for each column"
        )
    return tuple(notes)


def _fixed_in_training(estimator):
    """Number of columns that were fixed in the training, which cost no radius."""
    while hasattr(estimator, "best_estimator_"):
        estimator = estimator.best_estimator_
    tolerances = getattr(estimator, "tolerances_", None)
    return 0 if tolerances is None else int(np.sum(tolerances == 0))
