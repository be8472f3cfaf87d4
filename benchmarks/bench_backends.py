"""Which backend is quicker on the CPU? First and later fits on TensorFlow, JAX and NumPy, in turns.

Two moons and MNIST 0-8, with the settings of the other benchmarks. Each run is a fresh process that has imported what
``fit`` needs before the clock starts. A backend that is not installed is left out. The last part is the first fold of a
table of 20,000 rows on TensorFlow: does ``jit_compile="auto"`` lose against a choice by hand?
"""

import argparse
import json
import sys
from importlib.util import find_spec

from common import (
    HERE,
    MNIST_0_8,
    TWO_MOONS,
    import_training,
    mnist_0_8,
    print_table,
    ratios,
    run_json,
    seconds_of,
    shown,
    summarise,
    two_moons,
    write_result,
)
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler

from sklip import HKRClassifier

GOALS = {"JAX / TensorFlow": 1.1, "auto / the better choice": 1.1}
CASES = ("two moons", "MNIST 0-8")
JIT = {"auto": "auto", "XLA": True, "no XLA": False}


def first_fold():
    """Four fifths of a table of 20,000 rows."""
    X, y = make_classification(20_000, 30, n_informative=15, random_state=0)
    return StandardScaler().fit_transform(X[:16_000]), y[:16_000]


def of_case(name):
    """An estimator and its rows."""
    if name == "table":
        return HKRClassifier(random_state=0), first_fold()
    settings = TWO_MOONS if name == "two moons" else MNIST_0_8
    return HKRClassifier(**settings, random_state=0), two_moons() if name == "two moons" else mnist_0_8()[0]


def fits(case, backend, jit_compile):
    """Seconds of a first and of a later fit in this process."""
    estimator, (X, y) = of_case(case)
    estimator.set_params(backend=backend, jit_compile=jit_compile)
    if backend == "keras":
        import_training()
    return {
        "first": seconds_of(estimator.fit, X, y),
        "later": seconds_of(estimator.set_params(random_state=1).fit, X, y),
    }


def in_a_process(case, backend, jit="auto"):
    """The same in a fresh process."""
    named = "numpy" if backend == "NumPy" else "keras"
    environment = {} if backend == "NumPy" else {"KERAS_BACKEND": backend.lower()}
    return run_json([sys.executable, HERE / "bench_backends.py", "--child", case, named, jit], **environment)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--no-table", action="store_true", help="without the table of 20,000 rows")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        case, backend, jit = arguments.child
        print(json.dumps(fits(case, backend, JIT[jit])))
        return

    backends = ["NumPy", *(name for name in ("TensorFlow", "JAX") if find_spec(name.lower()))]
    measured = {case: {backend: [] for backend in backends} for case in arguments.cases}
    choices = {} if arguments.no_table or "TensorFlow" not in backends else {jit: [] for jit in JIT}
    for _ in range(arguments.turns):
        for case, runs in measured.items():
            for backend, found in runs.items():
                found.append(in_a_process(case, backend))
        for jit, found in choices.items():
            found.append(in_a_process("table", "TensorFlow", jit)["first"])

    figures, rows = {"goals": GOALS, "turns": arguments.turns, "cases": {}}, []
    for case, runs in measured.items():
        for call in ("first", "later"):
            seconds = {backend: [run[call] for run in found] for backend, found in runs.items()}
            entry = {"seconds": {backend: summarise(values) for backend, values in seconds.items()}}
            if "TensorFlow" in seconds:
                entry["of TensorFlow"] = {
                    backend: ratios(values, seconds["TensorFlow"]) for backend, values in seconds.items()
                }
            figures["cases"][f"{case}, {call} fit"] = entry
            rows.append([f"{case}, {call} fit", *(shown(entry["seconds"][backend]) for backend in backends)])
    print_table(["", *backends], rows)
    if choices:
        better = [min(pair) for pair in zip(choices["XLA"], choices["no XLA"], strict=True)]
        figures["table"] = {
            "seconds": {jit: summarise(values) for jit, values in choices.items()},
            "auto / the better choice": ratios(choices["auto"], better),
        }
        print_table(["first fold of a table", ""], [[jit, shown(summarise(values))] for jit, values in choices.items()])
    write_result("backends", figures, packages=("jax",))


if __name__ == "__main__":
    main()
