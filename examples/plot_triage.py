r"""
=========================================================
Triage: leave to a human what a measurement error decides
=========================================================

A model for biopsies should decide the clear ones and refer the others to a human. Which ones are unclear? Usually those
with a probability near one half. But this number has no unit, and it is hard to say which threshold is right.

A certified radius has a unit. Every measurement has a standard error. In these units, a radius of 1 says: *all
measurements may be wrong by one standard error at once, in any direction, and the diagnosis stays the same.* If a row
does not have this proof, it is referred to a pathologist. So the threshold can be chosen before any data is known, and
there is a proof for every row that is decided.

We do this for the breast-cancer data of scikit-learn. We count the referred rows and the wrong decisions, and compare
with the probabilities of an ordinary network.
"""

# %%
# Measurements and their errors
# -----------------------------
# Each row is a biopsy. Ten properties of the cell nuclei, such as their radius, were measured for many nuclei of it.
# The data contains the mean of each property and its standard error. We classify by the ten means. On the command line,
# ``--folds`` and ``--epochs`` make the run shorter, and ``--output`` names the file for the picture.
import argparse
import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import binomtest
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklip
from sklip import LipschitzMLP
from sklip.plotting import CertifiedRadiusDisplay

parser = argparse.ArgumentParser(description="Breast-cancer triage with a reject option by certified radius.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
parser.add_argument("--epochs", type=int, default=30, help="passes over the data (default: %(default)s)")
parser.add_argument("--folds", type=int, default=5, help="folds of the cross-validation (default: %(default)s)")
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)

data = load_breast_cancer(as_frame=True)
y = data.target_names[data.target]
X = data.data.filter(regex="^mean ").rename(columns=lambda name: name.removeprefix("mean "))
errors = data.data.filter(regex=" error$").rename(columns=lambda name: name.removesuffix(" error"))[X.columns]

print(f"{len(X)} biopsies, {(y == 'malignant').sum()} of them malignant")
print(f"\n{'':20}{'standard deviation':>20}{'median standard error':>24}")
for name in X.columns:
    print(f"{name:20}{X[name].std():20.4f}{errors[name].median():24.4f}")

# %%
# Radii in standard errors, out of fold
# -------------------------------------
# ``tolerances`` of :func:`sklip.certified_radius` has one number for each column, here the median standard error of the
# *training* rows. ``norm=inf`` allows errors in all columns at once, so no assumption about their correlation is
# needed. The radius is that of the pipeline, including the scaler.
#
# Every row is predicted by a model that was not trained with it. The ordinary network gets the same folds.
TOLERANCE = 1.0  # of the comparison below, in standard errors


def lipschitz_model():
    """A network that certifies."""
    return make_pipeline(
        StandardScaler(), LipschitzMLP(hidden_layer_sizes=(32, 16), epochs=arguments.epochs, random_state=0)
    )


def ordinary_model():
    """A network of the same size that does not."""
    return make_pipeline(
        StandardScaler(),
        MLPClassifier(hidden_layer_sizes=(32, 16), solver="lbfgs", alpha=1.0, max_iter=5000, random_state=0),
    )


def folds(rows):
    """Return pairs of training and test rows with the same class proportions."""
    splits = StratifiedKFold(arguments.folds, shuffle=True, random_state=0).split(rows, y[rows])
    return [(rows[training], rows[test]) for training, test in splits]


def predict_with_radius(training, test):
    """Return the predictions of a model of the training rows, its radii in standard errors, and the model."""
    model, unit = lipschitz_model().fit(X.iloc[training], y[training]), errors.iloc[training].median()
    return model.predict(X.iloc[test]), sklip.certified_radius(model, X.iloc[test], norm=np.inf, tolerances=unit), model


