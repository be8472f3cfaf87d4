"""How good is LipschitzMLP as it comes? Ten data sets, five folds, one setting for all.

Accuracy, certified accuracy at three radii, log loss and Brier score of ``LipschitzMLP()`` behind a
``StandardScaler``, beside scikit-learn's ``MLPClassifier`` with the same hidden layers. ``--neighbours``
compares temperatures and margin offsets, as was done to choose ``"auto"``.
"""

import argparse

import numpy as np
from common import certified_figures, fit_silently, mnist, print_table, scaled_folds, write_result
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_circles,
    make_classification,
    make_moons,
)
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from sklip import LipschitzMLP

RADII = (0.02, 0.05, 0.1)  # of scale_
HIDDEN_LAYERS = (128, 64, 32)
# Temperature times scale_, margin offset over scale_.
NEIGHBOURS = [
    (10, 0.05), (20, 0.0), (20, 0.05), (20, 0.1), (30, 0.05), (40, 0.0), (40, 0.05), (40, 0.1), (100, 0.0),
    (100, 0.03), (200, 0.01),
]  # fmt: skip


def data_sets(with_mnist):
    """Data sets that scikit-learn ships or generates, and a sixth of MNIST, by name."""
    cover = make_classification(
        3000, 54, n_informative=12, n_redundant=10, n_classes=7, class_sep=1.2, random_state=0,
        weights=[0.36, 0.30, 0.10, 0.08, 0.06, 0.05, 0.05],
    )  # fmt: skip
    found = {
        "breast_cancer": load_breast_cancer(return_X_y=True),
        "wine": load_wine(return_X_y=True),
        "digits": load_digits(return_X_y=True),
        "iris": load_iris(return_X_y=True),
        "moons": make_moons(1000, noise=0.2, random_state=0),
        "circles": make_circles(1000, noise=0.1, factor=0.5, random_state=0),
        "20 features": make_classification(1000, 20, n_informative=8, random_state=0),
        "100 features": make_classification(1000, 100, n_informative=20, random_state=0),
        "7 classes, 54 features": cover,
    }
    if with_mnist:
        (X, y), _ = mnist()
        found["MNIST, 10,000 rows"] = X[:10_000], y[:10_000]
    return found


def figures_of(classifier, X, y):
    """Scores of a fitted classifier on held-out rows, by name."""
    probabilities, labels = classifier.predict_proba(X), classifier.predict(X)
    one_hot = y[:, None] == classifier.classes_
    figures = {
        "accuracy": np.mean(labels == y),
        "log loss": log_loss(y, probabilities, labels=classifier.classes_),
        "Brier": np.mean(np.sum((probabilities - one_hot) ** 2, axis=1)),
    }
    if isinstance(classifier, LipschitzMLP):
        figures |= certified_figures(classifier, X, y, RADII, unit=classifier.scale_)
    return figures


def evaluate(make_classifier, X, y, folds):
    """Mean figures over the first folds of five."""
    found = []
    for rows, labels, test_rows, test_labels in scaled_folds(X, y, folds):
        found.append(figures_of(fit_silently(make_classifier(rows), rows, labels), test_rows, test_labels))
    return {name: float(np.mean([figures[name] for figures in found])) for name in found[0]}


def neighbour(temperature, margin_offset):
    """A maker of classifiers with these in units of ``scale_``, which a fit would find."""

    def make(rows):
        scale = np.sqrt(np.mean(np.sum((rows - rows.mean(axis=0)) ** 2, axis=1)))
        return LipschitzMLP(
            hidden_layer_sizes=HIDDEN_LAYERS, temperature=temperature / scale, margin_offset=margin_offset * scale,
            random_state=0,
        )  # fmt: skip

    return make


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--neighbours", action="store_true", help="evaluate neighbouring settings, without MNIST")
    arguments = parser.parse_args()

    makers = {"LipschitzMLP": lambda rows: LipschitzMLP(hidden_layer_sizes=HIDDEN_LAYERS, random_state=0)}
    makers["MLPClassifier"] = lambda rows: MLPClassifier(HIDDEN_LAYERS, random_state=0)
    if arguments.neighbours:
        makers |= {f"temperature {t} / s, offset {m} s": neighbour(t, m) for t, m in NEIGHBOURS}
    result, rows = {}, []
    for name, (X, y) in data_sets(not arguments.neighbours).items():
        result[name] = {maker: evaluate(make, X, y, arguments.folds) for maker, make in makers.items()}
        ours, theirs = result[name]["LipschitzMLP"], result[name]["MLPClassifier"]
        rows.append([name, *X.shape, f"{ours['accuracy']:.3f}", f"{theirs['accuracy']:.3f}",
                     *(f"{ours[f'certified at {share}']:.3f}" for share in RADII),
                     *(f"{of[score]:.3f}" for score in ("log loss", "Brier") for of in (ours, theirs))])  # fmt: skip
        print(rows[-1], flush=True)
    certified = [f"certified at {share}" for share in RADII]
    header = ["data", "rows", "features", "accuracy", "MLPClassifier", *certified, "log loss", "its", "Brier", "its"]
    print_table(header, rows)
    means = {
        maker: {score: float(np.mean([result[name][maker][score] for name in result])) for score in figures}
        for maker, figures in result["iris"].items()
    }
    print_table(["mean", *means["LipschitzMLP"]],
                [[maker, *(f"{mean[score]:.4f}" if score in mean else "" for score in means["LipschitzMLP"])]
                 for maker, mean in means.items()])  # fmt: skip
    name = "lipschitz_mlp_neighbours" if arguments.neighbours else "lipschitz_mlp"
    write_result(name, {"folds": arguments.folds, "data": result, "means": means})


if __name__ == "__main__":
    main()
