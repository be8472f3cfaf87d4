"""How near does the proven distance come to the exact one? Ratio to POT's emd2, mean of five seeds.

``WassersteinEstimator().distance_`` over the Wasserstein-1 distance of the same rows, each row of the same mass.
Two Gaussians in the plane and two moons of 2,000 rows, the zeros and eights of scikit-learn's digits (352 rows)
and 1,000 of MNIST's; the two planar ones also by ``HKRClassifier(alpha=0).kr_distance``. ``--wide`` adds wider and
deeper networks for the digits, with the Muon optimizer, which take minutes. Needs POT (``pip install pot``).
"""

import argparse
from importlib.metadata import version
from time import perf_counter

import numpy as np
import ot
from common import mnist_0_8, print_table, summarise, write_result
from sklearn.datasets import load_digits, make_moons

from sklip import HKRClassifier, WassersteinEstimator

GOALS = {"two Gaussians": 0.995, "two moons": 0.995, "digits": 0.97, "MNIST": 0.97}
WIDE_EPOCHS = {"digits": 1000, "MNIST": 300}


def two_gaussians(seed):
    """1,000 rows of each, 2.24 apart."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((2000, 2))
    X[1000:] += (2.0, 1.0)
    return X, np.repeat([0, 1], 1000)


def digits(_):
    """All zeros and eights, pixels in [0, 1]: the seed is that of the training alone."""
    X, y = load_digits(return_X_y=True)
    kept = (y == 0) | (y == 8)
    return X[kept] / 16.0, y[kept]


def mnist_subset(seed):
    """500 rows of either digit."""
    X, y = mnist_0_8()[0]
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.choice(np.flatnonzero(y == label), 500, replace=False) for label in (0, 1)])
    return X[rows].astype(np.float64), y[rows]


DATA = {
    "two Gaussians": two_gaussians,
    "two moons": lambda seed: make_moons(2000, noise=0.05, random_state=seed),
    "digits": digits,
    "MNIST": mnist_subset,
}


def exact_distance(X, y):
    """W1 by POT's network simplex, rows of each label against those of the other."""
    first, second = (X[y == label] for label in np.unique(y))
    return ot.emd2([], [], ot.dist(first, second, metric="euclidean"), numItermax=10_000_000)


def estimators(name, seed, wide):
    """What to compare on a data set, by name."""
    found = {"WassersteinEstimator()": WassersteinEstimator(random_state=seed)}
    if name in WIDE_EPOCHS:
        if wide:
            from keras.optimizers import Muon
            from keras.optimizers.schedules import CosineDecay

            epochs = WIDE_EPOCHS[name]
            found["256×6, GroupSort8, Muon"] = WassersteinEstimator(
                hidden_layer_sizes=(256,) * 6, activation="groupsort8", epochs=epochs, batch_size=1000,
                random_state=seed, optimizer=Muon(CosineDecay(0.01, epochs)),
            )  # fmt: skip
    else:
        found["HKRClassifier(alpha=0)"] = HKRClassifier(alpha=0.0, batch_size=256, random_state=seed)
    return found


def figures_of(estimator, X, y, exact):
    """Ratio of the proven to the exact distance, and the time of ``fit``."""
    start = perf_counter()
    estimator.fit(X, y)
    seconds = perf_counter() - start
    proven = estimator.distance_ if isinstance(estimator, WassersteinEstimator) else estimator.kr_distance(X, y)
    return {"ratio": proven / exact, "exact": exact, "seconds": seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=list(DATA))
    parser.add_argument("--wide", action="store_true", help="wide and deep networks for the digits too")
    arguments = parser.parse_args()

    figures, rows = {"goals": GOALS, "pot": version("pot")}, []
    for name in arguments.data:
        runs = {}
        for seed in range(arguments.seeds):
            X, y = DATA[name](seed)
            exact = exact_distance(X, y)
            for setting, estimator in estimators(name, seed, arguments.wide).items():
                runs.setdefault(setting, []).append(figures_of(estimator, X, y, exact))
                print(name, setting, runs[setting][-1], flush=True)
        figures[name] = runs
        for setting, found in runs.items():
            ratios = [run["ratio"] for run in found]
            assert max(ratios) <= 1.0, "a bound above the distance"
            seconds = summarise([run["seconds"] for run in found])["median"]
            rows.append([name, setting, f"{np.mean(ratios):.4f}", f"{min(ratios):.4f}", f"{max(ratios):.4f}",
                         GOALS[name], f"{seconds:.1f}"])  # fmt: skip
    print_table(["data", "estimator", "mean ratio", "least", "greatest", "goal", "fit, s"], rows)
    write_result("transport", figures)


if __name__ == "__main__":
    main()
