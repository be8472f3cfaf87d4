"""Contracts that several modules share."""

import atexit
import functools
import itertools
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from sklip.activations import group_size

REPOSITORY = Path(__file__).resolve().parents[1]

ACTIVATIONS = ("groupsort2", "groupsort4", "fullsort", "maxmin", "relu", "abs")


# Kernels and functions ----------------------------------------------------------------------


def as_array(tensor):
    """A tensor or variable of any backend as a NumPy array."""
    import keras

    if isinstance(tensor, keras.Variable):
        tensor = tensor.value
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def singular_values(kernel):
    """Singular values, computed in float64."""
    kernel = kernel if isinstance(kernel, np.ndarray) else as_array(kernel)
    return np.linalg.svd(np.float64(kernel), compute_uv=False)


def random_kernel(rng, n, p, singular=None, dtype=np.float64):
    """A random kernel with the given singular values; all 1 unless given."""
    singular = np.ones(min(n, p)) if singular is None else np.asarray(singular)
    left = np.linalg.qr(rng.standard_normal((n, min(n, p))))[0]
    right = np.linalg.qr(rng.standard_normal((p, min(n, p))))[0]
    return ((left * singular) @ right.T).astype(dtype)


def assert_orthonormal(kernel, tolerance=1e-5):
    values = singular_values(kernel)
    assert np.abs(values - 1.0).max() <= tolerance, f"singular values {values.min()!r} to {values.max()!r}"


def assert_is_1_lipschitz(function, width, tolerance=1e-5, n_pairs=200):
    """No pair of random inputs, near or far, is moved apart."""
    rng = np.random.default_rng(width)
    x = rng.standard_normal((n_pairs, width))
    y = x + rng.standard_normal((n_pairs, width)) * 10.0 ** rng.uniform(-2, 1, (n_pairs, 1))
    x, y = x.astype(np.float32), y.astype(np.float32)
    moved = np.linalg.norm(np.float64(as_array(function(x))) - as_array(function(y)), axis=-1)
    distance = np.linalg.norm(np.float64(x) - y, axis=-1)
    assert (moved <= (1 + tolerance) * distance + 1e-6).all(), (moved / distance).max()


# Keras --------------------------------------------------------------------------------------

_LOADER = """
import json, sys
import keras, numpy as np
import sklip.layers, sklip.losses
print("ready", flush=True)
for line in sys.stdin:
    path, inputs, outputs = json.loads(line)
    try:
        model = keras.models.load_model(path)
        np.savez(outputs, model.predict(np.load(inputs), verbose=0), *model.get_weights())
        print(json.dumps(["loaded", type(model.loss).__name__]), flush=True)
    except Exception as error:
        print(json.dumps(["failed", f"{type(error).__name__}: {error}"]), flush=True)
"""


