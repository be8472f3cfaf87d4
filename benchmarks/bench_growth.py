"""How does the time of ``fit`` grow with rows, features, width and depth? Exponents, by least squares on logarithms.

The sizes double. Every fit is a later call (``jit_compile=True``): its network was compiled before the first turn. The
turns go through all sizes, one after the other. What a call costs whatever its number of steps would flatter an
exponent, as it lifts the small sizes: of each size the time of a fit of one batch of the same network is subtracted.
The exponent with it stands beside, and that of the last doubling alone, without. Medians over the turns; the spread is
that of the exponents of single turns.
"""

import argparse

import numpy as np
from common import import_training, print_table, seconds_of, shown, summarise, write_result, xla

from sklip import HKRClassifier

GOALS = {"rows": 1.03}
BATCH = 256
# What grows, its sizes, and what stays: rows, features, widths, epochs.
AXES = {
    "rows": ([50_000, 100_000, 200_000, 400_000, 800_000], (None, 30, (64, 32), 1)),
    "features": ([1024, 2048, 4096, 8192], (2048, None, (64, 32), 8)),
    "width": ([256, 512, 1024], (2048, 64, None, 4)),
    "depth": ([4, 8, 16], (2048, 64, None, 16)),
}
DEPTH_WIDTH = 128


def shape_of(axis, size):
    """Rows, features, widths of the hidden layers and epochs of a size of an axis."""
    rows, features, widths, epochs = AXES[axis][1]
    if axis == "width":
        widths = (size, size)
    if axis == "depth":
        widths = (DEPTH_WIDTH,) * size
    return (size if axis == "rows" else rows), (size if axis == "features" else features), widths, epochs


def data(rows, features):
    """Two classes whose means lie apart; float32."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, features), np.float32)
    y = np.arange(rows) % 2
    X[:, 0] += 2 * y
    return X, y


def later_fit(rows, features, widths, epochs):
    """Seconds of one fit."""
    X, y = data(rows, features)
    classifier = HKRClassifier(
        hidden_layer_sizes=widths, batch_size=BATCH, epochs=epochs, random_state=0, **xla(HKRClassifier)
    )
    return seconds_of(classifier.fit, X, y)


def exponent(sizes, seconds):
    """Slope of the least-squares line through the logarithms of times over those of sizes.

    Parameters
    ----------
    sizes, seconds : sequences of length n, positive

    Returns
    -------
    float
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def measured(axis, turns, sizes):
    """Times, exponents and the share of a call's constant cost of one axis."""
    shapes = [shape_of(axis, size) for size in sizes]
    constants = [(BATCH, *shape[1:3], 1) for shape in shapes]
    for shape in (*shapes, *constants):
        later_fit(*shape)  # compiles
    # Of shape (turns, sizes, 2): each fit, and its constant.
    runs = np.array([
        [[later_fit(*shape), later_fit(*constant)] for shape, constant in zip(shapes, constants, strict=True)]
        for _ in range(turns)
    ])  # fmt: skip
    whole, constant = runs[..., 0], runs[..., 1]
    net = np.median(whole, axis=0) - np.median(constant, axis=0)
    return {
        "sizes": sizes,
        "seconds": [summarise(column) for column in whole.T],
        "constant": [summarise(column) for column in constant.T],
        "exponent": {**summarise([exponent(sizes, run) for run in whole - constant]), "median": exponent(sizes, net)},
        "exponent with constants": exponent(sizes, np.median(whole, axis=0)),
        "last doubling": exponent(sizes[-2:], net[-2:]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--axes", nargs="+", choices=list(AXES), default=list(AXES))
    parser.add_argument("--smaller", type=int, default=1, help="divide the sizes by this, for a trial")
    arguments = parser.parse_args()
    import_training()

    figures, rows = {}, []
    for axis in arguments.axes:
        sizes = [max(size // arguments.smaller, 1) for size in AXES[axis][0]]
        figures[axis] = entry = measured(axis, arguments.turns, sizes)
        entry["goal"] = GOALS.get(axis)
        rows.append([
            axis, f"{sizes[0]} to {sizes[-1]}",
            f"{entry['seconds'][0]['median']:.2f} to {entry['seconds'][-1]['median']:.2f} s",
            f"{entry['constant'][0]['median']:.2f} to {entry['constant'][-1]['median']:.2f} s",
            *(f"{entry[name]:.3f}" for name in ("exponent with constants", "last doubling")),
            shown(entry["exponent"]), entry["goal"] or "",
        ])  # fmt: skip
        print(rows[-1], flush=True)
    print_table(["", "sizes", "time of fit", "constant", "with it", "last doubling", "exponent", "goal"], rows)
    write_result("growth", {"turns": arguments.turns, "depth_width": DEPTH_WIDTH, "axes": figures})


if __name__ == "__main__":
    main()
