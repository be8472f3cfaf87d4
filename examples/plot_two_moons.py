r"""
=========================================
Two moons: scores that measure a distance
=========================================

A classifier whose score cannot change faster than its input turns the score into a proof: where
``f(x) = 0.3``, no point within a distance of 0.3 of ``x`` is classified otherwise.
:class:`sklip.HKRClassifier` trains such a function with the hinge-regularised
Kantorovich–Rubinstein loss

.. math::

    -\left(\mathbb{E}[f \mid +1] - \mathbb{E}[f \mid -1]\right)
    + \alpha \, \mathbb{E}\left[\max(0, m - y f)\right] .

The first term (KR) pushes the scores of the two classes as far apart as a 1-Lipschitz function
can, which is at most the Wasserstein-1 distance between the classes. The second, the hinge, keeps
every row on its side by the margin ``m``.

We look at such a function in the plane, on two moons and on two circles.
"""

# %%
# The data
# --------
# 5,000 points of each shape. On the command line, ``--rows`` and ``--epochs`` make a shorter run
# of it, and ``--output`` names the file for the picture.
import argparse
import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from sklearn.datasets import make_circles, make_moons

from sklip import HKRClassifier

parser = argparse.ArgumentParser(description="Certified classification of two moons and two circles.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
parser.add_argument("--epochs", type=int, default=79, help="passes over the data (default: %(default)s)")
parser.add_argument("--rows", type=int, default=5000, help="points of each shape (default: %(default)s)")
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)

problems = {
    "Two moons": make_moons(arguments.rows, noise=0.05, random_state=0),
    "Two circles": make_circles(arguments.rows, noise=0.14, factor=0.4, random_state=0),
}

COLORS = ("#0072b2", "#d55e00")  # told apart by colour-blind readers too
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
# All distances are in the units of the data: ``min_margin=0.29`` asks every point to be 0.29 away
# from the boundary where that is possible. 79 epochs of 20 batches are 1,580 steps.


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
# What ``history_`` holds: one number an epoch for the loss, its two terms and the accuracy.


def print_history(history, rows=10):
    """Print the history as a table of about so many rows, the last epoch among them."""
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
# The fitted classifier proves its own Lipschitz bound, and from it, row by row, a radius within
# which the prediction cannot change. Certified accuracy counts the rows that are classified
# correctly and stay so whatever happens within the radius.
RADIUS = 0.2


def print_summary(classifier, X, y):
    """Print how good the classifier is, and what is proven about it."""
    scores = classifier.decision_function(X)
    correct = classifier.predict(X) == y
    certified = correct & (classifier.certified_radius(X) >= RADIUS)
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
# The contour lines of ``f`` run parallel to the boundary, at the distance that they are labelled
# with: the score is nearly the distance to the boundary itself. Each disc is the certificate of the
# point in its middle, and no disc crosses the boundary.
#
# ``to_keras()`` exports the classifier as a plain Keras network of ordinary ``Dense`` layers,
# without constraints. It is the same function.
MARGIN = 0.29
SCORE_COLORS = LinearSegmentedColormap.from_list("scores", ["#5aa5d6", "#f7f7f5", "#ef9a5b"])


def lay_grid(X, border=0.3, step=0.02):
    """Return the points of a grid over the data as (rows, columns, 2)."""
    low, high = X.min(axis=0) - border, X.max(axis=0) + border
    return np.stack(np.meshgrid(*(np.arange(a, b, step) for a, b in zip(low, high, strict=True))), axis=-1)


