"""
===============================================
MNIST, 0 against 8: certificates for each digit
===============================================

This example uses the classifier of the two moons for pictures. How far must the grey values of a picture change before
a 0 can be classified as an 8? :meth:`sklip.HKRClassifier.certified_radius` gives for each picture a distance within
which this is impossible, with a proof. A dense network and a small convolutional one are compared.
"""

# %%
# The data
# --------
# Keras downloads MNIST. If there is no network, let the environment variable ``SKLIP_MNIST`` name an ``mnist.npz``.
# Pixels are scaled to [0, 1] and pictures are flattened, so distances are Euclidean distances of 784 grey values.
import argparse
import os
import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone

from sklip import HKRClassifier
from sklip.architectures import ConvNet
from sklip.plotting import AdversarialDisplay, CertifiedAccuracyDisplay

parser = argparse.ArgumentParser(description="Certified classification of the digits 0 and 8.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
parser.add_argument("--epochs", type=int, default=10, help="passes over the data (default: %(default)s)")
parser.add_argument("--rows", type=int, default=None, help="training pictures (default: all 11,774)")
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)


def load_mnist():
    """Return ((x_train, y_train), (x_test, y_test)) as Keras does."""
    if "SKLIP_MNIST" in os.environ:
        with np.load(os.environ["SKLIP_MNIST"]) as arrays:
            return tuple((arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test"))
    import keras

    return keras.datasets.mnist.load_data()


def keep_0_and_8(images, labels):
    """Return the pictures of the two digits as rows of grey values, and their labels."""
    kept = (labels == 0) | (labels == 8)
    return (images[kept] / 255.0).reshape(kept.sum(), -1).astype("float32"), labels[kept].astype(int)


(X, y), (X_test, y_test) = (keep_0_and_8(*part) for part in load_mnist())
X, y = X[: arguments.rows], y[: arguments.rows]
print(f"{len(X)} training pictures, {np.mean(y == 0):.1%} of them zeros; {len(X_test)} test pictures")

# %%
# Training
# --------
# ``fit`` also receives the test pictures and measures them after each epoch. It does not learn from them.
classifier = HKRClassifier(
    hidden_layer_sizes=(32, 16),
    alpha=10,
    min_margin=1,
    batch_size=128,
    epochs=arguments.epochs,
    learning_rate=0.01,
    random_state=0,
)
classifier.fit(X, y, X_val=X_test, y_val=y_test)

names = list(classifier.history_)
print("epoch" + "".join(f"{name:>14}" for name in names))
for epoch in range(classifier.n_iter_):
    print(f"{epoch + 1:5d}" + "".join(f"{classifier.history_[name][epoch]:14.4f}" for name in names))

# %%
# What is proven
# --------------
# Certified accuracy at a radius is the share of the test pictures that are classified correctly and stay correct for
# all changes within this distance.
predicted = classifier.predict(X_test)
right = predicted == y_test
radius = classifier.certified_radius(X_test)
certified = {distance: np.mean(right & (radius > distance)) for distance in (0.5, 1.0, 1.5, 2.0)}
print(f"\naccuracy                {right.mean():.4f}")
print(f"proven Lipschitz bound  {classifier.lipschitz_bound_}")
for distance, share in certified.items():
    print(f"certified at {distance}        {share:.4f}")

# %%
# A convolutional network
# -----------------------
# The same classifier trains any other network that ``model`` describes. Here it has two convolutions and a
# dense layer. Before each convolution, squares of four pixels become one pixel with four times the channels. The
# network needs pictures of the shape (height, width, channels). The matrices of a convolution are orthonormal, so the
# proven bound is nearly 1, as before.
convolutional = clone(classifier).set_params(model=ConvNet(filters=(16, 32), hidden_layer_sizes=(32,)))
convolutional.fit(X.reshape(-1, 28, 28, 1), y)
images_test = X_test.reshape(-1, 28, 28, 1)
predicted_by_convolutions = convolutional.predict(images_test)
radius_by_convolutions = convolutional.certified_radius(images_test)
right_by_convolutions = predicted_by_convolutions == y_test
print(f"\n{convolutional.network_}")
print(f"{'':24}{'dense':>8}{'convolutions':>14}")
print(f"{'accuracy':24}{right.mean():8.4f}{right_by_convolutions.mean():14.4f}")
for distance, share in certified.items():
    of_convolutions = np.mean(right_by_convolutions & (radius_by_convolutions > distance))
    print(f"{f'certified at {distance}':24}{share:8.4f}{of_convolutions:14.4f}")
print(f"{'proven Lipschitz bound':24}{classifier.lipschitz_bound_:8.4f}{convolutional.lipschitz_bound_:14.4f}")

# %%
# Pictures
# --------
# The left picture has the curves of certified accuracy of both networks. Next to it are pictures of each digit (with
# the largest, the median and the smallest radius of the dense network), each with the closest picture that was found
# and is classified as the other digit. No such picture lies within the certified radius, and these lie just outside it.
# The change adds to a 0 the strokes that make an 8, and removes them from an 8.
figure = plt.figure(figsize=(13.5, 4.4), layout="constrained")
curve_side, digits_side = figure.subfigures(1, 2, width_ratios=(1, 1.75))
axes = curve_side.subplots()
CertifiedAccuracyDisplay.from_predictions(
    y_test, predicted, radius, unit="grey values from 0 to 1", name="dense", ax=axes, curve_kwargs={"color": "#0072b2"}
)
CertifiedAccuracyDisplay.from_predictions(
    y_test,
    predicted_by_convolutions,
    radius_by_convolutions,
    unit="grey values from 0 to 1",
    name="convolutions",
    ax=axes,
    curve_kwargs={"color": "#d55e00"},
)
axes.plot(*zip(*certified.items(), strict=True), "o", color="#0072b2")
for distance, share in certified.items():
    axes.annotate(f"{share:.3f}", (distance, share), (4, 4), textcoords="offset points", fontsize=9)
axes.axhline(right.mean(), color="#555555", linewidth=0.8, linestyle="dashed")
axes.annotate(f"accuracy {right.mean():.3f}", (5, right.mean()), ha="right", va="bottom", color="#555555")
axes.set(xlim=(0, 5), ylim=(0, 1.06))
axes.set_title("Certified accuracy on the test set", fontsize=11)
axes.spines[["top", "right"]].set_visible(False)

shown = []
for digit in (0, 8):
    members = np.flatnonzero(right & (y_test == digit))
    shown += list(members[np.argsort(-radius[members])][[0, len(members) // 2, -1]])
adversarial, distance = classifier.closest_adversarial(X_test[shown])
AdversarialDisplay(
    rows=X_test[shown],
    adversarial=adversarial,
    y_pred=predicted[shown],
    y_adversarial=classifier.predict(adversarial),
    radius=radius[shown],
    distance=distance,
    row_names=2 * ["surest", "median", "least sure"],
    image_shape=(28, 28),
).plot(ax=digits_side.subplots())

if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
