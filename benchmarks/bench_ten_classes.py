"""How large can certificates be? MNIST and Fashion-MNIST, ten classes, from ``fit`` on two cores.

Test accuracy and certified accuracy by the product's own ``certified_radius``, with the seconds of
``fit``. The settings trade one for the other; ``--settings`` chooses among them.
"""

import argparse
import time

import numpy as np
from common import certified_figures, fashion_mnist, mnist, print_table, write_result

from sklip import LipschitzMLP
from sklip.metrics import certified_accuracy_curve

CURVE = np.round(np.arange(0, 3.0001, 0.02), 2)
SETTINGS = {
    "mnist, wide margin": {
        "radii": (0.3, 1.0, 1.58),
        "goals": {"clean": 0.977, "certified at 1.58": 0.68},
        "parameters": {
            "hidden_layer_sizes": (512,) * 4, "temperature": 2.0, "margin_offset": 2.0,
            "learning_rate": 0.004, "batch_size": 256, "epochs": 30,
        },
    },
    "mnist, accurate": {
        "radii": (0.3, 1.0, 1.58),
        "goals": {"clean": 0.984, "certified at 0.3": 0.962},
        "parameters": {
            "hidden_layer_sizes": (512,) * 2, "temperature": 4.0, "margin_offset": 1.0,
            "learning_rate": 0.004, "batch_size": 256, "epochs": 16,
        },
    },
    "fashion_mnist": {
        "radii": (0.1, 0.25, 0.5),
        "goals": {"clean": 0.895, "certified at 0.25": 0.805},
        "parameters": {
            "hidden_layer_sizes": (512,) * 3, "temperature": 8.0, "margin_offset": 0.5,
            "learning_rate": 0.004, "batch_size": 256, "epochs": 12,
        },
    },
}  # fmt: skip


def figures_of(classifier, X, y, radii):
    """Accuracy, certified accuracy at some radii, and its curve."""
    labels, radius = classifier.predict(X), classifier.certified_radius(X)
    curve = certified_accuracy_curve(y, labels, radius, epsilons=CURVE)[1]
    certified = certified_figures(classifier, X, y, radii)
    return {"clean": float(np.mean(labels == y)), **certified, "curve": curve.round(4).tolist()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()

    rows, result = [], {"epsilons": CURVE.tolist()}
    for name in arguments.settings:
        setting = SETTINGS[name]
        (X, y), (X_test, y_test) = (fashion_mnist if name.startswith("fashion") else mnist)()
        runs = []
        for seed in range(arguments.seeds):
            start = time.perf_counter()
            classifier = LipschitzMLP(random_state=seed, **setting["parameters"]).fit(X, y)
            seconds = time.perf_counter() - start
            runs.append({"seconds": seconds, **figures_of(classifier, X_test, y_test, setting["radii"])})
            shown = [f"{key} {value:.4f}" for key, value in runs[-1].items() if key not in ("seconds", "curve")]
            goals = ", ".join(f"{key} {value}" for key, value in setting["goals"].items())
            rows.append([name, seed, f"{seconds:.0f} s", *shown, goals])
            print(*rows[-1], flush=True)
        result[name] = {"parameters": setting["parameters"], "goals": setting["goals"], "runs": runs}
    print_table(["setting", "seed", "fit", *[""] * 4, "goals"], rows)
    write_result("ten_classes", result)


if __name__ == "__main__":
    main()
