r"""
=============================================
Braking distance: numbers with proven limits
=============================================

A car measures its speed, the friction of the road and the wear of its brakes, each with an error. How long is its
braking distance *at most*, if all three measurements may be wrong at once?

The prediction of :class:`sklip.LipschitzRegressor` changes by at most ``lipschitz`` metres if every measurement is off
by its tolerance. So a prediction has a band in which it stays, whatever the errors are. The distance is also monotone:
it must not fall if the car is faster or the brakes are worse, and not rise with friction. ``monotonic_cst`` demands
that, and the demand is proven for the trained network.
"""

# %%
# The data
# --------
# We make the rows from physics: the reaction time of one second, then :math:`v^2 / (2 g \mu (1 - 0.3\,w))` with the
# speed :math:`v`, the friction :math:`\mu` and the wear :math:`w`, and an error of one metre.
import argparse
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from sklip import LipschitzRegressor
from sklip.certification import proven_directions

parser = argparse.ArgumentParser(description="Braking distances with proven limits.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
parser.add_argument("--epochs", type=int, default=60, help="passes over the data (default: %(default)s)")
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)


def braking_distance(rows):
    """Metres from the moment when the driver sees an obstacle."""
    return rows.speed + rows.speed**2 / (2 * 9.81 * rows.friction * (1 - 0.3 * rows.wear))


rng = np.random.default_rng(0)
X = pd.DataFrame({"speed": rng.uniform(5, 40, 2000), "friction": rng.uniform(0.3, 0.9, 2000), "wear": rng.random(2000)})
y = braking_distance(X) + rng.standard_normal(2000)
X, X_test, y, y_test = train_test_split(X, y, random_state=0)

# %%
# Training for the tolerances of the sensors
# ------------------------------------------
# The speed is right to 0.5 m/s, the friction to 0.02 and the wear to 0.05, all at once: ``norm="inf"``. We try two
# constants. A small one gives narrow bands and predictions that are too flat.
tolerances = {"speed": 0.5, "friction": 0.02, "wear": 0.05}
trained = {}
print("lipschitz   proven constant   typical error   width of a band   directions")
for lipschitz in (10.0, 20.0):
    regressor = LipschitzRegressor(
        lipschitz=lipschitz,
        norm="inf",
        tolerances=tolerances,
        monotonic_cst={"speed": 1, "friction": -1, "wear": 1},
        epochs=arguments.epochs,
        random_state=0,
    ).fit(X, y)
    error = np.sqrt(np.mean((y_test - regressor.predict(X_test)) ** 2))
    lower, upper = regressor.certified_band(X_test, radius=1.0)
    directions = proven_directions(regressor.network_).tolist()
    print(
        f"{lipschitz:9.0f} {regressor.lipschitz_bound_:17.4f} {error:13.1f} m {np.mean(upper - lower):15.1f} m   "
        f"{directions}"
    )
    trained[lipschitz] = regressor

# %%
# What an engineer does with it
# -----------------------------
# A warning must come if the car might need more than 150 m. It comes where the upper end of the band is above 150 m. No
# error of the sensors within their tolerances hides such a car from the network. And ``certified_radius`` says
# how wrong the sensors may be until a prediction crosses 150 m.
regressor = trained[20.0]
lower, upper = regressor.certified_band(X_test, radius=1.0)
radius = regressor.certified_radius(X_test, threshold=150.0)
safe = upper < 150.0
print(f"\n{np.mean(safe):.0%} of the cars need no warning; {np.mean(y_test[safe] > 150.0):.1%} of them needed one")
print(f"median number of tolerances until a prediction crosses 150 m: {np.median(radius):.1f}")

# %%
# The picture
# -----------
# Prediction, band and truth along the speed, on a dry road and on a wet one.
figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained", num="Braking distance")
for panel, (road, friction) in zip(axes, {"dry road": 0.8, "wet road": 0.4}.items(), strict=True):
    rows = pd.DataFrame({"speed": np.linspace(5, 40, 200), "friction": friction, "wear": 0.5})
    low, high = regressor.certified_band(rows, radius=1.0)
    panel.fill_between(rows.speed, low, high, color="#0072b2", alpha=0.25, linewidth=0, label="proven band")
    panel.plot(rows.speed, regressor.predict(rows), color="#0072b2", linewidth=2, label="prediction")
    panel.plot(rows.speed, braking_distance(rows), color="black", linestyle="--", linewidth=1.2, label="truth")
    panel.axhline(150.0, color="#d55e00", linewidth=1, label="150 m")
    panel.set(title=f"{road}, friction {friction}", xlabel="speed (m/s)", ylim=(0, 330), xlim=(5, 40))
    panel.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("braking distance (m)")
axes[0].legend(frameon=False, loc="upper left")

if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
