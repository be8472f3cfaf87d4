"""What about a question makes its radii small next to the attacks: lines for the text of an audit."""

import numpy as np

from sklip.estimators._advice import small_columns


def question_notes(rows, n_columns, tolerances):
    """Sentences about columns that are held fixed, and about raw units of unlike scales.

    ``rows`` holds the columns that may move, of ``n_columns`` that the estimator takes.
    """
    notes = []
    n_fixed = n_columns - rows.shape[1]
    if n_fixed > 0:
        are = "is" if n_fixed == 1 else "are"
        notes.append(
            f"{n_fixed} of {n_columns} columns {are} held fixed: this restricts the attack and hardly changes the "
            "proven bound, so that radius / attack is smaller"
        )
    with np.errstate(all="ignore"):
        unlike = tolerances is None and small_columns(rows) is not None
    if unlike:
        notes.append(
            "radii are in raw units, and the columns are of unlike scales: those of the smallest scale decide every "
            "radius; tolerances= gives each column a unit of its own"
        )
    return tuple(notes)
