r"""
==========================================================
Sandals and ankle boots: what would make this one a boot?
==========================================================

Why does a classifier call a picture a sandal? One answer is a counterfactual: the same picture, changed until it is
classified as a boot. For most networks the smallest such change looks like noise and explains nothing. For a
:class:`sklip.HKRClassifier` the change is visible, and one formula gives it,

.. math::

    x_t = x - t \, f(x) \, \nabla f(x) .

The optimum of HKR training is a function whose gradient has length 1 almost everywhere. The gradient has the direction
of the optimal transport plan between the classes: the line on which a picture of one class is moved to become a picture
of the other [1]_. No 1-Lipschitz function can decrease faster. If the score decreases that fast on the whole line,
:math:`f(x_t) = (1 - t) f(x)`. Then the boundary is at :math:`t = 1`. At :math:`t = 2` is the mirror image: its score
for the other class is as large as the score of the picture for its class. A trained network only approximates that
function. This example measures how well.

.. [1] Serrurier, Mamalet, Fel, Béthune and Boissin, "On the explainable properties of 1-Lipschitz
   neural networks: an optimal transport perspective", NeurIPS 2023.
"""

# %%
# The data
# --------
# Keras downloads Fashion-MNIST. If there is no network, let the environment variable ``SKLIP_FASHION_MNIST`` name a
# ``fashion_mnist.npz``. Pixels are scaled to [0, 1] and pictures are flattened, so distances are Euclidean distances of
# 784 grey values.
import argparse
import os
import sys

import matplotlib.pyplot as plt
import numpy as np

from sklip import HKRClassifier
from sklip.plotting import AdversarialDisplay

parser = argparse.ArgumentParser(description="Counterfactual pictures of sandals and ankle boots.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
parser.add_argument("--epochs", type=int, default=20, help="passes over the data (default: %(default)s)")
parser.add_argument("--rows", type=int, default=None, help="training pictures (default: all 12,000)")
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)

CLASSES = {5: "sandal", 9: "boot"}


