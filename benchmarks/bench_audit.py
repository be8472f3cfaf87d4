"""Does any attack get inside a certified radius? One million rows: eight data sets, pipelines, both estimators.

Rows are drawn around those of the data. Every combination of a data set, an estimator, a float32 or float64 input, and
the classifier alone or at the end of its pipeline in raw units gets an equal share, and a norm in turn.
"""

import argparse
import itertools
import time
import warnings
from dataclasses import dataclass

import numpy as np
from common import mnist_0_8, print_table, unlike_scales, write_result
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_circles,
    make_moons,
)
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

import sklip
from sklip import HKRClassifier, LipschitzMLP

ESTIMATORS = {"HKRClassifier": HKRClassifier, "LipschitzMLP": LipschitzMLP}


@dataclass(frozen=True)
class Case:
    """A data set and the steps before its classifier."""

    load: object
    steps: object
    hidden_layer_sizes: tuple = (64, 32)


CASES = {
    "two moons": Case(lambda: make_moons(2000, noise=0.05, random_state=0), make_pipeline(RobustScaler())),
    "circles": Case(
        lambda: make_circles(2000, noise=0.1, factor=0.4, random_state=0), make_pipeline(MinMaxScaler(clip=True))
    ),
    "iris": Case(lambda: load_iris(return_X_y=True), make_pipeline(MaxAbsScaler(), StandardScaler())),
    "wine": Case(
        lambda: load_wine(return_X_y=True), make_pipeline(StandardScaler(), PCA(8, whiten=True, random_state=0))
    ),
    "breast cancer": Case(
        lambda: load_breast_cancer(return_X_y=True),
        make_pipeline(
            ColumnTransformer([("mean", StandardScaler(), slice(0, 10)), ("error", RobustScaler(), slice(10, 20))],
                              remainder=MinMaxScaler())
        ),
    ),
    "digits": Case(
        lambda: load_digits(return_X_y=True),
        make_pipeline(VarianceThreshold(), make_union(SelectKBest(k=30), TruncatedSVD(10, random_state=0))),
    ),
    "unlike scales": Case(unlike_scales, make_pipeline(StandardScaler())),
    "MNIST 0-8": Case(lambda: mnist_0_8()[0], make_pipeline(PCA(40, random_state=0)), (32, 16)),
}  # fmt: skip


def attacked(name, rows, *, epochs, restarts=1, n_steps=5, seed=0):
    """Attack ``rows`` rows of a data set, in equal shares; yield the figures of each combination."""
    case = CASES[name]
    X, y = case.load()
    preprocess = clone(case.steps).fit(X, y)
    shares = list(itertools.product(ESTIMATORS, (False, True), (np.float32, np.float64)))
    norms = itertools.cycle((2, 1, np.inf))
    rng = np.random.default_rng(seed)
    fitted = {}
    for estimator, piped, dtype in shares:
        if (estimator, piped) not in fitted:
            inputs = preprocess.transform(X) if piped else X
            if not piped and name in ("wine", "breast cancer", "unlike scales"):
                inputs = X / X.std(axis=0)  # A bare classifier needs comparable units.
            classifier = ESTIMATORS[estimator](
                hidden_layer_sizes=case.hidden_layer_sizes, epochs=epochs, batch_size=64, random_state=seed
            ).fit(inputs, y)
            model = Pipeline([*preprocess.steps, ("classifier", classifier)]) if piped else classifier
            fitted[estimator, piped] = model, (X if piped else inputs)
        model, base = fitted[estimator, piped]
        picked = rng.integers(len(base), size=rows // len(shares))
        spread = 0.5 * base.std(axis=0)
        inputs = (base[picked] + spread * rng.standard_normal((len(picked), base.shape[1]))).astype(dtype)
        norm = next(norms) if piped else 2
        result = sklip.audit(
            model, inputs, norm=norm, restarts=restarts, n_steps=n_steps, random_state=seed, verbose=False
        )
        found = np.isfinite(result.attack) & (result.radius > 0)
        yield {
            "data": name,
            "estimator": estimator,
            "pipeline": piped,
            "dtype": np.dtype(dtype).name,
            "norm": str(norm),
            "rows": len(picked),
            "inputs": int(result.n_points),
            "broken": int(result.broken.sum()),
            "certified": float((result.radius > 0).mean()),
            "attacked beyond": float(np.isfinite(result.attack).mean()),
            "tightest": float((result.radius / result.attack)[found].max(initial=0.0)),
            "seconds": result.seconds,
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--data", nargs="+", default=list(CASES), choices=list(CASES))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    began, runs = time.perf_counter(), []
    for name in arguments.data:
        for run in attacked(name, -(-arguments.rows // len(arguments.data)), epochs=arguments.epochs):
            runs.append(run)
            print(
                {key: value if isinstance(value, (int, str)) else round(value, 4) for key, value in run.items()},
                flush=True,
            )
    totals = {key: sum(run[key] for run in runs) for key in ("rows", "inputs", "broken")}
    print_table(
        ["data", "rows", "inputs tried", "inside a radius", "tightest"],
        [
            [
                name,
                *(sum(run[key] for run in runs if run["data"] == name) for key in ("rows", "inputs", "broken")),
                f"{max(run['tightest'] for run in runs if run['data'] == name):.9f}",
            ]
            for name in arguments.data
        ]
        + [["all", *totals.values(), ""]],
    )
    write_result("audit", {**totals, "goal": 0, "seconds": time.perf_counter() - began, "runs": runs})


if __name__ == "__main__":
    main()
