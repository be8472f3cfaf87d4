"""How much memory does serving take? Fresh processes that load and predict; memory and time against rows of a file."""

import argparse
import os
import pickle
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from common import print_table, run_json, summarise, write_result
from sklearn.neural_network import MLPClassifier

from sklip import HKRClassifier, LipschitzMLP

GOALS = {"extra_mb": 40, "exponent": 1.03}
METHODS = ("decision_function", "predict", "predict_proba", "certified_radius", "sklip.certified_radius")
MEMORY = """
import json, re, sys, time
from pathlib import Path

def megabytes(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
"""
LOAD = (
    MEMORY
    + """
import sklearn, sklearn.base
if len(sys.argv) > 1:
    import pickle
    import numpy as np
    model = pickle.loads(Path(sys.argv[1]).read_bytes())
    model.predict(np.zeros((1, 30)))
    if hasattr(model, "certified_radius"):
        model.certified_radius(np.zeros((1, 30)))
    assert not {"tensorflow", "keras"} & set(sys.modules)
print(json.dumps({"resident": megabytes("VmRSS"), "peak": megabytes("VmHWM")}))
"""
)
# The peak starts anew before the call, and what the call returns is taken off it.
SERVE = (
    MEMORY
    + """
import pickle
import numpy as np
model, path, kind, method = pickle.loads(Path(sys.argv[1]).read_bytes()), *sys.argv[2:]
X = np.memmap(path, dtype=kind, mode="r").reshape(-1, 30)
if method == "sklip.certified_radius":
    import sklip
    serve = lambda rows: sklip.certified_radius(model, rows)
else:
    serve = getattr(model, method)
serve(np.zeros((5000, 30)))
Path("/proc/self/clear_refs").write_text("5")
before = megabytes("VmRSS")
began = time.perf_counter()
result = serve(X)
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "extra": megabytes("VmHWM") - before, "result": result.nbytes / 2**20}))
"""
)


def python(source, *arguments):
    """The last line of a fresh process's output."""
    return run_json([sys.executable, "-c", source, *arguments])


def loading(models, folder, turns):
    """Resident memory and its peak in processes that import scikit-learn, and that load and predict, in turns."""
    settings = {"import sklearn.base": []}
    for name, model in models.items():
        (folder / name).write_bytes(pickle.dumps(model))
        settings[name] = [folder / name]
    runs = {name: [] for name in settings}
    for _ in range(turns):
        for name, arguments in settings.items():
            runs[name].append(python(LOAD, *arguments))
    return {kind: {name: [run[kind] for run in own] for name, own in runs.items()} for kind in ("resident", "peak")}


def write_rows(path, n_rows, kind):
    """A file of normal rows of 30 features."""
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, n_rows, 100_000):
            file.write(rng.standard_normal((min(100_000, n_rows - start), 30)).astype(kind).tobytes())


def exponent(rows, values):
    """Slope of the logarithm of the values against that of the rows."""
    return float(np.polyfit(np.log(rows), np.log(values), 1)[0])


def against_rows(models, folder, rows, turns):
    """Time and memory of one call for all rows of a mapped float32 file, by method and number of rows."""
    runs = {(method, n): [] for method in (*METHODS, "MLPClassifier") for n in rows}
    del runs["MLPClassifier", rows[-1]]  # it holds every layer of all rows
    for n in rows:
        write_rows(folder / str(n), n, "float32")
    for turn in range(turns):
        for method, n in runs:
            peer = method == "MLPClassifier"
            if turn and method not in ("decision_function", "MLPClassifier"):
                continue  # once: they share the blocks
            model = models["MLPClassifier" if peer else "LipschitzMLP"]
            run = python(SERVE, model, folder / str(n), "float32", "predict" if peer else method)
            runs[method, n].append(run)
            print(method, n, run, flush=True)
    return runs


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1000, 30)), np.arange(1000) % 2
    X[:, 0] += y
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as name:
        warnings.simplefilter("ignore")  # one epoch does not converge
        folder, small, large = Path(name), (64, 32), (256, 128, 64)
        loaded = loading(
            {
                "sklip": HKRClassifier(hidden_layer_sizes=large, epochs=1, random_state=0).fit(X, y),
                "MLPClassifier": MLPClassifier(large, max_iter=1, random_state=0).fit(X, y),
            },
            folder, arguments.turns,
        )  # fmt: skip
        models = {}
        for model in (
            LipschitzMLP(hidden_layer_sizes=small, epochs=1, random_state=0),
            MLPClassifier(small, max_iter=1, random_state=0),
        ):
            models[type(model).__name__] = folder / f"{type(model).__name__} small"
            models[type(model).__name__].write_bytes(pickle.dumps(model.fit(X, y)))
        runs = against_rows(models, folder, sorted(arguments.rows), arguments.turns)
    base = np.array(loaded["resident"]["import sklearn.base"]), np.array(loaded["peak"]["import sklearn.base"])
    extra = {
        f"{who}, {kind}": summarise(np.array(loaded[kind][who]) - of)
        for who in ("sklip", "MLPClassifier")
        for kind, of in zip(("resident", "peak"), base, strict=True)
    }
    print_table(
        ["beyond import sklearn.base, MB", "median", "least", "greatest", "goal"],
        [
            [name, *(f"{v:.1f}" for v in values.values()), GOALS["extra_mb"] if name.startswith("sklip") else ""]
            for name, values in extra.items()
        ],
    )
    served = {
        f"{method}, {n} rows": {
            "seconds": summarise([run["seconds"] for run in own]),
            "extra_mb": summarise([run["extra"] for run in own]),
            "result_mb": own[0]["result"],
        }
        for (method, n), own in runs.items()
    }
    print_table(
        ["", "s", "MB beyond before, at the peak", "of which the result"],
        [
            [name, f"{of['seconds']['median']:.3g}", f"{of['extra_mb']['median']:.1f}", f"{of['result_mb']:.1f}"]
            for name, of in served.items()
        ],
    )
    rows = sorted(arguments.rows)
    exponents = summarise(
        [
            exponent(rows, [runs["decision_function", n][turn]["seconds"] for n in rows])
            for turn in range(arguments.turns)
        ]
    )
    print(f"Exponent of the time of decision_function against rows: {exponents} (goal {GOALS['exponent']})")
    write_result(
        "serving_memory",
        {
            "goals": GOALS, "threads": os.environ.get("OMP_NUM_THREADS", "all"), "turns": arguments.turns,
            "extra_mb": extra, "served": served, "exponent": exponents,
            "megabytes": {kind: {who: summarise(v) for who, v in of.items()} for kind, of in loaded.items()},
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
