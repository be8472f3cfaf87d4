"""Lengths, balls and steepest directions in the norms 1, 2 and inf; an exact test of an open ball."""

from fractions import Fraction

import numpy as np

from sklip.arithmetic.rounding import UNIT, round_up


def lengths(offsets: np.ndarray, norm: float) -> np.ndarray:
    """Return the norm of each row, in floating point, without overflow or underflow.

    Parameters
    ----------
    offsets : ndarray of shape (n_rows, n_features), float64
    norm : {1, 2, inf}

    Returns
    -------
    ndarray of shape (n_rows,)
    """
    if norm != 2:
        return np.abs(offsets).sum(axis=1) if norm == 1 else np.abs(offsets).max(axis=1)
    with np.errstate(over="ignore", under="ignore"):
        squares = np.einsum("ij,ij->i", offsets, offsets)
    extreme = ~((squares > 1e-280) & (squares < 1e280))
    result = np.sqrt(squares)
    if extreme.any():
        largest = np.abs(offsets[extreme]).max(axis=1)
        ratios = offsets[extreme] / np.where((largest > 0) & np.isfinite(largest), largest, 1.0)[:, None]
        result[extreme] = largest * np.where(largest > 0, np.sqrt(np.square(ratios).sum(axis=1)), 1.0)
    return result


def lengths_above(rows: np.ndarray, inputs: np.ndarray, tolerances: np.ndarray, norm: float) -> np.ndarray:
    """Return upper bounds, rounded up, of the distances of inputs from their rows, in units of ``tolerances``."""
    # One rounding each for the difference, the quotient, the square and the root; n for the sum.
    return round_up(lengths((inputs - rows) / tolerances, norm), rows.shape[1] + 8)


