"""Bands of probabilities: the sigmoid or softmax of every input within a radius, as it is computed."""

import numpy as np
from scipy.special import expit

from sklip.arithmetic.rounding import UNIT, round_up
from sklip.certification._bands import gap_bands, score_bands
from sklip.certification._radius import Certificate

# Units of roundoff that one value of the exponential function, or of the sigmoid, may be off. NumPy and C libraries
# are accurate to two of them or better.
_OF_EXP = 32
# More than subnormal numbers take from a probability, and from a product.
_UNDERFLOW = 2.0**-1000
# Size from which on ``predict_proba`` replaces logits.
_CLIPPED = 1e300


def probability_bands(
    scores: np.ndarray, errors: np.ndarray, radii: np.ndarray, proof: Certificate, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    """Bands of probabilities: no input within the radius has a computed probability outside.

    Two classes: the sigmoid is monotone, so its values at both ends of the band of the score are the ends of its band.
    More classes: ``p_c = 1 / (1 + Σ_j exp(−T (f_c − f_j)))``, where each difference is at least
    ``f_c(x) − f_j(x) − L_cj r`` and at most ``f_c(x) − f_j(x) + L_cj r``.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_scores)
        Computed scores.
    errors : ndarray of shape (n_rows,)
        Bounds of the errors of every single score.
    radii : ndarray of shape (n_rows,)
        Radii ``r``, not negative.
    proof : Certificate
        The constants of the network.
    temperature : float
        Factor ``T`` of the scores, above 0.

    Returns
    -------
    lower : ndarray of shape (n_rows, n_classes)
    upper : ndarray of shape (n_rows, n_classes)
        Within 0 and 1.

    Notes
    -----
    Let ``B`` bound the size of all logits ``T f_j`` within the radius. A computed logit is off by at most ``u B``. The
    largest one is subtracted, which rounds once more. So the computed ``log(e_j / e_c)`` is off by at most ``10 u B``.
    Logits beyond 1e300 are clipped, so nothing is proven of them. The exponentials, their sum and the quotient round as
    well; the proof assumes that the exponential function is accurate to 32 units of roundoff.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> from sklip.certification import certificate, probability_bands
    >>> zeros = np.zeros((1, 1)), np.zeros(1)
    >>> lower, upper = probability_bands(*zeros, np.array([0.5]), certificate(network), temperature=2.0)
    >>> lower.round(3).tolist(), upper.round(3).tolist()
    ([[0.269, 0.269]], [[0.731, 0.731]])
    """
    if scores.shape[1] == 1:
        return _of_sigmoid(scores[:, 0], errors, radii, proof, temperature)
    return _of_softmax(scores, errors, radii, proof, temperature)


def _of_sigmoid(scores, errors, radii, proof, temperature):
    low, high = score_bands(scores, errors, radii, proof.lipschitz, proof.error_lipschitz)
    with np.errstate(all="ignore"):
        # Products round in the same way in predict_proba, and rounding is monotone.
        low, high = (np.clip(temperature * ends, -_CLIPPED, _CLIPPED) for ends in (low, high))
        lower, upper = np.column_stack([expit(-high), expit(low)]), np.column_stack([expit(-low), expit(high)])
    return _outward(lower, upper, 4 * _OF_EXP)


def _of_softmax(scores, errors, radii, proof, temperature):
    n_classes = scores.shape[1]
    lower, upper = np.empty_like(scores), np.empty_like(scores)
    with np.errstate(all="ignore"):
        ends = [score_bands(each, errors, radii, proof.lipschitz, proof.error_lipschitz) for each in scores.T]
        largest = round_up(temperature * np.abs(ends).max(axis=(0, 1)))
        # Of clipped logits, the differences are not known.
        slack = np.where(largest < _CLIPPED, 16.0 * UNIT * largest + _UNDERFLOW, np.inf)[:, None]
        for one in range(n_classes):
            low, high = gap_bands(scores, one, errors, radii, proof.pair_lipschitz, proof.error_lipschitz)
            # Of the exponentials of the other classes, divided by that of the class.
            most = np.nextafter(np.nextafter(temperature * -low, np.inf) + slack, np.inf)
            least = np.nextafter(np.nextafter(temperature * -high, -np.inf) - slack, -np.inf)
            most[:, one] = least[:, one] = 0.0
            lower[:, one] = 1.0 / np.exp(most).sum(axis=1)
            upper[:, one] = 1.0 / np.exp(least).sum(axis=1)
    return _outward(lower, upper, 4 * (_OF_EXP + n_classes))


def _outward(lower, upper, roundings):
    """Ends of bands that were off by some roundings, rounded outward, within 0 and 1."""
    lower = lower * (1.0 - 2.0 * roundings * UNIT) - _UNDERFLOW
    upper = upper * (1.0 + 2.0 * roundings * UNIT) + _UNDERFLOW
    # Not-a-number as well.
    return np.where(lower > 0.0, lower, 0.0), np.where(upper < 1.0, upper, 1.0)
