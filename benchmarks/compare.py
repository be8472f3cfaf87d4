"""Is a change slower than what it changes? Two checkouts in turns: fits, one row, many rows, the import.

``--before FOLDER`` is a checkout of the code before the change; the other is the one that this file stands in. Each
turn runs a fresh process for either. It prints the medians of the ratios (after / before) with their quartiles, and how
many times as long the radius of a row through a pipeline takes as its prediction.

It is no benchmark of a claim: ``make bench`` leaves it out, and its results are not kept.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def seconds(function, calls=1, best_of=1):
    """The least wall time of a call."""
    times = []
    for _ in range(best_of):
        began = time.perf_counter()
        for _ in range(calls):
            function()
        times.append((time.perf_counter() - began) / calls)
    return min(times)


def measured():
    """Times in seconds of the code that is imported, by what was done."""
    times = {"import sklip": seconds(lambda: __import__("sklip"))}
    import pandas as pd
    from common import MNIST_0_8, TWO_MOONS, mnist_0_8, two_moons
    from sklearn.compose import make_column_transformer
    from sklearn.datasets import load_breast_cancer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    import sklip

    for name, options, (X, y) in (("two moons", TWO_MOONS, two_moons()), ("MNIST 0-8", MNIST_0_8, mnist_0_8()[0])):
        classifier = sklip.HKRClassifier(**{**options, "epochs": 10}, random_state=0)
        times[f"first fit, {name}"] = seconds(lambda model=classifier, X=X, y=y: model.fit(X, y))
        times[f"later fit, {name}"] = seconds(lambda model=classifier, X=X, y=y: model.fit(X, y), best_of=2)
    X, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), sklip.HKRClassifier(epochs=2, random_state=0)).fit(X, y)
    classifier, rows = model[-1], np.random.default_rng(0).standard_normal((100_000, 30))
    times["one row, predict"] = seconds(lambda: classifier.predict(rows[:1]), 1000, 9)
    times["one row, certified_radius"] = seconds(lambda: classifier.certified_radius(rows[:1]), 1000, 9)
    times["100,000 rows, predict"] = seconds(lambda: classifier.predict(rows), best_of=5)
    times["100,000 rows, certified_radius"] = seconds(lambda: classifier.certified_radius(rows), best_of=5)
    times["100,000 rows, pipeline"] = seconds(lambda: sklip.certified_radius(model, rows), best_of=3)
    frame = pd.DataFrame(X[:, :6], columns=list("abcdef")).assign(kind=np.where(X[:, 6] > 0.1, "high", "low"))
    columns = make_column_transformer(
        (StandardScaler(), list("abcd")), (OneHotEncoder(), ["kind"]), remainder="passthrough"
    )
    framed = make_pipeline(columns, sklip.HKRClassifier(epochs=2, random_state=0)).fit(frame, y)
    for name, pipeline, row, calls in (("scaler", model, X[:1], 200), ("columns of a frame", framed, frame[:1], 20)):
        times[f"one row, {name}, predict"] = seconds(lambda p=pipeline, x=row: p.predict(x), calls, 9)
        times[f"one row, {name}, radius"] = seconds(lambda p=pipeline, x=row: sklip.certified_radius(p, x), calls, 9)
    return times


def in_a_process(folder):
    """:func:`measured` by the code of a checkout."""
    path = os.pathsep.join([str(folder), str(HERE)])
    command = [sys.executable, "-W", "ignore", __file__, "--measure"]
    output = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=True, capture_output=True, text=True)
    return json.loads(output.stdout.splitlines()[-1])


def summary(ratios):
    """The median with the quartiles, as text."""
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return f"{middle:6.3f}  [{low:.3f}, {high:.3f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, metavar="FOLDER")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measured()))
        return
    runs = [(in_a_process(arguments.before), in_a_process(HERE.parent)) for _ in range(arguments.turns)]
    for name in runs[0][1]:
        print(f"{name:40} {summary([after[name] / before[name] for before, after in runs])}")
    for name in ("scaler", "columns of a frame"):
        for when, side in (("before", 0), ("after", 1)):
            times = [run[side] for run in runs]
            ratios = [each[f"one row, {name}, radius"] / each[f"one row, {name}, predict"] for each in times]
            print(f"one row, {name}: radius / predict, {when:6} {summary(ratios)}")


if __name__ == "__main__":
    main()
