"""Certified error in L∞ on tables that papers use, next to robust boosted trees and to the best linear rule.

Columns are scaled to [0, 1] by the training rows. The published split is that of Andriushchenko and Hein, "Provably
robust boosted decision stumps and trees against adversarial attacks" (NeurIPS 2019): the first 80 % of the rows of the
file, in their order; of Wisconsin, without the rows that have missing values, and with the sample number as a column.
The other splits are random and stratified, and leave the sample number out. Wisconsin diagnostic is scikit-learn's
breast cancer, another data set than the one of the trees.

The files are not part of this repository, and there are many public copies of them. --pima, or SKLIP_PIMA, names the
diabetes data of the Pima: 768 lines of eight numbers and the class 0 or 1, separated by commas, with or without a
header. --wisconsin, or SKLIP_WISCONSIN, names UCI's breast-cancer-wisconsin.data: 699 lines of the sample number, nine
numbers from 1 to 10 or "?", and the class 2 or 4. A data set without a file is left out.

Margins, temperatures and offsets are chosen by cross-validation on the training rows. The linear rule minimises the
logistic loss of the worst case, log(1 + exp(−(y (w · x + b) − ε ‖w‖₁))), which is convex. Its second line chooses the ε
of this loss by the same cross-validation.
"""

import argparse
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import print_table, write_result
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold, train_test_split

import sklip
from sklip import HKRClassifier, LipschitzMLP
from sklip.exceptions import UnattainableMarginWarning

# Test error and upper bound of the certified error of robust boosted trees, in per cent: table 2 of the paper.
TREES = {"Pima": (27.3, 35.7), "Wisconsin": (0.7, 6.6)}
EPSILONS = {"Pima": (0.05,), "Wisconsin": (0.3,), "Wisconsin diagnostic": (0.1, 0.3)}
FOLDS = 5
SIZES = {"hidden_layer_sizes": (64, 32), "norm": np.inf, "backend": "numpy"}
# Margins and offsets as multiples of epsilon; temperatures of the inverse of scale_; epsilons of the linear rule's loss
# as multiples of the one that is asked.
CANDIDATES = {
    "linear, chosen": [{"epsilon": factor} for factor in (0.5, 0.75, 1.0)],
    "HKRClassifier": [{"min_margin": margin, "alpha": alpha} for margin in (1.5, 3.0, 6.0) for alpha in (10.0, 100.0)],
    "LipschitzMLP": [
        {"margin_offset": offset, "temperature": temperature}
        for offset in (1.0, 1.5)
        for temperature in (1.0, 3.0, 10.0)
    ],
}
KINDS = {"HKRClassifier": HKRClassifier, "LipschitzMLP": LipschitzMLP}


@dataclass(frozen=True)
class Linear:
    """The rule w · x + b > 0."""

    weights: np.ndarray
    intercept: float

    def predict(self, X):
        return (X @ self.weights + self.intercept > 0).astype(int)

    @property
    def columns(self):
        """Number of columns that count."""
        return int((np.abs(self.weights) > 1e-6 * np.abs(self.weights).max()).sum())

    def radii(self, X):
        """Distances to the boundary in L∞."""
        return np.abs(X @ self.weights + self.intercept) / max(np.abs(self.weights).sum(), 1e-300)


def robust_linear(X, y, epsilon):
    """The minimiser of the logistic loss of the worst case, and the largest violation of its optimality conditions.

    With w = p − q and p, q ≥ 0, ‖w‖₁ is the sum of p and q at the minimum, so that the loss is smooth.
    """
    signs = 2.0 * y - 1.0
    rows = np.hstack([signs[:, None] * X - epsilon, -signs[:, None] * X - epsilon, signs[:, None]])

    def loss(parameters):
        margins = rows @ parameters
        return np.logaddexp(0.0, -margins).mean(), -(expit(-margins) @ rows) / len(rows)

    n_features = X.shape[1]
    bounds = [(0.0, None)] * (2 * n_features) + [(None, None)]
    options = {"maxiter": 100_000, "maxfun": 1_000_000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 30}
    found = minimize(loss, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    slope = loss(found)[1]
    violation = np.abs(np.append(np.minimum(found[:-1], slope[:-1]), slope[-1])).max()
    return Linear(found[:n_features] - found[n_features:-1], found[-1]), float(violation)


def pima(path):
    """Rows and classes."""
    lines = Path(path).read_text().split()
    values = np.array([line.split(",") for line in lines if line[0].isdigit()], float)
    return values[:, :8], values[:, 8].astype(int)


def wisconsin(path):
    """Rows, the first column of which is the sample number, and whether each is malignant."""
    lines = [line for line in Path(path).read_text().split() if line[0].isdigit() and "?" not in line]
    values = np.array([line.split(",") for line in lines], float)
    return values[:, :10], (values[:, 10] == 4).astype(int)


def scaled(X, X_test):
    """Columns in [0, 1], by the training rows."""
    least, greatest = X.min(axis=0), X.max(axis=0)
    return (X - least) / (greatest - least), (X_test - least) / (greatest - least)


def splits(name, X, y, seeds):
    """Name, training rows, test rows, their classes and a seed of each split."""
    n_train = int(0.8 * len(X))
    if name in TREES:
        for seed in range(seeds):
            yield "published", *scaled(X[:n_train], X[n_train:]), y[:n_train], y[n_train:], seed
    if name == "Wisconsin":
        X = X[:, 1:]
    for seed in range(seeds):
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=seed)
        yield "random", *scaled(X_train, X_test), y_train, y_test, seed


