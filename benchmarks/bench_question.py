"""How tight is a radius in the question that a user asks? Radius over the best attack found, by question.

A table such as a telephone company has: five columns of numbers, four of categories, and who leaves. The same
classifier and rows, asked in the classifier's space, in standard deviations and in tolerances with the categories
held fixed, and in raw units.
"""

import argparse

import numpy as np
import pandas as pd
from common import print_table, write_result
from sklearn.compose import make_column_transformer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sklip
from sklip import HKRClassifier, LipschitzMLP

CATEGORIES = {  # share of the customers, and what it adds to the log odds of leaving
    "plan": {
        "basic": (0.4, 0.0), "plus": (0.25, -0.6), "pro": (0.15, -1.6), "family": (0.15, -1.0), "trial": (0.05, 2.4),
    },
    "region": {"north": (0.25, 0.0), "south": (0.25, 0.0), "east": (0.25, 0.0), "west": (0.25, 0.0)},
    "contract": {"month": (0.5, 2.0), "year": (0.3, -1.0), "two years": (0.2, -3.0)},
    "payment": {"card": (0.6, 0.0), "transfer": (0.3, 0.4), "cheque": (0.1, 1.6)},
}  # fmt: skip
TOLERANCES = {"age": 1.0, "income": 1000.0, "tenure": 1.0, "calls": 1.0, "bill": 2.0}  # years, a year, months, a month


def churn(n_rows, rng):
    """Customers, and whether each leaves."""
    table = pd.DataFrame({
        "age": rng.normal(45, 14, n_rows).clip(18, 90),
        "income": rng.lognormal(10.5, 0.5, n_rows),
        "tenure": rng.exponential(36, n_rows).clip(0, 240),
        "calls": rng.gamma(2.0, 1.5, n_rows),
        "bill": rng.normal(60, 20, n_rows).clip(5, 200),
    })  # fmt: skip
    odds = (
        0.02 * (45 - table["age"]) - 1.2 * (np.log(table["income"]) - 10.5) - 0.04 * (table["tenure"] - 36)
        + 0.7 * (table["calls"] - 3) + 0.04 * (table["bill"] - 60) - 0.6
    )  # fmt: skip
    for column, values in CATEGORIES.items():
        shares = [share for share, _ in values.values()]
        table[column] = rng.choice(list(values), n_rows, p=shares)
        odds += table[column].map({name: effect for name, (_, effect) in values.items()})
    return table, np.where(odds + rng.logistic(size=n_rows) > 0, "leaves", "stays")


def questions(model, X, spread):
    """Name of each question, and the estimator, rows and parameters to ask it with."""
    yield "classifier's space", model[-1], model[:-1].transform(X), {}
    yield "standard deviations, categories fixed", model, X, {"tolerances": spread}
    yield "tolerances, categories fixed", model, X, {"tolerances": TOLERANCES}
    yield "tolerances, categories fixed, L-infinity", model, X, {"tolerances": TOLERANCES, "norm": np.inf}
    yield "raw units", model, X, {}


def asked(kind, seed, n_rows):
    """Tightness and radius by question, of one fit."""
    table, leaves = churn(5000, np.random.default_rng(seed))
    X, X_test, y, y_test = train_test_split(table, leaves, test_size=0.3, stratify=leaves, random_state=seed)
    numbers = list(TOLERANCES)
    steps = make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(sparse_output=False), list(CATEGORIES)))
    model = make_pipeline(steps, kind(random_state=seed)).fit(X, y)
    found = {"accuracy": float(model.score(X_test, y_test))}
    X_test, y_test = X_test[:n_rows], y_test[:n_rows]
    for name, estimator, rows, question in questions(model, X_test, X[numbers].std().to_dict()):
        result = sklip.audit(estimator, rows, y_test, random_state=0, verbose=False, **question)
        tenth, median, _ = result.tightness_quantiles.values()
        found[name] = {
            "median": median,
            "tenth percentile": tenth,
            "median radius": float(np.median(result.radius)),
            "rows": int(np.sum(result.correct & np.isfinite(result.attack))),
            "broken": int(result.broken.sum()),
        }
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=200)
    arguments = parser.parse_args()
    figures, rows = {"rows of each fit": arguments.rows}, []
    for kind in (LipschitzMLP, HKRClassifier):
        runs = [asked(kind, seed, arguments.rows) for seed in range(arguments.seeds)]
        names = [name for name in runs[0] if name != "accuracy"]
        means = {
            name: {
                of: float(np.mean([run[name][of] for run in runs]))
                for of in ("median", "tenth percentile", "median radius")
            }
            for name in names
        }
        figures[kind.__name__] = {"means": means, "runs": runs}
        rows += [[kind.__name__, name, *(f"{value:.4f}" for value in mean.values())] for name, mean in means.items()]
        print(rows[-len(names) :], flush=True)
    print_table(["", "question", "median", "tenth percentile", "median radius"], rows)
    write_result("question", figures, packages=("pandas",))


if __name__ == "__main__":
    main()
