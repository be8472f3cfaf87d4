"""The two workloads for libraries whose environments have no sklip: data, batches, figures, the run of a script.

``alpha`` and ``margin`` are those of −(E[f | +1] − E[f | −1]) + alpha · E[max(0, margin − y f)].
"""

import argparse
import json
import time
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from sklearn.datasets import make_moons

ALPHA = 10.0


@dataclass(frozen=True)
class Workload:
    """Rows, labels ±1, the rows on which figures are taken, and the settings of the library's demo."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    widths: tuple
    margin: float
    rate: float
    batch: int
    steps: int
    balanced: bool

    def batches(self, rng):
        """The index batches of one epoch, as in the demos: half of each class on two moons, shuffled on MNIST."""
        if not self.balanced:
            order = rng.permutation(len(self.X))
            return [order[start : start + self.batch] for start in range(0, len(order), self.batch)]
        classes = [np.flatnonzero(self.y > 0), np.flatnonzero(self.y < 0)]
        half = self.batch // 2
        return [
            np.concatenate([rng.choice(members, half, replace=False) for members in classes]) for _ in range(self.steps)
        ]

    def figures(self, scores):
        """Loss and accuracy of the scores of ``X_test``, in float64."""
        scores = np.asarray(scores, np.float64)
        kr = scores[self.y_test > 0].mean() - scores[self.y_test < 0].mean()
        hinge = np.maximum(0.0, self.margin - self.y_test * scores).mean()
        return {"loss": float(ALPHA * hinge - kr), "accuracy": float(np.mean((scores > 0) == (self.y_test > 0)))}


def two_moons():
    """5,000 rows, 256-128-64; 158 batches an epoch; figures on the training rows."""
    X, labels = make_moons(5000, noise=0.05, random_state=0)
    X, y = X.astype(np.float32), np.where(labels == 1, 1.0, -1.0).astype(np.float32)
    return Workload(X, y, X, y, (256, 128, 64), 0.29, 0.01, 256, 158, True)


def mnist_0_8(path):
    """The digits 0 (+1) and 8 (−1), 32-16, 93 batches an epoch; figures on the test rows."""
    data = []
    with np.load(path) as arrays:
        for part in ("train", "test"):
            kept = np.isin(arrays[f"y_{part}"], (0, 8))
            data.append((arrays[f"x_{part}"][kept] / 255.0).reshape(kept.sum(), -1).astype(np.float32))
            data.append(np.where(arrays[f"y_{part}"][kept] == 0, 1.0, -1.0).astype(np.float32))
    return Workload(*data, (32, 16), 1.0, 0.001, 128, -(-len(data[0]) // 128), False)


def run(description, package, fit):
    """Time some fits, one after the other in this process, each of a new network; print them as JSON.

    ``fit(workload, activation, epochs, seed)`` returns the function that scores rows. The clock runs from its call to
    its return.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--mnist", help="MNIST 0-8, from this .npz file; two moons otherwise")
    parser.add_argument("--activation", choices=["groupsort2", "fullsort"], default="groupsort2")
    parser.add_argument("--epochs", type=int, nargs="+", default=[10], help="of each fit; the demos have 10")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    workload = mnist_0_8(arguments.mnist) if arguments.mnist else two_moons()
    seconds = []
    for number, epochs in enumerate(arguments.epochs):
        start = time.perf_counter()
        score = fit(workload, arguments.activation, epochs, arguments.seed + number)
        seconds.append(time.perf_counter() - start)
    result = {"seconds": seconds, "version": version(package), **workload.figures(score(workload.X_test))}
    print(json.dumps(result))
