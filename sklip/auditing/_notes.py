"""Notes in the text of an audit: reasons why radii are small compared with the attacks."""

import numpy as np

from sklip.estimators._advice import small_columns


def question_notes(rows, n_columns, in_units):
    """Return sentences about columns that are held fixed, and about columns with very different scales.

    ``rows`` holds the columns that may move; the estimator takes ``n_columns``. ``in_units`` says whether each column
    counts in its own unit.
    """
    notes = []
    n_fixed = n_columns - rows.shape[1]
    if n_fixed > 0:
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
