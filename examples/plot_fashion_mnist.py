"""
==================================================================
Fashion-MNIST: convolutions, ten classes, and a proof per picture
==================================================================

This example trains a convolutional network on pictures of ten kinds of clothes, and certifies each picture: the class
cannot change while the grey values change by less than the radius. The network has the layers of deel-lip's fourth demo
[1]_: two convolutions, each with a pooling by the Euclidean norm, and a dense layer. Three things are different.

- The constant of every layer is proven for the weights that are served. The demo multiplies the kernels of convolutions
  by a factor that is not a bound: :doc:`../migrating_from_deel_lip` has a counterexample.
- The demo divides the difference between the two best scores by 2. Here it is divided by the norm of the difference
  between their two heads, which is at most 2, and the rounding errors of both scores are subtracted.
- The loss is the cross-entropy with a margin offset. :class:`sklip.HKRClassifier` takes the same network, and trains it
  with the loss of the demo.

.. [1] "HKR multiclass and fooling", a notebook in the documentation of deel-lip.
"""

# %%
# The data
# --------
# Keras downloads Fashion-MNIST. If there is no network, let the environment variable ``SKLIP_FASHION_MNIST`` name a
# ``fashion_mnist.npz``. An array of images has the shape (n, height, width, channels), and grey pictures have one
# channel. Pixels are scaled to [0, 1], so distances are Euclidean distances of 784 grey values.
#
# Only a part of the 60,000 training pictures is used by default, so that the example takes minutes. ``--rows 60000``
# uses all of them.
import argparse
import os
import sys

import matplotlib.pyplot as plt
import numpy as np

import sklip
from sklip import LipschitzMLP
from sklip.architectures import ConvNet
from sklip.plotting import AdversarialDisplay, CertifiedAccuracyDisplay

parser = argparse.ArgumentParser(description="Certified classification of Fashion-MNIST by a convolutional network.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
parser.add_argument("--epochs", type=int, default=8, help="passes over the data (default: %(default)s)")
parser.add_argument("--rows", type=int, default=20_000, help="training pictures, up to 60,000 (default: %(default)s)")
parser.add_argument("--test-rows", type=int, default=10_000, help="test pictures (default: all 10,000)")
parser.add_argument("--attacked", type=int, default=20, help="test pictures to attack (default: %(default)s)")
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)

NAMES = np.array(["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"])


def load_fashion_mnist():
    """Return ((x_train, y_train), (x_test, y_test)) as Keras does."""
    if "SKLIP_FASHION_MNIST" in os.environ:
        with np.load(os.environ["SKLIP_FASHION_MNIST"]) as arrays:
            return tuple((arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test"))
    import keras

    return keras.datasets.fashion_mnist.load_data()


(X, y), (X_test, y_test) = (
    ((images[..., None] / 255).astype("float32"), NAMES[labels]) for images, labels in load_fashion_mnist()
)
X, y = X[: arguments.rows], y[: arguments.rows]
X_test, y_test = X_test[: arguments.test_rows], y_test[: arguments.test_rows]
print(f"{len(X)} training pictures of shape {X.shape[1:]}, {len(X_test)} test pictures")

# %%
# Training
# --------
# ``model`` is the network. For each entry of ``filters`` it has a convolution with orthonormal matrices, which sorts
# pairs of channels, and a pooling. ``fit`` also receives the test pictures and measures them after each epoch. It does
# not learn from them.
network = ConvNet(filters=(16, 32), pooling="l2", hidden_layer_sizes=(64,))
classifier = LipschitzMLP(
    model=network,
    temperature=8,
    margin_offset=0.5,
    batch_size=128,
    epochs=arguments.epochs,
    learning_rate=0.01,
    random_state=0,
)
classifier.fit(X, y, X_val=X_test, y_val=y_test)
print(classifier.network_)
print(f"accuracy on test pictures after each epoch  {np.round(classifier.history_['val_accuracy'], 3)}")

# %%
# What is proven
# --------------
# Certified accuracy at a radius is the share of the test pictures that are classified correctly and stay correct for
# all changes within this distance.
predicted = classifier.predict(X_test)
right = predicted == y_test
radius = classifier.certified_radius(X_test)
certified = {distance: np.mean(right & (radius > distance)) for distance in (0.1, 0.25, 0.5, 1.0)}
print(f"\naccuracy                {right.mean():.4f}")
print(f"proven Lipschitz bound  {classifier.lipschitz_bound_}")
for distance, share in certified.items():
    print(f"certified at {distance:<10} {share:.4f}")

two_best = np.sort(classifier.decision_function(X_test), axis=1)[:, -2:]
halved = (two_best[:, 1] - two_best[:, 0]) / 2
print(f"radius / (half the difference of the two best scores), median  {np.median(radius / halved):.3f}")

# %%
# And an attack?
# --------------
# ``audit`` attacks pictures inside their radius, where no attack can succeed, and outside it. The ratio of the radius
# and the nearest success says how close the proof is to the truth. Each picture takes thousands of evaluations of the
# network, so only some are attacked here.
attacked = slice(0, arguments.attacked)
result = sklip.audit(classifier, X_test[attacked], y_test[attacked], random_state=0)
print(f"\nbroken certificates: {result.broken.sum()} of {len(result.broken)}")
print(f"radius / attack, median  {result.median_tightness:.3f}")

# %%
# Pictures
# --------
# The upper left picture is the curve of certified accuracy. Next to it is the share of each class that is recognised,
# and recognised with a radius above 0.25: shirts are easily taken for T-shirts, pullovers and coats. Below is, for each
# class, the picture with the median radius, and the closest picture that was found and is classified otherwise.
figure = plt.figure(figsize=(15, 8.9), layout="constrained")
upper, lower = figure.subfigures(2, 1, height_ratios=(1, 1.3))
curve_axes, class_axes = upper.subplots(1, 2, width_ratios=(1, 1.2))
CertifiedAccuracyDisplay.from_predictions(y_test, predicted, radius, unit="grey values from 0 to 1", ax=curve_axes)
curve_axes.plot(*zip(*certified.items(), strict=True), "o", color="#0072b2")
for distance, share in certified.items():
    curve_axes.annotate(f"{share:.3f}", (distance, share), (5, 3), textcoords="offset points", fontsize=9)
curve_axes.set(xlim=(0, 1.5), ylim=(0, 1.03))
curve_axes.set_title("Certified accuracy on the test set", fontsize=11)

order = sorted(NAMES, key=lambda name: np.mean(right[y_test == name]))
places = np.arange(len(order))
for threshold, shade in ((0.0, 0.35), (0.25, 1.0)):
    shares = [np.mean((right & (radius > threshold))[y_test == name]) for name in order]
    label = "recognised" if threshold == 0 else f"with a radius above {threshold}"
    class_axes.barh(places, shares, color="#0072b2", alpha=shade, label=label)
class_axes.set_yticks(places, order)
class_axes.set(xlim=(0, 1), xlabel="share of the class")
class_axes.set_title("By class", fontsize=11)
class_axes.legend(loc="lower right", frameon=True, fontsize=9)
for axes in (curve_axes, class_axes):
    axes.spines[["top", "right"]].set_visible(False)

shown = []
for name in NAMES:
    members = np.flatnonzero(right & (y_test == name))
    if len(members):
        shown.append(members[np.argsort(radius[members])][len(members) // 2])
AdversarialDisplay.from_estimator(classifier, X_test, rows=shown, ax=lower.subplots())

if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
