"""What the benchmarks share: data, tables, JSON results, timed runs in fresh processes."""

import json
import os
import platform
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import packages_distributions, version
from pathlib import Path

import numpy as np
from sklearn.datasets import make_moons

import sklip

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"

TWO_MOONS = {
    "hidden_layer_sizes": (256, 128, 64),
    "alpha": 10,
    "min_margin": 0.29,
    "batch_size": 256,
    "epochs": 79,
    "learning_rate": 0.01,
}
MNIST_0_8 = {
    "hidden_layer_sizes": (32, 16),
    "alpha": 10,
    "min_margin": 1,
    "batch_size": 128,
    "epochs": 10,
    "learning_rate": 0.01,
}


def two_moons():
    """The 5,000 rows of deel-lip's demo."""
    return make_moons(5000, noise=0.05, random_state=0)


def mnist_path():
    """The .npz file that SKLIP_MNIST names; Keras' own copy otherwise."""
    if "SKLIP_MNIST" in os.environ:
        return Path(os.environ["SKLIP_MNIST"])
    import keras

    keras.datasets.mnist.load_data()  # downloads it where it is not there
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "datasets" / "mnist.npz"


def mnist_0_8():
    """Training and test rows of the digits 0 (class 1) and 8 (class 0), pixels in [0, 1]."""
    with np.load(mnist_path()) as arrays:
        return [
            ((images[kept] / 255.0).reshape(kept.sum(), -1).astype(np.float32), (labels[kept] == 0).astype(int))
            for images, labels in (
                (arrays["x_train"], arrays["y_train"]),
                (arrays["x_test"], arrays["y_test"]),
            )
            for kept in [(labels == 0) | (labels == 8)]
        ]


def hkr_figures(classifier, X, y, radii):
    """Loss in the units of the data, accuracy and certified accuracies of a classifier."""
    scores, signs = classifier.decision_function(X), np.where(y == classifier.classes_[1], 1.0, -1.0)
    right = classifier.predict(X) == y
    distance = scores[signs > 0].mean() - scores[signs < 0].mean()
    hinge = np.maximum(0.0, classifier.min_margin_ - signs * scores).mean()
    certified = classifier.certified_radius(X)
    return {
        "loss": float(-distance + classifier.alpha * hinge),
        "kr": float(distance),
        "hinge": float(hinge),
        "accuracy": float(right.mean()),
        **{f"certified at {radius}": float(np.mean(right & (certified >= radius))) for radius in radii},
    }


def run_json(command, **environment):
    """Run a command in a fresh process; return the JSON of its last line."""
    result = subprocess.run(
        [str(word) for word in command], env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True, text=True,
    )  # fmt: skip
    if result.returncode:
        sys.exit(f"{command} failed:\n{result.stderr}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def summarise(values):
    """Median, least and greatest."""
    return {"median": float(np.median(values)), "least": float(np.min(values)), "greatest": float(np.max(values))}


def print_table(header, rows):
    """Print rows under a header, in columns."""
    texts = [list(map(str, row)) for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    print()


def report_means(name, setting, goals, runs):
    """Print and write the means over the seeds of each setting, with the goals.

    ``runs`` maps the name of a setting to the figures of its seeds, as :func:`hkr_figures` gives them.
    """
    figures, rows = {"goals": goals}, []
    for value, seeds in runs.items():
        means = {figure: float(np.mean([run[figure] for run in seeds])) for figure in seeds[0]}
        figures[value] = {"mean": means, "runs": seeds}
        rows.append([value, *(f"{mean:.4f}" for mean in means.values())])
    rows.append(["goal", *(f"{goals[figure]:.4f}" if figure in goals else "" for figure in means)])
    print_table([setting, *means], rows)
    write_result(name, figures)


def processor():
    """Name of the processor, where the system tells it; its architecture otherwise."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def write_result(name, figures):
    """Write figures to ``results/NAME.json`` with the machine, the versions and the commit."""
    describe = [
        "git",
        "describe",
        "--always",
        "--dirty",
        "--exclude",
        "*",
    ]  # "-dirty" where files differ from the commit
    commit = subprocess.run(describe, cwd=HERE, capture_output=True, text=True).stdout
    result = {
        "benchmark": name,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit.strip(),
        "machine": {"system": platform.system(), "processor": processor(), "cores": os.cpu_count()},
        "versions": {
            "python": platform.python_version(),
            "sklip": sklip.__version__,
            # TensorFlow has several distributions.
            "tensorflow": version(packages_distributions()["tensorflow"][0]),
            **{package: version(package) for package in ("keras", "scikit-learn", "numpy")},
        },
        "figures": figures,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(f"Written to {path}")
