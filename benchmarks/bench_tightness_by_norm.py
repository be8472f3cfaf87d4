"""How close are the certificates of networks that are trained for L∞ or for L1, next to networks trained for L2?

Breast cancer, 30 columns of which 6 inform, wine and digits, standardised by the training rows; MNIST 0 against 8, with
pixels in [0, 1]. Held-out rows. Each network has the default margin, and the best of three: the margin with the highest
certified accuracy on a quarter of the training rows, which its fit does not see.

Next to radius / attack stands the slope at the row, over the slope that the certificate assumes: the norm of the
gradient of the margin over the nearest rival, times the radius, over that margin. Where the two ratios agree, the
network is a straight line up to its boundary, and the certificate is short because the network is not so steep there.
The last table varies how far the classes are from a linear rule, and changes nothing else.
"""

import argparse
from dataclasses import dataclass
from functools import cache

import numpy as np
from bench_trained_question import GOALS as GOALS_OF_TWO
from bench_trained_question import split
from common import mnist_0_8, print_table, write_result
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import sklip
from sklip import HKRClassifier

NAMES = {1: "L1", 2: "L2", np.inf: "Linf"}
# Margins of the three norms, as multiples of scale_; the first is the default.
MARGINS = {2: (0.1, 0.2, 0.4), 1: (0.2, 0.4, 0.8), np.inf: (0.3, 0.4, 0.6)}
# Median of radius / attack, by the norm of the question.
GOALS = {
    "Linf": {"breast cancer": 0.9, "6 of 30": 0.85, "wine": 0.85, "digits": 0.85, "MNIST 0-8": 0.85},
    "L1": dict.fromkeys(("breast cancer", "6 of 30", "wine", "digits"), 0.85),
}
CLUSTERS = (1, 2, 4)


@dataclass(frozen=True)
class Data:
    """Rows of a seed, the distances that are asked for, by norm, and parameters of the classifier."""

    load: object
    epsilons: dict
    parameters: dict


def in_deviations(name, n_features):
    """A table in standard deviations; distances in L1 are multiples of the root of the number of columns."""
    root = n_features**0.5
    epsilons = {np.inf: (0.1, 0.2, 0.3, 0.5), 1: (0.2 * root, 0.4 * root)}
    return Data(lambda seed: split(name, seed), epsilons, {"hidden_layer_sizes": (64, 32)})


@cache
def pictures():
    """Rows of MNIST 0-8."""
    return mnist_0_8()


def zeros_and_eights(seed):
    """Two thousand training rows and all test rows."""
    (X, y), (X_test, y_test) = pictures()
    kept, _ = train_test_split(np.arange(len(X)), train_size=2000, stratify=y, random_state=seed)
    return X[kept].astype(float), X_test.astype(float), y[kept], y_test


DATA = {
    "breast cancer": in_deviations("breast cancer", 30),
    "6 of 30": in_deviations("6 of 30", 30),
    "wine": in_deviations("wine", 13),
    "digits": in_deviations("digits", 64),
    "MNIST 0-8": Data(
        zeros_and_eights, {np.inf: (0.05, 0.1, 0.2, 0.3), 1: (4.0, 8.0)}, {"hidden_layer_sizes": (32, 16), "epochs": 30}
    ),
}


def fitted(data, norm, margin, seed, X, y):
    """A classifier whose margin is a multiple of scale_."""
    model = HKRClassifier(**data.parameters, norm=norm, backend="numpy", random_state=seed)
    if margin != MARGINS[norm][0]:
        scale = np.sqrt(np.var(X, axis=0).sum() / (X.shape[1] if norm == np.inf else 1))
        model.set_params(min_margin=margin * scale)
    return model.fit(X, y)


def certified(model, X, y, norm, epsilons):
    """Accuracy, and certified accuracies in a norm."""
    right, radii = model.predict(X) == y, sklip.certified_radius(model, X, norm=norm)
    return float(right.mean()), {f"{each:.3g}": float(np.mean(right & (radii > each))) for each in epsilons}


def best_margin(data, norm, asked, seed, X, y):
    """Of three margins, the one with the highest certified accuracy on a quarter of the training rows."""
    X, X_valid, y, y_valid = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)

    def score(margin):
        model = fitted(data, norm, margin, seed, X, y)
        return sum(certified(model, X_valid, y_valid, asked, data.epsilons[asked])[1].values())

    return max(MARGINS[norm], key=score)


