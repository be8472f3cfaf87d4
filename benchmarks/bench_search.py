"""What does a search over one architecture cost, and a later fit of the same shape? Beside SciKeras and MLPClassifier.

GridSearchCV on breast_cancer: 24 candidates (alpha, margin, learning rate) of HKRClassifier × 5 folds, 30 epochs, one
architecture; as many candidates and fits of a SciKeras classifier around a Keras network of Dense layers, and of
scikit-learn's MLPClassifier, of the same sizes, epochs and batches. In turns. And a later ``fit`` of the same shape on
500 rows, one epoch, beside a warm Keras ``fit`` of Dense layers.
"""

import argparse
import os
import time
import warnings

import numpy as np
from common import print_table, summarise, write_result
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from sklip import HKRClassifier

GOALS = {"scikeras / sklip": 15, "sklip / MLPClassifier": 2, "later fit / Keras fit": 1}
SIZES, EPOCHS, BATCH = (64, 32), 30, 32
RATES = [0.001, 0.003, 0.01]


def hkr():
    """The search of HKRClassifier."""
    classifier = HKRClassifier(hidden_layer_sizes=SIZES, epochs=EPOCHS, batch_size=BATCH, random_state=0)
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
    from scikeras.wrappers import KerasClassifier

    class Classifier(KerasClassifier):
        """SciKeras 0.13 with the tags of today's scikit-learn."""

        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            tags.estimator_type = "classifier"
            return tags

    classifier = Classifier(
        dense_network, hidden_layer_sizes=SIZES, weight_decay=1e-4, beta_1=0.9, learning_rate=0.01,
        epochs=EPOCHS, batch_size=BATCH, verbose=0, random_state=0,
    )  # fmt: skip
    return classifier, {"weight_decay": [1e-5, 1e-4, 1e-3, 1e-2], "beta_1": [0.85, 0.9], "learning_rate": RATES}


def seconds(search, X, y, candidates):
    """Wall time of a search over the first so many candidates."""
    classifier, grid = search()
    from sklearn.model_selection import ParameterGrid

    chosen = [{name: [value] for name, value in point.items()} for point in list(ParameterGrid(grid))[:candidates]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        began = time.perf_counter()
        GridSearchCV(classifier, chosen, cv=5, scoring="accuracy", refit=False).fit(X, y)
        return time.perf_counter() - began


def later_fits(X, y, turns):
    """Wall times of a later fit of one epoch, of sklip and of warm Keras, in turns."""
    rows, labels = X[:500], y[:500]
    network = dense_network(SIZES, None, 0.9, 0.01)
    pairs = []
    for turn in range(turns + 1):
        began = time.perf_counter()
        HKRClassifier(hidden_layer_sizes=SIZES, epochs=1, batch_size=BATCH, alpha=1.0 + turn).fit(rows, labels)
        middle = time.perf_counter()
        network.fit(rows, labels, epochs=1, batch_size=BATCH, verbose=0)
        pairs.append((middle - began, time.perf_counter() - middle))
    return pairs[1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--scikeras-candidates", type=int, default=4, help="of 24; its time is scaled up")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    runs = []
    for _ in range(arguments.turns):
        runs.append({
            "sklip": seconds(hkr, X, y, 24),
            "MLPClassifier": seconds(mlp, X, y, 24),
            "scikeras": seconds(scikeras, X, y, arguments.scikeras_candidates) * 24 / arguments.scikeras_candidates,
        })  # fmt: skip
        print({name: round(value, 2) for name, value in runs[-1].items()}, flush=True)
    pairs = later_fits(X, y, 4 * arguments.turns)
    ratios = {
        "scikeras / sklip": summarise([run["scikeras"] / run["sklip"] for run in runs]),
        "sklip / MLPClassifier": summarise([run["sklip"] / run["MLPClassifier"] for run in runs]),
        "later fit / Keras fit": summarise([sklip / keras for sklip, keras in pairs]),
    }
    print_table(
        ["", "median", "least", "greatest", "goal"],
        [[name, *(f"{value:.3g}" for value in ratio.values()), GOALS[name]] for name, ratio in ratios.items()],
    )
    later = {"sklip": summarise([pair[0] for pair in pairs]), "Keras": summarise([pair[1] for pair in pairs])}
    write_result(
        "search",
        {"goals": GOALS, "ratios": ratios, "runs": runs, "later fits": later,
         "scikeras candidates": arguments.scikeras_candidates, "rows": int(np.shape(X)[0])},
    )  # fmt: skip


if __name__ == "__main__":
    main()
