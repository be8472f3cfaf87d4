r"""
============================================================
Rare and adaptive: what class weights do to certified recall
============================================================

Of a thousand payments, fifteen are frauds. A model that calls all of them legitimate is right in 98.5 % of the cases,
so neither accuracy nor certified accuracy says much. More important are **recall**, the share of the frauds that are
detected, and **precision**, the share of the alarms that are frauds.

Frauds also change, because fraudsters try which payments pass. The **certified recall** at a radius is the share of
frauds that are detected *even if* each of them is changed by up to this radius, in the best direction for the
fraudster. This example shows how class weights and margins change the certified recall, and how much money that saves.
"""

# %%
# Payments
# --------
# Five numbers describe a payment, as logarithms to base 2: one unit is a factor of two. Copied cards are used soon
# after the last payment and far from it. Accounts that were taken over pay large amounts, are young, and are used with
# many devices. The payments are artificial, so we can draw as many new ones for the evaluation as we like. On the
# command line, ``--rows`` and ``--epochs`` make the run shorter, and ``--output`` names the file for the picture.
import argparse
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklip
from sklip import LipschitzMLP
from sklip.metrics import certified_accuracy_curve
from sklip.plotting import CertifiedAccuracyDisplay

parser = argparse.ArgumentParser(description="Certified recall of a rare class, by class weight.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
parser.add_argument("--epochs", type=int, default=15, help="passes over the data (default: %(default)s)")
parser.add_argument("--rows", type=int, default=15000, help="payments to train on (default: %(default)s)")
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)

COLUMNS = ["amount", "minutes since last", "distance from last", "age of account", "devices"]
SPREADS = np.array([1.5, 2.0, 2.0, 1.3, 1.0])
KINDS = {  # share of the payments, and means of the columns
    "legitimate": (0.985, [5.0, 8.0, 3.0, 9.0, 0.5]),
    "card copied": (0.0075, [5.0, 3.5, 7.5, 9.0, 0.5]),
    "account taken over": (0.0075, [8.0, 8.0, 3.0, 7.5, 3.5]),
}


def payments(count, seed):
    """Draw payments; return them, and whether each is a fraud."""
    rng = np.random.default_rng(seed)
    shares, means = zip(*KINDS.values(), strict=True)
    kind = rng.choice(len(KINDS), size=count, p=shares)
    return pd.DataFrame(rng.normal(np.array(means)[kind], SPREADS), columns=COLUMNS), (kind > 0).astype(int)


X, y = payments(arguments.rows, seed=0)
X_test, y_test = payments(50_000, seed=1)
fraud = y_test == 1
print(
    f"{len(X)} payments to train on, {y.sum()} of them frauds; {len(X_test)} to judge by, {fraud.sum()} of them frauds"
)

# %%
# Weights, with and without a margin
# ----------------------------------
# A false alarm costs a phone call, and a missed fraud costs 25 times as much. There are three settings of the weights:
# none, these costs, and ``"balanced"``, which is about 61 to 1 here. The last two are also trained with a margin: a
# ``margin_offset`` and a low ``temperature`` keep the boundary at a distance from the rows. All settings were fixed in
# advance, and nothing is chosen with the rows of the evaluation.
COST = 25.0
by_cost = {0: 1.0, 1: COST}
margin = {"temperature": 4.0, "margin_offset": 1.0}
settings = {
    "no weights": {},
    "by cost": {"class_weight": by_cost},
    "balanced": {"class_weight": "balanced"},
    "by cost, margin": {"class_weight": by_cost, **margin},
    "balanced, margin": {"class_weight": "balanced", **margin},
}
models = {
    name: make_pipeline(
        StandardScaler(),
        LipschitzMLP(
            hidden_layer_sizes=(32, 16), batch_size=128, epochs=arguments.epochs, random_state=0, **parameters
        ),
    ).fit(X, y)
    for name, parameters in settings.items()
}

# %%
# The certificate, in factors
# ---------------------------
# ``norm=inf`` measures the largest change of any column. With these logarithms a radius of 1 says: amount, time,
# distance, age and devices may all change by a factor of two at once, and the payment still causes an alarm.
predicted = {name: model.predict(X_test) for name, model in models.items()}
radius = {name: sklip.certified_radius(model, X_test, norm=np.inf) for name, model in models.items()}

# %%
# Certified recall is the certified accuracy of the frauds. It proves more: if frauds change and legitimate payments do
# not, the false alarms stay the same, so
#
# .. math::
#
#     \text{precision}(\epsilon) \ge \frac{\text{frauds certified at } \epsilon}
#                                           {\text{frauds certified at } \epsilon + \text{false alarms}},
#     \qquad
#     \text{cost}(\epsilon) \le 25 \cdot \text{frauds not certified at } \epsilon + \text{false alarms} .


