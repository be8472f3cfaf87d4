"""Monotone columns: ordered pairs of rows against the served scores, and accuracy next to monotone boosted trees.

Pairs: x' differs from x in monotone columns only, and in their directions. Steps range from one unit in the last place
to ten standard deviations. A score may be lower at x' by the rounding of both scores, and by no more.

Accuracy: test rows of ten splits into training, validation and test rows. Parameters are chosen on the validation
rows, then the model is trained on both, and the test rows are used once. COLUMNS has the directions, which are those
that one expects before one has seen the data.

The data are files that are not part of this repository, and there are many public copies of them. --pima and
--wisconsin, or SKLIP_PIMA and SKLIP_WISCONSIN, are those of bench_published_tables.py. --heart, or SKLIP_HEART, names
UCI's processed.cleveland.data: 303 lines of 13 numbers or "?", and a class from 0 to 4. --german, or SKLIP_GERMAN,
names UCI's german.data-numeric: 1000 lines of 24 numbers and the class 1 or 2, between commas or spaces, with or
without a header. A data set without a file is left out; scikit-learn's breast cancer is always there.
"""

import argparse
import itertools
import os
from pathlib import Path

import numpy as np
from bench_published_tables import pima, wisconsin
from common import print_table, write_result
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklip import HKRClassifier, LipschitzMLP
from sklip.certification import scores_and_errors

# Directions by position of the column.
COLUMNS = {
    # More glucose, a larger body mass index, more relatives with diabetes, and a higher age.
    "Pima": {1: 1, 5: 1, 6: 1, 7: 1},
    # Nine properties of cells, graded from 1, closest to benign, to 10.
    "Wisconsin": dict.fromkeys(range(9), 1),
    # Age, blood pressure, cholesterol, ST depression, coloured vessels and angina; the heart rate that is reached.
    "Cleveland": {0: 1, 3: 1, 4: 1, 9: 1, 11: 1, 8: 1, 7: -1},
    # Duration and amount of a credit; length of the present employment.
    "German credit": {1: 1, 3: 1, 4: -1},
    # Worst radius, perimeter, area, concavity and number of concave points.
    "Wisconsin diagnostic": dict.fromkeys((20, 22, 23, 26, 27), 1),
}
GOAL = 0.01  # how much lower the accuracy may be
GRIDS = {
    "HistGradientBoosting": {
        "learning_rate": (0.03, 0.1), "max_iter": (50, 100, 200), "max_leaf_nodes": (4, 15), "min_samples_leaf": (20,),
    },
    "LipschitzMLP": {"temperature": (5.0, 20.0, 80.0), "margin_offset": (0.0, 0.05), "epochs": (30, 60)},
    "HKRClassifier": {"min_margin": (0.05, 0.1, 0.2), "alpha": (10.0, 100.0), "epochs": (30, 60)},
}  # fmt: skip


def heart(path):
    """Rows without missing values, and whether there is a disease."""
    lines = [line.split(",") for line in Path(path).read_text().split() if "?" not in line]
    values = np.array(lines, float)
    return values[:, :13], (values[:, 13] > 0).astype(int)


def german(path):
    """Rows, and whether the credit is a bad one."""
    lines = [line.replace(",", " ").split() for line in Path(path).read_text().splitlines()]
    values = np.array([line for line in lines if line and line[0].isdigit()], float)
    return values[:, :24], (values[:, 24] == 2).astype(int)


def directions(name, n_features):
    """−1, 0 or 1 for each column."""
    found = np.zeros(n_features, int)
    found[list(COLUMNS[name])] = list(COLUMNS[name].values())
    return found


def fitted(kind, candidate, X, y, monotonic_cst, seed):
    """A classifier for monotone columns; networks get standardised columns."""
    if kind == "HistGradientBoosting":
        return HistGradientBoostingClassifier(monotonic_cst=monotonic_cst, random_state=seed, **candidate).fit(X, y)
    network = {"LipschitzMLP": LipschitzMLP, "HKRClassifier": HKRClassifier}[kind]
    size = np.sqrt(np.var(X, axis=0).sum())
    units = {"temperature": 1 / size, "margin_offset": size, "min_margin": size}
    parameters = {of: value * units.get(of, 1) for of, value in candidate.items()}
    model = network(hidden_layer_sizes=(64, 32), backend="numpy", random_state=seed, monotonic_cst=monotonic_cst)
    return model.set_params(**parameters).fit(X, y)


def chosen(kind, parts, monotonic_cst, seed):
    """The candidate with the best accuracy on the validation rows."""
    X, X_valid, y, y_valid = parts
    candidates = [dict(zip(GRIDS[kind], values, strict=True)) for values in itertools.product(*GRIDS[kind].values())]
    return max(candidates, key=lambda each: fitted(kind, each, X, y, monotonic_cst, seed).score(X_valid, y_valid))