def steepest(gradients: np.ndarray, norm: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the direction of norm 1 of steepest ascent for each gradient, and the slope along it.

    The slope is the dual norm of the gradient. The direction of a zero gradient is zero.

    Parameters
    ----------
    gradients : ndarray of shape (n_rows, n_features), float64
    norm : {1, 2, inf}

    Returns
    -------
    directions : ndarray of shape (n_rows, n_features)
    slopes : ndarray of shape (n_rows,)
    """
    if norm == 1:
        all_rows, largest = np.arange(len(gradients)), np.abs(gradients).argmax(axis=1)
        directions, peaks = np.zeros_like(gradients), gradients[all_rows, largest]
        directions[all_rows, largest] = np.sign(peaks)
        return directions, np.abs(peaks)
    if norm == 2:
        slopes = lengths(gradients, 2)
        return gradients / np.where(slopes > 0, slopes, 1.0)[:, None], slopes
    return np.sign(gradients), np.abs(gradients).sum(axis=1)


def normalized(vectors: np.ndarray, norm: float) -> np.ndarray:
    """Return each vector divided by its norm; zero vectors stay zero."""
    sizes = lengths(vectors, norm)[:, None]
    return vectors / np.where(sizes > 0, sizes, 1.0)


def random_directions(rng: np.random.Generator, shape: tuple[int, int], norm: float) -> np.ndarray:
    """Return random vectors of norm 1: corners of the cube for ``inf``, Gaussian ones for 2, sparse ones for 1.

    For 1, a random number of the largest entries of a Gaussian vector is kept, few more often than many: the nearest
    inputs differ from their rows in few columns.
    """
    noise = rng.standard_normal(shape)
    if norm == np.inf:
        return np.where(noise < 0, -1.0, 1.0)
    if norm == 1:
        n_kept = np.rint(shape[1] ** rng.random(shape[0]))
        ranks = np.abs(noise).argsort(axis=1)[:, ::-1].argsort(axis=1)
        noise[ranks >= n_kept[:, None]] = 0.0
    return normalized(noise, norm)


def confine(offsets: np.ndarray, radii: np.ndarray, norm: float) -> np.ndarray:
    """Move each vector to the nearest point of the closed ball of its radius, up to rounding.

    Nearest in the Euclidean distance. For the norm 1, all entries move towards 0 by the same threshold, which is
    found among the sorted sizes of the entries [1]_.

    Parameters
    ----------
    offsets : ndarray of shape (n_rows, n_features), float64
    radii : ndarray of shape (n_rows,), float64
    norm : {1, 2, inf}

    Returns
    -------
    ndarray of shape (n_rows, n_features)

    References
    ----------
    .. [1] Duchi, Shalev-Shwartz, Singer and Chandra, "Efficient projections onto the l1-ball for learning in high
       dimensions", ICML 2008.
    """
    if norm == np.inf:
        return np.clip(offsets, -radii[:, None], radii[:, None])
    sizes = lengths(offsets, norm)
    if norm == 2:
        return offsets * np.minimum(1.0, radii / np.where(sizes > 0, sizes, 1.0))[:, None]
    result, beyond = offsets.copy(), np.flatnonzero(sizes > radii)
    entries = np.abs(offsets[beyond])
    descending = np.sort(entries, axis=1)[:, ::-1]
    # The threshold if exactly the k largest entries stay; the last k for which the kth stays is the right one.
    thresholds = (descending.cumsum(axis=1) - radii[beyond, None]) / np.arange(1, offsets.shape[1] + 1)
    n_kept = np.maximum((descending > thresholds).sum(axis=1), 1)
    threshold = np.take_along_axis(thresholds, n_kept[:, None] - 1, axis=1)
    result[beyond] = np.copysign(np.maximum(entries - threshold, 0.0), offsets[beyond])
    return result


def strictly_inside(
    rows: np.ndarray, inputs: np.ndarray, radii: np.ndarray, tolerances: np.ndarray, norm: float
) -> np.ndarray:
    """Return whether each input lies in the open ball around its row, in exact arithmetic.

    The condition is ``‖(input − row) / tolerances‖ < radius`` in real numbers. Lengths in floating
    point decide the clear cases; rational arithmetic decides the others.

    Parameters
    ----------
    rows, inputs : ndarray of shape (n_rows, n_features), float64
    radii : ndarray of shape (n_rows,), float64
    tolerances : ndarray of shape (n_features,), float64
    norm : {1, 2, inf}

    Returns
    -------
    ndarray of shape (n_rows,), bool
    """
    distances = lengths((inputs - rows) / tolerances, norm)
    # A length has at most n + 8 roundings; see lengths_above.
    doubt = 2 * (rows.shape[1] + 16) * UNIT
    inside = distances < radii
    # If a distance is below 1e-290, a quotient or a square may have underflowed.
    unclear = (np.abs(distances - radii) <= doubt * radii) | ((distances < 1e-290) & (radii > 0))
    for index in np.flatnonzero(unclear & np.isfinite(radii)):
        inside[index] = _strictly_inside(rows[index], inputs[index], radii[index], tolerances, norm)
    return inside


def _strictly_inside(row, point, radius, tolerances, norm):
    """One row of :func:`strictly_inside`, in rational arithmetic."""
    moved = np.flatnonzero(point != row)
    offsets = [
        abs(Fraction(a) - Fraction(b)) / Fraction(s)
        for a, b, s in zip(point[moved].tolist(), row[moved].tolist(), tolerances[moved].tolist(), strict=True)
    ]
    radius = Fraction(float(radius))
    if norm == np.inf:
        return max(offsets, default=0) < radius
    if norm == 1:
        return _sum(offsets) < radius
    return _sum([offset * offset for offset in offsets]) < radius * radius


def _sum(fractions):
    """Sum by halves, so that numerators and denominators stay short as long as possible."""
    if len(fractions) < 2:
        return sum(fractions, Fraction(0))
    half = len(fractions) // 2
    return _sum(fractions[:half]) + _sum(fractions[half:])
