"""What does a prediction cost? One row, a million rows, the activations; MLPClassifier, SciKeras and NumPy in turns."""

import argparse
import os
import time
import warnings

import numpy as np
import pandas as pd
from common import print_table, summarise, write_result
from sklearn.neural_network import MLPClassifier

from sklip import HKRClassifier
from sklip.rows.blocks import row_blocks
from sklip.served import Dense, FullSort, GroupSort

SIZES = (256, 128, 64)
GOALS = {
    "sklip / MLPClassifier, one row": 1.0,
    "SciKeras / sklip, one row": 300.0,
    "decision_function / products, GroupSort2": 1.2,
}


def scikeras():
    """SciKeras' classifier around Keras' Dense layers of the same sizes."""
    import keras
    from networks import scikeras_classifier

    def network():
        hidden = [keras.layers.Dense(size, "relu") for size in SIZES]
        model = keras.Sequential([keras.Input((30,)), *hidden, keras.layers.Dense(1, "sigmoid")])
        model.compile("adam", "binary_crossentropy")
        return model

    return scikeras_classifier(network, epochs=1)


def seconds(function, calls=1):
    """Wall time of a call."""
    began = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - began) / calls


def in_turns(functions, turns, calls=1):
    """Lists of the times of named functions, one a turn; ``calls`` may name how often each is called."""
    for function in functions.values():
        function()
    times = {name: [] for name in functions}
    for _ in range(turns):
        for name, function in functions.items():
            times[name].append(seconds(function, calls[name] if isinstance(calls, dict) else calls))
    return times


def ratios(times, pairs):
    """Summaries of the ratios of the times of a turn, by name."""
    return {
        name: summarise([one / other for one, other in zip(times[first], times[second], strict=True)])
        for name, (first, second) in pairs.items()
    }


def one_row(models, X, turns):
    """Times of a call for one row."""
    rows = {"float64": X[:1], "float32": np.float32(X[:1]), "pandas": pd.DataFrame(X[:1])}
    functions = {
        f"{name}, {kind}": lambda model=model, row=row: model.predict(row)
        for name, model in models.items()
        for kind, row in rows.items()
    }
    functions["sklip's certified_radius"] = lambda: models["sklip"].certified_radius(rows["float64"])
    calls = {name: 5 if name.startswith("SciKeras") else 200 for name in functions}
    times = in_turns(functions, turns, calls)
    return times, ratios(
        times,
        {
            "sklip / MLPClassifier, one row": ("sklip, float64", "MLPClassifier, float64"),
            "sklip / MLPClassifier, one row, float32": ("sklip, float32", "MLPClassifier, float32"),
            "sklip / MLPClassifier, one row, pandas": ("sklip, pandas", "MLPClassifier, pandas"),
            "SciKeras / sklip, one row": ("SciKeras, float64", "sklip, float64"),
        },
    )


def products(kernels, X):
    """The chain of matrix products alone: no bias, no activation."""
    for kernel in kernels:
        X = X @ kernel
    return X


def products_in_blocks(kernels, X):
    """The same, in blocks of rows that stay in the cache."""
    result = np.empty((len(X), kernels[-1].shape[1]))
    for rows in row_blocks(len(X)):
        result[rows] = products(kernels, X[rows])
    return result


def many_rows(models, mlp, X, turns):
    """Times of all rows at once."""
    kernels = [part.kernel for part in models["GroupSort2"].network_.operations if isinstance(part, Dense)]
    times = in_turns(
        {
            "products": lambda: products(kernels, X),
            "products in blocks": lambda: products_in_blocks(kernels, X),
            **{name: lambda model=model: model.decision_function(X) for name, model in models.items()},
            "MLPClassifier's predict": lambda: mlp.predict(X),
        },
        turns,
    )
    compared = {
        f"decision_function / {what}, {name}": (name, what)
        for what in ("products", "products in blocks")
        for name in models
    }
    compared["decision_function / MLPClassifier's predict, GroupSort2"] = ("GroupSort2", "MLPClassifier's predict")
    return times, ratios(times, compared)


def activations(n_rows, width, turns):
    """Times of the activations of a layer and of copying its units, for the rows of a block and for many."""
    units = np.random.default_rng(0).standard_normal((n_rows, width))
    work, spare = np.empty_like(units), np.empty_like(units)

    def sort_copy():
        np.copyto(work, units)
        FullSort().forward(work, work)

    times = in_turns(
        {
            "copy": lambda: np.copyto(work, units),
            "GroupSort2": lambda: GroupSort(2).forward(units, spare),
            "copy, FullSort": sort_copy,
            "np.sort": lambda: np.sort(units, axis=1),
        },
        turns,
        calls=max(1, 100_000 // n_rows),
    )
    times["FullSort"] = [both - copy for both, copy in zip(times.pop("copy, FullSort"), times["copy"], strict=True)]
    return times, ratios(
        times,
        {
            "GroupSort2 / copy": ("GroupSort2", "copy"),
            "FullSort / copy": ("FullSort", "copy"),
            "FullSort / np.sort": ("FullSort", "np.sort"),
        },
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=7)
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1000, 30)), np.arange(1000) % 2
    X[:, 0] += y
    hkr = {
        name: HKRClassifier(hidden_layer_sizes=SIZES, activation=name.lower(), epochs=1, random_state=0).fit(X, y)
        for name in ("GroupSort2", "FullSort")
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch does not converge
        mlp = MLPClassifier(SIZES, max_iter=1, random_state=0).fit(X, y)
        peers = {"MLPClassifier": mlp, "SciKeras": scikeras().fit(X, y)}
    parts = {
        "one row": one_row({"sklip": hkr["GroupSort2"], **peers}, X, arguments.turns),
        f"{arguments.rows} rows": many_rows(hkr, mlp, rng.standard_normal((arguments.rows, 30)), arguments.turns),
        "units of a block, 1024 x 256": activations(1024, 256, arguments.turns),
        "units of 200,000 rows, x 256": activations(200_000, 256, arguments.turns),
    }
    figures = {"goals": GOALS, "threads": os.environ.get("OMP_NUM_THREADS", "all"), "turns": arguments.turns}
    for title, (times, compared) in parts.items():
        print_table(
            [title, "median", "least", "greatest", "goal"],
            [
                *(
                    [f"{name}, µs", *(f"{1e6 * v:.4g}" for v in summarise(own).values()), ""]
                    for name, own in times.items()
                ),
                *([name, *(f"{v:.3g}" for v in of.values()), GOALS.get(name, "")] for name, of in compared.items()),
            ],
        )
        figures[title] = {"seconds": {name: summarise(own) for name, own in times.items()}, "ratios": compared}
    write_result("serving", figures)


if __name__ == "__main__":
    main()
