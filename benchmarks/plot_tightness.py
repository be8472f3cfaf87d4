"""Draw the tightness of certificates, from ``results/tightness.json`` to ``docs/tightness.png``."""

import json

import matplotlib.pyplot as plt
import numpy as np
from common import HERE, RESULTS

STYLES = {
    "two moons, HKR": ("#0072b2", "-"),
    "MNIST 0-8, HKR": ("#d55e00", "-"),
    "two moons, LipschitzMLP": ("#0072b2", "--"),
    "MNIST 0-8, LipschitzMLP": ("#d55e00", "--"),
    "digits, ten classes, HKR": ("#009e73", "-"),
    "digits, ten classes, LipschitzMLP": ("#009e73", "--"),
}


def main():
    figures = json.loads((RESULTS / "tightness.json").read_text())["figures"]
    picture, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for name, (colour, line) in STYLES.items():
        axes.plot(np.linspace(0, 100, 101), figures[name]["percentiles"], line, color=colour, label=name)
    axes.set(
        xlabel="rows, the loosest first (%)",
        ylabel="certified radius / smallest attack found",
        title="How much of the distance to the boundary is certified",
        xlim=(0, 100),
        ylim=(0.7, 1.002),
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    path = HERE.parent / "docs" / "tightness.png"
    picture.savefig(path, dpi=150)
    print(f"Written to {path}")


if __name__ == "__main__":
    main()
