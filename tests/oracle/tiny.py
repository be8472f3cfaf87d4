"""Tiny networks, drawn by Hypothesis: every activation, several in a row, kernels of every kind and size."""

import itertools
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import strategies as st

from sklip.arithmetic import polar_factor
from sklip.served import Center, Dense, Scale, ServedNetwork, activation
from tests.oracle import networks

ACTIVATIONS = ("groupsort2", "groupsort3", "groupsort4", "fullsort", "maxmin", "relu", "abs")
KERNELS = ("normal", "normal", "orthonormal", "orthonormal", "whole", "sparse", "repeated", "small", "large")


@dataclass(frozen=True)
class Tiny:
    """A network as it is served and as exact steps, from the same floats.

    ``between`` has, for each hidden layer, what follows it: names of activations, and factors of a ``Scale``.
    """

    center: np.ndarray
    kernels: tuple
    biases: tuple
    between: tuple = ()
    rows: np.ndarray = field(default_factory=lambda: np.zeros((1, 1)))

    @property
    def network(self):
        """The served network."""
        operations = [Center(self.center)]
        for kernel, bias, after in zip(self.kernels, self.biases, (*self.between, ()), strict=True):
            operations.append(Dense(kernel, bias))
            operations += [activation(each) if isinstance(each, str) else Scale(each) for each in after]
        return ServedNetwork(tuple(operations))

    @property
    def steps(self):
        """The steps of the exact network."""
        steps = [networks.center(self.center)]
        for kernel, bias, after in zip(self.kernels, self.biases, (*self.between, ()), strict=True):
            steps.append(networks.linear(kernel, bias))
            for each in after:
                width = len(bias)
                steps += networks.activation(each, width) if isinstance(each, str) else [networks.scale(each, width)]
        return steps

    @property
    def is_small(self):
        """Whether the regions are few enough to visit all of them: a piece has at most two neighbours per step."""
        switches = sum(type(step) is not networks.Linear for step in self.steps)
        return switches <= (9 if len(self.center) < 3 else 6)


@st.composite
def tiny_networks(draw, depths=(0, 1, 2), n_scores=(1, 2, 3, 4), kinds=KERNELS):
    """Networks of 1 to 3 inputs, with two rows, the boundary amid their neighbours."""
    layers = [draw(_layers()) for _ in range(draw(st.sampled_from(depths)))]
    widths = [draw(st.sampled_from([2, 3, 2, 1])), *(width for width, _ in layers), draw(st.sampled_from(n_scores))]
    between = tuple(after for _, after in layers)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kernels = tuple(_kernel(rng, shape, draw(st.sampled_from(kinds))) for shape in itertools.pairwise(widths))
    size = draw(st.sampled_from([1.0, 1.0, 0.0, 1e3]))
    center, biases = size * rng.standard_normal(widths[0]), [rng.standard_normal(width) for width in widths[1:]]
    if draw(st.booleans()):
        biases = [np.round(bias) for bias in biases]
    rows = center + rng.standard_normal((2, widths[0]))
    made = Tiny(center, kernels, tuple(biases), between, rows)
    around = made.network.scores(center + rng.standard_normal((9, widths[0])))
    biases[-1] = biases[-1] - np.median(around, axis=0)
    return replace(made, biases=tuple(biases))


@st.composite
def _layers(draw):
    """A width and what follows the layer."""
    names = draw(st.lists(st.sampled_from(ACTIVATIONS), min_size=1, max_size=2))
    if not _widths(names):  # groups of three and of four: the first alone
        names = names[:1]
    width = draw(st.sampled_from(_widths(names)))
    return width, (*names, *([draw(st.sampled_from([0.3, -2.0]))] if draw(st.integers(0, 4)) == 0 else []))


def _widths(names):
    multiples = [{"groupsort2": 2, "maxmin": 2, "groupsort3": 3, "groupsort4": 4}.get(name, 1) for name in names]
    return [width for width in (2, 3, 4) if not any(width % multiple for multiple in multiples)]


def _kernel(rng, shape, kind):
    kernel = rng.standard_normal(shape)
    if kind == "orthonormal":
        return polar_factor(kernel)
    if kind == "whole":
        return rng.integers(-2, 3, shape).astype(np.float64)
    if kind == "sparse":
        return np.where(rng.random(shape) < 0.4, 0.0, kernel)
    if kind == "repeated":
        kernel[:, -1] = kernel[:, 0]
    return kernel * {"small": 1e-7, "large": 1e5}.get(kind, 1.0)
