"""The certified radius: the prediction is the same for all inputs strictly within it, rounding included."""

from dataclasses import dataclass
from functools import cached_property, partial
from operator import is_
from weakref import WeakKeyDictionary

import numpy as np

from sklip._frozen import frozen
from sklip.arithmetic.rounding import UNIT, round_down, round_up
from sklip.certification._lipschitz import score_bounds
from sklip.certification._question import EUCLIDEAN, Question
from sklip.certification._rounding import ErrorBound, error_bound
from sklip.served import ServedNetwork


@dataclass(frozen=True, eq=False)
class Certificate:
    """The proven constants of a network, from which radii follow for given scores.

    Attributes
    ----------
    lipschitz : float
        Bound of the Lipschitz constant of every single score.
    pair_lipschitz : ndarray of shape (n_scores, n_scores)
        Bounds of the Lipschitz constants of ``f_c − f_j``: that of the operations before the
        heads times ``‖w_c − w_j‖``.
    error : ErrorBound
        Bound of the rounding error of every single score.
    speed : float, default=1.0
        Bound of the Euclidean length, in the units of the columns, of a displacement of size 1 in the question.
    input_lipschitz : float or None, default=None
        Bound of the Euclidean Lipschitz constant of every single score; None where ``lipschitz`` is that.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> from sklip.certification import certificate
    >>> proof = certificate(network)
    >>> round(proof.lipschitz, 6), proof.error.slope < 1e-14
    (1.0, True)
    """

    lipschitz: float
    pair_lipschitz: np.ndarray
    error: ErrorBound
    speed: float = 1.0
    input_lipschitz: float | None = None

    def __post_init__(self):
        object.__setattr__(self, "pair_lipschitz", frozen(self.pair_lipschitz))

    def score_errors(self, distances: np.ndarray, converted: float = 0.0) -> np.ndarray:
        """Error bounds of the scores of rows at these distances from the centre, of shape (n_rows,).

        ``converted`` is a bound of the distance between the rows that were read and the exact ones.
        """
        errors = round_up(self.error.slope * (1.0 + 4 * UNIT) * distances + self.error.intercept, 4)
        return round_up(errors + self.input_error_slope * converted, 4) if converted else errors

    @property
    def error_lipschitz(self) -> float:
        """Bound of the growth of the errors per unit of displacement; 0 if the scores are constant."""
        slope = self._error_slope
        return slope if self.speed == 1.0 or not slope else float(round_up(slope * self.speed))

    @property
    def _error_slope(self) -> float:
        """Bound of the growth of the errors per unit of Euclidean distance."""
        return float(round_up(self.error.slope * (1.0 + 4 * UNIT), 2)) if self.error.slope else 0.0

    @property
    def input_error_slope(self) -> float:
        """Bound of the errors of scores per unit of distance between the rows that were read and the exact ones.

        The exact score changes by up to ``lipschitz``. Its rounding is bounded at rows that are farther from the centre
        by the same distance: once for the row, once for the row with which it is compared.
        """
        lipschitz = self.lipschitz if self.input_lipschitz is None else self.input_lipschitz
        return lipschitz + 2.0 * self._error_slope

    @cached_property
    def may_overflow(self) -> bool:
        """Whether a radius may reach a point where something overflows.

        Rows at ``t ≥ 2⁵¹²`` have infinite errors, and so no radius. For all others, a radius is at most a gap between
        scores divided by the smallest slope.
        """
        slope = self.pair_lipschitz[~np.eye(len(self.pair_lipschitz), dtype=bool)].min(initial=self.lipschitz)
        slope += self.error_lipschitz
        with np.errstate(all="ignore"):
            gap = 4.0 * (self.error.size * 2.0**512 + self.error.constant)
            reached = 2.0**513 + (gap if self.speed == 1.0 else gap * self.speed) / slope
        return not (reached <= self.error.farthest or slope == 0.0)

    def radii(self, scores: np.ndarray, centered: np.ndarray, converted: float = 0.0) -> np.ndarray:
        """Radii of centred rows and their computed scores, of shape (n_rows,); ``converted`` as in ``score_errors``."""
        with np.errstate(all="ignore"):
            distances = distances_above(centered)
            errors = self.score_errors(distances, converted)
            if scores.shape[1] == 1:
                radii = threshold_radii(np.abs(scores[:, 0]), errors, self.lipschitz, self.error_lipschitz)
            else:
                radii = class_radii(scores, errors, self.pair_lipschitz, self.error_lipschitz)
            return np.minimum(radii, self.room(distances)) if self.may_overflow else radii

    def room(self, distances: np.ndarray) -> np.ndarray:
        """Displacements up to which nothing overflows, for rows at these distances from the centre."""
        room = round_down(self.error.farthest - distances)
        return room if self.speed == 1.0 else round_down(room / self.speed)


