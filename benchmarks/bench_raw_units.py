"""How much larger are radii in raw units when steps are multiplied into the first layer, and not bounded one by one?

Beside each composed radius stands the one that the product of the steps' constants gives: the classifier's own radius,
in its own units, divided by that product.
"""

import argparse

import numpy as np
from common import print_table, unlike_scales, write_result
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

import sklip
from sklip import HKRClassifier

DATA = {
    "breast_cancer": lambda: load_breast_cancer(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
    "unlike scales": unlike_scales,
}
STEPS = {
    "StandardScaler": lambda: [StandardScaler()],
    "StandardScaler, PCA(8)": lambda: [StandardScaler(), PCA(8, random_state=0)],
    "StandardScaler, PCA(8, whiten)": lambda: [StandardScaler(), PCA(8, whiten=True, random_state=0)],
    "RobustScaler, PCA(8), StandardScaler": lambda: [RobustScaler(), PCA(8, random_state=0), StandardScaler()],
}


def constant(step):
    """The Euclidean Lipschitz constant of one fitted step."""
    if isinstance(step, PCA):
        scale = np.sqrt(step.explained_variance_) if step.whiten else np.ones(len(step.components_))
        return np.linalg.norm(step.components_ / scale[:, None], 2)
    return np.max(1.0 / step.scale_)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden-layer-sizes", type=int, nargs="+", default=[128, 64, 32])
    arguments = parser.parse_args()
    figures, rows = {}, []
    for name, load in DATA.items():
        X, y = load()
        for steps, build in STEPS.items():
            model = make_pipeline(
                *build(), HKRClassifier(hidden_layer_sizes=arguments.hidden_layer_sizes, random_state=0)
            ).fit(X, y)
            naive = model[-1].certified_radius(model[:-1].transform(X)) / np.prod(
                [constant(step) for step in model[:-1]]
            )
            composed = np.asarray(sklip.certified_radius(model, X))
            kept = naive > 0
            spread = X.std(axis=0)
            figures[f"{name}: {steps}"] = result = {
                "accuracy": float(model.score(X, y)),
                "median composed": float(np.median(composed)),
                "median product": float(np.median(naive)),
                "ratio": float(np.median(composed[kept] / naive[kept])),
                "median L1": float(np.median(sklip.certified_radius(model, X, norm=1))),
                "median in standard deviations": float(np.median(sklip.certified_radius(model, X, tolerances=spread))),
            }
            rows.append([name, steps, *(f"{value:.4g}" for value in result.values())])
            print(rows[-1], flush=True)
    print_table(["data", "steps", *result], rows)
    write_result("raw_units", figures)


if __name__ == "__main__":
    main()
