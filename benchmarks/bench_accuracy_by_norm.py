"""Does training for L∞ cost accuracy? Paired differences to networks trained for L2, on eight data sets.

All networks are HKRClassifier, 64-32, and see the same splits and seeds. The table has the default for L∞ and other
margins, weights of the hinge and learning rates. The standard error of a data set is over the splits; that of the mean
over the data sets is over the splits, too, and says nothing about other data sets.
"""

import argparse
import warnings

import numpy as np
from bench_trained_question import TABLES, split
from common import print_table, write_result

import sklip
from sklip import HKRClassifier
from sklip.exceptions import UnattainableMarginWarning

EPSILONS = (0.1, 0.3, 0.5)
FIGURES = ("accuracy", *map(str, EPSILONS))
# Standardised rows have a scale_ of almost 1 for L∞, so that these margins are multiples of it.
CANDIDATES = {
    "L2": {"norm": 2},
    "default": {},
    "margin 0.1": {"min_margin": 0.1},
    "margin 0.2": {"min_margin": 0.2},
    "margin 0.25": {"min_margin": 0.25},
    "margin 0.2, alpha 200": {"min_margin": 0.2, "alpha": 200.0},
    "alpha 200": {"alpha": 200.0},
    "alpha 400": {"alpha": 400.0},
    "learning rate 0.01": {"learning_rate": 0.01},
    "learning rate 0.04": {"learning_rate": 0.04},
}


def of_split(name, seed):
    """Accuracy and certified accuracies in L∞ of each candidate, on one split."""
    X, X_test, y, y_test = split(name, seed)
    found = {}
    for candidate, parameters in CANDIDATES.items():
        model = HKRClassifier(hidden_layer_sizes=(64, 32), random_state=seed, backend="numpy")
        model.set_params(**{"norm": np.inf, **parameters}).fit(X, y)
        right, radii = model.predict(X_test) == y_test, sklip.certified_radius(model, X_test, norm=np.inf)
        found[candidate] = [right.mean(), *(np.mean(right & (radii > epsilon)) for epsilon in EPSILONS)]
    return found


def differences(values):
    """Mean and standard error of each candidate's differences to L2, by data set and in the mean over the data sets.

    ``values`` has the figures by candidate, data set and seed.
    """
    found = {}
    for candidate, of_sets in values.items():
        gains = np.subtract(list(of_sets.values()), list(values["L2"].values()))  # data sets × seeds × figures
        each = {**dict(zip(of_sets, gains, strict=True)), "mean": gains.mean(axis=0)}
        found[candidate] = {
            name: {
                "difference": dict(zip(FIGURES, gain.mean(axis=0).tolist(), strict=True)),
                "standard error": dict(
                    zip(FIGURES, (gain.std(axis=0, ddof=1) / np.sqrt(len(gain))).tolist(), strict=True)
                ),
            }
            for name, gain in each.items()
        }
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UnattainableMarginWarning)
    values = {candidate: {name: [] for name in TABLES} for candidate in CANDIDATES}
    for seed in range(arguments.seeds):
        for name in TABLES:
            for candidate, figures in of_split(name, seed).items():
                values[candidate][name].append(figures)
        print(f"seed {seed}", flush=True)
    found = differences(values)
    lines = []
    for candidate, of_sets in found.items():
        cells = [
            f"{100 * of['difference']['accuracy']:+.2f} ± {100 * of['standard error']['accuracy']:.2f}"
            for of in of_sets.values()
        ]
        lines.append(
            [candidate, *cells, *(f"{100 * of_sets['mean']['difference'][str(each)]:+.1f}" for each in EPSILONS)]
        )
    print_table(["accuracy", *TABLES, "mean", *(f"mean at {each}" for each in EPSILONS)], lines)
    means = {
        candidate: {
            name: dict(zip(FIGURES, np.mean(runs, axis=0).tolist(), strict=True)) for name, runs in of_sets.items()
        }
        for candidate, of_sets in values.items()
    }
    write_result("accuracy_by_norm", {"seeds": arguments.seeds, "means": means, "differences": found})


if __name__ == "__main__":
    main()
