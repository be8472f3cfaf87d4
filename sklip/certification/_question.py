"""The question to a certificate: in which norm, and in which units of the columns, displacements are measured."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sklip._frozen import frozen
from sklip.arithmetic.norms import norm_bound, operator_norm_bound
from sklip.arithmetic.rounding import TINY, UNIT, round_up


@dataclass(frozen=True, eq=False)
class Question:
    """What a certificate is about: a norm of displacements, and tolerances of the columns.

    Parameters
    ----------
    norm : {1, 2, inf}, default=2
        In which displacements are measured.
    tolerances : ndarray of shape (n_features,), float64, positive, or None, default=None
        The displacement of column ``j`` counts as ``delta_j / tolerances_j``. None: each column counts in its own unit.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.certification import Question
    >>> question = Question(np.inf, np.array([0.5, 2.0]))
    >>> kernel = np.array([[1.0], [1.0]])  # of the sum of both columns
    >>> round(question.norm_after(kernel, 2), 6)
    2.5
    """

    norm: float = 2
    tolerances: np.ndarray | None = None

    def __post_init__(self):
        if self.tolerances is not None:
            object.__setattr__(self, "tolerances", frozen(self.tolerances))

    @cached_property
    def key(self) -> tuple[float, bytes | None]:
        """The same for questions that are alike."""
        return float(self.norm), None if self.tolerances is None else self.tolerances.tobytes()

    def norm_after(self, kernel: np.ndarray | None, n_features: int) -> float:
        """Upper bound of ``max ‖Wᵀ δ‖₂`` over the displacements ``δ`` of size at most 1 in the question.

        Parameters
        ----------
        kernel : ndarray of shape (n_features, p), float64, or None
            ``W``; None for the identity.
        n_features : int

        Returns
        -------
        float
        """
        units = np.ones(n_features) if self.tolerances is None else self.tolerances
        if kernel is None:
            return float(norm_bound(units) if self.norm == np.inf else units.max())
        if self.tolerances is None:
            return operator_norm_bound(kernel.T, self.norm)
        matrix = kernel.T * units
        rounding = round_up(2 * UNIT * norm_bound(matrix) + np.sqrt(matrix.size) * TINY, 4)
        return operator_norm_bound(matrix, self.norm, float(rounding))

    def sizes(self, offsets: np.ndarray) -> np.ndarray:
        """Euclidean lengths of displacements in tolerances: no bounds, and in the Euclidean norm for every question.

        Parameters
        ----------
        offsets : ndarray of shape (n_rows, n_features), float64

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        scaled = offsets if self.tolerances is None else offsets / self.tolerances
        with np.errstate(over="ignore", under="ignore"):
            return np.sqrt(np.einsum("ij,ij->i", scaled, scaled))


EUCLIDEAN = Question()
"""The question in the Euclidean norm, with each column in its own unit."""
