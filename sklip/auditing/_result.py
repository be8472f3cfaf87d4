"""The result of an audit."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

_QUANTILES = (0.1, 0.5, 0.9)


class Worst(NamedTuple):
    """The row with the largest ratio of radius to attack.

    Attributes
    ----------
    row : int
        Position of the row.
    radius : float
        Certified radius of the row.
    attack : float
        Distance of the nearest input found with another prediction.
    inputs : ndarray of shape (n_columns,), float64
        This input, in the columns that may move.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import AuditResult
    >>> result = AuditResult(
    ...     radius=np.array([0.9, 2.0]), attack=np.array([1.0, 2.5]), predicted=np.array([0, 1]),
    ...     correct=None, broken=np.array([False, False]), inputs=np.ones((2, 1)), norm=2, n_points=200, seconds=0.1,
    ... )
    >>> result.worst.row, result.worst.radius, result.worst.attack
    (0, 0.9, 1.0)
    """

    row: int
    radius: float
    attack: float
    inputs: np.ndarray


@dataclass(frozen=True, eq=False)
class AuditResult:
    """Result of :func:`sklip.audit`.

    Distances are in the units of the columns, or of ``tolerances``, and in ``norm``.

    Parameters
    ----------
    radius : ndarray of shape (n_rows,), float64
        Certified radii.
    attack : ndarray of shape (n_rows,), float64
        Distances of the nearest inputs found with another prediction, rounded up; infinite if none
        was found.
    predicted : ndarray of shape (n_rows,)
        Predictions of the rows.
    correct : ndarray of shape (n_rows,), bool, or None
        True for rows whose predictions are correct; None if no labels were given.
    broken : ndarray of shape (n_rows,), bool
        True if an input strictly inside the radius, in exact arithmetic, has another prediction.
    inputs : ndarray of shape (n_rows, n_columns), float64
        The inputs of ``attack``, in the columns that may move; nan if none was found, and for missing values. Those of
        images are flat, in C order.
    norm : {1, 2, inf}
        Norm of all distances.
    n_points : int
        Number of inputs that were tried.
    seconds : float
        Wall time in seconds.
    notes : tuple of str, default=()
        Reasons why radii are small compared with the attacks; lines of the text.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import AuditResult
    >>> result = AuditResult(
    ...     radius=np.array([0.9, 2.0]), attack=np.array([1.0, 2.5]), predicted=np.array([0, 1]),
    ...     correct=np.array([True, True]), broken=np.array([False, False]), inputs=np.ones((2, 1)),
    ...     norm=2, n_points=200, seconds=0.1,
    ... )
    >>> result.tightness.tolist(), round(result.median_tightness, 2)
    ([0.9, 0.8], 0.85)
    >>> result
    AuditResult: all 2 certificates held against 200 inputs (0.1 s, norm 2)
      an attack succeeded beyond the radius for 2 rows
      accuracy 1.0000
      radius / attack of rows predicted right: median 0.8500, tenth percentile 0.8100, ninetieth 0.8900, mean 0.8500
      closest: row 0, radius 0.9000, attack 1.000
    """

    radius: np.ndarray
    attack: np.ndarray
    predicted: np.ndarray
    correct: np.ndarray | None
    broken: np.ndarray
    inputs: np.ndarray
    norm: float
    n_points: int
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def bracket(self) -> np.ndarray:
        """Radius and attack, between which the true distance to the boundary lies, of shape (n_rows, 2)."""
        return np.stack([self.radius, self.attack], axis=1)

    @property
    def tightness(self) -> np.ndarray:
        """Radius over attack, of shape (n_rows,); nan if no attack was found."""
        found = np.isfinite(self.attack)
        return np.where(found, self.radius / np.where(found, self.attack, 1.0), np.nan)

    @property
    def median_tightness(self) -> float:
        """Median tightness of the rows that are predicted correctly and for which an attack was found.

        Without labels, all rows with an attack count; nan if there are none.
        """
        return self.tightness_quantiles[0.5]

    @property
    def mean_tightness(self) -> float:
        """Mean tightness of the rows in ``median_tightness``."""
        counted = self._counted_tightness()
        return float(counted.mean()) if len(counted) else float("nan")

    @property
    def tightness_quantiles(self) -> dict[float, float]:
        """Tenth percentile, median and ninetieth percentile of the tightness of the rows in ``median_tightness``."""
        counted = self._counted_tightness()
        return {q: float(np.quantile(counted, q)) if len(counted) else float("nan") for q in _QUANTILES}

    @property
    def worst(self) -> Worst | None:
        """Row with the largest tightness, broken certificates first; None if no attack was found."""
        ratio = np.where(self.radius > 0, self.tightness, 0.0)
        if not np.isfinite(self.attack).any():
            return None
        row = int(np.lexsort((-np.nan_to_num(ratio, nan=-1.0), ~self.broken))[0])
        return Worst(row, float(self.radius[row]), float(self.attack[row]), self.inputs[row])

    def _counted_tightness(self):
        tightness = self.tightness if self.correct is None else self.tightness[self.correct]
        return tightness[~np.isnan(tightness)]

    def __repr__(self):
        """Return a few lines; the first says whether the certificates held."""
        n_rows, n_broken = len(self.radius), int(self.broken.sum())
        found = int(np.isfinite(self.attack).sum())
        verdict = (
            f"BROKEN: {n_broken} of {n_rows} certificates are wrong"
            if n_broken
            else f"all {n_rows} certificates held against {self.n_points} inputs"
        )
        lines = [f"AuditResult: {verdict} ({self.seconds:.1f} s, norm {self.norm})"]
        lines.append(f"  an attack succeeded beyond the radius for {found} rows" if not n_broken
                     else f"  {self.n_points} inputs tried, {found} rows attacked with success")  # fmt: skip
        if self.correct is not None:
            lines.append(f"  accuracy {np.mean(self.correct):.4f}")
        if found:
            low, middle, high = self.tightness_quantiles.values()
            of = "" if self.correct is None else " of rows predicted right"
            lines.append(
                f"  radius / attack{of}: median {middle:.4f}, tenth percentile {low:.4f}, "
                f"ninetieth {high:.4f}, mean {self.mean_tightness:.4f}"
            )
            worst = self.worst
            lines.append(
                f"  broken: row {worst.row}, radius {worst.radius!r}, attack {worst.attack!r}"
                if n_broken
                else f"  closest: row {worst.row}, radius {worst.radius:#.4g}, attack {worst.attack:#.4g}"
            )
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])
