r"""
=======================================================
Sensors that drift: how long does a monitor stay right?
=======================================================

A classifier monitors pumps. It was trained with calibrated sensors. But sensors age: their zero and their sensitivity
change, so that years later a sensor shows

.. math::

    x_j + t \, (a_j + b_j x_j)

where a calibrated sensor would show :math:`x_j`. Nobody knows :math:`a_j` and :math:`b_j` in advance. But data sheets
bound them. With these bounds, :func:`sklip.certified_radius` computes a date for each prediction: until then it cannot
change, for every drift of the sensors. The dates of many predictions say when to calibrate.
"""

# %%
# The pumps
# ---------
# Speeds vary; flow, pressure and power follow them by the affinity laws. Wear of the bearings and the impeller causes
# vibration and heat, and changes pressure, flow and power. The data are artificial, with the magnitudes of a pump of 40
# kW. On the command line, ``--rows`` and ``--epochs`` make the run shorter, and ``--output`` names the file for the
# picture.
import argparse
import itertools
import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import binom
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklip

parser = argparse.ArgumentParser(description="How long predictions about pumps survive the drift of sensors.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
parser.add_argument("--epochs", type=int, default=60, help="passes over the data (default: %(default)s)")
parser.add_argument("--rows", type=int, default=4000, help="pumps to train on, half as many to test (default: 4000)")
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)

HEALTHY, FAILING = 0, 1


def make_pumps(rows, rng):
    """Return what calibrated sensors show, and the state of each pump."""
    state = rng.integers(2, size=rows)
    wear = np.where(state == FAILING, rng.beta(9, 2, rows), rng.beta(1.2, 12, rows))
    speed = rng.uniform(1150, 1480, rows)
    relative = speed / 1480
    vibration = (1.1 + 5.5 * wear) * relative * rng.lognormal(0, 0.15, rows)
    temperature = rng.uniform(12, 28, rows) + (24 + 20 * wear) * relative**2 + rng.normal(0, 1.0, rows)
    pressure = 6.2 * relative**2 * (1 - 0.14 * wear) + rng.normal(0, 0.08, rows)
    flow = 180 * relative * (1 - 0.07 * wear) + rng.normal(0, 2.5, rows)
    current = 18 + 52 * relative**3 * (1 + 0.09 * wear) + rng.normal(0, 0.8, rows)
    return np.column_stack([vibration, temperature, pressure, flow, current, speed]), state


