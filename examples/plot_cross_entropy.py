r"""
====================================================
Cross-entropy to the last digit, and its derivatives
====================================================

Two small functions from a lecture notebook compute the cross-entropy of one prediction. Their results agree in ten
digits. This example explains why they do not agree in sixteen. Then it computes the same number from scores, as
:class:`sklip.LipschitzMLP` does, where nothing has to be clipped. Finally it compares the derivatives that train a
constrained layer with finite differences.

Everything is in double precision and runs in seconds.
"""

# %%
# Two cross-entropies
# -------------------
# ``cross_entropy`` clips *both* arguments to [eps, 1 − eps], because the logarithm of 0 is infinite. ``cross_entropy2``
# divides each argument by its sum, so it also accepts counts, and it leaves out the classes whose second argument is 0.
# It computes the logarithm of its *second* argument, so the truth is the first argument.
import argparse
import sys

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from sklearn.metrics import log_loss

from sklip import manifold
from sklip.layers import FrobeniusDense, SpectralDense, activation_layer
from sklip.loss_formulas import cross_entropy_cost
from sklip.losses import TauCategoricalCrossentropy

parser = argparse.ArgumentParser(description="Cross-entropy to the last digit, and its derivatives.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)


def cross_entropy(y_true, y_pred, eps=1e-12):
    """Clip truth and prediction to [eps, 1 − eps], then sum −y_true · log(y_pred)."""
    y_true, y_pred = np.clip(y_true, eps, 1.0 - eps), np.clip(y_pred, eps, 1.0 - eps)
    return -(y_true * np.log(y_pred)).sum()


def cross_entropy2(x, y):
    """Scale both to a sum of 1, then sum −x · log(y) where y is not 0."""
    x, y = np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)
    if np.any(x < 0) or np.any(y < 0):
        raise ValueError("Negative values exist.")
    x, y = x / np.sum(x), y / np.sum(y)
    return -np.sum(x[y > 0] * np.log(y[y > 0]))


TRUTH = [1, 0, 0, 0]
CALLS = [  # the notebook's calls, and what it printed
    (cross_entropy, [0.9, 0, 0, 0.1], 0.10536051571528555),
    (cross_entropy, [0.9, 0.05, 0.05, 0], 0.1053605156913434),
    (cross_entropy, [0.8, 0.1, 0.1, 0], 0.22314355134622274),
    (cross_entropy, [0.1, 0.8, 0.1, 0], 2.3025850930218996),
    (cross_entropy, [0.3, 0.3, 0.3, 0.1], 1.2039728043294426),
    (cross_entropy2, [0.9, 0, 0, 0.1], 0.10536051565782628),
]
print(f"{'function':16}{'prediction':24}{'notebook':23}here")
for function, prediction, printed in CALLS:
    print(f"{function.__name__:16}{prediction!s:24}{printed!r:23}{float(function(TRUTH, prediction))!r}")

# %%
# Where the digits come from
# --------------------------
# The true class is 0, and the first two predictions give it 0.9. The exact cross-entropy, −log 0.9, depends on nothing
# else, but the two results differ by 2.4e-11. The reason is the clip of ``y_true``: it turns (1, 0, 0, 0) into (1 −
# 1e-12, 1e-12, 1e-12, 1e-12), so each *wrong* class adds −1e-12 · log of its prediction. A prediction of 0, clipped to
# 1e-12, adds 1e-12 · 27.6. A prediction of 0.05 adds 1e-12 · 3.0, and one of 0.1 adds 1e-12 · 2.3. The first prediction
# has two zeros among the wrong classes, the second has one. The term of the true class becomes smaller by the factor 1
# − 1e-12.
EXACT = float(-np.log(0.9))
print(f"\nexact, −log 0.9: {EXACT!r}")
for _, prediction, _ in CALLS[:2]:
    terms = -np.clip(TRUTH, 1e-12, 1 - 1e-12) * np.log(np.clip(prediction, 1e-12, 1 - 1e-12))
    terms[0] -= EXACT  # what the factor 1 − 1e-12 takes away
    print(f"{prediction}: beyond the exact value, by class")
    print(f"    {'  '.join(f'{term:+.3e}' for term in terms)}  sum {terms.sum():+.4e}")
difference = cross_entropy(TRUTH, CALLS[0][1]) - cross_entropy(TRUTH, CALLS[1][1])
predicted = 1e-12 * (-np.log(1e-12) - np.log(0.1) + 2 * np.log(0.05))
print(f"difference of the two results {difference:.4e}, by the terms above {predicted:.4e}")

