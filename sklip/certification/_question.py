"""The question to a certificate: in which norm, and in which units of the columns, displacements are measured."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sklip._frozen import frozen
from sklip.arithmetic.norms import norm_bound, operator_norm_bound
from sklip.arithmetic.norms_of_sums import diagonal_norm_bound, sum_norm_bound
from sklip.arithmetic.rounding import TINY, UNIT, round_up


@dataclass(frozen=True, eq=False)
class Question:
    """What a certificate is about: a norm of displacements, and tolerances of the columns.

    Parameters
    ----------
    norm : {1, 2, inf}, default=2
        In which displacements are measured.
    tolerances : ndarray of shape (n_features,), float64, not negative, or None, default=None
        The displacement of column ``j`` counts as ``delta_j / tolerances_j``; a column of tolerance 0 does not move.
        None: each column counts in its own unit.

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

    def norm_after(self, kernel: np.ndarray | None, n_features: int, linear: np.ndarray | None = None) -> float:
        """Upper bound of ``max ‖Wᵀ δ‖₂ + |l · δ|`` over the displacements ``δ`` of size at most 1 in the question.

        Parameters
        ----------
        kernel : ndarray of shape (n_features, p) or (n_features,), float64, or None
            ``W``; a vector for a diagonal matrix, None for the identity.
        n_features : int
        linear : ndarray of shape (n_features,), float64, or None, default=None
            ``l``; None for 0.

        Returns
        -------
        float
        """
        units = np.ones(n_features) if self.tolerances is None else self.tolerances
        if linear is not None and self.tolerances is not None:
            is_matrix = kernel is not None and kernel.ndim == 2
            linear = linear * units if is_matrix else round_up(np.abs(linear) * units)
        if kernel is None or kernel.ndim == 1:
            entries = units if kernel is None else round_up(np.abs(kernel) * units) * (units > 0)
            return diagonal_norm_bound(entries, self.norm, linear)
        matrix, inaccuracy = kernel.T, 0.0
        if self.tolerances is not None:
            matrix = matrix * units
            rounding = 2 * UNIT * norm_bound(matrix) + np.sqrt(matrix.size) * TINY
            if linear is not None:
                rounding += 2 * UNIT * norm_bound(linear) + np.sqrt(linear.size) * TINY
            inaccuracy = float(round_up(rounding, 6))
        if linear is None:
            return operator_norm_bound(matrix, self.norm, inaccuracy)
        return sum_norm_bound(matrix, linear, self.norm, inaccuracy)

    @property
    def fixed(self) -> np.ndarray | None:
        """Which columns are fixed, of shape (n_features,); None if none is."""
        return None if self.tolerances is None or self.tolerances.all() else self.tolerances == 0


EUCLIDEAN = Question()
"""The question in the Euclidean norm, with each column in its own unit."""
