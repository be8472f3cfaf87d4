r"""
=========================================
Cross-entropy where the sigmoid saturates
=========================================

The cross-entropy of a positive row whose logit is ``a`` is :math:`\log(1 + e^{-a})`. It becomes small, but never 0. So
rows that are classified well still have different losses, and rows that are classified badly have a gradient. Both are
lost if a probability is computed first, in the 24 bits of float32: near 1 the sigmoid has steps of about 1e-7, and for
logits above 16.6 it *is* 1.

We compare five ways to compute the cross-entropy: exact, from clipped probabilities, from a logit that is recovered
from the probability, from the logit, and :class:`sklip.losses.TauBinaryCrossentropy`, which uses scores and never
computes a probability.
"""

# %%
# Five ways to one number
# -----------------------
# Every function takes a column of float32 logits of positive rows, and returns the cross-entropy of each row; ``exact``
# computes in float64. The loss of sklip is the mean of its ``cost``.
import argparse
import sys

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import ops

from sklip.losses import TauBinaryCrossentropy

parser = argparse.ArgumentParser(description="Cross-entropy from probabilities and from logits.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
parser.add_argument("--points", type=int, default=801, help="logits on each curve (default: %(default)s)")
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)


def exact(logits):
    """Return the cross-entropy in float64."""
    return np.logaddexp(0.0, -np.asarray(logits, dtype=np.float64))[:, 0]  # log1p(exp(−a)) without overflow


def probabilities(logits):
    """Return the sigmoid, in a form from which Keras cannot get the logit."""
    return ops.reshape(ops.sigmoid(logits), (-1, 1))


def clipped(logits):
    """Return Keras' loss of probabilities, which it clips to [1e-7, 1 − 1e-7]."""
    return keras.losses.binary_crossentropy(ops.ones_like(logits), probabilities(logits))


def recovered(logits):
    """Return the loss of the logit computed back from the probability, without a clip."""
    p = probabilities(logits)
    return keras.losses.binary_crossentropy(ops.ones_like(logits), ops.log(p / (1 - p)), from_logits=True)


def from_logits(logits):
    """Return Keras' loss of logits."""
    return keras.losses.binary_crossentropy(ops.ones_like(logits), logits, from_logits=True)


def from_scores(logits):
    """Return sklip's loss of scores, at temperature 1: the score is the logit."""
    return TauBinaryCrossentropy(tau=1.0).cost(ops.ones_like(logits), logits)[:, 0]


WAYS = {"clipped": clipped, "recovered": recovered, "from logits": from_logits, "sklip": from_scores}


def column(logits):
    """Return logits as a column of float32."""
    return np.reshape(logits, (-1, 1)).astype(np.float32)


def evaluate(way, logits):
    """Return the values of one way, as float64."""
    return np.asarray(WAYS[way](column(logits)), dtype=np.float64)


# %%
# What happened to Keras' clip
# ----------------------------
# Early versions of Keras used only the probability and always clipped it. Today a sigmoid stores its logit on the
# tensor, and the loss uses this logit. But after a ``reshape``, a cast or the mean of an ensemble, and for
# probabilities from a file, the logit is not there, and the loss clips. The functions above have such a reshape.
far = column([18.0])
direct = float(keras.losses.binary_crossentropy(ops.ones_like(far), ops.sigmoid(far))[0])
print(f"a = 18, exact cross-entropy      {exact(far)[0]:.4e}")
print(f"Keras, right after a sigmoid     {direct:.4e}")
print(f"Keras, with a reshape in between {evaluate('clipped', far)[0]:.4e}")

# %%
# Values
# ------
# In float32 the smallest normal number is 1.2e-38, which is exp(−87.3); TensorFlow treats smaller numbers as 0. So for
# a above 87 the right result in float32 *is* 0. In float64 the limit is a = 708.
LOGITS = (10.0, 15.0, 20.0, 50.0, 87.0, 100.0, 700.0)


def print_table(title, headings, lines):
    """Print a table of numbers, with the logit in the first column."""
    print(f"\n{title}")
    print(f"{'a':>6}" + "".join(f"{heading:>14}" for heading in headings))
    for logit, *values in lines:
        print(f"{logit:6g}" + "".join(f"{value:14.4e}" for value in values))


values = {way: evaluate(way, LOGITS) for way in WAYS}
double = [float(TauBinaryCrossentropy(tau=1.0)(np.ones(1), np.array([[logit]]))) for logit in LOGITS]
print_table(
    "Cross-entropy of a positive row of logit a",
    ("exact", *WAYS, "sklip float64"),
    zip(LOGITS, exact(column(LOGITS)), *values.values(), double, strict=True),
)

# %%
# The next table has deviations in units of the last place (ulp), the distance from one float32 number to the next,
# where the results are normal numbers. The error of a correctly rounded result is at most half an ulp.
dense = np.linspace(10, 20, arguments.points)
wide = np.linspace(-87, 87, 10 * arguments.points)


def count_ulp(values, truth):
    """Return the deviations from the truth in ulp of float32, inf where there is no number."""
    off = np.abs(values - truth) / np.spacing(truth.astype(np.float32)).astype(np.float64)
    return np.where(np.isfinite(values), off, np.inf)


