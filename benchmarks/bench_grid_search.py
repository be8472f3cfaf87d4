"""Does a search scale? Memory of 60 candidates × 5 folds in one process; two jobs against one.

Each part runs in a fresh process. The 60 candidates have 12 architectures. For the jobs, the same
smaller search runs with one and with two, in turns, the workers' start included.
"""

import argparse
import sys

import numpy as np
from common import print_table, run_json, summarise, write_result

PREAMBLE = """
import json, sys, time
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklip import LipschitzMLP

X, y = load_breast_cancer(return_X_y=True)
"""

MEMORY = (
    PREAMBLE
    + """
class Watched(LipschitzMLP):
    resident = []
    def fit(self, X, y, **arguments):
        super().fit(X, y, **arguments)
        with open("/proc/self/statm") as file:
            Watched.resident.append(int(file.read().split()[1]) * 4096 / 1e6)
        return self

grid = {
    "watched__hidden_layer_sizes": [(16,), (32,), (64,), (32, 16), (64, 32), (64, 32, 16)],
    "watched__activation": ["groupsort2", "maxmin"],
    "watched__margin_offset": np.linspace(0.0, 0.5, 5),
}
pipeline = make_pipeline(StandardScaler(), Watched(epochs=2, random_state=0))
GridSearchCV(pipeline, grid, cv=5, refit=False).fit(X, y)
print(json.dumps(Watched.resident))
"""
)

JOBS = (
    PREAMBLE
    + """
pipeline = make_pipeline(StandardScaler(), LipschitzMLP(epochs=30, random_state=0))
grid = {"lipschitzmlp__margin_offset": np.linspace(0.0, 0.5, 6)}
search = GridSearchCV(pipeline, grid, cv=5, refit=False, n_jobs=int(sys.argv[1]))
start = time.perf_counter()
search.fit(X, y)
print(json.dumps([time.perf_counter() - start, search.cv_results_["mean_test_score"].tolist()]))
"""
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()

    resident = run_json([sys.executable, "-c", MEMORY])
    growth = resident[-1] - resident[9]
    print_table(["fits", "after the 10th", "at most after", "after the last", "growth", "goal"],
                [[len(resident), f"{resident[9]:.0f} MB", f"{max(resident[10:]):.0f} MB", f"{resident[-1]:.0f} MB",
                  f"{growth:.0f} MB", "150 MB"]])  # fmt: skip

    one, two, found = [], [], []
    for _ in range(arguments.pairs):
        for jobs, seconds in ((1, one), (2, two)):
            taken, scores = run_json([sys.executable, "-c", JOBS, jobs])
            seconds.append(taken)
            found.append(scores)
    # Two threads add in another order than one, and training carries that along.
    if not all(np.allclose(scores, found[0], atol=0.01) for scores in found):
        sys.exit("The searches found different scores.")
    ratio = summarise([single / double for single, double in zip(one, two, strict=True)])
    print_table(["n_jobs=1", "n_jobs=2", "throughput", "spread", "goal"],
                [[f"{np.median(one):.1f} s", f"{np.median(two):.1f} s", f"{ratio['median']:.2f} ×",
                  f"{ratio['least']:.2f} to {ratio['greatest']:.2f}", "1.6 ×"]])  # fmt: skip
    write_result("grid_search", {
        "memory": {"resident_mb": [round(megabytes, 1) for megabytes in resident], "growth_mb": growth, "goal_mb": 150},
        "jobs": {"one_s": one, "two_s": two, "throughput": ratio, "goal": 1.6},
    })  # fmt: skip


if __name__ == "__main__":
    main()