rng = np.random.default_rng(0)
X, y = make_pumps(arguments.rows, rng)
X_test, y_test = make_pumps(arguments.rows // 2, rng)

# %%
# What the data sheets say
# ------------------------
# Data sheets say how far the zero and the sensitivity of each sensor may drift per year. The drift of the sensitivity
# is largest at the highest reading. The speed is set by the drive and not measured, so it does not drift: its tolerance
# is 0.
SENSORS = {  # unit, drift of the zero a year, drift of the sensitivity a year, highest reading
    "vibration": ("mm/s", 0.12, 0.008, 10.0),
    "bearing temperature": ("°C", 0.50, 0.004, 90.0),
    "discharge pressure": ("bar", 0.02, 0.003, 8.0),
    "flow": ("m³/h", 0.60, 0.004, 220.0),
    "motor current": ("A", 0.10, 0.006, 80.0),
    "speed": ("rpm", 0.0, 0.0, 1500.0),
}
units, zero, sensitivity, highest = (np.array(column) for column in zip(*SENSORS.values(), strict=True))
drift_per_year = zero + sensitivity * highest
assert (np.abs(np.vstack([X, X_test])) <= highest).all()

print(f"{'':<22}{'healthy':>9}{'failing':>9}{'drift a year':>14}")
for j, (name, unit) in enumerate(zip(SENSORS, units, strict=True)):
    means = "".join(f"{X[y == state, j].mean():9.1f}" for state in (HEALTHY, FAILING))
    print(f"{name:<22}{means}{drift_per_year[j]:14.3f}  {unit}")

# %%
# Radii that are years
# --------------------
# With ``tolerances=drift_per_year`` and ``norm=inf``, a radius of 2.5 says: the prediction of the pipeline does not
# change as long as the error of every sensor is at most 2.5 times the drift that its data sheet allows per year, in any
# combination. That is 2.5 years.
model = make_pipeline(
    StandardScaler(),
    sklip.HKRClassifier(
        hidden_layer_sizes=(64, 32),
        alpha=20,
        min_margin=1.0,
        batch_size=256,
        epochs=arguments.epochs,
        learning_rate=0.01,
        random_state=0,
    ),
).fit(X, y)
radius = sklip.certified_radius(model, X_test, norm=np.inf, tolerances=drift_per_year)
predicted = model.predict(X_test)
print(f"\ntest pumps                       {len(X_test)}")
print(f"accuracy with fresh sensors      {np.mean(predicted == y_test):.4f}")
print(f"median radius in years           {np.median(radius):.2f}")

# %%
# Eight years of drift
# --------------------
# Five sensors drift as far as they may, each of them up or down. These are 32 ways. For each month we compare the
# prediction of the pipeline with its prediction for the calibrated sensors. We also measure the drift in years: the
# largest error of a sensor, divided by its drift per year. It is smaller than the number of years that have passed,
# because sensors seldom show their highest reading. No prediction may change before this drift reaches its radius.
MONTHS = np.arange(0, 96 + 1)
drifting = drift_per_year > 0
ways = [np.array([*signs, 0]) for signs in itertools.product((-1, 1), repeat=drifting.sum())]
too_early = 0
changed = np.zeros((len(ways), len(MONTHS), len(X_test)), dtype=bool)
at_change = np.full(len(X_test), np.inf)  # the smallest drift of each pump with another prediction
correct = np.zeros((len(ways), len(MONTHS)))
for way, signs in enumerate(ways):
    for month in MONTHS:
        shown = X_test + month / 12 * signs * (zero + sensitivity * X_test)
        drift = np.max(np.abs(shown - X_test)[:, drifting] / drift_per_year[drifting], axis=1)
        now = model.predict(shown)
        changed[way, month] = now != predicted
        correct[way, month] = np.mean(now == y_test)
        too_early += np.sum(changed[way, month] & (drift < radius))
        at_change = np.where(changed[way, month], np.minimum(at_change, drift), at_change)
assert too_early == 0
ever = np.logical_or.accumulate(changed.any(axis=0))  # by each month, in one way or another

print(f"predictions that were asked for  {changed.size}")
print(f"that changed                     {changed.sum()}")
print(f"that changed within the radius   {too_early}")

proven = np.array([np.mean(radius > month / 12) for month in MONTHS])
print(
    f"\n{'months':>6}{'proven':>9}{'changed: worst way':>20}{'mean way':>10}{'accuracy: worst way':>21}{'mean way':>10}"
)
for month in (0, 6, 12, 24, 36, 48, 72, 96):
    shares = changed[:, month].mean(axis=1)
    accuracies = correct[:, month]
    print(
        f"{month:6d}{proven[month]:9.4f}{shares.max():20.4f}{shares.mean():10.4f}"
        f"{accuracies.min():21.4f}{accuracies.mean():10.4f}"
    )

# %%
# When to calibrate
# -----------------
# The radius of a prediction is a proof for this prediction. The test pumps show how many predictions are no longer
# proven at a date: at the 5 % quantile of the radii, these are 5 %. For other pumps of the same kind, the quantile of a
# sample is an estimate. So the table also has an earlier date, which holds for them with a confidence of 95 %, for
# every distribution of the radii (an order statistic, whose rank is a quantile of the binomial distribution). The last
# column counts the predictions that changed until the first date, in any of the 32 ways.
ordered = np.sort(radius)
intervals = {}
print(f"\n{'predictions past their proof':<30}{'months':>8}{'at 95 % confidence':>20}{'really changed by then':>24}")
for percent in (1, 2, 5, 10, 20):
    date = ordered[percent * len(ordered) // 100]
    rank = int(binom.ppf(0.05, len(ordered), percent / 100))
    sure = ordered[rank - 1] if rank > 0 else 0.0
    intervals[percent] = date
    really = ever[int(12 * date)].mean()
    print(f"at most {percent:2d} %{'':<18}{12 * date:8.1f}{12 * sure:20.1f}{really:24.4f}")

# %%
# In the left picture, each point is a prediction that changed. No point lies below the line, and most lie only a little
# above it. The right picture compares the proofs with what happened. The accuracy stays high for longer than the proofs
# hold. But this is visible only here, where the true states are known; the proofs do not need them.
STATES = {HEALTHY: ("healthy", "#0072b2", "o"), FAILING: ("failing", "#d55e00", "^")}
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5.6), layout="constrained", num="Sensors that drift")

moved = np.isfinite(at_change)
last = np.ceil(at_change[moved].max())
left.fill_between([0, last], [0, last], color="#999999", alpha=0.3, linewidth=0)
left.plot([0, last], [0, last], color="#444444", linewidth=1)
left.text(0.68 * last, 0.3 * last, "no prediction can\nchange here", ha="center", va="center", color="#333333")
for state, (name, color, marker) in STATES.items():
    shown = moved & (predicted == state)
    options = {"s": 16, "color": color, "marker": marker, "alpha": 0.5, "linewidths": 0}
    left.scatter(radius[shown], at_change[shown], label=f"predicted {name}", **options)
left.set(xlim=(0, last), ylim=(0, last), xlabel="certified radius, in years' worth of drift")
left.set_ylabel("least drift at which the prediction differed")
left.set_title(f"Every change in {MONTHS[-1] // 12} years: {moved.sum():,} of {len(moved):,} predictions", fontsize=11)

dates, unchanged = MONTHS / 12, 1 - ever.mean(axis=1)
right.fill_between(dates, proven, unchanged, color="#0072b2", alpha=0.12, linewidth=0)
right.plot(dates, correct.mean(axis=0), color="#555555", linewidth=1, label="accuracy, mean of 32 ways")
right.plot(dates, correct.min(axis=0), color="#d55e00", linestyle="dashdot", label="accuracy, worst of 32 ways")
right.plot(dates, unchanged, color="#009e73", linestyle="dashed", label="never yet changed, in all 32 ways")
right.plot(dates, proven, color="#0072b2", linewidth=2, label="proven not to change")
for step, (percent, date) in enumerate(intervals.items()):
    height = 1 - percent / 100
    right.plot([date, date], [0, height], color="#0072b2", linewidth=0.8, linestyle="dotted")
    right.plot(date, height, "o", color="#0072b2", markersize=4)
    text = right.annotate(f"{percent} % unproven after {12 * date:.0f} months", (date, 0.62 - 0.14 * step), (4, 0))
    text.set(anncoords="offset points", fontsize=9, color="#0072b2")
    text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
right.set(xlim=(0, dates[-1]), ylim=(0, 1.03), xlabel="years since calibration", ylabel="share of the test pumps")
right.set_title("What is proven, what happened, and when to calibrate", fontsize=11)
for axes in (left, right):
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)

if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
