"""Does any attack get inside a radius of a network that is trained for a question? One million rows, in three norms.

Each case draws a table, a norm and tolerances, some of which may be 0, trains a small network for them, and attacks it,
in the question of the training or in another one. The network is alone, at the end of a pipeline, or in a
CertifiedPipeline, which trains it for a question about the raw columns. Trainings are short, and learning rates range
from too small to too large, so that many networks are almost random.

The seed of a case is its number. Figures are written every minute. --resume goes on where the last run ended.
"""

import argparse
import json
import time
import warnings

import numpy as np
import pandas as pd
from common import RESULTS, print_table, write_result
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, RobustScaler, StandardScaler

import sklip
from sklip import CertifiedPipeline, HKRClassifier, LipschitzMLP

NAME = "attacked_questions"
NORMS = {"1": 1, "2": 2, "inf": np.inf}
STEPS = ("standard scaler", "robust scaler", "column transformer, categories encoded")
FORMS = ("alone", *(f"{kind}: {steps}" for kind in ("pipeline", "certified pipeline") for steps in STEPS))
TOLERANCES = ("none", "all positive", "some 0")
ACTIVATIONS = ("groupsort2", "fullsort", "groupsort4", "abs")
TRAINING_ROWS = 150


def table(rng, n_rows):
    """Columns of unlike scales and places, classes, and the names of columns of categories, by chance none."""
    n_features, n_classes = int(rng.integers(2, 13)), int(rng.integers(2, 5))
    n_informative = max(2, min(n_features, 5))
    X, y = make_classification(
        n_rows, n_features, n_informative=n_informative, n_redundant=0, n_classes=n_classes, n_clusters_per_class=1,
        class_sep=rng.uniform(0.3, 2.0), random_state=int(rng.integers(2**31)),
    )  # fmt: skip
    scales = 10.0 ** rng.uniform(-3, 3, n_features) if rng.random() < 0.5 else 1.0
    return X * scales + rng.normal(scale=3.0, size=n_features) * scales, y


def with_categories(X, y, rng):
    """A data frame with two more columns, of categories that go with the class."""
    frame = pd.DataFrame(X, columns=[f"x{column}" for column in range(X.shape[1])])
    for name, values in (("plan", ["basic", "plus", "pro"]), ("region", ["north", "south"])):
        drawn = rng.integers(len(values), size=len(y))
        frame[name] = np.array(values)[np.where(rng.random(len(y)) < 0.4, y % len(values), drawn)]
    return frame


def tolerances_of(rng, spread, kind):
    """Positive tolerances over two orders of magnitude around a tenth of the spread; "some 0" holds columns fixed."""
    if kind == "none":
        return None
    found = 0.1 * spread * 10.0 ** rng.uniform(-1, 1, len(spread))
    if kind == "some 0":
        fixed = rng.random(len(found)) < 0.4
        fixed[rng.integers(len(found))] = False  # one column moves
        found[fixed] = 0.0
    return found


def network(rng, **question):
    """A small classifier for a question."""
    kind = HKRClassifier if rng.random() < 0.5 else LipschitzMLP
    widths = tuple(int(4 * width) for width in rng.integers(1, 7, size=rng.integers(1, 4)))
    model = kind(
        hidden_layer_sizes=widths, activation=str(rng.choice(ACTIVATIONS)), epochs=int(rng.integers(1, 6)),
        batch_size=32, learning_rate=float(10.0 ** rng.uniform(-3, 0)), backend="numpy",
        random_state=int(rng.integers(2**31)), **question,
    )  # fmt: skip
    if kind is HKRClassifier:
        model.set_params(alpha=float(10.0 ** rng.uniform(0, 3)))
    return model


def pipeline(steps, columns, model):
    """Steps before the classifier."""
    if steps == "standard scaler":
        return make_pipeline(StandardScaler(), model)
    if steps == "robust scaler":
        return make_pipeline(RobustScaler(), model)
    half = len(columns) // 2
    parts = [("first", StandardScaler(), columns[:half]), ("second", RobustScaler(), columns[half:]),
             ("categories", OneHotEncoder(sparse_output=False), ["plan", "region"])]  # fmt: skip
    return make_pipeline(ColumnTransformer(parts), model)