@functools.cache
def _fresh_process():
    """A process that imports sklip's Keras objects, as Keras asks of it, and has built no model itself."""
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    process = subprocess.Popen(
        [sys.executable, "-c", _LOADER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    atexit.register(process.kill)
    assert process.stdout.readline() == "ready\n"
    return process


def reload_elsewhere(model, inputs, folder):
    """Save a model as .keras and load it in another process: its predictions, weights and loss' class there."""
    paths = [str(Path(folder) / name) for name in ("model.keras", "inputs.npy", "outputs.npz")]
    model.save(paths[0])
    np.save(paths[1], inputs)
    process = _fresh_process()
    process.stdin.write(json.dumps(paths) + "\n")
    process.stdin.flush()
    state, message = json.loads(process.stdout.readline())
    assert state == "loaded", message
    with np.load(paths[2]) as arrays:
        outputs, *weights = (arrays[name] for name in arrays.files)
    return outputs, weights, message


def assert_same_model(model, width, folder):
    """``model(x)``, ``model.predict(x)`` and the model saved and loaded elsewhere are one function."""
    inputs = np.random.default_rng(1).standard_normal((7, width)).astype(np.float32)
    outputs, weights, _ = reload_elsewhere(model, inputs, folder)
    predicted = model.predict(inputs, verbose=0)
    np.testing.assert_allclose(as_array(model(inputs)), predicted, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(outputs, predicted, rtol=1e-6, atol=1e-6)
    for here, there in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(here, there)


def assert_keras_layer_contract(layer, width, folder):
    """A layer's configuration rebuilds it, its shapes are right, and it survives a file."""
    import keras

    config = layer.get_config()
    twin = type(layer).from_config(json.loads(json.dumps(config)))
    assert twin.get_config() == config
    model = keras.Sequential([keras.Input((width,)), layer])
    outputs = model(np.zeros((3, width), dtype=np.float32))
    assert tuple(outputs.shape) == tuple(layer.compute_output_shape((3, width)))
    assert model.output_shape == (None, outputs.shape[-1])
    twin.build((None, width))
    twin.set_weights(layer.get_weights())
    inputs = np.random.default_rng(0).standard_normal((5, width)).astype(np.float32)
    np.testing.assert_array_equal(as_array(twin(inputs)), as_array(layer(inputs)))
    assert_same_model(model, width, folder)


# Networks -----------------------------------------------------------------------------------


def random_network(rng, widths, activation="groupsort2", *, orthonormal=True, scale=1.0, bias=0.3):
    """A random condensed network; ``widths`` from the input to the scores."""
    from sklip.arithmetic import polar_factor
    from sklip.network import CondensedNetwork

    kernels = [rng.standard_normal(shape) for shape in itertools.pairwise(widths)]
    if orthonormal:
        kernels = [*map(polar_factor, kernels[:-1]), kernels[-1] / np.linalg.norm(kernels[-1], axis=0)]
    return CondensedNetwork(
        center=rng.standard_normal(widths[0]),
        kernels=tuple(scale * kernel for kernel in kernels),
        biases=tuple(bias * rng.standard_normal(width) for width in widths[1:]),
        activations=(activation,) * (len(widths) - 2),
    )


def serving(network, kind=None):
    """A fitted NetworkClassifier, or another class of its kind, that serves a network."""
    from sklip import NetworkClassifier

    return (kind or NetworkClassifier)(network=network).serve()


def amid(network, X):
    """The network with its boundary amid the rows."""
    *biases, last = network.biases
    return replace(network, biases=(*biases, last - np.median(network.scores(np.float64(X)), axis=0)))


def _exact_activation(name, units):
    width = len(units)
    if name == "relu":
        return [max(unit, Fraction(0)) for unit in units]
    if name == "abs":
        return [abs(unit) for unit in units]
    if name == "maxmin":
        pairs = list(zip(units[: width // 2], units[width // 2 :], strict=True))
        return [max(pair) for pair in pairs] + [min(pair) for pair in pairs]
    size = group_size(name) or width
    groups = [sorted(units[first :: width // size]) for first in range(width // size)]
    return [group[rank] for rank in range(size) for group in groups]


def exact_scores(network, row):
    """Scores of one row in rational arithmetic: no rounding at all."""
    units = [Fraction(float(x)) - Fraction(float(c)) for x, c in zip(row, network.center, strict=True)]
    for kernel, bias, activation in zip(network.kernels, network.biases, (*network.activations, None), strict=True):
        columns = [[Fraction(w) for w in column] for column in kernel.T.tolist()]
        units = [
            sum((w * u for w, u in zip(column, units, strict=True)), Fraction(b))
            for column, b in zip(columns, bias.tolist(), strict=True)
        ]
        if activation:
            units = _exact_activation(activation, units)
    return units


# Balls --------------------------------------------------------------------------------------


def strictly_inside(X, inputs, radii):
    """Whether each input lies in the open ball around its row: exact but for underflow below 1e-290.

    Differences and squares are taken without error (two-sum and Dekker's product) and summed
    by ``math.fsum``, whose sign is that of the exact sum.
    """
    a, b = np.float64(inputs), np.float64(X)
    high = a - b
    part = high - a
    low = (a - (high - part)) + (-b - part)
    terms = np.concatenate(
        [*_product(high, high), *_product(2 * high, low), *_product(low, low)]
        + [-term[:, None] for term in _product(radii, radii)],
        axis=1,
    )
    return np.array([math.fsum(row) < 0 for row in terms.tolist()], dtype=bool)


def _product(a, b):
    """``a · b`` as an unevaluated sum of two float64 numbers."""
    product = a * b
    (a_high, a_low), (b_high, b_low) = _halve(a), _halve(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _halve(a):
    shifted = a * (2.0**27 + 1.0)
    high = shifted - (shifted - a)
    return high, a - high