def load_fashion_mnist():
    """Return ((x_train, y_train), (x_test, y_test)) as Keras does."""
    if "SKLIP_FASHION_MNIST" in os.environ:
        with np.load(os.environ["SKLIP_FASHION_MNIST"]) as arrays:
            return tuple((arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test"))
    import keras

    return keras.datasets.fashion_mnist.load_data()


def keep_sandals_and_boots(images, labels):
    """Return the pictures of the two classes as rows of grey values, and their names."""
    kept = np.isin(labels, list(CLASSES))
    names = np.array([CLASSES[label] for label in labels[kept]])
    return (images[kept] / 255.0).reshape(kept.sum(), -1).astype("float32"), names


(X, y), (X_test, y_test) = (keep_sandals_and_boots(*part) for part in load_fashion_mnist())
X, y = X[: arguments.rows], y[: arguments.rows]
print(f"{len(X)} training pictures, {np.mean(y == 'sandal'):.1%} of them sandals; {len(X_test)} test pictures")

# %%
# Training
# --------
classifier = HKRClassifier(
    hidden_layer_sizes=(128, 64),
    alpha=20,
    min_margin=1,
    batch_size=128,
    epochs=arguments.epochs,
    learning_rate=0.01,
    random_state=0,
)
classifier.fit(X, y)
predicted = classifier.predict(X_test)
score = classifier.decision_function(X_test)
radius = classifier.certified_radius(X_test)
right = predicted == y_test
print(f"accuracy                {right.mean():.4f}")
print(f"certified at 1.0        {np.mean(right & (radius > 1)):.4f}")
print(f"median radius           {np.median(radius):.4f}")

# %%
# Along the gradient
# ------------------
# The gradient is computed once, at the picture, so the path is straight. If the score decreased with slope 1 on the
# whole path, all quantiles would be 1 − t. Grey values may leave [0, 1], because nothing keeps the path within the
# pictures.
gradient = classifier.gradient(X_test)


def counterfactual(t, rows=slice(None)):
    """Return the pictures after a share t of the path: 1 is for the boundary, 2 for the mirror image."""
    return X_test[rows] - t * score[rows, None] * gradient[rows]


steps = np.linspace(0, 2.5, 26)
shares = np.array([classifier.decision_function(counterfactual(t)) / score for t in steps])
lengths = np.linalg.norm(gradient, axis=1)
print(f"length of the gradient  {lengths.min():.6f} to {lengths.max():.6f}")
print(f"\n{'t':>4}{'1 − t':>8}   f(x_t) / f(x): {'5 %':>7}{'median':>9}{'95 %':>9}{'now of the other class':>25}")
for step in (0, 5, 10, 12, 15, 20, 25):
    low, middle, high = np.quantile(shares[step], (0.05, 0.5, 0.95))
    print(
        f"{steps[step]:4.1f}{1 - steps[step]:8.1f}{'':18}{low:7.3f}{middle:9.3f}{high:9.3f}"
        f"{np.mean(shares[step] < 0):25.4f}"
    )

# %%
# And the shortest path?
# ----------------------
# ``closest_adversarial`` searches for the nearest picture of the other class in all directions. No such picture can be
# nearer than the certified radius. It is found just outside the radius, and nearly in the direction of the gradient:
# the path leads to the nearest point of the boundary.
sample = np.flatnonzero(right)[:300]
nearest, distance = classifier.closest_adversarial(X_test[sample])
way = nearest - X_test[sample]
cosine = np.abs(np.sum(way * gradient[sample], axis=1)) / np.linalg.norm(way, axis=1) / lengths[sample]
assert (distance >= radius[sample]).all()
print(f"\nradius / distance to the nearest found, median  {np.median(radius[sample] / distance):.4f}")
print(f"cosine between its direction and the gradient   {np.median(cosine):.4f}")

# %%
# Two sandals and two boots
# -------------------------
# For each class, one picture has the median radius, and one has a radius that only one picture in ten exceeds. On the
# path to the mirror image, sandals get a shaft and a closed toe, and the parts of a boot that a sandal does not have
# become lighter. The upper curve shows how the score decreases along the path. Below are the nearest pictures of the
# other class that were found.
STAGES = {0: "picture", 0.5: "halfway, t = ½", 1: "boundary, t = 1", 2: "mirror image, t = 2"}

shown = []
for name in CLASSES.values():
    members = np.flatnonzero(right & (y_test == name))
    shown += list(members[np.argsort(radius[members])][[len(members) // 2, 9 * len(members) // 10]])

figure = plt.figure(figsize=(14, 7.6), layout="constrained")
figure.get_layout_engine().set(rect=(0, 0, 0.98, 1))  # room for the label of the colour bar
path_side, measured_side = figure.subfigures(1, 2, width_ratios=(1.18, 1))
panels = path_side.subplots(len(shown), len(STAGES))
for (t, stage), column in zip(STAGES.items(), panels.T, strict=True):
    images = counterfactual(t, shown)
    column[0].set_title(stage, fontsize=11)
    for axes, image, value in zip(column, images, classifier.decision_function(images), strict=True):
        axes.imshow(image.reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
        axes.set_xlabel(f"f = {value.round(2) + 0.0:.2f}".replace("-", "−"), fontsize=10, labelpad=3)
        axes.set(xticks=[], yticks=[])

curve_side, nearest_side = measured_side.subfigures(2, 1, height_ratios=(1, 1.25))
axes = curve_side.subplots()
axes.axhline(0, color="#555555", linewidth=0.8)
for low, high, shade in ((0.05, 0.95, 0.2), (0.25, 0.75, 0.3)):
    limits = np.quantile(shares, (low, high), axis=1)
    label = f"{high - low:.0%} of the pictures".replace("%", " %")
    axes.fill_between(steps, *limits, color="#0072b2", alpha=shade, linewidth=0, label=label)
axes.plot(steps, np.median(shares, axis=1), color="#0072b2", label="median")
axes.plot(steps, 1 - steps, color="#d55e00", linestyle="dashed", linewidth=1, label="the fastest fall, 1 − t")
axes.set(xlim=(0, steps[-1]), xlabel="t", ylabel="$f(x_t)\\ /\\ f(x)$")
axes.set_title(f"The score along the path: {len(X_test):,} test pictures", fontsize=11)
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)

adversarial, found_at = classifier.closest_adversarial(X_test[shown])
AdversarialDisplay(
    rows=X_test[shown],
    adversarial=adversarial,
    y_pred=predicted[shown],
    y_adversarial=classifier.predict(adversarial),
    radius=radius[shown],
    distance=found_at,
    row_names=2 * ["median", "surer than 90 %"],
    image_shape=(28, 28),
).plot(ax=nearest_side.subplots())

if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