def is_turned(model, rows, unit):
    """Return whether an attack finds other diagnoses within the tolerance: it moves to a corner of the box of errors.

    Slopes are finite differences, so the attack works for every model that has probabilities.
    """

    def odds(points):
        """Logarithm of the odds of the second class."""
        return np.diff(np.log(np.clip(model.predict_proba(points), 1e-300, 1.0)))[:, 0]

    before = model.predict(rows)
    away = np.where(before == model.classes_[1], -1.0, 1.0)[:, None]
    turned, moved, steps = np.zeros(len(rows), dtype=bool), rows, 1e-3 * np.diag(unit)
    for share in (0.25, 0.5, 0.75, 1.0):
        slopes = np.column_stack([odds(moved + step) - odds(moved - step) for step in steps])
        moved = rows + share * TOLERANCE * away * np.sign(slopes) * unit.to_numpy()
        turned |= model.predict(moved) != before
    return turned


# %%
# A clinic may prefer to specify a rate, for example at most 1 % wrong decisions of the machine. The threshold for this
# rate must not be chosen with the rows of the evaluation. So each fold chooses its threshold by another
# cross-validation within its training rows.
WRONG_AT_MOST = 0.01


def threshold_for(radius, wrong):
    """Return the smallest threshold at which the rows with larger radii satisfy ``WRONG_AT_MOST``."""
    order = np.argsort(-radius)
    shares = np.cumsum(wrong[order]) / np.arange(1, len(order) + 1)
    decided = np.flatnonzero(shares <= WRONG_AT_MOST).max(initial=-1) + 1
    return radius[order[decided]] if decided < len(order) else 0.0


predicted, ordinary = np.empty_like(y), np.empty_like(y)
radius, surety, chosen = np.zeros(len(y)), np.zeros(len(y)), np.zeros(len(y))
turned, ordinary_turned = np.zeros(len(y), dtype=bool), np.zeros(len(y), dtype=bool)
for training, test in folds(np.arange(len(y))):
    inner_predicted, inner_radius = y.copy(), np.zeros(len(y))
    for rows, others in folds(training):
        inner_predicted[others], inner_radius[others], _ = predict_with_radius(rows, others)
    chosen[test] = threshold_for(inner_radius[training], (inner_predicted != y)[training])

    unit = errors.iloc[training].median()
    predicted[test], radius[test], model = predict_with_radius(training, test)
    turned[test] = is_turned(model, X.iloc[test], unit)

    model = ordinary_model().fit(X.iloc[training], y[training])
    ordinary[test], surety[test] = model.predict(X.iloc[test]), model.predict_proba(X.iloc[test]).max(axis=1)
    ordinary_turned[test] = is_turned(model, X.iloc[test], unit)

# %%
# What is referred, and what goes wrong
# -------------------------------------
# A row is decided if its radius is *larger* than the threshold. *Missed* are malignant rows that were decided as
# benign. The last column bounds the share of wrong decisions for new rows, with 95 % confidence, as if one model had
# decided all: if 0 of 350 decisions are wrong, the share may be up to 0.9 %. Each bound is for a single line; for the
# best of seven lines it would be slightly too small. With a few hundred rows, the specified rate is met only roughly:
# at 1 %, a few mistakes determine the threshold.
malignant, wrong = y == "malignant", predicted != y
THRESHOLDS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)


def print_row(name, decided):
    """Print the results of a rule that decides these rows and refers the others."""
    sick, well, amiss = decided & malignant, decided & ~malignant, (decided & wrong).sum()
    bound = binomtest(int(amiss), int(decided.sum()), alternative="less").proportion_ci(0.95).high
    print(
        f"{name:>9}{1 - decided.mean():10.1%}{1 - sick.sum() / malignant.sum():14.1%}{amiss:8}"
        f"{(sick & wrong).sum():8}{(~wrong[sick]).mean():13.1%}{(~wrong[well]).mean():13.1%}{bound:15.1%}"
    )


print(f"\n{'threshold':>9}{'referred':>10}{'of malignant':>14}{'wrong':>8}{'missed':>8}", end="")
print(f"{'sensitivity':>13}{'specificity':>13}{'wrong at most':>15}")
for threshold in THRESHOLDS:
    print_row(threshold, radius > threshold)
print_row("chosen", radius > chosen)
print(f"chosen on the training rows, by fold: {', '.join(f'{value:.2f}' for value in np.unique(chosen))}")