def slopes(model, X, norm, radii):
    """Dual norm of the gradient of the margin over the nearest rival, over the slope that the radius assumes."""
    scores, jacobian = model.decision_function(X), model.gradient(X)
    if scores.ndim == 1:
        margins, gradients = np.abs(scores), jacobian
    else:
        rival, best = np.argsort(scores, axis=1)[:, -2:].T
        rows = np.arange(len(X))
        margins = scores[rows, best] - scores[rows, rival]
        gradients = jacobian[rows, best] - jacobian[rows, rival]
    dual = {1: np.inf, 2: 2, np.inf: 1}[norm]
    return np.linalg.norm(gradients, dual, axis=1) * radii / margins


def asked(model, X, y, norm, epsilons, n_rows):
    """Figures of a classifier, asked in a norm."""
    accuracy, at = certified(model, X, y, norm, epsilons)
    X, y = X[:n_rows], y[:n_rows]
    result = sklip.audit(model, X, y, norm=norm, random_state=0, verbose=False)
    counted = (model.predict(X) == y) & (result.radius > 0)
    return {
        "accuracy": accuracy,
        "certified": at,
        "median": result.tightness_quantiles[0.5],
        "slope": float(np.median(slopes(model, X[counted], norm, result.radius[counted]))),
        "broken": int(result.broken.sum()),
    }


def of_data(data, seed, norm, n_rows):
    """Figures of the networks for L2 and for a norm, both asked in this norm."""
    X, X_test, y, y_test = data.load(seed)
    found = {}
    for trained in (2, norm):
        default = MARGINS[trained][0]
        best = best_margin(data, trained, norm, seed, X, y)
        for label, margin in (("default", default), ("best margin", best)):
            model = fitted(data, trained, margin, seed, X, y)
            figures = asked(model, X_test, y_test, norm, data.epsilons[norm], n_rows)
            found[f"{NAMES[trained]}, {label}"] = {"margin": margin, **figures}
    return found


def clustered(n_clusters, seed):
    """Thirty columns of which six inform; each class has some clusters, so that one cluster is almost a linear rule."""
    X, y = make_classification(
        1500, 30, n_informative=6, n_redundant=0, class_sep=1.5, n_clusters_per_class=n_clusters, random_state=seed
    )
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(X)
    return scaler.transform(X), scaler.transform(X_test), y, y_test


def of_clusters(n_clusters, seed, norm, n_rows):
    """Figures of a network for a norm, by its margin."""
    X, X_test, y, y_test = clustered(n_clusters, seed)
    data = DATA["6 of 30"]
    return {
        str(margin): asked(fitted(data, norm, margin, seed, X, y), X_test, y_test, norm, data.epsilons[norm], n_rows)
        for margin in MARGINS[norm]
    }


def means_of(runs):
    """Means over the seeds of the figures of each network."""
    means = {}
    for kind in runs[0]:
        each = [run[kind] for run in runs]
        means[kind] = {of: float(np.mean([one[of] for one in each])) for of in ("accuracy", "median", "slope")}
        at = each[0]["certified"]
        means[kind]["certified"] = {
            epsilon: float(np.mean([one["certified"][epsilon] for one in each])) for epsilon in at
        }
        means[kind]["broken"] = sum(one["broken"] for one in each)
    return means


def line(name, kind, mean):
    """The figures of a network, for people."""
    at = [f"{epsilon}: {share:.3f}" for epsilon, share in mean["certified"].items()]
    return [name, kind, f"{mean['accuracy']:.3f}", ", ".join(at), f"{mean['median']:.3f}", f"{mean['slope']:.3f}"]


def parts_of(norm, n_rows):
    """Part of the figures, name in this part, and a function from a seed to the figures."""
    for name, data in DATA.items():
        yield "sets", name, lambda seed, data=data: of_data(data, seed, norm, n_rows)
    for each in CLUSTERS:
        yield "clusters", str(each), lambda seed, each=each: of_clusters(each, seed, norm, n_rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=100, help="attacked rows of each fit")
    arguments = parser.parse_args()
    figures = {
        "goals": GOALS, "goals of certified accuracy": GOALS_OF_TWO, "attacked rows": arguments.rows,
        "seeds": arguments.seeds, "sets": {}, "clusters": {},
    }  # fmt: skip
    lines = []
    for norm in (np.inf, 1):
        for part, name, figures_of in parts_of(norm, arguments.rows):
            runs = [figures_of(seed) for seed in range(arguments.seeds)]
            figures[part].setdefault(NAMES[norm], {})[name] = {"means": means_of(runs), "runs": runs}
            new = [line(f"{NAMES[norm]}, {part}: {name}", *one) for one in means_of(runs).items()]
            print(*new, sep="\n", flush=True)
            lines += new
    print_table(["asked in", "trained for", "accuracy", "certified", "radius / attack", "slope"], lines)
    write_result("tightness_by_norm", figures)


if __name__ == "__main__":
    main()