def distances_above(centered: np.ndarray) -> np.ndarray:
    """Upper bounds of the norms of centred rows; the rounding of the subtraction is not included.

    Parameters
    ----------
    centered : ndarray of shape (n_rows, n_features), float64
        Rows from which the centre was subtracted.

    Returns
    -------
    ndarray of shape (n_rows,), float64
        Infinite beyond ``2⁵¹²``, where squares overflow.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.certification import distances_above
    >>> bound = distances_above(np.array([[3.0, 4.0]]))[0]
    >>> bool(5.0 <= bound < 5.0 + 1e-12)
    True
    """
    squares = np.einsum("ij,ij->i", centered, centered)
    underflow = np.sqrt(centered.shape[1]) * 2.0**-500  # of the squares
    return round_up(np.sqrt(squares), centered.shape[1] + 6) + underflow


_certificates: WeakKeyDictionary = WeakKeyDictionary()


def certificate(network: ServedNetwork, question: Question = EUCLIDEAN) -> Certificate:
    """The certificate of a network, proven once from its arrays and kept as long as the network exists.

    Parameters
    ----------
    network : sklip.served.ServedNetwork
    question : Question, optional
        In which norm and in which units of the columns displacements are measured. By default the Euclidean norm, each
        column in its own unit.

    Returns
    -------
    Certificate

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> from sklip.certification import certificate
    >>> certificate(network) is certificate(network)
    True
    """
    parts = [value for operation in network.operations for value in vars(operation).values()]
    known, proofs = _certificates.get(network, ((), {}))
    if len(known) != len(parts) or not all(map(is_, known, parts)):
        proofs = {}
    proof = proofs.get(question.key)
    if proof is None:
        with np.errstate(all="ignore"):  # an infinite bound certifies nothing
            proof = _proven(network, question)
        _certificates[network] = parts, {**proofs, question.key: proof}
    return proof


def _proven(network, question):
    """The certificate of a network for a question."""
    if question.key == EUCLIDEAN.key:
        return Certificate(*score_bounds(network), error_bound(network))
    euclidean = certificate(network)
    bounds = score_bounds(network, partial(_after_question, question, network.n_features))
    speed = question.norm_after(None, network.n_features)
    return Certificate(*bounds, euclidean.error, speed, euclidean.lipschitz)


def _after_question(question, n_features, kernel, linear=None):
    """The source of a question."""
    return question.norm_after(kernel, n_features, linear)


def threshold_radii(gaps: np.ndarray, errors: np.ndarray, lipschitz: float, error_lipschitz: float) -> np.ndarray:
    """Radii within which a computed score stays on its side of a threshold.

    ``r = (|f − t| − 2 E) / (L + a)``: see :func:`certified_radius`.

    Parameters
    ----------
    gaps : ndarray of shape (n_rows,)
        ``|f − t|`` of the computed scores, not rounded up.
    errors : ndarray of shape (n_rows,)
        Bounds ``E`` of the errors of the scores.
    lipschitz : float
        Bound ``L`` of their Lipschitz constant.
    error_lipschitz : float
        Bound ``a`` of the growth of ``E`` per unit of displacement.

    Returns
    -------
    ndarray of shape (n_rows,)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.certification import threshold_radii
    >>> gaps, errors = np.array([1.0, 0.1]), np.array([0.125, 0.125])
    >>> threshold_radii(gaps, errors, lipschitz=1.5, error_lipschitz=0.0).round(6).tolist()
    [0.5, 0.0]
    """
    with np.errstate(all="ignore"):
        rest, slope = gaps - 2.0 * errors, lipschitz + error_lipschitz
        if slope == 0:  # nothing can change
            return np.where(rest > 0, np.inf, 0.0)
        return np.where(rest > 0, round_down(rest / round_up(slope), 4), 0.0)


