"""
================================================
A search for accuracy that can also be certified
================================================

How wide should the layers be? Which loss, which optimizer, how much dropout? Scikit-learn's searches and `Optuna
<https://optuna.org>`_ try settings of :class:`sklip.LipschitzMLP` for handwritten digits. They do not search for
accuracy. The score of a setting is its *certified* accuracy, the share of pictures that are classified correctly and
stay correct for all changes within a given distance. The accuracy is stored as well, because a setting with a higher
certified accuracy often has a lower accuracy.
"""

# %%
# The data
# --------
# Keras downloads MNIST. If there is no network, let the environment variable ``SKLIP_MNIST`` name an ``mnist.npz``. The
# searches use only a part of the training pictures, to save time. ``--rows``, ``--trials`` and ``--epochs`` set their
# size.
import argparse
import os
import sys
import time
from collections import namedtuple
from math import prod

import keras
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import loguniform, uniform
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    PredefinedSplit,
    RandomizedSearchCV,
    train_test_split,
)

from sklip import LipschitzMLP
from sklip.metrics import certified_accuracy, certified_accuracy_score
from sklip.plotting import CertifiedAccuracyDisplay

SEARCHES = ("grid", "random", "halving", "optuna")
parser = argparse.ArgumentParser(description="Hyper-parameter searches for certified accuracy on MNIST.")
parser.add_argument("--output", metavar="FILE", help="PNG to write instead of showing the picture")
parser.add_argument("--rows", type=int, default=3000, help="training pictures (default: %(default)s)")
parser.add_argument("--trials", type=int, default=12, help="settings each search may try (default: %(default)s)")
parser.add_argument("--epochs", type=int, default=6, help="passes over the data (default: %(default)s)")
parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=SEARCHES, help="which (default: all)")
parser.add_argument("--journal", metavar="FILE", help="where Optuna keeps its trials; an old one is continued")
parser.add_argument("--prune", action="store_true", help="let Optuna stop poor trials early")
arguments = parser.parse_args([] if "ipykernel" in sys.modules else None)

