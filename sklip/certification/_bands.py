"""Certified bands: where the computed score of every input within a radius must lie, rounding included."""

import numpy as np

from sklip.arithmetic.rounding import round_up


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
    lower, upper : ndarrays of shape (n_rows,)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.certification import score_bands
    >>> lower, upper = score_bands(np.array([1.0]), np.zeros(1), np.array([0.5]), 2.0, 0.0)
    >>> lower.round(6).tolist(), upper.round(6).tolist()
    ([0.0], [2.0])
    """
    with np.errstate(all="ignore"):
        slope = round_up(lipschitz + error_lipschitz) if lipschitz or error_lipschitz else 0.0
        change = np.where(radii > 0, round_up(slope * radii), 0.0) if slope else np.zeros(len(scores))
        half = round_up(change + 2.0 * errors, 3)
        half = np.where(np.isnan(half), np.inf, half)
        lower, upper = np.nextafter(scores - half, -np.inf), np.nextafter(scores + half, np.inf)
    return np.where(np.isnan(lower), -np.inf, lower), np.where(np.isnan(upper), np.inf, upper)
