"""What does a training step cost, beside the products it is made of and beside Keras without a constraint? In turns.

Two moons, 256-128-64, batch 256: a step of ``HKRClassifier`` beside the same products in a plain NumPy loop, float32
(``numpy_floor.py``). MNIST's shape, 1024×3, ten classes, batch 256: a step of ``LipschitzMLP`` beside the same Keras
network of Dense layers, with ReLU and with GroupSort2, by Keras' ``fit``.

A step is the difference of two warm fits of unlike length, over the steps that one has more: what a call costs
whatever its length is not in it. The whole of a later ``fit`` over its steps stands beside. With and without XLA
(``jit_compile``), each after a fit that compiled; Keras' faster one counts.

And a later ``fit`` of 500 rows and one epoch, with all that a call costs, beside a warm Keras ``fit`` of the same Dense
network, 30-64-32-1.
"""

import argparse

import numpy as np
from common import (
    TWO_MOONS,
    import_training,
    print_table,
    ratios,
    seconds_of,
    shown,
    summarise,
    two_moons,
    write_result,
    xla,
)
from networks import unconstrained
from numpy_floor import Floor
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from sklip import HKRClassifier, LipschitzMLP

GOALS = {"two moons": 0.85, "wide": 1.6, "later fit": 1.0}
XLA = {"XLA": True, "no XLA": False}


def difference(fit, steps, short, long):
    """Seconds of a step: of what ``fit(long)`` takes beyond ``fit(short)``, in epochs of so many steps."""
    shorter = seconds_of(fit, short)
    return (seconds_of(fit, long) - shorter) / (steps * (long - short))


def moons_fits():
    """``fit(epochs)`` of sklip, with and without XLA, and of the NumPy loop, on two moons; by name."""
    X, y = two_moons()
    parameters = {name: value for name, value in TWO_MOONS.items() if name != "epochs"}

    def fit(jit_compile, epochs):
        jit = xla(HKRClassifier, jit_compile)
        return HKRClassifier(**parameters, **jit, epochs=epochs, random_state=0).fit(X, y)

    return {
        **{f"sklip, {name}": lambda epochs, jit=jit: fit(jit, epochs) for name, jit in XLA.items()},
        "NumPy": lambda epochs: Floor(X, y, **parameters).train(epochs),
    }


def wide_fits(width, depth, rows):
    """``fit(epochs)`` of sklip and of Keras' Dense layers on the shape of MNIST; by name."""
    rng = np.random.default_rng(0)
    y = np.arange(rows) % 10
    X = (0.5 * rng.random((rows, 784)) + 0.5 * rng.random((10, 784))[y]).astype(np.float32)
    widths = (width,) * depth

    def fit(jit_compile, epochs):
        jit = xla(LipschitzMLP, jit_compile)
        return LipschitzMLP(
            hidden_layer_sizes=widths, batch_size=256, learning_rate=0.004, epochs=epochs, random_state=0, **jit
        ).fit(X, y)

    def warm_keras(activation, jit):
        network = unconstrained(784, widths, 10, activation=activation, jit_compile=jit)
        return lambda epochs: network.fit(X, y, batch_size=256, epochs=epochs, verbose=0)

    return {
        **{f"sklip, {name}": lambda epochs, jit=jit: fit(jit, epochs) for name, jit in XLA.items()},
        **{
            f"Keras {activation}, {name}": warm_keras(activation, jit)
            for activation in ("relu", "groupsort2")
            for name, jit in XLA.items()
        },
    }


def later_fits():
    """``fit()`` of 500 rows, one epoch: of sklip, by default and with XLA, and of warm Keras; by name."""
    X, y = load_breast_cancer(return_X_y=True)
    X, y = StandardScaler().fit_transform(X)[:500], y[:500]
    network = unconstrained(30, (64, 32), 1, learning_rate=0.01)
    alphas = iter(range(1, 1_000_000))  # what a search changes

    def fit(**jit):
        sizes = {"hidden_layer_sizes": (64, 32), "epochs": 1, "batch_size": 32}
        return HKRClassifier(**sizes, **jit, alpha=float(next(alphas))).fit(X, y)

    return {
        "sklip, default": fit,
        "sklip, XLA": lambda: fit(**xla(HKRClassifier)),
        "Keras": lambda: network.fit(X, y, epochs=1, batch_size=32, verbose=0),
    }