if "SKLIP_MNIST" in os.environ:
    with np.load(os.environ["SKLIP_MNIST"]) as arrays:
        (X, y), (X_test, y_test) = ((arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test"))
else:
    (X, y), (X_test, y_test) = keras.datasets.mnist.load_data()
X, X_test = ((pictures / 255).reshape(len(pictures), -1).astype("float32") for pictures in (X, X_test))
X, y = X[: arguments.rows], y[: arguments.rows]

# %%
# One split and one score for all
# -------------------------------
# Every search trains on the same three quarters of the rows and is scored on the last quarter, so their results can be
# compared. With few rows the score is not precise, and the best of many trials was also lucky. Only the test pictures,
# at the end, say how good it is.
#
# The distance is Euclidean, in grey values from 0 to 1. Grid and random search accept several scores, those of
# :func:`sklip.metrics.certified_accuracy_scorers`, but halving accepts only one. For the same code in all searches, our
# score returns the certified accuracy and stores the accuracy in a dictionary of this process (with ``n_jobs`` it would
# stay in the workers). The last step of each search, a fit of its winner on all rows, is left out by ``refit=False``.
RADIUS = 0.5
certified_at_radius = certified_accuracy(RADIUS)
accuracies = {}


def score(model, X, y):
    """Return the certified accuracy, and keep the accuracy."""
    accuracies[str(model.get_params())] = model.score(X, y)
    return certified_at_radius(model, X, y)


rows = np.arange(len(X))
training, held_out = map(np.sort, train_test_split(rows, test_size=0.25, stratify=y, random_state=0))
split = PredefinedSplit(np.where(np.isin(rows, held_out), 0, -1))
common = {"scoring": score, "cv": split, "refit": False, "error_score": "raise", "verbose": 3}
print(f"{len(training)} pictures to train on, {len(held_out)} to choose by, {len(X_test)} to test")

Trial = namedtuple("Trial", "kind parameters accuracy certified complete")
trials = []
base = LipschitzMLP(hidden_layer_sizes=(64, 32), batch_size=64, epochs=arguments.epochs, random_state=0)


def collect(kind, search):
    """Fit one of scikit-learn's searches and keep its trials."""
    if kind not in arguments.searches:
        return
    print(f"\n{type(search).__name__}")
    start, results = time.perf_counter(), search.fit(X, y).cv_results_
    for parameters, certified in zip(results["params"], results["mean_test_score"], strict=True):
        model = clone(base).set_params(**parameters)
        complete = model.epochs == arguments.epochs
        trials.append(Trial(kind, parameters, accuracies[str(model.get_params())], certified, complete))
    print(f"{len(results['params'])} trials in {time.perf_counter() - start:.0f} s")


# %%
# A grid
# ------
# ``GridSearchCV`` tries every combination. Three parameters with two values each are eight trials already, and a fourth
# would double them. ``"auto"`` is a temperature of 2.8 here.
grid = {
    "temperature": [3.0, 10.0],
    "hidden_layer_sizes": [(64, 32), (128, 64)],
    "activation": ["groupsort2", "relu"],
}
while prod(map(len, grid.values())) > max(arguments.trials, 2):
    grid.popitem()
collect("grid", GridSearchCV(base, grid, **common))

# %%
# Random settings
# ---------------
# ``RandomizedSearchCV`` draws from distributions. ``n_iter`` sets its cost, for any number of parameters. Scales such
# as a temperature are drawn on a logarithmic axis. The search has a list of two spaces, so that each loss has only its
# own parameters.
#
# Plain gradient descent needs a much larger learning rate than Adam or RMSprop: the kernels keep their norms, so its
# gradients stay small. Separate rates for each optimizer would need four spaces; here only Optuna tries ``"sgd"``.
shared = {
    "hidden_layer_sizes": [(64,), (64, 32), (128, 64), (64, 64, 64)],
    "activation": ["groupsort2", "groupsort4", "abs", "relu"],
    "dropout": uniform(0.0, 0.2),
    "optimizer": ["adam", "rmsprop"],
    "learning_rate": loguniform(0.005, 0.05),
    "batch_size": [32, 64, 128],
}
spaces = [
    {**shared, "loss": ["cross_entropy"], "temperature": loguniform(2, 30), "margin_offset": uniform(0, 1)},
    {**shared, "loss": ["hkr"], "alpha": loguniform(3, 300), "min_margin": uniform(0.2, 1.8)},
]
collect("random", RandomizedSearchCV(base, spaces, n_iter=arguments.trials, random_state=0, **common))

# %%
# Successive halving
# ------------------
# ``HalvingRandomSearchCV`` draws the same number of settings but trains them for few epochs first. The best third is
# trained for three times as many epochs, and so on. The resource that it increases is a parameter of the classifier,
# ``epochs``.
halving = HalvingRandomSearchCV(
    base,
    spaces,
    n_candidates=max(arguments.trials, 2),
    resource="epochs",
    factor=3 if arguments.epochs >= 3 else 2,
    min_resources=max(1, arguments.epochs // 3),
    max_resources=arguments.epochs,
    random_state=1,
    return_train_score=False,
    **common,
)
collect("halving", halving)

# %%
# Optuna: choices that depend on choices
# --------------------------------------
# In Optuna a function draws a setting. In this function an ``if`` can draw further parameters: those of each loss, the
# width of an additional layer, the learning rate of an optimizer. Block "A" is a network whose layers become narrower,
# with sorted groups. Block "B" has three layers of the same width and other activations.
#
# Its sampler, TPE, uses the earlier trials to choose the next one.


def settings_of(trial):
    """Draw the parameters of a classifier."""
    block, width = trial.suggest_categorical("block", ["A", "B"]), trial.suggest_categorical("width", [48, 64, 128])
    if block == "A":
        sizes, activation = (width, width // 2), trial.suggest_categorical("groups", ["groupsort2", "groupsort4"])
    else:
        sizes, activation = (width,) * 3, trial.suggest_categorical("activation", ["abs", "relu"])
    if trial.suggest_categorical("extra_layer", [False, True]):
        sizes = (*sizes, trial.suggest_int("extra_width", 16, 48, step=16))
    loss = trial.suggest_categorical("loss", ["cross_entropy", "hkr"])
    if loss == "cross_entropy":
        own = {
            "temperature": trial.suggest_float("temperature", 2, 30, log=True),
            "margin_offset": trial.suggest_float("margin_offset", 0, 1),
        }
    else:
        own = {
            "alpha": trial.suggest_float("alpha", 3, 300, log=True),
            "min_margin": trial.suggest_float("min_margin", 0.2, 2),
        }
    optimizer = trial.suggest_categorical("optimizer", ["adam", "rmsprop", "sgd"])
    if optimizer == "sgd":
        rate = trial.suggest_float("sgd_learning_rate", 0.1, 3, log=True)
    else:
        rate = trial.suggest_float("learning_rate", 0.005, 0.05, log=True)
    return {
        "hidden_layer_sizes": sizes,
        "activation": activation,
        "loss": loss,
        **own,
        "optimizer": optimizer,
        "learning_rate": rate,
        "dropout": trial.suggest_float("dropout", 0, 0.2),
        "batch_size": trial.suggest_categorical("batch_size", [32, 64, 128]),
    }


class Pruning(keras.callbacks.Callback):
    """Report the held-out certified accuracy after each epoch, and end poor trials."""

    def __init__(self, trial):
        super().__init__()
        self.trial = trial

    def on_epoch_end(self, epoch, logs=None):
        """Report the epoch, and ask whether to stop."""
        self.trial.report(logs["val_certified_accuracy"], epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned


def objective(trial):
    """Train and score one setting."""
    model = clone(base).set_params(**settings_of(trial))
    watch = {}
    if arguments.prune:
        model.set_params(callbacks=[Pruning(trial)], epsilon=RADIUS)
        watch = {"X_val": X[held_out], "y_val": y[held_out]}
    certified = score(model.fit(X[training], y[training], **watch), X[held_out], y[held_out])
    trial.set_user_attr("accuracy", accuracies[str(model.get_params())])
    return certified


# %%
# With ``--journal FILE`` each trial is written to disk when it ends. If you run the same command again after an
# interruption, the study continues: complete trials count, the interrupted trial does not, and only the missing trials
# are run. The name of the study contains the rows and epochs, so trials that cannot be compared are not mixed. The seed
# of the sampler depends on the number of complete trials: with the same seed, a second run would begin with the draws
# of the first.
#
# Prior knowledge can be used: ``KNOWN``, the first trial, has an offset slightly above the radius and a low
# temperature. Parameters that it leaves out would be drawn.
KNOWN = {"block": "A", "width": 128, "groups": "groupsort2", "extra_layer": False, "dropout": 0.0, "batch_size": 64}
KNOWN |= {"loss": "cross_entropy", "temperature": 5.0, "margin_offset": 0.75}
KNOWN |= {"optimizer": "adam", "learning_rate": 0.02}

try:
    import optuna
except ImportError:
    optuna = None

if "optuna" in arguments.searches and optuna is None:
    print("\nOptuna is not installed: pip install 'scikit-lipschitz[search]'. Its search is left out.")
elif "optuna" in arguments.searches:
    from optuna.storages.journal import JournalFileBackend

    print("\nOptuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(JournalFileBackend(arguments.journal)) if arguments.journal else None,
        study_name=f"mnist, {arguments.rows} rows, {arguments.epochs} epochs",
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3) if arguments.prune else optuna.pruners.NopPruner(),
    )
    finished = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    done = len(study.get_trials(states=finished))
    study.sampler = optuna.samplers.TPESampler(seed=done, n_startup_trials=max(1, arguments.trials // 2))
    if not done:
        study.enqueue_trial(KNOWN, skip_if_exists=True)
    print(f"{done} trials were in the journal; {max(0, arguments.trials - done)} of {arguments.trials} are left to run")
    start = time.perf_counter()
    study.optimize(objective, n_trials=max(0, arguments.trials - done), show_progress_bar=True)
    for trial in study.get_trials(states=finished[:1]):
        # An earlier trial gives settings_of the values that it drew then.
        trials.append(Trial("optuna", settings_of(trial), trial.user_attrs["accuracy"], trial.value, True))
    pruned = len(study.get_trials(states=finished[1:]))
    print(
        f"{len(study.get_trials(states=finished))} trials, {pruned} of them pruned; {time.perf_counter() - start:.0f} s"
    )

if not trials:
    sys.exit("No search has run, so there is nothing to compare.")

# %%
# What was found
# --------------
# A trial is interesting if no other trial has both a higher accuracy and a higher certified accuracy. These trials form
# the Pareto front.


def on_front(trial):
    """Return whether no other trial is better in one of the two and as good in the other."""
    mine = (trial.accuracy, trial.certified)
    others = ((other.accuracy, other.certified) for other in trials)
    return not any(a >= mine[0] and c >= mine[1] and (a, c) != mine for a, c in others)


def in_words(parameters):
    """Return parameters as one line of text."""
    return ", ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in parameters.items())


front = sorted(filter(on_front, trials), key=lambda trial: trial.accuracy)
print(f"\n{len(trials)} trials; on the Pareto front (accuracy, certified at {RADIUS}, search, parameters):")
for trial in front:
    print(f"    {trial.accuracy:.4f}  {trial.certified:.4f}  {trial.kind:8}{in_words(trial.parameters)}")

# %%
# The setting with the largest certified accuracy is fitted again on all rows, and so is the classifier with its
# defaults. Both are evaluated on the test pictures.
best = max(trials, key=lambda trial: (trial.certified, trial.accuracy))
print(f"\nchosen by the {best.kind} search: {in_words(best.parameters)}")
predictions, table = {}, {}
for name, model in (
    ("best", clone(base).set_params(**{**best.parameters, "epochs": arguments.epochs})),
    ("default", LipschitzMLP(epochs=arguments.epochs, random_state=0)),
):
    model.fit(X, y)
    labels, radius = model.predict(X_test), model.certified_radius(X_test)
    predictions[name] = labels, radius
    table[name] = [certified_accuracy_score(y_test, labels, radius, distance) for distance in (0, 0.25, 0.5, 1)]
print(f"{'on the test pictures':24}" + "".join(f"{name:>9}" for name in table))
for place, words in enumerate(("accuracy", "certified at 0.25", "certified at 0.5", "certified at 1.0")):
    print(f"{words:24}" + "".join(f"{values[place]:9.4f}" for values in table.values()))

# %%
# The left picture shows the trials of all searches. Halving stopped the hollow ones early. The few trials that learned
# little are outside the picture. The right picture shows the certified accuracy on the test pictures.
figure, (plane, curve) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
for kind, color, marker in zip(SEARCHES, ("#0072b2", "#e69f00", "#009e73", "#d55e00"), "os^D", strict=True):
    for complete in (True, False):
        points = [trial[2:4] for trial in trials if trial.kind == kind and trial.complete == complete]
        face = color if complete else "none"
        label = kind if complete else None
        if points:
            plane.scatter(*zip(*points, strict=True), 36, face, marker=marker, edgecolors=color, label=label)
plane.scatter(best.accuracy, best.certified, 170, "none", edgecolors="#000000", label="best")
low = np.quantile([trial[2:4] for trial in trials], 0.2, axis=0)
high = np.max([trial[2:4] for trial in trials], axis=0)
(left, bottom), (right, top) = low - 0.08 * (high - low) - 0.002, high + 0.08 * (high - low) + 0.002
plane.set(xlim=(left, right), ylim=(bottom, top))
steps = [(left, front[0].certified), *(trial[2:4] for trial in front), (front[-1].accuracy, bottom)]
plane.step(*zip(*steps, strict=True), where="pre", color="#555555", linewidth=1, zorder=0, label="Pareto front")
plane.set(xlabel="accuracy", ylabel=f"certified accuracy at {RADIUS}")
plane.set_title("Trials, on held-out pictures", fontsize=11)
plane.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.13))

for (name, found), color in zip(predictions.items(), ("#d55e00", "#555555"), strict=True):
    CertifiedAccuracyDisplay.from_predictions(y_test, *found, name=name, ax=curve, curve_kwargs={"color": color})
curve.plot((0.25, 0.5, 1), table["best"][1:], "o", color="#d55e00")
for distance, share in zip((0.25, 0.5, 1), table["best"][1:], strict=True):
    curve.annotate(f"{share:.3f}", (distance, share), (4, 4), textcoords="offset points", fontsize=9)
curve.axvline(RADIUS, color="#999999", linewidth=0.8, linestyle="dotted")
curve.set(xlim=(0, 2.5), ylim=(0, 1.02))
curve.set_title("Certified accuracy on the test pictures", fontsize=11)
for axes in (plane, curve):
    axes.spines[["top", "right"]].set_visible(False)

if arguments.output:
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture written to {arguments.output}")
elif plt.get_backend().lower() != "agg":
    plt.show()
