"""What does a first fit cost? Fresh processes import, fit breast cancer with the defaults, and predict; in turns.

The wall times are those of whole processes. ``MLPClassifier`` gets the layers, the epochs and the batches of
``HKRClassifier``. A backend that is not installed is left out. JAX has a second row: with what an earlier process
compiled, in ``JAX_COMPILATION_CACHE_DIR``.
"""

import argparse
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from tempfile import TemporaryDirectory

from common import print_table, ratios, shown, summarise, write_result

from sklip import HKRClassifier

GOALS = {"NumPy": 1.3, "JAX": 2.5, "TensorFlow": 4.0}
DATA = """
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
"""
OURS = "from sklip import HKRClassifier\nclassifier = HKRClassifier(random_state=0, backend={backend!r})"
THEIRS = """
import warnings
from sklearn.neural_network import MLPClassifier
warnings.simplefilter("ignore")  # of epochs that ran out
classifier = MLPClassifier({layers}, batch_size={batch}, max_iter={epochs}, n_iter_no_change={epochs}, random_state=0)
"""
ENDING = "\nclassifier.fit(X, y).predict(X)"


def processes(cache):
    """The script and the environment of each process, by name; ``cache`` is a folder for what JAX compiles."""
    defaults = HKRClassifier()
    theirs = THEIRS.format(layers=defaults.hidden_layer_sizes, batch=defaults.batch_size, epochs=defaults.epochs)
    found = {"MLPClassifier": (theirs, {}), "NumPy": (OURS.format(backend="numpy"), {})}
    for name in ("JAX", "TensorFlow"):
        if find_spec(name.lower()) and find_spec("keras"):
            found[name] = OURS.format(backend="keras"), {"KERAS_BACKEND": name.lower()}
    if "JAX" in found:
        script, environment = found["JAX"]
        found["JAX, compiled before"] = script, {**environment, "JAX_COMPILATION_CACHE_DIR": cache}
    return found


def seconds(script, environment):
    """Wall time of a process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", DATA + script + ENDING], env={**os.environ, **environment}, check=True)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()

    with TemporaryDirectory() as cache:
        runs = processes(cache)
        if "JAX" in runs:
            seconds(*runs["JAX, compiled before"])
        measured = {name: [] for name in runs}
        for _ in range(arguments.repeats):
            for name, process in runs.items():
                measured[name].append(seconds(*process))
    peer = measured["MLPClassifier"]
    of_peer = {name: ratios(values, peer) for name, values in measured.items()}
    figures = {
        "goals": GOALS,
        "seconds": {name: summarise(values) for name, values in measured.items()},
        "of MLPClassifier": of_peer,
    }
    print_table(
        ["", "seconds", "of MLPClassifier", "goal"],
        [[name, shown(figures["seconds"][name]), shown(of_peer[name]), GOALS.get(name, "")] for name in measured],
    )
    write_result("fresh_process", figures, packages=("jax",))


if __name__ == "__main__":
    main()