def class_radii(
    scores: np.ndarray, errors: np.ndarray, pair_lipschitz: np.ndarray, error_lipschitz: float
) -> np.ndarray:
    """Radii within which the computed score of the predicted class stays the highest.

    ``r = min_j (f_c − f_j − 4 E) / (L_cj + 2 a)``: see :func:`certified_radius`.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_classes)
    errors : ndarray of shape (n_rows,)
        Bounds ``E`` of the errors of the scores.
    pair_lipschitz : ndarray of shape (n_classes, n_classes)
        Bounds ``L_cj`` of the Lipschitz constants of the differences.
    error_lipschitz : float
        Bound ``a`` of the growth of ``E`` per unit of displacement.

    Returns
    -------
    ndarray of shape (n_rows,)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.certification import class_radii
    >>> scores, pairs = np.array([[2.0, 1.0, -1.0]]), np.full((3, 3), 2.0)
    >>> class_radii(scores, np.zeros(1), pairs, error_lipschitz=0.0).round(6).tolist()
    [0.5]
    """
    rows, best = np.arange(len(scores)), scores.argmax(axis=1)
    highest = scores[rows, best]
    with np.errstate(all="ignore"):
        # The rounding of the differences is subtracted once per row, that of the quotients after the minimum.
        errors_of_gaps = round_up(4.0 * errors + 2 * UNIT * (highest - scores.min(axis=1)), 3)
        gaps = highest[:, None] - scores
        gaps[rows, best] = np.inf
        gaps -= errors_of_gaps[:, None]
        if error_lipschitz == 0 and not pair_lipschitz.any():
            return np.where(gaps.min(axis=1) > 0, np.inf, 0.0)
        gaps /= round_up(pair_lipschitz + 2.0 * error_lipschitz, 2)[best]
        nearest = gaps.min(axis=1)
        return np.where(nearest > 0, round_down(nearest, 4), 0.0)


def scores_and_errors(network: ServedNetwork, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores and the bounds of their errors, from one forward pass.

    Parameters
    ----------
    network : sklip.served.ServedNetwork
    X : ndarray of shape (n_rows, n_features), float64

    Returns
    -------
    scores : ndarray of shape (n_rows, n_scores)
        The numbers of ``network.scores``, bit for bit; not finite where they overflow.
    errors : ndarray of shape (n_rows,)
        Bounds for every single score; infinite where a hidden value may overflow.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> from sklip.certification import scores_and_errors
    >>> scores, errors = scores_and_errors(network, np.array([[1.0, 1.0]]))
    >>> scores.round(6).tolist(), bool(0 < errors[0] < 1e-14)
    ([[1.4]], True)
    """
    proof = certificate(network)
    scores, errors = np.empty((len(X), network.n_scores)), np.empty(len(X))
    with np.errstate(all="ignore"):
        for rows, centered, computed in network.scored_blocks(X):
            distances = distances_above(centered)
            scores[rows] = computed
            errors[rows] = np.where(distances <= proof.error.farthest, proof.score_errors(distances), np.inf)
    return scores, errors


def certified_radius(network: ServedNetwork, X: np.ndarray) -> np.ndarray:
    """Radii of rows, strictly within which the predicted class cannot change.

    Let ``E(x) = a ‖x − center‖ + b`` bound the rounding error of every score
    (:func:`sklip.certification.error_bound`). Along a displacement of length ``r`` the error
    bound grows by at most ``a r`` and a function of Lipschitz constant ``L`` changes by at
    most ``L r``. So the computed score keeps its sign within
    ``r = (|f(x)| − 2 E(x)) / (L + a)``; and with several classes the computed score of the
    predicted class ``c`` stays above that of every other class ``j`` within
    ``r = min_j (f_c(x) − f_j(x) − 4 E(x)) / (L_cj + 2 a)``, where ``L_cj`` is the Lipschitz
    constant of the layers before the heads times ``‖w_c − w_j‖``.

    Parameters
    ----------
    network : sklip.served.ServedNetwork
    X : ndarray of shape (n_rows, n_features), float64

    Returns
    -------
    ndarray of shape (n_rows,), float64
        Rounded down; 0 where scores are equal up to rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> from sklip.certification import certified_radius
    >>> certified_radius(network, np.array([[1.0, 1.0], [0.0, 0.0]])).round(6).tolist()
    [1.4, 0.0]
    """
    proof, radii = certificate(network), np.empty(len(X))
    for rows, centered, scores in network.scored_blocks(X):
        radii[rows] = proof.radii(scores, centered)
    return radii


def certified_scores(network: ServedNetwork, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores and their radii, from one forward pass.

    Parameters
    ----------
    network : sklip.served.ServedNetwork
    X : ndarray of shape (n_rows, n_features), float64

    Returns
    -------
    scores : ndarray of shape (n_rows, n_scores)
        The numbers of ``network.scores``, bit for bit.
    radii : ndarray of shape (n_rows,)
        The numbers of :func:`certified_radius`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> from sklip.certification import certified_scores
    >>> scores, radii = certified_scores(network, np.array([[-1.0, -1.0]]))
    >>> scores.round(6).tolist(), radii.round(6).tolist()
    ([[-1.4]], [1.4])
    """
    proof = certificate(network)
    scores, radii = np.empty((len(X), network.n_scores)), np.empty(len(X))
    for rows, centered, computed in network.scored_blocks(X):
        scores[rows], radii[rows] = computed, proof.radii(computed, centered)
    return scores, radii
