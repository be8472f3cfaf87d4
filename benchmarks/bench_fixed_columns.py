"""What does it change to train a network with its categories held fixed? Radius / attack, accuracy, certified accuracy.

Two generated tables of five columns of numbers and four of categories. In the first, the class depends on the numbers,
by a rule whose directions depend on one category, and its threshold on the others. The second is that of
bench_question.py, where numbers and categories add up. The categories are encoded as zeros and ones, and no question
moves them. One network is trained for L2 on all columns, and is asked with the categories held fixed. The other one is
trained with them fixed: their tolerances are 0. Margins, temperatures and offsets are the default, or the best of
three on a quarter of the training rows. Held-out rows, in standard deviations.
"""

import argparse
import itertools

import numpy as np
from bench_question import TOLERANCES, churn
from common import print_table, write_result
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sklip
from sklip import HKRClassifier, LipschitzMLP

N_NUMBERS = 5
CATEGORIES = (5, 4, 3, 3)  # numbers of values
EPSILONS = (0.1, 0.2, 0.3, 0.5)
GOAL = 0.9  # median of radius / attack
# The default, and two that are more certain and less accurate, in multiples of scale_, or of its inverse.
CANDIDATES = {
    HKRClassifier: [{}, {"min_margin": 0.3}, {"min_margin": 0.6}],
    LipschitzMLP: [{}, {"temperature": 10.0, "margin_offset": 0.2}, {"temperature": 5.0, "margin_offset": 0.4}],
}
NORMS = {"L2": 2, "Linf": np.inf}


def turned(n_rows, rng):
    """Numbers, categories and classes: the first category turns the rule, the others move its threshold."""
    numbers = rng.standard_normal((n_rows, N_NUMBERS))
    categories = np.column_stack([rng.integers(values, size=n_rows) for values in CATEGORIES])
    directions = rng.standard_normal((CATEGORIES[0], N_NUMBERS))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    score = np.einsum("ij,ij->i", numbers, directions[categories[:, 0]])
    for column, values in enumerate(CATEGORIES[1:], start=1):
        score += rng.normal(scale=0.5, size=values)[categories[:, column]]
    return numbers, categories, (score + 0.2 * rng.standard_normal(n_rows) > 0).astype(int)


def customers(n_rows, rng):
    """The table of bench_question.py: who leaves a telephone company."""
    frame, leaves = churn(n_rows, rng)
    numbers = list(TOLERANCES)
    return frame[numbers].to_numpy(), frame.drop(columns=numbers).to_numpy(), leaves


TABLES = {"turned by a category": turned, "customers": customers}


def split(name, n_rows, seed):
    """Training rows, held-out rows and their classes; the numbers come first."""
    numbers, categories, y = TABLES[name](n_rows, np.random.default_rng(seed))
    kept, out = train_test_split(np.arange(n_rows), test_size=0.3, stratify=y, random_state=seed)
    scaler, encoder = StandardScaler().fit(numbers[kept]), OneHotEncoder(sparse_output=False).fit(categories)
    X = np.hstack([scaler.transform(numbers), encoder.transform(categories)])
    return X[kept], X[out], y[kept], y[out]


def asked(model, X, y, question, n_rows):
    """Accuracy, certified accuracies and tightness in a question."""
    right, radii = model.predict(X) == y, sklip.certified_radius(model, X, **question)
    result = sklip.audit(model, X[:n_rows], y[:n_rows], **question, random_state=0, verbose=False)
    return {
        "accuracy": float(right.mean()),
        **{str(epsilon): float(np.mean(right & (radii > epsilon))) for epsilon in EPSILONS},
        "median": result.tightness_quantiles[0.5],
        "broken": int(result.broken.sum()),
    }


def fitted(kind, candidate, question, seed, X, y):
    """A classifier for a question; its candidate is in multiples of scale_, or of its inverse."""
    model = kind(backend="numpy", random_state=seed, **question).fit(X, y)
    if not candidate:
        return model
    units = {"temperature": 1 / model.scale_}
    return model.set_params(**{of: value * units.get(of, model.scale_) for of, value in candidate.items()}).fit(X, y)


def best(kind, trained, question, seed, X, y):
    """Of three candidates, the one with the highest certified accuracy on a quarter of the training rows."""
    X, X_valid, y, y_valid = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)

    def score(candidate):
        model = fitted(kind, candidate, trained, seed, X, y)
        right, radii = model.predict(X_valid) == y_valid, sklip.certified_radius(model, X_valid, **question)
        return sum(np.mean(right & (radii > epsilon)) for epsilon in EPSILONS)

    return max(CANDIDATES[kind], key=score)


def run(name, kind, norm, seed, n_rows, n_attacked):
    """Figures of both networks on one split of a table, each with its default and with the best of three candidates."""
    X, X_test, y, y_test = split(name, n_rows, seed)
    fixed = np.where(np.arange(X.shape[1]) < N_NUMBERS, 1.0, 0.0)
    question, found = {"norm": norm, "tolerances": fixed}, {}
    for training, trained in {"all columns": {}, "categories fixed": question}.items():
        candidates = {"default": {}, "best of three": best(kind, trained, question, seed, X, y)}
        for label, candidate in candidates.items():
            model = fitted(kind, candidate, trained, seed, X, y)
            found[f"{training}, {label}"] = asked(model, X_test, y_test, question, n_attacked)
    return found


def means_of(runs):
    """Means over the seeds of the figures of each network."""
    return {
        of: {each: float(np.mean([one[of][each] for one in runs])) for each in figures}
        for of, figures in runs[0].items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--attacked", type=int, default=200, help="attacked rows of each fit")
    arguments = parser.parse_args()
    figures, lines = {"goal": GOAL, **vars(arguments), "kinds": []}, []
    for name, kind, (norm, value) in itertools.product(TABLES, (HKRClassifier, LipschitzMLP), NORMS.items()):
        runs = [run(name, kind, value, seed, arguments.rows, arguments.attacked) for seed in range(arguments.seeds)]
        means = means_of(runs)
        one = {"table": name, "estimator": kind.__name__, "norm": norm, "means": means, "runs": runs}
        figures["kinds"].append(one)
        for of, mean in means.items():
            lines.append([name, kind.__name__, norm, of, *(f"{each:.3f}" for each in mean.values())])
            print(lines[-1], flush=True)
    print_table(["table", "", "asked in", "trained for", "accuracy", *EPSILONS, "radius / attack", "broken"], lines)
    write_result("fixed_columns", figures, packages=("pandas",))


if __name__ == "__main__":
    main()
