"""
==================================
Cross-entropy, one class at a time
==================================

Cross-entropy is a mean over rows, so it can be split into the mean over the positive rows and the
mean over the negative ones. With as many rows of one class as of the other, the whole is half the
sum of the two parts. Adversarial training is usually written that way: one network, an input for
each class, and an output for each input, so that either part can be given its own data, weight or
target.

We build such a model from sklip's layers, check that its parts add up, and find the same numbers in
:meth:`sklip.LipschitzMLP.loss_terms`, which needs no second model. Then we take rows away from one
class, to see what half the sum means when the classes are not balanced.
"""

# %%
# The data
# --------
# 100 points in the plane, half of each class. On the command line, ``--epochs`` makes a shorter run
# of it, and ``--output`` names the file for the picture.
import argparse
import sys

import keras
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.ticker import MultipleLocator
from sklearn.datasets import make_blobs
from sklearn.utils.class_weight import compute_sample_weight

from sklip import LipschitzMLP
from sklip.layers import FrobeniusDense, SpectralDense
from sklip.losses import TauBinaryCrossentropy

parser = argparse.ArgumentParser(description="Cross-entropy of two classes, together and apart.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
parser.add_argument(
    "--epochs", type=int, default=60, help="passes of LipschitzMLP over the data (default: %(default)s)"
)
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)

TAU = 0.5  # temperature: the logit is 0.5 times the score
X, y = make_blobs(n_samples=100, n_features=2, centers=2, random_state=42)
print(f"{len(X)} rows, {np.sum(y == 1)} of them positive")

# %%
# Two inputs, two outputs, one network
# ------------------------------------
# The network is 1-Lipschitz, and its last layer has one score f and no sigmoid: the loss takes care
# of that. Both inputs of the second model go through the same network, with the same weights; the
# targets are all ones on one side and all zeros on the other. ``jit_compile=False``, since XLA would
# take longer to compile than these few steps take to run.


def pair_inputs(network):
    """Return a model that passes two inputs, one for each class, through one network."""
    positives, negatives = keras.Input((2,)), keras.Input((2,))
    return keras.Model([positives, negatives], {"positives": network(positives), "negatives": network(negatives)})


def compile_pair(network, learning_rate=0.02):
    """Return the two-input model of a network, with the same loss for each class."""
    pair = pair_inputs(network)
    losses = {name: TauBinaryCrossentropy(TAU) for name in ("positives", "negatives")}
    pair.compile(optimizer=keras.optimizers.Adam(learning_rate), loss=losses, jit_compile=False)
    return pair


def split_classes(X, y):
    """Return the rows by class, and the targets of the two-input model, all ones and all zeros."""
    rows = [X[y == 1], X[y == 0]]
    return rows, {"positives": np.ones(len(rows[0])), "negatives": np.zeros(len(rows[1]))}


keras.utils.set_random_seed(0)
network = keras.Sequential(
    [
        keras.Input((2,)),
        SpectralDense(16, activation="groupsort2"),
        SpectralDense(32, activation="groupsort2"),
        SpectralDense(32, activation="groupsort2"),
        FrobeniusDense(1),
    ]
)
network.compile(loss=TauBinaryCrossentropy(TAU), jit_compile=False)
pair = compile_pair(network)

# %%
# ``TauBinaryCrossentropy`` is the cross-entropy of ``sigmoid(tau · f)`` divided by ``tau``: a
# quantity in the units of the data, whose gradient by the score is at most 1. Multiplied by ``tau``
# it is the usual cross-entropy in nats. The tables below are all in nats.


def evaluate_keras(network, X, y):
    """Return the cross-entropy of all rows, of one model with one input."""
    return TAU * network.evaluate(X, y, batch_size=len(X), verbose=0, return_dict=True)["loss"]


def evaluate_pair(pair, X, y):
    """Return Keras' total of the two-input model, and the cross-entropy of each class."""
    rows, targets = split_classes(X, y)
    found = pair.evaluate(rows, targets, batch_size=len(rows[0]), verbose=0, return_dict=True)
    return tuple(TAU * found[name] for name in ("loss", "positives_loss", "negatives_loss"))


HEADINGS = ("all rows", "half the sum", "positives", "negatives")


def print_row(route, *values):
    """Print a line of a table, with a dash for what a route does not give."""
    cells = "".join(f"{'–':>14}" if value is None else f"{value:14.7f}" for value in values)
    print(f"{route:<30}{cells}")


def print_header(title):
    """Print the title and the headings of a table."""
    print(f"\n{title}")
    print(" " * 30 + "".join(f"{heading:>14}" for heading in HEADINGS))


whole = evaluate_keras(network, X, y)
total, positives, negatives = evaluate_pair(pair, X, y)
print_header("Before training")
print_row("Keras, one input", whole, None, None, None)
print_row("Keras, two inputs", None, total / 2, positives, negatives)
print(f"one input against half the sum: {abs(whole - total / 2):.1e}")