def draw_scores(axes, grid, scores):
    """Draw the contours of the scores, the boundary and the margin."""
    x1, x2 = grid[..., 0], grid[..., 1]
    top = np.abs(scores).max()
    axes.contourf(x1, x2, scores, levels=np.linspace(-top, top, 25), cmap=SCORE_COLORS)
    beyond = np.array([0.6, 0.9, 1.2, 1.5])
    levels = np.concatenate([-beyond[::-1], beyond])
    thin = axes.contour(x1, x2, scores, levels=levels, colors="#555555", linewidths=0.6, linestyles="solid")
    margin = axes.contour(
        x1, x2, scores, levels=[-MARGIN, MARGIN], colors="#222222", linewidths=1.1, linestyles="dashed"
    )
    boundary = axes.contour(x1, x2, scores, levels=[0], colors="black", linewidths=2.2)
    for lines in (thin, margin, boundary):
        axes.clabel(lines, fontsize=8, inline_spacing=8, fmt=lambda level: f"{level:g}".replace("-", "−"))
    axes.set(xlim=(x1.min(), x1.max()), ylim=(x2.min(), x2.max()))
    axes.set_autoscale_on(False)


def choose_discs(X, y, radii, low, high, per_class=5):
    """Return a few rows of each class whose discs fit between the corners and keep clear of each other."""
    fits = np.all((X - radii[:, None] > low) & (X + radii[:, None] < high), axis=1)
    chosen = []
    for row in np.flatnonzero(fits & (radii > 0.1)):
        room = all(np.linalg.norm(X[row] - X[other]) > radii[row] + radii[other] for other in chosen)
        if room and sum(y[other] == y[row] for other in chosen) < per_class:
            chosen.append(row)
    return chosen


def draw_discs(axes, grid, classifier, X, y):
    """Draw the discs within which a few rows, classified correctly, are proven to keep their class."""
    radii = np.where(classifier.predict(X) == y, classifier.certified_radius(X), 0.0)
    for row in choose_discs(X, y, radii, grid[0, 0], grid[-1, -1]):
        color = COLORS[y[row]]
        axes.add_patch(Circle(X[row], radii[row], facecolor="white", edgecolor="none", alpha=0.5, zorder=1.5))
        axes.add_patch(Circle(X[row], radii[row], facecolor="none", edgecolor=color, linewidth=1.4, zorder=4))
        axes.plot(*X[row], marker=MARKERS[y[row]], color=color, markersize=6, markeredgecolor="white", zorder=5)


figure, panels = plt.subplots(
    2, 2, figsize=(11, 8.6), width_ratios=(1.5, 1), layout="constrained", num="Scores and certificates"
)
print()
for column, (name, (X, y)) in enumerate(problems.items()):
    classifier = classifiers[name]
    grid = lay_grid(X)
    points = grid.reshape(-1, 2)
    scores = classifier.decision_function(points)
    exported = classifier.to_keras().predict(points, batch_size=4096, verbose=0)[:, 0]
    difference = np.abs(scores - exported).max()
    print(f"{name}: the exported network differs from the classifier by at most {difference:.1e}")

    above, below = panels[:, column]
    for axes, values in ((above, scores), (below, exported)):
        draw_scores(axes, grid, values.reshape(grid.shape[:2]))
        draw_points(axes, X, y)
    draw_discs(above, grid, classifier, X, y)
    above.set_title(f"{name}: f and certified discs", fontsize=11)
    below.set_title(f"{name}: the exported plain network", fontsize=11)

figure.legend(
    handles=[
        *(
            Line2D([], [], color=color, marker=marker, linestyle="none", label=f"class {label}")
            for label, (color, marker) in enumerate(zip(COLORS, MARKERS, strict=True))
        ),
        Line2D([], [], color="black", linewidth=2.2, label="boundary, f = 0"),
        Line2D([], [], color="#222222", linewidth=1.1, linestyle="dashed", label=f"margin, f = ±{MARGIN}"),
        Line2D(
            [], [], color="none", marker="o", markersize=12, markerfacecolor="white", markeredgecolor="#444444",
            label="certified disc: the class cannot change inside",
        ),
    ],
    loc="outside lower center",
    ncols=5,
    frameon=False,
)  # fmt: skip

if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
