r"""
===========================================================
Measurement tolerances: all thirty measurements off at once
===========================================================

Every measurement of a table has a tolerance, such as "± 0.5 mm". Is a diagnosis still the same if *all* measurements
are off by their tolerance, in the worst way? That is a question about the largest change of a column, in tolerances:
the norm L∞. A network that is trained for this question (``norm="inf"``, ``tolerances=...``) answers it better than one
that is trained for the Euclidean length of the change, as most are.

A network for L∞ begins with a factor for each column, :math:`x_j \mapsto s_j x_j / t_j` with :math:`\|s\|_2 = 1`. If
each column changes by at most its tolerance :math:`t_j`, the values after it move by at most 1. The factors are
trained, so the network chooses which measurements it can trust.
"""

# %%
# The data, and its tolerances
# ----------------------------
# The rows are 569 biopsies with thirty measurements each. The data set has no tolerances, so we take a tenth of the
# standard deviation of each measurement. Use those of your instruments.
import argparse
import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import sklip
from sklip import HKRClassifier
from sklip.metrics import certified_accuracy_curve

parser = argparse.ArgumentParser(description="Certified classification for measurements with tolerances.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
parser.add_argument("--epochs", type=int, default=100, help="passes over the data (default: %(default)s)")
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
y = np.where(y == 1, "benign", "malignant")
X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
tolerances = 0.1 * X.std()

# %%
# Training for two questions
# --------------------------
# Both classifiers get the tolerances, so neither needs a scaler. ``norm=2`` is the default.
trained = {
    norm: HKRClassifier(
        hidden_layer_sizes=(64, 32), norm=norm, tolerances=tolerances, epochs=arguments.epochs, random_state=0
    ).fit(X, y)
    for norm in (2, "inf")
}

# %%
# What is certified
# -----------------
# Both are asked the same question: by how many tolerances may all measurements change at once? A classifier that is
# trained for it answers in it by default. The other one is asked by ``norm="inf"``.
distances = np.linspace(0.0, 8.0, 161)
curves = {}
print("trained for   accuracy   certified at 1, 3, 5 tolerances   radius / attack")
for norm, classifier in trained.items():
    radius = sklip.certified_radius(classifier, X_test, norm="inf")
    report = sklip.audit(classifier, X_test, y_test, norm="inf", random_state=0, verbose=False)
    _, curves[norm] = certified_accuracy_curve(y_test, classifier.predict(X_test), radius, epsilons=distances)
    at = ", ".join(f"{curves[norm][np.searchsorted(distances, distance)]:.2f}" for distance in (1, 3, 5))
    tightness = np.median(report.radius / report.attack)
    print(f"{norm!s:13} {classifier.score(X_test, y_test):.3f}      {at:32}  {tightness:.2f}")

# %%
# Columns that count, and a counterfactual
# ----------------------------------------
# A change of a column by its tolerance moves the network by at most the factor of this column. The closest row of
# another class, in this question, shows which changes would have to come together.
classifier = trained["inf"]
weights = classifier.feature_weights_
order = np.argsort(weights)[::-1]
print(f"\ncolumns with a weight above 0.05: {int(np.sum(weights > 0.05))} of {len(weights)}")

row = np.argsort(classifier.certified_radius(X_test))[len(X_test) // 2]
adversarial, distance = classifier.closest_adversarial(X_test.iloc[[row]])
proven = classifier.certified_radius(X_test.iloc[[row]])
print(f"a median row has another class at {distance[0]:.2f} tolerances, and none below {proven[0]:.2f}")
before, after = ((values - X.mean()) / tolerances for values in (X_test.iloc[row], adversarial[0]))

# %%
# The picture
# -----------
# Left: certified accuracy against the number of tolerances. Middle: the weights of the ten columns that count most.
# Right: these columns of the median row, and of the closest row of another class, in tolerances from the mean.
figure, (curve_axes, weight_axes, change_axes) = plt.subplots(
    1, 3, figsize=(13, 4.2), layout="constrained", width_ratios=(1.3, 1, 1), num="Measurement tolerances"
)
for norm, color in ((2, "#999999"), ("inf", "#0072b2")):
    curve_axes.plot(distances, curves[norm], color=color, linewidth=2.5, label=f"trained with norm={norm!r}")
curve_axes.set(
    xlabel="tolerances by which all measurements may be off", ylabel="certified accuracy", ylim=(0, 1.02), xlim=(0, 8)
)
curve_axes.legend(frameon=False)
shown = order[:10][::-1]
names = X.columns[shown]
weight_axes.barh(names, weights[shown], color="#0072b2")
weight_axes.set(xlabel="weight")
places = np.arange(len(shown))
change_axes.hlines(places, before.iloc[shown], after.iloc[shown], color="#cccccc", linewidth=2.5, zorder=0)
change_axes.scatter(before.iloc[shown], places, color="#0072b2", label="the row")
change_axes.scatter(after.iloc[shown], places, color="#d55e00", marker="^", label="another class")
change_axes.set(xlabel="tolerances from the mean", yticks=[], ylim=weight_axes.get_ylim())
change_axes.legend(frameon=False)
for axes in (curve_axes, weight_axes, change_axes):
    axes.spines[["top", "right"]].set_visible(False)

if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