# %%
# As good an order as any, and a proof on top
# -------------------------------------------
# It is an old idea to refer the rows with the lowest probabilities, and the probabilities of an ordinary network give
# an equally good order: both curves of wrong decisions fall in the same way, up to the noise of some thirty mistakes.
# (For two classes and within one fold, the probabilities of ``LipschitzMLP`` have the same order as its radii, because
# both grow with the score.)
#
# The difference is the statement about a row that was decided. We attack both networks: are there measurements within
# one standard error with another diagnosis? There are some for rows for which the ordinary network has a probability of
# at least 99 %. There can be none for rows with a radius above 1, for any attack. (An ordinary network that is trained
# for a shorter time resists this attack as well. But nobody knows whether it resists the next one.)
sure = surety >= 0.99
certified = radius > TOLERANCE
print(f"\n{'ordinary network, at least 99 % sure':40}{sure.sum():5} rows, {ordinary_turned[sure].sum()} turned")
print(f"{'certified at one standard error':40}{certified.sum():5} rows, {turned[certified].sum()} turned")


def among_decided(what, order):
    """Return the share of referred rows, and how often something is true of the others; the surest come first."""
    count = np.arange(1, len(order) + 1)
    return 1 - count / len(order), np.cumsum(what[np.argsort(-order, kind="stable")]) / count


figure, panels = plt.subplot_mosaic("aa;bc", figsize=(10.5, 7.6), height_ratios=(1, 1.25), layout="constrained")
CertifiedRadiusDisplay.from_predictions(y, predicted, radius, unit="standard errors", ax=panels["a"], bins=40)
for threshold in THRESHOLDS[2:]:
    panels["a"].axvline(threshold, color="#777777", linewidth=0.8, linestyle="dotted")
panels["a"].set_ylabel(None)
panels["a"].set_xlabel("certified radius: all ten measurements may be off by so many standard errors at once")

BLUE, ORANGE = "#0072b2", "#d55e00"  # colour-blind readers can distinguish them
for key, of_lipschitz, of_ordinary in (("b", wrong, ordinary != y), ("c", turned, ordinary_turned)):
    axes = panels[key]
    axes.plot(*among_decided(of_ordinary, surety), color=ORANGE, linestyle="dashed", label="ordinary, by probability")
    axes.plot(*among_decided(of_lipschitz, radius), color=BLUE, linewidth=2, label="Lipschitz, by radius")
    for threshold in THRESHOLDS[1:]:
        decided = radius > threshold
        place = 1 - decided.mean(), of_lipschitz[decided].mean()
        axes.plot(*place, "o", color=BLUE, markersize=5)
        axes.annotate(f"{threshold:g}", place, (3, 5), textcoords="offset points", fontsize=9, color=BLUE)
    axes.set(xlim=(0, 0.7), xlabel="share of rows referred")
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.yaxis.set_major_formatter("{x:.0%}")
place, open_to_attack = among_decided(~certified, radius)
panels["c"].fill_between(
    place,
    among_decided(turned, radius)[1],
    open_to_attack,
    color=BLUE,
    alpha=0.15,
    linewidth=0,
    label="Lipschitz: not found, not excluded",
)
panels["b"].set(ylabel="of the decided", ylim=(-0.002, None))
panels["b"].set_title("Decided wrongly", fontsize=11)
panels["c"].set(ylabel="of the decided", ylim=(-0.01, None))
panels["c"].set_title("Turned by an attack within one standard error", fontsize=11)
for axes in panels.values():
    axes.spines[["top", "right"]].set_visible(False)
for key in "bc":
    panels[key].legend(frameon=False)

# %%
# What this does not say
# ----------------------
# - **A mistake with a large radius is still a mistake.** The proof says that the diagnosis does not depend on the
#   measurement error. It does not say that it is right: a malignant biopsy whose nuclei look benign has a large radius
#   and is missed. These are the hatched areas on the right in the upper panel.
# - **The errors are the standard errors of the means**, which come from the number of nuclei. A wrong stain or a wrong
#   label is not a standard error. And each row is compared with the median error of the training rows. If a biopsy was
#   measured less precisely, pass its own errors as ``tolerances=``.
# - **The shares are statistics** of these 569 biopsies from one hospital. Only the radii are proofs.
if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
