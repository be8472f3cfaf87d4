"""Certified bands: where the computed score of every input within a radius must lie, rounding included."""

import numpy as np

from sklip.arithmetic.rounding import UNIT, round_up


def score_bands(
    scores: np.ndarray, errors: np.ndarray, radii: np.ndarray, lipschitz: float, error_lipschitz: float
) -> tuple[np.ndarray, np.ndarray]:
    """Bands of scores: no input within the radius has a computed score outside.

    Let ``E(x)`` bound the rounding error of a score, which grows by at most ``a`` per unit of displacement. The exact
    score changes by at most ``L r``, so the computed one changes by at most ``L r + E(x) + E(x')``, which is at most
    ``(L + a) r + 2 E(x)``.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
        Computed scores.
    errors : ndarray of shape (n_rows,)
        Bounds ``E`` of their errors.
    radii : ndarray of shape (n_rows,)
        Radii ``r``, not negative.
    lipschitz : float
        Bound ``L`` of the Lipschitz constant.
    error_lipschitz : float
        Bound ``a`` of the growth of ``E`` per unit of displacement.

    Returns
    -------
    lower : ndarray of shape (n_rows,)
    upper : ndarray of shape (n_rows,)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.certification import score_bands
    >>> lower, upper = score_bands(np.array([3.0]), np.zeros(1), np.array([0.5]), 2.0, 0.0)
    >>> lower.round(6).tolist(), upper.round(6).tolist()
    ([2.0], [4.0])
    """
    with np.errstate(all="ignore"):
        slope = round_up(lipschitz + error_lipschitz) if lipschitz or error_lipschitz else 0.0
        change = np.where(radii > 0, round_up(slope * radii), 0.0) if slope else np.zeros(len(scores))
        half = round_up(change + 2.0 * errors, 3)
        half = np.where(np.isnan(half), np.inf, half)
        lower, upper = np.nextafter(scores - half, -np.inf), np.nextafter(scores + half, np.inf)
    return np.where(np.isnan(lower), -np.inf, lower), np.where(np.isnan(upper), np.inf, upper)


def gap_bands(
    scores: np.ndarray,
    class_index: int,
    errors: np.ndarray,
    radii: np.ndarray,
    pair_lipschitz: np.ndarray,
    error_lipschitz: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Bands of the lead of a class over each other class.

    The proof is that of :func:`score_bands`, for the difference of two scores: its constant is ``L_cj``, and both
    scores are rounded, at both inputs. So it changes by at most ``(L_cj + 2 a) r + 4 E(x)``.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_classes)
        Computed scores ``f``.
    class_index : int
        The class ``c``.
    errors : ndarray of shape (n_rows,)
        Bounds ``E`` of the errors of every single score.
    radii : ndarray of shape (n_rows,)
        Radii ``r``, not negative.
    pair_lipschitz : ndarray of shape (n_classes, n_classes)
        Bounds ``L_cj`` of the Lipschitz constants of the differences.
    error_lipschitz : float
        Bound ``a`` of the growth of ``E`` per unit of displacement.

    Returns
    -------
    lower : ndarray of shape (n_rows, n_classes)
    upper : ndarray of shape (n_rows, n_classes)
        No input within the radius has computed scores whose exact difference ``f_c − f_j`` is outside. 0 for the class
        itself.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.certification import gap_bands
    >>> scores, pairs = np.array([[2.0, 1.0, -1.0]]), np.full((3, 3), 2.0)
    >>> lower, upper = gap_bands(scores, 0, np.zeros(1), np.array([0.25]), pairs, 0.0)
    >>> lower.round(6).tolist(), upper.round(6).tolist()
    ([[0.0, 0.5, 2.5]], [[0.0, 1.5, 3.5]])
    """
    with np.errstate(all="ignore"):
        slopes = pair_lipschitz[class_index] + 2.0 * error_lipschitz
        slopes = np.where(slopes != 0.0, round_up(slopes), 0.0)
        moves = (radii[:, None] > 0) & (slopes != 0.0)
        change = np.where(moves, round_up(slopes * radii[:, None]), 0.0)
        gaps = scores[:, [class_index]] - scores
        # The difference of the scores was rounded, too.
        half = round_up(change + 4.0 * errors[:, None] + 2.0 * UNIT * np.abs(gaps), 4)
        lower, upper = np.nextafter(gaps - half, -np.inf), np.nextafter(gaps + half, np.inf)
    lower, upper = np.where(np.isnan(lower), -np.inf, lower), np.where(np.isnan(upper), np.inf, upper)
    lower[:, class_index] = upper[:, class_index] = 0.0
    return lower, upper
