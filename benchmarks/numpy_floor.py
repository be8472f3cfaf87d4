"""The floor of a training step: its products in a plain NumPy loop, float32, nothing that a framework adds.

Two classes, HKR loss, GroupSort2, orthonormal kernels, Adam with a cosine of the learning rate: forward, loss,
backward, tangent projection, Adam, two Newton–Schulz steps in Gram form. It learns what sklip learns
(``tests/test_benchmark_floor.py``).
"""

from itertools import pairwise

import numpy as np


def group_sort_2(units):
    """Sort the pairs (i, i + width / 2); return the result, shape (n, width), and which pairs were swapped."""
    half = units.shape[1] // 2
    first, second, result = units[:, :half], units[:, half:], np.empty_like(units)
    np.minimum(first, second, out=result[:, :half])
    np.maximum(first, second, out=result[:, half:])
    return result, first > second


def group_sort_2_gradient(slope, swapped):
    """Gradient of :func:`group_sort_2`, of shape (n, width), from that of its result."""
    half = slope.shape[1] // 2
    low, high = slope[:, :half], slope[:, half:]
    return np.concatenate([np.where(swapped, high, low), np.where(swapped, low, high)], axis=1)


def hkr_gradient(scores, signs, alpha, margin):
    """Gradient, of shape (n,), of ``−(E[f | +1] − E[f | −1]) + alpha · E[max(0, margin − y f)]`` in the scores."""
    positive = np.count_nonzero(signs > 0)
    share = np.where(signs > 0, np.float32(-1 / positive), np.float32(1 / (len(signs) - positive)))
    return share - np.float32(alpha / len(signs)) * signs * (signs * scores < margin)


def tangent_projection(kernel, gradient):
    """``G − ½ W (Wᵀ G + Gᵀ W)`` of a kernel at least as tall as wide."""
    inner = kernel.T @ gradient
    return gradient - kernel @ (np.float32(0.5) * (inner + inner.T))


def newton_schulz_twice(kernel):
    """Two steps ``W ← W (1.5 I − 0.5 Wᵀ W)`` of a kernel at least as tall as wide, on its Gram matrix.

    With ``E = Wᵀ W − I`` the two are ``W (I − ½ E + ⅜ E² + E² (E² / 16 − 5 E / 16))``. Beyond a norm of √3 they
    diverge: where ``‖E‖_F > 1`` columns are first divided by the root of their row sum of ``|Wᵀ W|``.
    """
    error = kernel.T @ kernel
    error.flat[:: len(error) + 1] -= 1
    if np.vdot(error, error) > 1:
        error.flat[:: len(error) + 1] += 1
        scale = 1 / np.sqrt(np.abs(error).sum(axis=0))
        kernel, error = kernel * scale, error * scale * scale[:, None]
        error.flat[:: len(error) + 1] -= 1
    squared = error @ error
    factor = squared @ (squared * np.float32(1 / 16) - error * np.float32(5 / 16))
    factor += np.float32(3 / 8) * squared - np.float32(0.5) * error
    factor.flat[:: len(error) + 1] += 1
    return kernel @ factor


def _tall(kernel):
    """The kernel, transposed where it is wider than tall: a view."""
    return kernel if kernel.shape[0] >= kernel.shape[1] else kernel.T


