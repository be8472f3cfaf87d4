"""The dense network of the estimators in NumPy: a front, orthonormal layers with activations, and heads of norm 1."""

from itertools import pairwise

import numpy as np

from sklip import served
from sklip.arithmetic import polar_factor, unit_columns
from sklip.front_formulas import Front
from sklip.training.in_numpy import stiefel
from sklip.training.in_numpy.activations import activation_of
from sklip.training.in_numpy.front import NumPyFront


class DenseNetwork:
    """A network of dense layers, all weights of which are parts of one vector.

    Parameters
    ----------
    widths : sequence of int
        Number of values that the first layer gets, of units of each hidden layer, and of scores.
    activation : str
        Name of the activation of the hidden layers.
    dropout : float, default=0.0
        Share of the hidden units that are left out at random during training.
    front : sklip.front_formulas.Front or None, default=None
        What stands before the first layer.

    Attributes
    ----------
    vector, slopes : ndarrays of shape (n_weights,), float32
        All weights in the order of Keras, and the gradient with respect to them after :meth:`backward`.
    weights : list of ndarray
        The weights of the front, if there is one, then kernel and bias of each layer: views of ``vector``.
    stop_training : bool
        Whether the training ends after the current epoch.
    """

    def __init__(self, widths, activation: str, dropout: float = 0.0, front: Front | None = None):
        of_front = [] if front is None else front.shapes
        self.shapes = of_front + [shape for n, p in pairwise(widths) for shape in ((n, p), (p,))]
        size = sum(int(np.prod(shape)) for shape in self.shapes)
        self.vector, self.slopes = np.zeros(size, np.float32), np.zeros(size, np.float32)
        self.weights, slopes = (_views(vector, self.shapes) for vector in (self.vector, self.slopes))
        n_front = len(of_front)
        self._front = None if front is None else NumPyFront(front, self.weights[:n_front], slopes[:n_front])
        self._dense, slopes = self.weights[n_front:], slopes[n_front:]
        self.stop_training = False
        self._activation, self._keep = activation, np.float32(1.0 - dropout)
        self._slopes = list(zip(slopes[::2], slopes[1::2], strict=True))
        self._buffers: dict[str, list[np.ndarray]] = {}
        self._n_rows = 0
        self._rng = np.random.default_rng()
        self._act = activation_of(activation)

    @property
    def kernels(self) -> list[np.ndarray]:
        """The kernels of the hidden layers, then that of the heads."""
        return self._dense[::2]

    @property
    def biases(self) -> list[np.ndarray]:
        """The biases of the hidden layers, then that of the heads."""
        return self._dense[1::2]

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the weights."""
        return [weight.copy() for weight in self.weights]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Set the weights."""
        for own, given in zip(self.weights, weights, strict=True):
            own[...] = given

    def draw(self, seed: int) -> None:
        """Draw random kernels from a seed, as the layers of Keras do, and set the biases to 0."""
        rng = np.random.default_rng(seed)
        self.vector[...] = 0.0
        for kernel in self.kernels:
            kernel[...] = polar_factor(rng.standard_normal(kernel.shape))
        self.kernels[-1][...] = unit_columns(self.kernels[-1])
        if self._front is not None:
            self._front.draw()

    def seed_dropout(self, seed: int) -> None:
        """Restart the random numbers of the dropout from a seed."""
        self._rng = np.random.default_rng(seed)

    def scores(self, inputs: np.ndarray) -> np.ndarray:
        """Scores of rows of any number, without dropout; shape (n, n_scores)."""
        values = inputs if self._front is None else self._front.forward(inputs)
        for kernel, bias in zip(self.kernels[:-1], self.biases, strict=False):
            z = values @ kernel
            z += bias
            values = np.empty_like(z)
            self._act.forward(z, values)
        return self._with_tilt(values @ self.kernels[-1] + self.biases[-1], inputs)

    def _with_tilt(self, scores, inputs):
        """Scores with what the front adds to them."""
        return scores if self._front is None else self._front.tilted(scores, inputs)

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        """Scores of a batch, whose values in all layers are kept for :meth:`backward`; shape (n, n_scores)."""
        if len(inputs) != self._n_rows:
            self._allocate(len(inputs))
        values = inputs if self._front is None else self._front.forward(inputs)
        self._inputs, self._values = inputs, [values]
        for layer, (kernel, bias) in enumerate(zip(self.kernels[:-1], self.biases, strict=False)):
            products, z, values = (self._buffers[name][layer] for name in ("products", "z", "values"))
            np.matmul(self._values[-1], kernel, out=products)
            np.add(products, bias, out=z)
            self._act.forward(z, values)
            if self._keep != 1.0:
                values *= self._drawn_mask(layer)
            self._values.append(values)
        return self._with_tilt(values @ self.kernels[-1] + self.biases[-1], inputs)

    def _allocate(self, n_rows):
        """Make the arrays for the values of a batch."""
        widths = [kernel.shape[1] for kernel in self.kernels[:-1]]
        for name in ("products", "z", "values", "slopes", "mask"):
            self._buffers[name] = [np.empty((n_rows, width), np.float32) for width in widths]
        self._n_rows = n_rows

    def _drawn_mask(self, layer):
        """Random factors of the units of a layer: 0, or the inverse of the share that is kept."""
        mask = self._buffers["mask"][layer]
        self._rng.random(out=mask, dtype=np.float32)
        np.divide(mask < self._keep, self._keep, out=mask)
        return mask

    def backward(self, slope: np.ndarray) -> None:
        """Set ``slopes``, given the gradient with respect to the scores of the last :meth:`forward`.

        Parameters
        ----------
        slope : ndarray of shape (n, n_scores), float32
        """
        of_kernel, of_bias = self._slopes[-1]
        heads, of_scores = self.kernels[-1], slope
        stiefel.slope_of_unit_columns(self._values[-1], heads, slope, out=of_kernel)
        slope.sum(axis=0, out=of_bias)
        back = slope @ heads.T
        for layer in reversed(range(len(self.kernels) - 1)):
            (of_kernel, of_bias), kernel = self._slopes[layer], self.kernels[layer]
            products, z, slope, mask = (self._buffers[name][layer] for name in ("products", "z", "slopes", "mask"))
            if self._keep != 1.0:
                back *= mask
            self._act.backward(z, back, slope)
            slope.sum(axis=0, out=of_bias)
            back = slope @ kernel.T if layer or self._front is not None else None
            stiefel.slope_of_kernel(self._values[layer], kernel, products, slope, back, out=of_kernel)
        if self._front is not None:
            self._front.backward(self._inputs, back, of_scores)

    def retract(self) -> None:
        """Bring the kernels back to their manifolds after a step, by short steps."""
        for kernel in self.kernels[:-1]:
            stiefel.retract_shortly(kernel)
        stiefel.normalise_columns(self.kernels[-1])
        if self._front is not None:
            self._front.retract()

    def end_epoch(self) -> None:
        """Make one full retraction step of the hidden layers."""
        for kernel in self.kernels[:-1]:
            stiefel.retract_fully(kernel)

    def end_training(self) -> None:
        """Bring the kernels to their manifolds as closely as float32 allows."""
        for kernel, exact in zip(self.kernels, self._exact_kernels(), strict=True):
            kernel[...] = exact
        if self._front is not None:
            self._front.end_training()

    def _exact_kernels(self):
        """The kernels of the manifolds next to the current ones, in float64."""
        return [*map(polar_factor, self.kernels[:-1]), unit_columns(self.kernels[-1])]

    def operations(self) -> tuple[served.Operation, ...]:
        """The layers as operations of a served network, with kernels on their manifolds in float64."""
        dense = [
            served.Dense(kernel, bias.astype(np.float64))
            for kernel, bias in zip(self._exact_kernels(), self.biases, strict=True)
        ]
        activation = served.activation(self._activation)
        front = () if self._front is None else (self._front.operation(),)
        return (*front, *(step for layer in dense[:-1] for step in (layer, activation)), dense[-1])


def _views(vector, shapes):
    """Views of the consecutive parts of a vector, in the given shapes."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(vector, ends[:-1]), shapes, strict=True)]
