r"""
======================================================
Two moons: how far apart are they, and what proves it?
======================================================

The Wasserstein-1 distance between two samples is the smallest mean distance by which the points of one sample must be
moved to become the other:

.. math::

    W_1(\mu, \nu) = \inf_{\pi \in \Pi(\mu, \nu)} \mathbb{E}_{(x, z) \sim \pi} \|x - z\| .

Kantorovich and Rubinstein replaced this search for a plan by a search for a function,

.. math::

    W_1(\mu, \nu) = \sup_{f \in \mathrm{Lip}_1} \mathbb{E}_{x \sim \mu}[f(x)] - \mathbb{E}_{x \sim \nu}[f(x)] ,

so *every* 1-Lipschitz function gives a lower bound. :class:`sklip.WassersteinEstimator` trains a 1-Lipschitz network to
come close to the supremum, and proves the lower bound that it reaches. The proof includes the Lipschitz bound of the
network and all rounding. Here we compare the bound with the exact distance of the same points, and show the function
and the plan next to each other.
"""

# %%
# The data
# --------
# There are 2,000 points, half of them in each moon. On the command line, ``--rows`` and ``--epochs`` make the run
# shorter, and ``--output`` names the file for the picture.
import argparse
import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.datasets import make_moons

from sklip import WassersteinEstimator

parser = argparse.ArgumentParser(description="The Wasserstein-1 distance between two moons, proven from below.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
parser.add_argument("--epochs", type=int, default=300, help="passes over the data (default: %(default)s)")
parser.add_argument("--rows", type=int, default=2000, help="points, an even number (default: %(default)s)")
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)

X, moon = make_moons(arguments.rows, noise=0.05, random_state=0)
y = np.array(["upper", "lower"])[moon]

# %%
# The proven distance
# -------------------
# ``y`` names the sample of each row. ``distance_`` is in the units of the data.
estimator = WassersteinEstimator(epochs=arguments.epochs, random_state=0).fit(X, y)

print(f"proven lower bound   {estimator.distance_:.6f}")
print(f"Lipschitz bound      {estimator.lipschitz_bound_}")

# %%
# The exact distance
# ------------------
# If two samples have the same number of points, there is an optimal plan that sends each point to one other point. An
# assignment solver finds it. It needs a matrix of all distances, and its time grows with the cube of the number of
# points. Training needs only batches.
lower, upper = X[y == "lower"], X[y == "upper"]
costs = cdist(lower, upper)
origins, targets = linear_sum_assignment(costs)
exact = costs[origins, targets].mean()

print(f"exact distance       {exact:.6f}")
print(f"bound / exact        {estimator.distance_ / exact:.4f}")

# %%
# The distance of other rows
# --------------------------
# The same function bounds the distance between any two samples. Here one of the moons is moved away from the other. The
# function was not trained for these samples, but the bound is still proven.
pushed = X + np.where(y == "upper", 0.5, 0.0)[:, None] * np.array([0.0, 1.0])
matrix = cdist(pushed[y == "lower"], pushed[y == "upper"])
exact_pushed = matrix[linear_sum_assignment(matrix)].mean()
print(f"upper moon pushed up by 0.5: proven {estimator.distance(pushed, y):.6f}, exact {exact_pushed:.6f}")

# %%
# The potential, and the plan
# ---------------------------
# The left picture shows the level lines of the potential ``f``. The distance between two lines is the difference of
# their labels: the slope is 1 nearly everywhere, which is the largest slope allowed. The right picture shows where the
# exact plan sends some of the points. The plan was found without the network, but it crosses the network's level lines
# at right angles: mass moves straight up the slope, and ``f`` increases by the distance moved.
COLORS = {"lower": "#0072b2", "upper": "#d55e00"}  # colour-blind readers can distinguish them
MARKERS = {"lower": "o", "upper": "^"}
POTENTIAL_COLORS = LinearSegmentedColormap.from_list("potential", ["#5aa5d6", "#f7f7f5", "#ef9a5b"])

rise = estimator.potential(upper[targets]) - estimator.potential(lower[origins])
print(f"mean rise of the potential per distance, along the plan  {np.mean(rise) / exact:.4f}")


def draw_potential(axes, border=0.3, step=0.02, every=0.2):
    """Draw the level lines of the potential."""
    low, high = X.min(axis=0) - border, X.max(axis=0) + border
    grid = np.stack(np.meshgrid(*(np.arange(a, b, step) for a, b in zip(low, high, strict=True))), axis=-1)
    values = estimator.potential(grid.reshape(-1, 2)).reshape(grid.shape[:2])
    top = every * np.ceil(np.abs(values).max() / every)
    levels = np.arange(-top, top + every / 2, every)
    axes.contourf(*np.moveaxis(grid, -1, 0), values, levels=levels, cmap=POTENTIAL_COLORS)
    lines = axes.contour(
        *np.moveaxis(grid, -1, 0), values, levels=levels, colors="#444444", linewidths=0.7, linestyles="solid"
    )
    axes.set(xlim=(low[0], high[0] - step), ylim=(low[1], high[1] - step), aspect="equal", xlabel="$x_1$")
    axes.spines[["top", "right"]].set_visible(False)
    return lines


figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), sharey=True, layout="constrained", num="Two moons")
labelled = draw_potential(left)
left.clabel(
    labelled, labelled.levels[::2], fontsize=8, fmt=lambda level: f"{round(level, 1) + 0.0:.1f}".replace("-", "−")
)
for name, color in COLORS.items():
    points = X[y == name][:500]
    left.scatter(*points.T, s=8, color=color, marker=MARKERS[name], alpha=0.5, linewidths=0)
left.set(title="The potential: level lines in steps of 0.2", ylabel="$x_2$")

draw_potential(right)
some = np.argsort(lower[origins][:, 0])[:: max(1, len(origins) // 40)]
starts, ends = lower[origins[some]], upper[targets[some]]
right.add_collection(LineCollection(np.stack([starts, ends], axis=1), colors="black", linewidths=0.9, alpha=0.8))
for name, points in (("lower", starts), ("upper", ends)):
    right.scatter(
        *points.T, s=24, color=COLORS[name], marker=MARKERS[name], edgecolors="white", linewidths=0.5, zorder=3
    )
right.set_title("The exact plan crosses them at right angles")

figure.suptitle(f"Proven distance {estimator.distance_:.4f}, exact distance {exact:.4f}")
figure.legend(
    handles=[
        *(
            Line2D([], [], color=color, marker=MARKERS[name], linestyle="none", label=f"{name} moon")
            for name, color in COLORS.items()
        ),
        Line2D([], [], color="#444444", linewidth=0.7, label="level line of the potential"),
        Line2D([], [], color="black", linewidth=0.9, label="pair of the exact plan"),
    ],
    loc="outside lower center",
    ncols=4,
    frameon=False,
)

if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