def steps_in_turns(fits, turns, steps, short, long):
    """Seconds of a step of each fit, in turns, each compiled before; by name."""
    for fit in fits.values():
        fit(short)
        fit(long)
    runs = {name: [] for name in fits}
    for _ in range(turns):
        for name, fit in fits.items():
            runs[name].append(difference(fit, steps, short, long))
    return runs


def faster(runs, name):
    """The runs with or without XLA, whichever has the lesser median, and which that is."""
    kept = min(XLA, key=lambda jit: np.median(runs[f"{name}, {jit}"]))
    return runs[f"{name}, {kept}"], kept


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--epochs", type=int, nargs=2, default=[40, 120], help="of the two fits of two moons")
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--rows", type=int, default=2048, help="of MNIST's shape")
    parser.add_argument("--wide-epochs", type=int, nargs=2, default=[1, 4])
    arguments = parser.parse_args()
    import_training()

    moons = moons_fits()
    steps = -(-5000 // TWO_MOONS["batch_size"])
    narrow = steps_in_turns(moons, arguments.turns, steps, *arguments.epochs)
    whole = {name: [] for name in moons}
    for _ in range(arguments.turns):
        for name, fit in moons.items():
            whole[name].append(seconds_of(fit, TWO_MOONS["epochs"]) / (steps * TWO_MOONS["epochs"]))
    wide = steps_in_turns(
        wide_fits(arguments.width, arguments.depth, arguments.rows), arguments.turns, -(-arguments.rows // 256),
        *arguments.wide_epochs,
    )  # fmt: skip
    fits = later_fits()
    for fit in fits.values():
        fit()  # compiles
    later = {name: [] for name in fits}
    for _ in range(3 * arguments.turns):
        for name, fit in fits.items():
            later[name].append(seconds_of(fit))

    ours, quickest = faster(narrow, "sklip")
    entire = whole[f"sklip, {quickest}"]
    wide_ours, wide_quickest = faster(wide, "sklip")
    shape = f"{arguments.width}×{arguments.depth}"
    found = {
        "two moons": (f"a step of two moons, sklip ({quickest}) / NumPy loop", ours, narrow["NumPy"]),
        "two moons, whole fit": (
            f"a whole fit over its steps, sklip ({quickest}) / NumPy loop",
            entire,
            whole["NumPy"],
        ),
        **{
            key: (f"a step of {shape}, sklip ({wide_quickest}) / Keras {activation} ({jit})", wide_ours, theirs)
            for key, activation in (("wide", "relu"), ("wide, GroupSort2", "groupsort2"))
            for theirs, jit in [faster(wide, f"Keras {activation}")]
        },
        "later fit": ("a later fit of 500 rows, sklip (default) / Keras", later["sklip, default"], later["Keras"]),
        "later fit, XLA": ("a later fit of 500 rows, sklip (XLA) / Keras", later["sklip, XLA"], later["Keras"]),
    }
    summaries = {key: {"what": what, "ratio": ratios(above, below)} for key, (what, above, below) in found.items()}
    print_table(
        ["", "ratio", "goal"],
        [[entry["what"], shown(entry["ratio"]), GOALS.get(key, "")] for key, entry in summaries.items()],
    )
    seconds = {"two moons": narrow, "two moons, whole fit": whole, "wide": wide, "later fit": later}
    print_table(
        ["", "", "milliseconds"],
        [
            [what, name, shown(summarise(np.multiply(1e3, values)))]
            for what, runs in seconds.items()
            for name, values in runs.items()
        ],
    )
    settings = {name: value for name, value in vars(arguments).items() if name != "turns"}
    write_result("step", {
        "goals": GOALS, "turns": arguments.turns, "settings": settings, "ratios": summaries,
        "seconds": {what: {name: summarise(run) for name, run in runs.items()} for what, runs in seconds.items()},
    })  # fmt: skip


if __name__ == "__main__":
    main()
