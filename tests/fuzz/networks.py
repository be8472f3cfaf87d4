"""Random networks: every activation and depth, weights of every size, ties, zero columns, sums that nearly overflow."""

import itertools

import numpy as np

from sklip.arithmetic import polar_factor
from tests.fuzz.draws import chance, pick, power
from tests.helpers import ACTIVATIONS, altered, biases_of, network_of


def draw_network(rng, rows, *, n_scores=None):
    """A random network for rows, float64 of shape (n_rows, width), its boundaries amid their scores where it can."""
    for _ in range(5):
        network = _draw(rng, rows, n_scores or pick(rng, 1, 1, 1, 3, 4))
        with np.errstate(all="ignore"):
            if np.isfinite(network.scores(rows)).all():
                break
    return network


def _draw(rng, rows, n_scores):
    width, depth = rows.shape[1], int(rng.integers(1, 5))
    widths = [width, *(int(4 * rng.integers(1, 3)) for _ in range(depth - 1)), n_scores]
    spread = _finite(np.abs(rows - np.median(rows, axis=0)).max(initial=0.0), 1.0)
    kernels = [_kernel(rng, shape) for shape in itertools.pairwise(widths)]
    if chance(rng, 0.3):  # columns of unlike units count alike
        deviations = np.std(rows / (np.abs(rows).max() or 1.0), axis=0) * (np.abs(rows).max() or 1.0)
        kernels[0] = kernels[0] / np.clip(np.where(deviations > 0, deviations, 1.0), 1e-150, 1e150)[:, None]
    kind = pick(rng, *["plain"] * 8, "scaled", "scaled", "extreme", "brink", "brink", "subnormal")
    kernels = _SIZES[kind](rng, kernels, rows)
    biases = [_bias(rng, kind, width, spread) for width in widths[1:]]
    activations = [_activation(rng, kind) for _ in widths[1:-1]]
    network = network_of(_center(rng, rows), tuple(kernels), tuple(biases), tuple(activations))
    return _amid(rng, network, rows)


def _kernel(rng, shape):
    kernel = rng.standard_normal(shape)
    kind = pick(rng, "orthonormal", "orthonormal", "arbitrary", "sparse", "repeated", "whole")
    if kind == "orthonormal":
        return polar_factor(kernel)
    if kind == "sparse":
        kernel = np.where(rng.random(shape) < 0.5, 0.0, kernel)
    elif kind == "repeated":
        kernel[:, -1] = kernel[:, 0]
    elif kind == "whole":
        kernel = rng.integers(-2, 3, shape).astype(np.float64)
    return kernel


def _plain(rng, kernels, rows):
    return kernels


def _scaled(rng, kernels, rows):
    return [kernel * power(rng, -8, 8) for kernel in kernels]


def _extreme(rng, kernels, rows):
    with np.errstate(over="ignore", under="ignore"):
        return [np.clip(kernel * power(rng, -300, 300), -1e308, 1e308) for kernel in kernels]


def _subnormal(rng, kernels, rows):
    """Weights that a thread that flushes takes for zeros; large ones before them make the scores ordinary."""
    kernels = list(kernels)
    place = int(rng.integers(len(kernels)))
    if place and chance(rng, 0.7):
        kernels[0] = kernels[0] * power(rng, 100, 290)
    kernels[place] = kernels[place] * power(rng, -320, -308)
    if chance(rng, 0.5):
        kernels[-1] = kernels[-1] * power(rng, -20, 0)
    return kernels


def _brink(rng, kernels, rows):
    """Some sums come near the largest number, or cancel there, and the last layer makes them ordinary again."""
    if len(kernels) == 1:
        return kernels
    kernels = [_cancelling(rng, kernel) if chance(rng, 0.6) else kernel for kernel in kernels[:-1]] + kernels[-1:]
    layers = int(rng.integers(1, len(kernels)))
    largest = np.log10(max(np.abs(rows).max(initial=0.0), 1e-300))
    exponent = (308.2 - largest - rng.uniform(-1.0, 1.0)) / layers
    with np.errstate(over="ignore", under="ignore"):
        grown = [np.clip(kernel * 10.0 ** np.clip(exponent, -300, 307), -1e308, 1e308) for kernel in kernels[:layers]]
        last = kernels[-1] * 10.0 ** np.clip(-exponent * layers + rng.uniform(0, 20), -307, 300)
    return [*grown, *kernels[layers:-1], last]


def _cancelling(rng, kernel):
    """Columns of sum 0, which cancel on inputs that are alike."""
    shares = np.abs(kernel) + 1e-3
    shares[0] = -shares[1:].sum(axis=0) if len(kernel) > 1 else shares[0]
    return shares * np.where(rng.random(kernel.shape[1]) < 0.8, 1.0, -1.0)


_SIZES = {"plain": _plain, "scaled": _scaled, "extreme": _extreme, "subnormal": _subnormal, "brink": _brink}


def _bias(rng, kind, width, spread):
    noise = rng.standard_normal(width)
    size = pick(rng, 0.0, 0.3 * spread, 0.3 * spread, spread, power(rng, -300, 300))
    return np.clip(noise * (0.0 if kind == "brink" else size), -1e307, 1e307)


def _activation(rng, kind):
    return "relu" if kind == "brink" and chance(rng, 0.7) else pick(rng, *ACTIVATIONS)


def _center(rng, rows):
    kind = pick(rng, "zero", "median", "median", "row", "far")
    if kind == "zero":
        return np.zeros(rows.shape[1])
    if kind == "row":
        return rows[0].copy()
    center = np.median(rows, axis=0)
    return center if kind == "median" else center + power(rng, 2, 12) * np.minimum(np.abs(center) + 1, 1e290)


def _amid(rng, network, rows):
    """The network with its boundary amid the rows; at a score of a row, to tie, or near it."""
    with np.errstate(all="ignore"):
        scores = network.scores(rows)
        level = np.median(scores, axis=0) if chance(rng, 0.7) else scores[int(rng.integers(len(scores)))]
        last = biases_of(network)[-1] - level
    return altered(network, biases=(*biases_of(network)[:-1], last)) if np.isfinite(last).all() else network


def _finite(value, otherwise):
    return float(value) if np.isfinite(value) else otherwise