# %%
# So it is a mistake to clip the truth, but a harmless one: it is enough to clip the prediction. It is less harmless to
# leave classes out, as ``cross_entropy2`` does. If the true class has the probability 0, it is left out, too: its term
# should be infinite, but it counts 0. So the worst possible prediction has the best result. If the arguments are
# swapped, every prediction has.
worst = abs(float(cross_entropy2(TRUTH, [0, 0.5, 0.5, 0])))
print(f"\ncross_entropy2 of a true class predicted as 0: {worst}; cross_entropy of it: ", end="")
print(f"{cross_entropy(TRUTH, [0, 0.5, 0.5, 0]):.4f} = −log 1e-12, the most it can give")
print(f"cross_entropy2 with swapped arguments:         {abs(float(cross_entropy2(CALLS[0][1], TRUTH)))}")
print(f"cross_entropy2 of the counts [9, 0, 0, 1]:     {float(cross_entropy2(TRUTH, [9, 0, 0, 1]))!r}")

# %%
# The same number from scores
# ---------------------------
# scikit-learn's ``log_loss`` uses probabilities. Sklip computes log(1 + Σ exp(t (f_j − f_y))) directly from scores f,
# with a sum over the wrong classes j. No probability is computed, so none can be 0, and nothing is clipped. If the
# scores are the logarithms of the probabilities and the temperature t is 1, the result is the same number; −1e4
# replaces the logarithm of 0. With t = 40 and scores that are 40 times smaller, the cross-entropy is the same. Fifteen
# of the sixteen printed digits agree, because the scores are rounded.
one_hot = np.array([TRUTH], dtype=np.float64)
print(f"\n{'prediction':24}{'−log p':22}{'log_loss':22}{'from scores':22}t = 40")
for prediction in (CALLS[0][1], *(call[1] for call in CALLS[2:5])):
    scores = np.log(np.array([prediction]), where=np.array([prediction]) != 0, out=np.full((1, 4), -1e4))
    values = [
        -np.log(prediction[0]),
        log_loss([0], [prediction], labels=range(4)),
        cross_entropy_cost(np, one_hot, scores, 1.0).item(),
        cross_entropy_cost(np, one_hot, scores / 40, 40.0).item(),
    ]
    print(f"{prediction!s:24}" + "".join(f"{float(value)!r:22}" for value in values))
for gap in (50.0, 1000.0):
    cost = cross_entropy_cost(np, one_hot, np.array([[0.0, gap, 0.0, 0.0]]), 1.0).item()
    print(f"wrong by a score of {gap:6}: {cost} from scores; from clipped probabilities at most 27.63")

# %%
# Backpropagation by hand
# -----------------------
# The derivative of a composite function is a product of small derivatives, taken from the output
# backwards. For f = (x + y) · z:
x, y, z = -2.0, 5.0, -4.0
q = x + y  # forward
f = q * z
df_dz, df_dq = q, z  # backward, through the product ...
df_dx = df_dy = df_dq * 1.0  # ... and through the sum
print(f"\nq = {q}, f = {f}; [dfdx, dfdy, dfdz] = [{df_dx}, {df_dy}, {df_dz}]")
step = 1e-6
for name, change in zip("xyz", np.eye(3) * step, strict=True):
    above, below = (((x + d) + (y + e)) * (z + g) for d, e, g in (change, -change))
    print(f"    by central differences df/d{name} = {(above - below) / (2 * step):.6f}")

# %%
# Derivatives on a manifold
# -------------------------
# The kernel W of a :class:`sklip.layers.SpectralDense` has orthonormal columns, and that of a
# :class:`sklip.layers.FrobeniusDense` has columns of norm 1. After each step, a constraint brings the kernel back to
# this set, so only the part of the gradient that is *tangent* to the set counts. The layers return this part. To check
# it, we move W along tangent directions D, within the set: on the curve polar(W + t D), where polar gives the nearest
# orthonormal kernel, or with columns that are divided by their norms. The central difference of the loss on this curve
# has to be ⟨gradient, D⟩.
rng = np.random.default_rng(0)
rows, classes = rng.normal(size=(64, 12)), np.eye(3)[rng.integers(3, size=64)]
loss = TauCategoricalCrossentropy(tau=4.0, margin_offset=0.1)


def polar(kernel):
    """Return the nearest kernel with orthonormal columns (rows, when wider than tall)."""
    left, _, right = np.linalg.svd(kernel, full_matrices=False)
    return left @ right


def unit_columns(kernel):
    """Return the kernel, each column divided by its norm."""
    return kernel / np.linalg.norm(kernel, axis=0)


def tangent_to_spheres(kernel, change):
    """Drop, in each column of a change, the part along the column of the kernel."""
    return change - kernel * np.sum(kernel * change, axis=0)


def tangent_to_stiefel(kernel, change):
    """Drop what would make the columns of the kernel other than orthonormal."""
    return keras.ops.convert_to_numpy(manifold.tangent_projection(kernel, change))


hidden = [SpectralDense(units, activation="groupsort2", dtype="float64") for units in (8, 10)]
network = keras.Sequential([*hidden, FrobeniusDense(3, dtype="float64")])
network(rows)
for layer, onto in zip(network.layers, (polar, polar, unit_columns), strict=True):
    layer.kernel.assign(onto(rng.normal(size=layer.kernel.shape)))  # exact in double precision


