"""What does a search over one architecture cost? Beside SciKeras and MLPClassifier, in turns.

GridSearchCV on breast_cancer: 24 candidates (alpha, margin, learning rate) of HKRClassifier × 5 folds, 30 epochs, one
architecture, with ``jit_compile=True`` and with its default; as many candidates and fits of a SciKeras classifier
around a Keras network of Dense layers, and of scikit-learn's MLPClassifier, of the same sizes, epochs and batches. Each
of sklip's searches starts without a compiled network: it compiles once, on the clock.
"""

import argparse
import os
import warnings

from common import import_training, print_table, ratios, seconds_of, shown, summarise, write_result, xla
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import sklip
from sklip import HKRClassifier

GOALS = {"SciKeras / sklip": 15, "sklip / MLPClassifier": 2}
CANDIDATES = 24
SIZES, EPOCHS, BATCH = (64, 32), 30, 32
RATES = [0.001, 0.003, 0.01]


def hkr(**jit):
    """The search of HKRClassifier."""
    sklip.clear_compiled_networks()
    classifier = HKRClassifier(hidden_layer_sizes=SIZES, epochs=EPOCHS, batch_size=BATCH, random_state=0, **jit)
    grid = {"alpha": [1.0, 10.0, 50.0, 100.0], "min_margin": [0.2, 0.5], "learning_rate": RATES}
    return classifier, grid


def mlp():
    """The search of MLPClassifier: as many candidates, alpha and beta_1 in the place of alpha and the margin."""
    classifier = MLPClassifier(SIZES, max_iter=EPOCHS, batch_size=BATCH, n_iter_no_change=EPOCHS, random_state=0)
    grid = {"alpha": [1e-5, 1e-4, 1e-3, 1e-2], "beta_1": [0.85, 0.9], "learning_rate_init": RATES}
    return classifier, grid


def dense_network(hidden_layer_sizes, weight_decay, beta_1, learning_rate):
    """An unconstrained Keras network of the same sizes, compiled."""
    import keras

    layers = [keras.layers.Dense(size, "relu") for size in hidden_layer_sizes]
    network = keras.Sequential([keras.Input((30,)), *layers, keras.layers.Dense(1, "sigmoid")])
    network.compile(keras.optimizers.Adam(learning_rate, beta_1, weight_decay=weight_decay), "binary_crossentropy")
    return network


def scikeras():
    """The search of SciKeras' classifier around Keras' Dense layers."""
    from networks import scikeras_classifier

    classifier = scikeras_classifier(
        dense_network, hidden_layer_sizes=SIZES, weight_decay=1e-4, beta_1=0.9, learning_rate=0.01,
        epochs=EPOCHS, batch_size=BATCH,
    )  # fmt: skip
    return classifier, {"weight_decay": [1e-5, 1e-4, 1e-3, 1e-2], "beta_1": [0.85, 0.9], "learning_rate": RATES}


def seconds(classifier, grid, X, y, candidates):
    """Wall time of a search over the first so many candidates."""
    chosen = [{name: [value] for name, value in point.items()} for point in list(ParameterGrid(grid))[:candidates]]
    search = GridSearchCV(classifier, chosen, cv=5, scoring="accuracy", refit=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return seconds_of(search.fit, X, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--candidates", type=int, default=CANDIDATES)
    parser.add_argument("--scikeras-candidates", type=int, default=2, help="its time is scaled up to all")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import_training()
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    searches = {
        "sklip, XLA": lambda: hkr(**xla(HKRClassifier)),
        "sklip, default": hkr,
        "MLPClassifier": mlp,
        "SciKeras": scikeras,
    }
    for jit in ({}, xla(HKRClassifier)):  # what the first training of a process costs is no search's
        HKRClassifier(hidden_layer_sizes=(4,), epochs=1, **jit).fit(X, y)
    times = {name: [] for name in searches}
    for turn in range(arguments.turns):
        for name, search in searches.items():
            count = arguments.scikeras_candidates if name == "SciKeras" else arguments.candidates
            times[name].append(seconds(*search(), X, y, count) * arguments.candidates / count)
        print(f"turn {turn + 1}:", {name: round(values[-1], 2) for name, values in times.items()}, flush=True)
    found = {
        setting: {
            "SciKeras / sklip": ratios(times["SciKeras"], times[f"sklip, {setting}"]),
            "sklip / MLPClassifier": ratios(times[f"sklip, {setting}"], times["MLPClassifier"]),
        }
        for setting in ("XLA", "default")
    }
    print_table(["seconds", ""], [[name, shown(summarise(values))] for name, values in times.items()])
    print_table(
        ["jit_compile", "", "ratio", "goal"],
        [
            [setting, name, shown(ratio), GOALS[name]]
            for setting, entry in found.items()
            for name, ratio in entry.items()
        ],
    )
    write_result("search", {
        "goals": GOALS, "turns": arguments.turns, "candidates": arguments.candidates,
        "SciKeras candidates": arguments.scikeras_candidates, "ratios": found,
        "seconds": {name: summarise(values) for name, values in times.items()},
    }, packages=["scikeras"])  # fmt: skip


if __name__ == "__main__":
    main()
