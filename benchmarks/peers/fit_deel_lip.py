"""The two workloads as a user of deel-lip 1.5 runs them; prints the time of ``fit`` as JSON.

    python fit_deel_lip.py              # two moons
    python fit_deel_lip.py mnist.npz    # MNIST 0-8

deel-lip's hinge uses half of its ``min_margin``, hence the factors 2.
"""

import json
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from deel.lip.activations import GroupSort2
from deel.lip.layers import FrobeniusDense, SpectralDense
from deel.lip.losses import HKR
from sklearn.datasets import make_moons


def network(n_features, widths, margin, rate):
    """A compiled deel-lip network."""
    layers = [tf.keras.layers.Input((n_features,))]
    layers += [SpectralDense(width, activation=GroupSort2()) for width in widths]
    model = tf.keras.Sequential([*layers, FrobeniusDense(1)])
    model.compile(loss=HKR(alpha=10.0, min_margin=2 * margin), optimizer=tf.keras.optimizers.Adam(rate))
    return model


def balanced_batches(X, y, size, rng):
    """The demo's batches: half of each class."""
    classes = [np.flatnonzero(y > 0), np.flatnonzero(y < 0)]
    while True:
        rows = np.concatenate([rng.choice(members, size // 2, replace=False) for members in classes])
        yield X[rows], y[rows, None]


rng = np.random.default_rng(0)
tf.random.set_seed(0)
if len(sys.argv) == 1:
    X, labels = make_moons(5000, noise=0.05, random_state=0)
    X, y = X.astype("float32"), np.where(labels == 1, 1.0, -1.0).astype("float32")
    model = network(2, (256, 128, 64), 0.29, 0.01)
    start = time.perf_counter()
    model.fit(balanced_batches(X, y, 256, rng), steps_per_epoch=158, epochs=10, verbose=0)
else:
    with np.load(sys.argv[1]) as arrays:
        kept = np.isin(arrays["y_train"], (0, 8))
        X = (arrays["x_train"][kept] / 255.0).reshape(kept.sum(), -1).astype("float32")
        y = np.where(arrays["y_train"][kept] == 0, 1.0, -1.0).astype("float32")
    model = network(784, (32, 16), 1.0, 0.001)
    start = time.perf_counter()
    model.fit(X, y[:, None], batch_size=128, epochs=10, verbose=0)
seconds = time.perf_counter() - start
scores = model.predict(X, verbose=0, batch_size=4096)[:, 0]
print(json.dumps({"seconds": seconds, "accuracy": float(np.mean((scores > 0) == (y > 0)))}))
