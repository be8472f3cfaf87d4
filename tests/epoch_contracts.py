"""What every way to run epochs must do, on the Keras backend of the process."""

from tempfile import TemporaryDirectory

import keras
import numpy as np

from sklip.front_formulas import Front
from sklip.training import runtime
from sklip.training.batches import plan_batches
from sklip.training.state import TrainingState
from sklip.training.task import Architecture, Schedule, TrainingTask

FRESH = TrainingState([], "", [], 0, 7)


def data(n_scores, n_rows=90):
    """Inputs, targets and weights of a training, and the class numbers."""
    rng = np.random.default_rng(n_scores)
    n_classes = max(n_scores, 2)
    inputs = rng.standard_normal((n_rows, 5)).astype(np.float32)
    labels = np.argmax(inputs[:, :n_classes] + 0.3 * rng.standard_normal((n_rows, n_classes)), axis=1)
    own = labels[:, None] == (np.array([1]) if n_scores == 1 else np.arange(n_scores))
    rows = inputs, np.where(own, np.float32(1), np.float32(-1)), rng.uniform(0.5, 2, n_rows).astype(np.float32)
    return rows, labels


def task(n_scores=1, *, epochs=3, batch_size=20, held_out=True, scarce=False, front=None, **of_schedule):
    """A small training; with ``scarce`` batches that lack classes."""
    runtime.prepare()
    from sklip.architectures import MLP
    from sklip.losses import HKR
    from sklip.training.objective import Objective

    rows, labels = data(n_scores)
    n_classes = max(n_scores, 2)
    shares = np.bincount(labels, rows[2], n_classes) / rows[2].sum()
    settings = {"optimizer": "adam", "learning_rate": 0.05, "decay": "cosine", "jit_compile": False, **of_schedule}
    return TrainingTask(
        Architecture((5,), n_scores, MLP(hidden_layer_sizes=(8, 4)), front=front),
        Schedule(epochs, **settings),
        plan_batches(labels, rows[2], n_classes, 2 if scarce else batch_size, False),
        rows,
        Objective(HKR(alpha=5.0, min_margin=0.3, class_proportions=shares if scarce else None), epsilon=0.2),
        FRESH,
        tuple(array[::2] for array in rows) if held_out else None,
    )


TASKS = {
    "one score": {},
    "several scores": {"n_scores": 4},
    "descent, a constant rate, nothing held out": {
        "n_scores": 3, "optimizer": "sgd", "decay": "constant", "held_out": False
    },
    "batches that lack classes": {"n_scores": 4, "scarce": True, "learning_rate": 0.01},
    "the norm 1": {"front": Front(1, 5), "learning_rate": 0.01},
    "the norm inf": {"front": Front(np.inf, 5), "n_scores": 3, "learning_rate": 0.01},
    "ten steps": {"n_scores": 4, "epochs": 10, "batch_size": 90, "learning_rate": 0.01},
}  # fmt: skip


def histories():
    """The histories of all tasks, by name."""
    from sklip.training.loop import train

    return {name: train(task(**settings)).history for name, settings in TASKS.items()}


class Weights(keras.callbacks.Callback):
    """Notes the weights before and after each epoch."""

    def __init__(self):
        super().__init__()
        self.before, self.after = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.before.append(self.model.get_weights())

    def on_epoch_end(self, epoch, logs=None):
        self.after.append(self.model.get_weights())


RATES = (0.02, 0.0, 0.01)


def watched():
    """What callbacks see in three steps by RMSprop, an epoch each, whose learning rates one of them sets.

    The history; the terms of the weights before each epoch, by NumPy; how far each epoch moves a bias; and how far the
    weights in the file of a checkpoint are from those at the end of the last epoch.
    """
    from sklip.training.loop import train

    weights = Weights()
    with TemporaryDirectory() as folder:
        of_keras = (
            keras.callbacks.LearningRateScheduler(RATES.__getitem__),
            keras.callbacks.ModelCheckpoint(f"{folder}/saved.keras"),
        )
        whole = task(
            4, epochs=3, batch_size=1000, optimizer="rmsprop", decay="constant", held_out=False,
            callbacks=[weights, *of_keras],
        )  # fmt: skip
        history = train(whole).history
        saved = keras.models.load_model(f"{folder}/saved.keras", compile=False).get_weights()
    terms = [terms_of(whole.objective, whole.rows, before) for before in weights.before]
    steps = zip(weights.before, weights.after, strict=True)
    pairs = zip(saved, weights.after[-1], strict=True)
    return {
        "history": history,
        "terms": {name: [float(of_epoch[name]) for of_epoch in terms] for name in terms[0]},
        "moved": [float(np.abs(after[1] - before[1]).max()) for before, after in steps],
        "saved": max(float(np.abs(one - other).max()) for one, other in pairs),
    }


def terms_of(objective, rows, weights):
    """The terms of rows under a network of these weights, whose forward pass is NumPy's."""
    *hidden, heads, bias = weights
    values, targets, row_weights = rows
    for kernel, shift in zip(hidden[::2], hidden[1::2], strict=True):
        first, second = np.split(values @ kernel + shift, 2, axis=1)
        values = np.concatenate([np.minimum(first, second), np.maximum(first, second)], axis=1)
    scores = values @ heads + bias
    if scores.shape[1] == 1:
        right, margins = (targets > 0) == (scores > 0), targets * scores
    else:
        right = targets.argmax(axis=1) == scores.argmax(axis=1)
        own, others = targets > 0, scores.shape[1] - 1
        apart = np.linalg.norm(heads[:, :, None] - heads[:, None], axis=0)[own.argmax(axis=1)]
        gaps, distances = ((scores[own][:, None] - scores)[~own], apart[~own])
        margins = (gaps / distances).reshape(-1, others).min(axis=1)
    shares = {"accuracy": right, "certified_accuracy": margins > objective.epsilon}
    terms = {name: float(value) for name, value in objective.loss.terms(targets, scores, row_weights).items()}
    return terms | {name: np.average(np.ravel(share), weights=row_weights) for name, share in shares.items()}
