"""The radius within which a majority holds."""

from fractions import Fraction

import numpy as np

from sklip.arithmetic.rounding import gamma


def vote_radii(
    votes: np.ndarray, radii: np.ndarray, weights: np.ndarray, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Winners of weighted votes, and the radii within which they win whatever the members beyond theirs do.

    Within a distance ``d`` exactly the members with a radius above ``d`` are sure to vote as they do; all others may
    vote for the strongest rival. Of several classes with equal votes the lowest wins, as in scikit-learn. Votes that
    are equal up to the rounding of their sums, where these are not exact, count as lost.

    Parameters
    ----------
    votes : ndarray of shape (n_rows, n_members), int
        Positions of classes.
    radii : ndarray of shape (n_rows, n_members)
        Certified radii of the members' own predictions.
    weights : ndarray of shape (n_members,)
        0 or more.
    n_classes : int

    Returns
    -------
    winners : ndarray of shape (n_rows,)
        Positions of classes.
    radii : ndarray of shape (n_rows,)
        Infinite where the members that have finite radii cannot change the majority.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.pipelines import vote_radii
    >>> vote_radii(np.array([[1, 1, 0]]), np.array([[0.5, 0.2, 0.9]]), np.ones(3), 2)
    (array([1]), array([0.2]))
    """
    n_rows, n_members = votes.shape
    rows = np.arange(n_rows)
    # Each of scikit-learn's two sums is off by n roundings of the whole, ours together by four times as many.
    tolerance = 0.0 if _sums_are_exact(weights) else 8 * gamma(n_members + 1) * weights.sum()
    tallies = np.zeros((n_rows, n_classes))
    for member in range(n_members):
        tallies[rows, votes[:, member]] += weights[member]
    winners = tallies.argmax(axis=1)
    order = np.argsort(radii, axis=1, kind="stable")
    certified = np.full(n_rows, np.inf)
    lower = np.arange(n_classes) < winners[:, None]  # these win ties against the winner
    # How much each rival may still gain: what a member takes from others on its way to the rival.
    gains = np.zeros((n_rows, n_classes))
    undecided = np.ones(n_rows, dtype=bool)
    for place in range(-1, n_members):
        if place >= 0:
            members = order[:, place]
            gains += weights[members][:, None] * (np.arange(n_classes) != votes[rows, members][:, None])
            loses = votes[rows, members] == winners
            tallies[rows[loses], winners[loses]] -= weights[members[loses]]
        lead = tallies[rows, winners][:, None] - (tallies + gains)
        lead[rows, winners] = np.inf
        lost = (lead < tolerance) | ((lead <= tolerance) & (lower | (tolerance > 0)))
        broken = lost.any(axis=1) & undecided
        certified[broken] = 0.0 if place < 0 else radii[rows, order[:, place]][broken]
        undecided &= ~broken
    return winners, certified


def _sums_are_exact(weights):
    """Whether every sum of some of the weights is a float64 number."""
    exact = [Fraction(weight) for weight in weights.tolist()]
    denominator = max((weight.denominator for weight in exact), default=1)  # powers of 2, all of them
    return sum(exact) * denominator < 2**53
