"""What does a convolutional network cost? A training step beside Keras and deel-lip, and serving beside its products.

28 × 28 × 1, two convolutions of 3 × 3 with 32 and 64 filters, GroupSort2, L2 pooling by 2, a dense layer of 128, ten
classes, batches of 128. The Keras network has the same shapes with Conv2D, ReLU and MaxPooling2D; that of deel-lip has
its SpectralConv2D, GroupSort2, ScaledL2NormPooling2D, SpectralDense and FrobeniusDense.

A step is the difference of two warm fits of unlike length, over the steps that one has more. Then 10,000 images:
``decision_function`` beside its matrix products alone, in float64 and in the same blocks, and ``certified_radius``
beside ``decision_function``. All in turns.

deel-lip has an environment of its own: ``benchmarks/peers/setup.sh`` builds it; ``--no-peer`` leaves it out.
"""

import argparse

import numpy as np
from common import (
    HERE,
    import_training,
    peer,
    print_table,
    ratios,
    run_json,
    seconds_of,
    shown,
    summarise,
    write_result,
)

from sklip import LipschitzMLP
from sklip.architectures import ConvNet
from sklip.rows.blocks import slices
from sklip.served import Dense

MODEL = {"filters": (32, 64), "pooling": "l2", "hidden_layer_sizes": (128,)}
BATCH = 128
GOALS = {
    "step / Keras": 1.5,
    "step / deel-lip": 0.5,
    "decision_function / products": 1.5,
    "certified_radius / decision_function": 1.3,
}


def images(n_rows):
    """Images with a pattern for each of ten classes, and their classes."""
    rng = np.random.default_rng(0)
    y = np.arange(n_rows) % 10
    return (0.5 * rng.random((n_rows, 28, 28, 1)) + 0.5 * rng.random((10, 28, 28, 1))[y]).astype(np.float32), y


def unconstrained():
    """The same network without a constraint, compiled with Adam and cross-entropy."""
    import keras

    layers = [keras.Input((28, 28, 1))]
    for filters in MODEL["filters"]:
        layers += [keras.layers.Conv2D(filters, 3, padding="same", activation="relu"), keras.layers.MaxPooling2D(2)]
    layers.append(keras.layers.Flatten())
    layers += [keras.layers.Dense(width, activation="relu") for width in MODEL["hidden_layer_sizes"]]
    network = keras.Sequential([*layers, keras.layers.Dense(10)])
    network.compile(keras.optimizers.Adam(0.004), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return network


def step_of(fit, n_rows, short, long):
    """Seconds of a step: of what ``fit(long)`` takes beyond ``fit(short)``."""
    shorter = seconds_of(fit, short)
    return (seconds_of(fit, long) - shorter) / (-(-n_rows // BATCH) * (long - short))


def steps(n_rows, turns, short, long, with_peer):
    """Seconds of a step by library, in turns."""
    X, y = images(n_rows)
    network = unconstrained()

    def sklip(epochs):
        LipschitzMLP(model=ConvNet(**MODEL), batch_size=BATCH, learning_rate=0.004, epochs=epochs, random_state=0).fit(
            X, y
        )

    def keras(epochs):
        network.fit(X, y, batch_size=BATCH, epochs=epochs, verbose=0)

    for fit in (sklip, keras):
        fit(short)  # compiles
    found = {"sklip": [], "Keras": [], **({"deel-lip": []} if with_peer else {})}
    for _ in range(turns):
        found["sklip"].append(step_of(sklip, n_rows, short, long))
        found["Keras"].append(step_of(keras, n_rows, short, long))
        if with_peer:
            command = [peer("deel-lip"), HERE / "peers" / "step_deel_lip.py", n_rows, BATCH, short, long]
            found["deel-lip"].append(run_json(command)["seconds"])
    return found


def products(network, n_rows):
    """A function that makes the matrix products of a network alone, for rows of random numbers, in its blocks."""
    rng, size, shape, plan = np.random.default_rng(0), network.block_rows, (network.n_features,), []
    for operation in network.operations:
        if isinstance(operation, Dense):
            places = int(np.prod(shape[:-1]))
            plan.append((rng.standard_normal((size * places, shape[-1])), operation.kernel, places))
        shape = operation.output_shape(shape)
    results = [np.empty((len(z), kernel.shape[1])) for z, kernel, _ in plan]

    def run():
        for rows in slices(n_rows, size):
            count = rows.stop - rows.start
            for (z, kernel, places), result in zip(plan, results, strict=True):
                np.matmul(z[: count * places], kernel, out=result[: count * places])

    return run


def serving(n_rows, turns):
    """Seconds of the products, of ``decision_function`` and of ``certified_radius``, in turns."""
    X, y = images(n_rows)
    classifier = LipschitzMLP(model=ConvNet(**MODEL), batch_size=BATCH, epochs=1, random_state=0).fit(X[:512], y[:512])
    functions = {
        "products": products(classifier.network_, n_rows),
        "decision_function": lambda: classifier.decision_function(X),
        "certified_radius": lambda: classifier.certified_radius(X),
    }
    found = {name: [] for name in functions}
    for turn in range(turns + 1):
        for name, function in functions.items():
            seconds = seconds_of(function)
            if turn:
                found[name].append(seconds)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2560, help="rows of a fit")
    parser.add_argument("--epochs", type=int, nargs=2, default=[1, 3], help="of the two fits")
    parser.add_argument("--served-rows", type=int, default=10_000)
    parser.add_argument("--no-peer", action="store_true", help="without deel-lip")
    arguments = parser.parse_args()
    import_training()

    trained = steps(arguments.rows, arguments.turns, *arguments.epochs, not arguments.no_peer)
    served = serving(arguments.served_rows, arguments.turns)
    found = {
        "step / Keras": ratios(trained["sklip"], trained["Keras"]),
        **({"step / deel-lip": ratios(trained["sklip"], trained["deel-lip"])} if "deel-lip" in trained else {}),
        "decision_function / products": ratios(served["decision_function"], served["products"]),
        "certified_radius / decision_function": ratios(served["certified_radius"], served["decision_function"]),
    }
    print_table(["ratio", "", "goal"], [[name, shown(ratio), GOALS[name]] for name, ratio in found.items()])
    seconds = {name: summarise(values) for name, values in {**trained, **served}.items()}
    print_table(["", "seconds"], [[name, shown(summary)] for name, summary in seconds.items()])
    settings = {name: value for name, value in vars(arguments).items() if name not in ("turns", "no_peer")}
    write_result("convolution", {
        "goals": GOALS, "turns": arguments.turns, "settings": settings, "ratios": found, "seconds": seconds,
    })  # fmt: skip


if __name__ == "__main__":
    main()
