r"""
=========================================
Two moons: scores that measure a distance
=========================================

If the score of a classifier cannot change faster than its input, the score is a proof: if ``f(x) = 0.3``, all points
within a distance of 0.3 from ``x`` have the class of ``x``. :class:`sklip.HKRClassifier` trains such a function with
the hinge-regularised Kantorovich–Rubinstein loss

.. math::

    -\left(\mathbb{E}[f \mid +1] - \mathbb{E}[f \mid -1]\right)
    + \alpha \, \mathbb{E}\left[\max(0, m - y f)\right] .

The first term (KR) makes the difference between the mean scores of the two classes as large as a 1-Lipschitz function
allows, which is at most the Wasserstein-1 distance between the classes. The second term, the hinge, asks every row for
a score of at least the margin ``m`` on its side.

We look at such a function in the plane, for two moons and for two circles.
"""

# %%
# The data
# --------
# There are 5,000 points of each shape. On the command line, ``--rows`` and ``--epochs`` make the run shorter, and
# ``--output`` names the file for the picture.
import argparse
import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_circles, make_moons

from sklip import HKRClassifier
from sklip.plotting import DecisionFunctionDisplay

parser = argparse.ArgumentParser(description="Certified classification of two moons and two circles.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
parser.add_argument("--epochs", type=int, default=79, help="passes over the data (default: %(default)s)")
parser.add_argument("--rows", type=int, default=5000, help="points of each shape (default: %(default)s)")
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)

problems = {
    "Two moons": make_moons(arguments.rows, noise=0.05, random_state=0),
    "Two circles": make_circles(arguments.rows, noise=0.14, factor=0.4, random_state=0),
}

COLORS = ("#0072b2", "#d55e00")  # colour-blind readers can distinguish them
MARKERS = ("o", "^")


def draw_points(axes, X, y):
    """Draw a sample of the rows, each class by its colour and marker."""
    for label, color, marker in zip((0, 1), COLORS, MARKERS, strict=True):
        axes.scatter(*X[:1500][y[:1500] == label].T, s=7, color=color, marker=marker, alpha=0.45, linewidths=0)
    axes.set(aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    axes.spines[["top", "right"]].set_visible(False)


figure, panels = plt.subplots(
    1, 2, figsize=(10, 3.9), width_ratios=(1.6, 1), layout="constrained", num="Two moons and two circles"
)
for axes, (name, (X, y)) in zip(panels, problems.items(), strict=True):
    draw_points(axes, X, y)
    axes.set_title(name)

# %%
# Training
# --------
# All distances are in the units of the data. ``min_margin=0.29`` asks for a distance of 0.29 between every point and
# the boundary, if that is possible. 79 epochs of 20 batches are 1,580 steps.


def fit(X, y):
    """Train a classifier."""
    classifier = HKRClassifier(
        hidden_layer_sizes=(256, 128, 64),
        alpha=10,
        min_margin=0.29,
        batch_size=256,
        epochs=arguments.epochs,
        learning_rate=0.01,
        random_state=0,
    )
    return classifier.fit(X, y)


classifiers = {name: fit(X, y) for name, (X, y) in problems.items()}

# %%
# ``history_`` holds one number per epoch for the loss, its two terms and the accuracy.


def print_history(history, rows=10):
    """Print the history as a table of about this number of rows, including the last epoch."""
    names = ("loss", "kr", "hinge", "accuracy")
    epochs = len(history["loss"])
    print("epoch" + "".join(f"{name:>10}" for name in names))
    for epoch in np.unique(np.linspace(1, epochs, min(rows, epochs)).round().astype(int)):
        print(f"{epoch:5d}" + "".join(f"{history[name][epoch - 1]:10.4f}" for name in names))


for name, classifier in classifiers.items():
    print(f"\n{name}: training")
    print_history(classifier.history_)

# %%
# What is proven
# --------------
# The fitted classifier proves its Lipschitz bound and, from it, a radius for each row within which the prediction
# cannot change. Certified accuracy is the share of rows that are classified correctly and stay correct for all changes
# within the radius.
RADIUS = 0.2


def print_summary(classifier, X, y):
    """Print the accuracy of the classifier, and what is proven about it."""
    scores = classifier.decision_function(X)
    correct = classifier.predict(X) == y
    certified = correct & (classifier.certified_radius(X) > RADIUS)
    print(f"  accuracy                         {correct.mean():.4f}")
    print(f"  KR                               {scores[y == 1].mean() - scores[y == 0].mean():.4f}")
    print(f"  proven Lipschitz bound           {classifier.lipschitz_bound_}")
    print(f"  certified accuracy at radius {RADIUS} {certified.mean():.4f}")


for name, (X, y) in problems.items():
    print(f"\n{name}")
    print_summary(classifiers[name], X, y)

# %%
# The function, and its export
# ----------------------------
# The contour lines of ``f`` are parallel to the boundary, and their distance from it is about the number on their
# label: the score is nearly the distance to the boundary. Each disc is the certificate of the point in its middle, and
# no disc crosses the boundary. :class:`sklip.plotting.DecisionFunctionDisplay` draws all this.
#
# ``to_keras()`` exports the classifier as a plain Keras network of ordinary ``Dense`` layers,
# without constraints. It is the same function.


def draw_function(axes, classifier, X, y):
    """Draw the scores, the margin and the discs of a few of the rows that are classified correctly."""
    right = classifier.predict(X) == y
    return DecisionFunctionDisplay.from_estimator(
        classifier, X[right][:1500], y[right][:1500], discs=10, ax=axes, legend=False
    )


def draw_exported(axes, exported, drawn):
    """Draw the scores of the exported network where those of the classifier were drawn, and return them."""
    points = np.column_stack([drawn.xx0.ravel(), drawn.xx1.ravel()])
    scores = exported.predict(points, batch_size=4096, verbose=0)[:, 0].reshape(drawn.xx0.shape)
    display = DecisionFunctionDisplay(
        xx0=drawn.xx0,
        xx1=drawn.xx1,
        response=scores,
        classes=drawn.classes,
        points=drawn.points,
        labels=drawn.labels,
        min_margin=drawn.min_margin,
    )
    return display.plot(ax=axes, legend=False).response


figure, panels = plt.subplots(
    2, 2, figsize=(11, 8.6), width_ratios=(1.5, 1), layout="constrained", num="Scores and certificates"
)
print()
for (above, below), (name, (X, y)) in zip(panels.T, problems.items(), strict=True):
    classifier = classifiers[name]
    drawn = draw_function(above, classifier, X, y)
    exported = draw_exported(below, classifier.to_keras(), drawn)
    difference = np.abs(drawn.response - exported).max()
    print(f"{name}: the exported network differs from the classifier by at most {difference:.1e}")

    above.set_title(f"{name}: f and certified discs", fontsize=11)
    below.set_title(f"{name}: the exported plain network", fontsize=11)
    for axes in (above, below):
        axes.set(xlabel="$x_1$", ylabel="$x_2$")
        axes.spines[["top", "right"]].set_visible(False)

figure.legend(handles=drawn.handles_, loc="outside lower center", ncols=6, frameon=False)

if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
