"""Draw ``docs/certified_accuracy.png`` from the JSON of ``bench_ten_classes.py`` and ``long_run_mnist.py``."""

import json

import matplotlib.pyplot as plt
from common import HERE, RESULTS

# Deterministic certificates in the L2 norm, pixels in [0, 1]: (radius, certified accuracy, label, source).
PUBLISHED = [
    (1.58, 0.73, "nearest prototypes, no network", "Voráček and Hein 2022"),
    (0.3, 0.9706, "MLP 784-1024×3-10", "Li et al. 2019"),
    (1.58, 0.5446, None, None),
    (0.3, 0.9711, "BCOP, convolutional", "Li et al. 2019"),
    (1.58, 0.5666, None, None),
    (0.3, 0.957, "GloRo, convolutional", "Leino et al. 2021"),
    (1.58, 0.628, None, None),
    (1.58, 0.6337, "CRM", "Fazlyab et al. 2023"),
    (1.58, 0.6979, "curvature, runner-up class only", "Singla and Feizi 2020"),
]
COLOURS = {"mnist, wide margin": "#0072b2", "mnist, accurate": "#d55e00", "mnist, long run": "#009e73"}
MARKERS = {
    "nearest prototypes, no network": "*",
    "MLP 784-1024×3-10": "s",
    "BCOP, convolutional": "v",
    "GloRo, convolutional": "^",
    "CRM": "D",
    "curvature, runner-up class only": "o",
}


def main():
    figures = json.loads((RESULTS / "ten_classes.json").read_text())["figures"]
    curves = {name: (figures["epsilons"], run["runs"][0]) for name, run in figures.items() if name.startswith("mnist")}
    long_run = RESULTS / "long_run_mnist.json"
    if long_run.exists():
        found = json.loads(long_run.read_text())["figures"]
        curves["mnist, long run"] = found["epsilons"], found

    figure, axes = plt.subplots(figsize=(7.5, 4.8), layout="constrained")
    for name, (epsilons, run) in curves.items():
        label = f"sklip, {name.removeprefix('mnist, ')}: {run['seconds'] / 60:.0f} min of fit"
        axes.plot(epsilons, run["curve"], color=COLOURS[name], linewidth=2, label=label)
    kinds = {}
    for radius, accuracy, label, source in PUBLISHED:
        kinds["last"] = label or kinds["last"]
        name = f"{label} ({source})" if label else None
        axes.plot(radius, accuracy, MARKERS[kinds["last"]], color="#444444", markersize=6, label=name, linestyle="none")
    for radius in (0.3, 1.0, 1.58):
        axes.axvline(radius, color="#cccccc", linewidth=0.8, zorder=0)
    axes.set(xlabel="radius ε (L2, pixels in [0, 1])", ylabel="certified accuracy, MNIST test set", ylim=(0, 1.02))
    axes.set(xlim=(0, 3), title="Proven on two CPU cores, beside published deterministic certificates")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=7, loc="lower left")
    path = HERE.parent / "docs" / "certified_accuracy.png"
    figure.savefig(path, dpi=130)
    print(f"Picture written to {path}")


if __name__ == "__main__":
    main()