def curves(name, factors):
    """Certified recall, the precision that goes with it, and the cost of 1,000 payments at most, by factor."""
    _, recall = certified_accuracy_curve(
        y_test[fraud], predicted[name][fraud], radius[name][fraud], epsilons=np.log2(factors)
    )
    alarms = np.sum(~fraud & (predicted[name] == 1))
    caught = recall * fraud.sum()
    precision = caught / np.maximum(caught + alarms, 1)
    return recall, precision, 1000 * (COST * (fraud.sum() - caught) + alarms) / len(fraud)


FACTORS = np.array([1.0, 1.25, 1.5, 2.0])
for place, (title, form) in enumerate(
    (("certified recall", "9.3f"), ("precision, at least", "9.3f"), ("cost of 1,000 payments, at most", "9.1f"))
):
    print(f"\n{title:33}" + "".join(f"{f'× {factor:g}':>9}" for factor in FACTORS))
    for name in models:
        print(f"  {name:31}" + "".join(f"{value:{form}}" for value in curves(name, FACTORS)[place]))
print(f"accuracy without any alarm {np.mean(~fraud):.4f}, cost {1000 * COST * fraud.mean():.1f}")

# %%
# How good could a model be?
# --------------------------
# The generator is known, so we can compute the rule with the smallest expected cost: an alarm if the probability of a
# fraud is above 1 / 26. It is the best rule for frauds that do not change. For frauds that change, it guarantees
# nothing.
density = {kind: share * norm.pdf(X_test, mean, SPREADS).prod(axis=1) for kind, (share, mean) in KINDS.items()}
alarm = COST * (density["card copied"] + density["account taken over"]) > density["legitimate"]
cost = 1000 * (COST * np.sum(fraud & ~alarm) + np.sum(alarm & ~fraud)) / len(fraud)
print(
    f"\nwho knows the generator: recall {alarm[fraud].mean():.3f}, precision {fraud[alarm].mean():.3f}, cost {cost:.1f}"
)

# %%
# What the curves say
# -------------------
# - **Weights increase recall and decrease precision**, certified or not. Without weights the network decides for the
#   majority if it is uncertain. It detects only the obvious frauds, and about half of them are no longer proven if
#   every column may change by a quarter.
# - **Margins keep the recall for larger changes.** The solid curves fall later than the dashed curves with the same
#   weights. They do not begin at the same point, because a margin also moves the boundary. So search weights and
#   margins together.
# - **The best setting depends on how far frauds change.** If they do not change, all weighted networks cost nearly the
#   same, and not much more than the best possible rule. At a factor of 1.5 their costs differ widely.
#
# The curves show what is proven. Where a curve is 0, frauds *may* pass, but it is not known how. With some 730 frauds,
# the standard error of a recall is below 0.02.
figure, panels = plt.subplots(1, 3, figsize=(13, 4.6), layout="constrained")
grid = np.geomspace(1, 3, 400)
COLORS = ("#555555", "#0072b2", "#d55e00", "#0072b2", "#d55e00")  # colour-blind readers can distinguish them
STYLES = ("dotted", "dashed", "dashed", "solid", "solid")
for name, color, style in zip(models, COLORS, STYLES, strict=True):
    line = {"color": color, "linestyle": style, "linewidth": 2}
    CertifiedAccuracyDisplay.from_predictions(
        y_test[fraud], predicted[name][fraud], radius[name][fraud], name=name, ax=panels[0], curve_kwargs=line
    )
    _, precision, cost_at_most = curves(name, grid)
    panels[1].plot(np.log2(grid), precision, **line)
    panels[2].plot(np.log2(grid), cost_at_most, **line)
panels[2].axhline(1000 * COST * fraud.mean(), color="#999999", linewidth=0.8)
panels[2].annotate("no alarms at all", (0.03, 1000 * COST * fraud.mean()), (0, 3), textcoords="offset points")
panels[2].plot(0, cost, "k*", markersize=11, clip_on=False)
panels[2].annotate("who knows the generator", (0, cost), (9, -4), textcoords="offset points")
titles = ("Certified recall of frauds", "Precision of alarms, at least", "Cost of 1,000 payments, at most")
ticks = [1.0, 1.25, 1.5, 2.0, 2.5, 3.0]
for axes, title in zip(panels, titles, strict=True):
    axes.set(xlim=(0, np.log2(3)), ylim=(0, None), ylabel=None, xlabel="frauds move every column by a factor of up to")
    axes.set_xticks(np.log2(ticks), [f"{tick:g}" for tick in ticks])
    axes.set_title(title, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)

if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
