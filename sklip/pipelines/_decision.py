"""What an estimator predicts for rows, and how far that holds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Decision:
    """What an estimator predicts for rows.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    codes : ndarray of shape (n_rows,)
        The predicted classes, as positions in ``classes``.
    radii : ndarray of shape (n_rows,)
        Certified, in the norm and the units of the question.
    lipschitz : float or None
        Bound of the Lipschitz constant of every score, from those units; None where there is no score.
    descend : callable
        From raw rows and codes to the margins of those classes and their gradients with respect to the raw columns,
        of shape (n_rows, n_columns), None behind a step of which only the constant is known. For attackers:
        approximate, and no part of any proof.
    """

    classes: np.ndarray
    codes: np.ndarray
    radii: np.ndarray
    lipschitz: float | None
    descend: Callable
