"""Which columns does a network for L∞ use, beside L1-penalised linear models?

Breast cancer, and 30 columns of which 6 inform; standardised by the training rows, 30 % held-out rows. The L∞ radius
of a linear model is exact: ``|w · x + b| / ‖w‖₁``. One parameter of each model is chosen by cross-validation of the
training rows, once for the accuracy and once for the certified accuracy: C of the linear models, the margin of the
network. The network has its default margin as well.
"""

import argparse
import warnings

import numpy as np
from common import print_table, write_result
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sklip import HKRClassifier

EPSILON = 0.3
# A column is used if its weight is above this share of the largest weight.
USED = 0.05
N_INFORMATIVE = 6


def six_of_thirty(seed):
    """Thirty columns, of which the first six say something of the class."""
    return make_classification(
        1500, 30, n_informative=N_INFORMATIVE, n_redundant=0, class_sep=1.5, shuffle=False, random_state=seed
    )


TABLES = {"breast cancer": lambda seed: load_breast_cancer(return_X_y=True), "6 of 30": six_of_thirty}
COSTS = {"C": np.logspace(-3, 1.5, 10).tolist()}
MODELS = {
    "HKRClassifier": (HKRClassifier(hidden_layer_sizes=(64, 32), norm="inf", backend="numpy"),
                      {"min_margin": [0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0]}),
    "LogisticRegression": (LogisticRegression(l1_ratio=1.0, solver="liblinear", max_iter=1000), COSTS),
    "LinearSVC": (LinearSVC(penalty="l1", dual=False, max_iter=10_000), COSTS),
}  # fmt: skip


def split(name, seed):
    """Training rows and held-out rows of a table, in standard deviations, and their labels."""
    X, y = TABLES[name](seed)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(X)
    return scaler.transform(X), scaler.transform(X_test), y, y_test


def weights_and_radii(model, X):
    """How much each column counts, and the L∞ radii of rows."""
    if isinstance(model, HKRClassifier):
        return model.feature_weights_, model.certified_radius(X)
    weights = np.abs(model.coef_[0])
    return weights, np.abs(model.decision_function(X)) / (weights.sum() or 1.0)


def certified_share(model, X, y):
    """Share of the rows that are predicted right with a radius above ``EPSILON``."""
    return float(np.mean((model.predict(X) == y) & (weights_and_radii(model, X)[1] > EPSILON)))


def fits(seed, X, y):
    """Names of models, each one fitted, and what was chosen of its parameter."""
    for name, (model, grid) in MODELS.items():
        model.set_params(random_state=seed)
        if name == "HKRClassifier":
            yield f"{name}, default", model.fit(X, y), model.min_margin_
        for chosen, scoring in (("accuracy", "accuracy"), ("certified accuracy", certified_share)):
            search = GridSearchCV(model, grid, scoring=scoring, cv=5).fit(X, y)
            yield f"{name}, by {chosen}", search.best_estimator_, *search.best_params_.values()


def measured(model, X, y, informs):
    """Columns that a fitted model uses, its accuracy and its certified accuracy."""
    weights, _ = weights_and_radii(model, X)
    used = weights > USED * weights.max()
    return {
        "columns": int(used.sum()),
        "zeros": int((weights == 0).sum()),
        **({} if informs is None else {"found": int(used[informs].sum())}),
        "accuracy": float(model.score(X, y)),
        "certified": certified_share(model, X, y),
    }


def run(name, seed):
    """Figures of one split, by model."""
    X, X_test, y, y_test = split(name, seed)
    informs = np.arange(N_INFORMATIVE) if name == "6 of 30" else None
    return {
        of: {**measured(model, X_test, y_test, informs), "chosen": float(chosen)}
        for of, model, chosen in fits(seed, X, y)
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    figures, lines = {"seeds": arguments.seeds, "epsilon": EPSILON, "used": USED, "sets": {}}, []
    for name in TABLES:
        runs = [run(name, seed) for seed in range(arguments.seeds)]
        means = {
            model: {of: float(np.mean([one[model][of] for one in runs])) for of in found}
            for model, found in runs[0].items()
        }
        figures["sets"][name] = {"means": means, "runs": runs}
        for model, mean in means.items():
            texts = [f"{mean[of]:.3g}" if of in mean else "" for of in ("columns", "zeros", "found")]
            lines.append([name, model, *texts, *(f"{mean[of]:.3f}" for of in ("accuracy", "certified"))])
            print(lines[-1], flush=True)
    print_table(["", "model", "columns", "zeros", "found", "accuracy", f"certified at {EPSILON}"], lines)
    write_result("column_selection", figures)


if __name__ == "__main__":
    main()