# %%
# What Keras minimises in the two-input model is the sum, so twice the cross-entropy of all rows: the
# minimum is in the same place, and the gradients are twice as long.
#
# It trains like any Keras model. The network inside is the one we already have, and classifies with
# the sign of its score.
EPOCHS = 8
rows, targets = split_classes(X, y)
pair.fit(rows, targets, batch_size=10, epochs=EPOCHS, verbose=0)
whole = evaluate_keras(network, X, y)
total, positives, negatives = evaluate_pair(pair, X, y)
print_header(f"After {EPOCHS} epochs of the two-input model")
print_row("Keras, one input", whole, None, None, None)
print_row("Keras, two inputs", None, total / 2, positives, negatives)
print(f"one input against half the sum: {abs(whole - total / 2):.1e}")
accuracy = np.mean((np.asarray(network(X))[:, 0] > 0) == (y == 1))
print(f"accuracy: {accuracy:.2f}")

# %%
# The same from a classifier
# --------------------------
# :class:`sklip.LipschitzMLP` keeps the network, the loss and the units together. ``loss_terms`` gives
# ``cross_entropy``, of all rows, and ``cross_entropy_per_class``, in the order of ``classes_``; both
# in nats. ``margin_offset=0`` leaves plain cross-entropy, without the margin that is there by default.
#
# To compare, we export the network with ``to_keras()`` and hand it to the two-input model.


def fit(X, y):
    """Train a classifier."""
    classifier = LipschitzMLP(
        hidden_layer_sizes=(16, 32, 32), temperature=TAU, margin_offset=0.0, epochs=arguments.epochs, random_state=0
    )
    return classifier.fit(X, y)