class Floor:
    """A network of two classes that a NumPy loop trains; data is centred and divided by its RMS distance, as in sklip.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    y : ndarray of shape (n,)
        1 for the positive class, 0 for the other; each class and the batches divide evenly.
    hidden_layer_sizes : tuple of int
    alpha, min_margin, learning_rate : float
    batch_size, random_state : int
    """

    def __init__(self, X, y, *, hidden_layer_sizes, alpha, min_margin, learning_rate, batch_size, random_state=0):
        self.rng = np.random.default_rng(random_state)
        center = X.mean(axis=0)
        self.scale = np.sqrt(np.mean(np.sum((X - center) ** 2, axis=1)))
        self.X = ((X - center) / self.scale).astype(np.float32)
        self.signs = np.where(y == 1, np.float32(1), np.float32(-1))
        self.alpha, self.margin, self.rate = alpha, np.float32(min_margin / self.scale), learning_rate
        self.steps = -(-len(X) // batch_size)
        self.classes = [np.flatnonzero(self.signs > 0), np.flatnonzero(self.signs < 0)]
        if len(X) % self.steps:
            raise ValueError(f"{len(X)} rows do not divide into {self.steps} batches.")
        widths = (X.shape[1], *hidden_layer_sizes, 1)
        shapes = [shape for pair in pairwise(widths) for shape in (pair, pair[1:])]
        # All weights are views of one vector, so that Adam is a few operations on it.
        self.vector, self.slope, self.first, self.second = np.zeros((4, sum(map(np.prod, shapes))), np.float32)
        self.weights, self.slopes = (self._views(vector, shapes) for vector in (self.vector, self.slope))
        for kernel in self.weights[:-2:2]:
            tall = _tall(kernel)
            tall[:] = np.linalg.qr(self.rng.standard_normal(tall.shape))[0]
        head = self.rng.standard_normal(widths[-2])
        self.weights[-2][:, 0] = head / np.linalg.norm(head)
        self.done = 0

    @staticmethod
    def _views(vector, shapes):
        ends = np.cumsum([np.prod(shape) for shape in shapes])
        return [part.reshape(shape) for part, shape in zip(np.split(vector, ends[:-1]), shapes, strict=True)]

    def train(self, epochs):
        """Train so many epochs, the learning rate falling to 0 over them."""
        total, taken = epochs * self.steps, 0
        for _ in range(epochs):
            order = np.concatenate([self.rng.permutation(rows) for rows in self.classes])
            for rows in order.reshape(-1, self.steps).T:
                rate = 0.5 * self.rate * (1 + np.cos(np.pi * taken / total))
                self.step(self.X[rows], self.signs[rows], rate)
                taken += 1
        return self

    def step(self, inputs, signs, rate):
        """One step on one batch."""
        units, swaps = [inputs], []
        for kernel, bias in zip(self.weights[:-2:2], self.weights[1:-2:2], strict=True):
            sorted_units, swapped = group_sort_2(units[-1] @ kernel + bias)
            units.append(sorted_units)
            swaps.append(swapped)
        head, head_bias = self.weights[-2:]
        scores = (units[-1] @ head)[:, 0] + head_bias[0]

        slope = hkr_gradient(scores, signs, self.alpha, self.margin)[:, None]
        self.slopes[-1][:] = slope.sum()
        gradient = units[-1].T @ slope
        self.slopes[-2][:] = gradient - head * np.vdot(head, gradient)
        slope = slope @ head.T
        for layer in reversed(range(len(swaps))):
            kernel = self.weights[2 * layer]
            slope = group_sort_2_gradient(slope, swaps[layer])
            self.slopes[2 * layer + 1][:] = slope.sum(axis=0)
            _tall(self.slopes[2 * layer])[:] = tangent_projection(_tall(kernel), _tall(units[layer].T @ slope))
            if layer:
                slope = slope @ kernel.T

        self.adam(rate)
        for kernel in self.weights[:-2:2]:
            tall = _tall(kernel)
            tall[:] = newton_schulz_twice(tall)
        head /= np.linalg.norm(head)

    def adam(self, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        """Keras' Adam, on all weights at once."""
        self.done += 1
        self.first += np.float32(1 - beta_1) * (self.slope - self.first)
        self.second += np.float32(1 - beta_2) * (self.slope * self.slope - self.second)
        step = rate * np.sqrt(1 - beta_2**self.done) / (1 - beta_1**self.done)
        self.vector -= np.float32(step) * self.first / (np.sqrt(self.second) + np.float32(epsilon))

    def scores(self):
        """Scores of the training rows, of shape (n,), in the units of the data."""
        units = self.X
        for kernel, bias in zip(self.weights[:-2:2], self.weights[1:-2:2], strict=True):
            units = group_sort_2(units @ kernel + bias)[0]
        return ((units @ self.weights[-2])[:, 0] + self.weights[-1][0]) * self.scale

    def loss(self):
        """HKR loss of the training rows, in the units of the data."""
        scores, positive = self.scores().astype(np.float64), self.signs > 0
        hinge = np.maximum(0, self.margin * self.scale - self.signs * scores).mean()
        return float(self.alpha * hinge - scores[positive].mean() + scores[~positive].mean())
