"""
==================================
Cross-entropy, one class at a time
==================================

Cross-entropy is a mean over rows, so it can be split into the mean over the positive rows and the mean over the
negative rows. If both classes have the same number of rows, the cross-entropy is half the sum of the two parts.
Adversarial training is usually written in this way: one network, an input for each class, and an output for each input,
so that each part can have its own data, weight or target.

We build such a model from sklip's layers, check that its parts add up, and compare them with
:meth:`sklip.LipschitzMLP.loss_terms`, which needs no second model. Then we remove rows of one class, to see the meaning
of half the sum for unbalanced classes.
"""

# %%
# The data
# --------
# There are 100 points in the plane, half of them in each class. On the command line, ``--epochs`` makes the run
# shorter, and ``--output`` names the file for the picture.
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

parser = argparse.ArgumentParser(description="Cross-entropy of two classes, together and separately.")
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
# The network is 1-Lipschitz. Its last layer has one score f and no sigmoid, because the loss contains the sigmoid. Both
# inputs of the second model pass through the same network, with the same weights. The targets are all ones for one
# input and all zeros for the other. ``jit_compile=False`` is set because XLA would need more time to compile than these
# few steps need to run.


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
# ``TauBinaryCrossentropy`` is the cross-entropy of ``sigmoid(tau · f)`` divided by ``tau``. It is in the units of the
# data, and its derivative with respect to the score is at most 1. Multiplied by ``tau`` it is the usual cross-entropy
# in nats. All tables below are in nats.


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
    """Print a line of a table, with a dash for numbers that a route does not give."""
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
# Keras minimises the sum in the two-input model, which is twice the cross-entropy of all rows. The minimum is the same,
# and the gradients are twice as long.
#
# It trains like any Keras model. The network inside is the one that we already have. It classifies by the sign of its
# score.
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
# :class:`sklip.LipschitzMLP` has the network, the loss and the units in one object. ``loss_terms`` returns
# ``cross_entropy`` for all rows and ``cross_entropy_per_class`` in the order of ``classes_``, both in nats.
# ``margin_offset=0`` gives plain cross-entropy, without the default margin.
#
# For the comparison, we export the network with ``to_keras()`` and put it into the two-input model.


def fit(X, y):
    """Train a classifier."""
    classifier = LipschitzMLP(
        hidden_layer_sizes=(16, 32, 32), temperature=TAU, margin_offset=0.0, epochs=arguments.epochs, random_state=0
    )
    return classifier.fit(X, y)


def repeat_rows(X, y):
    """Repeat the rows of the smaller class until it has as many as the larger class."""
    counts = np.bincount(y)
    times = (counts.max() // counts)[y]
    return np.repeat(X, times, axis=0), np.repeat(y, times)


def compare_routes(classifier, X, y):
    """Print and return the numbers of each route for a classifier, in the order of the headings."""
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
# Now we keep only 10 of the negative rows. The mean over all rows gives each class a weight equal to its share of the
# rows, 5/6 and 1/6. Half the sum gives them equal weights. These are two different losses. With the plain loss, the
# boundary moves towards the small class.
#
# The inputs of a Keras model must have the same number of rows, so each negative row is repeated five times. This does
# not change the mean of its class.
kept = np.sort(np.concatenate([np.flatnonzero(y == 1), np.flatnonzero(y == 0)[:10]]))
X_few, y_few = X[kept], y[kept]
unbalanced = fit(X_few, y_few)
print_header("LipschitzMLP, unbalanced classes (50 positive, 10 negative)")
routes_unbalanced = compare_routes(unbalanced, X_few, y_few)
print("In the first column, the two-input model's classes are weighted by their shares, 5/6 and 1/6.")

# %%
# In scikit-learn, half the sum is the cross-entropy with balanced weights. To train with it, use
# ``class_weight="balanced"``.
weights = compute_sample_weight("balanced", y_few)
reweighted = unbalanced.loss_terms(X_few, y_few, sample_weight=weights)["cross_entropy"]
half_sum = routes_unbalanced["LipschitzMLP.loss_terms"][1]
print(f"with balanced weights {reweighted:.7f}, half the sum {half_sum:.7f}: {abs(reweighted - half_sum):.1e} apart")

# %%
# The picture
# -----------
# The left picture shows the score of the classifier for balanced classes, with certified discs: all points of a disc
# are proven to have the class of its centre. The dashed line is the boundary after training with 10 negative rows,
# which are the filled points of this class. The right picture shows the numbers of the tables.
COLORS = ("#0072b2", "#d55e00")  # colour-blind readers can distinguish them
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
    """Draw for each number a bar of each route that gives it, next to each other."""
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
