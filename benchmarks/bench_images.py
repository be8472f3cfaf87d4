"""What do convolutions and augmentation give? Fashion-MNIST, and MNIST 0 against 8, from ``fit`` on two cores.

Test accuracy and certified accuracy by the product's own ``certified_radius``, with the seconds of ``fit``. The
dense network of Fashion-MNIST stands beside one that trains on shifted pictures. The convolutional network of 0 against
8 stands beside a dense one that trains for as long.
"""

import argparse
import time

import numpy as np
from common import certified_figures, fashion_mnist, mnist_0_8, print_table, write_result

from sklip import HKRClassifier, LipschitzMLP
from sklip.architectures import MLP, ConvNet

RADII = (0.1, 0.25, 0.3, 0.5, 1.0)
CROSS_ENTROPY = {"temperature": 8.0, "learning_rate": 0.004, "batch_size": 256}
HKR = {"alpha": 100.0, "min_margin": 1.0, "learning_rate": 0.01, "batch_size": 128}


def pixel_shifts(greatest=0.75):
    """The augmentation: pictures move along each axis by up to ``greatest`` pixels, rounded to whole ones.

    With 0.75, a third of the pictures move by a pixel along each axis, in either direction.
    """
    import keras

    share = greatest / 28
    return keras.layers.RandomTranslation(share, share, fill_mode="constant", interpolation="nearest")


SETTINGS = {
    "fashion, dense": (
        LipschitzMLP,
        {"model": MLP(hidden_layer_sizes=(512,) * 3), "margin_offset": 0.5, "epochs": 12, **CROSS_ENTROPY},
    ),
    "fashion, dense, shifts": (
        LipschitzMLP,
        {
            "model": MLP(hidden_layer_sizes=(512,) * 3),
            "augmentation": pixel_shifts,
            "margin_offset": 0.65,
            "epochs": 70,
            **CROSS_ENTROPY,
        },
    ),
    "0-8, dense": (HKRClassifier, {"model": MLP(hidden_layer_sizes=(32, 16)), "epochs": 50, **HKR}),
    "0-8, ConvNet": (
        HKRClassifier,
        {"model": ConvNet(filters=32, pool_size=4, hidden_layer_sizes=(32, 16)), "epochs": 10, **HKR},
    ),
}
GOALS = {
    "fashion": {"clean": 0.905, "certified at 0.25": 0.815, "certified at 0.3": 0.79, "seconds": 1200},
    "0-8": {"certified at 1.0": "above the dense network in the same time"},
}


def data_of(name):
    """Training and test images and labels."""
    load = fashion_mnist if name.startswith("fashion") else mnist_0_8
    return [(X.reshape(-1, 28, 28, 1), y) for X, y in load()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()

    rows, result = [], {"goals": GOALS}
    for name in arguments.settings:
        estimator, parameters = SETTINGS[name]
        (X, y), (X_test, y_test) = data_of(name)
        runs = []
        for seed in range(arguments.seeds):
            made = {key: value() if value is pixel_shifts else value for key, value in parameters.items()}
            start = time.perf_counter()
            classifier = estimator(random_state=seed, **made).fit(X, y)
            seconds = time.perf_counter() - start
            clean = float(np.mean(classifier.predict(X_test) == y_test))
            runs.append({"seconds": seconds, "clean": clean, **certified_figures(classifier, X_test, y_test, RADII)})
            rows.append([name, seed, f"{seconds:.0f} s", *(f"{value:.4f}" for value in list(runs[-1].values())[1:])])
            print(*rows[-1], flush=True)
        shown = {key: repr(value) for key, value in parameters.items() if value is not pixel_shifts}
        result[name] = {"parameters": shown | {"shifts": "augmentation" in parameters}, "runs": runs}
        write_result("images", result)  # after each network, as all take half an hour
    print_table(["setting", "seed", "fit", "clean", *(f"at {radius}" for radius in RADII)], rows)


if __name__ == "__main__":
    main()
