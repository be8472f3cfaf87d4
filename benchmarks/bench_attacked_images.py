"""Does anything get inside the radius of an image? 100,000 attacked images: digits, MNIST, Fashion-MNIST, three dtypes.

Convolutional networks of different kinds (zeros and wrapping around the image, every pooling, residuals, absolute
values) are trained shortly. Images near those of the data are attacked by ``sklip.audit`` in the dtype in which they
are given: float32, float64, or uint8 with values from 0 to 255.
"""

import argparse
import time

import numpy as np
from common import fashion_mnist, mnist, print_table, write_result
from sklearn.datasets import load_digits

import sklip
from sklip import HKRClassifier, LipschitzMLP
from sklip.architectures import ConvNet, ResidualConvNet

SMALL = {"filters": (8, 12), "hidden_layer_sizes": (16,)}


def with_residuals(input_shape, n_scores):
    """A network with each of the three residual layers."""
    import keras

    from sklip import layers

    def moved():
        return layers.SpectralConv2D(4, 3, padding="circular", activation="groupsort2")

    return keras.Sequential([
        keras.Input(input_shape),
        layers.SpectralConv2D(8, 3, strides=2, activation="groupsort2"),
        layers.ResidualConv2D(8, 3),
        layers.SplitResidual(moved()),
        layers.MixResidual(layers.SpectralConv2D(8, 3, activation="abs")),
        layers.ScaledL2NormPooling2D(2),
        keras.layers.Flatten(),
        layers.FrobeniusDense(n_scores),
    ])  # fmt: skip


MODELS = {
    "downsampling": ConvNet(**SMALL),
    "L2 pooling": ConvNet(**SMALL, pooling="l2", activation="abs"),
    "circular, average": ConvNet(**SMALL, pooling="average", padding="circular"),
    "valid, max": ConvNet(filters=(12,), hidden_layer_sizes=(16,), pooling="max", padding="valid", activation="maxmin"),
    "many convolutions": ResidualConvNet(width=12, depth=2),
    "residuals": with_residuals,
}
DTYPES = ("float32", "float64", "uint8")


def digits():
    """The digits of scikit-learn as 8 × 8 images, from 0 to 255."""
    X, y = load_digits(return_X_y=True)
    return np.round(X * 255 / 16).reshape(-1, 8, 8, 1), y


def images(load, rng, n_rows):
    """Images of a data set, from 0 to 255, and their classes; a random choice."""
    (X, y), _ = load()
    chosen = rng.permutation(len(X))[:n_rows]
    return np.round(255.0 * X[chosen]).reshape(-1, 28, 28, 1), y[chosen]


def classifier_of(kind, model):
    """An estimator with the model, which trains for a few seconds."""
    estimator = HKRClassifier if kind % 2 else LipschitzMLP
    return estimator(model=model, epochs=3, batch_size=64, random_state=kind)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--fitted", type=int, default=1500, help="images of a fit")
    arguments = parser.parse_args()

    rng = np.random.default_rng(0)
    data = {
        "digits": digits(),
        "MNIST": images(mnist, rng, arguments.fitted),
        "Fashion-MNIST": images(fashion_mnist, rng, arguments.fitted),
    }
    # An image of 8 × 8 pixels is cheap: nine tenths are digits.
    shares = {"digits": 0.9, "MNIST": 0.05, "Fashion-MNIST": 0.05}
    found, rows = {}, []
    for name, (X, y) in data.items():
        count = round(arguments.images * shares[name] / (len(MODELS) * len(DTYPES)))
        for kind, (what, model) in enumerate(MODELS.items()):
            for dtype in DTYPES:
                unit = 1.0 if dtype == "uint8" else 255.0
                given = (X / unit).astype(dtype)
                classifier = classifier_of(kind, model).fit(given[:1500], y[:1500])
                noisy = X[rng.integers(0, len(X), count)] + 12.0 * rng.standard_normal((count, *X.shape[1:]))
                attacked = (np.clip(np.round(noisy), 0, 255) / unit).astype(dtype)
                start = time.perf_counter()
                report = sklip.audit(classifier, attacked, restarts=1, n_steps=3, random_state=0, verbose=False)
                inside, certified = int(report.broken.sum()), float(np.mean(report.radius > 0))
                seconds = time.perf_counter() - start
                rows.append([name, what, dtype, count, inside, f"{certified:.3f}", f"{seconds:.0f} s"])
                print(*rows[-1], flush=True)
                found[f"{name}, {what}, {dtype}"] = {"images": count, "inside": inside, "with a radius": certified}
    print_table(["data", "network", "dtype", "attacked", "inside their radius", "with a radius", "time"], rows)
    total = {key: sum(entry[key] for entry in found.values()) for key in ("images", "inside")}
    print(total)
    write_result("attacked_images", {"total": total, "goal": 0, "cases": found})


if __name__ == "__main__":
    main()