print(f"\n{'largest deviation, ulp':24}{'10 ≤ a ≤ 20':>14}{'-87 ≤ a ≤ 87':>16}")
curves = {way: evaluate(way, dense) for way in WAYS}
for way, curve in curves.items():
    near = count_ulp(curve, exact(column(dense))).max()
    far = count_ulp(evaluate(way, wide), exact(column(wide))).max()
    print(f"{way:24}{near:14.4g}{far:16.4g}")
first = dense[np.isnan(curves["recovered"])].min()
print(f"the recovered logit is infinite, and its loss not a number, from a = {first:.2f} on")

# %%
# At temperature 1, the loss of Keras from logits and that of sklip are equally good. But a 1-Lipschitz classifier has a
# temperature: its logit is ``tau`` times its score. If this product is rounded *before* the exponential, digits are
# lost, and more digits are lost for larger products. ``TauBinaryCrossentropy`` takes the score and takes the rounding
# error of the product into account.
TAU = 40.0
scores = column(np.linspace(10, 87, arguments.points) / TAU)
truth = exact(scores.astype(np.float64) * TAU)  # the products are exact in float64
rounded = np.asarray(from_logits(np.float32(TAU) * scores), dtype=np.float64)
carried = np.asarray(TauBinaryCrossentropy(tau=TAU).cost(np.ones_like(scores), scores), dtype=np.float64)[:, 0]
print(f"\n{'largest deviation, ulp':24}{'tau = 40, 10 ≤ tau f ≤ 87':>30}")
print(f"{'from logits 40 · f':24}{count_ulp(rounded, truth).max():30.4g}")
print(f"{'sklip, from scores f':24}{count_ulp(carried, truth).max():30.4g}")

# %%
# Gradients
# ---------
# Training uses the gradient. For a row that is classified badly, with a logit far below 0, it should be −1. The clipped
# loss is constant for a below −16.1, where the probability is below 1e-7, so its gradient is 0. The worst rows have no
# effect: they are counted in the loss, but no step improves them.


def gradient(way, logits):
    """Return the derivative of each row's cross-entropy by its logit."""
    inputs = tf.constant(column(logits))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        total = ops.sum(WAYS[way](inputs))
    return np.asarray(tape.gradient(total, inputs), dtype=np.float64)[:, 0]


WRONG = (-100.0, -50.0, -30.0, -17.0, -16.0, -10.0, 0.0, 10.0, 17.0)
true_gradient = -np.exp(-np.logaddexp(0.0, np.array(WRONG)))
print_table(
    "Derivative by the logit a",
    ("exact", *WAYS),
    zip(WRONG, true_gradient, *(gradient(way, WRONG) for way in WAYS), strict=True),
)

# %%
# The picture
# -----------
# The left picture shows the exact curve. The curves of sklip and of Keras from logits lie on it. The other two have
# stairs, the steps of float32 probabilities near 1. Then the clipped curve stays at 1.2e-7, and the recovered curve
# ends. The right picture shows the derivative for rows on the wrong side: that of the clipped loss falls to 0.
STYLES = {  # the widest first, so that curves that lie on each other are visible
    "exact": {"color": "#bbbbbb", "linewidth": 9, "label": "exact"},
    "from logits": {"color": "#56b4e9", "linewidth": 4.5, "label": "Keras, from logits"},
    "clipped": {"color": "#d55e00", "linewidth": 2.2, "label": "Keras, clipped probabilities"},
    "recovered": {"color": "black", "linewidth": 1.3, "label": "logit recovered from the probability"},
    "sklip": {"color": "#0072b2", "linewidth": 1.8, "linestyle": (0, (4, 3)), "label": "sklip, from scores"},
}
figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.8), layout="constrained")
wrong = np.linspace(-40, 5, arguments.points)
for way, style in STYLES.items():
    left.plot(dense, exact(column(dense)) if way == "exact" else curves[way], solid_capstyle="butt", **style)
    slope = -np.exp(-np.logaddexp(0.0, wrong)) if way == "exact" else gradient(way, wrong)
    right.plot(wrong, slope, solid_capstyle="butt", **style)
last = np.flatnonzero(np.isfinite(curves["recovered"]))[-1]
left.plot(dense[last], curves["recovered"][last], "x", color="black", markersize=9, markeredgewidth=2)
left.annotate(
    "p = 1: no logit",
    (dense[last], curves["recovered"][last]),
    (14.6, 1.2e-8),
    ha="right",
    arrowprops={"arrowstyle": "-", "color": "#555555", "shrinkB": 6},
)
left.annotate("clipped at 1 − 1e-7", (18.4, 1.5e-7), ha="center", color="#d55e00")
left.set(yscale="log", xlim=(10, 20), xlabel="logit a", ylabel="cross-entropy of a positive row (nats)")
left.set_title("The loss, rows on the right side", fontsize=11)
right.annotate("dead: no gradient", (-28, -0.06), ha="center", va="top", color="#d55e00")
right.set(xlim=(-40, 5), ylim=(-1.08, 0.06), xlabel="logit a", ylabel="derivative by a")
right.set_title("Its derivative, rows on the wrong side", fontsize=11)
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)
handles, labels = left.get_legend_handles_labels()
figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, handlelength=3, fontsize=9)

if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
