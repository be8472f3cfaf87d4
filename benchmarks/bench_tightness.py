"""How much of the true distance to the boundary is certified? Certified radius over the best attack found.

The attack bounds the true distance from above, so the ratio bounds the tightness from below. Rows that are predicted
right; the settings of the two demos for HKR, the defaults for the rest.
"""

import argparse

import numpy as np
from common import MNIST_0_8, TWO_MOONS, mnist_0_8, print_table, two_moons, write_result
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import sklip
from sklip import HKRClassifier, LipschitzMLP

GOALS = {"median": 0.99, "tenth percentile": 0.95}


def settings(seed):
    """Name, fitted classifier, and the rows and labels to attack."""
    moons, labels = two_moons()
    yield "two moons, HKR", HKRClassifier(**TWO_MOONS, random_state=seed).fit(moons, labels), moons, labels
    (train, train_labels), (test, test_labels) = mnist_0_8()
    hkr = HKRClassifier(**MNIST_0_8, random_state=seed).fit(train, train_labels)
    yield "MNIST 0-8, HKR", hkr, test, test_labels
    yield "two moons, LipschitzMLP", LipschitzMLP(random_state=seed).fit(moons, labels), moons, labels
    mlp = LipschitzMLP(hidden_layer_sizes=(32, 16), epochs=10, batch_size=128, random_state=seed)
    yield "MNIST 0-8, LipschitzMLP", mlp.fit(train, train_labels), test, test_labels
    X, Z, y, z = train_test_split(*load_digits(return_X_y=True), test_size=0.3, random_state=0)
    yield "digits, ten classes, HKR", HKRClassifier(random_state=seed).fit(X, y), Z, z
    yield "digits, ten classes, LipschitzMLP", LipschitzMLP(random_state=seed).fit(X, y), Z, z


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=2000)
    arguments = parser.parse_args()
    figures, rows = {"goals for HKR of two classes": GOALS}, []
    for name, classifier, X, y in settings(arguments.seed):
        X, y = X[: arguments.rows], y[: arguments.rows]
        result = sklip.audit(classifier, X, y, random_state=0, verbose=False)
        found = result.correct & np.isfinite(result.attack)
        ratios = result.tightness[found]
        figures[name] = {
            "rows": len(ratios),
            "without an attack": int(np.sum(result.correct & ~np.isfinite(result.attack))),
            "median": float(np.median(ratios)),
            "tenth percentile": float(np.quantile(ratios, 0.1)),
            "mean": float(np.mean(ratios)),
            "broken": int(result.broken.sum()),
        }
        header = ["", *figures[name]]
        rows.append(
            [name, *(f"{value:.4f}" if isinstance(value, float) else value for value in figures[name].values())]
        )
        figures[name]["percentiles"] = np.quantile(ratios, np.linspace(0, 1, 101)).tolist()
        print(rows[-1], flush=True)
    print_table(header, rows)
    write_result("tightness", figures)


if __name__ == "__main__":
    main()
