"""What an estimator predicts for rows, and how far that holds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sklip.pipelines._scores import Scores


@dataclass(frozen=True, eq=False)
class Decision:
    """What an estimator predicts for rows.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    class_indices : ndarray of shape (n_rows,)
        The predicted classes, as positions in ``classes``.
    radii : ndarray of shape (n_rows,)
        Certified, in the norm and the units of the question.
    lipschitz : float or None
        Bound of the Lipschitz constant of every score, from those units; None where there is no score.
    distance_ratio : ndarray of shape (n_rows,)
        How far outside its training data a classifier is asked, as a multiple of the farthest training row.
    is_imputed : bool
        Whether a step filled missing values.
    descend : callable
        From raw rows and positions of classes to the margins of those classes and their gradients with respect to the
        raw columns, of shape (n_rows, n_columns), None behind a step of which only the constant is known. For
        attackers: approximate, and no part of any proof.
    """

    classes: np.ndarray
    class_indices: np.ndarray
    radii: np.ndarray
    lipschitz: float | None
    distance_ratio: np.ndarray
    is_imputed: bool
    descend: Callable

    @classmethod
    def of(cls, scores: Scores, class_indices: np.ndarray, radii: np.ndarray, descend: Callable) -> "Decision":
        """The decision by the scores of a network."""
        ratio, imputed = scores.distance_ratio, scores.is_imputed
        return cls(scores.classes, class_indices, radii, scores.lipschitz, ratio, imputed, descend)