def errors(model, X, y, epsilon):
    """Error, and certified error: the share of rows that are wrong, or not proven at epsilon."""
    right = model.predict(X) == y
    radii = model.radii(X) if isinstance(model, Linear) else sklip.certified_radius(model, X)
    return {"error": float(1 - right.mean()), "certified error": float(1 - np.mean(right & (radii > epsilon)))}


def fitted(kind, candidate, X, y, epsilon, seed):
    """A fitted linear rule or network."""
    if kind == "linear, chosen":
        return robust_linear(X, y, candidate["epsilon"] * epsilon)[0]
    scale = np.sqrt(np.var(X, axis=0).mean())
    units = {"min_margin": epsilon, "margin_offset": epsilon, "temperature": 1 / scale, "alpha": 1.0}
    parameters = {of: value * units[of] for of, value in candidate.items()}
    return KINDS[kind](**SIZES, **parameters, random_state=seed).fit(X, y)


def chosen(kind, X, y, epsilon, seed):
    """The candidate with the lowest certified error in the folds of the training rows."""
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(X, y))

    def loss(candidate):
        fits = [(fitted(kind, candidate, X[train], y[train], epsilon, seed), test) for train, test in folds]
        return np.mean([errors(model, X[test], y[test], epsilon)["certified error"] for model, test in fits])

    return min(CANDIDATES[kind], key=loss)


def run(X, X_test, y, y_test, seed, epsilon):
    """Figures of one split."""
    linear, violation = robust_linear(X, y, epsilon)
    larger = float(np.mean(y_test != (y.mean() > 0.5)))
    found = {
        "larger class": {"error": larger, "certified error": larger},
        "linear": {**errors(linear, X_test, y_test, epsilon), "violation": violation, "columns": linear.columns},
    }
    for kind in CANDIDATES:
        candidate = chosen(kind, X, y, epsilon, seed)
        model = fitted(kind, candidate, X, y, epsilon, seed)
        columns = model.columns if isinstance(model, Linear) else int((model.feature_weights_ > 0.05).sum())
        found[kind] = {**errors(model, X_test, y_test, epsilon), "candidate": candidate, "columns": columns}
    return found


def means_of(runs):
    """Means of the errors over the seeds, and the standard errors of the differences to the better linear rule."""
    means = {}
    for kind in runs[0]:
        means[kind] = {of: float(np.mean([one[kind][of] for one in runs])) for of in ("error", "certified error")}
        differences = [one[kind]["certified error"] - one["linear, chosen"]["certified error"] for one in runs]
        means[kind]["to linear"] = float(np.mean(differences))
        means[kind]["standard error"] = float(np.std(differences, ddof=1) / np.sqrt(len(runs)))
    return means


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pima", default=os.environ.get("SKLIP_PIMA"))
    parser.add_argument("--wisconsin", default=os.environ.get("SKLIP_WISCONSIN"))
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    tables = {"Wisconsin diagnostic": load_breast_cancer(return_X_y=True)}
    for name, read, path in (("Pima", pima, arguments.pima), ("Wisconsin", wisconsin, arguments.wisconsin)):
        if path:
            tables[name] = read(path)
    warnings.simplefilter("ignore", UnattainableMarginWarning)  # margins are chosen from candidates
    figures, lines = {"trees": TREES, "seeds": arguments.seeds, "tables": []}, []
    for name, epsilon in [(each, epsilon) for each in tables for epsilon in EPSILONS[each]]:
        found = {}
        for split, *data in splits(name, *tables[name], arguments.seeds):
            found.setdefault(split, []).append(run(*data, epsilon))
        for split, runs in found.items():
            means = means_of(runs)
            one = {"data": name, "epsilon": epsilon, "split": split, "means": means, "runs": runs}
            figures["tables"].append(one)
            for kind, mean in means.items():
                lines.append([name, epsilon, split, kind, *(f"{100 * value:.1f}" for value in mean.values())])
                print(lines[-1], flush=True)
    header = ["data", "epsilon", "split", "", "error", "certified error", "to linear", "standard error"]
    print_table(header, lines)
    write_result("published_tables", figures, packages=("scipy",))


if __name__ == "__main__":
    main()
