"""How good are the defaults? Twelve data sets, five folds, one setting for all.

Accuracy and certified accuracy of ``HKRClassifier()`` beside the accuracy of scikit-learn's
``MLPClassifier`` with the same hidden layers, each behind a ``StandardScaler``; and the same
for neighbouring settings, which is how the defaults were chosen.
"""

import argparse
from functools import partial

import numpy as np
from common import certified_figures, fit_silently, print_table, scaled_folds, write_result
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_blobs,
    make_circles,
    make_classification,
    make_gaussian_quantiles,
    make_moons,
)
from sklearn.neural_network import MLPClassifier

from sklip import HKRClassifier

RADIUS = 0.05  # of scale_
NEIGHBOURS = {
    "defaults": {},
    "alpha=10": {"alpha": 10.0},
    "alpha=50": {"alpha": 50.0},
    "two layers": {"hidden_layer_sizes": (128, 64)},
    "four layers": {"hidden_layer_sizes": (128, 64, 32, 16)},
    "learning_rate=.01": {"learning_rate": 0.01},
    "batch_size=64": {"batch_size": 64},
    "epochs=30": {"epochs": 30},
}


def data_sets():
    """Data sets that scikit-learn ships or generates, by name."""
    digits, labels = load_digits(return_X_y=True)
    return {
        "breast_cancer": load_breast_cancer(return_X_y=True),
        "wine": load_wine(return_X_y=True),
        "iris": load_iris(return_X_y=True),
        "digits": (digits[:1000], labels[:1000]),
        "moons": make_moons(600, noise=0.2, random_state=0),
        "circles": make_circles(600, noise=0.1, factor=0.4, random_state=0),
        "blobs": make_blobs(600, 4, centers=5, cluster_std=2.5, random_state=5),
        "20 features": make_classification(800, 20, n_informative=8, random_state=0),
        "100 features": make_classification(800, 100, n_informative=15, random_state=1),
        "7 classes": make_classification(1400, 30, n_informative=12, n_classes=7, random_state=2),
        "imbalanced": make_classification(1000, 12, n_informative=6, weights=[0.93], random_state=3),
        "quantiles": make_gaussian_quantiles(n_samples=700, n_features=5, n_classes=3, random_state=4),
    }


def evaluate(make_classifier, X, y, folds):
    """Mean accuracy and certified accuracy over the first folds of five."""
    figures = []
    for rows, labels, test_rows, test_labels in scaled_folds(X, y, folds):
        classifier = fit_silently(make_classifier(), rows, labels)
        certified = 0.0
        if isinstance(classifier, HKRClassifier):
            found = certified_figures(classifier, test_rows, test_labels, [RADIUS], unit=classifier.scale_)
            certified = found[f"certified at {RADIUS}"]
        figures.append((classifier.score(test_rows, test_labels), certified))
    return np.mean(figures, axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--neighbours", action="store_true", help="evaluate neighbouring settings as well")
    arguments = parser.parse_args()

    settings = NEIGHBOURS if arguments.neighbours else {"defaults": {}}
    makers = {
        name: lambda setting=setting: HKRClassifier(random_state=0, **setting) for name, setting in settings.items()
    }
    makers["MLPClassifier"] = partial(MLPClassifier, (128, 64, 32), random_state=0)
    rows, result = [], {}
    for name, (X, y) in data_sets().items():
        figures = {maker: evaluate(makers[maker], X, y, arguments.folds) for maker in makers}
        result[name] = {maker: {"accuracy": float(a), "certified": float(c)} for maker, (a, c) in figures.items()}
        accuracy, certified = figures["defaults"]
        rows.append([name, *X.shape, f"{accuracy:.3f}", f"{certified:.3f}", f"{figures['MLPClassifier'][0]:.3f}"])
    means = {maker: np.mean([list(result[name][maker].values()) for name in result], axis=0) for maker in makers}
    rows.append(["mean", "", "", f"{means['defaults'][0]:.3f}", f"{means['defaults'][1]:.3f}",
                 f"{means['MLPClassifier'][0]:.3f}"])  # fmt: skip
    print_table(["data", "rows", "features", "accuracy", f"certified at {RADIUS} scale_", "MLPClassifier"], rows)
    if arguments.neighbours:
        print_table(["setting", "accuracy", "certified"],
                    [[maker, f"{a:.4f}", f"{c:.4f}"] for maker, (a, c) in means.items()])  # fmt: skip
    name = "defaults_neighbours" if arguments.neighbours else "defaults"
    write_result(name, {"folds": arguments.folds, "radius": RADIUS, "data": result,
                              "means": {maker: list(map(float, mean)) for maker, mean in means.items()}})  # fmt: skip


if __name__ == "__main__":
    main()