def question_of(rng, norm, spread, kind, columns):
    """A norm and tolerances, by name if there are names."""
    tolerances = tolerances_of(rng, spread, kind)
    if columns is not None and tolerances is not None:
        tolerances = dict(zip(columns, tolerances, strict=True))
    return {"norm": NORMS[norm], "tolerances": tolerances}


def estimator(form, rng, norm, trained, spread, columns):
    """An estimator of a form, for a norm and for tolerances of a kind; ``columns`` are names of columns or None."""
    kind, _, steps = form.partition(": ")
    if kind == "alone":
        return network(rng, **question_of(rng, norm, spread, trained, None))
    numbers = list(range(len(spread))) if columns is None else columns
    if kind == "certified pipeline":
        return CertifiedPipeline(
            pipeline(steps, numbers, network(rng)), **question_of(rng, norm, spread, trained, columns)
        )
    encoded = np.ones(len(spread) + (0 if columns is None else 5))  # what the classifier gets, in standard deviations
    return pipeline(steps, numbers, network(rng, **question_of(rng, norm, encoded, trained, None)))


def case(number, n_rows):
    """Figures of a case, with what it was."""
    rng = np.random.default_rng(number)
    X, y = table(rng, TRAINING_ROWS + n_rows)
    form, norm = FORMS[number % len(FORMS)], list(NORMS)[number // len(FORMS) % len(NORMS)]
    trained, spread = str(rng.choice(TOLERANCES)), X.std(axis=0)
    columns = [f"x{column}" for column in range(X.shape[1])] if form.endswith("encoded") else None
    model = estimator(form, rng, norm, trained, spread, columns)
    rows = (X + 0.3 * spread * rng.standard_normal(X.shape)).astype(rng.choice([np.float32, np.float64]))
    if columns is not None:
        X, rows = with_categories(X, y, rng), with_categories(rows, y, rng)
    question, asked = {}, "those of the training"
    if form.startswith("pipeline") or rng.random() < 0.5:
        other, asked = norm if rng.random() < 0.7 else str(rng.choice(list(NORMS))), str(rng.choice(TOLERANCES))
        question = question_of(rng, other, spread, asked, columns)
    model.fit(X[:TRAINING_ROWS], y[:TRAINING_ROWS])
    result = sklip.audit(
        model, rows[TRAINING_ROWS:], **question, restarts=1, n_steps=3, random_state=number, verbose=False
    )
    return {
        "form": form, "norm": f"{result.norm:g}", "trained": trained, "asked": asked, "rows": n_rows,
        "inputs": int(result.n_points), "broken": int(result.broken.sum()), "certified": int((result.radius > 0).sum()),
        "attacked beyond": int(np.isfinite(result.attack).sum()),
    }  # fmt: skip


COUNTS = ("rows", "inputs", "broken", "certified", "attacked beyond")


def added(figures, found):
    """Figures with those of a further case."""
    key = " | ".join(found[of] for of in ("form", "norm", "trained", "asked"))
    counts = figures["kinds"].setdefault(key, dict.fromkeys(("cases", *COUNTS), 0))
    counts["cases"] += 1
    for of in COUNTS:
        counts[of] += found[of]
    figures["rows"] += found["rows"]
    figures["broken"] += found["broken"]
    if found["broken"]:
        figures["broken cases"].append(figures["next case"])
    figures["next case"] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rows-of-each", type=int, default=1000, help="attacked rows of each case")
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args()
    path = RESULTS / f"{NAME}.json"
    figures = {"goal": 0, "rows": 0, "broken": 0, "broken cases": [], "next case": 0, "seconds": 0.0, "kinds": {}}
    if path.exists() and arguments.resume:
        figures = json.loads(path.read_text())["figures"]
    warnings.simplefilter("ignore")
    written = time.perf_counter()
    while figures["rows"] < arguments.rows:
        added(figures, case(figures["next case"], arguments.rows_of_each))
        now = time.perf_counter()
        if now - written > 60 or figures["rows"] >= arguments.rows:
            figures["seconds"] += now - written
            written = now
            write_result(NAME, figures)
            print(f"{figures['rows']} rows, {figures['broken']} inside, {figures['seconds']:.0f} s", flush=True)
    print_table(
        ["form", "norm", "trained for", "asked", "cases", *COUNTS],
        [[*key.split(" | "), *counts.values()] for key, counts in sorted(figures["kinds"].items())],
    )


if __name__ == "__main__":
    main()
