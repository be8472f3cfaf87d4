"""A proven lower bound of the Wasserstein-1 distance between two samples. NumPy only."""

import numpy as np

from sklip.arithmetic.rounding import TINY, gamma, round_down, round_up
from sklip.certification._question import EUCLIDEAN, Question
from sklip.certification._radius import certificate, scores_and_errors
from sklip.served import ServedNetwork


def _mean(scores, errors, weights):
    """Weighted mean of computed scores, and a bound of its error; two times None where a sum overflows."""
    n, weights = len(scores), weights / np.max(weights)
    total = np.sum(weights)
    mean = np.sum(weights * scores) / total  # infinite or NaN if a partial sum was infinite
    # A weight passes two roundings and its term n more in the numerator, n in the denominator and
    # one in the quotient: less than γ of 3 n + 12 in all (Higham 2002, lemma 3.3).
    factor = gamma(3 * n + 12)
    # A product or a sum may lose 2⁻¹⁰²² of a total of at least 1, a weight 2⁻¹²² of the largest.
    underflow = 16 * n * (TINY + 2.0**-122 * np.max(np.abs(scores) + errors))
    error = round_up(round_up(np.sum(weights * (errors + factor * np.abs(scores))) / total, 3 * n + 12) + underflow, 4)
    return (mean, error) if np.isfinite(mean) and np.isfinite(error) else (None, None)


def wasserstein_lower_bound(
    scores: np.ndarray, errors: np.ndarray, positive: np.ndarray, weights: np.ndarray, lipschitz: float
) -> float:
    """Lower bound of the Wasserstein-1 distance between two weighted samples.

    By Kantorovich and Rubinstein, ``W₁(μ, ν) = sup E_μ[f] − E_ν[f]`` over 1-Lipschitz ``f``
    [1]_. The Lipschitz constants of ``f`` and ``−f`` are equal. So for any ``f`` of Lipschitz constant at most ``L``,
    ``W₁ ≥ |E_μ[f] − E_ν[f]| / L``. A bound of the roundings of scores, sums, weights and
    quotients is subtracted first.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,), float64
        Computed values of ``f``.
    errors : ndarray of shape (n_rows,), float64
        Bounds of the differences between computed and exact values.
    positive : ndarray of shape (n_rows,), bool
        True for the rows of ``μ``, False for those of ``ν``.
    weights : ndarray of shape (n_rows,), float64
        Numbers of at least 0, of which the largest is 1. Those of each sample are divided by their sum. They may
        be rounded: each once, or by up to 2⁻¹⁰²².
    lipschitz : float
        Upper bound of the Lipschitz constant of ``f``.

    Returns
    -------
    float
        In the units of the distance, rounded down. 0 if nothing is proven, for example because scores
        overflow.

    Raises
    ------
    ValueError
        If one of the two samples has no row of positive weight.

    References
    ----------
    .. [1] Villani, "Optimal Transport, Old and New", 2009, remark 6.5.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.certification import wasserstein_lower_bound
    >>> scores, weights = np.array([0.0, 1.0, 2.0, 5.0]), np.array([1.0, 1.0, 1.0, 1/3])
    >>> errors, positive = np.zeros(4), np.array([False, False, True, True])
    >>> round(wasserstein_lower_bound(scores, errors, positive, weights, 1.0), 12)
    2.25
    """
    means, errors_of_means = [], []
    for sample in (positive, ~positive):
        kept = sample & (weights > 0)
        if not kept.any():
            raise ValueError("A Wasserstein distance needs rows of positive weight in both samples; one has none.")
        # What such small weights lost by underflow is not bounded: the largest of all is 1.
        if not weights[kept].max() > 2.0**-900:
            return 0.0
        with np.errstate(all="ignore"):
            mean, error = _mean(scores[kept], errors[kept], weights[kept])
        if mean is None:
            return 0.0
        means.append(mean)
        errors_of_means.append(error)
    with np.errstate(all="ignore"):
        # Where the difference of two finite means overflows, it is at least the largest number.
        proven = round_down(abs(means[0] - means[1])) - round_up(errors_of_means[0] + errors_of_means[1])
        # Where a product or quotient of finite numbers overflows here, it is at least the largest number.
        return float(round_down(proven / lipschitz, 4)) if proven > 0.0 else 0.0


def transport_bounds(
    network: ServedNetwork,
    X: np.ndarray,
    positive: np.ndarray,
    weights: np.ndarray,
    question: Question = EUCLIDEAN,
) -> np.ndarray:
    """Compute, from each score of a network, a lower bound of the Wasserstein-1 distance of two samples.

    Parameters
    ----------
    network : sklip.served.ServedNetwork
    X : ndarray of shape (n_rows, n_features), float64
        The rows of both samples.
    positive : ndarray of shape (n_rows, n_scores), bool
        True for the rows of the first sample of each score, False for those of its second.
    weights : ndarray of shape (n_rows,), float64
        As in :func:`wasserstein_lower_bound`.
    question : Question, optional
        In which norm and in which units distances between rows are measured; by default, the Euclidean norm.

    Returns
    -------
    ndarray of shape (n_scores,), float64
        In the units of the question; NaN if one of the samples has no row of positive weight.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.certification import transport_bounds
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> along = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> X = np.array([[0.0, 0.0], [1.0, 0.0], [3.0, 4.0], [4.0, 4.0]])
    >>> positive = np.array([[False], [False], [True], [True]])
    >>> transport_bounds(along, X, positive, np.ones(4)).round(12).tolist()  # moved by (3, 4)
    [5.0]
    """
    scores, errors = scores_and_errors(network, X)
    lipschitz = certificate(network, question).lipschitz
    bounds = np.full(scores.shape[1], np.nan)
    for head, first in enumerate(positive.T):
        if weights[first].any() and weights[~first].any():
            bounds[head] = wasserstein_lower_bound(scores[:, head], errors, first, weights, lipschitz)
    return bounds
