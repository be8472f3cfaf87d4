"""Which examples the gallery runs, and how small: the others are shown without being run."""

import os
from pathlib import Path

# File name: arguments that make it quick.
QUICK = {
    "plot_braking_distance.py": [],
    "plot_choosing_by_certified_accuracy.py": [],
    "plot_cross_entropy.py": [],
    "plot_cross_entropy_per_class.py": [],
    "plot_cross_entropy_stability.py": ["--points", "201"],
    "plot_imbalance.py": [],
    "plot_measurement_tolerances.py": [],
    "plot_sensor_drift.py": ["--rows", "1000", "--epochs", "30"],
    "plot_triage.py": ["--folds", "3"],
    "plot_two_moons.py": ["--epochs", "30", "--rows", "2000"],
    "plot_wasserstein.py": ["--epochs", "150", "--rows", "1000"],
}

# MNIST and Fashion-MNIST are not downloaded: these run where the files are.
if Path(os.environ.get("SKLIP_MNIST", "")).is_file():
    QUICK["plot_mnist_0_8.py"] = ["--epochs", "4", "--rows", "4000"]
if Path(os.environ.get("SKLIP_FASHION_MNIST", "")).is_file():
    QUICK["plot_fashion_mnist.py"] = ["--epochs", "5", "--rows", "6000", "--test-rows", "2000", "--attacked", "8"]
    QUICK["plot_sandals_boots.py"] = ["--epochs", "8", "--rows", "6000"]


class Arguments:
    """The command line of each example; sphinx-gallery wants an object whose ``repr`` stays the same."""

    def __call__(self, gallery_settings, script):
        """Return the arguments of a script."""
        return QUICK.get(Path(script["src_file"]).name, [])

    def __repr__(self):
        return f"Arguments({QUICK})"
