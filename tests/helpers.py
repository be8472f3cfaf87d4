"""Contracts that several modules share."""

import atexit
import functools
import itertools
import json
import math
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

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
def run(script, *arguments):
    sys.argv[1:] = arguments
    exec(script, {"__name__": "__elsewhere__"})

def load(path, inputs, outputs):
    model = keras.models.load_model(path)
    x = np.load(inputs)
    rounds = x.dtype != np.float32  # predict would make it float32
    scores = keras.ops.convert_to_numpy(model(x)) if rounds else model.predict(x, verbose=0)
    np.savez(outputs, scores, *model.get_weights())
    return type(model.loss).__name__

for line in sys.stdin:
    call, *arguments = json.loads(line)
    try:
        answer = "done", {"run": run, "load": load}[call](*arguments)
    except Exception as error:
        answer = "failed", f"{type(error).__name__}: {error}"
    print(json.dumps(answer), flush=True)
"""


@functools.cache
def _fresh_process():
    """A process that imports sklip's Keras objects, as Keras asks of it; its start takes longer than what it does."""
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
    path = Path(folder) / "model.keras"
    model.save(path)
    return load_elsewhere(path, inputs, folder)


def load_elsewhere(path, inputs, folder):
    """Load a .keras file in another process: the predictions, weights and loss' class of the model there."""
    paths = [str(path), *(str(Path(folder) / name) for name in ("inputs.npy", "outputs.npz"))]
    np.save(paths[1], inputs)
    loss = _elsewhere("load", *paths)
    with np.load(paths[2]) as arrays:
        outputs, *weights = (arrays[name] for name in arrays.files)
    return outputs, weights, loss


def run_elsewhere(script, *arguments):
    """Run Python source that prints nothing in another process, where others ran before."""
    _elsewhere("run", script, *map(str, arguments))


def _elsewhere(*call):
    process = _fresh_process()
    process.stdin.write(json.dumps(call) + "\n")
    process.stdin.flush()
    state, answer = json.loads(process.stdout.readline())
    assert state == "done", answer
    return answer


def assert_same_model(model, shape, folder):
    """``model(x)``, ``model.predict(x)`` and the model saved and loaded elsewhere are one function."""
    inputs = np.random.default_rng(1).standard_normal((7, *_row_shape(shape))).astype(np.float32)
    outputs, weights, _ = reload_elsewhere(model, inputs, folder)
    predicted = model.predict(inputs, verbose=0)
    np.testing.assert_allclose(as_array(model(inputs)), predicted, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(outputs, predicted, rtol=1e-6, atol=1e-6)
    for here, there in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(here, there)


def assert_keras_layer_contract(layer, shape, folder):
    """A layer's configuration rebuilds it, its shapes are right, and it survives a file; ``shape`` is that of a row."""
    import keras

    shape = _row_shape(shape)
    config = layer.get_config()
    twin = type(layer).from_config(json.loads(json.dumps(config)))
    assert twin.get_config() == config
    model = keras.Sequential([keras.Input(shape), layer])
    outputs = model(np.zeros((3, *shape), dtype=np.float32))
    assert tuple(outputs.shape) == tuple(layer.compute_output_shape((3, *shape)))
    assert model.output_shape == (None, *outputs.shape[1:])
    twin.build((None, *shape))
    twin.set_weights(layer.get_weights())
    inputs = np.random.default_rng(0).standard_normal((5, *shape)).astype(np.float32)
    np.testing.assert_array_equal(as_array(twin(inputs)), as_array(layer(inputs)))
    assert_same_model(model, shape, folder)


def _row_shape(shape):
    return (shape,) if isinstance(shape, int) else shape


# Networks -----------------------------------------------------------------------------------


def network_of(center, kernels, biases, activations):
    """A served network of dense layers: kernels and biases one per layer, the heads last, names of activations."""
    from sklip.served import Center, Dense, ServedNetwork, activation

    operations = [Center(np.asarray(center))]
    for kernel, bias, name in zip(kernels, biases, (*activations, None), strict=True):
        operations += [Dense(kernel, bias), *([] if name is None else [activation(name)])]
    return ServedNetwork(tuple(operations))


def dense_of(network):
    """The dense operations of a network, the heads last."""
    from sklip.served import Dense

    return [operation for operation in network.operations if isinstance(operation, Dense)]


def kernels_of(network):
    return tuple(operation.kernel for operation in dense_of(network))


def biases_of(network):
    return tuple(operation.bias for operation in dense_of(network))


def altered(network, kernels=None, biases=None):
    """The network with other kernels, or other biases."""
    from sklip.served import Dense, ServedNetwork

    pairs = zip(kernels or kernels_of(network), biases or biases_of(network), strict=True)
    return ServedNetwork(
        [Dense(*next(pairs)) if isinstance(operation, Dense) else operation for operation in network.operations]
    )


def random_network(rng, widths, activation="groupsort2", *, orthonormal=True, scale=1.0, bias=0.3, center=1.0):
    """A random served network; ``widths`` from the input to the scores."""
    from sklip.arithmetic import polar_factor

    kernels = [rng.standard_normal(shape) for shape in itertools.pairwise(widths)]
    if orthonormal:
        kernels = [*map(polar_factor, kernels[:-1]), kernels[-1] / np.linalg.norm(kernels[-1], axis=0)]
    return network_of(
        center * rng.standard_normal(widths[0]),
        [scale * kernel for kernel in kernels],
        [bias * rng.standard_normal(width) for width in widths[1:]],
        (activation,) * (len(widths) - 2),
    )


def serving(network, kind=None):
    """A fitted NetworkClassifier, or another class of its kind, that serves a network."""
    from sklip import NetworkClassifier

    return (kind or NetworkClassifier)(network=network).serve()


def amid(network, X):
    """The network with its boundary amid the rows."""
    *biases, last = biases_of(network)
    return altered(network, biases=(*biases, last - np.median(network.scores(np.float64(X)), axis=0)))


def _exact_operation(operation, values):
    """An operation in rational arithmetic, by its definition."""
    from sklip import served

    if isinstance(operation, served.Center):
        return [value - Fraction(c) for value, c in zip(values, operation.center.tolist(), strict=True)]
    if isinstance(operation, served.Scale):
        return [Fraction(operation.factor) * value for value in values]
    if isinstance(operation, served.Diagonal):
        return [Fraction(factor) * value for factor, value in zip(operation.factors.tolist(), values, strict=True)]
    if isinstance(operation, served.Dense):
        columns = [[Fraction(w) for w in column] for column in operation.kernel.T.tolist()]
        return [
            sum((w * value for w, value in zip(column, values, strict=True)), Fraction(b))
            for column, b in zip(columns, operation.bias.tolist(), strict=True)
        ]
    if isinstance(operation, served.Relu):
        return [max(value, Fraction(0)) for value in values]
    if isinstance(operation, served.Abs):
        return [abs(value) for value in values]
    width = len(values)
    if isinstance(operation, served.MaxMin):
        pairs = list(zip(values[: width // 2], values[width // 2 :], strict=True))
        return [max(pair) for pair in pairs] + [min(pair) for pair in pairs]
    size = operation.n if isinstance(operation, served.GroupSort) else width
    groups = [sorted(values[first :: width // size]) for first in range(width // size)]
    return [group[rank] for rank in range(size) for group in groups]


def exact_scores(network, row):
    """Scores of one row in rational arithmetic: no rounding at all."""
    values = [Fraction(float(x)) for x in row]
    for operation in network.operations:
        values = _exact_operation(operation, values)
    return values


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
