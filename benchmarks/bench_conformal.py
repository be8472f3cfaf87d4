"""Do robust conformal sets and intervals hold the truth under attack, and how large are they?

MNIST: LipschitzMLP, 256-128, ten epochs on 20,000 rows. The test rows are attacked once, by ten steps along the
gradient of the lead of the true class. Then they are split at random into 5,000 rows for calibration, which are clean,
and 2,000 attacked rows. Four data sets of numbers: LipschitzRegressor, 64-64, fitted on a half. The other half is
attacked, and split at random into halves. Coverage, size and standard errors are over the splits, on which the
guarantee is exact.
"""

import argparse

import numpy as np
from common import mnist, print_table, write_result
from sklearn.datasets import load_diabetes, make_friedman1, make_friedman2, make_friedman3
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler

from sklip import LipschitzMLP, LipschitzRegressor, RobustConformalClassifier, RobustConformalRegressor

NUMBERS = {
    "diabetes": lambda: load_diabetes(return_X_y=True),
    "Friedman 1": lambda: make_friedman1(1500, n_features=10, noise=1.0, random_state=0),
    "Friedman 2": lambda: make_friedman2(1500, noise=50.0, random_state=0),
    "Friedman 3": lambda: make_friedman3(1500, noise=0.1, random_state=0),
}

ALPHA, RADIUS = {"MNIST": 0.05, "numbers": 0.1}, {"MNIST": 0.3, "numbers": 0.1}
LARGEST_SETS = 1.1  # goal of the mean number of classes


def attacked(X, radius, downhill, steps=10):
    """Rows moved by the radius along a direction that is computed anew in each step."""
    start = X
    for _ in range(steps):
        move = 0.5 * (X - start) / radius + unit(downhill(X))
        X = start + radius * (1 - 1e-9) * unit(move)
    return X


def unit(directions):
    """Directions of length 1."""
    return directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-300)


def against_class(classifier, y):
    """A function of rows: the direction in which the best other class gains on the true one."""

    def downhill(X):
        each, gradients, scores = np.arange(len(X)), classifier.gradient(X), classifier.decision_function(X)
        scores[each, y] = -np.inf
        return gradients[each, scores.argmax(axis=1)] - gradients[each, y]

    return downhill


def against_number(regressor, X, y):
    """A function of rows: the direction in which the prediction goes away from the target."""
    sign = np.where(regressor.predict(X) > y, 1.0, -1.0)[:, None]
    return lambda X: sign * regressor.gradient(X)


def figures(found):
    """Means over the splits, and the standard error of the coverage."""
    coverage, size = np.array(found).T
    error = coverage.std(ddof=1) / np.sqrt(len(coverage))
    return {"coverage": coverage.mean(), "standard error": error, "size": size.mean()}


def of_mnist(n_splits, alpha, radius):
    """Sets of radius 0 and of the radius, for clean and for attacked rows."""
    (X, y), (X_test, y_test) = mnist()
    chosen = np.random.default_rng(0).permutation(len(X))[:20000]
    settings = {"hidden_layer_sizes": (256, 128), "epochs": 10, "batch_size": 128, "backend": "numpy"}
    classifier = LipschitzMLP(**settings, random_state=0).fit(X[chosen], y[chosen])
    clean = X_test.astype(np.float64)
    blocks = [slice(start, start + 500) for start in range(0, len(clean), 500)]
    moved = np.concatenate(
        [attacked(clean[block], radius, against_class(classifier, y_test[block])) for block in blocks]
    )
    found = {}
    for seed in range(n_splits):
        order = np.random.default_rng(seed).permutation(len(clean))
        calibration, test = order[:5000], order[5000:7000]
        for asked in (0.0, radius):
            model = RobustConformalClassifier(FrozenEstimator(classifier), alpha=alpha, radius=asked)
            model.fit(clean[calibration], y_test[calibration])
            for name, rows in (("clean", clean), ("attacked", moved)):
                sets = model.predict_set(rows[test])
                held = sets[np.arange(len(test)), y_test[test]].mean()
                found.setdefault(f"radius {asked:g}, {name}", []).append((held, sets.sum(axis=1).mean()))
    return {"accuracy": classifier.score(clean, y_test), **{name: figures(runs) for name, runs in found.items()}}


def of_numbers(name, n_splits, alpha, radius):
    """Intervals of radius 0 and of the radius, for attacked rows; sizes in standard deviations of the target."""
    X, y = NUMBERS[name]()
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    order = np.random.default_rng(0).permutation(len(X))
    fitted, pool = np.split(order, [len(X) // 2])
    regressor = LipschitzRegressor(hidden_layer_sizes=(64, 64), backend="numpy", random_state=0).fit(
        X[fitted], y[fitted]
    )
    clean, targets = X[pool], y[pool]
    moved = attacked(clean, radius, against_number(regressor, clean, targets))
    found = {}
    for seed in range(n_splits):
        calibration, test = np.array_split(np.random.default_rng(seed).permutation(len(pool)), 2)
        for asked in (0.0, radius):
            model = RobustConformalRegressor(FrozenEstimator(regressor), alpha=alpha, radius=asked)
            lower, upper = model.fit(clean[calibration], targets[calibration]).predict_interval(moved[test])
            held = ((lower <= targets[test]) & (targets[test] <= upper)).mean()
            found.setdefault(f"radius {asked:g}, attacked", []).append((held, (upper - lower).mean()))
    return {"lipschitz": regressor.lipschitz_, **{name: figures(runs) for name, runs in found.items()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=1000, help="of the data sets of numbers; a tenth for MNIST")
    arguments = parser.parse_args()
    found = {name: of_numbers(name, arguments.splits, ALPHA["numbers"], RADIUS["numbers"]) for name in NUMBERS}
    found["MNIST"] = of_mnist(max(2, arguments.splits // 10), ALPHA["MNIST"], RADIUS["MNIST"])
    lines = [
        [name, case, f"{of['coverage']:.4f} ± {of['standard error']:.4f}", f"{of['size']:.3f}"]
        for name, cases in found.items()
        for case, of in cases.items()
        if isinstance(of, dict)
    ]
    print_table(["data", "sets", "coverage", "size"], lines)
    asked = {"splits": arguments.splits, "alpha": ALPHA, "radius": RADIUS, "largest": LARGEST_SETS}
    write_result("conformal", {**asked, "figures": found})


if __name__ == "__main__":
    main()