def repeat_rows(X, y):
    """Return the rows of the smaller class as often as it takes to be as many as the larger class."""
    counts = np.bincount(y)
    times = (counts.max() // counts)[y]
    return np.repeat(X, times, axis=0), np.repeat(y, times)


def compare_routes(classifier, X, y):
    """Print and return what each route says about a classifier, in the order of the headings."""
    terms = classifier.loss_terms(X, y)
    negatives, positives = terms["cross_entropy_per_class"]
    routes = {"LipschitzMLP.loss_terms": (terms["cross_entropy"], (positives + negatives) / 2, positives, negatives)}

    exported = classifier.to_keras()
    exported.compile(loss=TauBinaryCrossentropy(TAU), jit_compile=False)
    routes["Keras, one input"] = (evaluate_keras(exported, X, y), None, None, None)

    total, positives, negatives = evaluate_pair(compile_pair(exported), *repeat_rows(X, y))
    shares = np.bincount(y) / len(y)
    routes["Keras, two inputs"] = (shares[1] * positives + shares[0] * negatives, total / 2, positives, negatives)

    for route, values in routes.items():
        print_row(route, *values)
    columns = ([value for value in column if value is not None] for column in zip(*routes.values(), strict=True))
    print(f"largest difference between the routes: {max(max(column) - min(column) for column in columns):.1e}")
    return routes


balanced = fit(X, y)
print_header("LipschitzMLP, balanced classes (50 and 50)")
routes_balanced = compare_routes(balanced, X, y)
print(f"accuracy: {balanced.score(X, y):.2f}")
terms = balanced.loss_terms(X, y)
print(f"loss_terms: loss {terms['loss']:.7f} = cross_entropy {terms['cross_entropy']:.7f} / tau {TAU}")

# %%
# Classes that are not balanced
# -----------------------------
# Now only 10 of the negative rows are left. The mean over all rows weighs each class by its share of
# the rows, 5/6 and 1/6; half the sum weighs them alike. These are two different losses, and the plain
# one lets the small class pay: the boundary moves towards it.
#
# The inputs of a Keras model must have the same number of rows, so each negative row is handed in five
# times. That leaves the mean of its class as it is.
kept = np.sort(np.concatenate([np.flatnonzero(y == 1), np.flatnonzero(y == 0)[:10]]))
X_few, y_few = X[kept], y[kept]
unbalanced = fit(X_few, y_few)
print_header("LipschitzMLP, unbalanced classes (50 positive, 10 negative)")
routes_unbalanced = compare_routes(unbalanced, X_few, y_few)
print("In the first column, the two-input model's classes are weighted by their shares, 5/6 and 1/6.")

# %%
# Half the sum has a name in scikit-learn: it is the cross-entropy with balanced weights. To train with
# it, use ``class_weight="balanced"``.
weights = compute_sample_weight("balanced", y_few)
reweighted = unbalanced.loss_terms(X_few, y_few, sample_weight=weights)["cross_entropy"]
half_sum = routes_unbalanced["LipschitzMLP.loss_terms"][1]
print(f"with balanced weights {reweighted:.7f}, half the sum {half_sum:.7f}: {abs(reweighted - half_sum):.1e} apart")

# %%
# The picture
# -----------
# Left, the score of the classifier of balanced classes, with certified discs: inside a disc, the class
# of its centre is proven to stay. The dashed line is the boundary after training with 10 negative rows,
# the filled points of that class. Right, the numbers of the tables.
COLORS = ("#0072b2", "#d55e00")  # told apart by colour-blind readers too
MARKERS = ("o", "^")
SCORE_COLORS = LinearSegmentedColormap.from_list("scores", ["#5aa5d6", "#f7f7f5", "#ef9a5b"])
ROUTE_COLORS = {"LipschitzMLP.loss_terms": "#009e73", "Keras, one input": "#cc79a7", "Keras, two inputs": "#e69f00"}


def draw_blobs(axes):
    """Draw the points, the scores and a few discs."""
    radii = balanced.certified_radius(X)
    by_radius = (np.flatnonzero(y == label)[np.argsort(radii[y == label])] for label in (0, 1))
    chosen = [row for rows in by_radius for row in (rows[0], rows[len(rows) // 2])]  # the smallest, the median
    low = (X[chosen] - radii[chosen, None]).min(axis=0) - 0.5
    high = (X[chosen] + radii[chosen, None]).max(axis=0) + 0.5
    x1, x2 = np.meshgrid(np.linspace(low[0], high[0], 150), np.linspace(low[1], high[1], 150))
    points = np.column_stack([x1.ravel(), x2.ravel()])
    scores = balanced.decision_function(points).reshape(x1.shape)
    top = np.abs(scores).max()
    axes.contourf(x1, x2, scores, levels=np.linspace(-top, top, 25), cmap=SCORE_COLORS)
    thin = axes.contour(
        x1, x2, scores, levels=[-9, -6, -3, 3, 6, 9], colors="#555555", linewidths=0.6, linestyles="solid"
    )
    axes.clabel(thin, fontsize=8, fmt=lambda level: f"{level:g}".replace("-", "−"))
    axes.contour(x1, x2, scores, levels=[0], colors="black", linewidths=2.2)
    few = unbalanced.decision_function(points).reshape(x1.shape)
    axes.contour(x1, x2, few, levels=[0], colors="black", linewidths=1.6, linestyles="dashed")

    used = np.isin(np.arange(len(X)), kept)
    for label, color, marker in zip((0, 1), COLORS, MARKERS, strict=True):
        own = y == label
        for rows, face in ((own & used, color), (own & ~used, "none")):
            axes.scatter(*X[rows].T, s=18, marker=marker, facecolor=face, edgecolor=color, linewidths=0.8, zorder=3)
    for row in chosen:
        color = COLORS[y[row]]
        axes.add_patch(Circle(X[row], radii[row], facecolor="none", edgecolor=color, linewidth=1.4, zorder=4))
        axes.plot(*X[row], marker=MARKERS[y[row]], color=color, markersize=9, markeredgecolor="white", zorder=5)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    axes.xaxis.set_major_locator(MultipleLocator(2))
    axes.set_title("Score f, boundaries and certified discs", fontsize=11)
    lines = [
        Line2D([], [], color=COLORS[0], marker=MARKERS[0], linestyle="none", label="negative, kept"),
        Line2D(
            [], [], color=COLORS[0], marker=MARKERS[0], fillstyle="none", linestyle="none", label="negative, left out"
        ),
        Line2D([], [], color=COLORS[1], marker=MARKERS[1], linestyle="none", label="positive"),
        Line2D([], [], color="black", linewidth=2.2, label="f = 0, 50 and 50 rows"),
        Line2D([], [], color="black", linewidth=1.6, linestyle="dashed", label="f = 0, 50 and 10 rows"),
    ]
    axes.figure.legend(handles=lines, fontsize=9, loc="outside lower center", ncols=5, frameon=False)


def draw_bars(axes, routes, title):
    """Draw for each number a bar of each route that gives it, side by side."""
    width = 0.26
    for place in range(len(HEADINGS)):
        given = [(name, values[place]) for name, values in routes.items() if values[place] is not None]
        for number, (name, value) in enumerate(given):
            left = place + width * (number - (len(given) - 1) / 2)
            axes.bar(left, value, width * 0.92, color=ROUTE_COLORS[name], label=name if place == 0 else None)
        axes.annotate(
            f"{given[0][1]:.4f}", (place, given[0][1]), (0, 3), textcoords="offset points", ha="center", fontsize=9
        )
    axes.set_xticks(range(len(HEADINGS)), HEADINGS)
    axes.set_ylabel("cross-entropy (nats)")
    axes.set_title(title, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)


figure = plt.figure(figsize=(11.5, 5.8), layout="constrained")
figure.get_layout_engine().set(h_pad=0.1)
panels = figure.subplot_mosaic([["blobs", "balanced"], ["blobs", "unbalanced"]], width_ratios=(1, 1.05))
draw_blobs(panels["blobs"])
draw_bars(panels["balanced"], routes_balanced, "50 positive and 50 negative rows: the whole is half the sum")
draw_bars(panels["unbalanced"], routes_unbalanced, "50 positive and 10 negative rows: it is not")
highest = max(value for routes in (routes_balanced, routes_unbalanced) for value in routes["Keras, two inputs"])
for name in ("balanced", "unbalanced"):
    panels[name].set_ylim(0, 1.18 * highest)
panels["balanced"].legend(fontsize=8, frameon=False, loc="upper left", ncols=3)

if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
