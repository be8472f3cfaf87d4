"""What the benchmarks share: data, tables, JSON results, timed runs in fresh processes."""

import importlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification, make_moons
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

import sklip
from sklip.metrics import certified_accuracy_score

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


def unlike_scales():
    """Twelve features, of scales from a thousandth to a thousand."""
    X, y = make_classification(1000, 12, n_informative=6, random_state=0)
    return X * 10.0 ** np.linspace(-3, 3, 12) + 50.0, y


def mnist_path():
    """The .npz file that SKLIP_MNIST names; Keras' own copy otherwise."""
    if "SKLIP_MNIST" in os.environ:
        return Path(os.environ["SKLIP_MNIST"])
    import keras

    keras.datasets.mnist.load_data()  # downloads it where it is not there
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "datasets" / "mnist.npz"


def mnist():
    """Training and test rows and labels of all ten digits, pixels in [0, 1]."""
    return _images(mnist_path())


def fashion_mnist():
    """Training and test rows and labels of Fashion-MNIST: the file that SKLIP_FASHION_MNIST names, or Keras' own."""
    if "SKLIP_FASHION_MNIST" in os.environ:
        return _images(os.environ["SKLIP_FASHION_MNIST"])
    import keras

    return [(_rows(images), labels) for images, labels in keras.datasets.fashion_mnist.load_data()]


def _images(path):
    with np.load(path) as arrays:
        return [(_rows(arrays[f"x_{part}"]), arrays[f"y_{part}"]) for part in ("train", "test")]


def _rows(images):
    """Grey values from 0 to 255 as rows of pixels in [0, 1]."""
    return (images / 255.0).reshape(len(images), -1).astype(np.float32)


def mnist_0_8():
    """Training and test rows of the digits 0 (class 1) and 8 (class 0), pixels in [0, 1]."""
    return [
        (rows[kept], (labels[kept] == 0).astype(int))
        for rows, labels in mnist()
        for kept in [(labels == 0) | (labels == 8)]
    ]


def hkr_figures(classifier, X, y, radii):
    """Loss and its terms in the units of the data, accuracy and certified accuracies of a classifier."""
    terms = classifier.loss_terms(X, y)
    return {
        **{name: terms[name] for name in ("loss", "kr", "hinge")},
        "accuracy": float(classifier.score(X, y)),
        **certified_figures(classifier, X, y, radii),
    }


def certified_figures(classifier, X, y, radii, unit=1.0):
    """Certified accuracies at some radii, by name; the radii are multiples of ``unit``."""
    labels, certified = classifier.predict(X), classifier.certified_radius(X)
    return {f"certified at {radius}": certified_accuracy_score(y, labels, certified, radius * unit) for radius in radii}


def scaled_folds(X, y, folds):
    """Training rows and labels, test rows and labels of the first folds of five, behind a StandardScaler."""
    for train, test in list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))[:folds]:
        scaler = StandardScaler().fit(X[train])
        yield scaler.transform(X[train]), y[train], scaler.transform(X[test]), y[test]


def fit_silently(classifier, X, y):
    """Fit, without the warning that MLPClassifier's 200 epochs did not converge."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return classifier.fit(X, y)


def xla(estimator, jit_compile=True):
    """``{"jit_compile": jit_compile}`` for estimators that have the parameter, ``{}`` for others."""
    return {"jit_compile": jit_compile} if "jit_compile" in estimator().get_params() else {}


def import_training():
    """Import Keras and all that ``fit`` would, so that imports are not on the clock."""
    from sklip.training import runtime

    runtime.prepare()  # tells TensorFlow how many threads it may use
    import sklip.losses
    from sklip.training.epochs import epochs_of_backend

    for module in pkgutil.iter_modules(sklip.training.__path__):
        importlib.import_module(f"sklip.training.{module.name}")
    epochs_of_backend()


def seconds_of(function, *arguments, **named):
    """Wall time of one call."""
    start = time.perf_counter()
    function(*arguments, **named)
    return time.perf_counter() - start


def peer(name):
    """The Python of a peer's environment."""
    home = Path(os.environ.get("SKLIP_PEERS", Path.home() / ".cache" / "sklip-peers"))
    python = home / name / "bin" / "python"
    if not python.exists():
        sys.exit(f"{python} is missing: run benchmarks/peers/setup.sh first.")
    return python


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


def ratios(numerators, denominators):
    """Median, least and greatest of the ratios of two runs of each turn."""
    return summarise([above / below for above, below in zip(numerators, denominators, strict=True)])


def shown(summary, digits=3):
    """A summary as text, for people: median and spread."""
    median, least, greatest = (f"{summary[name]:.{digits}g}" for name in ("median", "least", "greatest"))
    return f"{median} ({least} to {greatest})"


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


def _versions(packages):
    """Versions of Python, sklip and what the figures may depend on."""
    # TensorFlow has several distributions.
    names = {"tensorflow": packages_distributions().get("tensorflow", ["tensorflow"])[0]}
    names |= {name: name for name in ("keras", "scikit-learn", "numpy", *packages)}
    found = {"python": platform.python_version(), "sklip": sklip.__version__}
    for name, distribution in names.items():
        with suppress(PackageNotFoundError):
            found[name] = version(distribution)
    return found


def current_commit():
    """Short name of the commit, with "-dirty" where files other than results and docs differ from it."""

    def git(*words):
        return subprocess.run(["git", *words], cwd=HERE.parent, capture_output=True, text=True, check=True).stdout

    with suppress(OSError, subprocess.CalledProcessError):  # no git, or no repository
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!benchmarks/results", ":!docs")
        return git("rev-parse", "--short", "HEAD").strip() + ("-dirty" if changed else "")
    return "unknown"


def write_result(name, figures, *, packages=(), folder=RESULTS, **versions):
    """Write figures to ``NAME.json`` in a folder, with the machine, the versions and the commit.

    ``packages`` are further ones to look up in this environment, ``versions`` those of peers in their own.
    """
    result = {
        "benchmark": name,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": current_commit(),
        "machine": {"system": platform.system(), "processor": processor(), "cores": os.cpu_count()},
        "versions": {**_versions(packages), **versions},
        "figures": figures,
    }
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(f"Written to {path}")