def loss_at(layer, kernel):
    """Return the loss with another kernel in one layer."""
    before = layer.kernel.numpy()
    layer.kernel.assign(kernel)
    value = float(loss(classes, network(rows)))
    layer.kernel.assign(before)
    return value


def gradients(network):
    """Return the gradients of the loss by the kernels."""
    kernels = [layer.kernel.value for layer in network.layers if hasattr(layer, "kernel")]
    with tf.GradientTape() as tape:
        value = loss(classes, network(rows))
    return [gradient.numpy() for gradient in tape.gradient(value, kernels)]


# Keras' own layers with the same weights, for the gradient as it is before the projection.
sorting = [activation_layer("groupsort2", dtype="float64") for _ in hidden]
dense = [keras.layers.Dense(layer.units, dtype="float64") for layer in network.layers]
unconstrained = keras.Sequential([dense[0], sorting[0], dense[1], sorting[1], dense[2]])
unconstrained(rows)
unconstrained.set_weights(network.get_weights())

checks, step = {}, 1e-5
for layer, onto, tangent, gradient, plain in zip(
    network.layers,
    (polar, polar, unit_columns),
    (tangent_to_stiefel, tangent_to_stiefel, tangent_to_spheres),
    gradients(network),
    gradients(unconstrained),
    strict=True,
):
    kernel, derivatives = layer.kernel.numpy(), []
    for _ in range(20):
        direction = tangent(kernel, rng.normal(size=kernel.shape))
        direction /= np.linalg.norm(direction)
        above, below = (loss_at(layer, onto(kernel + t * direction)) for t in (step, -step))
        derivatives.append(((above - below) / (2 * step), np.sum(gradient * direction)))
    name = f"{type(layer).__name__} {kernel.shape[0]} × {kernel.shape[1]}"
    checks[name] = np.array(derivatives) / np.linalg.norm(gradient)
    off = np.abs(np.subtract(*checks[name].T)).max()
    lost = np.linalg.norm(tangent(kernel, plain) - gradient) / np.linalg.norm(gradient)
    print(
        f"\n{name}: norm of the gradient {np.linalg.norm(gradient):.4f}, of a plain layer's {np.linalg.norm(plain):.4f}"
    )
    print(f"    largest relative deviation along 20 directions    {off:.2e}")
    print(f"    from the projection of the plain layer's gradient {lost:.2e}")

# %%
# The deviations are relative to the norm of the gradient, which is the largest derivative along any direction of length
# 1. They are rounding errors of the central differences. The gradient of a plain layer is longer, because it also has a
# part that is normal to the manifold.
#
# The left picture shows the cross-entropy against the lead of the true class, the difference of its score and the other
# one. The temperature determines how sharply the cost bends, and ``margin_offset`` shifts it. If the probability were
# clipped, the cost would stop growing, with the derivative 0, exactly where the prediction is worst. The right picture
# shows the derivatives that were compared, divided by the norm of the gradient.
figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.3), layout="constrained")
lead = np.linspace(-4, 2, 400)
scores, two_classes = np.column_stack([lead, np.zeros_like(lead)]), np.tile([1.0, 0.0], (len(lead), 1))
for temperature, offset, style, color in (
    (10, 0.0, "solid", "#0072b2"),
    (2, 0.0, "solid", "#009e73"),
    (10, 0.5, "dashed", "#0072b2"),
):
    cost = cross_entropy_cost(np, two_classes, scores, float(temperature), offset)[:, 0] / temperature
    label = f"temperature {temperature}" + (f", margin_offset {offset}" if offset else "")
    left.plot(lead, cost, color=color, linestyle=style, linewidth=2, label=label)
clipped = np.minimum(cross_entropy_cost(np, two_classes, scores, 10.0)[:, 0], -np.log(1e-12)) / 10
left.plot(lead, clipped, color="#d55e00", linestyle="dotted", linewidth=2.5, label="temperature 10, clipped")
left.set(xlabel="lead of the true class's score", ylabel="cross-entropy / temperature", xlim=(-4, 2), ylim=(-0.1, 4.3))
left.set_title("Cross-entropy from scores", fontsize=11)
left.legend(frameon=False)

for (name, derivatives), color, marker in zip(
    checks.items(), ("#0072b2", "#009e73", "#d55e00"), ("o", "s", "^"), strict=True
):
    right.plot(*derivatives.T, marker, color=color, markersize=6, markerfacecolor="none", label=name)
limit = 1.1 * max(np.abs(derivatives).max() for derivatives in checks.values())
right.axline((0, 0), slope=1, color="#555555", linewidth=0.8, zorder=0)
right.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
right.set(xlabel="central difference on the manifold / norm", ylabel="⟨gradient of the layer, direction⟩ / norm")
right.set_title("Derivatives along tangent directions", fontsize=11)
right.legend(frameon=False)
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)

if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"\nPicture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
