"""What does a retraction cost after each optimizer step? Variants of it on kernels of some networks, in turns.

* ``branch``: one cubic step near the manifold, the whole step elsewhere, by a condition on the device.
* ``cubic`` and ``third order``: ``W (I − ½ E)`` and ``W (I − ½ E + ⅜ E² − 5/16 E³)`` for ``E = Wᵀ W − I``, after a
  scaling that is chosen by ``where``, without a condition.
* ``third order, stacked``: the same, kernels of one shape in one batched product.

Each run is a compiled loop of many steps, as in a training: all kernels move a little along a fixed tangent direction,
and are retracted. It also has the largest distance of a singular value from 1 at the end. It runs under
``KERAS_BACKEND=tensorflow`` (with XLA and without) or ``jax``, on the CPU or a GPU, and writes
``results/retraction_BACKEND.json``.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
from common import RESULTS, print_table, ratios, seconds_of, shown, summarise, write_result
from keras import ops

from sklip import manifold
from sklip.arithmetic import polar_factor

NETWORKS = {
    "two moons": (2, 256, 128, 64),
    "MNIST 0-8": (784, 32, 16),
    "wide": (784, 256, 256, 256),
}


def one_by_one(step, *arguments):
    """A function of a list of kernels that takes each by itself."""
    return lambda kernels: [step(kernel, *arguments) for kernel in kernels]


VARIANTS = {
    "branch": one_by_one(manifold.short_retraction_step),
    "cubic": one_by_one(manifold.steady_retraction_step, 1),
    "third order": one_by_one(manifold.steady_retraction_step, 3),
    "third order, stacked": manifold.steady_steps,
}


def kernels_and_slopes(widths, size):
    """Orthonormal kernels, and tangent directions of which a step moves singular values by about ``size``."""
    rng = np.random.default_rng(0)
    kernels = [polar_factor(rng.standard_normal(shape)).astype(np.float32) for shape in pairwise(widths)]
    slopes = [rng.standard_normal(kernel.shape).astype(np.float32) for kernel in kernels]
    return kernels, [size * slope / np.linalg.norm(slope, 2) for slope in slopes]


def compiled_loop(retract, slopes, steps, xla):
    """A compiled function of kernels that makes ``steps`` steps, each with its retraction."""

    def loop(kernels):
        def step(_, kernels):
            moved = [
                kernel + manifold.tangent_projection(kernel, slope)
                for kernel, slope in zip(kernels, slopes, strict=True)
            ]
            return retract(moved)

        return ops.fori_loop(0, steps, step, kernels)

    if keras.backend.backend() == "jax":
        import jax

        compiled = jax.jit(loop)
        return lambda kernels: jax.block_until_ready(compiled(kernels))
    import tensorflow as tf

    compiled = tf.function(loop, jit_compile=xla, autograph=False)
    return lambda kernels: [kernel.numpy() for kernel in compiled([tf.constant(kernel) for kernel in kernels])]


def deviation(kernels):
    """Largest distance of a singular value from 1."""
    return max(np.abs(np.linalg.svd(np.float64(np.asarray(kernel)), compute_uv=False) - 1).max() for kernel in kernels)


def measure(widths, variants, turns, steps, size, xla):
    """Seconds of a step of each variant, in turns; seconds of its compilation; how far its kernels end."""
    kernels, slopes = kernels_and_slopes(widths, size)
    loops = {name: compiled_loop(variant, slopes, steps, xla) for name, variant in variants.items()}
    compilation = {name: seconds_of(loop, kernels) for name, loop in loops.items()}
    ends = {name: float(deviation(loop(kernels))) for name, loop in loops.items()}
    runs = {name: [] for name in loops}
    for _ in range(turns):
        for name, loop in loops.items():
            runs[name].append(seconds_of(loop, kernels) / steps)
    return runs, compilation, ends


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--steps", type=int, default=30, help="steps of a run")
    parser.add_argument("--size", type=float, default=0.05, help="of a step, in singular values")
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--no-xla", action="store_true", help="TensorFlow without XLA")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the JSON goes")
    arguments = parser.parse_args(argv)
    backend = keras.backend.backend()
    figures, rows = {}, []
    for network in arguments.networks:
        runs, compilation, ends = measure(
            NETWORKS[network], VARIANTS, arguments.turns, arguments.steps, arguments.size, not arguments.no_xla
        )
        for name, seconds in runs.items():
            ratio = ratios(seconds, runs["branch"])
            figures[f"{network}, {name}"] = {
                "seconds of a step": summarise(seconds), "ratio to branch": ratio,
                "first call": compilation[name], "deviation": ends[name],
            }  # fmt: skip
            milliseconds = f"{1e3 * np.median(seconds):.3f}"
            rows.append([network, name, milliseconds, shown(ratio), f"{compilation[name]:.1f}", f"{ends[name]:.0e}"])
    print_table(["network", "variant", "ms", "/ branch", "first call, s", "deviation"], rows)
    kind = backend + (", no XLA" if arguments.no_xla and backend == "tensorflow" else "")
    name = "retraction_" + kind.replace(", ", "_").replace(" ", "_")
    write_result(name, {"backend": kind, **figures}, packages=[backend], folder=arguments.folder)


if __name__ == "__main__":
    main()