def accuracies(X, y, monotonic_cst, seed):
    """Accuracy of each kind on the test rows of a split, and the candidate that was chosen."""
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    parts = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
    found = {}
    for kind in GRIDS:
        candidate = chosen(kind, parts, monotonic_cst, seed)
        model = fitted(kind, candidate, X, y, monotonic_cst, seed)
        found[kind] = {"accuracy": float(model.score(X_test, y_test)), "candidate": candidate}
    return found


def ordered(rows, monotonic_cst, rng):
    """Rows that differ in monotone columns only, and in their directions."""
    spread = np.abs(rows).mean()
    steps = spread * 10.0 ** rng.uniform(-17, 1, rows.shape) * (rng.random(rows.shape) < rng.uniform(0.1, 1.0))
    moved = (rows + monotonic_cst * steps).astype(rows.dtype)
    smallest = np.nextafter(rows, np.where(monotonic_cst > 0, np.inf, -np.inf).astype(rows.dtype))
    once = rng.random(len(rows)) < 0.1  # these move by one unit in the last place
    moved[once] = np.where(monotonic_cst != 0, smallest, rows)[once]
    return moved


def violations(model, rows, moved, monotonic_cst):
    """Pairs, scores that fall at all, and scores that fall by more than both roundings."""
    assert (monotonic_cst * (moved - rows) >= 0).all()
    assert (moved == rows)[:, monotonic_cst == 0].all()
    (low, low_errors), (high, high_errors) = (
        scores_and_errors(model.network_, each.astype(np.float64)) for each in (rows, moved)
    )
    assert (model.decision_function(moved[:100]) == high[:100, 0]).all()  # these are the served numbers
    fall = low[:, 0] - high[:, 0]
    return np.array([len(rows), (fall > 0).sum(), (fall > low_errors + high_errors).sum()])


def networks(seed):
    """Classifiers of generated tables, with some monotone columns, some of which go against the data."""
    for number, norm in enumerate((2, np.inf, 1)):
        for kind in (HKRClassifier, LipschitzMLP):
            rng = np.random.default_rng([seed, number])
            X, y = make_classification(400, 12, n_informative=6, random_state=seed)
            monotonic_cst = rng.integers(-1, 2, size=12)
            monotonic_cst[0] = 1
            model = kind(hidden_layer_sizes=(32, 16), norm=norm, monotonic_cst=monotonic_cst, epochs=10,
                         backend="numpy", random_state=seed)  # fmt: skip
            yield f"{kind.__name__}, {norm:g}", model.fit(X, y), X, monotonic_cst


def attacked_pairs(n_pairs, block=50_000):
    """Counts of pairs by network and dtype."""
    counts, seed = {}, 0
    while sum(count[0] for count in counts.values()) < n_pairs:
        rng = np.random.default_rng(seed)
        for name, model, X, monotonic_cst in networks(seed):
            for dtype in (np.float32, np.float64):
                rows = X[rng.integers(len(X), size=block)] + 10.0 ** rng.uniform(-3, 0.5) * rng.standard_normal(
                    (block, X.shape[1])
                )
                rows = rows.astype(dtype)
                moved = ordered(rows, monotonic_cst, rng)
                key = f"{name}, {np.dtype(dtype).name}"
                counts[key] = counts.get(key, 0) + violations(model, rows, moved, monotonic_cst)
        seed += 1
        print(f"{sum(count[0] for count in counts.values())} pairs", flush=True)
    return {
        key: dict(zip(("pairs", "falls", "violations"), count.tolist(), strict=True)) for key, count in counts.items()
    }


def benign_and_malignant():
    """scikit-learn's breast cancer, with 1 for malignant."""
    X, y = load_breast_cancer(return_X_y=True)
    return X, 1 - y


def without_number(path):
    """Wisconsin without the sample number."""
    X, y = wisconsin(path)
    return X[:, 1:], y


# Option, and reader of its file.
FILES = {
    "Pima": ("pima", pima),
    "Wisconsin": ("wisconsin", without_number),
    "Cleveland": ("heart", heart),
    "German credit": ("german", german),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, _ in FILES.values():
        parser.add_argument(f"--{option}", default=os.environ.get(f"SKLIP_{option.upper()}"))
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=10_000_000)
    arguments = parser.parse_args()
    tables = {name: read(path) for name, (option, read) in FILES.items() if (path := getattr(arguments, option))}
    tables["Wisconsin diagnostic"] = benign_and_malignant()
    figures, lines = {"goal": GOAL, "splits": arguments.splits, "sets": {}}, []
    for name, (X, y) in tables.items():
        monotonic_cst = directions(name, X.shape[1])
        runs = figures["sets"][name] = [accuracies(X, y, monotonic_cst, seed) for seed in range(arguments.splits)]
        lines.append([name, *(f"{np.mean([run[kind]['accuracy'] for run in runs]):.3f}" for kind in GRIDS)])
        print(lines[-1], flush=True)
    figures["pairs"] = attacked_pairs(arguments.pairs)
    print_table(["accuracy", *GRIDS], lines)
    print_table(["", "pairs", "falls", "violations"], [[key, *each.values()] for key, each in figures["pairs"].items()])
    write_result("monotone", figures)


if __name__ == "__main__":
    main()
